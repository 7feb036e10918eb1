"""How far a training is, in progress.json: as its trainer says it, many times a minute, and as its worker reads it."""

import json
import math
import time
from dataclasses import asdict, dataclass, replace

from trials.folder import TrialFolder, written_whole

PERIOD_S = 0.25
"""How often the file is replaced at most, seconds."""


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
    earlier: float = 0.0
    """Seconds that the trial's trainers before this one trained."""

    @property
    def steps_per_second(self) -> float:
        """Trainer steps a second."""
        return (self.step - self.resumed) / self.seconds if self.seconds > 0 else 0.0


def read(files: TrialFolder) -> Where:
    """Where the trainer is; all zeros before its first report."""
    try:
        said = json.loads(files.progress.read_text())
        names = ("seconds", "time", "earlier")
        found = Where(int(said["step"]), int(said["resumed"]), *(float(said.get(name, 0)) for name in names))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return Where()
    return found if math.isfinite(found.seconds + found.time + found.earlier) else Where()


def begin_again(files: TrialFolder) -> None:
    """Another trainer starts: what the last one said stays as the past, and nothing is said yet. Raises OSError."""
    said = read(files)
    if said.time:
        _write(files, replace(said, seconds=0.0, time=0.0, earlier=said.earlier + said.seconds))


def _write(files: TrialFolder, where: Where) -> None:
    with written_whole(files.progress, lasting=False) as temporary:  # many times a minute, and soon out of date
        temporary.write_text(json.dumps(asdict(where)))


class Progress:
    """Owns the file while one trainer runs."""

    def __init__(self, files: TrialFolder, resumed: int, period: float = PERIOD_S) -> None:
        """Say that a trainer begins from `resumed` trainer steps; later words are `period` seconds apart at least."""
        self._files, self._resumed, self._period = files, resumed, period
        self._earlier = read(files).earlier
        self._step, self._told = resumed, -math.inf
        self._began: float | None = None  # by the clock that nobody sets, as `_told`
        self._write()

    def at(self, step: int) -> None:
        """Note that the trainer has reached `step`."""
        self._step = step
        if step > self._resumed and self._began is None:
            self._began = time.monotonic()
        self.alive()

    def alive(self) -> None:
        """Say it again: an update of a large network takes minutes, in which no step is counted."""
        if time.monotonic() - self._told >= self._period:
            self._told = time.monotonic()
            self._write()

    @property
    def seconds(self) -> float:
        """Since the first step that was told; 0 before."""
        return time.monotonic() - self._began if self._began is not None else 0.0

    def _write(self) -> None:
        _write(self._files, Where(self._step, self._resumed, self.seconds, time.time(), self._earlier))
