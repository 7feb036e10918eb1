"""How often intervals hold the truth and how long sequential tests last, simulated at length; tables with -s."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from pair_laws import chances, feasible, sequential

from trials.arena.ratings import bradley_terry
from trials.arena.ratings.elo import CHI_SQUARED_95, direct
from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, Reals, elo, expected, shortfall
from trials.records import MatchRecord

pytestmark = pytest.mark.slow


def held(drawn: Reals, score: float) -> Reals:
    """Whether the interval of each of the counts (n, 5) holds the score: whether its deviance there is small, (n,)."""
    return 2 * shortfall(PAIR_SCORES - score, drawn + REGULARISER) <= CHI_SQUARED_95


def half_widths(drawn: Reals) -> Reals:
    """Of the intervals, Elo, (n,), by bisection of all at once."""
    weights = drawn + REGULARISER
    own = weights @ PAIR_SCORES / weights.sum(axis=1)
    ends = []
    for edge in (0.0, 1.0):
        inner, outer = own, np.full_like(own, edge)
        for _ in range(40):
            middle = (inner + outer) / 2
            inside = 2 * shortfall(PAIR_SCORES - middle[:, None], weights) <= CHI_SQUARED_95
            inner, outer = np.where(inside, middle, inner), np.where(inside, outer, middle)
        ends.append(400 * np.log10(inner / (1 - inner)))
    return (ends[1] - ends[0]) / 2


def test_intervals_cover_the_truth_as_often_as_they_say(records: Callable[..., list[MatchRecord]]) -> None:
    """95 % intervals of direct ratings; where draws leave few decided matches, wider than that."""
    rng, runs = np.random.default_rng(1), 20_000
    cases = [(gap, feasible(gap, draws), 0.0) for gap, draws in product((0, 50, 200, 400), (0.0, 0.5, 0.9))]
    cases += [(gap, draws, rho) for gap, draws in ((0, 0.0), (0, 0.5), (200, 0.0)) for rho in (-0.1, 0.1)]
    heads = f"{'gap':>5}{'draws':>8}{'corr':>6}{'pairs':>7}{'covered':>10}{'too low':>9}{'too high':>10}{'± Elo':>8}"
    print(f"\n95 % intervals, {runs} replications; draws are the largest feasible share where less than asked\n{heads}")
    for (gap, draws, rho), pairs in product(dict.fromkeys(cases), (50, 100, 400)):
        probabilities = chances(gap, draws, rho)
        score = float(probabilities @ PAIR_SCORES)
        assert elo(score) == pytest.approx(gap)
        assert spread(probabilities) == pytest.approx((1 + rho) / 2 * (score * (1 - score) - draws / 4))
        drawn = rng.multinomial(pairs, probabilities, size=runs).astype(np.float64)
        inside, below = held(drawn, score), drawn @ PAIR_SCORES < pairs * score
        widths = half_widths(drawn[:1000])
        for number, counts in enumerate(drawn[:5]):  # what was asked above is what the rating itself would say
            rating = direct(records(tuple(int(c) for c in counts)), "b")
            assert (rating.low <= gap <= rating.high) == inside[number]
            assert (rating.high - rating.low) / 2 == pytest.approx(widths[number], abs=0.01)
        covered = float(inside.mean())
        missed = [float((~inside & side).mean()) for side in (below, ~below)]
        print(
            f"{gap:5}{draws:8.1%}{rho:6.1f}{pairs:7}{covered:10.1%}{missed[0]:9.1%}{missed[1]:10.1%}{widths.mean():8.1f}"
        )
        slack = 3 * math.sqrt(0.05 * 0.95 / runs)
        few = 2 * pairs * (1 - draws) < 15  # decided matches, beside which the one of the regulariser weighs
        assert 0.93 - slack < covered < (0.985 if few else 0.97) + slack


def spread(probabilities: Reals) -> float:
    """Variance of a pair's mean score."""
    return float(probabilities @ PAIR_SCORES**2 - (probabilities @ PAIR_SCORES) ** 2)


def wald(probabilities: Reals, elo0: float, elo1: float, bound: float, overshoot: float) -> tuple[float, float]:
    """Share accepted and expected pairs of a test with bounds -bound and bound, from the theory.

    Wald, Sequential Analysis, 1947, for steps of a normal distribution of known variance: the log-likelihood ratio
    drifts by (s1 - s0)(s - (s0 + s1) / 2) / variance a pair, and its variance grows by (s1 - s0)^2 / variance. It ends
    `overshoot` of a step's standard deviation beyond a bound, 0.583 on average (Siegmund, Sequential Analysis, 1985).
    """
    score, (low, high) = float(probabilities @ PAIR_SCORES), expected([elo0, elo1])
    steps = (high - low) ** 2 / spread(probabilities)
    bound += overshoot * math.sqrt(steps)
    drift = steps * (score - (low + high) / 2) / (high - low)
    accepted = 1 / (1 + math.exp(-2 * drift * bound / steps))
    return accepted, bound**2 / steps if abs(drift) < 1e-9 else bound * (2 * accepted - 1) / drift


