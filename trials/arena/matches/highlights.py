"""Which of many matches show how they went: a typical win and a typical loss."""

from collections.abc import Iterable, Sequence
from statistics import median

from trials.records import MatchRecord

WON, LOST = 1.0, 0.0


def highlights(records: Iterable[MatchRecord]) -> tuple[MatchRecord, ...]:
    """A typical win of a and a typical loss; where neither was played, a typical draw; nothing of no matches."""
    by_result: dict[float, list[MatchRecord]] = {}
    for record in records:
        by_result.setdefault(record.result, []).append(record)
    decided = tuple(typical(by_result[result]) for result in (WON, LOST) if result in by_result)
    return decided or tuple(typical(drawn) for drawn in by_result.values())


def typical(alike: Sequence[MatchRecord]) -> MatchRecord:
    """Of matches with one result, that whose goal margin, then length, is nearest to their median; the first of equals.

    Raises ValueError where there are none.
    """
    margin = median(abs(record.goals_a - record.goals_b) for record in alike)
    length = median(record.decisions for record in alike)

    def far(record: MatchRecord) -> tuple[float, float, int]:
        return abs(abs(record.goals_a - record.goals_b) - margin), abs(record.decisions - length), record.number

    return min(alike, key=far)
