"""A joint fit of everybody's rating from a table of pairings: Bradley and Terry's model, draws as half a win."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, Reals, expected

PER_ELO = np.log(10) / 400  # natural log-odds of a point
PRIOR_SD = 1000.0  # Elo: so weak that it matters only where the table says nothing, between players never connected

Places = NDArray[np.intp]
"""Players' places among the names."""


@dataclass(frozen=True)
class Fit:
    """Ratings (n,) and their covariance (n, n), Elo and Elo squared, in the order of the names given."""

    ratings: Reals
    covariance: Reals

    def anchored(self, at: int | None, rating: float = 1200.0) -> "Fit":
        """The same differences, with player `at`, or the mean if None, at `rating` exactly."""
        shift = shift_to(at, len(self.ratings))
        return Fit(shift @ self.ratings + rating, shift @ self.covariance @ shift.T)


def shift_to(at: int | None, n: int) -> Reals:
    """What takes the ratings of n players to those less that of player `at`, or less their mean if None: (n, n)."""
    fixed = np.full((n, n), 1 / max(n, 1)) if at is None else np.eye(n)[[at]].repeat(n, axis=0)
    return np.asarray(np.eye(n) - fixed, np.float64)


def fit(
    names: Sequence[str],
    table: Mapping[tuple[str, str], ArrayLike],
    start: ArrayLike | None = None,
    known: Reals | None = None,
) -> Fit:
    """Ratings from pair outcomes: `table[a, b]` counts the pairs that scored 0, 0.25, 0.5, 0.75 and 1 for a, (5,).

    Maximises Firth's penalised likelihood under a normal prior of standard deviation PRIOR_SD: each pairing is given
    half a won and half a lost match times its leverage, so one-sided tables stay finite. The covariance is the
    sandwich clustered by pair, so neither draws nor a correlation within pairs bends it; between unconnected players
    it is the prior's. `start` (n,), Elo, is where the search begins; the mean of `names` is about 0. `known` (n, n) is
    a second normal prior's precision, 1 / Elo squared; of some directions it may say nothing.
    """
    counts = np.array([table[key] for key in table], np.float64).reshape(-1, 5)
    number = {name: at for at, name in enumerate(names)}
    a, b = (np.array([number[key[of]] for key in table], np.intp) for of in (0, 1))
    n = len(names)
    prior = (np.eye(n) / PRIOR_SD**2 + (0.0 if known is None else known)) / PER_ELO**2
    played = 2 * counts.sum(axis=1)  # matches
    at = np.zeros(n) if start is None else np.asarray(start, np.float64) * PER_ELO  # log-odds
    for _ in range(200):
        p, inverse, weights = _look(at, a, b, played, counts, prior)
        surplus = 2 * (weights @ PAIR_SCORES - weights.sum(axis=1) * p)
        step = inverse @ (np.bincount(a, surplus, n) - np.bincount(b, surplus, n) - prior @ at)
        at = at + step * min(1.0, 2.0 / np.abs(step).max(initial=1e-300))
        if np.abs(step).max(initial=0) < 1e-10:
            break
    p, inverse, weights = _look(at, a, b, played, counts, prior)
    spread = (weights * (2 * (PAIR_SCORES - p[:, None])) ** 2).sum(axis=1)
    covariance = inverse @ _laplacian(a, b, spread, prior) @ inverse
    return Fit(at / PER_ELO, covariance / PER_ELO**2)


def _look(at: Reals, a: Places, b: Places, played: Reals, counts: Reals, prior: Reals) -> tuple[Reals, Reals, Reals]:
    """Expected scores (pairings,), inverse information (n, n), and counts with the regulariser (pairings, 5)."""
    p = expected((at[a] - at[b]) / PER_ELO)
    information = played * p * (1 - p)
    inverse = _inverse(_laplacian(a, b, information, prior))
    leverage = information * (inverse[a, a] + inverse[b, b] - 2 * inverse[a, b])
    return p, inverse, counts + leverage[:, None] * REGULARISER


def _laplacian(a: Places, b: Places, weights: Reals, prior: Reals) -> Reals:
    """Sum over pairings of weight times (e_a - e_b)(e_a - e_b)', and the prior: (n, n)."""
    n = len(prior)
    between = np.bincount(a * n + b, weights, n * n).reshape(n, n)
    between = between + between.T
    return np.asarray(np.diag(between.sum(axis=1)) - between + prior, np.float64)


def _inverse(of: Reals) -> Reals:
    """Of a symmetric positive definite matrix (n, n), by Cholesky: half the work of a general one's."""
    if not len(of):
        return of
    from scipy.linalg import lapack  # scipy takes its time, and the constants here are asked for alone

    factor, wrong = lapack.dpotrf(of, lower=1)
    lower, wrong_too = lapack.dpotri(factor, lower=1)
    if wrong or wrong_too:
        raise np.linalg.LinAlgError("the ratings' information must be positive definite")
    lower = np.tril(lower)
    return np.asarray(lower + np.tril(lower, -1).T, np.float64)
