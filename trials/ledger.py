"""The ledger: append a record, read them all. It is the truth of a sweep, and only the driver writes it."""

import contextlib
import errno
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from trials.errors import SetupError, UsageError, did_you_mean
from trials.events import Event

Line = TypeVar("Line")
_EVENT: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(ser_json_inf_nan="strings"))


def append(path: Path, *events: Event) -> None:
    """Append events, a line each, all or none, and wait until the disk has them. Raises OSError where it cannot."""
    append_lines(path, b"".join(_EVENT.dump_json(event) + b"\n" for event in events))


def append_lines(path: Path, lines: bytes) -> None:
    """Append whole lines to a file of lines, all or none, and wait until the disk has them. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":  # a driver died in mid-write: its half line stays alone
            lines = b"\n" + lines
        try:
            written = os.write(handle, lines)
            if written < len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)  # whole or not at all
            raise
    finally:
        os.close(handle)


def read(path: Path) -> list[Event]:
    """All whole events, oldest first. A half-written line is not believed; any other damage is a SetupError."""
    must_be_there(path)
    with _no_collections():
        return read_lines(path, _EVENT, "every line of a ledger must be one of its events")


def read_lines(path: Path, kind: TypeAdapter[Line], rule: str) -> list[Line]:
    """All whole lines of a file that `append_lines` wrote, oldest first; none where there is no file.

    A half-written line is not believed; any other that is not of the `kind` breaks the `rule`, a SetupError.
    """
    found = []
    for number, line in _lines(path):
        try:
            found.append(kind.validate_json(line))
        except ValidationError as error:
            if _is_half(line):
                continue
            what = error.errors()[0]
            raise SetupError(
                f"{rule}, but line {number} of {path} is not"
                f" ({': '.join(filter(None, ['.'.join(map(str, what['loc'])), what['msg']]))}); was it written by"
                " another version?"
            ) from None
    return found


def must_be_there(path: Path) -> None:
    """Raise UsageError where there is no ledger."""
    if not path.is_file():
        near = did_you_mean(str(path.parent), [str(one.parent) for one in path.parent.parent.glob(f"*/{path.name}")])
        raise UsageError(
            f"a run's folder must hold a ledger, but {path} is not there; "
            + (near or "name a folder that `sweep run` made, or run that again if it died before its first line")
        )


def half_written(path: Path) -> list[int]:
    """Numbers, from 1, of the lines that `read` passes over: a driver died while it wrote them, or is writing."""
    must_be_there(path)
    return [number for number, line in _lines(path) if _is_half(line)]


def notes(path: Path) -> str:
    """A sentence on those lines for whoever reads the run; empty where there are none."""
    if not (numbers := half_written(path)):
        return ""
    which = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(map(str, numbers))}"
    return f"half-written, so not counted: {which} of {path.name}; its driver died in mid-write, or is writing"


def _is_half(line: bytes) -> bool:
    """Whether it was cut off in mid-write; any other damage is none of that."""
    try:
        from_json(line)
    except ValueError as error:
        return "EOF while parsing" in str(error)
    return False


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not empty, with their numbers from 1; none where there is no file."""
    if not path.is_file():
        return
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        line = line.rstrip(b"\0")  # which a file system may leave in place of what a lost machine was writing
        if line:
            yield number, line


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """No search for garbage in the block: events come in hundreds of thousands of objects, and none of them is."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
