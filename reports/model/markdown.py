"""Values as a model card writes them (pure)."""

from typing import Any

from reports.model.evaluation import Against
from trials.records import Side


def cell(value: Any) -> str:
    """A value inside a table: on one line, and no markup of its own."""
    text = value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    return _escaped(text, "\\`*_|<>[]#")


def prose(text: str) -> str:
    """A sentence that may name anything: on one line, and no markup of its own; intervals keep their brackets."""
    return _escaped(text, "\\`*_|<>#").replace("](", "\\](")


def _escaped(text: str, marks: str) -> str:
    plain = " ".join(text.split())
    for mark in marks:  # the backslash first: it stands before the others then
        plain = plain.replace(mark, "\\" + mark)
    return plain


def record(row: Against | Side) -> str:
    """`12-3-5`: won, drawn, lost."""
    return f"{row.wins}-{row.draws}-{row.losses}"


def nth(number: int) -> str:
    """`2nd`."""
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number if number < 20 else number % 10, 'th') }"
