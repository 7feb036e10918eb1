"""Everybody's place from a table of matches: joint fit, cross-table, sides, and tiers where the table goes in circles.

A rating here moves with every match in the table, so it is never mixed with a sweep's rating
(trials.arena.ratings.elo), which does not. Ratings are Bradley and Terry's (trials.arena.ratings.bradley_terry), a draw
half a win, intervals clustered by pair. A line of numbers cannot show that a beats b beats c beats a. Tiers can: who
scored more than half against whom is a directed graph, and its strongly connected components, sources first, are the
sets that beat all that come after (for a whole table, Smith, Aggregation of preferences with variable electorate,
Econometrica 1973); models in one tier beat each other in a circle.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx
import numpy as np
from scipy.special import stdtrit

from trials.arena.games.game import UNITY
from trials.arena.ratings import ai_vs_ai, bradley_terry
from trials.arena.ratings import elo as rating
from trials.arena.ratings.pentanomial import Reals, outcomes
from trials.errors import SetupError
from trials.records import NORMAL_95, MatchRecord, Side

ANCHOR = 1200.0
POINTS = {"wins": 1.0, "draws": 0.5, "losses": 0.0}


@dataclass(frozen=True, kw_only=True)
class Sides:
    """How a model fares on either side of the pitch."""

    blue: Side
    purple: Side
    gap: float
    """Mean score as blue minus that as purple, -1 to 1, with its 95 % interval, from the pairs' differences."""
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One model's place."""

    id: str
    """sha256 of the file, or a built-in player's name; in a published history `author/name`."""
    elo: float
    low: float
    """Lower end of the 95 % interval; the anchor's own has no width."""
    high: float
    tier: int | None
    """1 for the models that everyone else loses to; models in one tier go in a circle. None where not everyone has met
    everyone: then nobody's place among all is known."""
    total: Side
    sides: Sides | None
    """None where the sides were not recorded."""


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """What a played against b."""

    result: Side
    """Of a."""
    elo: float
    """a minus b, from these matches alone, with its 95 % interval."""
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Table:
    """The whole tournament."""

    standings: tuple[Standing, ...]
    """The strongest first."""
    cross: Mapping[tuple[str, str], Pairing]
    """Both ways round: [a, b] and [b, a]."""
    circles: tuple[tuple[str, str, str], ...]
    """a beats b beats c beats a, each by more than its 95 % interval."""
    anchor: str | None
    """Whose rating is 1200 by definition; None: the mean is."""


def table(records: Sequence[MatchRecord], anchor: str | None = None) -> Table:
    """Rate all players of `records`, whole pairs in any order, in matches alike; `anchor`, a player's id, is at 1200.

    Matches whose number was decided by a sequential test are left out: their count depends on their results. Raises
    SetupError where nothing is left, where matches are there twice, or where environments or conditions differ.
    """
    kept = [record for record in records if not record.sequential]
    if not kept:
        raise SetupError(
            "ratings need matches whose number was fixed before play, but there are none (those of a sequential test"
            " carry its verdict, not an estimate)"
        )
    _alike(kept)
    grouped = _grouped(kept)
    ids = sorted({player for record in kept for player in (record.a, record.b)})
    counts = {key: _counts(group) for key, group in grouped.items()}
    results = {key: rating.side(group) for key, group in grouped.items()}
    return _table(ids, counts, results, {player: _sides(player, grouped) for player in ids}, anchor)


def published(rows: Sequence[ai_vs_ai.Row], anchor: str | None = None) -> Table:
    """The same for AI vs AI's history, whose matches have no sides and are joined to pairs as they come."""
    if not rows:
        raise SetupError("ratings need matches, but the history has none; name another file")
    scores: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        scores.setdefault((row.model1, row.model2), []).append(row.result)
        scores.setdefault((row.model2, row.model1), []).append(1 - row.result)
    counts = ai_vs_ai.table(rows)
    results = {key: Side(**{n: scores[key].count(p) for n, p in POINTS.items()}) for key in counts}
    ids = sorted({player for row in rows for player in (row.model1, row.model2)})
    return _table(ids, counts, results, {}, anchor)


def _table(
    ids: Sequence[str],
    counts: Mapping[tuple[str, str], Reals],
    results: Mapping[tuple[str, str], Side],
    sides: Mapping[str, Sides],
    anchor: str | None,
) -> Table:
    """From pair outcomes (5,) and results of every pairing, each in one order of its two."""
    if anchor is not None and anchor not in ids:
        raise SetupError(
            f"the baseline must be among the players, but {anchor[:12]} is not; let it play, or name another"
        )
    fitted = bradley_terry.fit(ids, counts).anchored(ids.index(anchor) if anchor is not None else None, ANCHOR)
    cross = {}
    for (a, b), outcome in counts.items():
        elo, low, high = rating.from_counts(outcome)
        cross[a, b] = Pairing(result=results[a, b], elo=elo, low=low, high=high)
        cross[b, a] = _other_way(cross[a, b])
    of_each: dict[str, list[Side]] = {player: [] for player in ids}
    for (a, _), pairing in cross.items():
        of_each[a].append(pairing.result)
    tiers = _tiers(ids, cross)
    standings = [
        Standing(
            id=player,
            elo=float(elo),
            low=float(elo - NORMAL_95 * sd),
            high=float(elo + NORMAL_95 * sd),
            tier=tiers[player],
            total=_sum(of_each[player]),
            sides=sides.get(player),
        )
        for player, elo, sd in zip(ids, fitted.ratings, np.sqrt(np.diag(fitted.covariance).clip(0)), strict=True)
    ]
    return Table(
        standings=tuple(sorted(standings, key=lambda standing: (-standing.elo, standing.id))),
        cross=cross,
        circles=_circles(ids, cross),
        anchor=anchor,
    )


