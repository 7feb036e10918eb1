"""Any trainer YAML is a space; `1e-4` is a number; parameters are read, proposed and filled."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import search_spaces
from search_spaces import Choice, Derived, Float, Int, owners
from trials.errors import SpaceError

COURSE = (Path(search_spaces.__file__).parent / "course.yaml").read_text()


class Lowest:
    """Proposes the first value of every range, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, tuple[Any, ...]] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked[name] = ("float", low, high, log)
        return low

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        self.asked[name] = ("int", low, high, step, log)
        return low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked[name] = ("choice", *choices)
        return choices[0]


def space_of(tmp_path: Path, *edits: tuple[str, str]) -> search_spaces.Space:
    text = COURSE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    file = tmp_path / "my.yaml"
    file.write_text(text)
    return search_spaces.load(file)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("7", 7),
        ("1e", "1e"),
        ("e5", "e5"),
    ],
)
def test_scientific_notation_is_a_number(text: str, value: object) -> None:
    from search_spaces.text import read

    found = read(f"a: {text}", "my.yaml")[0]["a"]
    assert found == value and type(found) is type(value)


def test_every_kind_of_hole_is_read_and_asked_for(tmp_path: Path) -> None:
    space = space_of(
        tmp_path,
        ("batch_size: 2048", "batch_size: {choice: [512, 1024]}"),
        ("buffer_size: 20480", "buffer_size: {multiple_of: hyperparameters.batch_size, by: {choice: [5, 10]}}"),
        ("learning_rate: 0.0005", "learning_rate: {log_float: [1e-5, 1e-3]}"),
        ("epsilon: 0.2", "epsilon: {float: [0.1, 0.3]}"),
        ("num_epoch: 3", "num_epoch: {int: [3, 9], step: 3}"),
        ("hidden_units: 512", "hidden_units: {log_int: [32, 512]}"),
        ("normalize: false", "normalize: {choice: [false, true]}"),
        ("swap_steps: 2000", "swap_steps: {ratio_of: self_play.team_change, by: {log_float: [0.01, 1]}}"),
    )
    assert space.parameters == {
        "hyperparameters.batch_size": Choice((512, 1024)),
        "hyperparameters.buffer_size": Derived("multiple_of", "hyperparameters.batch_size", Choice((5, 10))),
        "hyperparameters.learning_rate": Float(1e-5, 1e-3, log=True),
        "hyperparameters.epsilon": Float(0.1, 0.3),
        "hyperparameters.num_epoch": Int(3, 9, step=3),
        "network_settings.normalize": Choice((False, True)),
        "network_settings.hidden_units": Int(32, 512, log=True),
        "self_play.swap_steps": Derived("ratio_of", "self_play.team_change", Float(0.01, 1.0, log=True)),
    }
    trial = Lowest()
    params = search_spaces.propose(space, trial)
    assert trial.asked["hyperparameters.learning_rate"] == ("float", 1e-5, 1e-3, True)
    assert trial.asked["hyperparameters.num_epoch"] == ("int", 3, 9, 3, False)
    assert trial.asked["hyperparameters.buffer_size / hyperparameters.batch_size"] == ("choice", 5, 10)
    trainer = search_spaces.render(space, params)["behaviors"]["SoccerTwos"]
    assert trainer["hyperparameters"]["buffer_size"] == 5 * 512
    assert trainer["self_play"]["swap_steps"] == 2500 and type(trainer["self_play"]["swap_steps"]) is int
    assert trainer["network_settings"]["normalize"] is False


def test_parameters_may_be_derived_in_a_chain_in_any_order(tmp_path: Path) -> None:
    space = space_of(
        tmp_path,
        ("save_steps: 50000", "swap_steps: {ratio_of: self_play.team_change, by: {choice: [0.5]}}"),
        ("swap_steps: 2000", "save_steps: {int: [1000, 2000]}"),
        ("team_change: 250000", "team_change: {multiple_of: self_play.save_steps, by: {choice: [4]}}"),
    )
    trainer = search_spaces.render(space, search_spaces.propose(space, Lowest()))["behaviors"]["SoccerTwos"]
    assert [trainer["self_play"][key] for key in ("save_steps", "team_change", "swap_steps")] == [1000, 4000, 2000]


