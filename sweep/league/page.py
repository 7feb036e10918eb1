"""A league's page and the matches that can be watched in it: whose, where their policies are, recorded in limits."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

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


Find = Callable[[str], str]
"""A player to what trials.arena.players.load.load takes. Raises OSError or SweepError where it is not at hand."""


@dataclass(frozen=True)
class _Kept(Recorded):
    """Matches that the page can play, as the history had them."""

    matches: tuple[MatchRecord, ...]


@dataclass(frozen=True)
class _Replays:
    """What the file REPLAYS holds."""

    pairings: tuple[_Kept, ...]
    format: Literal["league-replays-1"] = "league-replays-1"


_REPLAYS: TypeAdapter[_Replays] = TypeAdapter(_Replays)


class Asked:
    """Asks the roster's sources, and keeps what they told; one thread at a time."""

    def __init__(self, league: League) -> None:
        self._entries = playable(league)
        self._sources: dict[str, sources.Source] = {}
        self._lock = threading.Lock()

    def file(self, player: str) -> str:
        """Raises OSError or SweepError."""
        with self._lock:
            return self._file(player)

    def _file(self, player: str) -> str:
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


def write(league: League, find: Find, patience: float = PATIENCE) -> Path:
    """Write the page whole, with recorded matches, missing ones recorded anew. Raises OSError."""
    return pages.write(league, recorded(league, find, patience))


def recorded(league: League, find: Find | None = None, patience: float = PATIENCE) -> list[Recorded]:
    """Matches to look at, the most telling pairings first, as many as there is room for.

    With `find` missing ones are recorded, and all are kept for the next time. Raises OSError.
    """
    path, wanted = league.folder.path / REPLAYS, _wanted(league)
    kept = _kept(path)
    found = {key: kept[key] for key in wanted if key in kept and {*kept[key].matches} <= {*_history(league, *key)}}
    missing = [key for key in wanted if key not in found]
    if find is not None and missing and patience >= WORTH:
        found |= _recorded(league, find, missing, ROOM - sum(len(each.packed) for each in found.values()), patience)
    chosen: list[_Kept] = []
    room = ROOM
    for key in wanted:
        if key in found and len(found[key].packed) <= room:
            chosen.append(found[key])
            room -= len(found[key].packed)
    if find is not None:
        with written_whole(path) as temporary:
            temporary.write_bytes(_REPLAYS.dump_json(_Replays(tuple(chosen))))
            temporary.chmod(0o644)
    return [*chosen]


def _wanted(league: League) -> list[Pairing]:
    """The first against the second, neighbours, and everyone against the nearest that it has met."""
    ranked = [place for place in league.standings if place.rank is not None and not place.same_as]
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


def _recorded(
    league: League, find: Find, wanted: Sequence[Pairing], room: int, patience: float
) -> dict[Pairing, _Kept]:
    """What can be recorded of those within room and patience; who cannot be played is left out."""
    found: dict[Pairing, _Kept] = {}
    of = {entry.sha256: player for player, entry in playable(league).items()}
    stint = Stint(os.getpid())
    recorder: Recorder | None = None
    try:
        for key in wanted:
            left = patience - stint.seconds
            if room <= 0 or left <= 0 or league.environment != VERSION:
                break
            try:
                job = _job(league, find, key, both=not found)
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
                a, b = job.ids
                found[key] = _Kept(of[a], of[b], job.titles, packed, job.matches)
                room -= len(packed)
    finally:
        if recorder is not None:
            recorder.end()
    return found


def _job(league: League, find: Find, key: Pairing, both: bool) -> Job | None:
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
        files=(find(a), find(b)),
        ids=(chosen[0].a, chosen[0].b),
        names=(names[0], names[1]),
        matches=chosen,
        titles=titles,
    )


def _kept(path: Path) -> dict[Pairing, _Kept]:
    """What was recorded before; nothing of a file that is damaged or not there."""
    try:
        found = _REPLAYS.validate_json(path.read_bytes()).pairings
        for each in found:
            pack.parts(each.packed)
    except (OSError, ValueError, SetupError):
        return {}
    return {pairing(each.a, each.b): each for each in found}


def opened(path: Path) -> Path:
    """Write the page of the league in a folder, with matches recorded anew where policies are at hand; its path.

    Raises SetupError, OSError.
    """
    league = reader.opened(path)
    return write(league, Asked(league).file)


def after(league: League | None, files: Mapping[str, str], over: Round, tell: Callable[[str], object]) -> None:
    """The page at the end of a round, played with those files; a page that cannot be written stops no league."""

    def at_hand(player: str) -> str:
        if player not in files:
            raise SetupError(f"the policy of {player} is unavailable: it did not play in this round")
        return files[player]

    try:
        if league is not None:
            write(league, at_hand, min(PATIENCE, SHARE * over.seconds))
    except (OSError, SweepError) as error:
        tell(f"the page was not written: {reason(error)}")
