"""A sequential probability ratio test on the five outcomes of a pair, runnable alone on five counts.

    python -m trials.arena.ratings.sprt 3 10 20 40 27 --elo0 0 --elo1 50

The generalised test that fishtest runs (Van den Bergh, A practical introduction to the GSPRT; Li, Liu, Ying,
Generalized sequential probability ratio test for separate families of hypotheses, Sequential Analysis 2014): the
likelihood of each hypothesis is that of the likeliest five probabilities whose mean is the hypothesis' expected score,
so draws and the correlation within pairs need no model. While pairs are few the observed spread is too small; the
regulariser of trials.arena.ratings.pentanomial, half a match won and half a match lost, stands against that. Wald's
bounds are not corrected for overshoot, which makes the test a little conservative; where nine matches in ten are drawn,
regulariser and unknown spread make it much more so, and it takes two or three times the pairs of a test that knows the
spread (`make bench` prints the table). A score at which a test stopped is biased: estimate Elo from fresh matches.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import ArrayLike

from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, expected, outcomes, shortfall
from trials.records import MatchRecord, Verdict

FARTHEST = 1000
"""Elo beyond which no hypothesis is worth testing, and its likelihood may vanish."""


def verdict(counts: ArrayLike, elo0: float, elo1: float, alpha: float = 0.05, beta: float = 0.05) -> Verdict:
    """Judge the pairs that scored 0, 0.25, 0.5, 0.75 and 1 for player a, (5,), by H0: elo0 against H1: elo1 > elo0.

    Elo is logistic on the 400 scale; alpha and beta are the error rates under H0 and H1. Raises ValueError.
    """
    pairs = np.asarray(counts, np.float64)
    if pairs.shape != (5,) or not (pairs >= 0).all():
        raise ValueError(f"a test needs five counts, none negative, but got {pairs.tolist()}")
    if not (-FARTHEST <= elo0 < elo1 <= FARTHEST and np.isfinite(pairs).all()) or not (
        0 < alpha < 0.5 and 0 < beta < 0.5
    ):
        raise ValueError(
            f"-{FARTHEST} <= elo0 < elo1 <= {FARTHEST}, finite counts, and alpha, beta within 0 and 0.5 must hold,"
            f" but got {elo0=}, {elo1=}, {alpha=}, {beta=}"
        )
    llr = log_likelihood_ratio(pairs, elo0, elo1)
    lower, upper = math.log(beta / (1 - alpha)), math.log((1 - beta) / alpha)
    return Verdict(
        elo0=elo0,
        elo1=elo1,
        llr=llr,
        lower=lower,
        upper=upper,
        verdict="accepted" if llr >= upper else "rejected" if llr <= lower else "undecided",
        pairs=int(pairs.sum()),
    )


def log_likelihood_ratio(counts: ArrayLike, elo0: float, elo1: float) -> float:
    """Natural log of how much likelier the pairs (5,) are at elo1 than at elo0."""
    weights = np.asarray(counts, np.float64) + REGULARISER
    at0, at1 = (shortfall(PAIR_SCORES - expected(elo), weights) for elo in (elo0, elo1))
    return float(at0 - at1)


class Test:
    """A test under way: give it to `play` as `stop`, and it ends the schedule at the pair that decides."""

    __test__ = False  # for pytest, which collects classes of this name

    def __init__(self, elo0: float, elo1: float, alpha: float = 0.05, beta: float = 0.05) -> None:
        self._terms = (elo0, elo1, alpha, beta)
        self._counts = np.zeros(5)
        self.verdict = verdict(self._counts, *self._terms)

    def __call__(self, pair: Sequence[MatchRecord]) -> bool:
        """Take a pair; whether the test has decided."""
        self._counts += outcomes(pair)
        self.verdict = verdict(self._counts, *self._terms)
        return self.verdict.verdict != "undecided"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trials.arena.ratings.sprt", description="SPRT on five counts of pairs."
    )
    parser.add_argument("counts", nargs=5, type=float, help="pairs that scored 0, 0.5, 1, 1.5 and 2 points")
    parser.add_argument("--elo0", type=float, default=0.0)
    parser.add_argument("--elo1", type=float, default=50.0)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--beta", type=float, default=0.05)
    given = parser.parse_args(arguments)
    try:
        result = verdict(given.counts, given.elo0, given.elo1, given.alpha, given.beta)
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
