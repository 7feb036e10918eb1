"""The numbered matches of one pairing: which starts next, what came of each, how far pairs are whole without a gap."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trials.records import MatchRecord, ScheduledMatch

Stop = Callable[[Sequence[MatchRecord]], bool]
"""Sees the two records of each pair in the pairs' order, and says whether this pair is the last."""


def numbered(like: ScheduledMatch, number: int) -> ScheduledMatch:
    """Match `number` of the schedule that `like` is of; a is blue in the even ones."""
    fields = {name: getattr(like, name) for name in ScheduledMatch.__dataclass_fields__}
    return ScheduledMatch(**fields | {"number": number, "pair": number // 2, "a_team": number % 2})


class Schedule:
    """`pairs` pairs between two players, from match `first` on, counted in order; `teams`: bodies of blue, purple."""

    def __init__(
        self,
        first: ScheduledMatch,
        pairs: int,
        teams: tuple[int, int],
        stop: Stop | None,
        records: list[MatchRecord],
    ) -> None:
        self._first, self._stop, self._teams = first, stop, teams
        self.offset = first.number
        self.started = self.finished = 0
        self.stopped = False
        self.records = records
        self._done = np.zeros(2 * pairs, bool)
        self._scored = np.zeros((2 * pairs, 2), np.int32)
        self._decisions = np.zeros(2 * pairs, np.int32)
        self._entropy = np.zeros((2 * pairs, 2))

    def take(self, most: int) -> NDArray[np.int64]:
        """Positions in this schedule of the next matches, at most `most`; none once it has stopped."""
        count = 0 if self.stopped else min(most, len(self._done) - self.started)
        self.started += count
        return np.arange(self.started - count, self.started)

    def finish(
        self,
        which: NDArray[np.int64],
        scored: NDArray[np.int32],
        decisions: NDArray[np.int32],
        entropy: NDArray[np.float64],
    ) -> None:
        """Note what came of matches, then count the pairs that are whole without a gap, until `stop` says so.

        `scored` (n, 2) are the goals of blue and purple, `entropy` (n, 2) the sums of a and b over their decisions.
        """
        self._scored[which], self._decisions[which], self._entropy[which] = scored, decisions, entropy
        self._done[which] = True
        self.finished += len(which)
        at = len(self.records)
        while not self.stopped and at < len(self._done) and self._done[at : at + 2].all():
            pair = [self._record(at), self._record(at + 1)]
            self.records += pair
            self.stopped = self._stop is not None and self._stop(pair)
            at += 2

    def uncounted(self) -> list[ScheduledMatch]:
        """Matches that started and are no part of the records."""
        return [numbered(self._first, self.offset + at) for at in range(len(self.records), self.started)]

    def mean_entropy(self) -> tuple[float, float]:
        """Of a and b: nats, over the states their bodies visited in the counted matches."""
        counted, (blue, purple) = slice(len(self.records)), self._teams
        even, odd = (int(self._decisions[counted][of::2].sum()) for of in (0, 1))  # a is blue in the even ones
        of_a, of_b = self._entropy[counted].sum(axis=0)
        return float(of_a / max(1, blue * even + purple * odd)), float(of_b / max(1, purple * even + blue * odd))

    def _record(self, position: int) -> MatchRecord:
        match = numbered(self._first, self.offset + position)
        of_a, of_b = (int(self._scored[position, team]) for team in (match.a_team, 1 - match.a_team))
        return MatchRecord(
            **vars(match),
            result=0.5 if of_a == of_b else float(of_a > of_b),
            goals_a=of_a,
            goals_b=of_b,
            decisions=int(self._decisions[position]),
            time=time.time(),
        )
