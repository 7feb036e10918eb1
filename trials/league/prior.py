"""What kinds of players a league has, found in their ratings, and what that says of each before its matches are read.

A pool of models is no sample of one normal distribution: some have hardly learnt anything, others are close to each
other at the top. Who meets whom depends on what has been seen, and a gap once seen too wide is not looked at again, so
ratings without such knowledge are stretched (Efron, Tweedie's formula and selection bias, JASA 2011, on the same cure).
The ratings are a mixture of up to KINDS normal distributions, seen through each rating's own noise, fitted by
expectation and maximisation (Dempster, Laird and Rubin, JRSS B 1977) with the number of kinds by Schwarz's criterion.
Where the kinds stand is left open: what their mean ratings are, only matches say.
"""

from dataclasses import dataclass

import numpy as np

from trials.arena.ratings.pentanomial import Reals

KINDS, MEMBERS = 3, 10
"""So many kinds at most, and at most one for every so many players."""
SPREAD, LIKE = 300.0, 2.0
"""Elo: what a kind's spread is taken for, as strongly as LIKE players would say it."""
FEWEST = 20
"""Players below which nothing is said: of few the kinds are hard to tell, and their intervals hold without."""
TURNS, SETTLED = 500, 1e-7


@dataclass(frozen=True)
class Kinds:
    """Of k kinds: the share of players, mean rating and standard deviation, Elo, each (k,)."""

    shares: Reals
    means: Reals
    spreads: Reals

    def membership(self, ratings: Reals, errors: Reals) -> Reals:
        """How likely each of n players, its rating known up to a standard error, is of each kind: (n, k)."""
        logs = self._logs(ratings, errors)
        return np.asarray(np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)), np.float64)

    def likelihood(self, ratings: Reals, errors: Reals) -> float:
        """Natural logarithm of the ratings' probability density."""
        return float(np.logaddexp.reduce(self._logs(ratings, errors), axis=1).sum())

    def _logs(self, ratings: Reals, errors: Reals) -> Reals:
        variance = self.spreads**2 + errors[:, None] ** 2
        off = (ratings[:, None] - self.means) ** 2 / variance
        return np.asarray(np.log(self.shares) - 0.5 * (np.log(2 * np.pi * variance) + off), np.float64)


def found(ratings: Reals, errors: Reals) -> Kinds | None:
    """The kinds among ratings (n,) with standard errors (n,), Elo; None where there are fewer than FEWEST."""
    if len(ratings) < FEWEST:
        return None
    best, least = None, np.inf
    for count in range(1, min(KINDS, max(1, len(ratings) // MEMBERS)) + 1):
        fits = [_settled(start, ratings, errors) for start in _starts(count, ratings)]
        if not fits:
            break
        score, kinds = max(((fit.likelihood(ratings, errors), fit) for fit in fits), key=lambda pair: pair[0])
        schwarz = (3 * count - 1) * np.log(len(ratings)) - 2 * score
        if schwarz < least:
            best, least = kinds, schwarz
    return best


def _starts(count: int, ratings: Reals) -> list[Kinds]:
    """Where the search begins: the sorted ratings cut at their widest gaps, and into equal parts."""
    order = np.sort(ratings)
    inner = np.arange(2, len(order) - 1)  # a kind has two players or more
    gaps = np.sort(inner[np.argsort(-(order[inner] - order[inner - 1]), kind="stable")][: count - 1])
    equal = np.linspace(0, len(order), count + 1).astype(int)[1:-1]
    cuts = {tuple(gaps.tolist()), tuple(equal.tolist())}
    starts = []
    for cut in sorted(cuts):
        parts = np.split(order, cut)
        if len(parts) == count and min(map(len, parts)) >= 2:
            shares = np.array([len(part) / len(order) for part in parts])
            spread = np.array([np.sqrt((LIKE * SPREAD**2 + len(p) * p.var()) / (LIKE + len(p))) for p in parts])
            starts.append(Kinds(shares, np.array([part.mean() for part in parts]), spread))
    return starts


def _settled(kinds: Kinds, ratings: Reals, errors: Reals) -> Kinds:
    before = -np.inf
    for _ in range(TURNS):
        member = kinds.membership(ratings, errors)
        noise = errors[:, None] ** 2
        variance = kinds.spreads**2 * noise / (kinds.spreads**2 + noise)  # of a player's strength, were it of the kind
        strength = (kinds.means * noise + ratings[:, None] * kinds.spreads**2) / (kinds.spreads**2 + noise)
        many = member.sum(axis=0) + 1e-9
        means = (member * strength).sum(axis=0) / many
        squares = (member * (variance + (strength - means) ** 2)).sum(axis=0)
        kinds = Kinds(many / many.sum(), means, np.sqrt((LIKE * SPREAD**2 + squares) / (LIKE + many)))
        now = kinds.likelihood(ratings, errors)
        if abs(now - before) < SETTLED * len(ratings):
            break
        before = now
    return kinds


def precision(kinds: Kinds, ratings: Reals, errors: Reals) -> Reals:
    """What the kinds say of n players' strengths, as the matrix (n, n) of a quadratic form, 1 / Elo squared.

    A player is expected where its kinds are, by their membership, as surely as these agree; the kinds' own places are
    whatever suits best, so a shift of a whole kind costs nothing.
    """
    member = kinds.membership(ratings, errors)
    expected = member @ kinds.means
    apart = (kinds.means - expected[:, None]) ** 2
    sure = 1 / (member * (kinds.spreads**2 + apart)).sum(axis=1)
    weighted = member * sure[:, None]
    free = np.linalg.pinv(member.T @ weighted, hermitian=True)
    return np.asarray(np.diag(sure) - weighted @ free @ weighted.T, np.float64)
