"""Choosing among noisy numbers: what is left of the best one, and how little of it pruning loses."""

import json
import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import simulated_choice
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.schedulers.async_hyperband import _Bracket
from simulated_choice import Way, ways
from simulation import Sweep, curves, half_width, reached

from sweep.settings import Settings
from trials.arena.ratings.elo import direct
from trials.arena.ratings.shrinkage import shrunk
from trials.records import MatchRecord

elos = st.floats(-2000, 2000)
several = st.integers(1, 12).flatmap(
    lambda n: st.tuples(st.lists(elos, min_size=n, max_size=n), st.lists(st.floats(1, 300), min_size=n, max_size=n))
)
quick = settings(max_examples=80, deadline=None)


@quick
@given(several)
def test_every_number_moves_towards_one_place_among_them(drawn: tuple[list[float], list[float]]) -> None:
    y, e = map(np.array, drawn)
    means, deviations = shrunk(y, e)
    assert np.isfinite(means).all() and (deviations > 0).all()
    assert (means >= y.min() - 1e-6).all() and (means <= y.max() + 1e-6).all()
    up, down = y[means > y + 1e-6], y[means < y - 1e-6]
    assert not len(up) or not len(down) or up.max() <= down.min()


@quick
@given(st.lists(elos, min_size=2, max_size=12), st.floats(1, 300))
def test_equal_errors_keep_the_order(estimates: list[float], error: float) -> None:
    means, _ = shrunk(estimates, np.full(len(estimates), error))
    assert (np.diff(means[np.argsort(estimates)]) >= -1e-9).all()
    assert means.mean() == pytest.approx(np.mean(estimates), abs=1e-6)


