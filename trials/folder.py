"""Every file name of a sweep and of a trial, written once."""

import contextlib
import json
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import psutil
from filelock import FileLock, Timeout

from trials.errors import SetupError, UsageError


class Folder(Protocol):
    """Has files of known names."""

    @property
    def path(self) -> Path:
        """Where it is."""


class Below:
    """A file or folder of that name below a folder's `path`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: Folder, _: object = None) -> Path:
        return folder.path / self._name


@dataclass(frozen=True)
class TrialFolder:
    """Files of one trial, `runs/NAME/trials/0007/`."""

    path: Path

    spec = Below("spec.json")
    """The TrialSpec as JSON, what the launcher reads."""
    trainer_yaml = Below("trainer.yaml")
    """The rendered configuration, as `mlagents-learn` takes it."""
    log = Below("trainer.log")
    """Everything the trainer's process printed."""
    metrics = Below("metrics.jsonl")
    """Summaries, one JSON object a line: step, time (unix seconds), seconds (since the start), statistic: mean."""
    progress = Below("progress.json")
    """Where the trainer is now, replaced whole: step, steps it resumed from (0: begun anew), seconds since its
    first step, time (unix seconds; 0 until it speaks), seconds that trainers before it trained."""
    candidates = Below("candidates")
    """Exported policies, `SoccerTwos-200512.onnx`: whole files only."""
    results = Below("mlagents")
    """What mlagents itself writes: checkpoints, configuration.yaml, run_logs, TensorBoard events."""
    training_status = Below("mlagents/run_logs/training_status.json")
    """mlagents' own state beside the checkpoints: ghost Elo and lessons."""
    stop = Below("stop")
    """Where it exists, the trial is asked to end: it exports once more and stops its trainer."""

    def matches(self, steps: int) -> Path:
        """The log of the matches that rated the candidate exported at `steps` (trials/arena/matches/log.py)."""
        return self.path / "matches" / f"{steps}.parquet"


@dataclass(frozen=True)
class RunFolder:
    """Files of one sweep, `runs/NAME/`."""

    path: Path

    ledger = Below("ledger.jsonl")
    """Everything that happened, a JSON object a line."""
    study = Below("study.log")
    """Optuna's journal, for optuna-dashboard; a view that can be rebuilt from the ledger."""
    report = Below("report.html")
    """The page."""
    next_space = Below("next.yaml")
    """The space that the report suggests to search next."""
    space = Below("space.yaml")
    """The search space as it was when the sweep began."""
    yardstick = Below("yardstick.json")
    """What trials are rated on in a game that has no ladder (trials/arena/ratings/yardstick.py)."""
    settings = Below("sweep.yaml")
    """The sweep's settings."""
    best = Below("best")
    """Of a finished sweep: the policy that it carries on, `SoccerTwos.onnx`, and the `configuration.yaml` of it."""
    baseline = Below("baseline")
    """The file of a baseline that is no built-in, below this folder: a resumed run needs that very one."""
    trials = Below("trials")
    """The trials' folders."""
    lock = Below(".driver")
    """Held by the one process that writes the ledger."""
    driver = Below(".driver.json")
    """Who holds that, for `sweep status`: pid, host, began (unix seconds, of the process)."""

    @property
    def name(self) -> str:
        """The run's name: its folder's."""
        return self.path.name

    def table(self, name: str) -> Path:
        """A table of the report, as a file of its own."""
        return self.path / "tables" / f"{name}.csv"

    def fresh_matches(self, role: str, opponent: str) -> Path:
        """The log of the matches that were played after the choice was made."""
        return self.path / "fresh_matches" / f"{role}-{opponent}.parquet"

    def replays(self, opponent: str) -> Path:
        """Matches of the winner against `baseline` or `runner-up` to look at, recorded (reports/run/replays.py)."""
        return self.path / "replays" / f"winner-{opponent}.json"

    def match_logs(self) -> list[Path]:
        """Every match log of the run, tuning matches first."""
        return [*sorted(self.trials.glob("*/matches/*.parquet")), *sorted(self.path.glob("fresh_matches/*.parquet"))]

    def trial(self, number: int) -> TrialFolder:
        """The folder of the trial `number`."""
        return TrialFolder(self.trials / f"{number:04d}")


@contextmanager
def driving(run: RunFolder) -> Iterator[None]:
    """Be the run's one driver, who alone writes its ledger, until the block ends or the process dies."""
    if not run.path.is_dir():
        raise UsageError(f"a run's folder must be there, but {run.path} is not; name one that `sweep run` made")
    refusal = f"a run has one driver at a time, but another process is driving {run.path}; wait for its end, or stop it"
    with only_one(run.lock, refusal):
        me = {"pid": os.getpid(), "host": socket.gethostname(), "began": psutil.Process().create_time()}
        with contextlib.suppress(OSError), written_whole(run.driver) as temporary:  # a full disk is others' to tell
            temporary.write_text(json.dumps(me), encoding="utf-8")
        try:
            yield
        finally:
            run.driver.unlink(missing_ok=True)


@contextmanager
def only_one(lock: Path, refusal: str) -> Iterator[None]:
    """Hold the file `lock` until the block ends or the process dies. Raises SetupError(refusal) if another does."""
    try:
        held = FileLock(lock, timeout=0, thread_local=False).acquire()
    except Timeout:
        raise SetupError(refusal + _by_whom(lock)) from None
    with held:
        yield


def is_held(lock: Path) -> bool:
    """Whether a process holds the file that `only_one` does. To see, it is held for a moment: ask seldom."""
    try:
        with only_one(lock, ""):
            return False
    except SetupError:
        return True
    except OSError:  # of a folder that may not be written to nobody can tell
        return False


def _by_whom(lock: Path) -> str:
    """Of a lock on a file system that has none, where a file stands for it until its process removes that: whose it is,
    and what to do once that cannot; empty of any other, which ends with its process."""
    try:
        pid, host, *_ = lock.read_text(encoding="utf-8").split()  # empty where the system itself locks
    except (OSError, ValueError):
        return ""
    return f"; {lock} says so, by process {pid} of {host}: if that machine is gone, remove the file"


@contextmanager
def written_whole(path: Path, lasting: bool = True) -> Iterator[Path]:
    """A temporary path beside `path` that replaces it if the block succeeds: a reader never sees half a file.

    `lasting`: nor after a power cut, which may leave the name of a file without what is in it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield temporary
        if lasting:
            flush(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def flush(file: Path) -> None:
    """Wait until the disk has what is in it. Raises OSError."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def assembled(target: Path) -> Iterator[Path]:
    """A new folder beside `target` that takes its place if the block succeeds; otherwise nothing is left of it.

    One at a time: what an earlier one left that was killed is removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    mine = target.parent / f".{target.name}.{uuid4().hex}"
    old = target.parent / f".{target.name}.{uuid4().hex}.old"
    mine.mkdir()
    try:
        yield mine
        for file in (found for found in mine.rglob("*") if found.is_file()):
            flush(file)
        if target.exists():
            target.rename(old)
        mine.rename(target)
    finally:
        shutil.rmtree(mine, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def own(folder: Path) -> Path:
    """`folder`, among temporary files, made for this user alone if need be. Raises OSError, for another's and a link
    PermissionError: whoever may write there could make us write elsewhere."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(
            f"temporary files must be kept in a folder of one's own, but {folder} belongs to user {found.st_uid};"
            " have it removed or set TMPDIR to another folder"
        )
    return folder
