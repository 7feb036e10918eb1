"""A league without policies: matches drawn from true ratings, lengths and costs as measured, a clock of its own.

python tests/support/league_sim.py --models 200 --half 25     the comparison of `closest` with `information`
"""

import argparse
from dataclasses import dataclass, field

import numpy as np

from trials.league import pairings, planning
from trials.league.leaderboard import Ratings, rate
from trials.league.planning import Matchmaking, Planned, RoundTerms
from trials.records import MatchRecord
from trials.soccer.constants import VERSION

SECONDS_A_STEP = 1 / 8000
SETUP = 0.16
"""Seconds to load two policies that no worker has at hand."""


@dataclass
class Pool:
    """Models of known strength: most as AI vs AI's were spread, the share `weak` has hardly learnt anything."""

    n: int
    seed: int = 0
    weak: float = 0.3
    elo: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        weak = self.random.random(self.n) < self.weak
        drawn = np.where(weak, self.random.normal(550, 80, self.n), self.random.normal(1250, 160, self.n))
        self.elo = {f"m{at:03d}": float(elo) for at, elo in enumerate(drawn)}

    def rate(self, a: str, b: str) -> float:
        """Goals a decision step: 1/45 between good models, 1/28 of a good one against a bad one, 1/900 between bad."""
        best = max(self.elo[a], self.elo[b])
        share = float(np.clip((best - 600) / 600, 0, 1))
        gap = abs(self.elo[a] - self.elo[b])
        return float(np.exp((1 - share) * np.log(1 / 900) + share * np.log(1 / 45)) * (1 + min(gap, 600) / 1000))

    def play(self, planned: Planned, first: int) -> tuple[list[MatchRecord], float]:
        """Records of a task and its seconds of one core."""
        a, b = planned.pairing
        n, rate_ = 2 * planned.pairs, self.rate(a, b)
        lengths = np.ceil(self.random.exponential(1 / rate_, n)).clip(1, 1000).astype(int)
        p = 1 / (1 + 10 ** ((self.elo[b] - self.elo[a]) / 400))
        drawn = np.exp(-1000 * rate_)  # and the score over all is what the ratings say, as far as draws leave room
        won = self.random.random(n) < np.clip((p - drawn / 2) / (1 - drawn), 0, 1)
        results = np.where(lengths >= 1000, 0.5, won)
        records = [self._record(a, b, 2 * first + at, float(results[at]), int(lengths[at])) for at in range(n)]
        return records, SETUP + float(lengths.sum()) * SECONDS_A_STEP

    def _record(self, a: str, b: str, number: int, result: float, decisions: int) -> MatchRecord:
        return MatchRecord(
            number=number,
            pair=number // 2,
            a=a,
            b=b,
            a_team=1 if number % 2 else 0,
            seed=1,
            environment=VERSION,
            result=result,
            goals_a=int(result == 1),
            goals_b=int(result == 0),
            decisions=decisions,
            time=0.0,
        )


@dataclass(frozen=True)
class Cost:
    """What a precision took."""

    matches: int
    seconds: float
    """Of one core."""
    rounds: int
    half: float
    """Median half 95 % interval reached, Elo."""
    reached: float
    """The share's half 95 % interval, Elo."""
    covered: float
    """Share of models whose interval holds the truth, ratings and truth both less their mean."""
    stretched: float
    """By what part of their distances the ratings are too far apart, taken at their word."""


def until(pool: Pool, terms: RoundTerms, half: float, share: float = 0.9, most: float = 1e9) -> Cost:
    """Play till `share` of the models have intervals of half width `half` or less, or `most` seconds are over."""
    players, sums, last = sorted(pool.elo), {}, {}
    rated: Ratings | None = None
    matches, seconds, number = 0, 0.0, 0
    while True:
        number += 1
        if terms.matchmaking == "closest":
            queue, _ = planning.closest(sums, players, last, number, terms, SECONDS_A_STEP)
        else:
            queue, _ = planning.informative(sums, players, (), terms, SECONDS_A_STEP, None, rated)
        for planned in queue:
            records, cost = pool.play(planned, sums[planned.pairing].following if planned.pairing in sums else 0)
            pairings.add(sums, records)
            last |= dict.fromkeys(planned.pairing, number)
            matches, seconds = matches + len(records), seconds + cost
        rated = rate(sums, players, None, rated)
        halves = rated.half
        if float(np.quantile(halves, share)) <= half or seconds > most or not queue:
            break
    truth = np.array([pool.elo[player] for player in rated.players])
    error = (rated.fit.ratings - rated.fit.ratings.mean()) - (truth - truth.mean())
    covered = float((np.abs(error) <= halves).mean())
    stretched = float(np.polyfit(rated.fit.ratings, error, 1)[0])
    reached = float(np.quantile(halves, share))
    return Cost(matches, seconds, number, float(np.median(halves)), reached, covered, stretched)


def compared(
    n: int, half: float, seed: int = 0, pairs: int = 32, most: float = 1e5, weak: float = 0.3
) -> dict[str, Cost]:
    """Both ways to the same precision of every model of the same pool, or until `most` seconds are over.

    `closest` may never get there: two groups more than its limit apart stop meeting, and what separates them stays as
    unsure as it was.
    """
    ways: tuple[Matchmaking, ...] = ("information", "closest")
    return {
        way: until(Pool(n, seed, weak), RoundTerms(matchmaking=way, pairs=pairs, half=half), half, 1.0, most)
        for way in ways
    }


def main() -> None:
    """For a person."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--models", type=int, default=200)
    words.add_argument("--half", type=float, default=25.0)
    words.add_argument("--pairs", type=int, default=32)
    given = words.parse_args()
    for name, cost in compared(given.models, given.half, pairs=given.pairs).items():
        print(name, cost)


if __name__ == "__main__":
    main()
