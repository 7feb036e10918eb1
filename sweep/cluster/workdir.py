"""Where a worker's trial lives: in the run's folder, or, on a cluster, on the node's disk and kept in the storage."""

import contextlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from uuid import uuid4

import psutil

from trials.arena.players import onnx_external
from trials.errors import SetupError, reason
from trials.folder import RunFolder, own
from trials.mirror import Mirror
from trials.storage import Storage

SEEN = ".seen"
"""A file that a cluster's driver writes into the run's storage, and every machine must see there."""
FLUSH_S = 60.0
"""How long a worker that is told to go waits for its storage, seconds."""

MISSING_S = 300.0
"""How long a file that a space names may not be in a storage that answers, seconds: the driver puts it there first."""


class Workplace:
    """Owns a trial's folder on this machine, and on a cluster its mirror in the storage."""

    def __init__(self, run: RunFolder, number: int, storage: Storage | None) -> None:
        """`run`: the run's folder, for a worker that shares it with the driver (`storage` is None)."""
        self.run, self._mirror = run, None
        self.ready, self._storage = storage is None, storage
        self._missed: float | None = None
        if storage is not None:
            _tidy(scratch())
            self.run = RunFolder(scratch() / f"{_mine()}-{run.name}-{number:04d}")
            shutil.rmtree(self.run.path, ignore_errors=True)
            files = self.run.trial(number)
            files.path.mkdir(parents=True)
            self._mirror = Mirror(files.path, storage / files.path.relative_to(self.run.path).as_posix(), ("stop",))

    def prepare(self) -> str:
        """Have what an earlier worker left here; an empty string, or why that must wait."""
        if not self.ready and self._mirror is not None:
            try:
                if self._storage is None or self._storage.read(SEEN) is None:  # a folder that is not mounted is empty
                    return f"{self._storage.address if self._storage else ''} does not show the run"
                self._mirror.fetch()
            except OSError as error:
                return reason(error)
            self._mirror.start()
            self.ready = True
        return ""

    def have(self, names: Sequence[str]) -> None:
        """Fetch files or folders of the run's (`inputs/...`) here. Raises OSError where the storage does not answer and
        where one is not there yet, SetupError once it has not come for MISSING_S."""
        if self._storage is None or not names:
            return
        for name in names:
            if not fetched(self._storage, name, self.run):
                raise self._missing(self._storage, name)

    def _missing(self, storage: Storage, name: str) -> OSError | SetupError:
        """What to say of an input that is not there: the driver may still be at putting it there, but not for ever."""
        if storage.read(SEEN) is None:
            self._missed = None
            return FileNotFoundError(f"{storage.address} does not show the run")
        self._missed = self._missed or time.monotonic()
        if time.monotonic() - self._missed < MISSING_S:
            return FileNotFoundError(f"{storage.address} has no {name}")
        return SetupError(
            f"a run's storage must hold the files that its space names, but {storage.address} has no {name};"
            " put it there from the run's own folder, then resume the sweep"
        )

    def ask(self) -> int:
        """A number that `safe` knows once everything there is now is where another machine can have it."""
        return self._mirror.ask() if self._mirror is not None else 0

    def safe(self, number: int, seconds: float = 0.0) -> bool:
        """Whether that is so, waiting up to `seconds` for it."""
        deadline = time.monotonic() + seconds
        while self._mirror is not None and not self._mirror.reached(number):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    @property
    def away(self) -> str:
        """What the storage said, where it does not answer."""
        return self._mirror.reason if self._mirror is not None and self._mirror.away_since else ""

    def close(self) -> None:
        """Keep what is there, then forget it here."""
        if self._mirror is None:
            return
        if self.ready:
            self.safe(self.ask(), FLUSH_S)
            self._mirror.close()
        shutil.rmtree(self.run.path, ignore_errors=True)
        self._mirror = None


@contextlib.contextmanager
def borrowed() -> Iterator[RunFolder]:
    """An empty run's folder for a while."""
    folder = scratch() / f"{_mine()}-{uuid4().hex}"
    try:
        yield RunFolder(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetched(storage: Storage, name: str, run: RunFolder) -> bool:
    """Fetch the file `FOLDER/NAME`, or all in a folder so called; False: there is none. Raises OSError."""
    beside = storage.files(PurePosixPath(name).parent.as_posix())
    wanted = [file for file in beside if file == name or file.startswith(f"{name}/")]
    for file in wanted:
        storage.fetch(file, run.path / file)
    return bool(wanted)


def player(name: str, storage: Storage | None, run: RunFolder) -> str:
    """What `trials.arena.players.load.load` takes for a baseline: on a cluster a file comes from the run's storage."""
    if storage is None or "/" not in name:
        return name
    storage.fetch(name, run.path / name)
    for other in onnx_external.files(run.path / name):
        storage.fetch(other.relative_to(run.path).as_posix(), other)
    return str(run.path / name)


def fetch_yardstick(storage: Storage, run: RunFolder) -> None:
    """Fetch what a run's own yardstick is made of, which the driver has put there before any trial began. Raises
    OSError."""
    for name in (run.yardstick.name, *storage.files(run.baseline.name)):
        storage.fetch(name, run.path / name)


def scratch() -> Path:
    """This machine's folder for trials under way, this user's alone; TMPDIR says where. Raises PermissionError."""
    return own(Path(tempfile.gettempdir()) / f"selfplay-sweep-{os.getuid()}")


def _mine() -> str:
    """How this process's folders begin: containers of one machine may share its disk, each with pids of its own."""
    return f"{platform.node()}.{os.getpid()}"


def _tidy(folder: Path) -> None:
    """Remove what workers left that died."""
    for left in folder.glob(f"{platform.node()}.*-*"):
        with contextlib.suppress(ValueError):
            if not psutil.pid_exists(int(left.name.removeprefix(f"{platform.node()}.").partition("-")[0])):
                shutil.rmtree(left, ignore_errors=True)