@pytest.mark.parametrize(
    ("params", "fragment"),
    [
        ({}, "hyperparameters.num_epoch must be filled, but got nothing"),
        ({"hyperparameters.num_epoch": 11}, r"hyperparameters.num_epoch must lie in \{int: \[3, 10\]\}, but got 11"),
        ({"hyperparameters.num_epoch": 3.5}, "must lie in"),
        ({"hyperparameters.num_epoch": True}, "must lie in"),
        ({"hyperparameters.num_epochs": 4}, "did you mean hyperparameters.num_epoch?"),
    ],
)
def test_parameters_must_fit(tmp_path: Path, params: dict[str, Any], fragment: str) -> None:
    space = space_of(tmp_path, ("num_epoch: 3", "num_epoch: {int: [3, 10]}"))
    with pytest.raises(SpaceError, match=fragment):
        search_spaces.render(space, params)


def test_any_trainer_yaml_is_a_space_without_parameters(tmp_path: Path) -> None:
    """Defaults in `default_settings`, a number written 5e6, samplers, a curriculum and every top-level section."""
    text = """
default_settings: {trainer_type: poca, hyperparameters: {batch_size: 512, buffer_size: 5e3}}
behaviors: {SoccerTwos: {max_steps: 5e6, hyperparameters: {batch_size: 256}, self_play: {save_steps: 20000}}}
environment_parameters:
  gravity: {sampler_type: uniform, sampler_parameters: {min_value: 1, max_value: 2}}
  ball_touch:
    curriculum:
      - {name: first, value: 1, completion_criteria: {measure: progress, behavior: SoccerTwos, threshold: 0.5}}
      - {name: last, value: 0}
torch_settings: {device: cpu}
env_settings: {num_envs: 1, env_args: null}
engine_settings: {time_scale: 20, no_graphics: true}
checkpoint_settings: {run_id: mine}
debug: false
"""
    file = tmp_path / "my.yaml"
    file.write_text(text)
    space = search_spaces.load(file)
    search_spaces.check(space, space.budget, 8)
    config = search_spaces.render(space, {})
    assert (space.name, space.behavior, space.parameters, space.budget) == ("my", "SoccerTwos", {}, 5_000_000)
    trainer = config["behaviors"]["SoccerTwos"]
    assert trainer["hyperparameters"] == {"batch_size": 256, "buffer_size": 5000}
    assert trainer["max_steps"] == 5_000_000 and type(trainer["max_steps"]) is int
    assert not {"default_settings", "torch_settings", "checkpoint_settings"} & set(config)
    assert owners.taken(space, None) == {"torch_device": "cpu"} and config["debug"] is False
    search_spaces.check_config(config)


def test_a_rendered_configuration_survives_plain_yaml(tmp_path: Path) -> None:
    """mlagents reads with plain PyYAML, which takes `1e-05` as text."""
    space = space_of(tmp_path, ("learning_rate: 0.0005", "learning_rate: {choice: [1e-5]}"))
    config = search_spaces.render(space, search_spaces.propose(space, Lowest()))
    assert yaml.safe_load(yaml.safe_dump(config)) == config


def test_rendering_leaves_the_space_as_it_was(tmp_path: Path) -> None:
    space = space_of(tmp_path, ("num_epoch: 3", "num_epoch: {int: [3, 10]}"))
    search_spaces.render(space, {"hyperparameters.num_epoch": 5})["behaviors"]["SoccerTwos"]["self_play"].clear()
    assert search_spaces.render(space, {"hyperparameters.num_epoch": 4})["behaviors"]["SoccerTwos"]["self_play"]
