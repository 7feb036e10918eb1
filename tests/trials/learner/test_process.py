"""A trainer's process from outside: started, stopped, killed; the stand-in trainer serves faults only."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from patience import now, survivors

from trials.folder import TrialFolder
from trials.learner import process, process_tree, trainer_log
from trials.learner.process import TrainerProcess

GONE_S = 2.0

STAND_IN = """
import signal, subprocess, sys, time
from pathlib import Path
folder, how = Path(sys.argv[1]), Path(sys.argv[1], "how").read_text()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
(folder / "child").write_text(str(child.pid))
bare = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, env={})
(folder / "bare").write_text(str(bare.pid))  # bears no mark
signal.signal(signal.SIGINT, signal.SIG_IGN if how == "deaf" else signal.default_int_handler)  # whatever was inherited
if how == "raises":
    print("working", flush=True)
    raise ValueError("Expected parameter logits to satisfy the constraint, but found nan")
if how == "talks":  # about 1 MB a second
    for number in range(10**9):
        print(f"working {number} " + 1000 * "x", flush=True)
        time.sleep(0.001)
if how == "set-up":
    print("working\\nset-up: the ONNX export must work before training starts", flush=True); sys.exit(3)
try:
    print("working", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    (folder / "exported").write_text("whole")
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrialFolder]:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "0000").mkdir()
    yield TrialFolder(tmp_path / "0000")
    for left in tmp_path.glob("*/bare"):  # where a test never looked, nothing tells whose these are
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):
            process_left = psutil.Process(int(left.read_text()))
            if "import time; time.sleep(600)" in process_left.cmdline():
                process_left.kill()


def start(files: TrialFolder, how: str) -> TrainerProcess:
    (files.path / "how").write_text(how)
    trainer = TrainerProcess(files, 1, "stand_in")
    deadline = now() + 30
    while "working" not in trainer_log.tail(files) and now() < deadline:
        time.sleep(0.02)
    return trainer


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pid_of(files: TrialFolder, who: str) -> int:
    return int((files.path / who).read_text())


def wait_until_gone(pid: int, seconds: float = 10) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        assert survivors([psutil.Process(pid)], seconds) == []


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
    trainer.wait(120)
    assert trainer.status == status
    assert trainer_log.cause(status, trainer_log.tail(files)) == reason


def test_exports_are_listed_by_steps_and_half_written_ones_are_not(files: TrialFolder) -> None:
    files.candidates.mkdir()
    for name in ("SoccerTwos-200.onnx", "SoccerTwos-1000.onnx", ".SoccerTwos-2000.onnx.abc", "notes.txt"):
        (files.candidates / name).touch()
    assert [steps for steps, _ in process.exported(files)] == [200, 1000]


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


def test_a_killed_trainers_sessions_are_remembered_and_killed(files: TrialFolder) -> None:
    trainer = start(files, "deaf")
    assert trainer.status is None  # a look
    os.kill(trainer.pid, signal.SIGKILL)
    trainer.wait(120)
    assert trainer.status == -signal.SIGKILL
    for who in ("child", "bare"):
        wait_until_gone(pid_of(files, who), GONE_S)


def test_what_was_never_seen_before_its_parent_died_is_known_by_its_mark(files: TrialFolder) -> None:
    trainer = start(files, "deaf")
    os.kill(trainer.pid, signal.SIGKILL)
    psutil.Process(trainer.pid).wait(60)
    try:
        assert trainer.status is not None
        wait_until_gone(pid_of(files, "child"), GONE_S)
        assert not gone(pid_of(files, "bare")), "this one nothing tells, so the test above shows memory"
    finally:
        os.kill(pid_of(files, "bare"), signal.SIGKILL)


def test_what_a_trainer_leaves_running_at_its_own_end_is_killed(files: TrialFolder) -> None:
    trainer = start(files, "polite")
    assert trainer.status is None
    os.kill(trainer.pid, signal.SIGINT)
    trainer.wait(120)
    assert trainer.status == 0
    for who in ("child", "bare"):
        wait_until_gone(pid_of(files, who), GONE_S)


def test_a_pid_that_was_dealt_out_again_is_nobody_we_know() -> None:
    nest = "import subprocess; subprocess.run(['sleep', '600'])"
    stranger = subprocess.Popen([sys.executable, "-c", nest])
    while not (children := psutil.Process(stranger.pid).children()):
        time.sleep(0.02)
    family = process_tree.Family("".__gt__, stranger.pid)
    (member,) = family._members
    member._ident = (stranger.pid, 1.0)  # as if remembered long ago
    family.end()
    assert stranger.poll() is None and not gone(children[0].pid)
    children[0].kill()
    stranger.wait()


