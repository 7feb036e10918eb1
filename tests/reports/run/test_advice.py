"""What an inconclusive run is told to do next: numbers that its own data give, in a command that is there."""

import math
import shlex
from dataclasses import replace

import pytest
from click.testing import CliRunner
from final_events import SEEDS, finals, product, tuning
from hypothesis import given
from hypothesis import strategies as st

from reports.run import advice, page, verdict
from sweep.cli import main
from trials import run_state
from trials.arena.ratings import seed_intervals
from trials.events import SweepEnded

OVER = SweepEnded(time=30.0, state="complete", reason="", seconds=30.0, idle_share=0.0)
CLEAR = {2: (140.0, 150.0, 160.0), 0: (0.0, 10.0, -10.0)}
LEVEL = {2: (-40.0, 60.0, 100.0), 3: (10.0, 0.0, -10.0), 0: (0.0, 30.0, -30.0)}


def run(synthetic, elos, seeds=SEEDS, verdict="accepted"):
    events = [synthetic.question(), *tuning(), *finals(elos, seeds=seeds)]
    best = run_state.run_of("x", events).finals.chosen.best.number
    won = product(best, against_course=50.0)
    return run_state.run_of("x", [*events, replace(won, random_sprt=synthetic.verdict(verdict)), OVER])


def test_what_is_settled_needs_nothing_and_what_was_cut_off_goes_on(synthetic):
    assert advice.next_step(run(synthetic, CLEAR), "runs/x") is None
    assert advice.next_step(replace(run(synthetic, LEVEL), end=None), "runs/x").command == "sweep resume runs/x"
    assert advice.next_step(run_state.run_of("x", [synthetic.question()]), "runs/x") is None
    for elos in (CLEAR, LEVEL):  # whatever its winner of an earlier end showed
        stopped = advice.next_step(replace(run(synthetic, elos), end=replace(OVER, state="interrupted")), "runs/x")
        assert stopped.command == "sweep resume runs/x" and stopped.why == "4 of 12 trials are over; go on with"


def test_a_difference_that_is_not_shown_asks_for_the_seeds_that_would_show_it(synthetic):
    level = run(synthetic, LEVEL)
    found = advice.next_step(level, "runs/my run")
    mine = next(one for one in level.finals.configurations if one.number == 2)
    wanted = seed_intervals.needed(mine.met, 100, looks=2)  # whose interval is wider
    assert wanted == 22 and found.command == "sweep resume 'runs/my run' --final-seeds 22"
    assert "trial 2’s +40 Elo would just be told from 0 over 22 training seeds each, 19 more: 57 train" in found.why
    assert found.command in page.render(level, curves(), at="runs/my run").replace("&#39;", "'")


def test_no_difference_asks_for_trials_and_one_seed_for_more(synthetic):
    even = run(synthetic, {2: (-50.0, 1.0, 52.0), 0: (-50.0, 0.0, 50.0)})
    found = advice.next_step(even, "runs/x")
    assert "even 100 training seeds each would not" in found.why and found.command == "sweep resume runs/x --trials +4"
    found = advice.next_step(run(synthetic, {2: (140.0,), 0: (0.0,)}, SEEDS[:1]), "runs/x")
    assert found.command == "sweep resume runs/x --final-seeds 3" and "One training seed gives no interval" in found.why


def test_a_choice_without_finals_asks_for_them(synthetic):
    found = advice.next_step(run_state.run_of("x", synthetic.synthetic_events(6)), "runs/x")
    assert found.command == "sweep resume runs/x --final-seeds 3" and "Whether trial 5’s configuration" in found.why


@pytest.mark.parametrize("origin", ["course", "fixed"])
def test_one_configuration_is_not_to_be_held_against_itself(synthetic, origin):
    run = run_state.run_of("x", synthetic.synthetic_events(6))
    alike = tuple(replace(one, spec=replace(one.spec, origin=origin, params={})) for one in run.trials)
    assert run.winner.candidate.trial == 5 and advice.next_step(replace(run, trials=alike), "runs/x") is None


def test_where_nothing_was_learned_more_steps_are_reckoned_from_the_rungs(synthetic):
    whole = run_state.run_of("x", synthetic.synthetic_events(12, fresh="rejected"))
    level = synthetic.rating(-5, 40, 300, "direct")
    whole = replace(whole, winner=replace(whole.winner, baseline=level, against_course=None))
    assert verdict.sentences(whole)[0].startswith("Nothing was learned")
    rise = advice.doubling(whole)
    trial, found = whole.trial(whole.winner.candidate.trial), advice.next_step(whole, "runs/x")
    steps = advice.rounded(trial.steps * max(2, 2 ** ((50 + 20) / rise.elo)))  # from −20 to the test of +50
    assert found.command == f"sweep extend runs/x --trial {trial.number} --steps {steps - trial.steps}"
    assert f"rose by {rise.elo:.0f} Elo with each doubling" in found.why and "70 Elo" in found.why
    flat = tuple(replace(one, rungs=one.rungs[:1]) for one in whole.trials)
    tenfold = advice.next_step(replace(whole, trials=flat), "runs/x")
    assert "show no rise" in tenfold.why and tenfold.command.endswith(f" {10 * trial.spec.steps - trial.steps}")
    other = replace(whole, question=replace(whole.question, ladder="yardstick-0123"))
    assert "sweep extend runs/x" in advice.next_step(other, "runs/x").command  # in another game too


@pytest.mark.parametrize("command", ["sweep resume x --final-seeds 3", "sweep extend x --trial 1 --steps 9000"])
def test_the_commands_are_there(command):
    done = CliRunner().invoke(main.cli, shlex.split(command)[1:])
    assert "No such" not in done.output and "ledger" in str(done.exception) + done.output


@given(st.floats(1, 1e12))
def test_steps_are_rounded_up_to_what_is_easily_said(steps):
    found = advice.rounded(steps)
    assert steps * (1 - 1e-6) <= found <= 2.5 * steps * (1 + 1e-6)
    assert str(found).rstrip("0") in ("1", "2", "5") and math.isfinite(found)


def curves():
    import pandas as pd

    return pd.DataFrame(columns=["trial", "step", "name", "value"])
