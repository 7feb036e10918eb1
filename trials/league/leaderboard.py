"""The leaderboard, from a tally and a roster alone: places with intervals, ties as ties, marks for what is provisional.

Ranks are competition ranks, 1, 2, 2, 4: who cannot be told from the first of its rank shares it, the 95 % interval of
their difference holding 0, and the next rank is 1 more than the models above, copies of one file counted once. A model
that has played too little, or is not connected with the others by matches, has an interval but no rank, and so has one
that is gone.

It is written as files, each whole: JSON, a CSV table, and AI vs AI's own `soccer_elo.csv`.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trials.arena.ratings import ai_vs_ai, bradley_terry
from trials.arena.ratings.ai_vs_ai import START
from trials.arena.ratings.bradley_terry import Fit
from trials.arena.ratings.pentanomial import Reals
from trials.folder import written_whole
from trials.league import prior
from trials.league.folder import LeagueFolder
from trials.league.pairings import Tally, totals
from trials.league.roster import Entry, Key, called
from trials.records import NORMAL_95, Side

FORMAT = "league-1"
COLUMNS = (
    *("rank", "tied", "user", "model", "revision", "elo", "low", "high", "games", "wins", "draws", "losses"),
    *("ai_vs_ai", "provisional", "state", "same_as", "player"),
)

ANCHOR = 1200.0
FEW = 30
"""Matches below which a place is provisional."""
Provisional = Literal["", "few games", "not connected"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One model at one revision."""

    rank: int | None
    """None where the place is provisional or the model is gone or refused."""
    tied: bool
    """Whether another model has the same rank."""
    name: str
    """`author/name`; of models of one name, all but the first have their player's first digits behind it."""
    revision: str
    player: str
    """As the history has it: the sha256's first digits, or a built-in's name."""
    elo: float
    low: float
    """Lower end of the 95 % interval; the anchor's own has no width."""
    high: float
    games: int
    wins: int
    draws: int
    losses: int
    ai_vs_ai: float
    """AI vs AI's own Elo: K 20, divisor 500, match by match."""
    provisional: Provisional
    state: Literal["playing", "gone", "refused"]
    source: str
    """Where it was found, as a person named it; empty: no roster says."""
    since: float
    """Unix seconds at which it entered; 0: no roster says."""
    same_as: str
    """The name under which the same bytes play, if it is another; empty for a model of its own."""

    @property
    def user(self) -> str:
        """Whose it is, of USER/NAME."""
        return self.name.partition("/")[0]

    @property
    def model(self) -> str:
        """Its own name, of USER/NAME."""
        return self.name.partition("/")[2]


@dataclass(frozen=True)
class Ratings:
    """Every player's rating."""

    players: tuple[str, ...]
    fit: Fit
    """Anchored, in the order of `players`."""
    anchor: int | None
    """Whose rating is 1200; None: the mean is."""
    connected: tuple[bool, ...]
    """Whether matches connect the player with the largest group."""

    @property
    def half(self) -> Reals:
        """Half of the 95 % intervals, Elo."""
        return np.asarray(NORMAL_95 * np.sqrt(np.diag(self.fit.covariance).clip(0)), np.float64)


def rate(tally: Tally, others: Iterable[str] = (), house: str | None = None, start: Ratings | None = None) -> Ratings:
    """Fit all players of `tally`, and `others`, who have not played; `house`, if it played, is at 1200, else the mean.

    What the pool is like (trials.league.prior) is learnt from a first fit, of those who have played, and known to a
    second. `start` is an earlier answer, from which the first goes on faster.
    """
    met = {player for key in tally for player in key}
    players = tuple(sorted(met | set(others)))
    before = dict(zip(start.players, start.fit.ratings - start.fit.ratings.mean(), strict=True)) if start else {}
    table = {key: of.outcomes for key, of in tally.items()}
    fitted = bradley_terry.fit(players, table, [before.get(player, 0.0) for player in players])
    errors = np.sqrt(np.diag(fitted.anchored(None).covariance).clip(0))  # without the shift that is common to all
    of_them = np.array([player in met for player in players], bool)
    if (kinds := prior.found(fitted.ratings[of_them], errors[of_them])) is not None:
        known = prior.precision(kinds, fitted.ratings, errors)
        fitted = bradley_terry.fit(players, table, fitted.ratings, known)
    anchor = players.index(house) if house is not None and house in met else None
    return Ratings(players, fitted.anchored(anchor, ANCHOR), anchor, _connected(players, tally))


def _connected(players: Sequence[str], tally: Tally) -> tuple[bool, ...]:
    if not players:
        return ()
    number = {player: at for at, player in enumerate(players)}
    ends = np.array([[number[a], number[b]] for a, b in tally], np.intp).reshape(-1, 2)
    shape = (len(players), len(players))
    _, group = connected_components(coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=shape), False)
    return tuple((group == np.bincount(group).argmax()).tolist())


