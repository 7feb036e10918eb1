"""One trainer's process from the worker's side: start it, watch it, stop it, and say whose fault its end was."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from trials.errors import LostTrial, SetupError, SpaceError, SweepError
from trials.folder import TrialFolder
from trials.learner import health, process_tree, trainer_log
from trials.records import TrialSpec
from trials.stint import Stint

STOP_GRACE_S = 120.0
"""Seconds of work that a trainer may take from SIGINT to its last export; a POCA update of the course's size on one
slow core takes up to a minute, and no signal interrupts one."""
LOOK_PERIOD_S = 1.0
"""How often at most a trainer's descendants are looked for and its logs bounded, seconds."""
PYTHON = (sys.executable, "-P", "-m")
"""How a module of ours is started: files of the user's own folder (a yaml.py) must not hide libraries from it."""
LAUNCHER = "trials.learner.launcher"
EXTERNAL = "trials.learner.external"

TORCH = "2.13.0"
"""The release of torch that everything was tried with; the Makefile's."""

TRIAL_EXIT, SETUP_EXIT, MACHINE_EXIT = 1, 3, 4
"""Exit statuses with which the launcher says whose fault its end is (trials/errors.py)."""


def said(error: SweepError) -> tuple[str, int]:
    """How a trainer's last line begins that says `error`, and its exit status."""
    if isinstance(error, SetupError):
        return "set-up", SETUP_EXIT
    return ("machine", MACHINE_EXIT) if isinstance(error, LostTrial) else ("trial", TRIAL_EXIT)


def run(train: Callable[[Path], None], folder: Path) -> int:
    """`train` what is in `folder`, and say on standard error whose fault an early end was; the exit status."""
    try:
        train(folder)
    except (SweepError, OSError) as error:
        fault = error if isinstance(error, SweepError) else health.of_system(error, folder)
        kind, status = said(fault)
        sys.stderr.write(f"{kind}: {fault}\n")
        return status
    return 0


