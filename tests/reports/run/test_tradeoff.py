"""Strength against cost, and how a sweep was searched, as a report tells them from the ledger."""

from dataclasses import replace
from types import ModuleType

import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from reports.run import figures, page, tradeoff
from trials import run_state
from trials.events import Event, Observation, SweepBegan, TrialEnded, WarmStarted

BOTH = {"objectives": "elo,cost", "scheduler": "none", "sampler": "gp"}
NO_CURVES = pd.DataFrame(columns=["trial", "step", "name", "value"])


def run_with(synthetic: ModuleType, seconds: dict[int, float], **asked: str) -> run_state.Run:
    """Whole trials, each with its own time."""
    events: list[Event] = synthetic.synthetic_events(len(seconds), states=("complete",))
    told = [
        replace(e, **asked) if isinstance(e, SweepBegan)
        else replace(e, train_seconds=seconds[e.trial]) if isinstance(e, TrialEnded)
        else e
        for e in events
    ]  # fmt: skip
    return run_state.run_of("synthetic", told)


@hypothesis(max_examples=25, deadline=None)
@given(times=st.lists(st.integers(10, 14).map(float), min_size=1, max_size=9))
def test_the_front_is_beaten_by_nobody_and_beats_all_others(synthetic: ModuleType, times: list[float]) -> None:
    rows = tradeoff.tradeoff(run_with(synthetic, dict(enumerate(times)), **BOTH))
    assert len(rows) == len(times) and any(row.front for row in rows)
    for row in rows:
        better = [
            other
            for other in rows
            if other.rating.elo >= row.rating.elo
            and other.cost <= row.cost
            and (other.rating.elo, other.cost) != (row.rating.elo, row.cost)
        ]
        assert bool(better) != row.front
    front = [row for row in rows if row.front]
    assert [row.rating.elo for row in front] == sorted(row.rating.elo for row in front)


def test_every_point_tells_its_trial_in_the_trace_that_the_page_reads(synthetic: ModuleType) -> None:
    rows = tradeoff.tradeoff(run_with(synthetic, {0: 10.0, 1: 20.0, 2: 30.0}, **BOTH))
    drawn = figures.tradeoff(rows)
    go.Figure(drawn)  # ValueError for what plotly does not know
    first = drawn["data"][0]
    assert [row[0] for row in first["customdata"]] == [row.trial.number for row in rows]
    assert len(first["x"]) == len(first["y"]) == len(rows)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["7", ""])), min_size=1, max_size=12))
def test_no_label_lies_over_another(points: list[tuple[float, float, str]]) -> None:
    said = figures._apart(points)
    shown = [(x, y) for (x, y, _), label in zip(points, said, strict=True) if label]
    wide, high = (max(ends) - min(ends) for ends in ([x for x, _, _ in points], [y for _, y, _ in points]))
    for at, (x, y) in enumerate(shown):
        assert all(abs(x - a) > 0.04 * wide or abs(y - b) > 0.05 * high for a, b in shown[:at])
    assert bool(shown) == any(label for _, _, label in points)


def test_cost_is_seconds_per_million_steps(synthetic: ModuleType) -> None:
    run = run_with(synthetic, {0: 301.0, 1: 602.0}, **BOTH)
    assert [(row.trial.number, round(row.cost, 6)) for row in tradeoff.tradeoff(run)] == [
        (trial.number, pytest.approx(1e6 * 301 * (1 + trial.number) / trial.steps)) for trial in run.trials
    ]


def test_where_cost_was_no_objective_nothing_is_said_of_it(synthetic: ModuleType) -> None:
    run = run_with(synthetic, {0: 10.0, 1: 20.0})
    assert tradeoff.tradeoff(run) == ()
    assert 'id="tradeoff"' not in page.render(run, NO_CURVES)


def test_the_page_shows_the_front_and_how_was_searched(synthetic: ModuleType) -> None:
    run = run_with(synthetic, {0: 10.0, 1: 20.0, 2: 30.0}, **BOTH)
    text = page.render(run, NO_CURVES)
    assert 'id="tradeoff"' in text and 'data-chart="tradeoff"' in text
    assert "by a Gaussian process, after 4 random trials; aims at Elo and cost at once" in text
    assert "nobody is stopped" in text and "Warm start" not in text


def test_the_page_says_what_a_warm_start_took_over(synthetic: ModuleType) -> None:
    events: list[Event] = synthetic.synthetic_events(4)
    known = Observation(trial=7, params={"a": 1}, elo={100: 1.0}, state="complete")
    for warm, said in (
        (WarmStarted(time=1.0, run="<first>", ledger_sha256="ab" * 32, told=(known, known)),
         "2 trials of &lt;first&gt;, told to the sampler as they were rated there"),
        (WarmStarted(time=1.0, run="first", ledger_sha256="ab" * 32, first=(known,), reason="Elo is not Elo"),
         "trials 7 of first, proposed first and evaluated anew, since Elo is not Elo"),
    ):  # fmt: skip
        text = page.render(run_state.run_of("synthetic", [events[0], warm, *events[1:]]), NO_CURVES)
        assert said in text and "ab" * 32 in text


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "keeps one in 3 at a rung (ASHA)"),
        ({"scheduler": "median"}, "stops below the running median (at rungs)"),
        ({"sampler": "random"}, "by random search"),
    ],
)
def test_how_a_sweep_was_searched_in_words(synthetic: ModuleType, asked: dict[str, str], words: str) -> None:
    run = run_with(synthetic, {0: 10.0, 1: 20.0}, **asked)
    assert words in (tradeoff.proposals(run), tradeoff.pruning(run))
