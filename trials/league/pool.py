"""Processes that play pairings, one each at a time: a player that fails, hangs or crashes costs its pairing, no more.

The standard executor, on which trials.arena.matches.pool plays, cannot do that: it ends no single task, and with one
worker it loses all. Each worker keeps the policies it used last, up to a number, and tells which player it is asking,
so that a worker that dies or takes too long says whose fault that was. What a machine has to do beside is nobody's
fault: limits are on what a worker has had (trials.stint). Workers leave Ctrl+C to their owner and end with it, however
it ends.
"""

import multiprocessing
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from ctypes import c_int
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.sharedctypes import RawValue
from types import TracebackType
from typing import Any

from trials.arena.games.game import Behavior, Game
from trials.arena.games.place import game_of
from trials.arena.matches import match
from trials.arena.matches.pool import Task, begin_worker
from trials.arena.players import load as players
from trials.arena.players.player import Floats, Player
from trials.errors import BadPolicy, LostTrial, SweepError, reason
from trials.learner import process_tree
from trials.records import MatchRecord
from trials.stint import LOOK_S, Stint

KEPT = 96
"""Loaded policies a worker keeps: half a gigabyte of the course's network, 5 MB each."""
STARTING = 120.0
"""Seconds of work that a worker may take to begin."""
AHEAD = 2
"""Tasks a worker has been given: the one it plays and the next."""
Opening = Callable[[], AbstractContextManager[Game]]
"""Opens the game that a worker plays; goes to its process."""


@dataclass(frozen=True)
class Outcome:
    """What came of a task."""

    task: Task
    records: tuple[MatchRecord, ...]
    """Whole pairs; none where it failed."""
    seconds: float
    """Of a processor, loading included; of one that was ended, those it has had."""
    decisions: int
    """Decision steps of a field."""
    line: str = ""
    """Why it failed."""
    blamed: int = 0
    """Who was loading or deciding then: 1 the task's a, 2 its b, 0 neither."""
    sure: bool = False
    """Whether that player failed by itself; a worker that died or was ended may have had other reasons."""


class PairingPool:
    """Owns the processes that play; `with` ends them."""

    def __init__(self, cores: int, opening: Opening = game_of) -> None:
        self._opening = opening
        self._workers = [_Worker(opening) for _ in range(cores)]
        self._over = 0.0

    def __enter__(self) -> "PairingPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self._workers:
            worker.end()

    @property
    def had(self) -> float:
        """Seconds of work that each worker has had for tasks, on average: what a round has cost."""
        here = sum(worker.spent + (worker.had if worker.given and worker.ready else 0) for worker in self._workers)
        return (self._over + here) / len(self._workers)

    def outcomes(self, following: Callable[[Sequence[str]], Task | None], cap: float) -> Iterator[Outcome]:
        """Play what `following` names until it names nothing more and all is over, in the order it was over.

        `following` is told the files that the asking worker has at hand. A task that takes more than `cap` seconds
        of work is ended with its worker. Raises SetupError where the game cannot be opened.
        """
        while True:
            for worker in self._workers:
                while len(worker.given) < AHEAD and (task := following(worker.at_hand)) is not None:
                    worker.give(task)
            busy = [worker for worker in self._workers if worker.given]
            if not busy:
                return
            connection.wait([end for worker in busy for end in worker.ends], timeout=LOOK_S)
            for worker in busy:
                if connection.wait(worker.ends, timeout=0):
                    if (outcome := worker.answer()) is not None:
                        yield outcome
                elif worker.had > (cap if worker.ready else STARTING):
                    yield worker.cut_off(f"a pairing must be over within {cap:.0f} s of work, but was not")
            for at, worker in enumerate(self._workers):
                if worker.dead:
                    self._over += worker.spent
                    self._workers[at] = fresh = _Worker(self._opening)
                    for task in worker.given:
                        fresh.give(task)


