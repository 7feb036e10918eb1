"""The fault table: each fault done for real to a real training, and what it cost; `make faults` prints it.

Rows of one process tree; those of a whole sweep (worker, driver) are in tests/sweep/driver/test_fault_table.py.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bad_executables
import one_trial
import psutil
import pytest
from one_trial import rated
from patience import now

from trials.events import TrialResumed
from trials.folder import RunFolder
from trials.learner import process_tree
from trials.records import Training, TrialSpec
from trials.soccer.executable import launcher
from trials.trial import Heartbeat, Trial

pytestmark = pytest.mark.faults
STEPS, INTERVAL = 40_000, 5000


def spec_of(executable: Path | None, **more: Any) -> TrialSpec:
    given = {"executable": str(executable) if executable else None, "stall_seconds": 60.0}
    return one_trial.spec_of(STEPS, behavior={"checkpoint_interval": INTERVAL}, **given | more)


@dataclass
class Outcome:
    """What a fault did."""

    news: list[Any]
    struck_at: int
    lost: int | None
    """Trainer steps that had to be done again."""
    seconds: float | None
    """From the fault to the first new step."""
    left: list[str]

    @property
    def end(self) -> Training:
        end = self.news[-1]
        assert isinstance(end, Training)
        return end


def left_of(folder: Path) -> list[str]:
    """Processes of a tree in `folder` that are still there, by their mark or by their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            mark = process.environ().get(process_tree.MARK, "")
            if str(folder) in mark or str(folder) in " ".join(process.cmdline()):
                found.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def live(trial: Trial, strike: Callable[[Trial], None] | None, at: int = 12_000, limit: float = 300.0) -> Outcome:
    """Advance a trial to its end, striking once it has passed `at` steps."""
    news: list[Any] = []
    struck, where, lost, again = 0.0, 0, None, None
    deadline = now() + limit
    while not (news and isinstance(news[-1], Training)):
        assert now() < deadline, news
        happened = trial.advance(0.1)
        if isinstance(happened, Heartbeat):
            if strike is not None and not struck and happened.step >= at:
                where, struck = happened.step, now()
                strike(trial)
            elif struck and lost is not None and again is None and happened.steps_per_second > 0:
                again = now() - struck
        else:
            news.append(happened)
            if isinstance(happened, TrialResumed):
                lost = happened.reached - happened.resumed
    time.sleep(0.5)
    return Outcome(news, where, lost, again, left_of(trial.files.path))


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    path = tmp_path / "SoccerTwos.x86_64"
    launcher.install(path)
    return path


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    rows: list[str] = []
    yield rows
    print("\n\n| fault | when, steps | steps lost | seconds until it went on | end | left running |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


def row(table: list[str], fault: str, found: Outcome) -> None:
    seconds = "-" if found.seconds is None else f"{found.seconds:.1f}"
    end = found.end.reason or f"whole, {found.end.steps:,} steps"
    lost = "-" if found.lost is None else f"{found.lost:,}"
    table.append(
        f"| {fault} | {found.struck_at or '-'} | {lost} | {seconds} | {end} | {len(found.left) or 'nothing'} |"
    )


def goes_on(found: Outcome) -> None:
    assert found.end.fault == "none" and found.end.steps >= STEPS, found.end
    assert any(isinstance(news, TrialResumed) for news in found.news)
    assert found.lost is not None and found.lost <= INTERVAL + 2000  # an interval, and what the last report misses
    assert found.left == []


def environment_of(trial: Trial) -> psutil.Process:
    (found,) = [
        process
        for process in psutil.Process(trial.process.pid).children(recursive=True)
        if "trials.soccer.executable" in " ".join(process.cmdline()) or "bad_executables" in " ".join(process.cmdline())
    ]
    return found


@pytest.mark.parametrize("wire", (False, True), ids=("embedded", "executable"))
def test_the_trainer_is_killed(wire: bool, executable: Path, tmp_path: Path, table: list[str]) -> None:
    trial = Trial(spec_of(executable if wire else None), RunFolder(tmp_path / "run"), rated)
    found = live(trial, lambda trial: os.kill(trial.process.pid, signal.SIGKILL))
    row(table, f"kill -9 of the trainer ({'executable' if wire else 'embedded'})", found)
    goes_on(found)


def test_the_environment_is_killed(executable: Path, tmp_path: Path, table: list[str]) -> None:
    trial = Trial(spec_of(executable), RunFolder(tmp_path / "run"), rated)
    found = live(trial, lambda trial: environment_of(trial).kill())
    row(table, "kill -9 of the environment", found)
    goes_on(found)


def test_the_environment_hangs(executable: Path, tmp_path: Path, table: list[str]) -> None:
    trial = Trial(spec_of(executable, stall_seconds=20.0), RunFolder(tmp_path / "run"), rated)
    found = live(trial, lambda trial: environment_of(trial).suspend())
    row(table, "the environment hangs (SIGSTOP; 20 s are allowed)", found)
    goes_on(found)


def test_the_trainer_hangs(tmp_path: Path, table: list[str]) -> None:
    trial = Trial(spec_of(None, stall_seconds=20.0), RunFolder(tmp_path / "run"), rated)
    found = live(trial, lambda trial: psutil.Process(trial.process.pid).suspend())
    row(table, "the trainer hangs (SIGSTOP; 20 s are allowed)", found)
    goes_on(found)


def test_a_checkpoint_is_torn(tmp_path: Path, table: list[str]) -> None:
    def tear(trial: Trial) -> None:
        os.kill(trial.process.pid, signal.SIGKILL)
        current = trial.files.results / "SoccerTwos" / "checkpoint.pt"
        os.truncate(current, current.stat().st_size // 2)
        newest = max(current.parent.glob("SoccerTwos-*.pt"), key=lambda path: path.stat().st_mtime)
        os.truncate(newest, 100)
        trial.files.training_status.write_text("{")

    trial = Trial(spec_of(None), RunFolder(tmp_path / "run"), rated)
    found = live(trial, tear, at=22_000)
    row(table, "kill -9 of the trainer, its last two checkpoints and its status torn", found)
    assert found.end.fault == "none" and found.left == []
    assert found.lost is not None and found.lost <= 2 * INTERVAL + 2000


def test_the_disk_is_full(tmp_path: Path, table: list[str]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(disk)], check=False).returncode
    ):
        pytest.skip("a small disk of one's own (mount -t tmpfs) needs root")
    try:

        def fill(trial: Trial) -> None:
            with (disk / "filler").open("wb") as file:
                file.write(b"\0" * (shutil.disk_usage(disk).free - 50 * 2**20))

        trial = Trial(spec_of(None), RunFolder(disk / "run"), rated)
        found = live(trial, fill)
        row(table, "the disk fills up", found)
        assert found.end.fault == "setup" and "the disk must have" in found.end.reason
        assert found.end.candidate is not None and found.left == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("kind", ("exits", "foreign"))
