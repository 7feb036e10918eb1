"""A busy machine: loops that keep processors from everybody else, as many as asked for, for the length of a block."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

LOOP = "while True: pass"


@contextlib.contextmanager
def busy(loops: int, core: int | None = None) -> Iterator[None]:
    """Run `loops` endless loops, all on one `core` where that is named (Linux)."""
    started = [subprocess.Popen([sys.executable, "-S", "-c", LOOP]) for _ in range(loops)]
    try:
        for process in started:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
        yield
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()
