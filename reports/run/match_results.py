"""What the match logs say: for every policy and opponent its pairs, its results on either side, its last matches."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from reports import formatting
from reports.html import packed
from trials.arena.ratings import elo, pentanomial
from trials.records import Rating, Side

COLUMNS = ["pair", "b_name", "a", "a_side", "counted", "result", "decisions", "time"]
POINTS = (1.0, 0.5, 0.0)
"""Of a win, a draw and a loss."""
LISTED, BRIEFLY = 60, 10
"""Last matches that are listed of the first LISTED policies, and of the others."""
Counts = tuple[int, ...]


@dataclass(frozen=True)
class Match:
    """One match as a list shows it."""

    opponent: str
    side: int
    """0 blue, 1 purple: where the policy played."""
    result: float
    """Of the policy: won 1, drawn 0.5, lost 0."""
    decisions: int
    time: float
    """Unix seconds at which it was counted."""


@dataclass(frozen=True)
class Met:
    """One policy's matches against one opponent."""

    total: Side
    blue: Side | None = None
    """As blue; None where no log says."""
    purple: Side | None = None
    outcomes: Counts | None = None
    """Pairs that scored 0, 0.25, 0.5, 0.75 and 1; None where no log says."""

    @property
    def matches(self) -> int:
        """How many were counted."""
        return self.total.matches

    @property
    def score(self) -> float:
        """Share of the points, a draw half of one."""
        return self.total.score

    @property
    def percent(self) -> int:
        """The same in whole percent; 100 times the points first, so that a half is a half."""
        return formatting.whole(100 * (self.total.wins + self.total.draws / 2) / self.matches)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the score, by pairs as every rating here; without a log every match counts as a pair of its own."""
        return points(self.outcomes or (self.total.losses, 0, self.total.draws, 0, self.total.wins))[1:]


@lru_cache(maxsize=1 << 16)
def points(outcomes: Counts) -> tuple[float, float, float]:
    """The share of the points that pair outcomes speak for, and its 95 % interval."""
    score, low, high = (float(pentanomial.expected(each)) for each in elo.from_counts(outcomes))
    return score, low, high


@dataclass(frozen=True)
class Heard:
    """What one log says of player a."""

    met: Mapping[str, Met] = field(default_factory=dict)
    """Opponent's name, as the log has it, to the matches against it."""
    matches: tuple[Match, ...] = ()
    """The last first."""


