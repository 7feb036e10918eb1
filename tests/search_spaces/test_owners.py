"""Every run option of mlagents has one owner: what is kept, taken over, left out with a note, or refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import search_spaces
from search_spaces import keys, owners
from sweep import settings
from trials.errors import SpaceError
from trials.learner.process import check_with_mlagents

SMALL: dict[str, Any] = {
    "trainer_type": "poca",
    "network_settings": {"hidden_units": 32, "num_layers": 1},
    "self_play": {"save_steps": 50000, "team_change": 200000},
}
ASK = """
import json
from trials.learner import compat; compat.apply()
import attr
from mlagents.trainers import settings
found = {}
for name, field in attr.fields_dict(settings.RunOptions).items():
    made = getattr(settings.RunOptions(), name)
    if attr.has(type(made)):
        found |= {f"{name}.{key}": value for key, value in attr.asdict(made).items()}
    else:
        found[name] = None if isinstance(made, dict) else made
print(json.dumps(found))
"""


def load(
    folder: Path, name: str = "my.yaml", behavior: dict[str, Any] | None = None, **top: Any
) -> search_spaces.Space:
    tree = {"behaviors": {"SoccerTwos": SMALL | (behavior or {})}, **top}
    path = folder / name
    path.write_text(json.dumps(tree) if name.endswith(".json") else yaml.safe_dump(tree, sort_keys=False))
    return search_spaces.load(path)


def test_the_table_holds_every_option_of_mlagents_with_its_default() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    defaults = json.loads(done.stdout.splitlines()[-1])
    assert set(defaults) == set(owners.OWNERS)
    assert {path: owned.default for path, owned in owners.OWNERS.items()} == defaults
    assert {path for path, _ in keys.leaves(keys.TOP)} == {path for path in owners.OWNERS if "." in path} | {"debug"}
    taken = {owned.setting for owned in owners.OWNERS.values() if owned.owner == "setting"}
    assert taken <= set(settings.Settings.__dataclass_fields__)


@pytest.mark.parametrize("name", ["configuration.yaml", "config.json"])
def test_a_published_runs_configuration_is_a_space(name: str, tmp_path: Path) -> None:
    """As mlagents writes it at a training's end, and `mlagents-push-to-hf` makes JSON of it."""
    run = {"run_id": "SoccerTwos", "resume": True, "initialize_from": "Before", "results_dir": "results"}
    whole = check_with_mlagents({"behaviors": {"SoccerTwos": SMALL | {"max_steps": 450_000}}})
    whole |= {"checkpoint_settings": whole["checkpoint_settings"] | run | {"inference": True, "force": False}}
    assert whole["default_settings"] is None and whole["behaviors"]["SoccerTwos"]["checkpoint_interval"] == 500_000
    path = tmp_path / name
    path.write_text(json.dumps(whole) if name.endswith("json") else yaml.safe_dump(whole, sort_keys=False))
    space = search_spaces.load(path)
    search_spaces.check(space, 2000, 8)
    config, _ = search_spaces.scale(search_spaces.render(space, {}), 2000, search_spaces.reference(space))
    search_spaces.check_config(config, space)
    assert set(config) <= {
        "behaviors",
        "default_settings",
        "environment_parameters",
        "engine_settings",
        "env_settings",
        "debug",
    }
    resolved = check_with_mlagents(config)
    assert (
        resolved["checkpoint_settings"]
        == check_with_mlagents({"behaviors": {"SoccerTwos": SMALL}})["checkpoint_settings"]
    )
    assert owners.taken(space, None) == {}
    (note,) = owners.notes(space, {"env": "embedded"}, settings.build)
    assert note == (
        f"{name}: left out are checkpoint_settings.run_id: a sweep names its trials' folders;"
        " checkpoint_settings.resume, checkpoint_settings.initialize_from: a trial goes on from its own checkpoint"
        " alone; checkpoint_settings.inference: a sweep trains"
    )


@pytest.mark.parametrize("written", ["builds/SoccerTwos", "builds/SoccerTwos.exe", "builds/SoccerTwos.x86_64"])
def test_what_means_the_same_becomes_the_sweeps_setting(written: str, tmp_path: Path) -> None:
    build = tmp_path / "builds" / "SoccerTwos.x86_64"
    build.parent.mkdir()
    build.write_text("")
    build.chmod(0o755)
    told = {"env_path": written, "seed": 7, "num_areas": 16, "num_envs": 3}
    space = load(tmp_path, env_settings=told, torch_settings={"device": "cpu"})
    made = settings.of_space("my.yaml", space, {"out": tmp_path, "slots": 1})
    assert (made.seed, made.fields, made.num_envs, made.torch_device, made.env) == (7, 16, 3, "cpu", str(build))
    assert [note.partition(": ")[2] for note in owners.notes(space, vars(made), settings.build)] == [
        "torch_settings.device cpu is taken as --torch-device",
        f"env_settings.env_path '{written}' is taken as --env",
        "env_settings.num_areas 16 is taken as --fields",
        "env_settings.num_envs 3 is taken as --num-envs",
        "env_settings.seed 7 is taken as --seed",
    ]
    config = search_spaces.render(space, {})
    assert "env_settings" not in config and "torch_settings" not in config


