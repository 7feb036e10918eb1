"""Every mistake in a space is refused by name, in one line, before anything starts."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import search_spaces
from trials.errors import BadTrial, SpaceError, UsageError

COURSE = (Path(search_spaces.__file__).parent / "course.yaml").read_text()


def lessons(more: str) -> tuple[str, str]:
    """The edit that gives the course a curriculum; `more` in its first lesson's completion_criteria, line 7 on."""
    text = (
        "environment_parameters:\n  ball_touch:\n    curriculum:\n      - name: first\n        completion_criteria:\n"
    )
    text += f"          {more}\n        value: 1\n      - {{name: last, value: 0}}\n"
    return "behaviors:\n", text + "behaviors:\n"


LESSONS = [
    (
        "{behavior: Nobody, threshold: 1}",
        "environment_parameters.ball_touch.curriculum[0].completion_criteria.behavior must be SoccerTwos, but got"
        " Nobody in my.yaml:8",
    ),
    ("{threshold: 1}", "completion_criteria.behavior must be SoccerTwos, but got nothing in my.yaml:7"),
    ("{behavior: SoccerTwos, measure: Elo}", "measure must be one of progress, reward, but got Elo in my.yaml:8"),
    ("{behavior: SoccerTwos, measure: Reward}", "measure must be one of progress, reward, but got Reward"),
    ("{behavior: SoccerTwos, threshhold: 1}", "got threshhold in my.yaml:8; did you mean threshold?"),
    ("{behavior: SoccerTwos, threshold: .nan}", "threshold must be a number, but got nan in my.yaml:8"),
    ("{behavior: SoccerTwos, min_lesson_length: 1.5}", "min_lesson_length must be a whole number, but got 1.5"),
    ("{behavior: SoccerTwos, signal_smoothing: 1}", "signal_smoothing must be true or false, but got 1"),
    ("{behavior: SoccerTwos, measure: progress, threshold: 7}", "threshold must be from 0 to 1, a share of max_steps"),
    ("5", "completion_criteria must be a section with behavior, measure, threshold"),
]
BAD = [
    # limits and types
    (
        "learning_rate: 0.0005",
        "learning_rate: -1",
        "hyperparameters.learning_rate must be above 0, but got -1 in my.yaml:9",
    ),
    ("learning_rate: 0.0005", "learning_rate: fast", "learning_rate must be a number, but got fast in my.yaml:9"),
    ("learning_rate: 0.0005", "learning_rate: .nan", "learning_rate must be a number, but got nan"),
    ("learning_rate: 0.0005", "learning_rate:", "learning_rate must be a number, but got nothing"),
    ("learning_rate: 0.0005", "learning_rate: [1, 2]", "learning_rate must be a number, but got [1, 2]"),
    (
        "batch_size: 2048",
        "batch_size: -5",
        "batch_size must be at least 1, but got -5 in my.yaml:7; usual is 32 to 512",
    ),
    ("batch_size: 2048", "batch_size: 12.5", "batch_size must be a whole number, but got 12.5"),
    ("batch_size: 2048", "batch_size: true", "batch_size must be a whole number, but got true"),
    ("epsilon: 0.2", "epsilon: 1", "hyperparameters.epsilon must be below 1, but got 1"),
    ("lambd: 0.95", "lambd: 1.1", "hyperparameters.lambd must be at most 1, but got 1.1"),
    ("num_epoch: 3", "num_epoch: 0", "hyperparameters.num_epoch must be at least 1, but got 0"),
    ("gamma: 0.99", "gamma: 1.0", "reward_signals.extrinsic.gamma must be below 1, but got 1"),
    ("max_steps: 10000000", "max_steps: .nan", "max_steps must be a whole number, but got nan"),
    ("model_ratio: 0.5", "model_ratio: 7", "self_play.play_against_latest_model_ratio must be at most 1, but got 7"),
    ("window: 10", "window: 0", "self_play.window must be at least 1, but got 0"),
    (
        "learning_rate_schedule: linear",
        "learning_rate_schedule: cosine",
        "must be one of linear, constant, but got cosine",
    ),
    ("normalize: false", "normalize: 1", "network_settings.normalize must be true or false, but got 1"),
    ("trainer_type: poca", "trainer_type: pocca", "trainer_type must be one of poca, ppo, sac, but got pocca"),
    # names
    ("learning_rate: 0.0005", "learning_rat: 1", "got learning_rat in my.yaml:9; did you mean learning_rate?"),
    ("lambd: 0.95", "gamma: 0.95", "hyperparameters must hold keys that mlagents knows, but got gamma in my.yaml:12; "),
    ("lambd: 0.95", "gamma: 0.95", "it belongs at reward_signals.extrinsic.gamma"),
    ("lambd: 0.95", "tau: 0.005", "got tau in my.yaml:12; only sac has it"),
    (
        "self_play:",
        "selfplay:",
        "behaviors.SoccerTwos must hold keys that mlagents knows, but got selfplay in my.yaml:32; ",
    ),
    ("self_play:", "selfplay:", "did you mean self_play?"),
    ("  SoccerTwos:", "  SoccerTows:", "behaviors must hold SoccerTwos, but got SoccerTows"),
    ("behaviors:", "behaviours:", "behaviors must hold exactly one behavior, SoccerTwos, but got none"),
    ("behaviors:", "behaviours:", "did you mean behaviors where behaviours stands?"),
    ("    trainer_type: poca\n", "", "trainer_type must be written (mlagents would take ppo), but got nothing"),
    (
        "behaviors:\n",
        "torch_setings: {}\nbehaviors:\n",
        "but got torch_setings in my.yaml:3; did you mean torch_settings?",
    ),
    (
        "behaviors:\n",
        "torch_settings: {devise: cpu}\nbehaviors:\n",
        "torch_settings must hold keys that mlagents knows, ",
    ),
    ("behaviors:\n", "env_settings: {num_envs: many}\nbehaviors:\n", "env_settings.num_envs must be a whole number"),
    (
        "behaviors:\n",
        "env_settings: {num_envs: {int: [1, 2]}}\nbehaviors:\n",
        "parameters stand below the behavior only",
    ),
    ("    self_play:", "    self_play: 3\n    memory:", "self_play must be a section, but got 3"),
    # ranges
    (
        "learning_rate: 0.0005",
        "learning_rate: {float: [1, 0.1]}",
        "must have a range with low below high, but got {float: ",
    ),
    (
        "learning_rate: 0.0005",
        "learning_rate: {float: [1, 1]}",
        "must have a range that is not empty, but got {float: ",
    ),
    (
        "learning_rate: 0.0005",
        "learning_rate: {log_float: [0, 1]}",
        "must have a low end above 0 on a log scale, but got ",
    ),
    (
        "learning_rate: 0.0005",
        "learning_rate: {float: [1]}",
        "must give two numbers, low and high, after float, but got",
    ),
    (
        "learning_rate: 0.0005",
        "learning_rate: {float: [a, b]}",
        "must give two numbers, low and high, after float, but got",
    ),
    ("learning_rate: 0.0005", "learning_rate: {float: [-1, 1]}", "must be above 0 everywhere in its range, but got "),
    (
        "learning_rate: 0.0005",
        "learning_rate: {log_flaot: [1e-5, 1]}",
        "must be a value or a parameter, but got {log_flaot: [1e-05",
    ),
    ("learning_rate: 0.0005", "learning_rate: {log_flaot: [1e-5, 1]}", "did you mean log_float?"),
    ("learning_rate: 0.0005", "learning_rate: {ratio_off: beta, by: {float: [1, 2]}}", "did you mean ratio_of?"),
    ("learning_rate: 0.0005", "learning_rate: {float: [0, 1], int: [0, 1]}", "must be one kind of"),
    ("learning_rate: 0.0005", "learning_rate: {float: [0, 1], stp: 2}", "must be a parameter with float alone"),
    ("batch_size: 2048", "batch_size: {choice: []}", "batch_size must offer at least one option, but got {choice: []}"),
    ("batch_size: 2048", "batch_size: {choice: [512, 512]}", "must offer every option once"),
    ("batch_size: 2048", "batch_size: {choice: [512, [1]]}", "must offer plain values"),
    ("batch_size: 2048", "batch_size: {choice: [512, big]}", "must be a whole number everywhere in its range"),
    ("batch_size: 2048", "batch_size: {float: [512, 1024]}", "must be a whole number, but got {float: [512, 1024]}"),
    ("batch_size: 2048", "batch_size: {int: [512, 1024.5]}", "must have whole numbers after int"),
    ("num_epoch: 3", "num_epoch: {int: [3, 10], step: 2}", "must have a step that divides high - low"),
    ("num_epoch: 3", "num_epoch: {int: [3, 10], step: 0}", "must have whole numbers after int"),
    ("normalize: false", "normalize: {int: [0, 1]}", "must be a choice: it is no number"),
    ("max_steps: 10000000", "max_steps: {int: [1, 10]}", "max_steps must be a value, never a parameter"),
    ("trainer_type: poca", "trainer_type: {choice: [poca, ppo]}", "trainer_type must be a value, never a parameter"),
    # derived
    (
        "buffer_size: 20480",
        "buffer_size: {multiple_of: hyperparameters.batchsize, by: {int: [5, 10]}}",
        "hyperparameters.buffer_size must be derived from a number or parameter of the same file, but got "
        "{multiple_of: hyperparameters.batchsize, by: {int: [5, 10]}} in my.yaml:8; did "
        "you mean hyperparameters.batch_size?",
    ),
    (
        "buffer_size: 20480",
        "buffer_size: {multiple_of: batch_size, by: {int: [5, 10]}}",
        "mean hyperparameters.batch_size?",
    ),
    (
        "buffer_size: 20480",
        "buffer_size: {multiple_of: trainer_type, by: {int: [5, 10]}}",
        "must be derived from a number",
    ),
    ("buffer_size: 20480", "buffer_size: {multiple_of: 5, by: {int: [5, 10]}}", "must name a key after multiple_of"),
    ("buffer_size: 20480", "buffer_size: {multiple_of: hyperparameters.batch_size}", "must have a range after by"),
    (
        "buffer_size: 20480",
        "buffer_size: {multiple_of: hyperparameters.batch_size, by: {float: [5, 10]}}",
        "must be derived by whole numbers where it is a multiple",
    ),
    (
        "buffer_size: 20480",
        "buffer_size: {multiple_of: hyperparameters.batch_size, by: {int: [0, 10]}}",
        "must be derived by factors above 0",
    ),
    (
        "buffer_size: 20480",
        "buffer_size: {multiple_of: hyperparameters.buffer_size, by: {int: [1, 2]}}",
        "must not be derived from itself, but got 'hyperparameters.buffer_size -> hyperparameters.buffer_size'",
    ),
    (
        "batch_size: 2048\n      buffer_size: 20480",
        "batch_size: {ratio_of: hyperparameters.buffer_size, by: {float: [0.1, 1]}}\n"
        "      buffer_size: {multiple_of: hyperparameters.batch_size, by: {int: [1, 2]}}",
        "hyperparameters.batch_size must not be derived from itself, but got 'hyperparameters.batch_size -> ",
    ),
    (
        "model_ratio: 0.5",
        "model_ratio: {ratio_of: self_play.window, by: {float: [0.01, 1]}}",
        "self_play.play_against_latest_model_ratio must be at most 1 everywhere in its range (it reaches 0.1 to 10)",
    ),
    # relations
    (
        "buffer_size: 20480",
        "buffer_size: 1000",
        "hyperparameters.buffer_size must be at least hyperparameters.batch_size (an update needs a whole batch), but "
        "got hyperparameters.buffer_size = 1000 and hyperparameters.batch_size = 2048 in my.yaml:8; derive it,",
    ),
    ("buffer_size: 20480", "buffer_size: {int: [100, 2000]}", "= 100 to 2000 and hyperparameters.batch_size = 2048"),
    ("team_change: 250000", "team_change: 1000", "self_play.team_change must be at least self_play.save_steps"),
    ("swap_steps: 2000", "swap_steps: 300000", "self_play.team_change must be at least self_play.swap_steps"),
    (
        "swap_steps: 2000",
        "swap_steps: {ratio_of: self_play.team_change, by: {int: [2, 3]}}",
        "self_play.team_change must be at least self_play.swap_steps",
    ),
    (
        "max_steps: 10000000",
        "max_steps: 300000",
        "max_steps must be at least 2 x self_play.team_change",
    ),
    (
        "checkpoint_interval: 200000",
        "checkpoint_interval: 20000000",
        "max_steps must be at least checkpoint_interval (else there is no checkpoint), but got max_steps = 10000000",
    ),
    (
        "normalize: false",
        "normalize: false\n      memory: {memory_size: 128, sequence_length: 4096}",
        "batch_size must be at least network_settings.memory.sequence_length",
    ),
    ("normalize: false", "memory: {memory_size: 127}", "network_settings.memory.memory_size must be even, but got 127"),
    # environment parameters
    (
        "behaviors:\n",
        "environment_parameters: {ball_tuch: 1}\nbehaviors:\n",
        "but got ball_tuch in my.yaml:3; did you mean",
    ),
    ("behaviors:\n", "environment_parameters: {wind: 1}\nbehaviors:\n", "known are ball_touch, gravity"),
    (
        "behaviors:\n",
        "environment_parameters: {gravity: low}\nbehaviors:\n",
        "must be a number, a sampler or a curriculum",
    ),
    (
        "behaviors:\n",
        "environment_parameters: {gravity: {float: [1, 2]}}\nbehaviors:\n",
        "parameters stand below the behavior",
    ),
    (
        "behaviors:\n",
        "environment_parameters: {gravity: {sampler_type: unifrm}}\nbehaviors:\n",
        "must have sampler_type",
    ),
    (
        "behaviors:\n",
        "environment_parameters: {gravity: {sampler_type: uniform, sampler_parameters: {min_value: 2, max_value: 1}}}\n"
        "behaviors:\n",
        "must sample from low up to high",
    ),
    (
        "behaviors:\n",
        "environment_parameters: {gravity: {curriculum: []}}\nbehaviors:\n",
        "must have a list of lessons",
    ),
    (
        "behaviors:\n",
        "environment_parameters: {gravity: {sampler_type: gaussian, sampler_parameters: {mean: .nan}}}\nbehaviors:\n",
        "environment_parameters.gravity.sampler_parameters.mean must be a number, but got nan in my.yaml:3",
    ),
    (
        "behaviors:\n",
        "environment_parameters: {gravity: {sampler_type: gaussian, sampler_parameters: {st_dev: -1}}}\nbehaviors:\n",
        "st_dev must be at least 0, but got -1",
    ),
    *((*lessons(more), fragment) for more, fragment in LESSONS),
    # numbers that none is
    *(
        (f"{key}: {old}", f"{key}: {new}", rule)
        for key, old in (("batch_size", "2048"), ("learning_rate", "0.0005"), ("initial_elo", "1200"))
        for new, rule in ((".nan", "number, but got nan"), ("-.inf", "number, but got -inf"), ("1e400", "but got inf"))
    ),
    (
        "batch_size: 2048",
        f"batch_size: {10**400}",
        "hyperparameters.batch_size must be at most 9.22337e+18, but got 1000",
    ),
    ("batch_size: 2048", f"batch_size: {'9' * 5000}", "my.yaml must be YAML, but got: Exceeds the limit"),
    ("batch_size: 2048", f"batch_size: {{int: [1, {10**400}]}}", "must give two numbers, low and high, after int"),
    ("epsilon: 0.2", "epsilon: {choice: [0.1, .nan]}", "epsilon must be a number everywhere in its range"),
    ("behaviors:\n", "sweep: {first_rung: .nan}\nbehaviors:\n", "sweep.first_rung must be a number, but got nan"),
    (
        "behaviors:\n",
        "sweep: {first_rung: 1e-6}\nbehaviors:\n",
        "sweep.first_rung must be at least 0.01, but got 1e-06",
    ),
    (
        "behaviors:\n",
        "sweep: {rating_matches: 2e6}\nbehaviors:\n",
        "sweep.rating_matches must be at most 1e+06, but got 2000000",
    ),
    (
        "behaviors:\n",
        "engine_settings: {time_scale: .inf}\nbehaviors:\n",
        "engine_settings.time_scale must be a number",
    ),
    # comments of other languages, and where a line went wrong
    ("    hyperparameters:\n", "    // note\n    hyperparameters:\n", "in my.yaml:6; comments begin with #"),
    ("    hyperparameters:\n", "    /* note */\n    hyperparameters:\n", "in my.yaml:6; comments begin with #"),
    ("behaviors:\n", "// note\nbehaviors:\n", "in my.yaml:3; comments begin with #"),
    ("behaviors:\n", "// one\n// two\nbehaviors:\n", "in my.yaml:3; comments begin with #"),
    (
        "    hyperparameters:\n",
        "    // note: one\n    hyperparameters:\n",
        "got // note in my.yaml:6; comments begin with #",
    ),
    (
        "epsilon: 0.2",
        "epsilon: 0.2 // note",
        "epsilon must be a number, but got '0.2 // note' in my.yaml:11; comments begin",
    ),
    (
        "    self_play:\n",
        "    self_play: {window: 3, // note\n      save_steps: 5}\n    x:\n",
        "in my.yaml:32; comments begin",
    ),
    ("batch_size: 2048", "batch_size 2048", "in my.yaml:7; fix that line"),
    # the sweep section
    ("behaviors:\n", "sweep: {trails: 3}\nbehaviors:\n", "sweep must hold keys that a sweep knows, but got trails"),
    ("behaviors:\n", "sweep: {trails: 3}\nbehaviors:\n", "did you mean trials?"),
    ("behaviors:\n", "sweep: {trials: 0}\nbehaviors:\n", "sweep.trials must be at least 1, but got 0 in my.yaml:3"),
    ("behaviors:\n", "sweep: {first_rung: 1.5}\nbehaviors:\n", "sweep.first_rung must be at most 1, but got 1.5"),
    (
        "behaviors:\n",
        "sweep: {reduction_factor: 1}\nbehaviors:\n",
        "sweep.reduction_factor must be at least 1.1, but got 1",
    ),
    ("behaviors:\n", "sweep: {rating_matches: 9}\nbehaviors:\n", "sweep.rating_matches must be even, but got 9"),
    ("behaviors:\n", "sweep: {shared: {hidden: 3}}\nbehaviors:\n", "sweep.shared must hold keys that mlagents knows"),
    (
        "behaviors:\n",
        "sweep: {shared: {time_horizon: 64}}\nbehaviors:\n",
        "must be what all trials have, 1000, but got 64",
    ),
    (
        "behaviors:\n",
        "sweep: {shared: {environment_parameters: {ball_touch: 1}}}\nbehaviors:\n",
        "sweep.shared.environment_parameters.ball_touch must be what all trials have, nothing, but got 1",
    ),
    # the text itself
    (
        "epsilon: 0.2",
        "epsilon: 0.2\n      epsilon: 0.3",
        "my.yaml must be YAML, but got: the key epsilon stands twice in my.yaml:12",
    ),
    ("epsilon: 0.2", "epsilon: [0.2", "my.yaml must be YAML, but got: "),
    (COURSE, "", "my.yaml must hold sections such as behaviors, but got nothing"),
    (COURSE, "- 1", "my.yaml must hold sections such as behaviors, but got [1]"),
    (COURSE, "behaviors: 3", "behaviors must be a section, but got 3"),
    (COURSE, "behaviors: {SoccerTwos: 3}", "behaviors.SoccerTwos must be a section, but got 3"),
    (
        COURSE,
        "behaviors: {SoccerTwos: {}, Other: {}}",
        "must hold exactly one behavior, SoccerTwos, but got SoccerTwos, Other",
    ),
    (COURSE, "behaviors: &a {SoccerTwos: *a}", "my.yaml must be YAML that ends"),
    (COURSE, "behaviors: {1: {trainer_type: poca}}", "a behavior's name must be text, but got 1 in my.yaml"),
    # what mlagents would refuse in every trial but the course's
    (
        "num_layers: 2",
        "num_layers: 2\n      memory: {memory_size: {int: [64, 256]}, sequence_length: 32}",
        "network_settings.memory.memory_size must be even everywhere in its range",
    ),
    (
        "num_layers: 2",
        "num_layers: 2\n      memory: {memory_size: {multiple_of: network_settings.num_layers, by: {int: [8, 9]}}}",
        "network_settings.memory.memory_size must not be derived: it must be even",
    ),
    (
        "reward_signals:",
        "reward_signals:\n      gail: {strength: 0.1}",
        "reward_signals.gail.demo_path must be written, but got nothing",
    ),
    (
        "keep_checkpoints",
        "behavioral_cloning: {strength: 0.5}\n    keep_checkpoints",
        "behavioral_cloning.demo_path must be written, but got nothing",
    ),
]


