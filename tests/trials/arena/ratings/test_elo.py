"""Ratings: finite and honest everywhere, right as often as they say, the same for both points of view."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pair_laws import chances, feasible

from trials.arena.ratings import bradley_terry
from trials.arena.ratings.elo import CHI_SQUARED_95, direct, on_ladder
from trials.arena.ratings.ladder_file import Ladder, LadderPlayer
from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, elo, outcomes, shortfall
from trials.errors import SetupError
from trials.records import MatchRecord

Records = Callable[..., list[MatchRecord]]
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
counts_of_pairs = st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(lambda c: sum(c) > 0)


def test_outcomes_count_pairs(records: Records) -> None:
    assert outcomes(records((3, 1, 4, 1, 5))).tolist() == [3, 1, 4, 1, 5]
    with pytest.raises(ValueError, match="pair 1 has 1"):
        outcomes(records((0, 0, 3, 0, 0))[:3])


@quick
@given(counts_of_pairs)
def test_the_shortfall_is_that_of_the_likeliest_bent_probabilities(counts: list[int]) -> None:
    weights = np.array(counts) + REGULARISER
    probabilities = weights / weights.sum()
    own = float(probabilities @ PAIR_SCORES)
    assert float(shortfall(PAIR_SCORES - own, weights)) == pytest.approx(0, abs=1e-9)
    for score in (0.02, 0.3, 0.5, 0.8):
        lost = float(shortfall(PAIR_SCORES - score, weights))
        bent = probabilities * (1 + 0.3 * (PAIR_SCORES - own))  # any other distribution with the wanted mean loses more
        bent /= bent.sum()
        mixed = float(bent @ PAIR_SCORES)
        edge = 1.0 if score > mixed else 0.0
        share = (score - mixed) / (edge - mixed)
        other = (1 - share) * bent + share * (edge == PAIR_SCORES)
        assert float(other @ PAIR_SCORES) == pytest.approx(score)
        with np.errstate(divide="ignore", invalid="ignore"):
            loss = np.where(weights > 0, weights * np.log(probabilities / other), 0).sum()
        assert lost <= loss + 1e-9


def test_a_mean_beyond_all_values_is_impossible() -> None:
    assert shortfall([0.1, 0.2], [1, 1]) == math.inf
    assert shortfall([0.0, 0.5], [3, 0]) == 0


@given(counts_of_pairs)
@quick
def test_a_direct_rating_is_finite_and_the_same_from_both_sides(records: Records, counts: list[int]) -> None:
    mine, theirs = direct(records(tuple(counts)), "b"), direct(records(tuple(reversed(counts))), "b")
    assert -4000 < mine.low < mine.elo < mine.high < 4000
    assert (mine.elo, mine.low, mine.high) == pytest.approx((-theirs.elo, -theirs.high, -theirs.low), abs=1e-3)
    assert mine.matches == 2 * sum(counts) and mine.ladder == "direct"
    assert mine.as_blue.wins + mine.as_purple.wins == mine.wins
    assert mine.by_opponent["b"].draws == mine.draws


def test_one_sided_results_are_finite_and_grow_with_the_evidence(records: Records) -> None:
    few, many = (direct(records((0, 0, 0, 0, n)), "b") for n in (5, 500))
    assert 0 < few.low < few.elo < few.high < 2500
    assert many.low > few.low + 400
    n = 50  # all pairs won: no lower than where 2.5 % of such series would be all wins, were each pair one match
    assert direct(records((0, 0, 0, 0, n)), "b").low == pytest.approx(elo(0.025 ** (1 / n)), abs=60)


def test_draws_narrow_and_twins_widen_the_interval(records: Records) -> None:
    def width(*counts: int) -> float:
        rating = direct(records(counts), "b")
        assert rating.elo == pytest.approx(0, abs=1e-9)
        return rating.high - rating.low

    independent = width(25, 0, 50, 0, 25)
    assert width(1, 4, 90, 4, 1) < 0.5 * independent
    assert width(50, 0, 0, 0, 50) == pytest.approx(math.sqrt(2) * independent, rel=0.02)


@pytest.mark.parametrize("together", [0.0, 0.3])
@pytest.mark.parametrize("draws", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("gap", [0.0, 50.0, 200.0, 400.0])
def test_intervals_cover_the_truth(gap: float, draws: float, together: float) -> None:
    """95 % of intervals from 100 pairs hold the true gap; more where hardly a pair differs from the next."""
    law = chances(gap, feasible(gap, draws), together)
    drawn = np.random.default_rng(1).multinomial(100, law, size=4000) + REGULARISER
    inside = 2 * shortfall(PAIR_SCORES - float(law @ PAIR_SCORES), drawn) <= CHI_SQUARED_95
    assert 0.935 < inside.mean() < 0.985


def ladder(covariance: np.ndarray, ratings: tuple[float, ...] = (700.0, 900.0, 1200.0)) -> Ladder:
    rungs = tuple(
        LadderPlayer(name=n, rating=r, sha256=None) for n, r in zip(("low", "mid", "top"), ratings, strict=True)
    )
    rows = tuple(tuple(float(c) for c in row) for row in covariance)
    return Ladder(
        version="ladder-t", environment="soccer-1", anchor="top", rungs=rungs, covariance=rows, pairings=(), seed=1
    )


SURE = np.zeros((3, 3))


@given(counts_of_pairs, st.sampled_from([0, 1, 2]))
@quick
def test_against_one_rung_the_ladder_says_what_the_direct_rating_says(
    records: Records, counts: list[int], rung: int
) -> None:
    steps = ladder(SURE)
    played = records(tuple(counts), b=steps.rungs[rung].name)
    placed, difference = on_ladder(played, steps), direct(played, "b")
    shift = steps.rungs[rung].rating
    assert placed.elo == pytest.approx(difference.elo + shift, abs=1e-3)
    assert placed.low == pytest.approx(difference.low + shift, abs=1e-2)
    assert placed.high == pytest.approx(difference.high + shift, abs=1e-2)
    assert placed.ladder == "ladder-t"


def test_hopeless_and_perfect_candidates_stay_finite(records: Records) -> None:
    steps = ladder(SURE)
    for counts in ((30, 0, 0, 0, 0), (0, 0, 0, 0, 30)):
        played = records(counts, b="low") + records(counts, b="mid", first=30) + records(counts, b="top", first=60)
        rating = on_ladder(played, steps)
        assert -3000 < rating.low < rating.elo < rating.high < 5000
        assert list(rating.by_opponent) == ["low", "mid", "top"]


def test_the_ladders_own_uncertainty_widens_the_interval(records: Records) -> None:
    played = records((20, 0, 40, 0, 40), b="mid")
    sure = on_ladder(played, ladder(SURE))
    unsure = on_ladder(played, ladder(np.diag([0, 30.0**2, 0])))
    assert unsure.elo == sure.elo
    half, wide = (sure.high - sure.low) / 2, (unsure.high - unsure.low) / 2
    assert wide == pytest.approx(math.hypot(half, 1.96 * 30), rel=0.05)


def test_ratings_of_other_environments_and_strangers_are_refused(records: Records) -> None:
    with pytest.raises(SetupError, match="never compared"):
        on_ladder(records((1, 0, 0, 0, 0), b="mid"), _other(ladder(SURE), environment="soccer-0"))
    with pytest.raises(SetupError, match="must stand on the ladder"):
        on_ladder(records((1, 0, 0, 0, 0), b="nobody"), ladder(SURE))


def _other(steps: Ladder, environment: str) -> Ladder:
    return Ladder(
        version=steps.version,
        environment=environment,
        anchor=steps.anchor,
        rungs=steps.rungs,
        covariance=steps.covariance,
        pairings=(),
        seed=1,
    )


def test_a_ladder_interval_covers_the_truth(records: Records) -> None:
    """Candidates of rating 1000 against rungs whose stated ratings are themselves off by their stated errors."""
    rng = np.random.default_rng(3)
    true = np.array([700.0, 900.0, 1200.0])
    inside = 0
    for _ in range(400):
        steps = ladder(np.diag([400.0, 400.0, 0.0]), tuple(true + rng.normal(0, [20, 20, 0])))
        played = []
        for k, pairs in enumerate((15, 40, 15)):
            drawn = rng.multinomial(pairs, chances(1000 - true[k], 0.3))
            played += records(tuple(drawn), b=steps.rungs[k].name, first=100 * k)
        rating = on_ladder(played, steps)
        inside += rating.low <= 1000 <= rating.high
    assert 0.92 <= inside / 400 <= 0.98


def test_the_joint_fit_of_one_pairing_is_the_direct_rating(records: Records) -> None:
    counts = (10, 3, 30, 5, 40)
    fitted = bradley_terry.fit(["a", "b"], {("a", "b"): counts}).anchored(1, 1200)
    assert fitted.ratings[1] == 1200 and fitted.covariance[1, 1] == pytest.approx(0, abs=1e-9)
    assert fitted.ratings[0] - 1200 == pytest.approx(direct(records(counts), "b").elo, abs=0.5)


def test_the_joint_fit_finds_the_truth_with_honest_errors() -> None:
    true = np.array([700.0, 800.0, 1000.0, 1200.0])
    names = ["w", "x", "y", "z"]
    rng = np.random.default_rng(5)
    z = []
    for _ in range(120):
        table = {}
        for i in range(4):
            for j in range(i):
                gap = true[i] - true[j]
                table[names[i], names[j]] = rng.multinomial(150, chances(gap, feasible(gap, 0.4), 0.2))
        fitted = bradley_terry.fit(names, table).anchored(3, 1200)
        z.append((fitted.ratings - true)[:3] / np.sqrt(np.diag(fitted.covariance)[:3]))
    assert np.abs(np.mean(z, axis=0)).max() < 0.35
    assert 0.85 < np.std(z) < 1.15


def test_the_joint_fit_of_one_sided_and_disconnected_tables_is_finite_and_unsure() -> None:
    swept = bradley_terry.fit(["a", "b"], {("a", "b"): (0, 0, 0, 0, 100)})
    assert 600 < swept.ratings[0] - swept.ratings[1] < 1600
    apart = bradley_terry.fit(
        ["a", "b", "c", "d"], {("a", "b"): (5, 0, 5, 0, 5), ("c", "d"): (5, 0, 5, 0, 5)}
    ).anchored(0)
    assert math.sqrt(apart.covariance[2, 2]) > 500 > 200 > math.sqrt(apart.covariance[1, 1])


def test_without_an_anchor_the_mean_stands() -> None:
    fitted = bradley_terry.fit(["a", "b", "c"], {("a", "b"): (1, 2, 3, 4, 5), ("b", "c"): (5, 4, 3, 2, 9)}).anchored(
        None
    )
    assert fitted.ratings.mean() == pytest.approx(1200)
    assert fitted.covariance.sum() == pytest.approx(0, abs=1e-6)
