"""The league as the process that plays it has it: what is appended to, and what it sums to."""

import time
from collections.abc import Iterable, Sequence

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from trials.arena.ratings import ai_vs_ai
from trials.errors import SetupError
from trials.league import history, matches, pairings, roster
from trials.league.folder import LeagueFolder
from trials.league.planning import Matchmaking
from trials.league.roster import Change, Entry, Key
from trials.ledger import append_lines
from trials.records import CONFIG, Finite, MatchRecord
from trials.soccer.constants import VERSION


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Round:
    """A round that is over."""

    number: int
    """From 1."""
    matchmaking: Matchmaking
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
    if not league.rounds.is_file():
        return []
    found = []
    for number, line in enumerate(league.rounds.read_bytes().split(b"\n"), 1):
        if not (line := line.rstrip(b"\0")):
            continue
        try:
            found.append(_ROUND.validate_json(line))
        except ValidationError as error:
            if "EOF while parsing" in error.errors()[0]["msg"]:
                continue  # cut off in mid-write
            raise SetupError(
                f"every line must be a round, but line {number} of {league.rounds} is not; was it written by another"
                " version?"
            ) from None
    return found


class Store:
    """Owns what is appended to; only for the process that holds the league's lock."""

    def __init__(self, league: LeagueFolder) -> None:
        """Repair what a process that died left behind, and read everything. Raises SetupError, OSError."""
        self.league = league
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
        every = matches.read(league.history) if league.history.is_file() else None
        ours = every.of_environment(VERSION) if every is not None else None
        self.tally = pairings.tally(ours) if ours is not None else {}
        self.ai_vs_ai = pairings.online_elo(ours) if ours is not None else {}
        self.last_round: dict[str, int] = {}
        """Player to the last round in which it played."""
        self.before = 0
        """Matches of the round to play that were played before it was cut off."""
        if ours is not None and len(ours):
            for column in (ours.player1, ours.player2):
                for at, number in zip(column.tolist(), ours.round.tolist(), strict=True):
                    player = ours.players[at]
                    self.last_round[player] = max(number, self.last_round.get(player, 0))
            self.before = int((ours.round == self.number).sum())

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
        ai_vs_ai.follow(self.ai_vs_ai, _results(records))
        for player in (records[0].a, records[0].b):
            self.last_round[history.short(player)] = number

    def close(self, finished: Round) -> None:
        """Append a round that is over."""
        append_lines(self.league.rounds, _ROUND.dump_json(finished) + b"\n")
        self.rounds.append(finished)
        self.before = 0


def _results(records: Iterable[MatchRecord]) -> Iterable[tuple[str, str, float]]:
    return ((history.short(r.a), history.short(r.b), r.result) for r in records)
