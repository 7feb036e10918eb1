"""The league as the process that plays it has it: what is appended to, and what it sums to."""

import time
from collections.abc import Sequence

import numpy as np
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from trials.arena.games.soccer import SOCCER
from trials.errors import SetupError, UsageError
from trials.league import history, matches, pairings, roster
from trials.league.folder import LeagueFolder
from trials.league.planning import Matchmaking
from trials.league.roster import Change, Entry, Key
from trials.ledger import append_lines, read_lines
from trials.records import CONFIG, Finite, MatchRecord
from trials.soccer.constants import VERSION


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Round:
    """A round that is over."""

    number: int
    """From 1."""
    matchmaking: Matchmaking
    behavior: str = SOCCER.name
    """Whom its models play."""
    began: Finite
    """Unix seconds."""
    seconds: Finite
    """Of wall time, playing."""
    core_seconds: Finite
    cores: int
    models: int
    """Players that could play."""
    pairings: int
    matches: int
    """All of the round's."""
    failed: int
    """Pairings that were given up: a player failed, or they took too long."""
    half: Finite
    """Median half 95 % interval of those that could play, Elo."""
    widest: Finite
    """The widest of them."""
    before: int = 0
    """Of its matches, those played before it was cut off; neither `seconds` nor `pairings` have them."""
    notes: tuple[str, ...] = ()
    """Sources that did not answer, models refused, matches given up: a line each."""


_ROUND: TypeAdapter[Round] = TypeAdapter(Round)


def rounds(league: LeagueFolder) -> list[Round]:
    """Every finished round, oldest first. Raises SetupError."""
    return read_lines(league.rounds, _ROUND, "every line must be a round")


class Store:
    """Owns what is appended to; only for the process that holds the league's lock."""

    def __init__(self, league: LeagueFolder, environment: str = VERSION, behavior: str = SOCCER.name) -> None:
        """Repair what a process that died left behind, and read everything; what counts was played in `environment`.

        Raises SetupError, where it is a league of another behavior for one, and OSError."""
        self.league, self.environment, self.behavior = league, environment, behavior
        if league.history.is_file() and not history.is_own(league.history.read_bytes()):
            raise SetupError(
                f"a league that is played must have a history of its own, but {league.history} is AI vs AI's, or was"
                " written by another program; name a new folder, or `sweep league rebuild` one from it if it was a"
                " league's"
            )
        self.repaired = history.repair(league.history)
        self._changes = roster.read(league.roster)
        self.entries: dict[Key, Entry] = roster.entries(self._changes)
        self.rounds = rounds(league)
        if self.rounds and self.rounds[-1].behavior != behavior:
            raise UsageError(
                f"a league must be of one game, but {league.path} is of {self.rounds[-1].behavior}, and {behavior} is"
                " to be played; name another folder, or another --env"
            )
        every = matches.read(league.history) if league.history.is_file() else matches.NOTHING
        ours = every.of_environment(environment)
        self.tally = pairings.tally(ours)
        last = np.zeros(len(ours.players), np.int64)
        for column in (ours.player1, ours.player2):
            np.maximum.at(last, column, ours.round)
        self.last_round = dict(zip(ours.players, last.tolist(), strict=True))
        """Player to the last round in which it played, 0 where it has not."""
        self.before = int((ours.round == self.number).sum())
        """Matches of the round to play that were played before it was cut off."""

    @property
    def number(self) -> int:
        """Of the round to play: a new one, or one that was cut off."""
        over = self.rounds[-1].number if self.rounds else 0
        return max(over + 1, max(self.last_round.values(), default=0))

    def change(self, changes: Sequence[Change]) -> None:
        """Append to the roster."""
        roster.append(self.league.roster, changes)
        self._changes += changes
        self.entries = roster.entries(self._changes)

    def refuse(self, player: str, line: str) -> None:
        """Let a player play no more, under any of its names."""
        now = time.time()
        every = [e for e in self.entries.values() if e.state == "playing" and e.player == player]
        self.change(
            [
                Change(what="refused", name=e.name, revision=e.revision, time=now, source=e.source, line=line)
                for e in every
            ]
        )

    def add(self, number: int, names: tuple[str, str], records: Sequence[MatchRecord]) -> None:
        """Append whole pairs of one pairing, and count them."""
        history.append(self.league.history, number, names, records)
        pairings.add(self.tally, records)
        for player in (records[0].a, records[0].b):
            self.last_round[history.short(player)] = number

    def close(self, finished: Round) -> None:
        """Append a round that is over."""
        append_lines(self.league.rounds, _ROUND.dump_json(finished) + b"\n")
        self.rounds.append(finished)
        self.before = 0
