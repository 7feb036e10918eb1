"""What ties a tree together: whatever kills a trainer, its forks and the executables they launched are gone with it."""

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
from patience import now, runs, survivors

from trials.learner import process_tree

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the worker's sweep does it")
GONE_S = 2.0

TRAINER = """
import os, sys, time
from multiprocessing import get_context
from mlagents_envs import env_utils
from trials.learner import process_tree
executable, tied, where = sys.argv[1:]
launch = env_utils.launch_executable
if tied == "tied":
    process_tree.tie_children()
    process_tree.tie_children()
assert env_utils.launch_executable is launch  # mlagents' own
def environment():
    child = env_utils.launch_executable(executable, ["600"])
    print(os.getpid(), child.pid, flush=True)
    time.sleep(600)
if where == "fork":
    worker = get_context("fork").Process(target=environment)
    worker.start()
    time.sleep(600)
environment()
"""


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    path = tmp_path / "SoccerTwos"
    path.write_text('#!/bin/sh\nexec sleep "$1"\n')
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def trainer(executable: Path, tied: str, where: str) -> Iterator[tuple[psutil.Process, psutil.Process, psutil.Process]]:
    """The trainer, who launched the executable (itself or a fork), and the executable."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(executable), tied, where], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    launcher, launched = (psutil.Process(int(word)) for word in process.stdout.readline().split())
    try:
        yield psutil.Process(process.pid), launcher, launched
    finally:
        for member in (launched, launcher):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.kill()
        process.wait()
        process.stdout.close()


def wait_until_gone(*processes: psutil.Process) -> None:
    assert survivors(processes, GONE_S) == []


@linux_only
@pytest.mark.parametrize("where", ["here", "fork"])
def test_a_killed_trainer_takes_its_forks_and_executables_along(executable: Path, where: str) -> None:
    with trainer(executable, "tied", where) as (killed, launcher, launched):
        assert os.getsid(launched.pid) == launched.pid, "mlagents gives an executable its own session"
        killed.kill()
        wait_until_gone(launcher, launched)


@linux_only
def test_a_killed_environment_worker_takes_its_executable_along_and_nobody_else(executable: Path) -> None:
    with trainer(executable, "tied", "fork") as (parent, launcher, launched):
        launcher.kill()
        wait_until_gone(launched)
        assert runs(parent)


def test_untied_ones_would_survive(executable: Path) -> None:
    with trainer(executable, "loose", "fork") as (killed, launcher, launched):
        killed.kill()
        time.sleep(0.5)
        assert runs(launcher) and runs(launched)


REFUSED = """
import sys
from mlagents_envs import env_utils
from mlagents_envs.exception import UnityEnvironmentException
from trials.learner import process_tree
process_tree.tie_children()
try:
    env_utils.launch_executable(sys.argv[1], [])
except UnityEnvironmentException as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("mode", "complaint"), [(0o644, "permissions are set correctly"), (None, "does not match any environments")]
)
def test_mlagents_own_complaints_are_kept(executable: Path, mode: int | None, complaint: str) -> None:
    if mode is None:
        executable.unlink()
    else:
        executable.chmod(mode)
    done = subprocess.run([sys.executable, "-c", REFUSED, str(executable)], capture_output=True, text=True, check=True)
    assert complaint in done.stdout


END = """
import subprocess, sys, time
from trials.learner import process_tree
nested = "import subprocess; subprocess.run(['sleep', '600'])"
subprocess.Popen([sys.executable, "-c", nested], start_new_session=True)
sys.stdin.readline()
process_tree.end_children()
print("ended", flush=True)
time.sleep(600)
"""


def test_a_trainer_in_a_hurry_ends_everything_below_it_and_not_itself() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", END], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None and process.stdout is not None
    top = psutil.Process(process.pid)
    deadline = now() + 20
    while len(below := top.children(recursive=True)) < 2:
        assert now() < deadline
        time.sleep(0.02)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "ended\n"
    wait_until_gone(*below)
    assert runs(top)
    process.kill()
    process.communicate()


def test_a_mark_names_its_worker_and_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(process_tree.MARK, raising=False)
    assert process_tree.worker() == os.getppid()
    folder = Path("/runs/a:b/0007")
    mark = process_tree.new_mark(folder)
    monkeypatch.setenv(process_tree.MARK, mark)
    assert process_tree.worker() == os.getpid()
    assert mark != process_tree.new_mark(folder)
    assert process_tree.of_folder(folder)(mark)
    assert not process_tree.of_folder(Path("/runs/a:b/0008"))(mark)
    assert not process_tree.of_folder(folder)("")


@linux_only
def test_a_child_whose_parent_died_first_does_not_run_on() -> None:
    script = (
        "import os; from trials.learner import process_tree; process_tree._die_with(os.getppid() + 1); print('ran on')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")
