"""Who meets whom: AI vs AI's rules, nobody starves, and no pairing by information that nobody needs."""

from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trials.arena.ratings import bradley_terry
from trials.league.matchmaking import MOST, Known, closest, informative, telling

POOLS = st.lists(st.floats(-1500, 3500), min_size=2, max_size=24).map(
    lambda elo: {f"player{at:02d}": rating for at, rating in enumerate(elo)}
)


@given(POOLS, st.integers(0, 1000))
def test_closest_lets_each_model_play_once_at_most_and_near_its_own_rating(pool: dict[str, float], seed: int) -> None:
    drawn = closest(pool, {}, Random(seed))
    seen = [player for met in drawn for player in met]
    assert len(seen) == len(set(seen)) and {*seen} <= {*pool}
    for a, b in drawn:
        if abs(pool[a] - pool[b]) > MOST:  # only where one of them has nobody nearer in the whole pool
            assert any(all(abs(pool[o] - pool[p]) > MOST for o in pool if o != p) for p in (a, b))
    for a, b in combinations({*pool} - {*seen}, 2):
        assert abs(pool[a] - pool[b]) > MOST  # two who rest could not have met


@given(POOLS, st.integers(0, 1000))
def test_nobody_starves_under_closest(pool: dict[str, float], seed: int) -> None:
    last = dict.fromkeys(pool, 0)
    for number in range(1, len(pool) + 1):
        waited = {player: number - last[player] for player in pool}
        for met in closest(pool, waited, Random(seed + number)):
            last |= dict.fromkeys(met, number)
    assert min(last.values()) > 0


def known(seed: int, n: int, games: int = 100, anchor: int | None = None) -> Known:
    """A pool as a joint fit of some matches leaves it."""
    random = np.random.default_rng(seed)
    elo = random.normal(1200, 250, n)
    table = {}
    for a, b in combinations(range(n), 2):
        if random.random() < 0.4:
            p = 1 / (1 + 10 ** ((elo[b] - elo[a]) / 400))
            scores = random.binomial(1, p, (int(random.integers(2, 40)), 2)).sum(axis=1)
            table[a, b] = np.bincount(2 * scores, minlength=5)
    fit = bradley_terry.fit(range(n), table).anchored(anchor)
    covariance = bradley_terry.fit(range(n), table).covariance
    return Known(fit.ratings, covariance, anchor, np.full(n, games))


CASES = st.tuples(st.integers(0, 10_000), st.integers(2, 12), st.booleans())


@settings(max_examples=40)
@given(CASES, st.floats(5, 300))
def test_information_proposes_only_what_somebody_needs(case: tuple[int, int, bool], half: float) -> None:
    seed, n, anchored = case
    before = known(seed, n, anchor=0 if anchored else None)
    allowed = np.random.default_rng(seed).random((n, n)) < 0.7
    allowed = (allowed & allowed.T) & ~np.eye(n, dtype=bool)
    proposed = list(informative(before, half, np.ones((n, n)), allowed, np.full((n, n), 64)))
    assert len(proposed) == len({frozenset(pair) for pair in proposed})
    assert all(allowed[a, b] and a != b for a, b in proposed)
    shift = np.eye(n) - (1 / n if not anchored else np.eye(n)[[0]].repeat(n, axis=0))
    halves = 1.96 * np.sqrt(np.diag(shift @ before.covariance @ shift.T).clip(0))
    if proposed:  # later ones are judged by what is then expected to be known; the first by this
        a, b = proposed[0]
        assert max(halves[a], halves[b]) > half * 0.999
    if (halves <= half).all():
        assert proposed == []
    assert proposed or not any(halves[at] > half * 1.001 and allowed[at].any() for at in range(n))


@settings(max_examples=30)
@given(CASES)
def test_the_first_pairing_takes_most_variance_away_for_its_cost(case: tuple[int, int, bool]) -> None:
    seed, n, anchored = case
    before = known(seed, n, anchor=0 if anchored else None)
    seconds = np.random.default_rng(seed + 1).uniform(0.1, 10, (n, n))
    seconds = seconds + seconds.T
    anyone = ~np.eye(n, dtype=bool)
    a, b = next(informative(before, 0.001, seconds, anyone, np.full((n, n), 64)))
    shift = np.eye(n) - (1 / n if not anchored else np.eye(n)[[0]].repeat(n, axis=0))

    def gain(one: int, two: int) -> float:
        """From the definition, with a matrix inverted."""
        x = np.zeros(n)
        x[one], x[two] = 1.0, -1.0
        spread = np.sqrt(1 + np.pi / 8 * (x @ before.covariance @ x) * bradley_terry.PER_ELO**2)
        p = 1 / (1 + np.exp(-(before.ratings @ x) * bradley_terry.PER_ELO / spread))
        information = 64 * p * (1 - p) / spread * bradley_terry.PER_ELO**2
        after = np.linalg.inv(np.linalg.inv(before.covariance) + information * np.outer(x, x))
        return float(np.trace(shift @ (before.covariance - after) @ shift.T) / seconds[one, two])

    best = max(gain(*pair) for pair in combinations(range(n), 2))
    assert gain(a, b) == pytest.approx(best, rel=1e-6)


def test_a_dear_pairing_waits_and_newcomers_need_few_matches() -> None:
    before = known(3, 6)
    seconds = np.ones((6, 6))
    first = next(informative(before, 1, seconds, ~np.eye(6, dtype=bool), np.full((6, 6), 64)))
    seconds[first] = seconds[first[::-1]] = 1000.0
    assert next(informative(before, 1, seconds, ~np.eye(6, dtype=bool), np.full((6, 6), 64))) != first
    blank = Known(np.full(3, 1200.0), np.diag([1e6, 1e6, 100.0]), None, np.zeros(3, np.int64))
    few = telling(blank)
    assert few[0, 1] < 8 and few[0, 2] < 8 < telling(known(3, 6))[0, 1]


def test_information_ends_where_nothing_can_be_told() -> None:
    n = 4
    blank = Known(np.full(n, 1200.0), np.eye(n) * 1e6, None, np.zeros(n, np.int64))
    assert list(informative(blank, 1, np.ones((n, n)), np.zeros((n, n), bool), np.full((n, n), 2))) == []
    every = list(informative(blank, 1, np.ones((n, n)), ~np.eye(n, dtype=bool), np.full((n, n), 2)))
    assert len(every) == 6  # each pairing once, then it ends