@quick
@given(several, st.floats(-500, 500), st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_scale_origin_and_order_of_the_candidates_change_nothing(
    drawn: tuple[list[float], list[float]], shift: float, scale: float, chance: random.Random
) -> None:
    y, e = map(np.array, drawn)
    means, deviations = shrunk(y, e)
    order = np.array(sorted(range(len(y)), key=lambda _: chance.random()))
    others, errors = shrunk((y * scale + shift)[order], (e * scale)[order])
    assert others == pytest.approx((means * scale + shift)[order], abs=1e-4 * scale, rel=1e-6)
    assert errors == pytest.approx((deviations * scale)[order], rel=1e-4)


def test_the_variance_between_candidates_is_found() -> None:
    """By hand: estimates 0 and 100 with errors 10 leave 5000 - 100 between them, so 1/50 of the distance goes."""
    means, _ = shrunk([0, 100], [10, 10])
    assert means == pytest.approx([1, 99])
    exact, _ = shrunk([0, 100, 700], [1e-3, 1e-3, 1e-3])
    assert exact == pytest.approx([0, 100, 700], abs=1e-3)


def test_one_candidate_keeps_its_number_and_its_error() -> None:
    means, deviations = shrunk([1234.5], [30.0])
    assert means == pytest.approx([1234.5]) and deviations == pytest.approx([30.0])


def test_where_nothing_tells_them_apart_all_are_the_mean_and_still_unsure() -> None:
    means, deviations = shrunk([1200.0] * 16, [25.0] * 16)
    assert means == pytest.approx([1200.0] * 16)
    assert 5 < deviations[0] < 25
    means, deviations = shrunk([-500.0, 0.0, 500.0], [1e9, 1e9, 1e9])
    assert means == pytest.approx([0.0] * 3, abs=1e-3) and (deviations > 9e8).all()
    means, deviations = shrunk([0.0, 1e4, 2e4, 5e4], [1e-200, 1e-3, 1e200, 1e3])
    assert np.isfinite(means).all() and (deviations > 0).all()
    means, _ = shrunk([0.0, 100.0, 9999.0], [10.0, 10.0, 1e7])  # what says nothing goes to where the others are
    assert 0 < means[2] < 100


@pytest.mark.parametrize(
    ("estimates", "errors"), [([], []), ([1.0], [0.0]), ([1.0, 2.0], [1.0]), ([math.nan], [1.0]), ([1.0], [math.inf])]
)
def test_nonsense_is_refused(estimates: list[float], errors: list[float]) -> None:
    with pytest.raises(ValueError, match="as many finite estimates as positive errors"):
        shrunk(estimates, errors)


@pytest.mark.parametrize("spread", [0.0, 10.0, 30.0, 72.0])
@pytest.mark.parametrize("n", [3, 8, 16])
def test_the_best_is_worth_about_what_is_left_of_it(n: int, spread: float) -> None:
    """Matches of error 25: less than half of the best one's excess remains, and its interval holds the truth."""
    rng = np.random.default_rng(n)
    excess, rest, held = [], [], []
    for _ in range(1000):
        true = rng.normal(1000, spread, n)
        seen = true + rng.normal(0, 25, n)
        means, deviations = shrunk(seen, np.full(n, 25.0))
        best = int(seen.argmax())
        excess.append(seen[best] - true[best])
        rest.append(means[best] - true[best])
        held.append(abs(rest[-1]) < 1.96 * deviations[best])
    assert np.mean(excess) > 4
    assert abs(np.mean(rest)) < 0.5 * np.mean(excess) + 3 * np.std(rest) / math.sqrt(1000)
    assert abs(np.mean(rest)) < 6 + 3 * np.std(rest) / math.sqrt(1000)
    assert np.mean(held) > 0.95 - 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_the_sweep_simulated_is_the_one_that_runs() -> None:
    """Defaults, rungs, and the rule that prunes, against the settings and Ray's own bracket."""
    real, model = Settings(space="x", out="y", steps=1_000_000), Sweep()  # type: ignore[arg-type]
    assert (model.matches, model.fresh_matches) == (real.rating_matches, real.fresh_matches)
    for first, factor in ((real.first_rung, real.reduction_factor), (0.5, 2.0), (0.1, 3.0), (0.334, 3.0), (1.0, 4.0)):
        rungs = Settings(space="x", out="y", steps=1_000_000, first_rung=first, reduction_factor=factor).rungs  # type: ignore[arg-type]
        sweep = Sweep(first_rung=first, reduction_factor=factor)
        assert [1e6 * share for share in sweep.rungs] == pytest.approx(rungs, abs=0.5)
    sweep = Sweep(trials=12, first_rung=0.1, reduction_factor=3)
    seen = curves(sweep, 30, np.random.default_rng(4)).strengths
    steps = [100_000, 300_000, 900_000, 1_000_000]
    last = reached(seen, 3)
    assert set(last.ravel()) == {1, 2, 3, 4}
    for elo, ends in zip(seen, last, strict=True):
        bracket = _Bracket(steps[0], steps[-1], 3, 0)
        alive = np.full(12, 4)
        for rung in range(3):
            for number in np.flatnonzero(alive > rung):
                trial = type("Trial", (), {"trial_id": str(number)})()
                if bracket.on_result(trial, steps[rung], elo[number, rung]) == "STOP" and number:
                    alive[number] = rung + 1
        assert alive.tolist() == ends.tolist()


def test_strengths_at_rungs_are_as_far_apart_and_as_alike_as_stated() -> None:
    sweep = Sweep(trials=8, first_rung=1 / 9, correlation=0.7)
    world = curves(sweep, 5000, np.random.default_rng(1))
    first, second, final = world.strengths.reshape(-1, 3).T
    assert final.std() == pytest.approx(math.hypot(60, 40), rel=0.03)
    assert second.std() == pytest.approx(math.hypot(60, 40) * (1 - math.exp(-1)) / (1 - math.exp(-3)), rel=0.03)
    assert np.corrcoef(second, final)[0, 1] == pytest.approx(0.7, abs=0.02)
    assert np.corrcoef(first, final)[0, 1] == pytest.approx(0.49, abs=0.02)
    assert (final - world.configurations.ravel()).std() == pytest.approx(40, rel=0.03)


def test_a_half_width_is_that_of_the_product(records: Callable[..., list[MatchRecord]]) -> None:
    rating = direct(records((25, 0, 50, 0, 25)), "b")
    assert half_width(200, 0.0) == pytest.approx((rating.high - rating.low) / 2, abs=0.01)
    assert half_width(200, 0.9) < half_width(200, 0.5) < half_width(200, 0.0) < half_width(200, 0.0, 300)
    with pytest.raises(ValueError, match=r"draws within 0 and 0\.182"):
        half_width(200, 0.5, 400)


@pytest.fixture(scope="module")
def found() -> dict[str, Way]:
    return {way.name: way for way in ways(Sweep(), 1000, 1)}


def test_the_best_looks_better_than_it_is_and_neither_fresh_nor_shrunk_numbers_do(found: dict[str, Way]) -> None:
    for way in (found["all trained, matches"], found["ASHA, matches"]):
        assert way.tuning_bias.value > 10
        assert abs(way.fresh_bias.value) < 3 * way.fresh_bias.error
        assert abs(way.shrunk_bias.value) < 2 + 3 * way.shrunk_bias.error  # a method of moments takes off a little more
        assert way.again.value < way.true.value - 30  # a seed is chosen as well


def test_match_noise_hardly_misleads_pruning(found: dict[str, Way]) -> None:
    exact, noisy = found["ASHA, exact"], found["ASHA, matches"]
    assert noisy.steps < 0.7 and noisy.finalists < 8
    assert 0 < exact.lost.value < noisy.lost.value
    assert noisy.missed < 0.18
    assert noisy.lost.value - found["all trained, matches"].lost.value < 5
    assert noisy.lost.value < found["fewer trials, matches"].lost.value - 8
    worse = {way.name: way for way in ways(Sweep(matches=8), 300, 1)}["ASHA, matches"]
    assert worse.missed > 0.3 and worse.lost.value > 3 * noisy.lost.value


def test_the_command_line_tells_it_as_text_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    terms = ["--seeds", "20", "--gap", "400", "--trials", "5", "--first-rung", "0.2"]
    assert simulated_choice.main(terms) == 0
    text = capsys.readouterr().out
    assert "ASHA, matches" in text and "0% ±" in text and "50% ±" not in text  # so many draws cannot be, at 400 Elo
    assert simulated_choice.main([*terms, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sweep"]["trials"] == 5 and len(told["ways"]) == 5
    for wrong in (
        ["--draws", "1.2"],
        ["--seeds", "1"],
        ["--first-rung", "0"],
        ["--spread", "-1"],
        ["--correlation", "2"],
    ):
        with pytest.raises(SystemExit):
            simulated_choice.main(wrong)
        assert "but got" in capsys.readouterr().err
