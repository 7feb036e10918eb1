"""From what was played to what is played next: the queue of a round, each pairing with its number of pairs.

What a match between two players will cost: how long it lasts by what was played, and seconds a step.

A goal ends a match, and a model that scores often ends its matches soon, whoever it meets. So each player has a rate of
goals that it scores a decision step, over all that it played, and two end a match at the sum of theirs, cut at the time
limit. Where two have met, what they played is mixed in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal

import numpy as np

from trials.arena.ratings.pentanomial import Reals
from trials.league import matchmaking
from trials.league.leaderboard import Ratings, rate
from trials.league.matches import Ints
from trials.league.matchmaking import Known
from trials.league.pairings import Pairing, Tally, pairing, totals

LIMIT = 1000  # decision steps of an episode
PRIOR_STEPS = 500.0  # of play at everybody's rate, which a newcomer is taken to have behind it
PRIOR_MATCHES = 8.0  # of a pairing, which the model is worth
USUAL = 1 / 200  # goals of a player a decision step where nobody has played
SECONDS_A_STEP = 1 / 6000  # of one core, until it is measured
SETUP = 0.1  # seconds to load two policies that are not at hand


Matchmaking = Literal["closest", "information"]
BUDGET = 300.0
"""Seconds of a round by information, which has no end of its own before everybody's interval is narrow enough."""
CLASSIC = 400 / 500
"""Points of classic Elo to one of AI vs AI's."""
LONGEST_QUEUE = 128
FEWEST = 4
"""Pairs of a pairing, if its cap allows: fewer cost more to begin than to play."""


@dataclass(frozen=True, kw_only=True)
class RoundTerms:
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


Plan = tuple[list[Planned], Ratings]
"""A queue, and the ratings it was made by."""


def closest(
    tally: Tally, players: Sequence[str], last: Mapping[str, int], number: int, terms: RoundTerms, seconds_a_step: float
) -> Plan:
    """AI vs AI's queue for round `number`; `last` is the round in which a player played last.

    Whoever has played in this round, before it was cut off, is no more in it.
    """
    rated = rate(tally, players)
    elo = dict(zip(rated.players, rated.fit.ratings / CLASSIC, strict=True))
    waiting = {player: float(elo[player]) for player in players if last.get(player, 0) < number}
    waited = {player: number - last.get(player, 0) for player in waiting}
    drawn = matchmaking.closest(waiting, waited, Random(number))
    at, pairs, _ = _pairs(tally, players, terms, seconds_a_step)
    return [Planned(pairing(a, b), int(pairs[at[a], at[b]])) for a, b in drawn], rated


def informative(
    tally: Tally,
    players: Sequence[str],
    barred: Collection[Pairing],
    terms: RoundTerms,
    seconds_a_step: float,
    house: str | None,
    before: Ratings | None,
) -> Plan:
    """The next few dozens of pairings that tell most a second, none of `barred`; none at all where nobody needs any."""
    rated = rate(tally, players, house, before)
    chosen = [rated.players.index(player) for player in players]
    at, pairs, a_match = _pairs(tally, players, terms, seconds_a_step)
    played = totals(tally)
    known = Known(
        ratings=rated.fit.ratings[chosen],
        covariance=rated.fit.covariance[np.ix_(chosen, chosen)],
        anchor=players.index(house) if rated.anchor is not None and house in players else None,
        games=np.array([played[player].matches if player in played else 0 for player in players]),
    )
    allowed = ~np.eye(len(players), dtype=bool)
    for a, b in barred:
        if a in at and b in at:
            allowed[at[a], at[b]] = allowed[at[b], at[a]] = False
    pairs = np.clip(matchmaking.telling(known) / 2, np.minimum(FEWEST, pairs), pairs).astype(np.int64)
    seconds = 2 * pairs * a_match + SETUP
    found = matchmaking.informative(known, terms.half, seconds, allowed, 2 * pairs)
    most = min(LONGEST_QUEUE, max(8, len(players) // 2))
    return [Planned(pairing(players[a], players[b]), int(pairs[a, b])) for a, b in islice(found, most)], rated


def _pairs(
    tally: Tally, players: Sequence[str], terms: RoundTerms, seconds_a_step: float
) -> tuple[dict[str, int], Ints, Reals]:
    """Players' places, pairs (n, n) that a pairing gets under the cap, and seconds (n, n) of a match."""
    a_match = lengths(players, tally) * seconds_a_step
    pairs = np.clip(terms.cap / (2 * a_match), 1, terms.pairs).astype(np.int64)
    return {player: at for at, player in enumerate(players)}, pairs, a_match


def lengths(players: Sequence[str], tally: Tally) -> Reals:
    """Expected decision steps of a match between each two of `players`, (n, n)."""
    number = {player: at for at, player in enumerate(players)}
    known = [(number[a], number[b], of) for (a, b), of in tally.items() if a in number and b in number and of.decisions]
    goals, steps = np.zeros(len(players)), np.zeros(len(players))
    for a, b, of in known:
        for at, scored in zip((a, b), of.goals, strict=True):
            goals[at] += scored
            steps[at] += of.decisions
    usual = goals.sum() / steps.sum() if goals.any() else USUAL
    rates = (goals + usual * PRIOR_STEPS) / (steps + PRIOR_STEPS)
    together = rates[:, None] + rates[None, :]
    expected = -np.expm1(-together * LIMIT) / together
    for a, b, of in known:
        mixed = (of.decisions + PRIOR_MATCHES * expected[a, b]) / (of.matches + PRIOR_MATCHES)
        expected[a, b] = expected[b, a] = mixed
    return np.asarray(expected, np.float64)