def test_sequential_tests_err_and_last_as_theory_says() -> None:
    """[0, 50] at alpha = beta = 0.05, with the overshoot and the early pairs, whose spread is yet unknown."""
    runs, bound = 5000, math.log(19)
    print(f"\nSPRT [0, 50], alpha = beta = 0.05, {runs} replications; Wald's theory without and with overshoot")
    heads = f"{'Elo':>5}{'draws':>8}{'accepted':>10}{'Wald':>8}{'with':>8}"
    print(f"{heads}{'pairs':>9}{'Wald':>8}{'with':>8}{'95 % of tests end by':>23}")
    for draws, gap in product((0.0, 0.5, 0.9), (0, 25, 50)):
        share = feasible(gap, draws)
        probabilities = chances(gap, share)
        decided, pairs = sequential(probabilities, runs, seed=2)
        found = float((decided == 1).mean())
        plain, over = (wald(probabilities, 0, 50, bound, overshoot) for overshoot in (0.0, 0.583))
        print(
            f"{gap:5}{share:8.1%}{found:10.1%}{plain[0]:8.1%}{over[0]:8.1%}"
            f"{pairs.mean():9.1f}{plain[1]:8.1f}{over[1]:8.1f}{np.quantile(pairs, 0.95):23.0f}"
        )
        assert (decided != 0).all()
        wrong = {0: found, 50: 1 - found}.get(gap, 0.0)
        assert wrong < 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
        error = 3 * pairs.std() / math.sqrt(runs)
        # Of few decided matches the spread is learned slowly, and the regulariser's two halves are much beside them.
        assert plain[1] - error < pairs.mean() < (1.15 if share <= 0.5 else 4.0) * over[1] + error


def test_a_joint_fit_is_as_sure_as_it_should_be() -> None:
    """Six models, every pairing 100 pairs: 95 % intervals of the differences to the first, and of all differences."""
    rng, runs = np.random.default_rng(3), 2000
    true = np.array([0.0, 60.0, 100.0, 150.0, 250.0, 400.0])
    names = list("abcdef")
    pairings = [(i, j) for i in range(6) for j in range(i)]
    print(f"\nJoint fit of 6 models at {true.tolist()} Elo, 100 pairs a pairing, {runs} replications")
    print(f"{'draws':>6}{'corr':>6}{'differences to the first':>45}{'all':>9}{'± Elo, of the first three':>29}")
    for draws, rho in ((0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (0.0, -0.1), (0.0, 0.1)):
        laws = {(i, j): chances(true[i] - true[j], feasible(true[i] - true[j], draws), rho) for i, j in pairings}
        drawn = {pairing: rng.multinomial(100, law, size=runs) for pairing, law in laws.items()}
        errors, deviations = np.empty((runs, 15)), np.empty((runs, 15))
        for run in range(runs):
            fit = bradley_terry.fit(names, {(names[i], names[j]): drawn[i, j][run] for i, j in pairings})
            for k, (i, j) in enumerate(pairings):
                errors[run, k] = fit.ratings[i] - fit.ratings[j] - (true[i] - true[j])
                deviations[run, k] = fit.covariance[i, i] + fit.covariance[j, j] - 2 * fit.covariance[i, j]
        inside = (np.abs(errors) < 1.96 * np.sqrt(deviations)).mean(axis=0)
        to_first = [k for k, (_, j) in enumerate(pairings) if j == 0]
        widths = 1.96 * np.sqrt(deviations.mean(axis=0))[to_first]
        cells = "".join(f"{inside[k]:9.1%}" for k in to_first)
        print(f"{draws:6.0%}{rho:6.1f}{cells}{inside.mean():9.1%}" + "".join(f"{width:9.1f}" for width in widths[:3]))
        assert (np.abs(errors.mean(axis=0)) < 0.15 * np.sqrt(deviations.mean(axis=0))).all()
        slack = 3 * math.sqrt(0.05 * 0.95 / runs)
        assert 0.93 - slack < inside.min() <= inside.max() < 0.97 + slack
