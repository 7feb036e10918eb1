"""The verdict claims no more than the matches showed."""

import math
from dataclasses import replace

import pytest

from reports.run import findings, ranking, sections, verdict
from trials import run_state
from trials.events import FreshRated


def told(synthetic, *arguments, **more):
    run = run_state.run_of("x", synthetic.synthetic_events(*arguments, **more))
    claim, *rest = verdict.sentences(run)
    return claim, " ".join(rest), run, ranking.ranking(run)


def test_accepted(synthetic):
    headline, remarks, *_ = told(synthetic, 6)
    assert headline == "Trial 5 beats random play by 140 Elo [90, 190] over 212 fresh matches."
    assert remarks.startswith(
        "It beats the course’s policy (+88 Elo) and cannot be distinguished from the house baseline (+35"
    )
    assert "some 40 Elo above Unity’s own published model" in remarks and "a quick sweep is not expected" in remarks
    assert "One training seed each, so nothing is said of the configurations" in remarks


@pytest.mark.parametrize(("ladder", "where"), [("ladder-2", "some 60 Elo below Unity’s"), ("another", None)])
def test_an_earlier_house_stands_where_it_stood(synthetic, ladder: str, where: str | None):
    run = run_state.run_of("x", synthetic.synthetic_events(6))
    told = " ".join(verdict.sentences(replace(run, question=replace(run.question, ladder=ladder))))
    assert where in told if where else "published model" not in told


def alone(synthetic, outcome: str, elo: float = 20.0):
    """The headline where the winner is ahead of neither course nor baseline."""
    run = run_state.run_of("x", synthetic.synthetic_events(6, fresh=outcome))
    level = synthetic.rating(5, 40, 300, "direct")
    random = synthetic.rating(elo, 50, 212, "direct")
    run = replace(run, winner=replace(run.winner, baseline=level, against_course=None, random=random))
    return verdict.sentences(run)[0]


def test_only_the_courses_configuration_is_called_so(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(6))
    trial = run.trial(0)
    led = replace(run, trials=(trial,), winner=replace(run.winner, candidate=trial.rungs[-1].candidate))
    assert "It is trial 0, the course’s own configuration." in " ".join(verdict.sentences(led))
    mine = replace(led, trials=(replace(trial, spec=replace(trial.spec, origin="fixed")),))
    assert "own configuration" not in " ".join(verdict.sentences(mine))


def test_undecided_and_rejected_claim_nothing(synthetic):
    undecided = alone(synthetic, "undecided")
    assert undecided.startswith("It is not shown that anything was learned") and "+20 Elo [−30, 70]" in undecided
    rejected = alone(synthetic, "rejected", -20)
    assert rejected.startswith("Nothing was learned that matches can show") and "−20 Elo" in rejected
    assert "beats random" not in undecided + rejected


def test_what_was_shown_elsewhere_is_not_denied(synthetic):
    ahead_of_course = told(synthetic, 6, fresh="undecided")[0]
    assert ahead_of_course.startswith("Trial 5 is not shown to beat random play: it stands at +20 Elo [−30, 70]")
    above_zero = alone(synthetic, "undecided", 60)
    assert above_zero.startswith(
        "Trial 5 is ahead of random play by 60 Elo [10, 110] over 212 fresh matches, too little"
    )
    assert above_zero.endswith("for the test of +50 Elo.")


def test_without_fresh_matches_nothing_is_shown(synthetic):
    headline, remarks, *_ = told(synthetic, 6, fresh=None)
    assert headline.startswith("Nothing is shown: trial 5 leads the tuning matches") and "flatters" in remarks


def test_unfinished_says_so(synthetic):
    headline, remarks, *_ = told(synthetic, 6, finished=False)
    assert headline.startswith("Nothing is shown yet") and "still running, or it was cut off" in remarks


def test_all_failed(synthetic):
    events = synthetic.synthetic_events(3, fresh=None, states=("failed",))
    run = run_state.run_of("x", events)
    run = replace(run, trials=run.trials[1:])  # trial 0 completes
    said = verdict.sentences(run)[0]
    assert said == "2 trials, all failed before a policy was rated: nothing was learned."


def test_nothing_that_was_proposed_lived(synthetic):
    events = synthetic.synthetic_events(3, fresh=None, states=("failed",))
    events[-1] = replace(events[-1], state="failed", reason="it broke")
    run = run_state.run_of("x", events)
    said = (
        "All 2 trials that the sweep proposed failed: nothing is known of any configuration but the course’s, trial 0."
    )
    assert verdict.sentences(run) == (said, "The sweep failed: it broke.")
    assert verdict.nothing_lived(replace(run, end=None)) == ""  # others may still come


def test_nothing_begun(synthetic):
    assert "no trial has yet" in verdict.sentences(run_state.run_of("x", [synthetic.question()]))[0]
    assert "holds no sweep" in verdict.sentences(run_state.run_of("x", []))[0]


def test_more_seeds_than_one_are_counted(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(3))
    twin = replace(run.trials[1], spec=replace(run.trials[1].spec, number=3, seed=999))
    run = replace(run, trials=(*run.trials, twin))
    said = " ".join(verdict.sentences(run))
    assert "1 of 3 configurations were trained on more than one seed" in said


