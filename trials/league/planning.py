"""From what was played to what is played next: the queue of a round, each pairing with its number of pairs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal

import numpy as np

from trials.arena.pairs import Reals
from trials.league import costs, matchmaking
from trials.league.leaderboard import FEW, Rated, rate
from trials.league.matches import Ints
from trials.league.matchmaking import Known, Wanted
from trials.league.tally import Pairing, Tally, games, pairing

Matchmaking = Literal["closest", "information"]
BUDGET = 300.0
"""Seconds of a round by information, which has no end of its own before everybody's interval is narrow enough."""
CLASSIC = 400 / 500
"""Points of classic Elo to one of AI vs AI's."""
LONGEST_QUEUE = 128
FEWEST = 4
"""Pairs of a pairing, if its cap allows: fewer cost more to begin than to play."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How rounds are played."""

    matchmaking: Matchmaking = "information"
    pairs: int = 32
    """Of a pairing, each time it is played."""
    budget: float | None = None
    """Seconds of work each core may play in a round; None: BUDGET by information, and no end by closest."""
    cores: int = 1
    cap: float = 30.0
    """Processor seconds that a pairing may be expected to cost, or it has fewer pairs, one at least."""
    half: float = 25.0
    """By information: half of the 95 % interval at which a model needs no more matches, Elo."""

    @property
    def seconds(self) -> float:
        """That a round may play."""
        return self.budget or (BUDGET if self.matchmaking == "information" else float("inf"))


@dataclass(frozen=True)
class Planned:
    """A pairing to play."""

    pairing: Pairing
    pairs: int


@dataclass(frozen=True)
class Plan:
    """A queue, and the ratings it was made by."""

    queue: tuple[Planned, ...]
    rated: Rated


def closest(
    tally: Tally, players: Sequence[str], last: Mapping[str, int], number: int, terms: Terms, seconds_a_step: float
) -> Plan:
    """AI vs AI's queue for round `number`; `last` is the round in which a player played last.

    Whoever has played in this round, before it was cut off, is no more in it.
    """
    rated = rate(tally, players)
    elo = dict(zip(rated.players, rated.fit.ratings / CLASSIC, strict=True))
    waiting = {player: float(elo[player]) for player in players if last.get(player, 0) < number}
    waited = {player: number - last.get(player, 0) for player in waiting}
    drawn = matchmaking.closest(waiting, waited, Random(number)).pairings
    at, pairs, _ = _pairs(tally, players, terms, seconds_a_step)
    return Plan(tuple(Planned(pairing(a, b), int(pairs[at[a], at[b]])) for a, b in drawn), rated)


def informative(
    tally: Tally,
    players: Sequence[str],
    barred: Collection[Pairing],
    terms: Terms,
    seconds_a_step: float,
    house: str | None,
    before: Rated | None,
) -> Plan:
    """The next few dozens of pairings that tell most a second, none of `barred`; none at all where nobody needs any."""
    rated = rate(tally, players, house, before)
    chosen = [rated.players.index(player) for player in players]
    at, pairs, a_match = _pairs(tally, players, terms, seconds_a_step)
    played = games(tally)
    known = Known(
        ratings=rated.fit.ratings[chosen],
        covariance=rated.fit.covariance[np.ix_(chosen, chosen)],
        anchor=players.index(house) if rated.anchor is not None and house in players else None,
        games=np.array([played.get(player, 0) for player in players]),
    )
    allowed = ~np.eye(len(players), dtype=bool)
    for a, b in barred:
        if a in at and b in at:
            allowed[at[a], at[b]] = allowed[at[b], at[a]] = False
    pairs = np.clip(matchmaking.telling(known) / 2, np.minimum(FEWEST, pairs), pairs).astype(np.int64)
    seconds = 2 * pairs * a_match + costs.SETUP
    found = matchmaking.informative(known, Wanted(terms.half, FEW), seconds, allowed, 2 * pairs)
    most = min(LONGEST_QUEUE, max(8, len(players) // 2))
    queue = [Planned(pairing(players[a], players[b]), int(pairs[a, b])) for a, b in islice(found, most)]
    return Plan(tuple(queue), rated)


def _pairs(
    tally: Tally, players: Sequence[str], terms: Terms, seconds_a_step: float
) -> tuple[dict[str, int], Ints, Reals]:
    """Players' places, pairs (n, n) that a pairing gets under the cap, and seconds (n, n) of a match."""
    a_match = costs.lengths(players, tally) * seconds_a_step
    pairs = np.clip(terms.cap / (2 * a_match), 1, terms.pairs).astype(np.int64)
    return {player: at for at, player in enumerate(players)}, pairs, a_match