@pytest.mark.parametrize(("old", "new", "fragment"), BAD)
def test_refused_by_name(tmp_path: Path, old: str, new: str, fragment: str) -> None:
    assert COURSE.count(old) >= 1, "the table's left side must stand in course.yaml"
    file = tmp_path / "my.yaml"
    file.write_text(COURSE.replace(old, new, 1))
    with pytest.raises(SpaceError) as refused:
        space = search_spaces.load(file)
        search_spaces.check(space, space.budget, 8)
    message = str(refused.value)
    assert fragment in message
    assert "\n" not in message and "; " in message and str(tmp_path) not in message


@pytest.mark.parametrize(
    ("steps", "fields", "fragment"), [(0, 8, "steps must be at least 1"), (100, 0, "fields must be")]
)
def test_budget_and_fields_are_checked(steps: int, fields: int, fragment: str) -> None:
    with pytest.raises(SpaceError, match=fragment):
        search_spaces.check(search_spaces.load("course"), steps, fields)


def test_a_file_of_no_steps_is_refused_whatever_is_asked_for(tmp_path: Path) -> None:
    space = search_spaces.from_text(COURSE.replace("max_steps: 10000000", "max_steps: 0"), "my")
    with pytest.raises(SpaceError, match="max_steps must be at least 1, but got 0"):
        search_spaces.check(space, 30_000, 8)


