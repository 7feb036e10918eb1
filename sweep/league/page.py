"""A league's page and the matches that can be watched in it: whose, where their policies are, recorded in limits."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from reports.formatting import shown
from reports.league import page as pages
from reports.league.page import Recorded
from reports.replay import pack
from sweep.league import sources
from sweep.league.recorder import Job, Recorder
from trials.arena.matches.highlights import highlights
from trials.errors import SetupError, SweepError, reason
from trials.folder import written_whole
from trials.league import reader, roster
from trials.league.matches import Matches
from trials.league.pairings import Pairing, pairing
from trials.league.reader import League
from trials.league.roster import Entry, Offer
from trials.league.store import Round
from trials.records import MatchRecord
from trials.soccer.constants import VERSION
from trials.stint import Stint

REPLAYS = "replays.json"
FORMAT = "league-replays-1"
ROOM = 600_000
"""Characters that all recorded matches may take of the page,"""
MOST = 140_000
"""and those of one pairing."""
PATIENCE = 60.0
"""Seconds of work (trials.stint) for recording, at most;"""
SHARE = 0.2
"""of a round's own seconds so many, at most; what is still missing comes with the next."""
WORTH = 5.0
"""Seconds below which it is not begun."""
PAIRINGS = 60
WORDS = {1.0: "A typical win of {a}", 0.5: "A typical draw", 0.0: "A typical loss of {a}"}
_RECORDS: TypeAdapter[tuple[MatchRecord, ...]] = TypeAdapter(tuple[MatchRecord, ...])


class Finder(Protocol):
    """Knows where a player's policy is."""

    def file(self, player: str) -> str:
        """What trials.arena.players.load.load takes. Raises OSError or SweepError where it is not at hand."""


class Known:
    """Files as a round had them."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def file(self, player: str) -> str:
        """Raises SetupError."""
        if player not in self._files:
            raise SetupError(f"the policy of {player} is unavailable: it did not play in this round")
        return self._files[player]


class Asked:
    """Asks the roster's sources, and keeps what they told."""

    def __init__(self, league: League) -> None:
        self._entries = playable(league)
        self._sources: dict[str, sources.Source] = {}

    def file(self, player: str) -> str:
        """Raises OSError or SweepError."""
        entry = self._entries.get(player)
        if entry is None or not entry.source:
            raise SetupError(f"the policy of {player} is unavailable: the roster does not say where it is")
        whole = roster.origin(entry.source)  # of a run, a policy that it no longer carries on is still there
        source = self._sources.get(whole) or sources.source(whole)
        self._sources[whole] = source
        if isinstance(source, sources.Files):  # a name may have changed; what plays is its bytes
            offers = [offer for offer in source.offers(lambda line: None) if offer.revision == entry.sha256]
            if not offers:
                raise SetupError(f"the policy of {shown(entry.name)} is unavailable: its file is gone")
            return source.fetch(offers[0]).file
        return source.fetch(Offer(name=entry.name, revision=entry.revision, source=entry.source)).file


def playable(league: League) -> dict[str, Entry]:
    """Player to an entry of its, one that plays before one that has gone; none that was refused."""
    found: dict[str, Entry] = {}
    for state in ("playing", "gone"):
        for entry in league.entries.values():
            if entry.state == state and entry.sha256:
                found.setdefault(entry.player, entry)
    return found


def write(league: League, finder: Finder | None = None, patience: float = PATIENCE) -> Path:
    """Write the page whole, with recorded matches; `finder` lets missing ones be recorded. Raises OSError."""
    return pages.write(league, recorded(league, finder, patience))


def recorded(league: League, finder: Finder | None = None, patience: float = PATIENCE) -> list[Recorded]:
    """Matches to look at, the most telling pairings first, as many as there is room for."""
    path = league.folder.path / REPLAYS
    kept, wanted = _kept(path), _wanted(league)
    found: dict[Pairing, tuple[tuple[MatchRecord, ...], Recorded]] = {}
    missing = []
    for key in wanted:
        if key in kept and _in_history(league, *key, kept[key][0]):
            found[key] = kept[key]
        else:
            missing.append(key)
    if finder is not None and missing and patience >= WORTH:
        room = ROOM - sum(len(each.packed) for _, each in found.values())
        found |= _recorded(league, finder, missing, room, patience)
    chosen, room = [], ROOM
    for key in wanted:
        if key in found and len(found[key][1].packed) <= room:
            chosen.append(found[key])
            room -= len(found[key][1].packed)
    if finder is not None:
        _keep(path, chosen)
    return [each for _, each in chosen]


def _wanted(league: League) -> list[Pairing]:
    """The first against the second, neighbours, and everyone against the nearest that it has met."""
    ranked = [place for place in league.standings() if place.rank is not None and not place.same_as]
    players = [place.player for place in ranked]
    elo = {place.player: place.elo for place in ranked}
    near = [pairing(*both) for both in pairwise(players)]
    nearest: dict[str, Pairing] = {}
    for key in sorted(league.tally, key=lambda key: abs(elo.get(key[0], 0) - elo.get(key[1], 0))):
        if key[0] in elo and key[1] in elo:
            for player in key:
                nearest.setdefault(player, key)
    every = [*near, *(nearest[player] for player in players if player in nearest)]
    return [key for key in dict.fromkeys(every) if key in league.tally][:PAIRINGS]


