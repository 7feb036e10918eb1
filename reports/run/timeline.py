"""When the matches of a run were played: results by hour or day, how many so far, ratings over time (pure)."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reports import formatting
from trials.events import TrialRated
from trials.records import Rating
from trials.run_state import Run

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
UNITS = ((MINUTE, "minute"), (10 * MINUTE, "10 minutes"), (HOUR, "hour"), (DAY, "day"), (7 * DAY, "week"))
LASTS = (20 * MINUTE, 3 * HOUR, 2 * DAY, 90 * DAY)
"""A run that lasts less than this is told in the unit of the same place."""


@dataclass(frozen=True)
class Batch:
    """Matches of one policy, counted at one time."""

    time: float
    """Unix seconds."""
    wins: int
    draws: int
    losses: int


@dataclass(frozen=True)
class Bin:
    """What was counted in one stretch of time."""

    label: str
    when: str
    """The same with its day."""
    began: float
    """Unix seconds."""
    wins: int
    draws: int
    losses: int

    @property
    def matches(self) -> int:
        """How many were counted."""
        return self.wins + self.draws + self.losses


@dataclass(frozen=True)
class Timeline:
    """The figures' values."""

    unit: str
    bins: tuple[Bin, ...]
    most: int
    """Matches of the fullest bin."""
    total: int
    share: float
    """Of the points, a draw half of one."""
    so_far: str
    """The path of matches played, x 0 to 100 over the bins' time, y 40 (none) to 0 (all)."""
    ratings: str
    """The path of a dot for each rating on the ladder, the same x; y 60 to 0 over `low` to `high`."""
    best: str
    """The path of the best rating so far."""
    low: float
    high: float


def ratings(rated: TrialRated) -> list[Rating]:
    """What a candidate played at a rung: on the ladder, and against a baseline that does not stand there."""
    return [rated.rating, *([rated.baseline] if rated.baseline else [])]


def batches(run: Run) -> list[Batch]:
    """Every batch of matches that the ledger counts, from the policy's side, the earliest first."""
    told: list[Batch] = []

    def tell(time: float, *ratings: Rating | None) -> None:
        told.extend(Batch(time, r.wins, r.draws, r.losses) for r in ratings if r is not None and r.matches)

    for trial in (*run.trials, *run.retrained):
        for rated in trial.rungs:
            tell(rated.time, *ratings(rated))
    for one in run.finals.configurations if run.finals else ():
        for policy in one.policies:
            if policy.rated:
                tell(policy.rated.time, policy.rated.baseline, policy.rated.random, *policy.met.values())
    for fresh in (run.winner, run.course):
        if fresh:
            tell(fresh.time, fresh.baseline, fresh.random, fresh.against_course)
    return sorted((batch for batch in told if math.isfinite(batch.time)), key=lambda batch: batch.time)


def unit_of(seconds: float) -> tuple[float, str]:
    """The stretch in which a run of that length is told: seconds, name."""
    place = sum(seconds >= limit for limit in LASTS)
    return UNITS[place]


def bins(told: Sequence[Batch], first: float, last: float) -> tuple[str, tuple[Bin, ...], float, float]:
    """Unit, every stretch from `first` to `last` in UTC, and the ends of the first and the last (Unix seconds)."""
    seconds, unit = unit_of(last - first)
    origin = 4 * DAY if unit == "week" else 0.0  # 1970 began on a Thursday, weeks begin on Mondays
    start = math.floor((first - origin) / seconds) * seconds + origin
    count = max(1, math.floor((last - start) / seconds) + 1)
    sums = [[0, 0, 0] for _ in range(count)]
    for batch in told:
        place = min(count - 1, max(0, int((batch.time - start) // seconds)))
        for at, number in enumerate((batch.wins, batch.draws, batch.losses)):
            sums[place][at] += number
    starts = (start + at * seconds for at in range(count))
    found = tuple(Bin(*_labels(each, unit), each, *counted) for each, counted in zip(starts, sums, strict=True))
    return unit, found, start, start + count * seconds


def _labels(unix: float, unit: str) -> tuple[str, str]:
    """`14:00` and `3 Dec, 14:00`; of whole days, and of the hour at which one begins, the day."""
    moment = formatting.utc(unix)
    if moment is None:
        return "?", "?"
    day = moment.strftime("%-d %b")
    if unit in ("day", "week"):
        return day, day
    clock = moment.strftime("%H:%M")
    return day if clock == "00:00" else clock, f"{day}, {clock}"


def section(run: Run) -> Timeline | None:
    """None before anything was played."""
    told = batches(run)
    if not told or told[-1].time - told[0].time > 5 * 366 * DAY:  # a clock went wild
        return None
    unit, found, start, end = bins(told, told[0].time, told[-1].time)
    total = sum(each.matches for each in found)
    dots = [
        (rated.time, rated.rating.elo)
        for trial in run.trials
        for rated in trial.rungs
        if run.comparable(rated.rating) and math.isfinite(rated.time)
    ]
    low, high = _round(elo for _, elo in dots)

    def at(time: float) -> float:
        return round(100 * (time - start) / (end - start), 2)

    def up(elo: float) -> float:
        return round(60 * (high - elo) / (high - low), 1)

    dots.sort()
    return Timeline(
        unit=unit,
        bins=found,
        most=max(each.matches for each in found),
        total=total,
        share=sum(batch.wins + batch.draws / 2 for batch in told) / total,
        so_far=_so_far(told, at),
        ratings="".join(f"M{at(time)} {up(elo)}h0" for time, elo in dots),
        best=_best([(at(time), up(elo)) for time, elo in dots]),
        low=low,
        high=high,
    )


def _so_far(told: Sequence[Batch], at: Callable[[float], float]) -> str:
    """Steps, one for each place that two decimals tell apart."""
    total = sum(batch.wins + batch.draws + batch.losses for batch in told)
    heights: dict[float, float] = {}
    count = 0
    for batch in told:
        count += batch.wins + batch.draws + batch.losses
        heights[at(batch.time)] = round(40 - 40 * count / total, 1)
    return "M0 40" + "".join(f"H{x}V{y}" for x, y in heights.items()) + "H100"


def _best(points: Sequence[tuple[float, float]]) -> str:
    """Steps of the highest so far; y counts downwards."""
    path, top = "", math.inf
    for x, y in points:
        if y < top:
            path += f"H{x}V{y}" if path else f"M{x} {y}"
            top = y
    return path + "H100" if path else ""


def _round(elos: Iterable[float]) -> tuple[float, float]:
    """Whole hundreds around them."""
    every = list(elos) or [1200.0]
    low, high = 100.0 * math.floor(min(every) / 100), 100.0 * math.ceil(max(every) / 100)
    return low, high if high > low else low + 100