def test_looks_are_a_second_apart_however_often_one_asks(files: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = start(files, "polite")
    looks: list[float] = []
    monkeypatch.setattr(trainer._family, "look", lambda: looks.append(time.monotonic()))
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert trainer.status is None
    monkeypatch.undo()
    trainer.stop(grace=20)
    assert len(looks) == 2
    assert looks[1] - looks[0] >= process.LOOK_PERIOD_S


def test_a_new_trainer_ends_what_is_left_of_the_one_before_in_its_folder(files: TrialFolder) -> None:
    former = start(files, "deaf")
    assert former.status is None
    child = pid_of(files, "child")
    other = TrialFolder(files.path.with_name("0001"))
    other.path.mkdir()
    neighbour = start(other, "polite")
    files.log.unlink()
    trainer = start(files, "polite")
    assert former.status == -signal.SIGKILL
    wait_until_gone(child, GONE_S)
    assert neighbour.status is None and trainer.status is None
    neighbour.stop(grace=20)
    trainer.stop(grace=20)
    for folder in (files, other):
        wait_until_gone(pid_of(folder, "bare"), GONE_S)


TIED = """
import sys, time
from multiprocessing import get_context
from pathlib import Path
from mlagents_envs import env_utils
from trials.learner import launcher, process_tree
folder = Path(sys.argv[1])
launcher.PARENT_POLL_S, launcher.ORPHAN_GRACE_S = 0.05, 0.3
launcher._end_with_parent(launcher.StopFlag())
process_tree.tie_children()
def environment():
    child = env_utils.launch_executable(str(folder / "SoccerTwos"), [])
    (folder / "child").write_text(str(child.pid))
    time.sleep(600)
worker = get_context("fork").Process(target=environment)
worker.start()
(folder / "fork").write_text(str(worker.pid))
print("working", flush=True)
time.sleep(600)
"""

WORKER = """
import sys, time
from pathlib import Path
from trials.folder import TrialFolder
from trials.learner.process import TrainerProcess
print(TrainerProcess(TrialFolder(Path(sys.argv[1])), 1, "tied").pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing but the launcher's own watch ties its tree")
def test_a_killed_workers_whole_tree_dies_within_seconds(files: TrialFolder, tmp_path: Path) -> None:
    (tmp_path / "tied.py").write_text(TIED)
    executable = files.path / "SoccerTwos"
    executable.write_text("#!/bin/sh\nexec sleep 600\n")
    executable.chmod(0o755)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(files.path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
    )
    assert worker.stdout is not None
    trainer = int(worker.stdout.readline())
    deadline = now() + 30
    while not (files.path / "child").exists() or not pid_is_written(files):
        assert now() < deadline, trainer_log.tail(files)
        time.sleep(0.02)
    tree = [trainer, pid_of(files, "fork"), pid_of(files, "child")]
    assert not any(gone(pid) for pid in tree)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    for pid in tree:
        wait_until_gone(pid, 3)


def pid_is_written(files: TrialFolder) -> bool:
    return all((files.path / who).exists() and (files.path / who).read_text() for who in ("child", "fork"))


def test_a_talkative_trainers_log_is_bounded_and_its_tail_is_not_lost(
    files: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_log, "LOG_BYTES", 200_000)
    monkeypatch.setattr(trainer_log, "KEPT_BYTES", 50_000)
    trainer = start(files, "talks")
    older = files.log.with_name("trainer.log.1")
    while not older.exists():
        assert trainer.status is None
        trainer._looked = 0.0
    os.kill(trainer.pid, signal.SIGSTOP)
    most = files.log.stat().st_size
    tail = trainer_log.tail(files).splitlines()
    os.kill(trainer.pid, signal.SIGCONT)
    trainer.stop(grace=0)
    assert 0 < older.stat().st_size <= 50_000
    assert most < 1_000_000
    assert b"\0" not in files.log.read_bytes(), "the trainer appends: a cut leaves no hole"
    assert len(tail) == trainer_log.TAIL_LINES
    assert all("x" in line for line in tail[1:])
    assert [path.name for path in files.path.glob(".trainer*")] == []