def _history(league: League, a: str, b: str) -> list[MatchRecord]:
    """What two have played, as records; only what could be played again."""
    entries = playable(league)
    found: Matches = league.matches_of(a, b)
    ids = {player: entries[player].sha256 for player in (a, b) if player in entries}
    if len(ids) < 2:
        return []
    columns = (found.player1, found.player2, found.pair, found.side1, found.seed, found.halves)
    rest = (found.goals1, found.goals2, found.decisions, found.timestamp)
    return [
        MatchRecord(
            number=2 * pair + side,
            pair=pair,
            a=ids[found.players[one]],
            b=ids[found.players[two]],
            a_team=1 if side else 0,
            seed=seed,
            environment=league.environment,
            result=halves / 2,
            goals_a=goals_a,
            goals_b=goals_b,
            decisions=decisions,
            time=float(when),
        )
        for one, two, pair, side, seed, halves, goals_a, goals_b, decisions, when in zip(
            *(column.tolist() for column in (*columns, *rest)), strict=True
        )
        if pair >= 0 and side >= 0 and one != two
    ]


def _in_history(league: League, a: str, b: str, records: Sequence[MatchRecord]) -> bool:
    """Whether the history still has these matches just so."""
    return set(records) <= set(_history(league, a, b))


def _recorded(
    league: League, finder: Finder, wanted: Sequence[Pairing], room: int, patience: float
) -> dict[Pairing, tuple[tuple[MatchRecord, ...], Recorded]]:
    """What can be recorded of those within room and patience; who cannot be played is left out."""
    found: dict[Pairing, tuple[tuple[MatchRecord, ...], Recorded]] = {}
    stint = Stint(os.getpid())
    recorder: Recorder | None = None
    try:
        for key in wanted:
            left = patience - stint.seconds
            if room <= 0 or left <= 0 or league.environment != VERSION:
                break
            try:
                job = _job(league, finder, key, both=not found)
                if job is None:
                    continue
                if recorder is not None and not recorder.alive:
                    recorder.end()  # it may have died between two jobs
                    recorder = None
                recorder = recorder or Recorder()
                packed = recorder.record(job, left)
            except (OSError, SweepError):
                continue  # the page shows the command instead
            if packed and len(packed) <= min(MOST, room):
                a, b = (job.matches[0].a, job.matches[0].b)
                of = {entry.sha256: player for player, entry in playable(league).items()}
                found[key] = job.matches, Recorded(of[a], of[b], job.titles, packed)
                room -= len(packed)
    finally:
        if recorder is not None:
            recorder.end()
    return found


def _job(league: League, finder: Finder, key: Pairing, both: bool) -> Job | None:
    """A typical match of the two, with the commoner result; `both`: a win and a loss."""
    records = _history(league, *key)
    chosen = highlights(records)
    if not chosen:
        return None
    results = [record.result for record in records]
    if not both:
        chosen = (max(chosen, key=lambda match: results.count(match.result)),)
    a, b = (next(p for p in key if playable(league)[p].sha256 == who) for who in (chosen[0].a, chosen[0].b))
    names = tuple(shown(league.place(player).name) for player in (a, b))
    titles = tuple(WORDS[match.result].format(a=names[0]) for match in chosen)
    return Job(
        files=(finder.file(a), finder.file(b)),
        ids=(chosen[0].a, chosen[0].b),
        names=(names[0], names[1]),
        matches=chosen,
        titles=titles,
    )


# --- kept ----------------------------------------------------------------------------------------------------------


def _keep(path: Path, chosen: Sequence[tuple[tuple[MatchRecord, ...], Recorded]]) -> None:
    """Raises OSError."""
    pairings = [{"matches": [asdict(match) for match in matches]} | asdict(each) for matches, each in chosen]
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps({"format": FORMAT, "pairings": pairings}), encoding="ascii")
        temporary.chmod(0o644)


def _kept(path: Path) -> dict[Pairing, tuple[tuple[MatchRecord, ...], Recorded]]:
    """What was recorded before; nothing of a file that is damaged or not there."""
    try:
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            return {}
        return dict(_read(found["pairings"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SetupError):
        return {}


def _read(pairings: Sequence[dict[str, Any]]) -> Iterator[tuple[Pairing, tuple[tuple[MatchRecord, ...], Recorded]]]:
    """Raises ValidationError (a ValueError), SetupError, KeyError or TypeError."""
    for each in pairings:
        pack.parts(each["packed"])
        titles = tuple(str(title) for title in each["titles"])
        one = Recorded(str(each["a"]), str(each["b"]), titles, each["packed"])
        yield pairing(one.a, one.b), (_RECORDS.validate_python(each["matches"]), one)


def opened(path: Path) -> Path:
    """Write the page of the league in a folder, with matches recorded anew where policies are at hand; its path.

    Raises SetupError, OSError.
    """
    league = reader.opened(path)
    return write(league, Asked(league))


def after(league: League | None, files: Mapping[str, str], over: Round, tell: Callable[[str], object]) -> None:
    """The page at the end of a round, played with those files; a page that cannot be written stops no league."""
    try:
        if league is not None:
            write(league, Known(files), min(PATIENCE, SHARE * over.seconds))
    except (OSError, SweepError) as error:
        tell(f"the page was not written: {reason(error)}")
