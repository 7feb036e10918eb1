"""Pairs of matches by the laws that players of a known difference obey, and sequential tests on them, by simulation."""

import math

import numpy as np

from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, Reals, expected, shortfall


def feasible(gap: float, draws: float) -> float:
    """The share of draws, or the largest that leaves the score which the gap demands: then the weaker never wins."""
    return min(draws, 2 * float(expected(-abs(gap))))


def chances(gap: float, draws: float, correlation: float = 0.0) -> Reals:
    """Of a pair's five outcomes, (5,), with that correlation between its two results."""
    score = float(expected(gap))
    match = np.array([1 - score - draws / 2, draws, score - draws / 2]).clip(0)
    surplus = np.array([0, 0.5, 1]) - score
    joined = np.outer(match, match) * (1 + correlation * np.outer(surplus, surplus) / (match @ surplus**2))
    return np.array([np.fliplr(joined).trace(offset) for offset in (2, 1, 0, -1, -2)])


def sequential(probabilities: Reals, runs: int, seed: int, most: int = 50_000) -> tuple[Reals, Reals]:
    """Accepted, rejected or neither (1, -1, 0), and pairs played, of tests [0, 50] at alpha = beta = 0.05, (runs,)."""
    rng, bound, block = np.random.default_rng(seed), math.log(19), 64
    counts, alive = np.zeros((runs, 5)), np.arange(runs)
    decided, pairs = np.zeros(runs), np.full(runs, float(most))
    at0, at1 = (PAIR_SCORES - expected(gap) for gap in (0, 50))
    for played in range(0, most, block):
        drawn = np.eye(5)[rng.choice(5, (len(alive), block), p=probabilities)]
        path = counts[alive, None] + drawn.cumsum(axis=1)
        ratio = shortfall(at0, path + REGULARISER) - shortfall(at1, path + REGULARISER)
        over = np.abs(ratio) >= bound
        first, ended = over.argmax(axis=1), over.any(axis=1)
        decided[alive[ended]] = np.sign(ratio[ended, first[ended]])
        pairs[alive[ended]] = played + first[ended] + 1
        counts[alive], alive = path[:, -1], alive[~ended]
        if not len(alive):
            break
    return decided, pairs
