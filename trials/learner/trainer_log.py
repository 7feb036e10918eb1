"""A trainer's log: bounded on disk, its last lines, and the one that says why it ended."""

import contextlib
import os
import re
import signal
from pathlib import Path

from trials.folder import TrialFolder, written_whole

TAIL_LINES = 25
LINE_BYTES = 400
"""Of a line on average at most, where many are asked for."""
LOG_BYTES = 8 * 2**20
"""A log larger than this on disk is cut down to its last KEPT_BYTES, which then lie beside it in `.1`."""
KEPT_BYTES = 2**20
ERROR = r"[\w.]*(Error|Exception)(?=:|$)"
"""How a traceback's last line begins; `Exception in thread …` and `Exception ignored in: …` stand before one."""
HANDLING = "During handling of the above exception, another exception occurred"
"""What stands between an exception and one raised on the way out."""


def bound(files: TrialFolder) -> None:
    """Cut logs larger than LOG_BYTES: the trainer's, and those of environments it started. Nothing if none is.

    What is written between the copy and the cut, a matter of milliseconds, is lost. A full disk is no error here."""
    for log in (files.log, *files.results.glob("run_logs/Player-*.log")):
        with contextlib.suppress(OSError):
            if _size_on_disk(log) > LOG_BYTES:
                with written_whole(_older(log)) as temporary:
                    temporary.write_bytes(_end_of(log, KEPT_BYTES))
                os.truncate(log, 0)


def _size_on_disk(path: Path) -> int:
    """Bytes, less the hole that a cut leaves where the writer does not append and goes on at its old position."""
    found = path.stat()
    return min(found.st_size, found.st_blocks * 512)


def _older(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")


def _end_of(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read(size)
    except FileNotFoundError:
        return b""


def tail(files: TrialFolder, lines: int = TAIL_LINES) -> str:
    """The last lines of the trainer's log, a log that was just cut included."""
    size = max(32_768, LINE_BYTES * lines)
    try:
        text = _end_of(files.log, size)
        if len(text) < size:
            text = _end_of(_older(files.log), size) + text
    except OSError:
        return ""
    return "\n".join(text.decode("utf-8", "replace").splitlines()[-lines:])


def signal_name(number: int) -> str:
    """`SIGKILL`; of a real-time signal, which has none in Python, its number."""
    known = {each.value: each.name for each in signal.Signals}
    return known.get(number, f"signal {number}")


def cause(status: int, tail: str) -> str:
    """One line that says why a trainer ended with `status`."""
    if status < 0:
        return f"the trainer's process was killed by {signal_name(-status)}"
    errors = [
        line.strip()
        for line in tail.splitlines()
        if re.match(rf"(set-up|machine|trial): |{ERROR}", line.strip()) or line.startswith(HANDLING)
    ]
    at = len(errors) - 1
    while at >= 2 and errors[at - 1].startswith(HANDLING):  # what was raised on the way out hides why
        at -= 2
    return errors[at] if errors else f"the trainer's process ended with status {status}"
