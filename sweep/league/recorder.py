"""Matches of strangers' policies recorded in a process of its own, with limits on memory and time.

    python -m sweep.league.recorder      a job a line on stdin, an answer a line on stdout; it ends with its stdin

What a policy may do is bounded by trials.arena.players.onnx_limits before it runs; this bounds what the libraries do
with it.
"""

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from trials.arena.players.sandbox import limit_memory
from trials.errors import LostTrial, SetupError, SweepError, reason
from trials.records import MatchRecord
from trials.stint import LOOK_S, ONE_THREAD, Stint

MEMORY = 3 << 30
"""Bytes of address space; onnxruntime, numba and two of the course's networks reserve 1.5 GiB."""
STARTING = 120.0
"""Seconds of work (trials.stint) that it may take to begin."""
SECONDS = 30.0
"""Those that a job may take; a pair of the longest matches takes two."""
LONGEST = 4 << 20
"""Characters of an answer."""


@dataclass(frozen=True)
class Job:
    """Matches to record."""

    files: tuple[str, str]
    """What trials.arena.players.load.load takes, of a and b."""
    ids: tuple[str, str]
    """Their sha256, or a built-in's name: other files are not played."""
    names: tuple[str, str]
    """That the player shows."""
    matches: tuple[MatchRecord, ...] = ()
    """Of a history, to be played again; none: a fresh pair."""
    titles: tuple[str, ...] = ()
    """Of those."""
    seed: int = 0
    """Of a fresh pair."""


_JOB: TypeAdapter[Job] = TypeAdapter(Job)


class Recorder:
    """Owns one such process; `end` it. One job at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sweep.league.recorder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | ONE_THREAD,
        )
        self._ready = False

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it, whatever it does; who waits for its answer is told."""
        self._process.kill()

    def end(self) -> None:
        """The same, and leave nothing open."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # its other end is gone
                    pipe.close()

    def record(self, job: Job, seconds: float = SECONDS) -> str:
        """The matches, as reports.replay.pack.pack does; empty where those of a history come out otherwise here.

        Raises SweepError where they cannot be played, or the process dies or takes too long, and then it is ended.
        """
        try:
            if not self.alive:
                raise _lost("it died")
            if not self._ready:
                self._read(STARTING)
                self._ready = True
            self._send(job)
            answer = self._read(seconds)
        except LostTrial:
            self.end()
            raise
        if answer.get("line"):
            raise SetupError(str(answer["line"]))
        return str(answer["packed"])

    def _send(self, job: Job) -> None:
        """Raises LostTrial."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise _lost("it died") from None

    def _read(self, seconds: float) -> dict[str, Any]:
        """The next line, a JSON object. Raises LostTrial."""
        assert self._process.stdout is not None
        stint, data = Stint(self._process.pid), bytearray()
        handle = self._process.stdout.fileno()
        while not data.endswith(b"\n"):
            if not select.select([handle], [], [], min(LOOK_S, seconds))[0]:
                if stint.seconds < seconds:
                    continue
                raise _lost(f"it took more than {seconds:.0f} s of work")
            chunk = os.read(handle, 1 << 16)
            data += chunk
            if not chunk:
                raise _lost("it died")
            if len(data) > LONGEST:
                raise _lost(f"it said more than {LONGEST >> 20} MiB")
        found = json.loads(data)
        return found if isinstance(found, dict) else {}


def _lost(why: str) -> LostTrial:
    return LostTrial(f"a process that records matches must answer, but {why}; these two cannot be watched")


# --- the other process -------------------------------------------------------------------------------------------


def _recorded(job: Job) -> str:
    """Raises SweepError."""
    from reports.replay import pack
    from trials.arena.matches import replay
    from trials.arena.players import load as players

    a, b = (players.load(file) for file in job.files)
    if (a.id, b.id) != tuple(job.ids):
        raise SetupError("a policy must be as it was when it entered the league, but its file was changed")
    if not job.matches:
        _, both = replay.record(a, b, 1, job.seed)
        return pack.pack(both, job.names)
    again = [replay.again(a, b, match) for match in job.matches]
    same = [each for each in again if each is not None]
    if len(same) < len(again):
        return ""
    return pack.join([(pack.pack(same, job.names), job.names)], job.titles)


def _answer(line: bytes) -> dict[str, str]:
    try:
        return {"packed": _recorded(_JOB.validate_json(line))}
    except (SweepError, OSError, MemoryError) as error:
        return {"line": reason(error)}


def _warm() -> None:
    """Load and compile what is slow to, before a job's time begins."""
    from reports.replay import pack  # noqa: F401
    from trials.arena.matches import replay
    from trials.arena.players import load as players

    replay.record(players.load("chaser"), players.load("still"), 1, 0)


def main() -> int:
    """Answer jobs until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its owner ends it
    limit_memory(MEMORY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _warm()

    out = sys.stdout.buffer
    out.write(b"{}\n")
    out.flush()
    for line in sys.stdin.buffer:
        out.write(json.dumps(_answer(line)).encode() + b"\n")
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