def test_a_missing_file_names_the_shipped_spaces() -> None:
    known = "one of course, proof, quick, soccertwos, tuned or a YAML file"
    with pytest.raises(UsageError, match=rf"{known}, but got quik \(.*\); did you mean quick\?"):
        search_spaces.load("quik")


@pytest.mark.parametrize(
    ("path", "value", "kind", "fragment"),
    [
        ("hyperparameters.buffer_size", 10, BadTrial, "hyperparameters.buffer_size must be at least"),
        ("self_play.swap_steps", 10**6, BadTrial, "self_play.team_change must be at least"),
        ("max_steps", 400000, BadTrial, "max_steps must be at least 2 x self_play.team_change"),
        ("hyperparameters.learning_rate", -1, SpaceError, "must be above 0"),
        ("hyperparameters.lerning_rate", 1, SpaceError, "did you mean learning_rate?"),
        ("hyperparameters.learning_rate", {"float": [1e-5, 1e-4]}, SpaceError, "must be filled"),
    ],
)
def test_one_trial_is_checked_whose_fault_it_is(path: str, value: Any, kind: type[Exception], fragment: str) -> None:
    config = search_spaces.course(search_spaces.load("course"))
    *sections, last = path.split(".")
    node = config["behaviors"]["SoccerTwos"]
    for section in sections:
        node = node[section]
    node[last] = value
    with pytest.raises(kind, match=fragment):
        search_spaces.check_config(config)


