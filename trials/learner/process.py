"""One trainer's process from the worker's side: start it, watch it, stop it, and say whose fault its end was."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from trials.errors import SpaceError
from trials.folder import TrialFolder

STOP_GRACE_S = 120.0
"""How long a trainer may take from SIGINT to its last export, seconds; a POCA update of the course's size on one slow
core takes up to a minute, and no signal interrupts one."""
TAIL_LINES = 25
LAUNCHER = "trials.learner.launcher"

SETUP_EXIT = 3
"""Exit status with which the launcher says: nothing can work until a person mends it."""


class TrainerProcess:
    """Owns the process that trains in `files`, and everything that process starts."""

    def __init__(self, files: TrialFolder, threads: int, program: str = LAUNCHER) -> None:
        """Start `program`, a module that takes the trial's folder; what it prints goes to the trial's log."""
        self.files = files
        self.began = time.time()
        self._ended: float | None = None
        with files.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", program, str(files.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(threads),
                start_new_session=True,  # Ctrl+C in the terminal is for the driver; it stops trainers one by one
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        status = self._process.poll()
        if status is not None and self._ended is None:
            self._ended = time.time()
        return status

    @property
    def seconds(self) -> float:
        """Life of the process so far, or in all."""
        return (self._ended or time.time()) - self.began

    def wait(self, seconds: float) -> None:
        """Sleep up to `seconds`, less if the process ends."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def stop(self, grace: float = STOP_GRACE_S) -> None:
        """SIGINT, wait for the export, then kill what is left of the process and its descendants, by id."""
        family = _family(self._process.pid) if self.status is None else []
        if self.status is None:
            self._process.send_signal(signal.SIGINT)
            self.wait(grace)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self._process.wait()
        _ = self.status


def check_with_mlagents(config: Mapping[str, Any]) -> None:
    """mlagents' own opinion of a complete configuration, asked in a process of its own. Raises SpaceError."""
    done = subprocess.run(
        [sys.executable, "-m", "trials.learner.check"],
        input=yaml.safe_dump(dict(config), sort_keys=False),
        capture_output=True,
        text=True,
        check=False,
        env=_environment(1),
    )
    if done.returncode != 0:
        raise SpaceError((done.stderr.strip().splitlines() or ["mlagents' settings could not be imported"])[-1])


def _environment(threads: int) -> dict[str, str]:
    """The trainer's environment variables: its share of the cores, and what makes a run repeatable."""
    count = str(threads)
    return os.environ | {
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "NUMBA_NUM_THREADS": count,
        "PYTHONHASHSEED": "0",  # mlagents walks sets of behavior names
        "PYTHONUNBUFFERED": "1",
    }


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def read_progress(files: TrialFolder) -> tuple[int, float]:
    """Trainer steps reached, and seconds from the first of them to the last report; (0, 0.0) before the first."""
    try:
        progress = json.loads(files.progress.read_text())
        return int(progress["step"]), float(progress["seconds"])
    except (OSError, ValueError, KeyError):
        return 0, 0.0


def exported(files: TrialFolder) -> list[tuple[int, Path]]:
    """Exported policies as (trainer steps, path), fewest steps first."""
    found = []
    for path in files.candidates.glob("*.onnx"):
        match = re.fullmatch(r".+-(\d+)", path.stem)
        if match and not path.name.startswith("."):
            found.append((int(match[1]), path))
    return sorted(found)


def log_tail(files: TrialFolder, lines: int = TAIL_LINES) -> str:
    """The last lines of the trainer's log."""
    try:
        with files.log.open("rb") as log:
            log.seek(max(0, files.log.stat().st_size - 32_768))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def reason(status: int, tail: str) -> str:
    """One line that says why a trainer ended with `status`."""
    if status < 0:
        return f"the trainer's process was killed by {signal.Signals(-status).name}"
    errors = [
        line.strip() for line in tail.splitlines() if re.match(r"(set-up: |[\w.]*(Error|Exception)\b)", line.strip())
    ]
    return errors[-1] if errors else f"the trainer's process ended with status {status}"
