"""Whatever a valid space proposes renders, passes the checks and keeps its ratios; scaling keeps them."""

import contextlib
import copy
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import search_spaces
from search_spaces.fill import put
from search_spaces.parameters import KINDS
from search_spaces.space import build
from search_spaces.text import flatten, read
from trials.errors import BadTrial, SpaceError

Draw = Any


class Drawn:
    """A trial whose proposals hypothesis draws."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        value: float = self.draw(st.floats(low, high), label=name)
        return value

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return low + step * int(self.draw(st.integers(0, (high - low) // step), label=name))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(choices), label=name)


@st.composite
def ranges(draw: Draw, low: float, high: float, whole: bool = False) -> dict[str, Any]:
    """A parameter of any kind between low and high, low above 0."""
    numbers = st.integers(int(low), int(high)) if whole else st.floats(low, high)
    ends = draw(st.lists(numbers, min_size=2, max_size=4, unique=True))
    kind = draw(st.sampled_from(["choice", "int", "log_int"] if whole else ["choice", "float", "log_float"]))
    return {kind: ends} if kind == "choice" else {kind: [min(ends), max(ends)]}


@st.composite
def spaces(draw: Draw) -> search_spaces.Space:
    """The course with some of its values replaced by parameters that hold what is required."""
    course = search_spaces.load("course")
    config = search_spaces.render(course, {})
    trainer = config["behaviors"]["SoccerTwos"]
    hyper, play = trainer["hyperparameters"], trainer["self_play"]
    openings: list[tuple[dict[str, Any], str, Any]] = [
        (hyper, "batch_size", ranges(16, 4096, whole=True)),
        (hyper, "learning_rate", ranges(1e-6, 1e-2)),
        (hyper, "epsilon", ranges(0.05, 0.5)),
        (hyper, "num_epoch", ranges(1, 20, whole=True)),
        (hyper, "beta_schedule", st.just({"choice": ["linear", "constant"]})),
        (trainer["reward_signals"]["extrinsic"], "gamma", ranges(0.5, 0.999)),
        (trainer["network_settings"], "normalize", st.just({"choice": [True, False]})),
        (play, "save_steps", ranges(1000, 200_000, whole=True)),
        (play, "window", ranges(1, 50, whole=True)),
    ]
    for node, key, parameter in openings:
        if draw(st.booleans()):
            node[key] = draw(parameter)
    hyper["buffer_size"] = {"multiple_of": "hyperparameters.batch_size", "by": draw(ranges(1, 20, whole=True))}
    play["team_change"] = {"multiple_of": "self_play.save_steps", "by": draw(ranges(1, 12, whole=True))}
    play["swap_steps"] = {"ratio_of": "self_play.team_change", "by": draw(ranges(0.001, 1.0))}
    text = yaml.safe_dump(config, sort_keys=False)
    return build(config, name="drawn", file="drawn.yaml", text=text)


@settings(max_examples=100, deadline=None)
@given(space=spaces(), steps=st.integers(1000, 20_000_000), data=st.data())
def test_any_proposal_of_a_valid_space_is_a_valid_trial(
    space: search_spaces.Space, steps: int, data: st.DataObject
) -> None:
    search_spaces.check(space, steps, 8)
    params = search_spaces.propose(space, Drawn(data.draw))
    config = search_spaces.render(space, params)
    effective, changes = search_spaces.scale(config, steps, search_spaces.reference(space))
    search_spaces.check_config(effective)
    for made in (config, effective):
        trainer = made["behaviors"]["SoccerTwos"]
        hyper, play = trainer["hyperparameters"], trainer["self_play"]
        buffer = params["hyperparameters.buffer_size / hyperparameters.batch_size"]
        team = params["self_play.team_change / self_play.save_steps"]
        swap = params["self_play.swap_steps / self_play.team_change"]
        assert hyper["buffer_size"] == buffer * hyper["batch_size"]
        assert play["team_change"] == team * play["save_steps"]
        assert play["swap_steps"] == pytest.approx(float(swap) * play["team_change"], abs=1, rel=1e-3)
    assert set(changes) <= {"max_steps", "checkpoint_interval", "summary_freq"} | {
        f"self_play.{key}" for key in ("save_steps", "team_change", "swap_steps")
    }


COURSE = search_spaces.course(search_spaces.load("course"))


@settings(max_examples=100, deadline=None)
@given(steps=st.integers(1000, 2_000_000))
def test_scaling_keeps_the_courses_ratios(steps: int) -> None:
    config, changes = search_spaces.scale(COURSE, steps)
    trainer = config["behaviors"]["SoccerTwos"]
    play = trainer["self_play"]
    assert trainer["max_steps"] == steps >= 2 * play["team_change"]
    assert play["team_change"] == 5 * play["save_steps"]
    assert play["save_steps"] == max(1, min(50_000, 50_000 * steps // 1_000_000))
    assert play["swap_steps"] == pytest.approx(play["team_change"] / 125, abs=1)
    assert trainer["checkpoint_interval"] == pytest.approx(min(200_000, 0.2 * steps), abs=1)
    assert trainer["summary_freq"] == pytest.approx(min(10_000, 0.01 * steps), abs=1)
    assert changes["max_steps"] == (10_000_000, steps)
    assert ("self_play.team_change" in changes) == (steps < 1_000_000)
    assert COURSE["behaviors"]["SoccerTwos"]["max_steps"] == 10_000_000, "the configuration given is left alone"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**7) | st.floats() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from([*KINDS, "by", "step", "x", "curriculum", "sampler_type"]), below, max_size=3)
    ),
    max_leaves=6,
)
SECTIONS = ["", "sweep", "sweep.shared", "environment_parameters", "environment_parameters.gravity", "default_settings"]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), junk=JUNK)
def test_whatever_is_written_is_refused_in_one_line_or_runs(data: st.DataObject, junk: Any) -> None:
    tree = copy.deepcopy(COURSE)
    below = [f"behaviors.SoccerTwos.{path}" for path in [*flatten(tree["behaviors"]["SoccerTwos"]), "self_play"]]
    path = data.draw(st.sampled_from([*below, *SECTIONS, "behaviors", "behaviors.SoccerTwos", "torch_settings.device"]))
    if path:
        put(tree, path, junk)
    text = yaml.safe_dump(tree) if path else yaml.safe_dump(junk)
    try:
        space = build(read(text, "my.yaml")[0], name="my", file="my.yaml", text=text)
        search_spaces.check(space, 1_000_000, 8)
    except SpaceError as error:
        assert "\n" not in str(error) and "; " in str(error)
        return
    search_spaces.notes(space)
    config = search_spaces.render(space, search_spaces.propose(space, Drawn(data.draw)))
    with contextlib.suppress(BadTrial):
        search_spaces.check_config(search_spaces.scale(config, 1_000_000, search_spaces.reference(space))[0])


def test_one_factor_for_every_trial_of_a_sweep() -> None:
    space = search_spaces.load("soccertwos")
    assert search_spaces.reference(space) == 2_000_000, "its longest team change is 1,000,000"
    course, _ = search_spaces.scale(search_spaces.course(space), 500_000, search_spaces.reference(space))
    assert course["behaviors"]["SoccerTwos"]["self_play"]["save_steps"] == 12_500


def test_a_file_without_parameters_is_trained_as_written_at_its_own_budget() -> None:
    config = search_spaces.course(search_spaces.load("course"))
    config["behaviors"]["SoccerTwos"]["max_steps"] = 600_000
    space = build(config, name="my", file="my.yaml")
    search_spaces.check(space, space.budget, 8)
    effective, changes = search_spaces.scale(config, space.budget, search_spaces.reference(space))
    assert effective == config and not changes


def test_absent_step_keys_are_scaled_from_mlagents_defaults() -> None:
    config = {"behaviors": {"SoccerTwos": {"trainer_type": "poca", "self_play": {"window": 3}}}}
    trainer = search_spaces.scale(config, 100_000)[0]["behaviors"]["SoccerTwos"]
    assert trainer["self_play"] == {"window": 3, "save_steps": 2000, "team_change": 10_000, "swap_steps": 200}
    assert (trainer["checkpoint_interval"], trainer["summary_freq"]) == (50_000, 5000)
