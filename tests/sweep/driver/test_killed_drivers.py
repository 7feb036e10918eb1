"""A driver killed at any moment of a sweep's life, ten times over, and resumed each time; `make faults`."""

import itertools
import json
import os
import random
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import psutil
import pytest
from patience import now, survivors
from real_sweep import SPACE, SWEEP, plain_environ, run_sweep

from trials import ledger
from trials.events import Event, FreshRated, SweepEnded, TrialBegan, TrialEnded, TrialRated, TrialResumed
from trials.folder import RunFolder
from trials.learner import process, progress

pytestmark = pytest.mark.faults
HEAD = "| the driver was killed | over | steps reached | steps lost | all gone after, s | what it came to |"
TRIALS, STEPS, INTERVAL = 6, 12_000, 2000
RUNGS = STEPS // 2, STEPS
COURSE = {"hyperparameters.learning_rate": 0.0005, "hyperparameters.num_epoch": 3}
A_TRAJECTORY = 64 * 16
"""A trainer counts steps a trajectory at a time: `time_horizon` decisions of each of the fields' agents."""
MARK = "TEST_SWEEP_MARK"
T = TypeVar("T")


@dataclass
class Life:
    """A sweep's drivers, one after another; everything they start carries a mark in its environment."""

    run: RunFolder
    space: Path
    seed: int
    drivers: int = 0
    before: int = 0
    """Bytes of the ledger when the driver of now began."""
    known: int = 0
    """Events in it then."""
    mark: str = ""

    def start(self) -> "subprocess.Popen[bytes]":
        self.before, self.mark = self.size(), self.mark or uuid4().hex
        self.known = len(ledger.read(self.run.ledger)) if self.before else 0
        words = ["resume", str(self.run.path)]
        if not self.run.ledger.exists():
            words = ["run", str(self.space), "--trials", str(TRIALS), "--steps", str(STEPS), "--slots", "2"]
            words += ["--seed", str(self.seed), "--out", str(self.run.path)]
        self.drivers += 1
        with (self.run.path.parent / f"driver-{self.drivers}.err").open("wb") as errors:
            return subprocess.Popen(
                [*SWEEP, *words],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=plain_environ() | {MARK: self.mark},
                start_new_session=True,
            )

    def size(self) -> int:
        return self.run.ledger.stat().st_size if self.run.ledger.exists() else 0

    def new(self, kind: type[T]) -> list[T]:
        """Events of a kind that the driver of now wrote."""
        if self.size() == self.before:
            return []
        return [event for event in ledger.read(self.run.ledger)[self.known :] if isinstance(event, kind)]

    def left(self) -> list[psutil.Process]:
        """What the drivers so far have started and still lives."""
        found = []
        for each in psutil.process_iter():
            try:
                if each.environ().get(MARK) == self.mark and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
            except psutil.Error:
                continue
        return found


Moment = Callable[[Life], bool]


def trained(life: Life) -> bool:
    """A trainer of now makes steps."""
    running = any(where.step > where.resumed and time.time() - where.time < 2 for where in wheres(life))
    return running and bool(life.new(TrialBegan))


def wheres(life: Life) -> list[progress.Where]:
    return [progress.read(life.run.trial(number)) for number in range(TRIALS)]


def rating(life: Life) -> bool:
    """A policy has reached a rung that the ledger has no rating of."""
    rated: dict[int, int] = defaultdict(int)
    for event in ledger.read(life.run.ledger) if life.run.ledger.exists() else ():
        if isinstance(event, TrialRated):
            rated[event.candidate.trial] += 1
    for number in {event.spec.number for event in life.new(TrialBegan)}:
        found = process.exported(life.run.trial(number))
        if rated[number] < len(RUNGS) and found and found[-1][0] >= RUNGS[rated[number]]:
            return True
    return False


def last_rung(life: Life) -> bool:
    return any(event.rung == STEPS for event in life.new(TrialRated))


MOMENTS: tuple[tuple[str, Moment, float], ...] = (
    ("starting up", lambda life: True, 6.0),
    ("at the sweep's first line", lambda life: life.size() > life.before, 0.0),
    ("at a trial's first line", lambda life: bool(life.new(TrialBegan)), 0.0),
    ("training", trained, 4.0),
    ("rating", rating, 0.2),
    ("at a rung's line", lambda life: bool(life.new(TrialRated)), 0.0),
    ("between the last rung and the end", last_rung, 0.0),
    ("between proposals", lambda life: bool(life.new(TrialEnded)), 0.1),
    ("in the finals", lambda life: any(life.run.path.glob("fresh_matches/*")), 0.0),
    ("writing the report", lambda life: bool(life.new(SweepEnded)), 0.3),
)
"""When a driver is killed: a name, what has to be so, and how many seconds later at most."""


def kill(life: Life, moment: Moment, later: float, wait: bool = True) -> tuple[float, dict[int, int]] | None:
    """Start a driver and kill it at the moment: seconds until all was gone, steps reached then by trial.

    None where it came to its end before.
    """
    driver = life.start()
    deadline = now() + 900
    try:
        while not moment(life):
            if driver.poll() is not None:
                assert driver.returncode == 0, (life.run.path.parent / f"driver-{life.drivers}.err").read_text()
                return None
            assert now() < deadline, [p.cmdline() for p in life.left()]
            time.sleep(0.0005)
        time.sleep(later)
        reached = {number: where.step for number, where in enumerate(wheres(life))}
    finally:
        driver.kill()
    driver.wait()
    began = time.monotonic()
    while wait and (those := life.left()):
        assert survivors(those, 20) == []
    return time.monotonic() - began, reached


