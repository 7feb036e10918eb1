"""One trainer's process from the worker's side: start it, watch it, stop it, and say whose fault its end was."""

import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import yaml

from trials.errors import LostTrial, SetupError, SpaceError, SweepError
from trials.folder import TrialFolder, written_whole
from trials.learner import process_tree
from trials.stint import Stint

STOP_GRACE_S = 120.0
"""Seconds of work that a trainer may take from SIGINT to its last export; a POCA update of the course's size on one
slow core takes up to a minute, and no signal interrupts one."""
TAIL_LINES = 25
LOOK_PERIOD_S = 1.0
"""How often at most a trainer's descendants are looked for and its logs bounded, seconds."""
SWEEP_S = 2.0
"""How long killing what is left of a tree may take, seconds."""
LOG_BYTES = 8 * 2**20
"""A log larger than this on disk is cut down to its last KEPT_BYTES, which then lie beside it in `.1`."""
KEPT_BYTES = 2**20
ERROR, HANDLING = r"[\w.]*(Error|Exception)\b", "During handling of the above exception, another exception occurred"
"""How a traceback's last line begins, and what stands between an exception and one raised on the way out."""
LAUNCHER = "trials.learner.launcher"
FOREIGN = "trials.learner.external"

TORCH = "2.13.0"
"""The release of torch that everything was tried with; the Makefile's."""

TRIAL_EXIT, SETUP_EXIT, MACHINE_EXIT = 1, 3, 4
"""Exit statuses with which the launcher says whose fault its end is (trials/errors.py)."""


def said(error: SweepError) -> tuple[str, int]:
    """How a trainer's last line begins that says `error`, and its exit status."""
    if isinstance(error, SetupError):
        return "set-up", SETUP_EXIT
    return ("machine", MACHINE_EXIT) if isinstance(error, LostTrial) else ("trial", TRIAL_EXIT)


