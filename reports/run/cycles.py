"""Who beats whom in a circle, and how many trios have met so that one could be seen (pure)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from reports.run.match_results import points
from trials.arena.ratings.ladder_file import Ladder

Scores = Mapping[tuple[str, str], tuple[float, float, float]]
"""(a, b) to the score of a against b, 0 to 1, and its 95 % interval; a pairing stands in one order."""


@dataclass(frozen=True)
class Circle:
    """a beats b beats c beats a, each by more than its own 95 % interval."""

    names: tuple[str, str, str]
    scores: tuple[float, float, float]
    """Of each against the next."""


@dataclass(frozen=True)
class Circles:
    """What was looked for, and what was found."""

    found: tuple[Circle, ...]
    """Those with the clearest weakest step first."""
    trios: int
    """Threes of which each has met each, one at least of those that are looked at."""


def circles(scores: Scores, apart: Collection[str] = ()) -> Circles:
    """All circles of three but those that are all of `apart`; a name that sorts first opens its circle."""
    known = dict(scores) | {(b, a): (1 - s, 1 - high, 1 - low) for (a, b), (s, low, high) in scores.items() if a != b}
    beside: dict[str, set[str]] = {}
    for a, b in known:
        beside.setdefault(a, set()).add(b)
    others = set(apart)
    trios = sum(1 for a, b in known if a < b for c in beside[a] & beside[b] if b < c and not {a, b, c} <= others)
    beaten = {a: {b for b in met if known[a, b][1] > 0.5} for a, met in beside.items()}
    found = [
        Circle((a, b, c), (known[a, b][0], known[b, c][0], known[c, a][0]))
        for a in beaten
        for b in beaten[a]
        for c in beaten[b]
        if a in beaten[c] and a == min(a, b, c) and not {a, b, c} <= others
    ]
    return Circles(tuple(sorted(found, key=lambda circle: (-min(circle.scores), circle.names))), trios)


def of_ladder(ladder: Ladder) -> Scores:
    """What the rungs did against each other when the ladder was fitted."""
    return {(p.a, p.b): points(p.outcomes) for p in ladder.pairings}
