"""One round of a league: pairings planned, played on several cores, and entered as they end."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from zlib import crc32

import numpy as np

from trials.arena.games.place import game_of
from trials.arena.matches.pool import Task
from trials.errors import SetupError
from trials.league import planning
from trials.league.leaderboard import Ratings, rate
from trials.league.pairings import Pairing
from trials.league.planning import Planned, RoundTerms
from trials.league.pool import Opening, Outcome, PairingPool
from trials.league.roster import called
from trials.league.store import Round, Store

LOOK = 32
"""Pairings of the queue from which a worker is given one whose policies it has at hand."""
STRIKES = 3
"""Opponents against whom a player may crash or outlast its worker before it is refused."""
LATE = 4.0
"""Times a pairing's cap, in seconds of work, after which its worker is ended: expectations are rough."""
GUESSED = 20_000
"""Decision steps that the guess of their cost is worth beside measured ones."""


@dataclass(frozen=True)
class Playable:
    """A player that can play now."""

    file: str
    """What trials.arena.players.load.load takes."""
    sha256: str
    """Of the file, or a built-in's name."""


Tell = Callable[[int, float], None]
"""Told the matches played in the round, and its seconds."""


def play(
    store: Store,
    able: Mapping[str, Playable],
    terms: RoundTerms,
    house: str | None,
    notes: Sequence[str] = (),
    tell: Tell | None = None,
    opening: Opening = game_of,
) -> Round:
    """Play the store's next round, or go on with one that was cut off, among `able`, players as the history names them.

    `opening` opens the game whose environment is the store's. What was played before something goes wrong, Ctrl+C
    included, is in the history. Raises OSError where that cannot be written, SetupError where no game opens.
    """
    with PairingPool(terms.cores, opening) as pool:
        running = _RunningRound(store, able, terms, house, list(notes), lambda: pool.had)
        for outcome in pool.outcomes(running.following, LATE * terms.cap):
            running.enter(outcome)
            if tell is not None:
                tell(running.matches, running.seconds)
    finished = running.finished()
    store.close(finished)
    return finished


@dataclass
class _RunningRound:
    """A round under way."""

    store: Store
    able: Mapping[str, Playable]
    terms: RoundTerms
    house: str | None
    notes: list[str]
    had: Callable[[], float]
    """Seconds of work that a worker has had."""
    matches: int = 0
    pairings: int = 0
    failed: int = 0
    core_seconds: float = 0.0
    decisions: int = 0

    def __post_init__(self) -> None:
        self.number, self.began, self._started = self.store.number, time.time(), time.monotonic()
        self._names: dict[str, str] = {}
        """Of players, whose history gets the name of the first that entered."""
        for key, name in called(self.store.entries).items():
            if self.store.entries[key].state == "playing":
                self._names.setdefault(self.store.entries[key].player, name)
        self._by_file = {playable.file: player for player, playable in self.able.items()}
        self._players = sorted(player for player in self.able if player in self._names)
        self._queue: deque[Planned] = deque()
        self._under_way: set[Pairing] = set()
        self._barred: set[Pairing] = set()
        self._strikes: dict[str, set[str]] = {}
        self._rated: Ratings | None = None
        self._drawn = False

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def following(self, at_hand: Sequence[str]) -> Task | None:
        """The next task for a worker that has these files at hand."""
        if self.had() >= self.terms.seconds:
            return None
        if not self._queue:
            self._plan()
        if not self._queue:
            return None
        near = {self._by_file.get(file) for file in at_hand}
        chosen = max(islice(self._queue, LOOK), key=lambda planned: sum(of in near for of in planned.pairing))
        self._queue.remove(chosen)
        self._under_way.add(chosen.pairing)
        a, b = chosen.pairing
        played = self.store.tally.get(chosen.pairing)
        return Task(
            a=self.able[a].file,
            b=self.able[b].file,
            first=played.following if played else 0,
            pairs=chosen.pairs,
            seed=crc32(f"{a} {b}".encode()),
        )

    def _plan(self) -> None:
        if len(self._players) < 2 or self._drawn:
            return
        step = (self.core_seconds + GUESSED * planning.SECONDS_A_STEP) / (self.decisions + GUESSED)
        if self.terms.matchmaking == "closest":
            self._drawn = True
            queue, self._rated = planning.closest(
                self.store.tally, self._players, self.store.last_round, self.number, self.terms, step
            )
        else:
            barred = self._barred | self._under_way
            queue, self._rated = planning.informative(
                self.store.tally, self._players, barred, self.terms, step, self.house, self._rated
            )
        self._queue.extend(queue)

    def enter(self, outcome: Outcome) -> None:
        """Take in what came of a task."""
        a, b = (self._by_file[file] for file in (outcome.task.a, outcome.task.b))
        self._under_way.discard((a, b))
        self.core_seconds += outcome.seconds
        if outcome.line:
            self._give_up((a, b), outcome)
            return
        first = outcome.records[0]
        if first.environment != self.store.environment:
            raise SetupError(
                f"a round must be played in one game, {self.store.environment}, but its build is"
                f" {first.environment} now; run it again"
            )
        changed = [p for p, id_ in ((a, first.a), (b, first.b)) if id_ != self.able[p].sha256]
        if changed:  # its new revision enters with the next round
            self.failed += 1
            for player in changed:
                self._leave(player, f"{self._names[player]} was changed while the round was played")
            return
        self.store.add(self.number, (self._names[a], self._names[b]), outcome.records)
        self.matches += len(outcome.records)
        self.pairings += 1
        self.decisions += sum(record.decisions for record in outcome.records)

    def _give_up(self, key: Pairing, outcome: Outcome) -> None:
        """Bar a pairing that failed from this round, and refuse a player that is to blame."""
        self.failed += 1
        self._barred.add(key)
        if not outcome.blamed:
            self.notes.append(f"{self._names[key[0]]} against {self._names[key[1]]}: {outcome.line}")
            return
        guilty, other = key[outcome.blamed - 1], key[2 - outcome.blamed]
        strikes = self._strikes.setdefault(guilty, set())
        strikes.add(other)
        if outcome.sure or len(strikes) >= STRIKES:
            self.store.refuse(guilty, outcome.line)
            self._leave(guilty, f"{self._names[guilty]} plays no more: {outcome.line}")
        else:
            self.notes.append(f"{self._names[guilty]}, against {self._names[other]}: {outcome.line}")

    def _leave(self, player: str, line: str) -> None:
        if player in self._players:
            self._players.remove(player)
            self._queue = deque(planned for planned in self._queue if player not in planned.pairing)
            self.notes.append(line)

    def finished(self) -> Round:
        """The round as it is written when it is over."""
        rated = rate(self.store.tally, self._players, self.house, self._rated)
        half = rated.half[[rated.players.index(player) for player in self._players]]
        return Round(
            number=self.number,
            matchmaking=self.terms.matchmaking,
            began=self.began,
            seconds=round(self.seconds, 3),
            core_seconds=round(self.core_seconds, 3),
            cores=self.terms.cores,
            behavior=self.store.behavior,
            models=len(self._players),
            pairings=self.pairings,
            matches=self.store.before + self.matches,
            before=self.store.before,
            failed=self.failed,
            half=round(float(np.median(half)), 2) if half.size else 0.0,
            widest=round(float(half.max()), 2) if half.size else 0.0,
            notes=tuple(self.notes),
        )
