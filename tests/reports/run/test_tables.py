"""The tables say what the ledger says: numbers, order, ties, and what is left out."""

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from reports import formatting
from reports.run import details, ranking, sections, tables, timeline
from trials import run_state
from trials.events import SweepEnded, TrialBegan, TrialEnded, TrialRated


def test_counts_states_and_budgets(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(12))
    assert [trial.number for trial in run.trials] == list(range(12))
    assert run.trials[0].state == "complete" and run.trials[3].state == "failed" and run.trials[4].state == "pruned"
    assert run.trials[0].steps == 300_900
    assert run.trials[0].steps_per_second == pytest.approx(900)
    assert run.trials[0].seconds == pytest.approx(300_900 / 900 + 8)
    assert run.trials[3].rating is None and run.finished and run.drivers == 1
    assert run.winner is not None and run.course is not None


def test_what_was_trained_further_teaches_nothing_of_its_parameters(synthetic):
    events = synthetic.synthetic_events(12)
    run = run_state.run_of("x", events)
    (best,) = [trial for trial in run.trials if trial.number == 5]
    further = replace(best, spec=replace(best.spec, number=12, origin="extended", parent=5))
    assert list(tables.params(replace(run, trials=(*run.trials, further)))["trial"]) == list(
        tables.params(run)["trial"]
    )


def test_ranking_is_by_the_last_rung_and_puts_the_unrated_last(synthetic):
    ranked = ranking.ranking(run_state.run_of("x", synthetic.synthetic_events(12)))
    elos = [row.trial.rating.elo for row in ranked if row.rank]
    assert elos == sorted(elos, reverse=True)
    assert [row.rank for row in ranked] == [*range(1, 11), None, None]
    assert {row.trial.state for row in ranked[10:]} == {"failed"}


def test_a_group_holds_what_cannot_be_told_from_its_first(synthetic):
    ranked = ranking.ranking(run_state.run_of("x", synthetic.synthetic_events(12)))
    heads = {}
    for row in ranked:
        if row.group:
            head = heads.setdefault(row.group, row.trial.rating)
            assert not ranking.told_apart(head, row.trial.rating)
    groups = list(heads.values())
    assert all(ranking.told_apart(a, b) for a, b in pairwise(groups))


@pytest.mark.parametrize(("gap", "apart"), [(84, False), (85, True)])
def test_told_apart_at_the_quadrature_of_both_intervals(synthetic, gap, apart):
    assert ranking.told_apart(synthetic.rating(1200), synthetic.rating(1200 + gap)) is apart  # sqrt(2) * 60 = 84.9


def test_open_intervals_are_never_told_apart(synthetic):
    endless = replace(synthetic.rating(2000), high=math.inf)
    assert not ranking.told_apart(endless, synthetic.rating(900))


def test_ratings_of_another_ladder_are_not_ranked(synthetic):
    events = synthetic.synthetic_events(4, fresh=None)
    foreign = [e for e in events if isinstance(e, TrialRated) and e.candidate.trial == 0][-1]
    events[events.index(foreign)] = replace(foreign, rating=synthetic.rating(1900, ladder="ladder-0"))
    run = run_state.run_of("x", events)
    row = next(row for row in ranking.ranking(run) if row.trial.number == 0)
    assert row.rank is None and row.trial.rating is not None
    assert 1900 not in set(tables.rungs(run)["elo"])


def test_a_trial_trained_anew_forgets_the_rungs_it_has_not_reached_again(synthetic):
    began, *rest = synthetic.trial_events(synthetic.spec(0, random.Random(1)), "complete", 1e9, 0, random.Random(1))
    first = [e for e in rest if isinstance(e, TrialRated)]
    run = run_state.run_of("x", [synthetic.question(), began, *first, began, first[0]])
    assert [rated.rung for rated in run.trials[0].rungs] == [75_000]
    assert run.trials[0].handed == 2 and run.trials[0].state == "running"


def test_both_processes_of_a_trial_that_was_run_again_are_paid(synthetic):
    part = synthetic.trial_events(synthetic.spec(1, random.Random(1)), "failed", 1e9, 0, random.Random(1))
    run = run_state.run_of("x", [synthetic.question(), *part, *part])
    assert len(run.trials[0].spans) == 2 and run.trials[0].seconds == pytest.approx(2 * (4000 / 900 + 8))


