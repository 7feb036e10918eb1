"""The driver's part of a run's storage: its ledger goes there, what trials put there is fetched, its beat is heard."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from uuid import uuid4

from sweep.cluster.run_storage import BEAT, apart, bring, must_be_alone, storage_of
from sweep.settings import Settings
from trials import ledger
from trials.errors import SetupError, reason
from trials.events import Event, TrialEnded, TrialRated
from trials.folder import RunFolder
from trials.mirror import Mirror
from trials.storage import Stat, Storage

BEAT_S = 10.0
"""How often a driver says in the storage that it lives, seconds."""
SETTLE_S = 300.0
"""How long a sweep waits at its end for a storage that does not answer, seconds."""
LAST_S = 10.0
"""How long a sweep that failed waits for it, seconds."""
LEFT = ("trials", "ray", ".driver", "study.log")
"""What the driver does not put there: workers do, or it can be made again."""


@contextlib.contextmanager
def kept(run: RunFolder, settings: Settings, trials: Sequence[int] | None = None) -> Iterator["Keeper | None"]:
    """Keep the run in its storage until the block ends, and a moment longer; None where the two are one.

    `trials`: folders of trials that are put there from here; None: all of them where no cluster's workers do it. Raises
    SetupError where the storage does not answer, another driver lives, or the run went on elsewhere.
    """
    if not apart(settings):
        must_be_alone(storage_of(settings))
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
        self._lock, self._wake, self._closed = threading.Lock(), threading.Event(), threading.Event()
        self._beaten = time.monotonic()
        try:
            must_be_alone(storage)
            _must_be_newest(run, storage)
            storage.write(BEAT, self._me)
        except OSError as error:
            raise SetupError(
                f"--storage must answer, but {storage.address} does not ({reason(error)}); correct the"
                " address, or what AWS_ACCESS_KEY_ID and the like say, and start again; where it is gone for good,"
                f" remove `storage` from {run.settings}"
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
        while not self._closed.is_set():
            if not self._wanted and all(mirror.reached(number) for mirror, number in asked):
                return
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
        self._closed.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        for mirror in self._mirrors:
            mirror.close()
        with contextlib.suppress(OSError):
            if self._storage.read(BEAT) == self._me:
                self._storage.remove(BEAT)

    def _work(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(BEAT_S / 5)
            self._wake.clear()
            with contextlib.suppress(OSError):  # tried again in the next round
                for number in sorted(self._wanted):
                    if not self._closed.is_set():
                        self._bring(number)

    def _live(self) -> None:
        """Apart from the other work: a trial that takes long to fetch must not make this driver look dead."""
        while not self._closed.wait(BEAT_S / 5):
            with contextlib.suppress(OSError):  # the next word may come through
                self._beat()

    def _beat(self) -> None:
        """Say that this driver lives, unless another has taken over while the storage was away."""
        if time.monotonic() - self._beaten < BEAT_S:
            return
        if self._storage.read(BEAT) not in (None, self._me):
            self._closed.set()
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
