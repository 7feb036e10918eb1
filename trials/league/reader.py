"""A league as a reader sees it: standings, models, head to head, matches, frames of its past; nothing is written.

    league = reader.opened(Path("league"))
    league.standings                        the leaderboard, the strongest first
    league.model("author/name")             everything about one model
    league.head_to_head("a/x", "b/y")       what two have played
    league.frames(50)                       the leaderboard as it was after up to 50 of its rounds
    league.matches_of("author/name")        its matches as columns

A league is read as it is at that moment, without its lock, also while it is played. Everything follows from the history
and the roster alone; a folder with a `soccer_history.csv` of AI vs AI's is a league as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trials.arena.players.load import HOUSE
from trials.arena.ratings import elo as rating
from trials.arena.ratings.pentanomial import expected
from trials.errors import SetupError, UsageError
from trials.league import history, leaderboard, matches, pairings, roster, store
from trials.league.folder import LeagueFolder, must_be_there
from trials.league.leaderboard import Place, Ratings
from trials.league.matches import Matches
from trials.league.pairings import Tally, pairing
from trials.league.roster import Entry, Key
from trials.league.store import Round
from trials.records import Side
from trials.soccer.constants import VERSION


@dataclass(frozen=True, kw_only=True)
class HeadToHead:
    """What a played against b."""

    a: str
    """Player, as the history has it."""
    b: str
    result: Side
    """Of a."""
    goals: tuple[int, int]
    """Scored by a and by b; 0 where the history does not say."""
    decisions: int
    """Decision steps in all."""
    elo: float
    """a minus b, from these matches alone, with its 95 % interval."""
    low: float
    high: float
    expected: float
    """Score of a, 0 to 1, that the leaderboard's ratings expect."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything about one model at one revision."""

    place: Place
    names: tuple[tuple[str, str], ...]
    """Every name and revision under which these bytes stand in the leaderboard."""
    opponents: tuple[HeadToHead, ...]
    """The model is a; the strongest opponent first."""
    blue: Side
    purple: Side


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The leaderboard as it was at the end of a round."""

    round: int
    time: int
    """Unix seconds of its last match."""
    matches: int
    """Played so far."""
    elo: Mapping[str, tuple[float, float, float]]
    """Player to rating and the ends of its 95 % interval."""


@dataclass(frozen=True)
class League:
    """A league as it was when it was opened, in one environment."""

    folder: LeagueFolder
    environment: str
    here: str
    """The environment that it is played in now."""
    entries: Mapping[Key, Entry]
    """Everyone who ever was in it, the refused with their lines."""
    rounds: tuple[Round, ...]
    matches: Matches
    """Those of this environment, in the history's order."""
    house: str | None
    """The player at 1200, if it played."""

    @cached_property
    def tally(self) -> Tally:
        """Sums by pairing."""
        return pairings.tally(self.matches)

    @cached_property
    def rated(self) -> Ratings:
        """Every player's rating, those who have not played yet included."""
        played_here = self.environment == self.here
        fresh = [e.player for e in self.entries.values() if e.state == "playing"] if played_here else []
        return leaderboard.rate(self.tally, fresh, self.house)

    @cached_property
    def standings(self) -> tuple[Place, ...]:
        """The leaderboard, the strongest first, the gone included."""
        elo = pairings.online_elo(self.matches)
        return tuple(leaderboard.places(self.rated, self.tally, self.entries, elo, self.matches.names))

    @property
    def refused(self) -> tuple[Entry, ...]:
        """Models that cannot play, each with its `line`."""
        return tuple(entry for entry in self.entries.values() if entry.state == "refused")

    def place(self, word: str) -> Place:
        """Where the model stands that `word` names: `author/name`, with or without `@revision`, or the start of a
        sha256. Raises SetupError."""
        name, _, revision = word.partition("@")
        named = [p for p in self.standings if p.name == name and p.revision.startswith(revision)]
        known = named or [p for p in self.standings if p.player == history.short(word)]
        if not known:
            raise SetupError(
                f"a model must be in the league, but {word!r} is not in {self.folder.path}; see its leaderboard"
            )
        return min(known, key=lambda place: place.state != "playing")

    def model(self, word: str) -> Card:
        """Everything about the model that `word` names, as for `place`. Raises SetupError."""
        place = self.place(word)
        player = place.player
        elo = dict(zip(self.rated.players, self.rated.fit.ratings, strict=True))
        met = [b if a == player else a for a, b in self.tally if player in (a, b)]
        blue, purple = self._sides(player)
        return Card(
            place=place,
            names=tuple((other.name, other.revision) for other in self.standings if other.player == player),
            opponents=tuple(self._met(player, other) for other in sorted(met, key=lambda other: -elo[other])),
            blue=blue,
            purple=purple,
        )

    def head_to_head(self, a: str, b: str) -> HeadToHead | None:
        """What two models have played; None where they have not met. Raises SetupError."""
        one, two = self.place(a).player, self.place(b).player
        return self._met(one, two) if pairing(one, two) in self.tally else None

    def matches_of(self, a: str, b: str | None = None) -> Matches:
        """The matches of a model, or of two, in the history's order. Raises SetupError."""
        kept = self._plays(self.place(a).player)
        return self.matches.where(kept & self._plays(self.place(b).player) if b is not None else kept)

    def frames(self, most: int = 50) -> tuple[Frame, ...]:
        """The leaderboard after each of its rounds, or after `most` of them, evenly chosen, the last one always."""
        numbers = np.unique(self.matches.round)
        if len(numbers) > most:
            numbers = numbers[np.unique(np.linspace(0, len(numbers) - 1, most).round().astype(int))]
        found: list[Frame] = []
        rated = None
        for number in numbers.tolist():
            until = self.matches.where(self.matches.round <= number)
            rated = leaderboard.rate(pairings.tally(until), (), self.house, rated)
            ends = zip(rated.players, rated.fit.ratings.tolist(), rated.half.tolist(), strict=True)
            found.append(
                Frame(
                    round=number,
                    time=int(until.timestamp.max()),
                    matches=len(until),
                    elo={player: (elo, elo - half, elo + half) for player, elo, half in ends},
                )
            )
        return tuple(found)

    def about(self) -> dict[str, Any]:
        """What is said of the league as a whole, as plain values."""
        return {
            "environment": self.environment,
            "anchor": self.house if self.rated.anchor is not None else None,
            "matches": len(self.matches),
            "rounds": len(self.rounds),
            "updated": int(self.matches.timestamp.max()) if len(self.matches) else None,
            "refused": [
                {
                    "user": e.name.partition("/")[0],
                    "model": e.name.partition("/")[2],
                    "revision": e.revision,
                    "line": e.line,
                }
                for e in self.refused
            ],
        }

    def _plays(self, player: str) -> NDArray[np.bool_]:
        at = self.matches.players.index(player) if player in self.matches.players else -2
        return np.asarray((self.matches.player1 == at) | (self.matches.player2 == at), np.bool_)

    def _met(self, a: str, b: str) -> HeadToHead:
        summed = self.tally[pairing(a, b)] if a < b else self.tally[pairing(a, b)].turned
        elo, low, high = rating.from_counts(summed.outcomes)
        of_a, of_b = (float(self.rated.fit.ratings[self.rated.players.index(player)]) for player in (a, b))
        return HeadToHead(
            a=a,
            b=b,
            result=Side(wins=summed.wins, draws=summed.draws, losses=summed.losses),
            goals=summed.goals,
            decisions=summed.decisions,
            elo=elo,
            low=low,
            high=high,
            expected=float(expected(of_a - of_b)),
        )

    def _sides(self, player: str) -> tuple[Side, Side]:
        own = self.matches.where(self._plays(player))
        first = np.array([own.players[at] == player for at in own.player1.tolist()], bool)
        halves = np.where(first, own.halves, 2 - own.halves)
        side = np.where(first, own.side1, 1 - own.side1)
        counts = [np.bincount(halves[(side == of) & (own.side1 >= 0)], minlength=3).tolist() for of in (0, 1)]
        blue, purple = (Side(wins=won, draws=drawn, losses=lost) for lost, drawn, won in counts)
        return blue, purple


def opened(path: Path, environment: str | None = None, here: str = VERSION) -> League:
    """Read the league in a folder; by default of the environment played `here`, if anything was, else the last one's.

    Raises SetupError for a folder without one, or where nothing was played in that environment.
    """
    folder = LeagueFolder(path)
    must_be_there(folder)
    every = matches.read(folder.history) if folder.history.is_file() else matches.NOTHING
    if environment is None:
        found = every.environments[int(every.environment[-1])] if len(every) else here
        environment = here if here in every.environments else found
    elif environment != here and environment not in every.environments:
        has = ", ".join(every.environments) or "none so far"
        raise UsageError(f"--environment must be one of the league's matches, {has}, but got {environment!r}")
    return League(
        folder=folder,
        environment=environment,
        here=here,
        entries=roster.entries(roster.read(folder.roster)),
        rounds=tuple(store.rounds(folder)),
        matches=every.of_environment(environment),
        house=house(),
    )


def house() -> str | None:
    """The house baseline as a player, if it is installed."""
    return history.short(sha256(HOUSE.read_bytes()).hexdigest()) if HOUSE.is_file() else None
