"""Match records by their results alone."""

from typing import Any

from trials.records import MatchRecord


def record(number: int, result: float, **changed: Any) -> MatchRecord:
    """The match of that number between a and b, `result` of a; anything else as `changed` says."""
    given: dict[str, Any] = dict(number=number, pair=number // 2, a="a", b="b", a_team=number % 2, seed=1)
    given |= dict(environment="soccer-1", goals_a=int(result == 1), goals_b=int(result == 0), decisions=10, time=1.0)
    return MatchRecord(**given | {"result": result} | changed)