def heard(path: Path, sha256: str) -> Heard | None:
    """What the log says of the policy with that hash; None where there is no whole log of its matches."""
    try:
        frame = pd.read_parquet(path, columns=COLUMNS, page_checksum_verification=True)
        frame = frame[frame["counted"] & (frame["a"] == sha256)]
        seconds = frame["time"].dt.as_unit("us").astype("int64") / 1e6
        sides = (frame["a_side"] == "purple").astype(int)
        columns = (frame["b_name"], sides, frame["result"], frame["decisions"].astype(int), seconds)
    except (OSError, LookupError, ValueError, TypeError, AttributeError, NotImplementedError):
        return None  # pyarrow's own errors are among them; or a column of another kind, or with parameters
    matches = [Match(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    if not matches or not {match.result for match in matches} <= set(POINTS):
        return None
    by_opponent: dict[str, list[tuple[int, Match]]] = {}
    for pair, match in zip(frame["pair"].tolist(), matches, strict=True):
        by_opponent.setdefault(match.opponent, []).append((pair, match))
    return Heard({name: _met(group) for name, group in by_opponent.items()}, tuple(reversed(matches)))


def _met(group: Sequence[tuple[int, Match]]) -> Met:
    sums: dict[int, float] = {}
    for pair, match in group:
        sums[pair] = sums.get(pair, 0.0) + match.result
    scores = [round(2 * points) for points in sums.values()]
    blue, purple = (_side(match.result for _, match in group if match.side == side) for side in (0, 1))
    return Met(_sum(blue, purple), blue, purple, tuple(scores.count(score) for score in range(5)))


def _side(results: Iterable[float]) -> Side:
    every = list(results)
    wins, draws, losses = (every.count(points) for points in POINTS)
    return Side(wins=wins, draws=draws, losses=losses)


def added(a: Met, b: Met) -> Met:
    """Both together; what one of them does not know, is not known."""
    both = a.outcomes is not None and b.outcomes is not None
    return Met(
        total=_sum(a.total, b.total),
        blue=_sum(a.blue, b.blue) if a.blue and b.blue else None,
        purple=_sum(a.purple, b.purple) if a.purple and b.purple else None,
        outcomes=tuple(x + y for x, y in zip(a.outcomes or (), b.outcomes or (), strict=True)) if both else None,
    )


def _sum(a: Side, b: Side) -> Side:
    return Side(wins=a.wins + b.wins, draws=a.draws + b.draws, losses=a.losses + b.losses)


def told(ledgers: Mapping[str, Side], heard: Heard | None) -> dict[str, Met]:
    """Results by opponent: the ledger's, with what the log adds where it agrees with them."""
    known = heard.met if heard is not None else {}
    return {
        name: known[name] if name in known and known[name].total == side else Met(side)
        for name, side in ledgers.items()
        if side.matches
    }


# --- policies ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One policy, with the matches it played at one time of the run."""

    trial: int
    label: str
    """What follows the word trial for people: its number; of a retrained policy its configuration's, and its seed."""
    note: str
    """What it is, beside that; empty for most."""
    rank: int | None
    """In tuning; None for matches after it."""
    rating: Rating | None
    """On the ladder."""
    met: Mapping[str, Met]
    matches: tuple[Match, ...]
    """The last first."""


def called(name: str) -> str:
    """A policy by its trial: `trial 3`, whose log says at which step too; any other name as it is."""
    words = name.split(" at ")
    return words[0] if len(words) == 2 and name.startswith("trial ") and words[1].isdigit() else name


# --- for the script ------------------------------------------------------------------------------------------------


def pack(
    rows: Sequence[Row],
    names: Sequence[str],
    columns: int,
    strengths: Mapping[str, float],
    first: float,
    labels: Mapping[str, str],
) -> str:
    """Opponents as [name, Elo], how many of them tuning met, and a list for each row (see `_row`)."""
    place = {name: at for at, name in enumerate(names)}
    first = first if math.isfinite(first) else 0.0
    told = {
        "opponents": [[labels.get(name, name), _number(strengths.get(name))] for name in names],
        "columns": columns,
        "first": round(first),
        "rows": [_row(row, place, round(first), LISTED if at < LISTED else BRIEFLY) for at, row in enumerate(rows)],
    }
    return packed(json.dumps(told, separators=(",", ":"), allow_nan=False))


def _row(row: Row, place: Mapping[str, int], first: int, listed: int) -> list[Any]:
    """[label, note, rank, Elo, low, high, met, matches].

    Of matches: time of the first listed, then code, decisions and seconds before the one above of each; how many there
    are in all. A code is 6 * opponent + 3 * (as purple) + (0 won, 1 drawn, 2 lost).
    """
    elo = [_number(value) for value in (row.rating.elo, row.rating.low, row.rating.high)] if row.rating else [None] * 3
    known = [match for match in row.matches if called(match.opponent) in place][:listed]
    codes = [6 * place[called(m.opponent)] + 3 * m.side + POINTS.index(m.result) for m in known]
    times = [round(match.time) - first for match in known]
    ago = [before - now for before, now in zip([times[0] if times else 0, *times], times, strict=False)]
    last = times[0] if times else 0
    matches = [last, codes, [match.decisions for match in known], ago, len(row.matches)]
    return [row.label, row.note, row.rank, *elo, [_cell(place[name], one) for name, one in row.met.items()], matches]


def _cell(opponent: int, one: Met) -> list[Any]:
    """[opponent, won, drawn, lost, low, high (percent of the points)], and as blue won, drawn, lost where known."""
    low, high = (formatting.whole(100 * end) for end in one.interval)
    sides = [one.blue.wins, one.blue.draws, one.blue.losses] if one.blue and one.purple else []
    return [opponent, *_counts(one.total), low, high, *sides]


def _counts(side: Side) -> tuple[int, int, int]:
    return side.wins, side.draws, side.losses


def _number(value: float | None) -> int | None:
    """Rounded; what is not finite is not known."""
    return round(value) if value is not None and abs(value) < 1e9 else None
