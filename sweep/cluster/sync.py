"""Where a run is kept for all machines, and the driver's part: its ledger goes there, trials' results come from there.

A run's storage is its own folder where every machine sees that, else NAME below `--storage`, laid out alike, so that
another machine can go on with the sweep from there when the driver's is gone.
"""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from search_spaces.files import Input
from sweep.models import Model
from sweep.settings import Settings
from trials import ledger
from trials.errors import SetupError, reason
from trials.events import Event, TrialEnded, TrialRated
from trials.folder import RunFolder, written_whole
from trials.inputs import INPUTS
from trials.mirror import Mirror
from trials.storage import Stat, Storage, storage

BEAT_S = 10.0
"""How often a driver says in the storage that it lives, seconds."""
DEAD_S = 45.0
"""After how long without such a word it is taken to be dead, seconds."""
SETTLE_S = 300.0
"""How long a sweep waits at its end for a storage that does not answer, seconds."""
LAST_S = 10.0
"""How long a sweep that failed waits for it, seconds."""
LEFT = ("trials", "ray", ".driver", "study.log")
"""What the driver does not put there: workers do, or it can be made again."""
HEAVY = ".pt"
"""Checkpoints stay in the storage: only a trial that goes on needs them."""
BEAT, CLOCK = ".driving", ".clock"


def storage_of(settings: Settings) -> Storage:
    """Where the run of these settings is kept. Raises SetupError."""
    if settings.storage is None:
        return Storage(str(settings.out.absolute()))
    return storage(settings.storage) / settings.out.name


def apart(settings: Settings) -> bool:
    """Whether that is another place than the run's own folder."""
    return settings.storage is not None and storage_of(settings).address != str(settings.out.absolute())


@contextlib.contextmanager
def kept(run: RunFolder, settings: Settings, trials: Sequence[int] | None = None) -> Iterator["Keeper | None"]:
    """Keep the run in its storage until the block ends, and a moment longer; None where the two are one.

    `trials`: folders of trials that are put there from here; None: all of them where no cluster's workers do it. Raises
    SetupError where the storage does not answer, another driver lives, or the run went on elsewhere.
    """
    if not apart(settings):
        _must_be_alone(storage_of(settings))
        yield None
        return
    keeper = Keeper(run, storage_of(settings), settings.ray_address is not None or trials is not None, trials or ())
    try:
        yield keeper
        keeper.settle()
    finally:
        with contextlib.suppress(SetupError):
            keeper.settle(LAST_S)
        keeper.close()


