"""What a league knows of a player before its matches are read: kinds found in ratings, and the prior they make."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trials.league import prior


def pool(seed: int, *groups: tuple[int, float, float], noise: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    """Ratings of groups (players, mean, spread) seen through noise, and their standard errors."""
    random = np.random.default_rng(seed)
    true = np.concatenate([random.normal(mean, spread, players) for players, mean, spread in groups])
    return true + random.normal(0, noise, len(true)), np.full(len(true), noise)


def test_two_kinds_are_found_with_their_shares_means_and_spreads() -> None:
    found = prior.found(*pool(0, (60, 550, 80), (140, 1250, 160)))
    assert found is not None and len(found.means) == 2
    weak, strong = np.argsort(found.means)
    assert found.shares[weak] == pytest.approx(0.3, abs=0.03)
    assert found.means[[weak, strong]] == pytest.approx([550, 1250], abs=40)
    assert 70 < found.spreads[weak] < 110 and 130 < found.spreads[strong] < 190


def test_one_kind_is_rarely_taken_for_two() -> None:
    counts = [len(found.means) for seed in range(40) if (found := prior.found(*pool(seed, (100, 1100, 200))))]
    assert len(counts) == 40 and counts.count(1) >= 38


def test_spread_is_that_of_strengths_and_not_of_noise() -> None:
    found = prior.found(*pool(1, (400, 1000, 50), noise=100.0))
    assert found is not None and len(found.means) == 1
    assert 40 < found.spreads[0] < 90  # what is seen has a spread of 112


def test_nothing_is_said_of_too_few() -> None:
    assert prior.found(np.linspace(500, 1500, prior.FEWEST - 1), np.full(prior.FEWEST - 1, 20.0)) is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-2000, 2000), min_size=prior.FEWEST, max_size=40),
    st.floats(1, 1000),
    st.randoms(use_true_random=False),
)
def test_the_prior_is_a_proper_one_whatever_the_ratings(elo: list[float], error: float, random: object) -> None:
    ratings, errors = np.array(elo), np.full(len(elo), error)
    found = prior.found(ratings, errors)
    assert found is not None and np.isfinite([*found.means, *found.spreads]).all()
    assert found.shares.sum() == pytest.approx(1)
    known = prior.precision(found, ratings, errors)
    assert np.isfinite(known).all() and known == pytest.approx(known.T, abs=1e-12)
    lowest, highest = np.linalg.eigvalsh(known)[[0, -1]]
    assert lowest > -1e-9 * max(highest, 1e-12)  # it never pushes ratings apart
    assert known @ np.ones(len(elo)) == pytest.approx(0, abs=1e-9)  # where all are together is open
    order = np.random.default_rng(0).permutation(len(elo))
    again = prior.found(ratings[order], errors[order])
    assert again is not None
    assert prior.precision(again, ratings[order], errors[order]) == pytest.approx(known[np.ix_(order, order)], rel=1e-3)


def test_how_far_two_kinds_are_apart_is_open() -> None:
    ratings, errors = pool(2, (40, 500, 60), (60, 1300, 60), noise=5.0)
    found = prior.found(ratings, errors)
    assert found is not None
    known, weak = prior.precision(found, ratings, errors), np.arange(100) < 40
    shift = np.where(weak, 0.0, 100.0)
    one = np.zeros(100)
    one[70] = 100.0
    assert shift @ known @ shift < 1e-6 * (one @ known @ one)
    assert one @ known @ one == pytest.approx((100 / found.spreads[np.argmax(found.means)]) ** 2, rel=0.05)


def test_a_newcomer_may_be_of_any_kind() -> None:
    found = prior.found(*pool(3, (50, 500, 80), (50, 1300, 80)))
    assert found is not None
    ratings, errors = np.array([500.0, 1300.0, 900.0]), np.array([10.0, 10.0, 1000.0])
    newcomer = found.membership(ratings, errors)[2]
    assert newcomer == pytest.approx([0.5, 0.5], abs=0.1)
    both = newcomer @ found.spreads**2 + 400.0**2
    assert prior.precision(found, ratings, errors)[2, 2] < 1.1 / both  # less, as the kinds' own places are open
