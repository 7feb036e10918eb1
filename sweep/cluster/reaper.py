"""Ends what a killed driver leaves behind on this machine: Ray's own processes, some of which take minutes to notice.

`python -m sweep.cluster.reaper` is a child of the driver that remembers the driver's descendants while it lives. When
the driver is gone without a word, trainers have their grace for a last export, and what is still there after it is
killed, by process identity, never by name.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

from trials.learner import process_tree
from trials.stint import Stint

POLL_S = 0.5
GRACE_S = 8.0
"""Seconds of work that trainers and Ray may take to end by themselves; an orphaned trainer takes up to 6."""


@contextlib.contextmanager
def watching() -> Iterator[None]:
    """Have this process's descendants ended if it dies in the block."""
    reaper = subprocess.Popen(
        [sys.executable, "-P", "-m", "sweep.cluster.reaper"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C is the driver's
    )
    try:
        yield
    finally:
        reaper.kill()
        reaper.wait()


def main() -> None:
    """Watch the parent to its end, then end what it left."""
    driver = os.getppid()
    family: set[psutil.Process] = set()
    while os.getppid() == driver:
        with contextlib.suppress(psutil.NoSuchProcess):
            family |= set(psutil.Process(driver).children(recursive=True))
        family = {process for process in family if process.is_running()}
        time.sleep(POLL_S)
    family.discard(psutil.Process())
    grace = Stint(*(process.pid for process in family))
    while (left := [process for process in family if process_tree.lives(process)]) and grace.seconds < GRACE_S:
        time.sleep(POLL_S / 5)
    for process in left:
        survivors = [process]
        with contextlib.suppress(psutil.NoSuchProcess):
            survivors = [*process.children(recursive=True), process]
        for survivor in survivors:
            with contextlib.suppress(psutil.NoSuchProcess):
                survivor.kill()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
