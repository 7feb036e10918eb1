"""A folder on this machine's disk, kept in a storage: a thread puts there what changes.

A trial on a cluster works on its node's own disk, so that neither a slow nor an absent storage holds it up, and another
node finds in the storage what it needs to go on: at most the steps since the last checkpoint are lost.
"""

import os
import threading
import time
from pathlib import Path

from trials.errors import reason
from trials.storage import Storage

PASS_S = 2.0
"""Between two looks at what changed, seconds."""
GROWING_S = 30.0
"""Between two copies of files that grow all the time, seconds."""
TOLD = "progress.json"
"""Says where a trainer is, many times a minute: put with the others that grow, and with every file that does not."""
GROWING = (".log", ".jsonl", ".1", TOLD)
"""Ends of their names; TensorBoard's events have none in common and are known by their beginning."""
EVENTS = "events.out.tfevents"
NEVER = float("-inf")
AWAY_S = 5.0
"""Until a storage that did not answer is asked again, seconds."""


class Mirror:
    """Owns the thread that keeps the folder `local` in `storage`; `close` it, or it ends with the process."""

    def __init__(
        self, local: Path, storage: Storage, leave: tuple[str, ...] = (), growing_seconds: float = GROWING_S
    ) -> None:
        """`leave`: names at the top that are not kept; files that grow are put every `growing_seconds`."""
        self._local, self._storage, self._leave, self._growing_seconds = local, storage, {*leave}, growing_seconds
        self._kept: dict[str, tuple[int, int]] = {}
        self._passes, self._done, self._whole_at = 0, 0, NEVER
        self._lock, self._wake, self._closed = threading.Lock(), threading.Event(), False
        self.away_since: float | None = None
        """Unix seconds since when the storage has not answered; None: it does."""
        self.put = 0
        """Files put there so far: a storage that is slow answers."""
        self.reason = ""
        """What it said last."""
        self._thread = threading.Thread(target=self._keep, daemon=True, name="mirror")

    def fetch(self) -> None:
        """Copy everything the storage has into the folder. Raises OSError; call it again when the storage is back."""
        for name in self._storage.files():
            if name.split("/")[0] not in self._leave:
                self._storage.fetch(name, self._local / name)
                stamp = _stamp(self._local / name)
                if stamp is not None:
                    self._kept[name] = stamp

    def start(self) -> None:
        """Begin to keep the folder in the storage."""
        self._thread.start()

    def ask(self) -> int:
        """The number of a pass that will have put everything there that there is now."""
        with self._lock:
            number = self._passes + 1
            self._whole_at = NEVER
        self._wake.set()
        return number

    def reached(self, number: int) -> bool:
        """Whether that pass has been made."""
        return self._done >= number

    def close(self) -> None:
        """Stop keeping; what was not asked for may be missing."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        while not self._closed:
            self._wake.clear()
            with self._lock:
                self._passes += 1
                number = self._passes
                whole = time.monotonic() - self._whole_at > self._growing_seconds
                if whole:
                    self._whole_at = time.monotonic()
            try:
                self._put_changed(whole)
            except Exception as error:  # noqa: BLE001  without its thread the trial would wait for ever
                self.away_since, self.reason = self.away_since or time.time(), reason(error)
                self._whole_at = NEVER
                time.sleep(0 if self._closed else AWAY_S)
                continue
            self.away_since = None
            self._done = number
            self._wake.wait(PASS_S)

    def _put_changed(self, whole: bool) -> None:
        here = self._files(whole)
        changed = {name: stamp for name, stamp in here.items() if self._kept.get(name) != stamp}
        if changed and not whole and (told := _stamp(self._local / TOLD)) is not None:
            changed[TOLD] = told
        for name, stamp in changed.items():
            try:
                self._storage.put(self._local / name, name)
            except FileNotFoundError:
                if (self._local / name).exists():  # then it is the storage that is gone
                    raise
                continue
            self._kept[name] = stamp
            self.put += 1
        for name in [name for name in self._kept if name not in here and not (self._local / name).exists()]:
            self._storage.remove(name)
            del self._kept[name]

    def _files(self, whole: bool) -> dict[str, tuple[int, int]]:
        """Whole files that are to be kept: name below the folder to stamp."""
        if not self._local.is_dir():
            raise FileNotFoundError(f"{self._local} is gone")  # which is no reason to remove what is kept of it
        found = {}
        for folder, below, names in os.walk(self._local):
            top = Path(folder) == self._local
            below[:] = [name for name in below if not name.startswith(".") and not (top and name in self._leave)]
            for name in names:
                grows = name.endswith(GROWING) or name.startswith(EVENTS)
                if name.startswith(".") or (top and name in self._leave) or (grows and not whole):
                    continue
                path = Path(folder) / name
                if (stamp := _stamp(path)) is not None:
                    found[path.relative_to(self._local).as_posix()] = stamp
        return found


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of change of a plain file; None where it is none (any more)."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return (stat.st_size, stat.st_mtime_ns) if path.is_file() else None
