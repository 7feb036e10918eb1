"""Trials as a table that fits a terminal: one line a trial, running ones first, what varies as far as it fits."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.formatting import short_keys
from reports.formatting import steps as short_steps
from trials.records import YARDSTICK, Rating, TrialSpec, Value

STYLE = {"complete": "green", "pruned": "yellow", "failed": "red", "stopped": "magenta", "cut off": "magenta"}
"""Of a trial that is over; others are under way."""
UNDER_WAY = "cyan"
EXTENDS = "extends"
NAME = 12
"""Letters of a hyperparameter's name at most where whole names have no room, as its values may need more."""
LEAST = 3
"""Rows that are shown on however low a terminal."""


@dataclass(frozen=True)
class Row:
    """One trial."""

    number: int
    kind: str
    """As `kind` has it."""
    state: str
    """`running`, `starting`, `waiting`, `rating`, or how it ended; `cut off` where its driver was killed."""
    steps: int
    """Trainer steps reached."""
    budget: int
    """Trainer steps in all."""
    steps_per_second: float | None
    rating: Rating | None
    params: Mapping[str, Value] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in STYLE


def kind(spec: TrialSpec) -> str:
    """`course` (`own` where a space of another game is its own measure), `2 retrained`, `extends 3`, or nothing."""
    if spec.configuration is not None:
        return f"{spec.configuration} retrained"
    if spec.parent is not None:
        return f"{EXTENDS} {spec.parent}"
    return "" if spec.origin != "course" else "course" if spec.behavior == "SoccerTwos" else "own"


def elo_text(rating: Rating) -> str:
    """`1043 [980, 1102]`"""
    return f"{rating.elo:.0f} [{rating.low:.0f}, {rating.high:.0f}]"


def keys(parameters: Iterable[str]) -> dict[str, str]:
    """`learning_rate` of its dotted path, `buffer_size/batch_size` of a derived one; more of it where others end so."""
    return {path: name.replace(" / ", "/") for path, name in short_keys(parameters).items()}


def short(value: object) -> str:
    """A hyperparameter's value in few letters."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def best(rows: Sequence[Row]) -> Row | None:
    """The trial that leads: of those trained whole, or, while there is none, of all that were rated; none of another
    budget."""
    rated = [row for row in rows if row.rating is not None and not row.kind.startswith(EXTENDS)]
    whole = [row for row in rated if row.state == "complete"]
    return max(whole or rated, key=lambda row: (row.rating.elo if row.rating else 0.0, -row.number), default=None)


def view(title: str, rows: Sequence[Row], width: int, height: int | None = None) -> Group:
    """Title, the best so far and a line a trial, within `width` columns and, unless None, `height` lines.

    Without a height a long title goes on in a further line. Running trials come first, then what is over, the best
    first; what has no room is told of in a last line.
    """
    parts: list[RenderableType] = [line(title) if height is not None else Text(title)]
    names = keys(_varying(rows))
    if (leads := best(rows)) is not None and leads.rating is not None:
        values = " ".join(f"{said}={short(leads.params[name])}" for name, said in names.items() if name in leads.params)
        kind = f" ({leads.kind})" if leads.kind else ""
        at = "" if leads.over else f" at {short_steps(leads.steps)} steps"
        anchor = "" if leads.rating.ladder.startswith(YARDSTICK) else ", house 1200"
        told = f"best so far: trial {leads.number}{kind}{at}, Elo {elo_text(leads.rating)}{anchor}"
        parts.append(line(told + (f"; {values}" if values else "")))
    ordered = sorted(rows, key=_place)
    room = len(ordered) if height is None else max(LEAST, height - len(parts) - 1)
    shown = ordered if len(ordered) <= room else ordered[: room - 1]
    parts.append(_table(shown, names, width))
    if rest := ordered[len(shown) :]:
        states = ", ".join(f"{count} {state}" for state, count in Counter(row.state for row in rest).most_common())
        parts.append(line(f"and {len(rest)} more: {states}"))
    return Group(*parts)


def line(text: str) -> Text:
    """One line, cut where the terminal ends."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def _place(row: Row) -> tuple[bool, float, int]:
    return row.over, -(row.rating.elo if row.rating else float("-inf")) if row.over else 0.0, row.number


def _table(shown: Sequence[Row], names: Mapping[str, str], width: int) -> Table:
    columns: list[tuple[str, list[str]]] = [
        ("trial", [f"{row.number}" + (f" ({row.kind})" if row.kind else "") for row in shown]),
        ("state", [row.state for row in shown]),
        ("steps", [f"{short_steps(row.steps)}/{short_steps(row.budget)}" for row in shown]),
        ("steps/s", [f"{row.steps_per_second:,.0f}" if row.steps_per_second else "" for row in shown]),
        ("Elo [95 %]", [elo_text(row.rating) if row.rating else "" for row in shown]),
    ]
    taken = sum(_width(name, cells) + 1 for name, cells in columns) - 1
    values = {name: [short(row.params[name]) if name in row.params else "" for row in shown] for name in names}
    whole = taken + sum(_width(said, values[name]) + 1 for name, said in names.items()) <= width
    for name, said in names.items():
        wide = _width(said if whole else said[:NAME], values[name]) + 1
        if taken + wide <= width:
            taken += wide
            columns.append((_cut(said, wide - 1, [*names.values()]), values[name]))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for name, _ in columns:
        table.add_column(name, justify="left" if name in ("trial", "state") else "right", no_wrap=True)
    for at, row in enumerate(shown):
        words = [Text(cells[at]) for _, cells in columns]
        words[1].stylize(STYLE.get(row.state, UNDER_WAY))
        table.add_row(*words)
    return table


def _varying(rows: Sequence[Row]) -> list[str]:
    """Hyperparameters that have several values, in the space's order."""
    seen: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.params.items():
            seen.setdefault(name, set()).add(repr(value))
    return [name for name, values in seen.items() if len(values) > 1]


def _width(name: str, cells: Sequence[str]) -> int:
    return max(map(len, (name, *cells)))


def _cut(name: str, width: int, among: Sequence[str]) -> str:
    """The name, or as much of its beginning as there is room for; of its end, or of both, where only that tells it
    apart."""
    if len(name) <= width:
        return name
    first, last = (width - 1, 0), (0, width - 1)
    ways = [last, first] if "/" in name else [first, last]
    ways.append((width // 2, width - 1 - width // 2))

    def cut(of: str, way: tuple[int, int]) -> str:
        return f"{of[: way[0]]}…{of[len(of) - way[1] :]}"

    alone = (cut(name, way) for way in ways if sum(cut(other, way) == cut(name, way) for other in among) == 1)
    return next(alone, cut(name, ways[-1]))
