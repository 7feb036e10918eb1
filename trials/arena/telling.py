"""Which of many matches show how they went, and each of them played once more, to be looked at."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from trials.arena import replay
from trials.arena.players import Player
from trials.arena.replay import Replay
from trials.records import MatchRecord
from trials.soccer.constants import VERSION

WON, DRAWN, LOST = 1.0, 0.5, 0.0


def telling(records: Iterable[MatchRecord]) -> tuple[MatchRecord, ...]:
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


def again(a: Player, b: Player, match: MatchRecord) -> Replay | None:
    """That match with the place of every body; None where it does not come out here as it did then.

    So it is in another environment, with other players, in matches of several goals, and where another machine's last
    bits gave another action. Raises BadPolicy.
    """
    if match.environment != VERSION or match.to_goals != 1 or (a.id, b.id) != (match.a, match.b):
        return None
    _, both = replay.record(a, b, 1, match.seed, first=match.pair, deterministic=match.deterministic)
    found = next((one for one in both if one.record.number == match.number), None)
    if found is None or replace(found.record, sequential=match.sequential, time=match.time) != match:
        return None
    return found
