"""A small real sweep, and the command line as a user has it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from trials.folder import RunFolder

SPACE = """
sweep:
  trials: 4
  steps: 6000
  fields: 4
  startup_trials: 2
  first_rung: 0.5
  reduction_factor: 2
  rating_matches: 8
  fresh_matches: 8
  final_seeds: 0
  finalists: 1
  shared:
    hyperparameters: {batch_size: 256, buffer_size: 2048}
    network_settings: {hidden_units: 32, num_layers: 1}
    time_horizon: 64
    environment_parameters: {ball_touch: 1}
environment_parameters: {ball_touch: 1}
behaviors:
  SoccerTwos:
    trainer_type: poca
    hyperparameters:
      batch_size: 256
      buffer_size: 2048
      learning_rate: {log_float: [1e-4, 1e-3]}
      beta: 5e-3
      epsilon: 0.2
      lambd: 0.95
      num_epoch: {int: [3, 4]}
      learning_rate_schedule: linear
    network_settings: {normalize: false, hidden_units: 32, num_layers: 1}
    reward_signals:
      extrinsic: {gamma: 0.99, strength: 1.0}
    time_horizon: 64
    summary_freq: 100000
    checkpoint_interval: 200000
    keep_checkpoints: 5
    self_play: {save_steps: 50000, team_change: 250000, swap_steps: 2000, window: 10, initial_elo: 1200}
"""

SWEEP = (sys.executable, "-m", "sweep")
Command = Callable[..., subprocess.CompletedProcess[str]]
"""What `run_sweep` is, or the fixture `command`."""


@dataclass(frozen=True)
class Finished:
    """A sweep that ran to its end."""

    run: RunFolder
    output: str
    status: int


def run_sweep(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, without a terminal."""
    return subprocess.run(
        [*SWEEP, *arguments], capture_output=True, text=True, cwd=cwd, check=False, env=plain_environ()
    )


def plain_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}


def trainers(run: Path) -> list[psutil.Process]:
    """Trainer processes of a run that are still alive."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "trials.learner.launcher" in words and any(str(run) in word for word in words):
            found.append(process)
    return found


def json_of(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The one JSON object that a command printed, and nothing else."""
    parsed = json.loads(done.stdout)
    assert isinstance(parsed, dict)
    return parsed
