"""A league as the columns its pages are built from: standings, pairings, the past, the newest matches; no word drawn.

Players are numbers, places in `players`. A league of any size stays within bounds: of more pairings than PAIRINGS those
with the most matches are kept, of matches the newest, of the past fewer frames.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import formatting
from trials.league.leaderboard import Place
from trials.league.matches import Ints, Matches
from trials.league.pairings import pairing
from trials.league.reader import League

FORMAT = "league-page-1"
PAIRINGS = 20_000
"""Kept at most; 200 models can all have met."""
MATCHES = 24_000
"""Of the newest, at most, as every model has its own newest."""
OWN = (20, 100)
"""Newest matches of a model: at least, if it has so many, and at most."""
POINTS = 9_000
"""Ratings in all frames together: 40 frames of 225 models, 10 of 900."""
FRAMES = (6, 40)
BINS = 48
HOUR = 3600
UNITS = (("hour", HOUR), ("six hours", 6 * HOUR), ("day", 24 * HOUR), ("week", 168 * HOUR))
FAR = 1_200.0
"""Elo from the middle beyond which the shared axis does not reach for an interval's end."""


def plain(league: League) -> dict[str, Any]:
    """Everything the pages show, as plain values."""
    places, matches = league.standings, league.matches
    players = tuple(sorted({*league.rated.players, *matches.players}))
    number = {player: at for at, player in enumerate(players)}
    axis = _axis(places)
    return {
        "format": FORMAT,
        **league.about(),
        "players": players,
        "axis": [axis.low, axis.high, *axis.ticks],
        "models": [_row(place, number) for place in places],
        "sides": _sides(matches, number),
        "pairings": _pairings(league, number),
        "frames": _frames(league, number),
        "bins": _bins(matches, number),
        "newest": _newest(matches, number),
        "played": [
            [r.number, round(r.began), round(r.seconds), r.models, r.matches, r.half, r.matchmaking, list(r.notes[:20])]
            for r in league.rounds[-30:]
        ],
    }


def _row(place: Place, number: dict[str, int]) -> list[Any]:
    return [
        place.rank,
        int(place.tied),
        place.name,
        place.revision,
        number[place.player],
        *(round(value, 1) for value in (place.elo, place.low, place.high)),
        *(place.games, place.wins, place.draws, place.losses),
        round(place.ai_vs_ai, 1),
        place.provisional,
        place.state,
        place.same_as,
    ]


def _axis(places: Sequence[Place]) -> formatting.Axis:
    """Of who plays; nobody's wide interval makes all others' narrow."""
    sure = [place for place in places if not place.provisional and place.state == "playing"] or list(places)
    middle = float(np.median([place.elo for place in sure])) if sure else 1200.0
    near = [
        formatting.Interval(place.elo, max(place.low, middle - FAR), min(place.high, middle + FAR))
        for place in sure
        if abs(place.elo - middle) <= FAR
    ]
    return formatting.axis(near, [middle])


# --- sums ------------------------------------------------------------------------------------------------------


def _places(matches: Matches, number: dict[str, int]) -> tuple[Ints, Ints]:
    """Numbers of players one and two of every match."""
    of = np.array([number[player] for player in matches.players], np.int64)
    return (of[matches.player1], of[matches.player2]) if len(matches) else (matches.player1, matches.player2)


def _sides(matches: Matches, number: dict[str, int]) -> list[list[int]]:
    """Won, drawn, lost as blue, then as purple, of every player; all 0 where a history does not say."""
    one, two = _places(matches, number)
    counted = np.zeros((len(number), 6), np.int64)
    known = matches.side1 >= 0
    for who, side, halves in ((one, matches.side1, matches.halves), (two, 1 - matches.side1, 2 - matches.halves)):
        np.add.at(counted, (who[known], 3 * side[known] + 2 - halves[known]), 1)
    found: list[list[int]] = counted.tolist()
    return found


