"""Pairs of matches: their five outcomes, and their empirical likelihood, on which ratings and SPRT rest.

A pair of matches is the unit: its two results may be correlated, and draws make its distribution anything but
binomial. Nothing is assumed about either. Among all distributions on the observed values that have mean zero, the
likeliest has probabilities p_i = w_i / (W (1 + t g_i)) (Owen, Empirical likelihood ratio confidence intervals for a
single functional, Biometrika 1988; for pentanomial match statistics Van den Bergh, A practical introduction to the
GSPRT, Proposition 1.1), and its log-likelihood falls short of the best one by sum_i w_i log(1 + t g_i).
"""

import contextlib
import math
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trials.records import MatchRecord

Reals = NDArray[np.float64]

LITTLE = 50_000
"""Numbers that cost less to interpret than the compiler takes to load."""
PAIR_SCORES: Reals = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""Mean score of a pair of matches: two losses, a loss and a draw, ..., two wins."""

REGULARISER: Reals = np.array([0.25, 0.0, 0.0, 0.0, 0.25])
"""Pairs added to what was played, here and in every rating: half a match won and half a match lost, which for one
opponent is the Jeffreys prior on the score (Firth, Bias reduction of maximum likelihood estimates, Biometrika 1993).
It keeps the answers to all wins, all losses and a handful of like pairs finite."""


def outcomes(records: Iterable[MatchRecord]) -> Reals:
    """How many pairs scored 0, 0.25, 0.5, 0.75 and 1 for player a, (5,). Every pair must be whole."""
    points: dict[int, list[float]] = {}
    for record in records:
        points.setdefault(record.pair, []).append(record.result)
    halves = [pair for pair, results in points.items() if len(results) != 2]
    if halves:
        raise ValueError(f"pairs must have two matches, but pair {halves[0]} has {len(points[halves[0]])}")
    return np.bincount([round(2 * sum(results)) for results in points.values()], minlength=5).astype(np.float64)


def shortfall(values: ArrayLike, weights: ArrayLike) -> Reals:
    """Log-likelihood lost by demanding that `values` (..., k) with `weights` (..., k) >= 0 have mean zero, shape (...).

    Never negative; infinite where the values with weight lie all on one side of zero.
    """
    g, w = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    shape = np.broadcast_shapes(g.shape, w.shape)
    g, w = (np.broadcast_to(x, shape).reshape(-1, shape[-1]).copy() for x in (g, w))
    return np.asarray(_lost(g, w)).reshape(shape[:-1])


_little = LITTLE
"""Numbers that are left to be interpreted."""


def _lost(values: Reals, weights: Reals) -> Any:
    """As `_shortfall`: interpreted until LITTLE was asked for, then compiled; the same arithmetic, to the last bit."""
    global _little
    if "numba" not in sys.modules and _little > values.size:
        _little -= values.size
        with contextlib.suppress(ZeroDivisionError):  # which is infinity where it is compiled
            lost = [0.0] * len(values)
            _shortfall(values.tolist(), weights.tolist(), lost)
            return lost
    found = np.empty(len(values))
    _compiled()(values, weights, found)
    return found


@lru_cache
def _compiled() -> Any:
    from trials.soccer.compiled import compiled

    return compiled(_shortfall)


def _shortfall(values: Any, weights: Any, lost: Any) -> None:
    """Of each row of numbers; both arrays (rows, k), or lists of lists of Python's floats."""
    for row in range(len(values)):
        g, w = values[row], weights[row]
        lowest = highest = 0.0
        for k in range(len(g)):
            if w[k] > 0:
                lowest, highest = min(lowest, g[k]), max(highest, g[k])
        if lowest == 0.0 or highest == 0.0:
            lost[row] = 0.0 if lowest == highest else math.inf
            continue
        low, high, t = -1.0 / highest, -1.0 / lowest, 0.0
        for _ in range(200):  # Newton, kept between the bounds by bisection; the slope is negative everywhere
            error = slope = 0.0
            for k in range(len(g)):
                if w[k] > 0:
                    share = g[k] / (1.0 + t * g[k])
                    error += w[k] * share
                    slope += w[k] * share * share
            if error > 0:
                low = t
            else:
                high = t
            before, t = t, t + error / slope
            if not low < t < high:
                t = 0.5 * (low + high)
            if abs(t - before) <= 1e-12 * max(1.0, abs(t)):
                break
        total = 0.0
        for k in range(len(g)):
            if w[k] > 0:
                total += w[k] * math.log1p(t * g[k])
        lost[row] = max(total, 0.0)


def expected(elo: ArrayLike) -> Reals:
    """Expected score at an Elo difference, logistic, 400 points a factor of 10 in odds."""
    return 1 / (1 + 10 ** (-np.asarray(elo, np.float64) / 400))


def elo(score: float) -> float:
    """Elo difference at an expected score strictly between 0 and 1."""
    return float(400 * np.log10(score / (1 - score)))