class TrainerProcess:
    """Owns the process that trains in `files`, and everything that process starts."""

    def __init__(self, files: TrialFolder, threads: int, program: str = LAUNCHER) -> None:
        """Start `program`, a module that takes the trial's folder; what it prints goes to the trial's log. What is left
        of a trainer started there before, by a worker that died, is killed first: two would write the same files."""
        self.files = files
        self.began = time.time()
        self._ended: float | None = None
        self._looked = 0.0
        folder = files.path.resolve()
        Family(process_tree.of_folder(folder)).end()
        mark = process_tree.new_mark(folder)
        with files.log.open("ab") as log:  # appending: bound_log may cut the file under the trainer's hands
            self._process = subprocess.Popen(
                [sys.executable, "-m", program, str(files.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(threads) | {process_tree.MARK: mark},
                start_new_session=True,  # Ctrl+C in the terminal is for the driver; it stops trainers one by one
            )
        self._family = Family(mark.__eq__, self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it runs. Ask often: each time descendants are remembered and
        logs bounded, once a second at most, and at the end what the trainer left running is killed."""
        status = self._process.poll()
        if status is None:
            self._look()
        elif self._ended is None:
            self._ended = time.time()
            self.sweep_up()
        return status

    @property
    def seconds(self) -> float:
        """Life of the process so far, or in all."""
        return (self._ended or time.time()) - self.began

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
        """Kill what is left of the tree, the trainer included, within SWEEP_S; harmless when nothing is."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a dead file server's clients cannot even be killed
            self._process.wait(SWEEP_S)
        self._family.end()
        bound_log(self.files)

    def _look(self) -> None:
        if time.monotonic() - self._looked < LOOK_PERIOD_S:
            return
        self._family.look()
        bound_log(self.files)
        self._looked = time.monotonic()


class Family:
    """Owns everything a process starts, sessions of their own and orphans included; psutil's (pid, start time) is whom
    it means, so a pid that was dealt out again is never taken for one of them."""

    def __init__(self, ours: Callable[[str], object], *pids: int) -> None:
        """`ours` knows the tree's mark; `pids` are children of this process that have not been waited for."""
        self._ours = ours
        self._members: set[psutil.Process] = set()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._members.update(psutil.Process(pid) for pid in pids)

    def look(self) -> None:
        """Remember who is below a member now: once its parent is gone, nobody could tell."""
        below: dict[int, list[psutil.Process]] = {}
        here: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                below.setdefault(process.ppid(), []).append(process)
                here[process.pid] = process
        self._members = {member for member in self._members if here.get(member.pid) == member}
        waiting = list(self._members)
        while waiting:
            children = [child for child in below.get(waiting.pop().pid, []) if child not in self._members]
            self._members.update(children)
            waiting += children

    def end(self, seconds: float = SWEEP_S) -> None:
        """Kill every member and whoever bears the mark, again until none is left or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while True:
            psutil.process_iter.cache_clear()  # it would take a pid that was dealt out again for its former holder
            self.look()
            self._members.update(process for process in psutil.process_iter() if self._ours(_mark(process)))
            alive = [member for member in self._members if _alive(member)]
            for member in alive:
                with contextlib.suppress(psutil.Error):
                    member.kill()
            if not alive or time.monotonic() > deadline:
                return
            time.sleep(0.02)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _mark(process: psutil.Process) -> str:
    try:
        return process.environ().get(process_tree.MARK, "")
    except (psutil.Error, OSError):  # gone, or another user's
        return ""


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
        [sys.executable, "-m", "trials.learner.check", *map("=".join, tried)],
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


@dataclass(frozen=True)
class Where:
    """How far a trainer says it is."""

    step: int = 0
    resumed: int = 0
    """Trainer steps of the checkpoint it began from."""
    seconds: float = 0.0
    """From its first step to its last report."""
    time: float = 0.0
    """Of the report, unix seconds; 0 before the first."""

    @property
    def steps_per_second(self) -> float:
        return (self.step - self.resumed) / self.seconds if self.seconds > 0 else 0.0


def read_progress(files: TrialFolder) -> Where:
    """Where the trainer is; all zeros before its first report."""
    try:
        said = json.loads(files.progress.read_text())
        found = Where(int(said["step"]), int(said["resumed"]), float(said["seconds"]), float(said["time"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return Where()
    return found if math.isfinite(found.seconds + found.time) else Where()


def exported(files: TrialFolder) -> list[tuple[int, Path]]:
    """Exported policies as (trainer steps, path), fewest steps first."""
    found = []
    for path in files.candidates.glob("*.onnx"):
        match = re.fullmatch(r".+-(\d+)", path.stem)
        if match and not path.name.startswith("."):
            found.append((int(match[1]), path))
    return sorted(found)


def bound_log(files: TrialFolder) -> None:
    """Cut logs larger than LOG_BYTES: the trainer's, and those of environments it started. Nothing if none is.

    What is written between the copy and the cut, a matter of milliseconds, is lost. A full disk is no error here."""
    for log in (files.log, *files.results.glob("run_logs/Player-*.log")):
        with contextlib.suppress(OSError):
            if _size_on_disk(log) > LOG_BYTES:
                with written_whole(_older(log)) as temporary:
                    temporary.write_bytes(_end_of(log, KEPT_BYTES))
                os.truncate(log, 0)


def _size_on_disk(path: Path) -> int:
    """Bytes, less the parameter that a cut leaves where the writer does not append and goes on at its old position."""
    found = path.stat()
    return min(found.st_size, found.st_blocks * 512)


def _older(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")


def _end_of(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read(size)
    except FileNotFoundError:
        return b""


def log_tail(files: TrialFolder, lines: int = TAIL_LINES) -> str:
    """The last lines of the trainer's log, a log that was just cut included."""
    try:
        text = _end_of(files.log, 32_768)
        if text.count(b"\n") < lines:
            text = _end_of(_older(files.log), 32_768) + text
    except OSError:
        return ""
    return "\n".join(text.decode("utf-8", "replace").splitlines()[-lines:])


def reason(status: int, tail: str) -> str:
    """One line that says why a trainer ended with `status`."""
    if status < 0:
        return f"the trainer's process was killed by {signal.Signals(-status).name}"
    errors = [
        line.strip()
        for line in tail.splitlines()
        if re.match(rf"((set-up|machine|trial): |{ERROR})", line.strip()) or line.startswith(HANDLING)
    ]
    at = len(errors) - 1
    while at >= 2 and errors[at - 1].startswith(HANDLING):  # what was raised on the way out hides why
        at -= 2
    return errors[at] if errors else f"the trainer's process ended with status {status}"
