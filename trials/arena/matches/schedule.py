"""The numbered matches of one pairing: which starts next, what came of each, how far pairs are whole without a gap."""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trials.records import MatchRecord, ScheduledMatch
from trials.soccer.constants import VERSION

Stop = Callable[[Sequence[MatchRecord]], bool]
"""Sees the two records of each pair in the pairs' order, and says whether this pair is the last."""


class Schedule:
    """Pairs `first` to `first + pairs - 1` between players with ids a and b, `team` bodies each, counted in order."""

    def __init__(
        self,
        a: str,
        b: str,
        first: int,
        pairs: int,
        seed: int,
        stop: Stop | None,
        *,
        deterministic: bool,
        goals: int,
        environment: str = VERSION,
        team: int = 2,
        records: list[MatchRecord] | None = None,
    ) -> None:
        self.a, self.b, self.seed, self.stop = a, b, seed, stop
        self.deterministic, self.goals, self.environment = deterministic, goals, environment
        self.team = team
        self.offset = 2 * first
        self.started = self.finished = 0
        self.stopped = False
        self.records = records if records is not None else []
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
            self.stopped = self.stop is not None and self.stop(pair)
            at += 2

    def uncounted(self) -> list[ScheduledMatch]:
        """Matches that started and are no part of the records."""
        return [self._scheduled(position) for position in range(len(self.records), self.started)]

    def mean_entropy(self) -> tuple[float, float]:
        """Of a and b: nats, over the states their bodies visited in the counted matches."""
        counted = slice(len(self.records))
        states = max(1, self.team * int(self._decisions[counted].sum()))
        of_a, of_b = self._entropy[counted].sum(axis=0) / states
        return float(of_a), float(of_b)

    def _scheduled(self, position: int) -> ScheduledMatch:
        number = self.offset + position
        return ScheduledMatch(
            number=number,
            pair=number // 2,
            a=self.a,
            b=self.b,
            a_team=1 if number % 2 else 0,
            seed=self.seed,
            environment=self.environment,
            deterministic=self.deterministic,
            to_goals=self.goals,
            sequential=self.stop is not None,
        )

    def _record(self, position: int) -> MatchRecord:
        match = self._scheduled(position)
        of_a, of_b = (int(self._scored[position, team]) for team in (match.a_team, 1 - match.a_team))
        return MatchRecord(
            **vars(match),
            result=0.5 if of_a == of_b else float(of_a > of_b),
            goals_a=of_a,
            goals_b=of_b,
            decisions=int(self._decisions[position]),
            time=time.time(),
        )
