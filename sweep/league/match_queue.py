"""Fresh matches that visitors ask a server for: played one a process, queued within bounds, kept for a while."""

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from zlib import crc32

from sweep.league.recorder import Job, Recorder
from trials.errors import SweepError, reason

AT_ONCE = 2
"""Matches, at most."""
WAITING = 8
"""Jobs that may wait; more are told to come back."""
KEPT = 64
"""Pairs of matches kept, 50 to 300 kB each."""
TICKETS = 512
"""Of jobs that are over, for who asks late."""
BUCKETS = 8
"""Different fresh pairs of matches of the same two that a visitor may get to see; then they come again."""


class Busy(SweepError):
    """No more can be asked for now."""

    def __init__(self, line: str, after: int) -> None:
        super().__init__(line)
        self.after = after
        """Seconds after which to try again."""


@dataclass
class Ticket:
    """What became of a visitor's wish."""

    visitor: str
    a: str
    """Player."""
    b: str
    bucket: int
    job: Callable[[int], Job]
    """Given the seed; may look for files. Raises OSError or SweepError."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: str = "waiting"
    """waiting, playing, done or failed."""
    packed: str = ""
    """As reports.replay.pack.pack does."""
    line: str = ""
    """Why it failed."""

    @property
    def seed(self) -> int:
        """Chosen here; not the history's of these two."""
        return crc32(f"watched {self.bucket} {self.a} {self.b}".encode())

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed")


class MatchQueue:
    """Owns the threads that have matches played, and what they played; `end` ends both."""

    def __init__(self, at_once: int | None = None, waiting: int = WAITING) -> None:
        self._lock, self._waiting, self._ended = threading.Lock(), waiting, False
        self._tickets: dict[str, Ticket] = {}
        """In the order they were asked for."""
        self._queue: SimpleQueue[Ticket | None] = SimpleQueue()
        """None wakes a thread up to end."""
        self._cache: OrderedDict[tuple[str, str, int], str] = OrderedDict()
        self._recorders: set[Recorder] = set()
        count = at_once or max(1, min(AT_ONCE, (os.cpu_count() or 2) // 2))
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def ask(self, visitor: str, a: str, b: str, job: Callable[[int], Job]) -> Ticket:
        """A ticket for a pair of matches of players a and b. Raises Busy."""
        ticket = Ticket(visitor, a, b, secrets.randbelow(BUCKETS), job)
        with self._lock:
            if (known := self._cache.get((a, b, ticket.bucket))) is not None:
                self._cache.move_to_end((a, b, ticket.bucket))
                ticket.state, ticket.packed = "done", known
            elif any(each.visitor == visitor and not each.over for each in self._tickets.values()):
                raise Busy("one match at a time for each visitor, and yours is still to be played", 5)
            elif len(self._ahead()) >= self._waiting:
                raise Busy(f"at most {self._waiting} matches may wait to be played, and as many do", 10)
            else:
                self._queue.put(ticket)
            self._tickets[ticket.id] = ticket
            self._forget()
        return ticket

    def ticket(self, id_: str) -> Ticket | None:
        """None where nobody asked, or long ago."""
        with self._lock:
            return self._tickets.get(id_)

    def ahead(self, ticket: Ticket) -> int:
        """How many are to be played before it."""
        with self._lock:
            waiting = self._ahead()
            return waiting.index(ticket) if ticket in waiting else 0

    def _ahead(self) -> list[Ticket]:
        return [ticket for ticket in self._tickets.values() if ticket.state == "waiting"]

    def end(self) -> None:
        """Play no more, and leave nothing running."""
        with self._lock:
            self._ended = True
            for recorder in self._recorders:
                recorder.kill()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(10)

    def _forget(self) -> None:
        over = [id_ for id_, each in self._tickets.items() if each.over]
        for id_ in over[: max(0, len(over) - TICKETS)]:
            del self._tickets[id_]
        for id_ in over[: max(0, len(over) - KEPT)]:
            if id_ in self._tickets:
                self._tickets[id_].packed = ""

    # --- a thread ---

    def _serve(self) -> None:
        while True:
            spare: Recorder | None = None
            with suppress(OSError):  # no process to be had now; a ticket tries again, and is told
                spare = self._begin()  # before it is needed
            ticket = self._queue.get()
            if spare is not None and (self._ended or not spare.alive):  # it died waiting
                self._done_with(spare)
                spare = None
            if ticket is None or self._ended:
                return
            self._play(ticket, spare)

    def _begin(self) -> Recorder | None:
        """None: nothing more is to be played. Raises OSError."""
        with self._lock:
            if self._ended:
                return None
            recorder = Recorder()
            self._recorders.add(recorder)
            return recorder

    def _done_with(self, recorder: Recorder) -> None:
        recorder.end()
        with self._lock:
            self._recorders.discard(recorder)

    def _play(self, ticket: Ticket, recorder: Recorder | None) -> None:
        """Whatever goes wrong is this ticket's alone. `recorder` is ended; without one another is begun."""
        packed, line = "", "the server ends"
        with self._lock:
            ticket.state = "playing"
        try:
            recorder = recorder or self._begin()
            if recorder is not None:
                packed, line = recorder.record(ticket.job(ticket.seed)), ""
        except (OSError, SweepError) as error:
            packed, line = "", reason(error)
        except Exception as error:  # noqa: BLE001  else its thread would end, and the ticket be played for ever
            packed, line = "", f"these two cannot be watched ({type(error).__name__}: {reason(error)})"
        if recorder is not None:
            self._done_with(recorder)
        with self._lock:
            ticket.packed, ticket.line, ticket.state = packed, line, "done" if packed else "failed"
            if packed:
                self._cache[ticket.a, ticket.b, ticket.bucket] = packed
                while len(self._cache) > KEPT:
                    self._cache.popitem(last=False)