def test_a_trial_without_end_runs_while_the_sweep_does_and_was_stopped_after_it(synthetic):
    events = synthetic.synthetic_events(4, finished=False)
    assert run_state.run_of("x", events).trials[3].state == "running"
    over = SweepEnded(time=2e9, state="interrupted", reason="Ctrl+C", seconds=1.0, idle_share=0.0)
    assert run_state.run_of("x", [*events, over]).trials[3].state == "stopped"


def test_a_resumed_sweep_is_unfinished_again(synthetic):
    events = synthetic.synthetic_events(2)
    run = run_state.run_of("x", [*events, synthetic.question(time=2e9, trials=2)])
    assert not run.finished and run.drivers == 2 and run.question == events[0]


def test_events_of_unknown_trials_are_passed_over(synthetic):
    events = [e for e in synthetic.synthetic_events(2) if isinstance(e, TrialRated | TrialEnded)]
    assert run_state.run_of("x", events).trials == ()


def test_frames(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(12))
    rungs = tables.rungs(run)
    assert set(rungs[rungs["trial"] == 0]["rung"]) == {75_000, 150_000, 300_000}
    assert rungs.groupby("trial")["last"].sum().eq(1).all()
    assert 0 not in set(tables.params(run)["trial"])  # the course's trial has no parameters
    spans = tables.spans(run)
    assert len(spans) == 12 and spans["start"].min() == 0 and set(spans["slot"]) == {0, 1}


def test_an_unfolded_trial_says_its_results_on_either_side(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(2))
    blue, purple = (formatting.counts(side) for side in (run.trials[0].rating.as_blue, run.trials[0].rating.as_purple))
    assert details.details(run)[0]["sides"] == f"as blue {blue}, as purple {purple}"


def test_differences_name_what_changed_came_and_went():
    before = {"a": {"x": 1, "y": True}, "gone": 2, "same": 1}
    after = {"a": {"x": 1.0, "y": 1}, "new": "z", "same": 1}
    assert [(d.key, d.before, d.after) for d in sections.differences(before, after)] == [
        ("a.y", True, 1),
        ("new", sections.ABSENT, "z"),
        ("gone", 2, sections.ABSENT),
    ]


def test_cost_is_to_the_sweeps_end_and_counts_tunings_trials_and_a_baselines_matches(synthetic):
    events = synthetic.synthetic_events(6)
    before = sections.cost(run_state.run_of("x", events))
    spec = next(e.spec for e in events if isinstance(e, TrialBegan) and e.spec.number == 2)
    more = sections.cost(run_state.run_of("x", [*events, *synthetic.further(spec, 6, events[-1].time + 86_400)]))
    assert more.wall == before.wall == events[-1].time - events[0].time  # not to what came a day later
    assert more.states == before.states and sum(count for _, count in more.states) == 6
    own = synthetic.rating(10, 40, 200, "direct")
    run = run_state.run_of("x", [replace(e, baseline=own) if isinstance(e, TrialRated) else e for e in events])
    cost = sections.cost(run)
    assert cost.matches == before.matches + 200 * sum(isinstance(e, TrialRated) for e in events)
    assert cost.matches + cost.matches_after == timeline.section(run).total


def test_keys_are_as_short_as_tells_them_apart():
    assert formatting.short_keys(["h.rate", "h.beta", "h.rate / s.steps"]) == {
        "h.rate": "rate",
        "h.beta": "beta",
        "h.rate / s.steps": "rate / steps",
    }
    two = ["Striker.h.rate", "Goalie.h.rate", "Goalie.h.beta", "rate"]
    assert formatting.short_keys(two) == dict(
        zip(two, ["Striker.h.rate", "Goalie.h.rate", "beta", "rate"], strict=True)
    )


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (999, "999"),
        (300_512, "301k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (999_999, "1M"),
        (10_000_000, "10M"),
        (1_500_000_000, "1,500M"),
    ],
)
def test_steps_have_three_digits_and_no_exponent(count, said):
    assert formatting.steps(count) == said


def test_a_widened_sweep_asks_for_as_many_trials_as_its_last_driver(synthetic):
    run = run_state.run_of(
        "x", [*synthetic.synthetic_events(3), synthetic.question(trials=20, command="sweep resume x")]
    )
    assert run.question.trials == 20 and run.question.command.startswith("sweep run") and run.drivers == 2
