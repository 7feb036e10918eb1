"""A trial whose trainer dies goes on; whose fault its end was decides the rest."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from busy import busy
from one_trial import rated, spec_of
from patience import now

from trials.arena.ratings.ladder import Rated
from trials.events import TrialRated, TrialResumed
from trials.folder import RunFolder
from trials.learner import progress
from trials.records import Training, TrialSpec
from trials.trial import RETRIES, Heartbeat, Trial

STAND_IN = """
import json, os, signal, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
signal.signal(signal.SIGINT, signal.default_int_handler)
orders = (folder / "orders").read_text().split("\\n")
(folder / "orders").write_text("\\n".join(orders[1:]))
how, step = orders[0].split()
def progress(step):
    before = folder / "progress.json"
    earlier = json.loads(before.read_text()).get("earlier", 0.0) if before.exists() else 0.0
    said = {"step": step, "resumed": max(0, step - 400), "seconds": 2.0, "time": time.time(), "earlier": earlier}
    (folder / "new").write_text(json.dumps(said))
    (folder / "new").replace(folder / "progress.json")
def export(step):
    (folder / "candidates" / f"SoccerTwos-{step}.onnx").write_text("policy")
progress(int(step))
if how == "killed": os.kill(os.getpid(), signal.SIGKILL)
if how == "whole": export(int(step))
if how == "hangs": time.sleep(600)
while how == "works": pass
if how == "nan": print("trial: losses must be numbers, but Losses/Policy Loss is nan"); sys.exit(1)
if how == "full": print("set-up: the disk must have room"); sys.exit(3)
if how == "wire": print("machine: UnityTimeOutException: The Unity environment took too long"); sys.exit(4)
"""

LATEST = "the environment ended at step 700 of 1,000"


def no_matches(path: Path, seed: int) -> Rated:
    """Of what a stand-in exports, which is no policy."""
    return rated(Path("random"), seed)


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trial]:
    (tmp_path / "stand_in_trainer.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def start(*orders: str, spec: TrialSpec | None = None) -> Trial:
        run = RunFolder(tmp_path / "run")
        run.trial(0).path.mkdir(parents=True, exist_ok=True)
        if orders:
            (run.trial(0).path / "orders").write_text("\n".join(orders))
        return Trial(spec or spec_of(1000), run, no_matches, "stand_in_trainer")

    return start


def lived(trial: Trial, seconds: float = 500.0) -> list[Any]:
    """Everything that happens to a trial but signs of life, to its end."""
    news: list[Any] = []
    deadline = now() + seconds
    while not (news and isinstance(news[-1], Training)) and now() < deadline:
        happened = trial.advance(1.0)
        if not isinstance(happened, Heartbeat):
            news.append(happened)
    return news


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("killed 700", "the trainer's process was killed by SIGKILL"),
        ("wire 700", "machine: UnityTimeOutException: The Unity environment took too long"),
        ("early 700", LATEST),
    ],
)
def test_what_the_machine_broke_goes_on(order: str, reason: str, begin: Callable[..., Trial]) -> None:
    resumed, last, end = lived(begin(order, "whole 1000"))
    assert isinstance(resumed, TrialResumed) and isinstance(last, TrialRated)
    assert (resumed.reason, resumed.reached, resumed.resumed) == (reason, 700, 600)
    assert (end.fault, end.reason, end.steps, end.train_seconds) == ("none", "", 1000, 4.0)
    assert end.candidate == last.candidate and end.process_seconds > 0


@pytest.mark.parametrize(("order", "fault"), [("nan 500", "trial"), ("full 500", "setup")])
def test_what_no_machine_broke_does_not(order: str, fault: str, begin: Callable[..., Trial]) -> None:
    (end,) = lived(begin(order, "whole 1000"))
    assert end.fault == fault and end.steps == 500
    assert end.reason.startswith(("trial: losses must be numbers", "set-up: the disk must have room"))
    assert end.reason in end.log_tail


def test_a_machine_that_fails_it_again_and_again_is_given_up(begin: Callable[..., Trial]) -> None:
    *resumes, end = lived(begin(*["killed 100"] * (RETRIES + 3)))
    assert len(resumes) == RETRIES and all(isinstance(news, TrialResumed) for news in resumes)
    assert end.fault == "machine" and "SIGKILL" in end.reason
    assert "after 3 new starts" in end.reason


def test_a_trial_that_a_person_stopped_has_all_its_new_starts_after_it(begin: Callable[..., Trial]) -> None:
    first = begin("works 500")
    while not first.files.progress.exists():
        first.process.wait(0.1)
    first.stop()
    *resumes, end = lived(begin(*["killed 700"] * (RETRIES + 3)))
    assert [resumed.reason for resumed in resumes][1:] == ["the trainer's process was killed by SIGKILL"] * RETRIES
    assert f"given up after {RETRIES} new starts" in end.reason


def test_a_hanging_trainer_is_ended_and_goes_on(begin: Callable[..., Trial]) -> None:
    resumed, last, end = lived(begin("hangs 700", "whole 1000", spec=spec_of(1000, stall_seconds=3.0)))
    assert resumed.reason == "no trainer step for 3 s at step 700" and end.fault == "none"
    assert isinstance(last, TrialRated)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to a core")
def test_a_trainer_that_is_dealt_no_processor_does_not_hang(begin: Callable[..., Trial]) -> None:
    trial, core = begin("works 700", spec=spec_of(1000, stall_seconds=1.5)), min(os.sched_getaffinity(0))
    while not trial.files.progress.exists():
        trial.process.wait(0.1)
    try:
        with busy(4, core):
            os.sched_setaffinity(trial.process.pid, {core})
            os.setpriority(os.PRIO_PROCESS, trial.process.pid, 19)
            if (group := Path(f"/proc/{trial.process.pid}/autogroup")).exists():  # sessions share a core, not processes
                group.write_text("19")
            for _ in range(4):
                assert trial.advance(1.0) == Heartbeat(700, 200.0)
    finally:
        trial.process.stop(grace=0)


def test_a_trial_goes_on_in_another_worker(begin: Callable[..., Trial]) -> None:
    first = begin("hangs 700", "whole 1000")
    while not first.files.progress.exists():
        first.process.wait(0.1)
    first.process.stop(grace=0)  # as by the death of its worker, which takes the trainer along
    resumed, last, end = lived(begin())
    assert (resumed.reason, resumed.reached) == ("its worker died", 700)
    assert last.rung == 1000 and end.fault == "none"


def test_the_time_of_all_its_workers_counts(begin: Callable[..., Trial]) -> None:
    for order in ("hangs 300", "hangs 600"):
        dying = begin(order)
        while not progress.read(dying.files).time:
            dying.process.wait(0.1)
        dying.process.stop(grace=0)
    *_, end = lived(begin("whole 1000"))
    assert end.train_seconds == 3 * 2.0  # two each, as the stand-in says


def test_stopping_while_it_goes_on_is_no_fault(begin: Callable[..., Trial]) -> None:
    trial = begin("killed 300", "hangs 300")
    while not isinstance(trial.advance(0.5), TrialResumed):
        pass
    trial.files.stop.touch()
    assert trial.process.status is None
    trial.process.stop(grace=0)
    end = trial.advance(1.0)
    assert isinstance(end, Training) and end.steps == 300


def test_a_real_training_goes_on_past_a_kill_and_a_torn_checkpoint(tmp_path: Path) -> None:
    spec = spec_of(9000, behavior={"checkpoint_interval": 1500})
    trial = Trial(spec, RunFolder(tmp_path / "run"), rated)
    killed, news = 0, []
    while not (news and isinstance(news[-1], Training)):
        happened = trial.advance(0.1)
        if not isinstance(happened, Heartbeat):
            news.append(happened)
        elif killed < 2 and happened.step > (2500, 5500)[killed] and trial.process.status is None:
            if killed == 1:
                current = trial.files.results / "SoccerTwos" / "checkpoint.pt"
                os.truncate(current, current.stat().st_size // 2)
                trial.files.training_status.write_text('{"SoccerTwos": {')
            os.kill(trial.process.pid, signal.SIGKILL)
            killed += 1
    one, two, last, end = news
    for resumed in (one, two):
        assert isinstance(resumed, TrialResumed) and "SIGKILL" in resumed.reason
        assert 0 < resumed.resumed <= resumed.reached
        assert resumed.reached - resumed.resumed <= 1500 + 300  # a checkpoint interval, and a second's unreported steps
    assert isinstance(last, TrialRated) and last.candidate.steps >= 9000
    assert end.fault == "none" and end.steps >= 9000
    steps = [row["step"] for row in map(yaml.safe_load, trial.files.metrics.read_text().splitlines())]
    assert max(steps) == 9000


def test_what_an_environment_that_ended_early_left_is_not_the_whole_trainings_policy(
    begin: Callable[..., Trial],
) -> None:
    resumed, last, end = lived(begin("whole 700", "whole 1000"))
    assert isinstance(resumed, TrialResumed) and (resumed.reason, resumed.reached) == (LATEST, 700)
    assert last.rung == 1000 and last.candidate.steps == 1000 and end.candidate == last.candidate