def test_an_executable_that_cannot_work_stops_the_sweep(kind: str, tmp_path: Path, table: list[str]) -> None:
    bad = bad_executables.write(tmp_path, kind)
    trial = Trial(spec_of(bad), RunFolder(tmp_path / "run"), rated)
    found = live(trial, None)
    row(table, f"an executable that {'exits at once' if kind == 'exits' else 'answers another protocol'}", found)
    assert found.end.fault == "setup" and "sweep doctor --env" in found.end.reason and found.left == []


def test_an_executable_that_crashes_again_and_again_is_given_up(tmp_path: Path, table: list[str]) -> None:
    bad = bad_executables.write(tmp_path, "crashes", steps=40)
    trial = Trial(spec_of(bad), RunFolder(tmp_path / "run"), rated)
    found = live(trial, None)
    row(table, "an executable that crashes after 40 steps, whenever it is started", found)
    assert found.end.fault == "machine" and "given up after 3 new starts" in found.end.reason and found.left == []


@pytest.mark.parametrize("times", (1, 2))
def test_it_is_stopped(times: int, executable: Path, tmp_path: Path, table: list[str]) -> None:
    trial = Trial(spec_of(executable), RunFolder(tmp_path / "run"), rated)
    took: list[float] = []

    def stop(trial: Trial) -> None:
        began = now()
        for _ in range(times):
            os.kill(trial.process.pid, signal.SIGINT)
        trial.stop()
        took.append(now() - began)

    found = live(trial, stop)
    found.seconds = took[0]
    row(table, f"SIGINT {'once' if times == 1 else 'twice'} (seconds until all was exported and gone)", found)
    assert found.end.fault == "none" and found.end.candidate is not None and found.left == []
    assert found.struck_at <= found.end.candidate.steps < STEPS
