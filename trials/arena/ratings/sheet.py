"""A CSV as people's tools write it, read by its columns' names as far as that is unambiguous; what was tidied is told.

A spreadsheet adds a byte order mark, semicolons, decimal commas and empty lines, pandas an index column, whole numbers
as `3.0` and an order of its own, and hands leave spaces behind names. Two columns of one name, or a line of another
length than the heading, are ambiguous, and refused.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DELIMITERS = ",;\t|"
INDEX = re.compile(r"|unnamed: \d+|index|level_\d+")
"""Headings of the column that pandas numbers its rows in."""
_WHOLE = re.compile(r"([0-9]+)\.0+")
_DECIMAL = re.compile(r"[-+]?[0-9]+,[0-9]+")


@dataclass(frozen=True)
class Sheet:
    """Lines of the columns that were asked for."""

    columns: tuple[str, ...]
    lines: tuple[tuple[int, tuple[str, ...]], ...]
    """Number in the file, from 1, and values in the order of `columns`, without spaces around them."""
    tidied: tuple[str, ...]
    """What was not as it should be and read all the same; empty: nothing."""


class Odd(ValueError):
    """What cannot be read, at a line of the file."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def names(data: bytes) -> tuple[str, ...]:
    """The headings of a file, lower case; none where it cannot be read as text."""
    try:
        first = next((line for line in _text(data[:65536], "ignore").splitlines() if line.strip()), "")
    except UnicodeError:
        return ()
    return max((_heading(next(csv.reader([first], delimiter=mark))) for mark in DELIMITERS), key=len)


def read(data: bytes, columns: Sequence[str]) -> Sheet:
    """The lines of those columns, in the file's order, empty ones left out. Raises Odd."""
    try:
        text = _text(data)
    except UnicodeError as error:
        raise Odd(1, f"it must be text in UTF-8, but {error}") from None
    lines = _lines(text, columns)
    _, heading, mark = next(lines)
    have = _heading(heading)
    places = [have.index(name) for name in columns]
    found, spaces, decimals = [], 0, 0
    for at, fields, _ in lines:
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(heading):
            raise Odd(at, f"a line must have {len(heading)} fields, but has {len(fields)}")
        given = [fields[place] for place in places]
        values = tuple(v if v.isascii() else unicodedata.normalize("NFC", v) for v in (word.strip() for word in given))
        spaces += any(len(word) != len(word.strip()) for word in given)
        if mark != ",":
            exact = tuple(v.replace(",", ".") if _DECIMAL.fullmatch(v) else v for v in values)
            decimals += exact != values
            values = exact
        found.append((at, values))
    tidied = _tidied(data, text, have, columns, mark)
    tidied += [f"spaces around values taken off in {spaces} lines"] if spaces else []
    tidied += [f"decimal commas in {decimals} lines"] if decimals else []
    return Sheet(tuple(columns), tuple(found), tuple(tidied))


def whole(text: str) -> str:
    """A whole number as pandas may write it, `3.0`, without its decimals; anything else as it is."""
    found = _WHOLE.fullmatch(text)
    return found[1] if found else text


def _text(data: bytes, errors: str = "strict") -> str:
    """Raises UnicodeError."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors)
    return data.decode("utf-8-sig", errors)


def _heading(fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(field.strip().lower() for field in fields)


def _lines(text: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str], str]]:
    """Number, fields and delimiter of every line, the heading first. Raises Odd."""
    begins = len(text) - len(text.lstrip("\r\n"))
    before = len(text[:begins].splitlines())
    first = re.split(r"[\r\n]", text[begins:], maxsplit=1)[0]
    try:
        marks = {mark: _heading(next(csv.reader([first], delimiter=mark), ())) for mark in DELIMITERS}
    except csv.Error as error:
        raise Odd(1 + before, str(error)) from None
    mark = next((mark for mark, have in marks.items() if {*columns} <= {*have}), ",")
    lacking = [name for name in columns if name not in marks[mark]]
    twice = [name for name in columns if marks[mark].count(name) > 1]
    if lacking or twice:
        what = f"{lacking[0]!r} is not there" if lacking else f"{twice[0]!r} is there twice"
        raise Odd(1 + before, f"the columns must be {','.join(columns)}, but {what}: it begins with {first[:160]!r}")
    reader = csv.reader(io.StringIO(text[begins:], newline=""), delimiter=mark, strict=True)
    try:
        for fields in reader:
            yield before + reader.line_num, fields, mark
    except csv.Error as error:
        raise Odd(before + max(1, reader.line_num), str(error)) from None


def _tidied(data: bytes, text: str, have: Sequence[str], columns: Sequence[str], mark: str) -> list[str]:
    told = ["a byte order mark"] if data[:2] in (b"\xef\xbb", b"\xff\xfe", b"\xfe\xff") else []
    told += [f"{'tabs' if mark == chr(9) else mark} between the fields"] if mark != "," else []
    index = [name for name in have if name not in columns and INDEX.fullmatch(name)]
    others = [name for name in have if name not in columns and name not in index]
    told += ["an index column passed over"] if index else []
    told += [f"columns passed over: {', '.join(others)[:160]}"] if others else []
    told += ["columns in another order"] if [name for name in have if name in columns] != [*columns] else []
    blank = sum(not line.strip(f" {mark}\r\n") for line in io.StringIO(text, newline=""))
    told += [f"{blank} empty lines passed over"] if blank else []
    return told
