"""What the match logs say: for every policy and opponent its pairs, its results on either side, its last matches."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pandas as pd

from reports import formatting
from trials.arena.ratings import elo, pentanomial
from trials.records import Side

COLUMNS = ["pair", "b_name", "a", "a_side", "counted", "result", "decisions", "time"]
POINTS = (1.0, 0.5, 0.0)
"""Of a win, a draw and a loss."""
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
        return _interval(self.outcomes or (self.total.losses, 0, self.total.draws, 0, self.total.wins))


@lru_cache(maxsize=1 << 16)
def _interval(outcomes: Counts) -> tuple[float, float]:
    _, low, high = elo.from_counts(outcomes)
    return float(pentanomial.expected(low)), float(pentanomial.expected(high))


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
