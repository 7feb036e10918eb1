"""Importance is silent below its number of trials, and finds what a synthetic sweep was made of."""

import math
import random

import pandas as pd
import pytest

from reports.run import importance


def sweep(trials: int) -> pd.DataFrame:
    """Elo depends on a and hardly on b; `word` is noise."""
    dice = random.Random(3)
    rows = []
    for trial in range(trials):
        a, b = 10 ** dice.uniform(-5, -3), dice.uniform(0, 1)
        elo = 1200 + 200 * math.log10(a) + 5 * b
        word = dice.choice(["linear", "constant"])
        rows.append({"trial": trial, "elo": elo, "rung": 1, "h.learning_rate": a, "b": b, "word": word})
    return pd.DataFrame(rows)


def test_too_few_trials_give_no_importance_and_name_the_number():
    told = importance.matters(sweep(15))
    assert (told.trials, told.needed, told.rows, told.enough) == (15, 16, (), False)


def test_many_parameters_need_more_trials():
    assert importance.needed(3) == 16 and importance.needed(15) == 30


def test_the_hole_that_matters_comes_first_in_elo_and_twice_the_same():
    told = importance.matters(sweep(40))
    assert told.trusted and told.rows[0].key == "h.learning_rate"
    assert told.rows[0].loss > 3 * abs(told.rows[1].loss) and told.rows[0].loss > told.rows[0].spread
    assert importance.matters(sweep(40)) == told


def test_noise_is_not_trusted():
    frame = sweep(24)
    dice = random.Random(1)
    frame["elo"] = [dice.gauss(1200, 50) for _ in range(24)]
    assert not importance.matters(frame).trusted


@pytest.mark.parametrize("trials", [0, 1, 3])
def test_no_strips_below_four_trials(trials):
    assert importance.strips(sweep(trials) if trials else pd.DataFrame(columns=["trial", "elo", "rung"])) == ()


def test_strips_place_values_in_logarithms_and_mark_the_good_and_the_documented():
    frame = sweep(20)
    frame["h.learning_rate"] = [1e-6 * 10 ** (trial / 4) for trial in range(20)]
    frame["elo"] = [1000.0 + trial for trial in range(20)]
    strip = next(s for s in importance.strips(frame) if s.key == "h.learning_rate")
    assert strip.ends == ("1e-06", "0.0562") and strip.outside
    assert [place for _, place, _ in strip.places] == pytest.approx([i / 19 for i in range(20)])
    assert {trial for trial, _, good in strip.places if good} == set(range(15, 20))
    assert strip.documented == pytest.approx((4 / 19, 12 / 19))


@pytest.mark.parametrize(
    ("value", "said"), [(3e-4, "0.0003"), (2048.0, "2,048"), (1147.3, "1,147"), (999.7, "1,000"), (1.2e-5, "1.2e-05")]
)
def test_numbers_of_four_digits_have_no_exponent(value, said):
    assert importance.number(value) == said


def test_equal_values_stand_side_by_side():
    frame = sweep(8)
    frame["b"] = [1, 1, 1, 1, 2, 2, 2, 2]
    places = [place for _, place, _ in next(s for s in importance.strips(frame) if s.key == "b").places]
    assert len(set(places)) == 8 and min(places) >= 0 and max(places) <= 1


def test_words_absent_values_and_booleans_are_parameters_too():
    frame = sweep(20)
    frame["flag"] = [trial % 2 == 0 for trial in range(20)]
    frame["maybe"] = [1.5 if trial % 2 else None for trial in range(20)]
    frame.loc[3, "maybe"] = 2.5
    assert importance.matters(frame).rows
    assert {strip.key for strip in importance.strips(frame)} >= {"word", "flag", "maybe"}
