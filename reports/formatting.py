"""Numbers and words as a page shows them: steps, hours, dates, counts, and places on an interval's axis."""

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from trials.records import Rating, Side

LONGEST_NAME = 80
WORDS = {
    "he course’s own": "he space’s own",
    "he course’s": "he space’s own",
    "changes from the course": "changes from the space’s own",
}
"""Sentences are written for SoccerTwos, whose trial 0 has the course's configuration; in another game it is the space's
own."""


def in_game(text: str, other: bool) -> str:
    """The text in the words of the game, `other` than SoccerTwos."""
    for course, own in WORDS.items() if other else ():
        text = text.replace(course, own)
    return text


@dataclass(frozen=True)
class Interval:
    """A rating as it is drawn."""

    elo: float
    low: float
    high: float


def moved(rating: Rating | Interval, by: float) -> Interval:
    """The same on a scale whose zero lies `by` lower."""
    return Interval(rating.elo + by, rating.low + by, rating.high + by)


@dataclass(frozen=True)
class Axis:
    """A shared axis for interval marks, in Elo; places are percent of its width."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, elo: float) -> float:
        """Percent along the axis, cut to its ends."""
        span = self.high - self.low
        if math.isnan(elo):
            return 50.0
        return round(100 * min(1.0, max(0.0, (elo - self.low) / span)), 2)


def axis(ratings: Iterable[Rating | Interval], anchors: Iterable[float]) -> Axis:
    """Wide enough for every finite end of every interval and for the anchors, with four to eight round ticks."""
    ends = [end for rating in ratings for end in (rating.low, rating.elo, rating.high) if math.isfinite(end)]
    ends += anchors
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    pad = max(10.0, 0.04 * (high - low))
    low, high = low - pad, high + pad
    step = next(s for s in (10, 20, 25, 50, 100, 200, 250, 500, 1000, 10_000, math.inf) if (high - low) / s <= 7)
    first = math.ceil(low / step) if math.isfinite(step) else 0
    last = math.floor(high / step) if math.isfinite(step) else -1
    return Axis(low, high, tuple(float(step * k) for k in range(first, last + 1)))


def steps(count: float) -> str:
    """2,000 → 2k; 10,000,000 → 10M; 300,512 → 301k."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:  # which three digits call one already
            return f"{count / size:.3g}{unit}" if count < 999.5 * size else f"{count / size:,.0f}{unit}"
    return f"{count:.0f}"


def span(seconds: float) -> str:
    """42 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def utc(unix: float) -> dt.datetime | None:
    """None for what is no time."""
    try:
        return dt.datetime.fromtimestamp(unix, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return None


def moment(unix: float) -> str:
    """UTC, to the minute."""
    time = utc(unix)
    return time.strftime("%-d %B %Y, %H:%M UTC") if time else "an unknown time"


def counts(side: Side | Rating) -> str:
    """Wins–draws–losses."""
    return f"{side.wins}–{side.draws}–{side.losses}"


def whole(number: float) -> int:
    """Rounded, a half upwards, as JavaScript's Math.round does: a page says one number before and after its script."""
    return math.floor(number + 0.5)


def score(side: Side) -> float | None:
    """Wins and half the draws, as a share of the matches; None without matches."""
    return side.score if side.matches else None


def value(thing: Any) -> str:
    """A configuration's value as its YAML would say it, numbers grouped, nothing as a dash."""
    match thing:
        case None:
            return "—"
        case bool():
            return "true" if thing else "false"
        case int():
            return f"{thing:,}"
        case float():
            return f"{int(thing):,}" if thing.is_integer() and abs(thing) < 1e15 else f"{thing:.4g}"
        case _:
            return str(thing)


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Dotted paths to the last parts of each, as many as tell it from the others; of a quotient, `a.b / a.c`, of both
    sides."""
    every = list(dict.fromkeys(keys))

    def end(key: str, parts: int) -> str:
        return " / ".join(".".join(side.split(".")[-parts:]) for side in key.split(" / "))

    def alone(key: str, parts: int) -> bool:
        return sum(end(other, parts) == end(key, parts) for other in every) == 1

    return {key: end(key, next(parts for parts in count(1) if alone(key, parts))) for key in every}


def shown(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that may come from a file: on one line, without what cannot be printed, and no longer than `longest`."""
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return text if len(text) <= longest else text[: longest - 1] + "…"
