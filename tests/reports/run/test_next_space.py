"""The suggested next space: narrowed only on evidence, ready to run, and in simulation worth more than the old one."""

import math
import random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.run.importance import Importance, Importances
from reports.run.next_space import _around, suggested
from search_spaces import Float, Int, from_text
from trials import run_state

RATE = "hyperparameters.learning_rate"
KEYS = (RATE, "hyperparameters.beta", "hyperparameters.epsilon", "self_play.window", "hyperparameters.batch_size")


def mattering(*keys: str, trials: int = 40, trusted: bool = True) -> Importances:
    rows = tuple(Importance(key, 30.0 if key in keys else 1.0, 10.0) for key in KEYS)
    return Importances(trials, 16, rows, 50.0, 80.0, 20.0 if trusted else -5.0)


def tried(elo, trials: int = 40, seed: int = 1) -> pd.DataFrame:
    dice = random.Random(seed)
    rows = []
    for number in range(trials):
        row = {
            RATE: 10 ** dice.uniform(-5, -3),
            "hyperparameters.beta": 10 ** dice.uniform(-4, -2),
            "hyperparameters.epsilon": dice.uniform(0.1, 0.3),
            "self_play.window": dice.randint(5, 30),
            "hyperparameters.batch_size": dice.choice([256, 512, 1024]),
        }
        rows.append({"trial": number, "elo": elo(row), "rung": 1} | row)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def run(synthetic):
    return run_state.run_of("synthetic", [synthetic.question()])


def at(place: float):
    return lambda row: 1200 - 300 * abs(math.log10(row[RATE]) - place)


def test_a_range_is_drawn_around_the_good_values_of_what_mattered(run):
    found = suggested(run, tried(at(-4.0)), mattering(RATE))
    assert [change.key for change in found.changes] == [RATE]
    space = from_text(found.yaml, "next")
    parameter = space.parameters[RATE]
    assert isinstance(parameter, Float) and parameter.log and 1e-5 < parameter.low < 1e-4 < parameter.high < 1e-3
    assert "# a comment to keep" in found.yaml and found.yaml.startswith("# Suggested after 40 rated trials")
    before = from_text(run.question.space_yaml, "quick").parameters
    assert {p: h for p, h in space.parameters.items() if p != RATE} == {p: h for p, h in before.items() if p != RATE}


def test_no_good_value_falls_out_of_a_range_that_is_narrow_to_begin_with():
    gamma = Float(0.98, 0.997)
    found, why = _around(gamma, [0.9855, 0.9875, 0.9905, 0.9915], None)
    assert (found.low, found.high) == (0.983, 0.994) and why == "the good ones lie between 0.986 and 0.992"
    found, _ = _around(gamma, [0.988, 0.989, 0.9905, 0.9915], None)
    assert (found.low, found.high) == (0.986, 0.994)


@given(st.floats(1e-5, 1.0), st.floats(1.001, 1e4), st.booleans(), st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_a_range_holds_what_it_is_drawn_around(low, times, log, places):
    part = Float(low, low * times, log)
    best = [low * times**place if log else low + place * (low * times - low) for place in places]
    found, _ = _around(part, best, None)
    assert found.low <= min(best) * (1 + 1e-9) and max(best) <= found.high * (1 + 1e-9)
    assert part.low * (1 - 1e-9) <= found.low and found.high <= part.high * (1 + 1e-9)


def test_options_without_a_good_trial_are_dropped(run):
    size = "hyperparameters.batch_size"
    worth = {256: 0, 512: 200, 1024: 150}
    found = suggested(run, tried(lambda row: worth[row[size]]), mattering(size))
    after = from_text(found.yaml, "next")
    kept = (
        after.parameters[size].options
        if size in after.parameters
        else (after.trainer["hyperparameters"]["batch_size"],)
    )
    assert 512 in kept and 256 not in kept and "256" in found.changes[0].why


@pytest.mark.parametrize(
    ("mattered", "word"),
    [
        (mattering(RATE, trusted=False), "nothing is shown to have mattered"),
        (mattering(RATE, trials=7), "16 rated trials would be needed"),
        (mattering(), "good values lie all over its range"),
    ],
)
def test_without_evidence_the_space_stays(run, mattered, word):
    found = suggested(run, tried(at(-4.0)), mattered)
    assert found.changes == () and word in found.why
    assert from_text(found.yaml, "next").parameters == from_text(run.question.space_yaml, "quick").parameters


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sets(st.sampled_from(KEYS)), st.integers(8, 60))
def test_whatever_is_suggested_can_be_run_and_lies_within_what_is_documented(run, seed, keys, trials):
    dice = random.Random(seed)
    found = suggested(run, tried(lambda row: dice.gauss(0, 100), trials, seed), mattering(*keys, trials=trials))
    after, before = from_text(found.yaml, "next"), from_text(run.question.space_yaml, "quick")
    assert {change.key for change in found.changes} <= keys
    for path, parameter in after.parameters.items():
        if isinstance(parameter, Float | Int):
            old = before.parameters[path]
            span = math.log(parameter.high / parameter.low) if parameter.log else parameter.high - parameter.low
            whole = math.log(old.high / old.low) if old.log else old.high - old.low
            assert (
                0 < span <= 1.0001 * whole and parameter.low >= 0.999 * old.low and parameter.high <= 1.001 * old.high
            )


def test_a_run_without_a_readable_space_has_none(synthetic):
    assert suggested(run_state.run_of("none", []), tried(at(-4.0)), mattering(RATE)) is None
    broken = run_state.run_of("broken", [synthetic.question(space_yaml="{")])
    assert suggested(broken, tried(at(-4.0)), mattering(RATE)) is None


def test_narrowing_helps_in_a_simulated_world():
    from narrowing import lost, narrowed, world

    land, rng = world(180.0, 1)
    space, changed = narrowed(land, 64, rng)
    assert changed and lost(land, space, rng)[0] < lost(land, land.space, rng)[0]


@pytest.mark.slow
def test_what_narrowing_is_worth():
    from narrowing import table

    print("\n" + table())
