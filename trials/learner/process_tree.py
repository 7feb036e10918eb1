"""What ties a trainer's processes together, so that none outlives the trainer, whatever ends it.

A mark in the environment, which every process below inherits, says whose tree a process is of even when its parent is
gone. On Linux the kernel also kills what the trainer forked or launched as soon as the trainer is dead
(PR_SET_PDEATHSIG, prctl(2)); elsewhere the worker's Family does.
"""

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psutil

MARK = "SELFPLAY_SWEEP_TREE"
"""Name of the environment variable that holds a tree's mark."""
SWEEP_S = 2.0
"""How long killing what is left of a tree may take, seconds."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def new_mark(folder: Path) -> str:
    """A mark for a tree that this process is about to start in `folder`: its pid, what makes it unique, the folder."""
    return f"{os.getpid()}:{uuid4().hex}:{folder}"


def of_folder(folder: Path) -> Callable[[str], bool]:
    """Whether a mark is of a tree in `folder`."""
    return lambda mark: mark.split(":", 2)[2:] == [str(folder)]


class Family:
    """Owns everything a process starts, sessions of their own and orphans included; psutil's (pid, start time) is whom
    it means, so a pid that was dealt out again is never taken for one of them."""

    def __init__(self, ours: Callable[[str], object], *pids: int) -> None:
        """`ours` knows the tree's mark; `pids` are children of this process that have not been waited for."""
        self._ours = ours
        self._members: set[psutil.Process] = set()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._members.update(psutil.Process(pid) for pid in pids)

    def look(self) -> None:
        """Remember who is below a member now: once its parent is gone, nobody could tell."""
        below: dict[int, list[psutil.Process]] = {}
        here: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                below.setdefault(process.ppid(), []).append(process)
                here[process.pid] = process
        self._members = {member for member in self._members if here.get(member.pid) == member}
        waiting = list(self._members)
        while waiting:
            children = [child for child in below.get(waiting.pop().pid, []) if child not in self._members]
            self._members.update(children)
            waiting += children

    def end(self, seconds: float = SWEEP_S) -> None:
        """Kill every member and whoever bears the mark, again until none is left or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while True:
            psutil.process_iter.cache_clear()  # it would take a pid that was dealt out again for its former holder
            self.look()
            self._members.update(process for process in psutil.process_iter() if self._ours(_mark(process)))
            alive = [member for member in self._members if lives(member)]
            for member in alive:
                with contextlib.suppress(psutil.Error):
                    member.kill()
            if not alive or time.monotonic() > deadline:
                return
            time.sleep(0.02)


def lives(process: psutil.Process) -> bool:
    """Whether it runs: a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _mark(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except (psutil.Error, OSError):  # gone, or another user's
        return ""


def worker() -> int:
    """The process that started this tree by its mark, even if it has died since; the parent, where there is no mark."""
    pid = os.environ.get(MARK, "").partition(":")[0]
    return int(pid) if pid.isdigit() else os.getppid()


def tie_children() -> None:
    """From now on what this process forks, and what mlagents launches here or in such a fork, dies with its parent.

    Call it in the main thread of a trainer, or of a worker that plays in an executable, before mlagents starts one: the
    signal comes when the thread that created a child ends, and mlagents creates its workers, and they their
    executables, in main threads (`subprocess_env_manager.py`). Calling it again, or elsewhere than on Linux, does
    nothing."""
    from mlagents_envs import env_utils

    if sys.platform != "linux" or isinstance(env_utils.subprocess, SimpleNamespace):
        return
    # launch_executable stays mlagents' own; the Popen it finds is ours.
    env_utils.subprocess = SimpleNamespace(**vars(subprocess) | {"Popen": _popen})
    forking = [0]
    os.register_at_fork(
        before=lambda: forking.__setitem__(0, os.getpid()),
        after_in_child=lambda: _die_with(forking[0]),
    )


def end_children() -> None:
    """Kill every process below this one, by id: for a trainer about to leave in a hurry."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()


def with_this_process() -> Callable[[], None] | None:
    """A preexec_fn for a child that is to die with the thread that starts it; None where the kernel cannot."""
    return functools.partial(_die_with, os.getpid()) if sys.platform == "linux" else None


def _popen(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(*arguments, **options | {"preexec_fn": with_this_process()})


_LIBC = ctypes.PyDLL(None)  # found before any fork; PyDLL keeps the interpreter's lock, which a fork must not wait for


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends; runs between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGKILL)