class Keeper:
    """Owns the driver's threads that keep a run in its storage."""

    def __init__(self, run: RunFolder, storage: Storage, workers_put: bool, mine: Sequence[int] = ()) -> None:
        """`workers_put`: trials' files come from the storage, where workers put them, but for `mine`, which go there
        from here; else all go there from here. Raises SetupError as `kept`.
        """
        self._run, self._storage, self._me = run, storage, uuid4().hex.encode()
        self._workers_put = workers_put
        self.broken: Callable[[str], None] = lambda reason: None
        """Told where another driver has taken the run over."""
        self._wanted: dict[int, int] = {}
        """Trial to how often it was asked for, until what was there at the last asking is here."""
        self._seen: dict[str, Stat] = {}
        """What was fetched."""
        self._lock, self._wake, self._closed = threading.Lock(), threading.Event(), False
        self._beaten = time.monotonic()
        try:
            _must_be_alone(storage)
            _must_be_newest(run, storage)
            storage.write(BEAT, self._me)
        except OSError as error:
            raise SetupError(
                f"--storage must answer, but {storage.address} does not ({reason(error)}); correct the"
                " address, or what AWS_ACCESS_KEY_ID and the like say, and start again"
            ) from None
        self._mirrors = [Mirror(run.path, storage, LEFT, growing_seconds=0.0)]
        if workers_put and not mine and run.ledger.exists():  # what a driver before this one had still to fetch
            self._wanted = {event.trial: 1 for event in ledger.read(run.ledger) if isinstance(event, TrialEnded)}
        if not workers_put:
            self._mirrors.append(Mirror(run.trials, storage / run.trials.name))
        for files in map(run.trial, mine):
            self._mirrors.append(Mirror(files.path, storage / files.path.relative_to(run.path).as_posix()))
        for mirror in self._mirrors:
            mirror.start()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True, name="keeper") for work in (self._work, self._live)]
        for thread in self._threads:
            thread.start()

    def heard(self, event: Event) -> None:
        """A listener of the ledger: what a trial has put into the storage is fetched."""
        if self._workers_put and isinstance(event, TrialRated | TrialEnded):
            number = event.trial if isinstance(event, TrialEnded) else event.candidate.trial
            with self._lock:
                self._wanted[number] = self._wanted.get(number, 0) + 1
            self._wake.set()

    def settle(self, seconds: float = SETTLE_S) -> None:
        """Wait until everything is where it should be. Raises SetupError after `seconds` in which nothing moved."""
        asked, moved, since = [(mirror, mirror.ask()) for mirror in self._mirrors], -1, 0.0
        while not self._closed and (self._wanted or not all(mirror.reached(number) for mirror, number in asked)):
            before, moved = moved, len(self._seen) + sum(mirror.put for mirror in self._mirrors)
            since = time.monotonic() if moved != before else since
            if time.monotonic() - since > seconds:
                raise SetupError(
                    f"a run must be kept in its storage, but {self._storage.address} has not answered for"
                    f" {seconds:g} s; when it does, run `sweep resume {self._run.path}`"
                )
            time.sleep(0.05)

    def close(self) -> None:
        """End the threads and say that this driver is done."""
        self._closed = True
        self._wake.set()
        self._over.set()
        for thread in self._threads:
            thread.join()
        for mirror in self._mirrors:
            mirror.close()
        with contextlib.suppress(OSError):
            if self._storage.read(BEAT) == self._me:
                self._storage.remove(BEAT)

    def _work(self) -> None:
        while not self._closed:
            self._wake.wait(BEAT_S / 5)
            self._wake.clear()
            with contextlib.suppress(OSError):  # tried again in the next round
                for number in sorted(self._wanted):
                    if not self._closed:
                        self._bring(number)

    def _live(self) -> None:
        """Apart from the other work: a trial that takes long to fetch must not make this driver look dead."""
        while not self._closed:
            self._over.wait(BEAT_S / 5)
            with contextlib.suppress(OSError):  # the next word may come through
                if not self._closed:
                    self._beat()

    def _beat(self) -> None:
        """Say that this driver lives, unless another has taken over while the storage was away."""
        if time.monotonic() - self._beaten < BEAT_S:
            return
        if self._storage.read(BEAT) not in (None, self._me):
            self._closed = True
            for mirror in self._mirrors:
                mirror.close()
            self.broken(f"a run has one driver at a time, but another has taken over {self._storage.address}")
            return
        self._storage.write(BEAT, self._me)
        self._beaten = time.monotonic()

    def _bring(self, number: int) -> None:
        asked = self._wanted[number]
        bring(self._storage, self._run, f"trials/{number:04d}", self._seen)
        with self._lock:
            if self._wanted[number] == asked:
                del self._wanted[number]


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
    """What workers on other machines load for a baseline: its name, or of a file its name in the storage. OSError."""
    if not Path(baseline.load).is_absolute():
        return baseline.load
    name = f"baseline/{baseline.name.removesuffix('.onnx')}.onnx"
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
        if place.read(run.ledger.name) is None:
            raise SetupError(
                f"a run's storage must hold a ledger, but {address} does not; name s3://bucket/prefix/NAME of a run"
            )
        _must_be_alone(place)
        theirs = place.read(run.ledger.name) or b""
        mine = run.ledger.read_bytes() if run.ledger.exists() else b""
        if mine and not mine.startswith(theirs) and not theirs.startswith(mine):
            raise SetupError(
                f"{run.path} must be the run kept at {address} or not there, but it is another; move it away"
            )
        if mine.startswith(theirs) and mine:  # this machine drove it last, and may know more
            bring(place, run, "", {}, heavy, missing=True)
        else:
            bring(place, run, "", {}, heavy)
    except OSError as error:
        raise SetupError(
            f"a run's storage must answer, but {address} does not ({reason(error)}); check the address"
        ) from None
    return run


def have_checkpoints(run: RunFolder, settings: Settings, numbers: Iterable[int]) -> None:
    """Fetch what a cluster's workers left of these trials in the run's storage, where they are to go on here.

    A trial whose checkpoint is here was trained here, and is newer here. Raises SetupError.
    """
    if not apart(settings):
        return
    place = storage_of(settings)
    for files in map(run.trial, numbers):
        if any(files.results.glob("*/checkpoint.pt")):
            continue
        try:
            bring(place, run, files.path.relative_to(run.path).as_posix(), {}, heavy=True)
        except OSError as error:
            raise SetupError(
                f"a run's storage must answer, but {place.address} does not ({reason(error)}); try again when it does"
            ) from None


def _must_be_newest(run: RunFolder, storage: Storage) -> None:
    """Raise SetupError where the run went on elsewhere: its ledger there knows what this one does not."""
    theirs = storage.read(run.ledger.name) or b""
    theirs = theirs[: theirs.rfind(b"\n") + 1]
    mine = run.ledger.read_bytes() if run.ledger.exists() else b""
    if not mine.startswith(theirs):
        raise SetupError(
            f"{run.path} must be the newest of its run, but the one kept at {storage.address} went on elsewhere; move"
            f" this one away and run `sweep resume {storage.address}`"
        )


def _must_be_alone(storage: Storage) -> None:
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
