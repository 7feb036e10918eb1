"""What a few training seeds say of a configuration."""

import math

import numpy as np
import pytest
from events import rating
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t, ttest_ind

from trials.arena.ratings import seed_intervals
from trials.arena.ratings.pentanomial import Reals
from trials.records import NORMAL_95, Estimate

SEEDS = (2, 3, 5)
SPREADS = (0.0, 40.0, 80.0)


def policies(n: int, spread: float, error: float, runs: int, rng: np.random.Generator) -> Reals:
    """Elo of the policies of a configuration whose mean is 0, (runs, n)."""
    return spread * rng.standard_normal((runs, n)) + error * rng.standard_normal((runs, n))


def meetings(n: int, spreads: tuple[float, float], error: float, runs: int, rng: np.random.Generator) -> Reals:
    """Direct Elo of all policies against all, of two configurations that are equally good, (runs, n, n)."""
    mine, theirs = (spread * rng.standard_normal((runs, n)) for spread in spreads)
    return mine[:, :, None] - theirs[:, None, :] + error * rng.standard_normal((runs, n, n))


def test_a_mean_over_seeds_has_students_interval() -> None:
    found = seed_intervals.over([rating(100, 10), rating(160, 10), rating(190, 10)])
    values = np.array([100.0, 160.0, 190.0])
    half = t.ppf(0.975, 2) * values.std(ddof=1) / math.sqrt(3)
    assert found.elo == 150 and found.seeds == 3
    assert (found.low, found.high) == pytest.approx((150 - half, 150 + half))


def test_two_configurations_have_welchs_interval() -> None:
    mine, theirs = np.array([10.0, 60.0, 110.0]), np.array([-40.0, 5.0, 95.0])
    found = seed_intervals.difference([[rating(a - b, 1e-6) for b in theirs] for a in mine])
    low, high = ttest_ind(mine, theirs, equal_var=False).confidence_interval()  # without match noise it is Welch's own
    assert found.elo == pytest.approx(mine.mean() - theirs.mean())
    assert (found.low, found.high) == pytest.approx((low, high))


def test_one_seed_gives_no_interval() -> None:
    assert seed_intervals.over([rating(100, 10)]) == Estimate(100, None, None, 1)
    found = seed_intervals.difference([[rating(10, 5), rating(20, 5)]])
    assert found == Estimate(15, None, None, 1)


def test_what_cannot_be_averaged_is_refused() -> None:
    with pytest.raises(ValueError, match="there is none"):
        seed_intervals.over([])
    for meeting in ([], [[]], [[rating(1), rating(2)], [rating(3)]]):
        with pytest.raises(ValueError, match="every policy must have met every other"):
            seed_intervals.difference(meeting)


ELOS = st.floats(-2000, 2000, width=32)


@given(arrays(np.float64, st.integers(1, 6), elements=ELOS), st.floats(1, 300), ELOS)
def test_an_interval_moves_with_its_numbers_and_is_never_narrower_than_the_matches_allow(
    elos: Reals, error: float, by: float
) -> None:
    errors = np.full(len(elos), error)
    mean, half = seed_intervals.mean_of(elos, errors)
    moved, same = seed_intervals.mean_of(elos + by, errors)
    assert moved == pytest.approx(mean + by, abs=1e-6) and same == pytest.approx(half, rel=1e-6, abs=1e-6)
    assert half >= NORMAL_95 * error / math.sqrt(len(elos)) * (1 - 1e-9)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=ELOS), st.floats(1, 300))
def test_the_other_side_sees_the_same_interval(elos: Reals, error: float) -> None:
    errors = np.full(elos.shape, error)
    mine, theirs = seed_intervals.between(elos, errors), seed_intervals.between(-elos.T, errors.T)
    assert mine[0] == pytest.approx(-theirs[0], abs=1e-6)
    assert mine[1] == pytest.approx(theirs[1], rel=1e-6)


@pytest.mark.parametrize("n", SEEDS)
@pytest.mark.parametrize("spread", SPREADS)
def test_intervals_over_seeds_hold_the_truth(n: int, spread: float) -> None:
    rng, runs, error = np.random.default_rng(n), 4000, 17.5
    mean, half = seed_intervals.mean_of(policies(n, spread, error, runs, rng), np.full((runs, n), error))
    assert (abs(mean) <= half).mean() > 0.937  # 0.95 less four standard errors
    share = error * math.sqrt(n)  # a policy's matches against the course's are shared among n of them
    for other in (spread, spread / 4):
        mean, half = seed_intervals.between(
            meetings(n, (spread, other), share, runs, rng), np.full((runs, n, n), share)
        )
        assert (abs(mean) <= half).mean() > 0.937


@given(
    arrays(np.float64, 3, elements=st.floats(-300, 300)),
    arrays(np.float64, 3, elements=st.floats(-300, 300)),
    st.floats(1, 60),
)
def test_so_many_seeds_as_are_needed_bring_the_interval_off_zero(mine: Reals, theirs: Reals, error: float) -> None:
    """If difference and scatter stay as they are: the same policies over and over scatter even a little less."""
    met = [[rating(float(a - b), 1.96 * error) for b in theirs] for a in mine]
    now, wanted = seed_intervals.difference(met), seed_intervals.needed(met, 100)
    assert now.low is not None and now.high is not None
    if now.low > 0 or now.high < 0:
        assert wanted is not None and wanted <= 3
    elif wanted is not None:
        assert wanted > 3
        times = math.ceil(wanted / 3)
        later = seed_intervals.difference([row * times for row in met] * times)
        assert later.low is not None and later.high is not None and not later.low <= 0 <= later.high
        assert seed_intervals.needed(met, wanted - 1) is None  # fewer would not


def shown(rng: np.random.Generator, widened: bool, error: float = 30.0, most: int = 20) -> bool:
    """Whether one of two equals is taken for the better one by who adds seeds until it is clear, as is advised."""
    met = rng.normal(0, 40, (most, 1)) - rng.normal(0, 40, (1, most)) + rng.normal(0, error, (most, most))
    seeds, look = 3, 1
    while True:
        elos, errors = met[:seeds, :seeds], np.full((seeds, seeds), error)
        elo, half = seed_intervals.between(elos, errors, look)
        if abs(elo) > half:
            return bool(elo > 0)
        look += widened
        wanted = seed_intervals.needed([[rating(x, 1.96 * error) for x in row] for row in elos], most, look)
        if wanted is None or seeds == most:
            return False
        seeds = min(most, max(wanted, seeds + 1))


def test_who_adds_seeds_until_a_difference_is_clear_is_seldom_misled() -> None:
    often = {
        widened: np.mean([shown(np.random.default_rng(run), widened) for run in range(400)])
        for widened in (False, True)
    }
    assert often[True] <= 0.05 and often[True] < 0.7 * often[False]


def test_of_one_seed_or_no_difference_no_number_of_seeds_is_said() -> None:
    assert seed_intervals.needed([[rating(50, 20), rating(60, 20)]], 100) is None
    assert seed_intervals.needed([[rating(10, 20), rating(-10, 20)], [rating(-10, 20), rating(10, 20)]], 100) is None
