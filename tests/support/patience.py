"""A clock for tests' limits: it stands still while a test and what it has started wait for a processor."""

import os
import subprocess
import time
from collections.abc import Sequence

import psutil

from trials.stint import LOOK_S, Stint

_STINTS: dict[int, Stint] = {}


def now() -> float:
    """Seconds, for comparison as with time.monotonic(); half a second may be missing."""
    if os.getpid() not in _STINTS:  # a fork has its own
        _STINTS[os.getpid()] = Stint(os.getpid())
    return _STINTS[os.getpid()].seconds


def survivors(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until they have ended, or have had `seconds`: whom that leaves."""
    stint = Stint(*(process.pid for process in processes))
    while (running := [each for each in processes if runs(each)]) and stint.seconds < seconds:
        time.sleep(0.02)
    return running


def runs(process: psutil.Process) -> bool:
    """Whether it does; what has ended and was not waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def communicate(process: "subprocess.Popen[str]", seconds: float) -> tuple[str, str]:
    """As Popen.communicate with a timeout, by what the process has had. Raises TimeoutExpired."""
    stint = Stint(process.pid)
    while True:
        try:
            return process.communicate(timeout=LOOK_S)
        except subprocess.TimeoutExpired:
            if stint.seconds > seconds:
                raise
