"""Several cores play one schedule: whole pairs in chunks, handed out and put together in the pairs' order.

What is played depends on players, seed and pair numbers alone (trials.arena.matches.match), so the records are the same
for any number of cores. Workers are processes of their own with one onnxruntime thread each; they ignore Ctrl+C, which
their owner answers, and end with it, however it ends.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import connection
from types import TracebackType

from trials.arena.games.game import Game
from trials.arena.games.soccer import EMBEDDED
from trials.arena.matches import match
from trials.arena.matches.match import Played, Progress
from trials.arena.matches.schedule import Stop, numbered
from trials.arena.players import load as players
from trials.errors import LostTrial, SetupError
from trials.records import MatchRecord, ScheduledMatch

CHUNK = 128
"""Pairs a task at the most: as many matches as there are fields."""

STOPPING_CHUNK = 16
"""The same under a `stop`, behind which a task is played in vain."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Pairs `first` to `first + pairs - 1` of the schedule `seed` between two players, as `players.load` names them."""

    a: str
    b: str
    first: int
    pairs: int
    seed: int
    deterministic: bool = False
    goals: int = 1
    ids: tuple[str, str] | None = None
    """Whom a and b must be, by sha256 or a built-in's name; None: whoever is there when they play."""


class MatchPool:
    """Owns the processes that play; with one core there are none, and the caller's own plays."""

    def __init__(self, cores: int = 1, game: Game = EMBEDDED) -> None:
        """Start `cores` processes where that is more than 1; another `game` than the embedded one takes 1."""
        self.cores = cores
        self._game = game
        self._strangers = set(multiprocessing.active_children())
        self._pool = (
            ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn"), initializer=begin_worker)
            if cores > 1
            else None
        )

    def __enter__(self) -> "MatchPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is None:
            return
        if kind is not None:  # nobody waits for what is still being played
            for process in set(multiprocessing.active_children()) - self._strangers:
                process.kill()
        self._pool.shutdown(cancel_futures=True)

    def results(self, tasks: Iterable[Task]) -> Iterator[Played]:
        """What came of each task, in their order; a few are under way ahead of the one that is yielded.

        Raises BadPolicy, and LostTrial where a worker was killed.
        """
        if self._pool is None:
            yield from (_play(task, game=self._game) for task in tasks)
            return
        ahead: deque[Future[Played]] = deque()
        waiting = iter(tasks)
        try:
            while True:
                while len(ahead) < 2 * self.cores and (task := next(waiting, None)) is not None:
                    ahead.append(self._pool.submit(_play, task))
                if not ahead:
                    return
                yield ahead.popleft().result()
        except BrokenProcessPool:
            raise LostTrial(
                "a match worker ended before its matches were over; run it again, with fewer cores if memory is short"
                ' (a script of your own must call it below `if __name__ == "__main__":`)'
            ) from None
        finally:
            for future in ahead:
                future.cancel()

    def play(
        self,
        whole: Task,
        *,
        stop: Stop | None = None,
        on_progress: Progress | None = None,
        records: list[MatchRecord] | None = None,
    ) -> Played:
        """One pairing over all cores: what `match.play` returns, `seconds` as the clock on the wall had them."""
        records = records if records is not None else []
        if self._pool is None:
            return _play(whole, stop=stop, on_progress=on_progress, game=self._game, records=records)
        began = time.perf_counter()
        parts: list[Played] = []
        handed: list[Task] = []
        stopped = False
        most = min(CHUNK, -(-whole.pairs // self.cores)) if stop is None else STOPPING_CHUNK
        for part in self.results(_chunks(whole, most, handed)):
            parts.append(part)
            if stop is None:
                records += part.records
            else:
                stopped = _counted(part.records, stop, records)
            if on_progress is not None:
                on_progress(len(records), 2 * whole.pairs)
            if stopped:
                break
        end = handed[-1].first + handed[-1].pairs
        behind = [numbered(records[-1], n) for n in range(records[-1].number + 1, 2 * end)]
        return _joined(parts, records, behind, time.perf_counter() - began)


def _counted(played: Sequence[MatchRecord], stop: Stop, records: list[MatchRecord]) -> bool:
    """Add whole pairs to `records` until `stop` says that one is the last; whether it did."""
    for at in range(0, len(played), 2):
        pair = [replace(record, sequential=True) for record in played[at : at + 2]]
        records += pair
        if stop(pair):
            return True
    return False


def _chunks(whole: Task, most: int, handed: list[Task]) -> Iterator[Task]:
    for done in range(0, whole.pairs, most):
        handed.append(replace(whole, first=whole.first + done, pairs=min(most, whole.pairs - done)))
        yield handed[-1]


def _joined(parts: list[Played], records: list[MatchRecord], behind: list[ScheduledMatch], seconds: float) -> Played:
    lengths = [sum(record.decisions for record in part.records) for part in parts]
    of_a, of_b = (
        sum(part.entropy[of] * length for part, length in zip(parts, lengths, strict=True)) / max(1, sum(lengths))
        for of in (0, 1)
    )
    return Played(
        records=records,
        entropy=(of_a, of_b),
        uncounted=behind,
        decisions=sum(part.decisions for part in parts),
        seconds=seconds,
    )


_loaded = players.remembering(64)


def _play(
    task: Task,
    *,
    stop: Stop | None = None,
    on_progress: Progress | None = None,
    game: Game = EMBEDDED,
    records: list[MatchRecord] | None = None,
) -> Played:
    a, b = _loaded(task.a, game.behavior), _loaded(task.b, game.behavior)
    for path, player, id_ in zip((task.a, task.b), (a, b), task.ids or (a.id, b.id), strict=True):
        if player.id != id_:
            raise SetupError(
                f"a model must stay what it was while it plays, sha256 {id_[:12]}, but {path} has {player.id[:12]} now;"
                " name a copy, or wait until nothing writes to it"
            )
    return match.play(
        a,
        b,
        task.pairs,
        task.seed,
        first=task.first,
        deterministic=task.deterministic,
        goals=task.goals,
        stop=stop,
        on_progress=on_progress,
        game=game,
        records=records,
    )


def begin_worker() -> None:
    """A worker's first act: leave Ctrl+C to the owner, and end when the owner does, even by SIGKILL."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    owner = multiprocessing.parent_process()
    assert owner is not None

    def watch() -> None:
        connection.wait([owner.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