def _alike(records: Iterable[MatchRecord]) -> None:
    conditions = {(record.environment, record.deterministic, record.to_goals) for record in records}
    if len(conditions) > 1:
        said = "; ".join(f"{e}{', deterministic' * d}, to {g} goals" for e, d, g in sorted(conditions))
        raise SetupError(f"matches in one table must be played alike, but there are {said}; rate them apart")


def _grouped(records: Iterable[MatchRecord]) -> dict[tuple[str, str], list[MatchRecord]]:
    """By pairing, each told from the side of the one whose id sorts first."""
    grouped: dict[tuple[str, str], list[MatchRecord]] = {}
    for record in records:
        told = record if record.a <= record.b else _turned(record)
        if told.a != told.b:  # a model against itself says nothing of its strength
            grouped.setdefault((told.a, told.b), []).append(told)
    return grouped


def _turned(record: MatchRecord) -> MatchRecord:
    """The same match from b's side."""
    return MatchRecord(
        **vars(record)
        | {
            "a": record.b,
            "b": record.a,
            "a_team": 1 - record.a_team,
            "result": 1 - record.result,
            "goals_a": record.goals_b,
            "goals_b": record.goals_a,
        }
    )


def _counts(group: Iterable[MatchRecord]) -> Reals:
    """Pair outcomes (5,) of one pairing, whose pairs may stem from several schedules. Raises SetupError."""
    total = np.zeros(5)
    for (seed, _), matches in _schedules(group).items():
        try:
            total += outcomes(matches)
        except ValueError as error:
            raise SetupError(
                f"{error} in {matches[0].a[:12]} against {matches[0].b[:12]}, seed {seed}; {_mend(matches[0])}"
            ) from None
    return total


def _mend(record: MatchRecord) -> str:
    """An executable's matches of one seed differ from time to time, so their numbers do not tell them apart."""
    if record.environment.startswith(UNITY):
        return "play a second time with another --seed to rate both logs together"
    return "rate each match once"


def _schedules(group: Iterable[MatchRecord]) -> dict[tuple[int, bool], list[MatchRecord]]:
    """By seed, and by who was a: the same pair with the names exchanged has another player's actions on either side."""
    found: dict[tuple[int, bool], list[MatchRecord]] = {}
    for record in group:
        found.setdefault((record.seed, record.number % 2 == record.a_team), []).append(record)
    return found


def _other_way(of_a: Pairing) -> Pairing:
    """The same pairing from b's side."""
    turned = Side(wins=of_a.result.losses, draws=of_a.result.draws, losses=of_a.result.wins)
    return Pairing(result=turned, elo=-of_a.elo, low=-of_a.high, high=-of_a.low)


def _sum(sides: Iterable[Side]) -> Side:
    every = tuple(sides)
    return Side(**{name: sum(getattr(side, name) for side in every) for name in POINTS})


def _sides(player: str, grouped: Mapping[tuple[str, str], Sequence[MatchRecord]]) -> Sides:
    own = [
        record if record.a == player else _turned(record)
        for pairing, group in grouped.items()
        if player in pairing
        for record in group
    ]
    blue, purple = (rating.side(record for record in own if record.a_team == team) for team in (0, 1))
    by_pair: dict[tuple[str, int, bool, int], float] = {}
    for record in own:
        key = (record.b, record.seed, record.number % 2 == record.a_team, record.pair)
        by_pair[key] = by_pair.get(key, 0.0) + (record.result if record.a_team == 0 else -record.result)
    # half a pair either way is added, as in every rating: a handful of like pairs is not certainty
    differences = np.array([*by_pair.values(), 1.0, -1.0])
    weights = np.array([1.0] * len(by_pair) + [0.5, 0.5])
    n = weights.sum()
    gap = float(weights @ differences / n)
    error = np.sqrt(weights @ (differences - gap) ** 2 / n / max(n - 1, 1))
    half = float(stdtrit(max(n - 1, 1), 0.975) * error)
    return Sides(blue=blue, purple=purple, gap=gap, low=max(-1.0, gap - half), high=min(1.0, gap + half))


def _tiers(ids: Collection[str], cross: Mapping[tuple[str, str], Pairing]) -> dict[str, int | None]:
    if len(cross) < len(ids) * (len(ids) - 1):
        return dict.fromkeys(ids)
    graph = networkx.DiGraph()
    graph.add_nodes_from(ids)
    graph.add_edges_from(key for key, pairing in cross.items() if pairing.result.score >= 0.5)
    condensed = networkx.condensation(graph)
    return {
        player: tier
        for tier, components in enumerate(networkx.topological_generations(condensed), 1)
        for component in components
        for player in condensed.nodes[component]["members"]
    }


def _circles(ids: Sequence[str], cross: Mapping[tuple[str, str], Pairing]) -> tuple[tuple[str, str, str], ...]:
    beaten = {a: {b for b in ids if (a, b) in cross and cross[a, b].low > 0} for a in ids}
    return tuple((a, b, c) for a in ids for b in beaten[a] for c in beaten[b] if a in beaten[c] and a == min(a, b, c))