def test_the_command_line_and_the_sweep_section_win_and_that_is_said(tmp_path: Path) -> None:
    told = {"env_path": "nowhere", "seed": 7, "num_areas": 16, "num_envs": 3}
    space = load(tmp_path, env_settings=told, sweep={"fields": 4})
    made = settings.of_space("my.yaml", space, {"out": tmp_path, "slots": 1, "seed": 5, "env": "embedded"})
    assert (made.seed, made.fields, made.env) == (5, 4, "embedded")
    assert [note.partition(": ")[2] for note in owners.notes(space, vars(made), settings.build)] == [
        "env_settings.env_path nowhere gives way to --env embedded",
        "env_settings.num_areas 16 gives way to --fields 4",
        "env_settings.num_envs 3 gives way to --num-envs 1",
        "env_settings.seed 7 gives way to --seed 5",
    ]


def test_mlagents_defaults_say_nothing(tmp_path: Path) -> None:
    told = {"seed": -1, "num_areas": 1, "num_envs": 1, "base_port": 5005, "env_path": None}
    space = load(tmp_path, env_settings=told, checkpoint_settings={"resume": False}, torch_settings=None)
    search_spaces.check(space, 2000, 8)
    made = settings.of_space("my.yaml", space, {"out": tmp_path, "slots": 1})
    assert (made.seed, made.fields, made.env) == (0, 8, "embedded")
    assert owners.notes(space, vars(made), settings.build) == []


def test_a_builds_options_are_kept_for_it_and_idle_without(tmp_path: Path) -> None:
    space = load(tmp_path, engine_settings={"time_scale": 1, "no_graphics": True}, env_settings={"env_args": ["-x"]})
    config = search_spaces.render(space, {})
    assert config["engine_settings"] == {"time_scale": 1} and config["env_settings"] == {"env_args": ["-x"]}
    (embedded,), (build,) = (owners.notes(space, {"env": env}, settings.build) for env in ("embedded", "/x/SoccerTwos"))
    assert "engine_settings.time_scale: an executable alone reads that (--env)" in embedded
    assert "time_scale" not in build and "engine_settings.no_graphics: executables run without graphics" in build


@pytest.mark.parametrize(
    ("section", "told", "line"),
    [
        (
            "checkpoint_settings",
            {"initialize_from": "MyOldRun"},
            "checkpoint_settings.initialize_from must be left to the trials, which have folders of their own, but got"
            " MyOldRun in my.yaml:11; write init_path: results/MyOldRun/SoccerTwos/checkpoint.pt below SoccerTwos, or"
            " take it out",
        ),
        (
            "torch_settings",
            {"device": "mps"},
            "torch_settings.device must be cpu, cuda or cuda:N, but got mps in my.yaml:11",
        ),
        ("torch_settings", {"device": "gpu"}, "must be cpu, cuda or cuda:N, but got gpu"),
        ("env_settings", {"env_path": "./x"}, "env_settings.env_path must be an ML-Agents executable (from the file's"),
        ("env_settings", {"env_path": "./x"}, "run with --env embedded"),
        ("env_settings", {"env_path": "/"}, "env_settings.env_path must be an ML-Agents executable (from the file's"),
        ("env_settings", {"env_path": "my.yaml"}, "run `chmod +x "),
        ("env_settings", {"seed": "many"}, "env_settings.seed must be a whole number, but got many in my.yaml:11"),
        ("env_settings", {"seed": 2**31}, "env_settings.seed must be at most"),
        ("env_settings", {"num_areas": float("inf")}, "env_settings.num_areas must be a whole number, but got inf"),
        ("env_settings", {"num_areas": 10**400}, "env_settings.num_areas must be at most 4096, but got 1000"),
    ],
)
def test_what_cannot_be_meant_is_refused(section: str, told: dict[str, Any], line: str, tmp_path: Path) -> None:
    space = load(tmp_path, **{section: told})
    with pytest.raises(SpaceError) as refused:
        settings.of_space("my.yaml", space, {"out": tmp_path, "slots": 1})
    assert line in str(refused.value) and "\n" not in str(refused.value)


def test_a_seed_stays_one_that_numpy_takes(tmp_path: Path) -> None:
    made = settings.make(space="quick", out=tmp_path, seed=2**31 - 1, slots=1)
    assert {made.training_seed(number) < 2**31 for number in range(9)} == {True}
    assert len({made.training_seed(number) for number in range(9)}) == 9
    assert settings.make(space="quick", out=tmp_path, seed=3, slots=1).training_seed(4) == 3004