def told(life: Life, name: str, found: tuple[float, dict[int, int]], earlier: list[Event]) -> str:
    """A row of the table, after the ledger was read and found to go on from `earlier`."""
    events = ledger.read(life.run.ledger) if life.run.ledger.exists() else []
    assert events[: len(earlier)] == earlier
    over = {event.trial for event in events if isinstance(event, TrialEnded)}
    began = {event.spec.number for event in events if isinstance(event, TrialBegan)}
    reached = {number: step for number, step in found[1].items() if number in began - over}
    steps = ", ".join(f"{number}: {step:,}" for number, step in reached.items()) or "-"
    return f"| {name} | {len(over)} of {TRIALS} | {steps} | LOST | {found[0]:.1f} |"


def check(life: Life) -> dict[int, list[int]]:
    """What must hold of a sweep at its end, however often its driver died; steps lost by trial."""
    events = ledger.read(life.run.ledger)
    params: dict[int, set[str]] = defaultdict(set)
    for event in events:
        if isinstance(event, TrialBegan):
            params[event.spec.number].add(json.dumps([dict(event.spec.params), event.spec.seed], sort_keys=True))
    assert sorted(params) == list(range(TRIALS))
    assert all(json.loads(each)[0] == COURSE for each in params[0]), params[0]
    assert all(len(each) == 1 for each in params.values()), params
    assert len({json.loads(next(iter(each)))[0]["hyperparameters.learning_rate"] for each in params.values()}) == TRIALS
    assert sorted(event.trial for event in events if isinstance(event, TrialEnded)) == list(range(TRIALS))
    ends = {event.trial: at for at, event in enumerate(events) if isinstance(event, TrialEnded)}
    rated: dict[tuple[int, int], int] = {}
    lost: dict[int, list[int]] = defaultdict(list)
    for at, event in enumerate(events):
        if isinstance(event, TrialRated):
            key = event.candidate.trial, event.rung
            assert key not in rated and at < ends[key[0]]
            rated[key] = at
        if isinstance(event, TrialBegan):
            assert at < ends[event.spec.number]
        if isinstance(event, TrialResumed):
            lost[event.trial].append(event.reached - event.resumed)
            assert lost[event.trial][-1] <= INTERVAL + A_TRAJECTORY, event
    states = {event.state for event in events if isinstance(event, TrialEnded)}
    assert states <= {"complete", "pruned"}, states
    assert any(isinstance(event, FreshRated) for event in events)
    (complete,) = [event for event in events if isinstance(event, SweepEnded)]
    assert complete.state == "complete" and life.run.report.is_file()
    return lost


def sweep_of(folder: Path, seed: int) -> Life:
    text = SPACE.replace("checkpoint_interval: 200000", f"checkpoint_interval: {INTERVAL}")
    (folder / "tiny.yaml").write_text(text)
    return Life(RunFolder(folder / "run"), folder / "tiny.yaml", seed)


def to_its_end(life: Life, killed: list[tuple[str, Moment, float]], wait: bool = True) -> list[str]:
    """Kill a driver at every moment, then resume once more; rows for the table, steps lost filled in.

    `wait`: until all it had started is gone, before the next one starts.
    """
    rows: list[str] = []
    marks: list[int] = []
    earlier: list[Event] = []
    for name, moment, later in killed:
        found = kill(life, moment, later, wait)
        if found is None:
            rows.append(f"| {name}: it had ended before | - | - | - | - |")
            marks.append(len(earlier))
            continue
        rows.append(told(life, f"{name}, +{later:.2f} s", found, earlier))
        earlier = ledger.read(life.run.ledger) if life.run.ledger.exists() else []
        marks.append(len(earlier))
    ended = [event for event in earlier if isinstance(event, SweepEnded)]
    done = run_sweep("resume" if life.run.ledger.exists() else "run", str(life.run.path))
    assert done.returncode == 0, (ended, done.stdout + done.stderr)
    events = ledger.read(life.run.ledger)
    for at, row in enumerate(rows):
        new = events[marks[at] : marks[at + 1] if at + 1 < len(marks) else None]
        lost = [event.reached - event.resumed for event in new if isinstance(event, TrialResumed)]
        rows[at] = row.replace("LOST", ", ".join(f"{each:,}" for each in lost) or "0") + f" {len(new)} more events |"
    return rows


@pytest.mark.timeout(3600)
def test_ten_drivers_of_one_sweep_are_killed(tmp_path: Path, table: list[str]) -> None:
    seed = int(os.environ.get("KILL_SEED", "1"))
    draw = random.Random(seed)
    life = sweep_of(tmp_path, seed)
    rows = to_its_end(life, [(name, moment, draw.uniform(0, later)) for name, moment, later in MOMENTS])
    check(life)
    table += rows


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(int(os.environ.get("KILL_SEEDS", "2"))))
def test_a_driver_is_killed_at_a_moment_drawn_from_its_whole_life(seed: int, tmp_path: Path, table: list[str]) -> None:
    draw = random.Random(1000 + seed)
    life = sweep_of(tmp_path, seed)
    moments = list(itertools.repeat(("anywhere", lambda life: True), 3))
    rows = to_its_end(life, [(name, moment, draw.uniform(0, 40)) for name, moment in moments])
    check(life)
    table += rows


@pytest.mark.timeout(3600)
def test_a_sweep_is_resumed_at_once(tmp_path: Path, table: list[str]) -> None:
    """What the dead drivers left is still there when the next one begins."""
    life = sweep_of(tmp_path, 7)
    draw = random.Random(7)
    rows = to_its_end(life, [("training, resumed at once", trained, draw.uniform(0, 4)) for _ in range(3)], wait=False)
    check(life)
    table += rows
