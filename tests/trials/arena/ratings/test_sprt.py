"""The sequential test: right as often as it promises, in any order of asking, also on the command line."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_laws import chances, sequential

from trials.arena.games.soccer import SoccerTwos
from trials.arena.matches.match import play
from trials.arena.ratings import sprt
from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER, expected

counts_of_pairs = st.lists(st.integers(0, 80), min_size=5, max_size=5)


def test_a_clear_case_is_decided_and_a_short_one_is_not() -> None:
    assert sprt.verdict([3, 10, 20, 40, 27], 0, 50).verdict == "accepted"
    assert sprt.verdict([27, 40, 20, 10, 3], 0, 50).verdict == "rejected"
    few = sprt.verdict([0, 0, 1, 2, 1], 0, 50)
    assert few.verdict == "undecided" and few.pairs == 4
    assert (few.lower, few.upper) == pytest.approx((math.log(0.05 / 0.95), math.log(0.95 / 0.05)))


def test_few_like_pairs_decide_nothing() -> None:
    """Where the spread is still unseen, a test that believed it would be sure at once."""
    for counts in ([0, 0, 0, 4, 0], [0, 0, 6, 1, 0], [0, 0, 8, 0, 0], [0, 0, 3, 3, 0]):
        assert sprt.verdict(counts, 0, 50).verdict == "undecided"


def test_it_is_the_logarithm_of_a_ratio_of_likelihoods() -> None:
    """Against probabilities bent by hand: maximise sum n log p under a given mean by brute force."""
    from scipy.optimize import minimize

    counts = np.array([4, 7, 12, 9, 8]) + REGULARISER

    def best(elo: float) -> float:
        def loss(x: Any) -> float:
            return -float(counts @ np.log(np.exp(x) / np.exp(x).sum()))

        mean = {"type": "eq", "fun": lambda x: float(np.exp(x) / np.exp(x).sum() @ PAIR_SCORES) - float(expected(elo))}
        return -minimize(loss, np.log(counts / counts.sum()), constraints=[mean], tol=1e-12).fun

    assert sprt.log_likelihood_ratio([4, 7, 12, 9, 8], 0, 50) == pytest.approx(best(50) - best(0), abs=1e-6)


@settings(deadline=None)
@given(counts_of_pairs, st.floats(-100, 100), st.floats(1, 100))
def test_exchanged_players_turn_the_sign(counts: list[int], elo0: float, width: float) -> None:
    forth = sprt.log_likelihood_ratio(counts, elo0, elo0 + width)
    back = sprt.log_likelihood_ratio(counts[::-1], -elo0 - width, -elo0)
    assert math.isfinite(forth)
    assert forth == pytest.approx(-back, abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "terms"),
    [
        ([1, 2, 3], (0, 50)),
        ([1, 2, 3, 4, -1], (0, 50)),
        ([1] * 5, (50, 50)),
        ([1] * 5, (0, 50, 0.0)),
        ([1] * 5, (0, 50, 0.6)),
    ],
)
def test_nonsense_is_refused(counts: list[int], terms: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="but got"):
        sprt.verdict(counts, *terms)


def test_a_test_stops_play_at_the_pair_that_decides(tug: Any, weak: Any, strong: Any) -> None:
    test = sprt.Test(0, 50)
    played = play(strong, weak, 5000, 3, stop=test, game=SoccerTwos(tug))
    assert test.verdict.verdict == "accepted"
    assert len(played.records) == 2 * test.verdict.pairs < 10_000
    again = sprt.Test(0, 50)
    assert play(strong, weak, 5000, 3, fields=10, stop=again, game=SoccerTwos(tug)).records == played.records
    assert again.verdict == test.verdict


def test_the_command_line_judges_five_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert sprt.main(["3", "10", "20", "40", "27", "--elo0", "0", "--elo1", "50"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"] == "accepted" and printed["pairs"] == 100
    with pytest.raises(SystemExit):
        sprt.main(["1", "2", "3", "4", "5", "--elo0", "50", "--elo1", "0"])
    assert "elo0 < elo1" in capsys.readouterr().err


@pytest.mark.parametrize("draws", [0.0, 0.5])
def test_error_rates_are_as_promised(draws: float) -> None:
    for gap, wrong in ((0, 1), (50, -1)):
        decided, pairs = sequential(chances(gap, draws), 2000, seed=1)
        assert (decided == wrong).mean() < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
        assert pairs.mean() < 180