def places(
    rated: Ratings,
    tally: Tally,
    entries: Mapping[Key, Entry],
    ai_vs_ai: Mapping[str, float],
    names: Mapping[str, str] | None = None,
) -> list[Place]:
    """The leaderboard, the strongest first: every entry of the roster, and every player of the tally without one.

    The latter are called as in `names`, by player.
    """
    listed = _listed(rated, entries, names or {})
    results = dict.fromkeys(rated.players, Side(wins=0, draws=0, losses=0)) | totals(tally)
    number = {player: at for at, player in enumerate(rated.players)}
    provisional: dict[str, Provisional] = {
        player: "few games" if results[player].matches < FEW else "" if connected else "not connected"
        for player, connected in zip(rated.players, rated.connected, strict=True)
    }
    active = {entry.player for entry in listed if entry.state == "playing"}
    ranks = _ranks(rated, [player in active and not provisional[player] for player in rated.players])
    often = np.bincount([rank for rank in ranks if rank is not None], minlength=1)
    first: dict[str, str] = {}
    found = []
    for entry in sorted(listed, key=lambda entry: entry.state != "playing"):
        at = number[entry.player]
        rank = ranks[at] if entry.state == "playing" else None
        played = results[entry.player]
        elo, half = float(rated.fit.ratings[at]), float(rated.half[at])
        leader = first.setdefault(entry.player, entry.name)
        found.append(
            Place(
                rank=rank,
                tied=rank is not None and bool(often[rank] > 1),
                name=entry.name,
                revision=entry.revision,
                player=entry.player,
                elo=elo,
                low=elo - half,
                high=elo + half,
                games=played.matches,
                wins=played.wins,
                draws=played.draws,
                losses=played.losses,
                ai_vs_ai=ai_vs_ai.get(entry.player, START),
                provisional=provisional[entry.player],
                state=entry.state,
                source=entry.source,
                since=entry.since,
                same_as="" if leader == entry.name else leader,
            )
        )
    return sorted(found, key=lambda place: (-place.elo, place.player, place.same_as != "", place.name, place.revision))


def _listed(rated: Ratings, entries: Mapping[Key, Entry], names: Mapping[str, str]) -> list[Entry]:
    """Entries that have a rating, told apart; players that a history names and no roster does stand for themselves.

    One model in two places, a run that was moved, is one line, and plays if it does in either.
    """
    titles = called(entries)
    known: dict[tuple[str, str, str], Entry] = {}
    for key, entry in entries.items():
        same = (titles[key], entry.revision, entry.player)
        if entry.player in rated.players and (same not in known or known[same].state != "playing"):
            known[same] = replace(entry, name=titles[key])
    strangers = set(rated.players) - {entry.player for entry in known.values()}
    often = Counter(names.get(player, player) for player in rated.players)
    return [*known.values()] + [
        Entry(
            name=(name := names.get(player, player)),
            revision=player if often[name] > 1 else "",
            source="",
            sha256=player,
            since=0.0,
            state="playing",
        )
        for player in sorted(strangers)
    ]


def _ranks(rated: Ratings, ranked: Sequence[bool]) -> list[int | None]:
    """By place among the players; None for those who are not ranked."""
    chosen = np.flatnonzero(np.asarray(ranked, bool))
    chosen = chosen[np.argsort(-rated.fit.ratings[chosen], kind="stable")]
    ratings, covariance = rated.fit.ratings[chosen], rated.fit.covariance[np.ix_(chosen, chosen)]
    variance = np.diag(covariance)[:, None] + np.diag(covariance)[None, :] - 2 * covariance
    surely = ratings[None, :] - ratings[:, None] > NORMAL_95 * np.sqrt(variance.clip(0))
    found: list[int | None] = [None] * len(rated.players)
    head = 0  # the first of the rank
    for place, at in enumerate(chosen):
        head = place if surely[place, head] else head
        found[int(at)] = head + 1
    return found


def row(place: Place) -> dict[str, Any]:
    """A place as plain values, Elo to a hundredth."""
    found = {name: getattr(place, name) for name in COLUMNS}
    return found | {name: round(found[name], 2) for name in ("elo", "low", "high", "ai_vs_ai")}


def plain(places: Sequence[Place], about: dict[str, Any]) -> dict[str, Any]:
    """The leaderboard as one JSON object; `about` is what is said of the whole."""
    return {"format": FORMAT, **about, "models": [row(place) for place in places]}


def write(league: LeagueFolder, places: Sequence[Place], about: dict[str, Any]) -> None:
    """Write all three, each whole. Raises OSError."""
    with written_whole(league.leaderboard) as temporary:
        temporary.write_text(json.dumps(plain(places, about), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with (
        written_whole(league.leaderboard_csv) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows({name: "" if value is None else value for name, value in row(place).items()} for place in places)
    one_each = {
        ai_vs_ai.listed(place.name): place for place in sorted(places, key=lambda place: place.state == "playing")
    }
    elo = [ai_vs_ai.EloRow(name, place.ai_vs_ai, place.games) for name, place in one_each.items()]
    ai_vs_ai.write_elo(league.elo, sorted(elo, key=lambda standing: -standing.elo))
