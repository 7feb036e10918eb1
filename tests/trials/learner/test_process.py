"""A trainer's process from outside: started, stopped, killed; the stand-in trainer serves faults only."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from trials.folder import TrialFolder
from trials.learner import process
from trials.learner.process import TrainerProcess

STAND_IN = """
import signal, subprocess, sys, time
from pathlib import Path
folder, how = Path(sys.argv[1]), Path(sys.argv[1], "how").read_text()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
(folder / "child").write_text(str(child.pid))
signal.signal(signal.SIGINT, signal.SIG_IGN if how == "deaf" else signal.default_int_handler)  # whatever was inherited
if how == "raises":
    print("working", flush=True)
    raise ValueError("Expected parameter logits to satisfy the constraint, but found nan")
if how == "set-up":
    print("working\\nset-up: the ONNX export must work before training starts", flush=True); sys.exit(3)
try:
    print("working", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    (folder / "exported").write_text("whole")
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialFolder:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "0000").mkdir()
    return TrialFolder(tmp_path / "0000")


def start(files: TrialFolder, how: str) -> TrainerProcess:
    (files.path / "how").write_text(how)
    trainer = TrainerProcess(files, 1, "stand_in")
    deadline = time.monotonic() + 30
    while "working" not in process.log_tail(files) and time.monotonic() < deadline:
        time.sleep(0.02)
    return trainer


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pid: int, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there after {seconds} s"
        time.sleep(0.05)


def test_stop_is_sigint_first_and_leaves_nothing_running(files: TrialFolder) -> None:
    trainer = start(files, "polite")
    trainer.stop(grace=20)
    assert (files.path / "exported").read_text() == "whole"
    assert trainer.status == 0
    wait_until_gone(int((files.path / "child").read_text()))


def test_a_trainer_deaf_to_sigint_is_killed_with_its_own_sessions(files: TrialFolder) -> None:
    trainer = start(files, "deaf")
    trainer.stop(grace=0.3)
    assert trainer.status == -signal.SIGKILL
    wait_until_gone(int((files.path / "child").read_text()))
    trainer.stop()  # again is harmless


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("raises", 1, "ValueError: Expected parameter logits to satisfy the constraint, but found nan"),
        ("set-up", process.SETUP_EXIT, "set-up: the ONNX export must work before training starts"),
    ],
)
def test_an_end_has_its_reason(files: TrialFolder, how: str, status: int, reason: str) -> None:
    trainer = start(files, how)
    trainer.wait(20)
    assert trainer.status == status
    assert process.reason(status, process.log_tail(files)) == reason


def test_a_kill_is_named() -> None:
    assert process.reason(-9, "") == "the trainer's process was killed by SIGKILL"


def test_exports_are_listed_by_steps_and_half_written_ones_are_not(files: TrialFolder) -> None:
    files.candidates.mkdir()
    for name in ("SoccerTwos-200.onnx", "SoccerTwos-1000.onnx", ".SoccerTwos-2000.onnx.abc", "notes.txt"):
        (files.candidates / name).touch()
    assert [steps for steps, _ in process.exported(files)] == [200, 1000]


def test_progress_before_the_first_step_is_zero(files: TrialFolder) -> None:
    assert process.read_progress(files) == (0, 0.0)
    files.progress.write_text(json.dumps({"step": 7, "seconds": 2.0, "time": 1.0}))
    assert process.read_progress(files) == (7, 2.0)


ORPHAN = """
import sys
from pathlib import Path
from trials.learner import launcher
launcher.PARENT_POLL_S, launcher.ORPHAN_GRACE_S = 0.05, 0.3
launcher._end_with_parent(launcher.StopFlag())
print("ready", flush=True)
import time; time.sleep(600)
"""


def test_a_trainer_dies_with_its_worker() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ORPHAN!r}])"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    (trainer,) = psutil.Process(worker.pid).children()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    wait_until_gone(trainer.pid)
