"""Short whole trainings in one process, by mlagents as it is or with its slow parts replaced, and what came of each.

    python twice_trained.py stock|ours FOLDER NAME...

prints one JSON object: of each training the sha256 of every exported policy, of every checkpoint's tensors and of all
summaries, and in which words the log says that mlagents' own code went on. PYTHONHASHSEED must be set.
"""

import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml
from fickle_env import FickleEnv, Manner

from trials.learner import compat

ROOT = Path(__file__).parents[2]
SMALL = {
    "trainer_type": "poca",
    "hyperparameters": {"batch_size": 64, "buffer_size": 256},
    "network_settings": {"hidden_units": 32, "num_layers": 2},
    "time_horizon": 20,
    "max_steps": 1500,
    "summary_freq": 300,
    "checkpoint_interval": 600,
    "self_play": {"save_steps": 200, "team_change": 500, "swap_steps": 100, "window": 3},
}
MEMORY = {"network_settings": {"memory": {"memory_size": 16, "sequence_length": 8}}}
EXTRINSIC = {"extrinsic": {"gamma": 0.99, "strength": 1.0}}
OTHER = {"gamma": 0.99, "strength": 0.1, "network_settings": {"hidden_units": 16}}
PPO: dict[str, Any] = {"trainer_type": "ppo"}
SAC = {
    "trainer_type": "sac",
    "hyperparameters": {"buffer_init_steps": 200, "steps_per_update": 10, "buffer_size": 1000, "batch_size": 32},
    "max_steps": 800,
    "checkpoint_interval": 400,
}
SOCCER: dict[str, tuple[dict[str, Any], int]] = {
    "poca": ({}, 2),
    "normalized": ({"network_settings": {"normalize": True, "num_layers": 3}}, 1),
    "long horizon": ({"time_horizon": 1000, "max_steps": 5000}, 4),
    "ppo": (PPO, 2),
    "shared critic": (PPO | {"hyperparameters": {"shared_critic": True}}, 2),
    "no self-play": (PPO | {"self_play": None}, 2),
    "memory": (MEMORY, 2),
    "ppo with memory": (PPO | MEMORY, 2),
    "curiosity": ({"reward_signals": EXTRINSIC | {"curiosity": OTHER}}, 1),
    "rnd": (PPO | {"reward_signals": EXTRINSIC | {"rnd": OTHER}}, 1),
    "sac": (SAC, 1),
    "deterministic": ({"network_settings": {"deterministic": True}}, 1),
}
FICKLE: dict[str, tuple[dict[str, Any], Manner]] = {
    "masks": ({}, Manner(masked=True)),
    "continuous": ({}, Manner(continuous=2, branches=())),
    "hybrid": ({}, Manner(continuous=1, branches=(2, 3), masked=True)),
    "ppo continuous": (PPO, Manner(continuous=2, branches=(), mates=0)),
    "ppo alone": (PPO, Manner(mates=0)),
    "alone": ({}, Manner(mates=0)),
    "trios": ({}, Manner(mates=3)),
    "ends apart": ({}, Manner(apart=True)),
    "ends backwards": ({}, Manner(backwards=True)),
    "new ids": ({}, Manner(renewed=True)),
    "single deaths": ({}, Manner(mates=3, dying=1)),
    "late deaths": ({}, Manner(mates=3, dying=150)),
    "late deaths, ppo": (PPO, Manner(mates=3, dying=150)),
    "late deaths apart": ({}, Manner(mates=2, dying=150, apart=True)),
    "late deaths, long horizon": ({"time_horizon": 1000}, Manner(mates=2, dying=150)),
}
SPACES = ("quick", "soccertwos", "course")
NAMES = (*SOCCER, *FICKLE, *SPACES, "over the wire", "begun", "gone on")
"""`gone on` resumes what `begun` left in the same folder, whoever trained that."""


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` with `change` in it, mappings within mappings; None takes a key away."""
    result = dict(base)
    for key, value in change.items():
        if isinstance(value, dict):
            result[key] = merged(result.get(key) or {}, value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def shipped(space: str) -> dict[str, Any]:
    """A shipped space's configuration, one choice of each parameter, at a size that takes seconds."""
    text = yaml.safe_load((ROOT / "search_spaces" / f"{space}.yaml").read_text())
    (behavior,) = text["behaviors"].values()

    def first(value: Any) -> Any:
        if isinstance(value, dict) and len(value) in (1, 2) and (set(value) & {"choice", "float", "int", "log_float"}):
            found = next(value[key] for key in ("choice", "float", "int", "log_float") if key in value)
            return found[0]
        if isinstance(value, dict) and ("multiple_of" in value or "ratio_of" in value):
            return None
        return {key: first(inner) for key, inner in value.items()} if isinstance(value, dict) else value

    size = {"hyperparameters": {"batch_size": 128, "buffer_size": 512}, "max_steps": 1500, "time_horizon": 60}
    change = size | {"summary_freq": 500, "self_play": SMALL["self_play"]}
    return merged(first(behavior), change)


def train(folder: Path, name: str, behavior: dict[str, Any], make: Any, *, resume: bool = False) -> dict[str, Any]:
    """One training under `folder`/`name`; what came out."""
    from mlagents.trainers import learn
    from mlagents.trainers.stats import StatsReporter
    from mlagents.trainers.training_status import GlobalTrainingStatus

    from trials.learner.environments import Environment, Manager

    StatsReporter.writers.clear()
    StatsReporter.stats_dict.clear()
    GlobalTrainingStatus.saved_state = defaultdict(dict)
    told: list[Any] = []
    StatsReporter.add_writer(_writer(told))
    env, channel = make()
    learn.create_environment_factory = lambda *_: None
    learn.SubprocessEnvManager = lambda *_: Manager([Environment(env, channel)], _Unasked())
    config = folder / f"{name}.yaml"
    brain = next(iter(env.behavior_specs)).partition("?")[0]
    parameters = {"ball_touch": 1.0} if brain == "SoccerTwos" else {}
    config.write_text(yaml.safe_dump({"behaviors": {brain: behavior}, "environment_parameters": parameters}))
    words = [str(config), f"--run-id={name}", f"--results-dir={folder}", "--seed=5", "--torch-device=cpu"]
    learn.run_cli(learn.parse_command_line([*words, "--resume" if resume else "--force"]))
    return results(folder / name) | {"summaries": hashlib.sha256(json.dumps(told).encode()).hexdigest()}


def results(folder: Path) -> dict[str, Any]:
    """sha256 of every policy under `folder`, and of every checkpoint's tensors."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.onnx"))}
    return found | {path.name: _tensors(path) for path in sorted(folder.rglob("*.pt"))}


def _tensors(path: Path) -> str:
    import torch

    digest = hashlib.sha256()

    def add(key: str, value: Any) -> None:
        if isinstance(value, dict):
            for inner in value:
                add(f"{key}/{inner}", value[inner])
        elif isinstance(value, (list, tuple)):
            for place, inner in enumerate(value):
                add(f"{key}/{place}", inner)
        elif isinstance(value, torch.Tensor):
            digest.update(f"{key} {value.dtype} {tuple(value.shape)} ".encode() + (value + 0).numpy().tobytes())
        else:
            digest.update(f"{key} {value}".encode())

    add("", torch.load(path, weights_only=True))
    return digest.hexdigest()


class _Unasked:
    def check(self) -> None:
        """Nobody asks for an end."""


def _writer(told: list[Any]) -> Any:
    from mlagents.trainers.stats import StatsWriter

    class Told(StatsWriter):  # type: ignore[misc]
        def write_stats(self, category: str, values: Any, step: int) -> None:
            told.append([category, step, {key: float(value.aggregated_value) for key, value in sorted(values.items())}])

    return Told()


def soccer(fields: int) -> Any:
    """Makes the embedded game and its channel."""
    from trials.learner.environments import ParameterChannel
    from trials.soccer.env import SoccerEnv

    env = SoccerEnv(fields, seed=5)
    return env, ParameterChannel(env)


def fickle(manner: Manner) -> Any:
    """Makes the small game, and a channel that nothing is sent on."""
    from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel

    return FickleEnv(manner, 5), EnvironmentParametersChannel()


def wire(folder: Path) -> Any:
    """Makes the game as an executable, and its channel."""
    from mlagents_envs.environment import UnityEnvironment
    from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel

    from trials.ports import PortLease
    from trials.soccer.executable.launcher import install

    channel, lease = EnvironmentParametersChannel(), PortLease()
    path = str(install(folder / "SoccerTwos.x86_64"))
    words = ["--fields", "2"]
    env = UnityEnvironment(path, base_port=lease.port, side_channels=[channel], seed=5, additional_args=words)
    env.reset()
    return env, channel


def run(folder: Path, name: str) -> dict[str, Any]:
    """The training called `name`."""
    if name in SOCCER:
        change, fields = SOCCER[name]
        return train(folder, name, merged(SMALL, change), lambda: soccer(fields))
    if name in FICKLE:
        change, manner = FICKLE[name]
        return train(folder, name, merged(SMALL, change), lambda: fickle(manner))
    if name in SPACES:
        return train(folder, name, shipped(name), lambda: soccer(2))
    if name == "over the wire":
        return train(folder, name, SMALL, lambda: wire(folder))
    if name == "begun":
        return train(folder, "resumed", SMALL, lambda: soccer(2))
    return train(folder, "resumed", SMALL | {"max_steps": 3000}, lambda: soccer(2), resume=True)


def main(kind: str, folder: Path, names: list[str]) -> None:
    """Train each of `names`, print what came out."""
    compat.apply()
    import torch
    from mlagents.plugins.trainer_type import register_trainer_plugins

    register_trainer_plugins()
    torch.set_num_threads(1)
    said: list[str] = []
    if kind == "ours":
        from trials.learner.fast import scope, table

        table.install()
        scope._said = _Said(said)  # type: ignore[assignment]
    found = {}
    for name in names:
        said.clear()
        if kind == "ours":
            scope.brains.clear()  # one training a process, in the product
        found[name] = {"results": run(folder, name), "said": list(said)}
    sys.stdout.write("\n" + json.dumps(found) + "\n")


class _Said(set[str]):
    """What was said of each training, though once a process is enough for a log."""

    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._list = said

    def __contains__(self, reason: object) -> bool:
        return reason in self._list

    def add(self, reason: str) -> None:
        self._list.append(reason)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:] or list(NAMES))