class _Worker:
    """One process, its pipe, and what it has been given."""

    def __init__(self, opening: Opening) -> None:
        context: Any = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._asking = RawValue(c_int, 0)
        self._process = context.Process(target=_work, args=(theirs, self._asking, opening), daemon=True)
        self._process.start()
        theirs.close()
        self._hand: OrderedDict[str, None] = OrderedDict()
        self.given: list[Task] = []
        self._stint = Stint(self._process.pid)
        self.spent = 0.0
        """Seconds that it has had for tasks that are over, or in which it failed."""
        self.ready = self.dead = False

    @property
    def ends(self) -> tuple[Any, Any]:
        """What becomes ready when it answers or dies."""
        return self._pipe, self._process.sentinel

    @property
    def at_hand(self) -> Sequence[str]:
        """Files that it has loaded, or will have when it comes to a new task."""
        return tuple(self._hand)

    @property
    def had(self) -> float:
        """Seconds that it has had for its first task, or to begin."""
        return self._stint.seconds

    def give(self, task: Task) -> None:
        if not self.given and self.ready:
            self._stint.again()
        self.given.append(task)
        for file in (task.a, task.b):
            self._hand[file] = None
            self._hand.move_to_end(file)
        while len(self._hand) > KEPT:
            self._hand.popitem(last=False)
        with suppress(OSError):  # it is dead, which `answer` will say
            self._pipe.send(task)

    def answer(self) -> Outcome | None:
        """What came of its first task; None: it has only just begun."""
        with suppress(EOFError, OSError):  # it died
            if self._pipe.poll():
                outcome: Outcome | SweepError | None = self._pipe.recv()
                if isinstance(outcome, SweepError):
                    raise outcome
                self.ready, had = True, self._stint.again()
                if outcome is not None:
                    self.spent += had
                    self.given.pop(0)
                return outcome
        return self.cut_off("the match worker died before its matches were over")

    def cut_off(self, line: str) -> Outcome:
        """End it, and with it its first task."""
        task, seconds = self.given.pop(0), self._stint.again()
        self.spent += seconds
        blamed = int(self._asking.value)
        self.end()
        return Outcome(task, (), seconds, 0, line, blamed)

    def end(self) -> None:
        self.dead = True
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Any, asking: Any, opening: Opening) -> None:
    """A worker's life. An executable that dies takes its task with it, and another is started."""
    begin_worker()
    if opening is not game_of:
        process_tree.tie_children()  # whatever ends the worker ends its executable
    task: Any = None
    begun, began = False, 0.0
    while True:
        try:
            with opening() as game:
                if not begun:
                    pipe.send(None)
                    begun = True
                loaded = players.remembering(KEPT)
                while True:
                    try:
                        task, began = pipe.recv(), time.process_time()
                    except EOFError:
                        return
                    pipe.send(_play(task, loaded, asking, game))
        except LostTrial as error:
            pipe.send(Outcome(task, (), time.process_time() - began, 0, reason(error)))
        except SweepError as error:
            pipe.send(error)
            return


def _play(task: Task, loaded: Callable[[str, Behavior], Player], asking: Any, game: Game) -> Outcome:
    """What came of it. Raises LostTrial, where the game cannot go on."""
    began = time.process_time()
    try:
        seats = []
        for number, file in ((1, task.a), (2, task.b)):
            asking.value = number
            seats.append(_Asked(loaded(file, game.behavior), number, asking))
        asking.value = 0
        played = match.play(seats[0], seats[1], task.pairs, task.seed, first=task.first, game=game)
    except LostTrial:
        raise
    except (SweepError, MemoryError) as error:
        blamed = int(asking.value) if isinstance(error, BadPolicy) else 0
        return Outcome(task, (), time.process_time() - began, 0, reason(error), blamed, sure=blamed > 0)
    finally:
        asking.value = 0
    return Outcome(task, tuple(played.records), time.process_time() - began, played.decisions)


class _Asked:
    """A player that says in shared memory when it is being asked."""

    def __init__(self, player: Player, number: int, asking: Any) -> None:
        self.name, self.id, self.memory = player.name, player.id, player.memory
        self._player, self._number, self._asking = player, number, asking

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        """As Player.decide."""
        self._asking.value = self._number
        self._player.decide(observations, memory, log_probabilities)
        self._asking.value = 0