def test_what_was_trained_further_is_no_second_seed(synthetic):
    events = synthetic.synthetic_events(6)
    parent = run_state.run_of("x", events).trial(5).spec
    further = synthetic.further(replace(parent, seed=999), 6, events[-1].time + 10)
    said = " ".join(verdict.sentences(run_state.run_of("x", [*events, *further])))
    assert "One training seed each, so nothing is said of the configurations" in said


def test_one_configuration_on_many_seeds_is_told_as_that(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(6))
    alike = tuple(replace(one, spec=replace(one.spec, origin="course", params={})) for one in run.trials)
    said = " ".join(verdict.sentences(replace(run, trials=alike)))
    assert "It is trial 5, the course’s own configuration. All trials have one configuration, on 6 train" in said


def test_the_tuning_number_stands_beside_the_fresh_one_only_on_the_houses_scale(synthetic):
    _, _, run, ranked = told(synthetic, 6)
    screen = sections.first_screen(run, ranked)
    assert screen.tuned.elo == pytest.approx(screen.tuning.elo - 1200)
    other = replace(run, question=replace(run.question, baseline="mine"))
    assert sections.first_screen(other, ranked).tuned is None and sections.fresh_on_ladder(other) == {}


def test_a_baseline_beside_the_ladder_has_its_own_tuning_number(synthetic):
    _, _, run, _ = told(synthetic, 6)
    mine = synthetic.rating(77, 50, 100, "direct")
    best = run.trial(5)
    best = replace(best, rungs=(*best.rungs[:-1], replace(best.rungs[-1], baseline=mine)))
    trials = tuple(best if trial.number == 5 else trial for trial in run.trials)
    run = replace(run, trials=trials, question=replace(run.question, baseline="mine"))
    assert findings.tuned(run).elo == 77


def test_random_play_as_the_baseline_is_said_once(synthetic):
    _, _, run, _ = told(synthetic, 6)
    run = replace(run, question=replace(run.question, baseline="random"))
    assert [(f.against, f.own) for f in findings.findings(run, run.winner)][1:] == [("random play", True)]


def test_the_tuning_number_is_that_of_the_very_file(synthetic):
    _, _, run, _ = told(synthetic, 6)
    trial = run.trial(5)
    early = replace(run.winner, candidate=trial.rungs[0].candidate)
    assert findings.chosen_by(replace(run, winner=early)) == trial.rungs[0]


def test_standing_follows_the_whole_interval(synthetic):
    assert findings.standing(synthetic.rating(50, 49)) == "ahead"
    assert findings.standing(synthetic.rating(50, 51)) == "level"
    assert findings.standing(synthetic.rating(-50, 49)) == "behind"


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (139.6, True, "+140"),
        (-0.2, True, "0"),
        (-12.0, False, "−12"),
        (math.inf, True, "+∞"),
        (math.nan, False, "unknown"),
    ],
)
def test_elo_in_words(value, signed, text):
    assert findings.elo(value, signed) == text


def test_cost_counts_what_pruning_saved(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(12))
    cost = sections.cost(run)
    pruned = [t for t in run.trials if t.state == "pruned"]
    assert cost.saved_steps == sum(300_000 - t.steps for t in pruned)
    assert cost.saved_seconds == pytest.approx(cost.saved_steps / 900)
    assert cost.matches == 120 * sum(len(t.rungs) for t in run.trials)
    assert dict(cost.states) == {"complete": 5, "pruned": 4, "failed": 2, "stopped": 1}


def test_winner_before_a_choice_is_only_leading(synthetic):
    _, _, run, ranked = told(synthetic, 6, fresh=None)
    winner = sections.winner(run, ranked)
    assert winner.trial.number == 5 and not winner.chosen
    changed = {d.key.rsplit(".", 1)[-1] for d in winner.changes}
    assert "learning_rate" in changed and "num_epoch" not in changed


def test_fresh_rating_of_a_trial_the_ledger_lacks(synthetic):
    events = [e for e in synthetic.synthetic_events(6) if isinstance(e, FreshRated)]
    run = run_state.run_of("x", [synthetic.question(), *events])
    assert sections.winner(run, ()) is None and sections.first_screen(run, ()).tuning is None


def test_the_shrunk_number_takes_luck_off_the_best_alone(synthetic):
    run = run_state.run_of("x", synthetic.synthetic_events(12))
    best = max((t for t in run.trials if t.state == "complete"), key=lambda t: t.rating.elo)
    run = replace(run, winner=replace(run.winner, candidate=best.rungs[-1].candidate))
    found = findings.shrunk(run)
    assert found is not None and found.low < found.elo < found.high
    assert 1000 < found.elo < best.rating.elo
    ranked = ranking.ranking(run)
    assert sections.first_screen(run, ranked).shrunk == found
    few = replace(run, trials=tuple(t for t in run.trials if t.state != "complete" or t.number == best.number))
    assert findings.shrunk(few) is None