class TrainerProcess:
    """Owns the process that trains in `files`, and everything that process starts."""

    def __init__(self, files: TrialFolder, threads: int, program: str = LAUNCHER) -> None:
        """Start `program`, a module that takes the trial's folder; what it prints goes to the trial's log. What is left
        of a trainer started there before, by a worker that died, is killed first: two would write the same files."""
        self.files = files
        self.began, self._started = time.time(), time.monotonic()
        self._ended: float | None = None
        self._looked = 0.0
        folder = files.path.resolve()
        process_tree.Family(process_tree.of_folder(folder)).end()
        mark = process_tree.new_mark(folder)
        with files.log.open("ab") as log:  # appending: trainer_log.bound may cut the file under the trainer's hands
            self._process = subprocess.Popen(
                [*PYTHON, program, str(files.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(threads) | {process_tree.MARK: mark},
                start_new_session=True,  # Ctrl+C in the terminal is for the driver; it stops trainers one by one
            )
        self._family = process_tree.Family(mark.__eq__, self._process.pid)

    @property
    def pid(self) -> int:
        """Of the trainer's process."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it runs. Ask often: each time descendants are remembered and
        logs bounded, once a second at most, and at the end what the trainer left running is killed."""
        status = self._process.poll()
        if status is None:
            self._look()
        elif self._ended is None:
            self._ended = time.monotonic()
            self.sweep_up()
        return status

    @property
    def seconds(self) -> float:
        """Life of the process so far, or in all."""
        return (self._ended or time.monotonic()) - self._started

    def wait(self, seconds: float) -> None:
        """Sleep up to `seconds`, less if the process ends."""
        deadline = time.monotonic() + seconds
        while self.status is None and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(min(left, LOOK_PERIOD_S))

    def stop(self, grace: float = STOP_GRACE_S) -> None:
        """SIGINT, wait for the export, then kill what is left of the process and its descendants, by id."""
        if self.status is None:
            self._process.send_signal(signal.SIGINT)
            stint = Stint(self.pid)
            while self.status is None and stint.seconds < grace:
                self.wait(LOOK_PERIOD_S)
        self.sweep_up()
        _ = self.status

    def sweep_up(self) -> None:
        """Kill what is left of the tree, the trainer included, within seconds; harmless when nothing is."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a dead file server's clients cannot even be killed
            self._process.wait(process_tree.SWEEP_S)
        self._family.end()
        trainer_log.bound(self.files)

    def _look(self) -> None:
        if time.monotonic() - self._looked < LOOK_PERIOD_S:
            return
        self._family.look()
        trainer_log.bound(self.files)
        self._looked = time.monotonic()


def must_be_installed() -> None:
    """Raise SetupError where the trainer's packages are not there, as where only the wheel was installed: it cannot
    require them, since mlagents refuses every current Python and which build of torch is a setting."""
    missing = [name for name in ("torch", "mlagents", "mlagents_envs") if find_spec(name) is None]
    if not missing:
        return
    if find_spec("pip") is None:  # as in an environment of uv's
        pip, anyway = f"uv pip install --python {sys.executable}", "--no-deps"
    else:
        pip, anyway = f"{sys.executable} -m pip install", "--no-deps --ignore-requires-python"
    raise SetupError(
        f"training needs torch and mlagents 1.1.0, but {' and '.join(missing)} cannot be imported;"
        f" `{pip} torch=={TORCH} && {pip} {anyway} mlagents==1.1.0 mlagents-envs==1.1.0`"
    )


def check_with_mlagents(config: Mapping[str, Any], *tried: tuple[str, str]) -> dict[str, Any]:
    """mlagents' own opinion of a complete configuration, asked in a process of its own: as it resolves it, every
    default written out. `tried` there too: ("device", torch's name), (key, path of the file that it names). Raises
    SpaceError, SetupError where mlagents is not installed."""
    must_be_installed()
    done = subprocess.run(
        [*PYTHON, "trials.learner.check", *map("=".join, tried)],
        input=yaml.safe_dump(dict(config), sort_keys=False),
        capture_output=True,
        text=True,
        check=False,
        env=_environment(1),
    )
    if done.returncode != 0:
        raise SpaceError((done.stderr.strip().splitlines() or ["mlagents' settings could not be imported"])[-1])
    resolved: dict[str, Any] = json.loads(done.stdout)
    return resolved


def _environment(threads: int) -> dict[str, str]:
    """The trainer's environment variables: its share of the cores, and what makes a run repeatable."""
    count = str(threads)
    return os.environ | {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "NUMBA_NUM_THREADS": count,
        "GRPC_ENABLE_FORK_SUPPORT": "0",  # process_tree forks beside gRPC's threads only to start a program
        "PYTHONHASHSEED": "0",  # mlagents walks sets of behavior names
        "PYTHONUNBUFFERED": "1",
    }


def arguments(
    files: TrialFolder, spec: TrialSpec, config: Path, resume: bool, port: int | None = None, *more: str
) -> list[str]:
    """The words after `mlagents-learn` for a trial, whoever trains it: the house's own trainer or another's.

    `config`: the trainer YAML to read; `resume`: from the trial's checkpoint; `port`: of its executable, None for
    the embedded environment; `more`: options besides.

    An executable gets the space's own env_args, then `--fields`, which this product's own heeds; Unity's have what they
    have, or with a TrainingAreaReplicator as many areas as `--num-areas`. Source: mlagents 1.1.0
    `trainers/cli_utils.py` (options) and `trainers/settings.py` (RunOptions.from_argparse: an option replaces what the
    YAML says, `--env-args` the whole of env_settings.env_args).
    """
    words = [
        str(config),
        f"--run-id={files.results.name}",
        f"--results-dir={files.results.parent}",
        f"--seed={spec.seed}",
        "--resume" if resume else "--force",
        *([f"--torch-device={spec.device}"] if spec.device is not None else []),
        *more,
    ]
    if port is not None:
        own = (spec.config.get("env_settings") or {}).get("env_args") or []
        words += [f"--env={spec.executable}", f"--base-port={port}", f"--num-envs={spec.num_envs}", "--no-graphics"]
        words += [f"--num-areas={spec.fields}"] if spec.trainer is None else []  # older mlagents-learn have none
        words += ["--env-args", *map(str, own), "--fields", str(spec.fields)]  # all that follows is the executable's
    return words


def exported(files: TrialFolder) -> list[tuple[int, Path]]:
    """Exported policies as (trainer steps, path), fewest steps first; of two behaviors a folder with both."""
    found = []
    for path in files.candidates.glob("*"):
        match = re.fullmatch(r".+-(\d+)(\.onnx)?", path.name)
        if match and not path.name.startswith("."):
            found.append((int(match[1]), path))
    return sorted(found)
