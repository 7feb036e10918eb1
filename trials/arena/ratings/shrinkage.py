"""What the best of several noisy ratings is worth once the luck in it is taken off."""

import numpy as np
from numpy.typing import ArrayLike

from trials.arena.ratings.pentanomial import Reals


def shrunk(estimates: ArrayLike, errors: ArrayLike) -> tuple[Reals, Reals]:
    """What n candidates are worth, (n,), and how sure that is, (n,) standard deviations, Elo, from noisy estimates.

    `estimates` (n,) are assumed to scatter about the truth with standard errors `errors` (n,), and the truth normally
    about a common mean; so they must be alike, such as ratings after a whole budget. The variance between candidates is
    Paule and Mandel's (Consensus values and weighting factors, J. Res. NBS 1982), a method of moments; each estimate
    moves towards the weighted mean by its error's share of the variance (empirical Bayes). What is then the best of
    them is as good as it says, on average, to a few Elo. The deviations include, after Morris (Parametric empirical
    Bayes inference, JASA 1983), that the variance is itself estimated: they never vanish, and those of three or fewer
    are no less than the errors. Candidates far below the rest spoil it: the spread looks wide, and too little is taken
    off the best. Raises ValueError for no candidates, other shapes, or errors that are not positive.
    """
    y, e = np.asarray(estimates, np.float64), np.asarray(errors, np.float64)
    if y.ndim != 1 or y.shape != e.shape or not len(y) or not np.isfinite([y, e]).all() or not (e > 0).all():
        raise ValueError(f"as many finite estimates as positive errors are needed, but got {y.tolist()}, {e.tolist()}")
    from scipy.optimize import brentq

    n, unit = len(y), float(np.median(e))  # in units of an error, so that no scale is too large or small
    y, e, origin = (y - y.mean()) / unit, (e / unit).clip(1e-9, 1e12), float(y.mean())

    def look(between: float) -> tuple[Reals, float]:
        weights = 1 / (e**2 + between)
        return weights, float(weights @ y / weights.sum())

    def surplus(between: float) -> float:
        weights, mean = look(between)
        return float(weights @ (y - mean) ** 2) - (n - 1)

    most = 2 * float(y @ y) + 1.0  # there the surplus is negative, as it is from its root on
    between = float(brentq(surplus, 0.0, most, maxiter=1000)) if surplus(0.0) > 0 else 0.0
    weights, mean = look(between)
    share = e**2 * weights  # of the variance that is error
    trusted = share * max(0.0, (n - 3) / (n - 1)) if n > 1 else 0 * share
    variance = e**2 * (1 - trusted) + trusted**2 / weights.sum() + 2 / max(n - 1, 1) * (share * (y - mean)) ** 2
    return origin + unit * (y - share * (y - mean)), unit * np.sqrt(variance)