def _pairings(league: League, number: dict[str, int]) -> dict[str, Any]:
    """A column each: a, b, twice the pair outcomes of a (five columns), a's results as blue and as purple, goals,
    decision steps; all of one pairing behind each other would pack worse."""
    matches = league.matches
    one, two = _places(matches, number)
    turned = one > two
    low, high = np.minimum(one, two), np.maximum(one, two)
    halves = np.where(turned, 2 - matches.halves, matches.halves)
    side = np.where(turned, 1 - matches.side1, matches.side1)
    distinct = low != high
    codes, group = np.unique((low * len(number) + high)[distinct], return_inverse=True)
    known = matches.side1[distinct] >= 0
    cells = 6 * group + 3 * side[distinct] + 2 - halves[distinct]
    results = np.bincount(cells[known], minlength=6 * len(codes)).reshape(-1, 6)
    often = np.bincount(group, minlength=len(codes))
    kept = np.sort(np.argsort(-often, kind="stable")[:PAIRINGS])
    names = sorted(number)
    sums = [league.tally[pairing(names[code // len(names)], names[code % len(names)])] for code in codes[kept].tolist()]
    return {
        "all": len(codes),
        "a": (codes[kept] // len(names)).tolist(),
        "b": (codes[kept] % len(names)).tolist(),
        "outcomes": np.array([2 * each.outcomes for each in sums]).reshape(-1, 5).T.round().astype(int).tolist(),
        "results": [[each.wins for each in sums], [each.draws for each in sums], [each.losses for each in sums]],
        "sides": results[kept].T.tolist(),
        "goals": [[each.goals[0] for each in sums], [each.goals[1] for each in sums]],
        "decisions": [each.decisions for each in sums],
    }


def _frames(league: League, number: dict[str, int]) -> dict[str, Any]:
    """Every player's rating and half its interval over the rounds, null before its first match."""
    most = int(np.clip(POINTS // max(1, len(number)), *FRAMES))
    frames = league.frames(most) if len(league.matches) else ()
    elo: list[list[int | None]] = [[None] * len(frames) for _ in number]
    half: list[list[int | None]] = [[None] * len(frames) for _ in number]
    for at, frame in enumerate(frames):
        for player, (value, _, high) in frame.elo.items():
            elo[number[player]][at], half[number[player]][at] = round(value), round(high - value)
    return {
        "times": [frame.time for frame in frames],
        "rounds": [frame.round for frame in frames],
        "matches": [frame.matches for frame in frames],
        "elo": elo,
        "half": half,
    }


# --- time ------------------------------------------------------------------------------------------------------


def _bins(matches: Matches, number: dict[str, int]) -> dict[str, Any]:
    """Results by hours, days or weeks in UTC: all matches, and of each player its bins and won, drawn, lost in them."""
    if not len(matches):
        return {"unit": "hour", "seconds": HOUR, "first": 0, "count": 0, "all": [], "own": [[] for _ in number]}
    first, last = int(matches.timestamp.min()), int(matches.timestamp.max())
    unit, size = next((u for u in UNITS if (last // u[1] - first // u[1]) < BINS), UNITS[-1])
    together = math.ceil((last // size - first // size + 1) / BINS)  # above 1 of weeks alone
    unit, size = f"{together} weeks" if together > 1 else unit, size * together
    at = matches.timestamp // size - first // size
    count = int(at.max()) + 1
    one, two = _places(matches, number)
    own = np.zeros((len(number), count, 3), np.int32)
    for who, halves in ((one, matches.halves), (two, 2 - matches.halves)):
        np.add.at(own, (who, at, 2 - halves), 1)
    return {
        "unit": unit,
        "seconds": size,
        "first": first // size * size,
        "count": count,
        "all": np.bincount(at, minlength=count).tolist(),
        "own": [_sparse(each) for each in own],
    }


def _sparse(counts: NDArray[np.int32]) -> list[list[int]]:
    """Bin, won, drawn, lost of those in which there was a match."""
    played = np.flatnonzero(counts.any(axis=1))
    found: list[list[int]] = np.column_stack([played, counts[played]]).tolist()
    return found


def _newest(matches: Matches, number: dict[str, int]) -> dict[str, Any]:
    """Each player's newest matches, once each, the newest first; times as seconds before the one in front."""
    own = int(np.clip(MATCHES // max(1, len(number)), *OWN))
    one, two = _places(matches, number)
    order = np.argsort(-matches.timestamp, kind="stable")
    if len(matches) and matches.round.min() >= 0:
        order = order[np.argsort(-matches.round[order], kind="stable")]
    who, place = np.concatenate([one[order], two[order]]), np.tile(np.arange(len(order)), 2)
    by_player = np.lexsort((place, who))
    begins = np.searchsorted(who[by_player], np.arange(len(number)))
    within = np.arange(len(who)) - begins[who[by_player]] if len(who) else by_player
    kept = np.zeros(len(matches), bool)
    kept[order[place[by_player[within < own]]]] = True
    order = order[kept[order]]
    times = matches.timestamp[order]
    return {
        "own": own,
        "last": int(times[0]) if len(times) else 0,
        "ago": (-np.diff(times, prepend=times[:1])).tolist(),
        **{name: column[order].tolist() for name, column in (("a", one), ("b", two), ("halves", matches.halves))},
        **{name: getattr(matches, name)[order].tolist() for name in ("side1", "decisions", "round")},
    }
