"""Where a run is kept for all machines: its own folder where every machine sees that, else NAME below `--storage`.

Laid out alike, so that another machine can go on with the sweep from there when the driver's is gone.
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from search_spaces.files import Input
from sweep.models import Model
from sweep.settings import Settings
from trials.arena.players import onnx_external
from trials.errors import SetupError, reason
from trials.folder import RunFolder, written_whole
from trials.inputs import INPUTS
from trials.learner import checkpoints
from trials.storage import Stat, Storage, storage

DEAD_S = 45.0
"""After how long without a beat of its own a driver is taken to be dead, seconds."""
HEAVY = ".pt"
"""Checkpoints stay in the storage: only a trial that goes on needs them."""
BEAT, CLOCK = ".driving", ".clock"
"""Files there: what a driver says that it lives with, and what tells the storage's own time."""


def storage_of(settings: Settings) -> Storage:
    """Where the run of these settings is kept. Raises SetupError."""
    if settings.storage is None:
        return Storage(str(settings.out.absolute()))
    return storage(settings.storage) / settings.out.name


def apart(settings: Settings) -> bool:
    """Whether that is another place than the run's own folder."""
    return settings.storage is not None and storage_of(settings).address != str(settings.out.absolute())


def bring(
    storage: Storage, run: RunFolder, under: str, seen: dict[str, Stat], heavy: bool = False, missing: bool = False
) -> None:
    """Copy what changed below `under` since it was `seen` into the run's folder; trials' checkpoints only if `heavy`,
    with `missing` only files that are not there. Raises OSError."""
    for name, stat in storage.files(under).items():
        if missing and (run.path / name).exists():
            continue
        light = heavy or not name.endswith(HEAVY) or name.startswith(f"{INPUTS}/")
        if seen.get(name) == stat or not light or Path(name).name.startswith("."):
            continue
        storage.fetch(name, run.path / name)
        seen[name] = stat


def shared(baseline: Model, place: Storage) -> str:
    """What workers on other machines load for a baseline: its name, or of a file its name in the storage.

    A folder is of two behaviors, whose run has it on its yardstick. Raises OSError."""
    if not Path(baseline.load).is_absolute() or Path(baseline.load).is_dir():
        return baseline.load
    name = f"baseline/{baseline.name.removesuffix('.onnx')}.onnx"
    for other in onnx_external.files(Path(baseline.load)):
        place.put(other, f"{name.rpartition('/')[0]}/{other.name}")
    place.put(Path(baseline.load), name)
    return name


def keep(inputs: Sequence[Input], run: RunFolder) -> None:
    """Copy the files that a space names into the run, each whole or not at all. Raises OSError."""
    for source, name in (pair for each in inputs for pair in each.files):
        with written_whole(run.path / name) as temporary:
            shutil.copyfile(source, temporary)


def must_be_free(settings: Settings) -> None:
    """Raise SetupError where the storage holds a run of that name: a sweep never writes over another."""
    place = storage_of(settings)
    try:
        taken = apart(settings) and place.read("ledger.jsonl") is not None
    except OSError:
        return  # the keeper will say so
    if taken:
        raise SetupError(
            f"--storage must hold no run of the name {settings.out.name}, but {place.address} is one; give --out"
            f" another name, or go on with that one: sweep resume {place.address}"
        )


def fetched(address: str, into: Path, heavy: bool) -> RunFolder:
    """The run kept at `address` as a folder in `into`, for a machine that goes on with it. Raises SetupError.

    `heavy`: checkpoints too, which workers of a cluster fetch for themselves.
    """
    place = storage(address)
    run = RunFolder(into / place.name)
    try:
        theirs = place.read(run.ledger.name)
        if theirs is None:
            raise SetupError(
                f"a run's storage must hold a ledger, but {address} does not; name s3://bucket/prefix/NAME of a run"
            )
        must_be_alone(place)
        mine = run.ledger.read_bytes() if run.ledger.exists() else b""
        if mine and not mine.startswith(theirs) and not theirs.startswith(mine):
            raise SetupError(
                f"{run.path} must be the run kept at {address} or not there, but it is another; move it away"
            )
        ours = bool(mine) and mine.startswith(theirs)  # this machine drove it last, and may know more
        bring(place, run, "", {}, heavy, missing=ours)
    except OSError as error:
        raise SetupError(
            f"a run's storage must answer, but {address} does not ({reason(error)}); check the address"
        ) from None
    return run


def have_checkpoints(run: RunFolder, settings: Settings, numbers: Iterable[int]) -> None:
    """Fetch what a cluster's workers left of these trials in the run's storage, where they are to go on here.

    Of a trial that was trained here too, what its checkpoints' names say is newer counts. Raises SetupError.
    """
    if not apart(settings):
        return
    place = storage_of(settings)
    for files in map(run.trial, numbers):
        under = files.path.relative_to(run.path).as_posix()
        mine = _newest(map(str, files.results.glob("*/*.pt"))) if any(files.results.glob("*/checkpoint.pt")) else None
        try:
            theirs = place.files(under)
        except OSError:
            if mine is not None:
                continue  # a storage that is gone for good keeps nobody from what is here
            theirs = {}
        try:
            if mine is None or mine < _newest(theirs):
                bring(place, run, under, {}, heavy=True)
        except OSError as error:
            raise SetupError(
                f"a run's storage must answer, but {place.address} does not ({reason(error)}); try again when it does"
            ) from None


def _newest(names: Iterable[str]) -> int:
    return max(map(checkpoints.steps_in_name, names), default=-1)


def must_be_alone(storage: Storage) -> None:
    """Raise SetupError where another driver lives; by the storage's clock, since machines' clocks differ."""
    said = storage.stat(BEAT)
    if said is None:
        return
    storage.write(CLOCK, b"")
    now = storage.stat(CLOCK)
    age = now.modified - said.modified if now is not None else 0.0
    if age < DEAD_S:
        raise SetupError(
            f"a run has one driver at a time, but another drove {storage.address} {age:.0f} s ago; stop it, or wait"
            f" {DEAD_S - age:.0f} s if it is dead"
        )