def test_a_relation_that_some_trials_break_is_allowed_and_noted(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(COURSE.replace("buffer_size: 20480", "buffer_size: {int: [1000, 20000]}"))
    space = search_spaces.load(file)
    search_spaces.check(space, space.budget, 8)
    assert any("some proposals break that" in note for note in search_spaces.notes(space))


def test_trial_0_must_be_a_valid_trial_too(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    tied = "buffer_size: {multiple_of: hyperparameters.batch_size, by: {int: [5, 10]}}"
    shared = "sweep: {shared: {hyperparameters: {buffer_size: 100}}}\n"
    file.write_text(shared + COURSE.replace("buffer_size: 20480", tied))
    with pytest.raises(SpaceError, match=r"trial 0, the course with sweep.shared of my.yaml, must be a valid trial: "):
        search_spaces.check(search_spaces.load(file), 1_000_000, 8)


PLAIN = {"trainer_type": "poca", "self_play": {"save_steps": 50000}}


@pytest.mark.parametrize(
    ("more", "steps"),
    [
        ({"max_steps": 100_000}, 2000),  # checkpoint_interval, by default 500,000
        ({"max_steps": 100_000, "checkpoint_interval": 500_000}, 100_000),  # the same, written out as mlagents does
        ({}, 1000),
        ({"max_steps": 20_000}, 20_000),  # team_change, by default 5 x save_steps
        ({"max_steps": 300_000, "self_play": {"swap_steps": 400_000}}, 300_000),
        ({"hyperparameters": {"batch_size": 20_480}}, 2000),  # buffer_size, by default 10,240
        ({"network_settings": {"memory": {"memory_size": 64}}, "hyperparameters": {"batch_size": 32}}, 2000),
        ({"trainer_type": "sac", "hyperparameters": {"batch_size": 100_000}}, 2000),
    ],
)
def test_defaults_that_a_file_does_not_name_never_make_it_impossible(
    more: dict[str, Any], steps: int, tmp_path: Path
) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(yaml.safe_dump({"behaviors": {"SoccerTwos": PLAIN | more}}))
    space = search_spaces.load(file)
    search_spaces.check(space, steps, 8)
    config, _ = search_spaces.scale(search_spaces.render(space, {}), steps, search_spaces.reference(space))
    search_spaces.check_config(config, space)
    trainer = config["behaviors"]["SoccerTwos"]
    hyper = {"batch_size": 128 if trainer["trainer_type"] == "sac" else 1024, "buffer_size": 10_240}
    hyper |= trainer.get("hyperparameters", {})
    assert trainer["max_steps"] == steps and hyper["buffer_size"] >= hyper["batch_size"]
    assert trainer.get("checkpoint_interval", steps) <= steps
    if memory := trainer.get("network_settings", {}).get("memory"):
        assert memory["sequence_length"] == hyper["batch_size"]


def test_a_buffer_that_is_taken_for_a_large_batch_is_said(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(yaml.safe_dump({"behaviors": {"SoccerTwos": PLAIN | {"hyperparameters": {"batch_size": 20_480}}}}))
    assert any("10 x batch_size is taken" in note for note in search_spaces.notes(search_spaces.load(file)))


def test_a_file_without_parameters_is_told_nothing_of_a_trial_0_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("environment_parameters: {ball_touch: 0.02}\n" + COURSE)
    assert not [note for note in search_spaces.notes(search_spaces.load(file)) if "trial 0" in note]
    file.write_text("environment_parameters: {ball_touch: 0.02}\n" + COURSE.replace("epoch: 3", "epoch: {int: [3, 4]}"))
    assert [note for note in search_spaces.notes(search_spaces.load(file)) if "trial 0 trains without it" in note]


def test_json_indented_by_tabs_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(yaml.safe_load(COURSE), indent="\t"))
    space = search_spaces.load(file)
    search_spaces.check(space, space.budget, 8)
    assert search_spaces.from_text(space.text, "again").trainer == search_spaces.load("course").trainer


@pytest.mark.parametrize("steps", [200_000, 1_000_000, 20_000_000])
@pytest.mark.parametrize("behavior", ["Tennis", "SoccerTwos"])
def test_two_team_changes_fit_where_save_steps_is_a_parameter(behavior: str, steps: int) -> None:
    trainer = "ppo" if behavior == "Tennis" else "poca"
    saved = "{int: [10000, 500000], step: 10000}"
    text = f"behaviors:\n  {behavior}:\n    trainer_type: {trainer}\n    self_play:\n      save_steps: {saved}\n"
    space = search_spaces.from_text(text, "mine")
    config, _ = search_spaces.scale(
        search_spaces.render(space, {"self_play.save_steps": 100_000}), steps, search_spaces.reference(space)
    )
    trained = config["behaviors"][behavior]["self_play"]
    assert 2 * trained.get("team_change", 5 * trained["save_steps"]) <= steps


def test_a_factor_without_bounds_is_refused_in_a_line() -> None:
    text = COURSE.replace(
        "team_change: 250000", "team_change: {multiple_of: self_play.save_steps, by: {choice: [1e308, 2]}}"
    )
    assert text != COURSE
    with pytest.raises(SpaceError, match="team_change"):
        search_spaces.check(search_spaces.from_text(text, "mine"), 5_000_000, 8)


def test_a_lesson_holds_no_lessons() -> None:
    inner = "{curriculum: [{name: inner, value: 1}]}"
    text = f"environment_parameters: {{ball_touch: {{curriculum: [{{name: outer, value: {inner}}}]}}}}\n" + COURSE
    with pytest.raises(
        SpaceError, match=r"value must be a number or a sampler, but got .* in mine.yaml:1; write one list"
    ):
        search_spaces.check(search_spaces.from_text(text, "mine"), 5_000_000, 8)
