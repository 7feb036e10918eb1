"""What match noise does to a sweep, as a model: the interval a rung's matches buy, learning curves, who is pruned.

Everything is in Elo. A trial's final strength is its configuration's plus its training seed's, both normal. At a share
x of the budget trials stand c(x) = (1 - exp(-3x)) / (1 - exp(-3)) as far apart as at its end, and not yet in their
final order: from one rung to the next, `reduction_factor` times the steps, strengths correlate by `correlation`, as a
Markov chain. How fast all trials rise together cancels in every comparison. Matches add a normal error as wide as their
interval. Configurations are drawn at random; a sampler that learns is not part of the model.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from trials.arena.ratings import pentanomial
from trials.arena.ratings.elo import CHI_SQUARED_95
from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, Reals, expected, shortfall

NORMAL_95 = 1.96  # half a 95 % interval in standard errors of a normal distribution
SATURATION = 3.0  # of the learning curve: after a third of the budget trials stand 0.67 of their final distance apart


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep as far as its numbers go; those it shares with a real sweep's settings have its defaults."""

    trials: int = 16
    matches: int = 200
    """At each rung."""
    fresh_matches: int = 400
    first_rung: float = 1 / 3
    """Share of the budget."""
    reduction_factor: float = 3.0
    spread: float = 60.0
    """Standard deviation of the configurations' strengths, Elo."""
    seed_spread: float = 40.0
    """Standard deviation between training seeds of one configuration, Elo."""
    draws: float = 0.0
    """Share of the matches."""
    gap: float = 0.0
    """Elo between a candidate and the opponent it is rated against."""
    correlation: float = 0.8
    """Between true strengths at successive rungs."""

    def __post_init__(self) -> None:
        odd = [f"{key}={value}" for key, value in vars(self).items() if not math.isfinite(value)]
        if odd:
            raise ValueError(f"every number must be finite, but got {', '.join(odd)}")
        if self.trials < 1 or not 0 < self.first_rung <= 1 or not self.reduction_factor > 1:
            raise ValueError(
                "a sweep needs a trial, a first rung within the budget and a reduction factor above 1,"
                f" but got {self.trials}, {self.first_rung} and {self.reduction_factor}"
            )
        if not 0 <= self.correlation <= 1:
            raise ValueError(f"a correlation between rungs must be within 0 and 1, but got {self.correlation}")
        if min(self.spread, self.seed_spread) < 0:
            raise ValueError(f"a spread must not be negative, but got {self.spread} and {self.seed_spread}")

    @property
    def rungs(self) -> tuple[float, ...]:
        """Shares of the budget at which trials are rated, ascending, the last 1."""
        count = math.ceil(math.log(0.999 / self.first_rung) / math.log(self.reduction_factor))
        return (*(self.first_rung * self.reduction_factor**k for k in range(count)), 1.0)

    def error(self, matches: int) -> float:
        """Standard error of a rating from that many matches, Elo."""
        return half_width(matches, self.draws, self.gap) / NORMAL_95


def half_width(matches: int, draws: float, gap: float = 0.0) -> float:
    """Half the 95 % interval of a rating, Elo, where independent matches came out as they should on average.

    `draws` is their share, `gap` the Elo between the players. Raises ValueError where there is no pair of matches, or
    where no wins and losses at all would give so many draws the score that the gap demands.
    """
    score = float(expected(gap))
    match = np.array([1 - score - draws / 2, draws, score - draws / 2])
    if matches < 2 or not (match >= 0).all():
        raise ValueError(
            f"at least 2 matches and, at {gap:g} Elo, draws within 0 and {2 * min(score, 1 - score):.3f} are needed,"
            f" but got {matches} and {draws:g}"
        )
    weights = matches / 2 * np.convolve(match, match) + REGULARISER
    mean = float(weights @ PAIR_SCORES / weights.sum())

    def over(score: float) -> float:
        return 2 * float(shortfall(PAIR_SCORES - score, weights)) - CHI_SQUARED_95

    low, high = brentq(over, 1e-9, mean), brentq(over, mean, 1 - 1e-9)
    return (pentanomial.elo(high) - pentanomial.elo(low)) / 2


@dataclass(frozen=True)
class World:
    """What is true in simulated sweeps, Elo above the mean of all trials at the same rung."""

    configurations: Reals
    """Strength a configuration has on average over training seeds, (runs, trials)."""
    strengths: Reals
    """A trial's strength at each rung, (runs, trials, rungs); the last is final."""


def curves(sweep: Sweep, runs: int, rng: np.random.Generator) -> World:
    """Draw the trials of `runs` sweeps."""
    shape = (runs, sweep.trials)
    configurations = sweep.spread * rng.standard_normal(shape)
    latent = configurations + sweep.seed_spread * rng.standard_normal(shape)
    return World(configurations, grown(sweep, latent, rng))


def grown(sweep: Sweep, final: Reals, rng: np.random.Generator) -> Reals:
    """How trials of these `final` strengths (...) stood at each rung (..., rungs), Elo; the last is final."""
    latent = final
    between = math.hypot(sweep.spread, sweep.seed_spread)
    strengths = [latent]
    for share, later in zip(sweep.rungs[-2::-1], sweep.rungs[:0:-1], strict=True):
        kept = sweep.correlation ** (math.log(later / share) / math.log(sweep.reduction_factor))
        latent = kept * latent + math.sqrt(1 - kept**2) * between * rng.standard_normal(latent.shape)
        strengths.insert(0, apart(share) * latent)
    return np.stack(strengths, axis=-1)


def apart(share: float) -> float:
    """How far apart trials stand at a share of the budget, as a share of their distance at its end."""
    return math.expm1(-SATURATION * share) / math.expm1(-SATURATION)


def reached(seen: Reals, reduction_factor: float) -> NDArray[np.intp]:
    """How many rungs each trial is trained to, (runs, trials), by the Elo `seen` at them, (runs, trials, rungs).

    Asynchronous successive halving by stopping (Li et al., A system for massively parallel hyperparameter tuning,
    2020) as Ray Tune runs it, for trials that come to each rung in their numbers' order: one goes on unless it is
    below the 1 - 1/`reduction_factor` quantile of those that were there before. Trial 0 is compared, never stopped.
    """
    runs, trials, rungs = seen.shape
    last = np.full((runs, trials), rungs, np.intp)
    for rung in range(rungs - 1):
        recorded = np.where(last > rung, seen[:, :, rung], np.nan)
        for trial in range(1, trials):
            stopped = recorded[:, trial] < _quantile(recorded[:, :trial], 1 - 1 / reduction_factor)  # nan: never
            last[stopped, trial] = rung + 1
    return last


def _quantile(values: Reals, q: float) -> Reals:
    """Of the values in each row (rows, n) that are not nan, interpolated; nan where there are none."""
    ordered = np.sort(values, axis=1)  # nan last
    place = q * np.maximum((~np.isnan(values)).sum(axis=1) - 1, 0)
    rows, floor, ceiling = np.arange(len(values)), np.floor(place).astype(np.intp), np.ceil(place).astype(np.intp)
    between: Reals = ordered[rows, floor] + (place % 1) * (ordered[rows, ceiling] - ordered[rows, floor])
    return between
