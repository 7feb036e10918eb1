"""The three spaces that ship: valid, typical, and the course exactly as published."""

import pickle
import re
from pathlib import Path

import pytest

import search_spaces
from search_spaces.text import flatten

COURSE = {
    "trainer_type": "poca",
    "hyperparameters.batch_size": 2048,
    "hyperparameters.buffer_size": 20480,
    "hyperparameters.learning_rate": 0.0005,
    "hyperparameters.beta": 0.005,
    "hyperparameters.epsilon": 0.2,
    "hyperparameters.lambd": 0.95,
    "hyperparameters.num_epoch": 3,
    "hyperparameters.learning_rate_schedule": "linear",
    "hyperparameters.beta_schedule": "linear",
    "hyperparameters.epsilon_schedule": "linear",
    "checkpoint_interval": 200000,
    "network_settings.normalize": False,
    "network_settings.hidden_units": 512,
    "network_settings.num_layers": 2,
    "network_settings.vis_encode_type": "simple",
    "network_settings.goal_conditioning_type": "hyper",
    "reward_signals.extrinsic.gamma": 0.99,
    "reward_signals.extrinsic.strength": 1.0,
    "keep_checkpoints": 5,
    "max_steps": 10000000,
    "time_horizon": 1000,
    "summary_freq": 10000,
    "self_play.save_steps": 50000,
    "self_play.team_change": 250000,
    "self_play.swap_steps": 2000,
    "self_play.window": 10,
    "self_play.play_against_latest_model_ratio": 0.5,
    "self_play.initial_elo": 1200,
}


def test_there_are_five() -> None:
    assert search_spaces.SHIPPED == ("course", "proof", "quick", "soccertwos", "tuned")


def test_the_course_is_the_course() -> None:
    space = search_spaces.load("course")
    assert not space.parameters
    assert flatten(space.trainer) == COURSE
    assert (
        search_spaces.render(space, {}) == search_spaces.course(space) == {"behaviors": {"SoccerTwos": space.trainer}}
    )


@pytest.mark.parametrize("name", search_spaces.SHIPPED)
def test_shipped_spaces_pass_their_own_check(name: str) -> None:
    space = search_spaces.load(name)
    for steps in (10_000, 200_000, 999_999, space.budget):
        search_spaces.check(space, steps, space.sweep.fields or 8)
    assert pickle.loads(pickle.dumps(space)) == space == search_spaces.from_text(space.text, name)


@pytest.mark.parametrize("name", ["quick", "soccertwos"])
def test_a_sweep_can_run_on_its_defaults(name: str) -> None:
    sweep = search_spaces.load(name).sweep
    assert sweep.trials and sweep.steps and sweep.fields and sweep.startup_trials and sweep.rating_matches
    assert sweep.first_rung and sweep.reduction_factor and sweep.reduction_factor > 1


def test_the_real_sweep_is_the_courses_game() -> None:
    space = search_spaces.load("soccertwos")
    assert len(space.parameters) == 15
    assert "environment_parameters" not in space.tree
    assert search_spaces.against_course(space, 5_000_000) == {"max_steps": (10_000_000, 5_000_000)}


def test_the_real_sweep_says_what_it_costs() -> None:
    space = search_spaces.load("soccertwos")
    sweep = space.sweep
    assert sweep.trials and sweep.steps and sweep.final_seeds and sweep.finalists
    hours = sweep.steps / 360 / 3600
    assert f"are about {round(sweep.trials * hours, -1):.0f} hours of one core at 360 steps/s" in space.text
    trainings = sweep.final_seeds * (sweep.finalists + 1)
    assert f"{trainings} trainings, {trainings * hours:.0f} hours of a core" in space.text


def test_the_notebook_says_how_much_varies_in_the_quick_sweep() -> None:
    notebook = Path(search_spaces.__file__).parents[1] / "sweep" / "examples" / "unit7.ipynb"
    (word,) = re.findall(r"(\w+) hyperparameters that vary", notebook.read_text(encoding="utf-8"))
    assert ["six", "seven", "eight", "nine"].index(word) + 6 == len(search_spaces.load("quick").parameters)


def test_the_quick_sweep_says_what_it_shares_with_trial_0() -> None:
    space = search_spaces.load("quick")
    assert space.sweep.trials and space.sweep.startup_trials and space.sweep.startup_trials * 2 <= space.sweep.trials
    told = search_spaces.against_course(space, 200_000)
    assert told["environment_parameters.ball_touch"] == (None, 1)
    assert told["network_settings.hidden_units"] == (512, 64)
    assert told["self_play.team_change"] == (250_000, 50_000)
    assert told["max_steps"] == (10_000_000, 200_000)
    assert "hyperparameters.learning_rate" not in told
    assert not any("ball_touch" in note for note in search_spaces.notes(space))


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("course", "hyperparameters.batch_size is 2048; documented as typical: 32 to 512"),
        ("course", "self_play.swap_steps is 2000; documented as typical: 10000 to 100000"),
        ("soccertwos", "hyperparameters.batch_size spans 512 to 4096"),
        ("quick", "time_horizon reaches"),
    ],
)
def test_what_lies_outside_the_documented_ranges_is_told(name: str, fragment: str) -> None:
    notes = search_spaces.notes(search_spaces.load(name))
    assert any(fragment in note for note in notes)
    assert all("\n" not in note for note in notes)
