"""A league's matches summed up by pairing: pair outcomes for the fit, results, goals, decisions; and AI vs AI's Elo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trials.arena.ratings import ai_vs_ai
from trials.arena.ratings.pentanomial import Reals
from trials.league.history import short
from trials.league.matches import Ints, Matches
from trials.records import MatchRecord, Side

Pairing = tuple[str, str]
"""Two players, the one that sorts first in front; results are that one's."""


@dataclass(frozen=True)
class Sum:
    """What two players have played, told from the first one's side."""

    outcomes: Reals
    """Pairs that scored 0, 0.25, 0.5, 0.75 and 1, (5,); a match without its twin is half a pair."""
    wins: int
    draws: int
    losses: int
    goals: tuple[int, int]
    decisions: int
    """Decision steps in all; 0 where a history does not say."""
    following: int
    """The number of the next pair to play."""

    @property
    def matches(self) -> int:
        """How many were counted."""
        return self.wins + self.draws + self.losses

    @property
    def turned(self) -> "Sum":
        """The same, told from the second one's side."""
        return Sum(
            self.outcomes[::-1],
            self.losses,
            self.draws,
            self.wins,
            self.goals[::-1],
            self.decisions,
            self.following,
        )

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(
            self.outcomes + other.outcomes,
            self.wins + other.wins,
            self.draws + other.draws,
            self.losses + other.losses,
            (self.goals[0] + other.goals[0], self.goals[1] + other.goals[1]),
            self.decisions + other.decisions,
            max(self.following, other.following),
        )


Tally = Mapping[Pairing, Sum]


def pairing(one: str, two: str) -> Pairing:
    """The pairing of two players, whichever was named first."""
    return (one, two) if one < two else (two, one)


def tally(matches: Matches) -> dict[Pairing, Sum]:
    """Sums of one environment's matches by pairing, in the order of their names; a player against itself tells nothing.

    Two successive matches of a pairing are a pair, as in trials.arena.ratings.ai_vs_ai.table.
    """
    matches = matches.where(matches.player1 != matches.player2)
    if not len(matches):
        return {}
    turned = matches.player1 > matches.player2  # players are sorted, so places compare as names do
    low, high = np.where(turned, [matches.player2, matches.player1], [matches.player1, matches.player2])
    halves = np.where(turned, 2 - matches.halves, matches.halves)
    goals = np.where(turned, [matches.goals2, matches.goals1], [matches.goals1, matches.goals2]).clip(0)
    codes, group = np.unique(low * len(matches.players) + high, return_inverse=True)
    results = np.bincount(group * 3 + halves, minlength=3 * len(codes)).reshape(-1, 3)
    scored = [np.bincount(group, of, len(codes)) for of in goals]
    decisions = np.bincount(group, matches.decisions.clip(0), len(codes))
    following = np.full(len(codes), -1)
    np.maximum.at(following, group, matches.pair)
    outcomes = _outcomes(group, halves, len(codes))
    return {
        (matches.players[code // len(matches.players)], matches.players[code % len(matches.players)]): Sum(
            outcomes[at],
            int(results[at, 2]),
            int(results[at, 1]),
            int(results[at, 0]),
            (int(scored[0][at]), int(scored[1][at])),
            int(decisions[at]),
            int(following[at]) + 1,
        )
        for at, code in enumerate(codes)
    }


def _outcomes(group: Ints, halves: Ints, groups: int) -> Reals:
    """Pair outcomes (groups, 5)."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=groups)
    begins = np.cumsum(sizes) - sizes
    within = np.arange(len(group)) - np.repeat(begins, sizes)
    first = np.flatnonzero(within % 2 == 0)
    last = np.minimum(first + 1, len(group) - 1)
    of_first = group[order][first]
    twins = (within[last] % 2 == 1) & (group[order][last] == of_first)
    points = halves[order][first] + np.where(twins, halves[order][last], halves[order][first])
    weights = np.where(twins, 1.0, 0.5)
    return np.asarray(np.bincount(of_first * 5 + points, weights, 5 * groups).reshape(groups, 5), np.float64)


def add(into: dict[Pairing, Sum], records: Sequence[MatchRecord]) -> None:
    """Add whole pairs that two players have just played to a tally."""
    halves = [round(2 * r.result) for r in records]
    points = [one + two for one, two in zip(halves[::2], halves[1::2], strict=True)]
    new = Sum(
        np.bincount(points, minlength=5).astype(np.float64),
        halves.count(2),
        halves.count(1),
        halves.count(0),
        (sum(r.goals_a for r in records), sum(r.goals_b for r in records)),
        sum(r.decisions for r in records),
        1 + max(r.pair for r in records),
    )
    a, b = short(records[0].a), short(records[0].b)
    key, new = pairing(a, b), new if a < b else new.turned
    into[key] = into[key] + new if key in into else new


def totals(of: Tally) -> dict[str, Side]:
    """Player to its results."""
    counted: dict[str, tuple[int, int, int]] = {}
    for (a, b), summed in of.items():
        for player, won, lost in ((a, summed.wins, summed.losses), (b, summed.losses, summed.wins)):
            wins, draws, losses = counted.get(player, (0, 0, 0))
            counted[player] = wins + won, draws + summed.draws, losses + lost
    return {player: Side(wins=won, draws=drawn, losses=lost) for player, (won, drawn, lost) in counted.items()}


def online_elo(matches: Matches) -> dict[str, float]:
    """AI vs AI's own Elo of every player, match by match in the file's order (trials.arena.ratings.ai_vs_ai.follow)."""
    elo: dict[str, float] = {}
    played = zip(matches.player1.tolist(), matches.player2.tolist(), matches.halves.tolist(), strict=True)
    ai_vs_ai.follow(elo, ((matches.players[one], matches.players[two], halves / 2) for one, two, halves in played))
    return elo
