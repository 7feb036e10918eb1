"""Strength from matches: an Elo difference to one opponent, or a place on the ladder, each with a 95 % interval.

A draw counts as half a win, in both. The unit is the pair of matches, not the match, so neither draws nor a
correlation within pairs bends an interval. The interval is where the empirical likelihood ratio stays below
chi-squared's 95 % point (trials.arena.ratings.pentanomial); the estimate is where it is zero. The regulariser, half a
match won and half a match lost, keeps both finite; on the ladder it is spread over the opponents by what each tells,
which is Firth's penalty again.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from trials.arena.ratings import pentanomial
from trials.arena.ratings.bradley_terry import PER_ELO
from trials.arena.ratings.ladder_file import Ladder
from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, Reals, expected, outcomes, shortfall
from trials.errors import SetupError
from trials.records import MatchRecord, Rating, Side

CHI_SQUARED_95 = 3.841458820694124  # one degree of freedom
FAR = 40_000.0  # Elo beyond which nothing is looked for


def direct(records: Sequence[MatchRecord], opponent: str) -> Rating:
    """Elo of a minus that of b, whose name is `opponent`, from their matches. Raises ValueError for half a pair."""
    return _rating(records, {records[0].b: opponent}, *from_counts(outcomes(records)), "direct")


def from_counts(counts: ArrayLike) -> tuple[float, float, float]:
    """Elo difference and the ends of its 95 % interval from pair outcomes (5,), for the one whose scores they are."""
    weights = np.asarray(counts, np.float64) + REGULARISER
    estimate = pentanomial.elo(float(weights @ PAIR_SCORES / weights.sum()))
    low, high = _interval(estimate, lambda elo: 2 * float(shortfall(PAIR_SCORES - expected(elo), weights)))
    return estimate, low, high


def on_ladder(records: Sequence[MatchRecord], ladder: Ladder) -> Rating:
    """a's rating from matches against rungs of the ladder; the interval includes the ladder's own uncertainty.

    It depends on these matches and the ladder's constants alone. Raises SetupError for matches of another environment
    or against players that are not on the ladder.
    """
    from scipy.optimize import brentq  # here, because scipy takes its time, and who reads ratings needs none

    names = {rung.id: rung.name for rung in ladder.rungs}
    for record in records:
        if record.environment != ladder.environment:
            raise SetupError(
                f"ratings of different environments are never compared, but the ladder {ladder.version} is of"
                f" {ladder.environment} and a match of {record.environment}; fit the ladder again"
            )
        if record.b not in names:
            raise SetupError(f"the opponents must stand on the ladder {ladder.version}, but {record.b[:12]} does not")
    table = np.array([outcomes(r for r in records if r.b == rung.id) for rung in ladder.rungs])
    evidence = _Evidence(table, ladder.ratings)
    estimate = float(brentq(evidence.surplus, -FAR, FAR, xtol=1e-9))
    own, ladders = evidence.variance(estimate), evidence.ladder_variance(estimate, np.array(ladder.covariance))
    known = own / (own + ladders)  # share of the variance that more matches could remove
    low, high = _interval(estimate, lambda elo: known * evidence.deviance(elo))
    return _rating(records, names, estimate, low, high, ladder.version)


class _Evidence:
    """Pair outcomes (rungs, 5) against rungs of known ratings, seen from a hypothetical rating of the candidate."""

    def __init__(self, table: Reals, ratings: Reals) -> None:
        played = table.sum(axis=1) > 0
        if not played.any():
            raise ValueError("a rating needs matches, but there are none")
        self.table, self.ratings, self.played = table[played], ratings[played], played

    def _view(self, elo: float) -> tuple[Reals, Reals, Reals]:
        """Surplus of each outcome over expectation (rungs, 5), its weight with the regulariser, information by rung."""
        p = expected(elo - self.ratings)
        # p (1 - p), kept from vanishing where the candidate is hopeless or all-powerful
        information = self.table.sum(axis=1) * np.maximum(p * (1 - p), 1e-300)
        share = information / information.sum()
        return PAIR_SCORES - p[:, None], self.table + share[:, None] * REGULARISER, information

    def surplus(self, elo: float) -> float:
        """Pairs' score above what a candidate of that rating would be expected to have; zero at the estimate."""
        surplus, weights, _ = self._view(elo)
        return float((surplus * weights).sum())

    def deviance(self, elo: float) -> float:
        """Twice the empirical log-likelihood lost by that rating."""
        surplus, weights, _ = self._view(elo)
        return 2 * float(shortfall(surplus.ravel(), weights.ravel()))

    def variance(self, elo: float) -> float:
        """Of the estimate, Elo squared, from the spread of the pairs (sandwich)."""
        surplus, weights, information = self._view(elo)
        return float((weights * surplus**2).sum() / information.sum() ** 2 / PER_ELO**2)

    def ladder_variance(self, elo: float, covariance: Reals) -> float:
        """What the rungs' own uncertainty adds: the estimate moves with each rung in proportion to its information."""
        _, _, information = self._view(elo)
        share = information / information.sum()
        return float(share @ covariance[np.ix_(self.played, self.played)] @ share)


def _interval(estimate: float, deviance: Callable[[float], float]) -> tuple[float, float]:
    """Where `deviance`, zero at the estimate, reaches chi-squared's 95 % point on either side."""

    def end(direction: float) -> float:
        def over(distance: float) -> float:
            return deviance(estimate + direction * distance) - CHI_SQUARED_95

        near, far, below, above = 0.0, 16.0, -CHI_SQUARED_95, over(16.0)
        while above < 0 and far < FAR:
            near, far, below, above = far, 2 * far, above, over(2 * far)
        return estimate + direction * (far if above < 0 else _crossing(over, near, far, below, above))

    return end(-1.0), end(1.0)


def _crossing(over: Callable[[float], float], near: float, far: float, below: float, above: float) -> float:
    """Where `over`, `below` 0 at `near` and `above` at `far`, is 0 to 1e-9, by false position as Illinois has it.

    scipy.optimize has better ones, but to import it takes a page that shows ratings longer than all its intervals.
    """
    last = 0.0
    while True:
        middle = (near + far) / 2 if math.isinf(above) else far - above * (far - near) / (above - below)
        found = over(middle)
        if abs(found) < 1e-9 or not near < middle < far:
            return middle
        again = found * last > 0  # the end that stays would hold the next one back
        last = found
        if found < 0:
            near, below, above = middle, found, above / 2 if again else above
        else:
            far, above, below = middle, found, below / 2 if again else below


def _rating(
    records: Sequence[MatchRecord], names: Mapping[str, str], elo: float, low: float, high: float, ladder: str
) -> Rating:
    total = side(records)
    return Rating(
        elo=elo,
        low=low,
        high=high,
        wins=total.wins,
        draws=total.draws,
        losses=total.losses,
        as_blue=side(r for r in records if r.a_team == 0),
        as_purple=side(r for r in records if r.a_team == 1),
        by_opponent={names[b]: side(r for r in records if r.b == b) for b in dict.fromkeys(r.b for r in records)},
        ladder=ladder,
        environment=records[0].environment,
        seed=records[0].seed,
    )


def side(records: Iterable[MatchRecord]) -> Side:
    """Wins, draws and losses of player a."""
    results = [record.result for record in records]
    return Side(wins=results.count(1.0), draws=results.count(0.5), losses=results.count(0.0))
