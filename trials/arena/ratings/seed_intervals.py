"""What a configuration is worth from a few training seeds: t intervals over seeds, with the matches nested in them.

A policy's Elo is its configuration's mean + its training seed's deviation + its matches' error. The means of N seeds
scatter by both, so s²/N, s² their sample variance, is an unbiased variance of their mean (between seeds + within / n),
and Student's t with N - 1 degrees of freedom gives its 95 % interval, exactly where both are normal.

Two configurations meet in all N * M pairings of their policies, d[i, j] = a[i] - b[j] + error. Rows' means scatter by
the one's seeds, columns' means by the other's: Welch's interval (Biometrika 1947), with Satterthwaite's degrees of
freedom (Biometrics Bulletin 1946). A pairing's error is in both, so the interval is a little too wide where matches are
few. It does not assume that two configurations which share a training seed are alike: differences by seed would pay
only where they are (a t interval on N differences has N - 1 degrees of freedom, Welch's up to 2N - 2), and in
reinforcement learning a seed fixes little more than the first weights and kick-offs.

No interval is narrower than the matches' own errors allow: a few seeds may by chance come out alike.

Who adds seeds to a difference that is not clear yet looks at it again, and each look is a chance to be misled: from the
second on an interval may miss half as often as at the look before (97.5 %, 98.75 %, ...), so that one difference of 0,
however often seeds are added, is taken to lie above it in at most 5 % of sweeps (Bonferroni: half of 5 + 2.5 + ... %).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from trials.arena.ratings.pentanomial import Reals
from trials.records import NORMAL_95, Estimate, Rating


def over(ratings: Sequence[Rating]) -> Estimate:
    """A configuration's Elo from the ratings of its policies, one a training seed. Raises ValueError for none."""
    elo, half = mean_of([rating.elo for rating in ratings], [rating.error for rating in ratings])
    return _estimate(float(elo), float(half), len(ratings))


def missed(looks: int) -> float:
    """How often the interval of a difference may miss it, at such a look: 0.05 at the first."""
    return float(0.05 / 2 ** (looks - 1))


def difference(meetings: Sequence[Sequence[Rating]], looks: int = 1) -> Estimate:
    """One configuration's Elo less another's from the direct ratings of their policies, [of the one][of the other].

    The interval is one of 95 %, at later `looks` a wider one (`missed`). Raises ValueError where there are none or a
    row is short.
    """
    if not meetings or not meetings[0] or len({len(row) for row in meetings}) > 1:
        raise ValueError(f"every policy must have met every other, but rows have {[len(row) for row in meetings]}")
    elos, errors = [[r.elo for r in row] for row in meetings], [[r.error for r in row] for row in meetings]
    elo, half = between(elos, errors, looks)
    return _estimate(float(elo), float(half), min(len(meetings), len(meetings[0])))


def mean_of(elos: ArrayLike, errors: ArrayLike) -> tuple[Reals, Reals]:
    """Means over seeds and half their 95 % intervals, (...,), from policies' Elo and standard errors, (..., seeds)."""
    y, e = np.asarray(elos, np.float64), np.asarray(errors, np.float64)
    n = y.shape[-1]
    if n == 0:
        raise ValueError("a mean over seeds needs one, but there is none")
    least = NORMAL_95 * np.sqrt((e**2).sum(-1)) / n
    if n == 1:
        return y.mean(-1), np.full(y.shape[:-1], np.inf)
    half = _t(n - 1) * y.std(-1, ddof=1) / n**0.5
    return y.mean(-1), np.maximum(half, least)


def between(elos: ArrayLike, errors: ArrayLike, looks: int = 1) -> tuple[Reals, Reals]:
    """Differences and half their intervals, 95 % at the first look, (...,), from pairings' Elo and standard errors,
    (..., N, M)."""
    d, e = np.asarray(elos, np.float64), np.asarray(errors, np.float64)
    n, m = d.shape[-2:]
    if n == 1 or m == 1:
        return d.mean((-2, -1)), np.full(d.shape[:-2], np.inf)
    rows, columns = d.mean(-1).var(-1, ddof=1), d.mean(-2).var(-1, ddof=1)
    return d.mean((-2, -1)), _welch(rows, columns, n, m, (e**2).mean((-2, -1)), looks)


def needed(meetings: Sequence[Sequence[Rating]], most: int, looks: int = 1) -> int | None:
    """Seeds of either side over which the interval of `difference`, at such a look, would hold no 0, 2 to `most`.

    If the difference and what scatters about it stay as they are here. None: more than `most`, or one side has one
    seed only, so that nothing is known of the scatter.
    """
    d = np.asarray([[rating.elo for rating in row] for row in meetings], np.float64)
    e = np.asarray([[rating.error for rating in row] for row in meetings], np.float64)
    if min(d.shape) < 2:
        return None
    k = np.arange(2, most + 1)
    half = _welch(d.mean(1).var(ddof=1), d.mean(0).var(ddof=1), k, k, (e**2).mean(), looks)
    enough = k[half < abs(d.mean())]
    return int(enough[0]) if len(enough) else None


def _welch(rows: ArrayLike, columns: ArrayLike, n: ArrayLike, m: ArrayLike, errors: ArrayLike, looks: int) -> Reals:
    """Half the interval of a difference over n and m seeds, from the variances of its rows' and its columns' means and
    the mean square of its pairings' errors."""
    n, m = np.asarray(n, np.float64), np.asarray(m, np.float64)
    a, b = np.asarray(rows, np.float64) / n, np.asarray(columns, np.float64) / m
    variance = (a + b).clip(1e-12)
    freedom = (variance**2 / (a**2 / (n - 1) + b**2 / (m - 1)).clip(1e-30)).clip(np.minimum(n, m) - 1, n + m - 2)
    least: Reals = NORMAL_95 * np.sqrt(np.asarray(errors, np.float64) / (n * m))
    half: Reals = _t(freedom, missed(looks)) * np.sqrt(variance)
    return np.maximum(half, least)


def _t(freedom: ArrayLike, missed: float = 0.05) -> Reals:
    """Half an interval by Student's t, in standard errors; 95 % unless told."""
    from scipy.special import stdtrit  # scipy.stats, which has the same function, takes ten times as long to import

    return np.asarray(stdtrit(freedom, 1 - missed / 2))


def _estimate(elo: float, half: float, seeds: int) -> Estimate:
    known = bool(np.isfinite(half))
    return Estimate(elo, elo - half if known else None, elo + half if known else None, seeds)
