"""A league as a server shows it: pages and JSON made once from what is on the disk, and again when that has grown."""

import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from reports.league import page as pages
from sweep.league import page
from sweep.league.page import Asked
from trials.errors import SweepError, reason
from trials.league import leaderboard, reader
from trials.league.folder import LeagueFolder
from trials.league.history import short
from trials.league.reader import HeadToHead, League
from trials.league.roster import Entry

LOOK = 2.0
"""Seconds between two looks at the files,"""
REST = 5.0
"""and at least so many times what the last reading took: a large league takes a while."""
ANSWERS = 512
"""About models, and about pairings, kept as they are."""


@dataclass(frozen=True)
class Body:
    """An answer, as it is and packed."""

    plain: bytes

    @cached_property
    def packed(self) -> bytes:
        """The page as gzip sends it."""
        return gzip.compress(self.plain, 6, mtime=0)


def body(found: Any) -> Body:
    """As JSON."""
    return Body(json.dumps(found, separators=(",", ":")).encode())


@dataclass(frozen=True)
class Snapshot:
    """One state of the league."""

    version: str
    league: League
    page: Body
    data: Body
    leaderboard: Body
    policy: str
    """The page's Content-Security-Policy."""

    @cached_property
    def finder(self) -> Asked:
        """A league's pages, read anew where its files changed."""
        return Asked(self.league)

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """Who can be watched, by player."""
        return page.playable(self.league)

    @cached_property
    def players(self) -> dict[str, str]:
        """Player to the name it stands under."""
        found: dict[str, str] = {}
        for place in self.league.standings:
            found.setdefault(place.player, place.name)
        return found

    def player(self, word: str) -> str | None:
        """The player of that key, or whole sha256; names are not looked up, paths even less."""
        key = short(word)
        return key if key in self.players else None

    @cached_property
    def model(self) -> Callable[[str], Body]:
        """Everything about one player."""
        return lru_cache(ANSWERS)(self._model)

    @cached_property
    def pair(self) -> Callable[[str, str], Body]:
        """What two have played."""
        return lru_cache(ANSWERS)(self._pair)

    def _model(self, player: str) -> Body:
        card = self.league.model(player)
        found = {
            "version": self.version,
            "place": leaderboard.row(card.place),
            "names": card.names,
            "blue": asdict(card.blue),
            "purple": asdict(card.purple),
            "opponents": [_met(each) for each in card.opponents],
        }
        return body(found)

    def _pair(self, a: str, b: str) -> Body:
        found = self.league.head_to_head(a, b) if a != b else None
        return body({"version": self.version, "met": _met(found) if found else None})


def _met(found: HeadToHead) -> dict[str, Any]:
    return asdict(found) | {"score": found.result.score}


class Followed:
    """Owns the newest snapshot and the thread that makes it; `end` ends that."""

    def __init__(self, path: Path, watch: bool, tell: Callable[[str], None]) -> None:
        """Raises SetupError for a folder without a league."""
        self._path, self._watch, self._tell = path, watch, tell
        self._seen = _signature(path)
        self.newest = self._made(self._seen)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop looking for changes."""
        self._over.set()
        self._thread.join(1)  # it may be reading a large league: it is let go then

    def _made(self, version: str) -> Snapshot:
        league = reader.opened(self._path)
        found = pages.data(league)
        shown = pages.page(found, page.recorded(league), version=version, watch=self._watch)
        return Snapshot(
            version,
            league,
            Body(shown.encode()),
            body(found),
            body(leaderboard.plain(league.standings, league.about())),
            pages.policy(pages.scripts(), served=True),
        )

    def _follow(self) -> None:
        took = 0.0
        while not self._over.wait(max(LOOK, REST * took)):
            began = time.monotonic()
            try:
                if (now := _signature(self._path)) != self._seen:
                    self.newest = self._made(now)
                    self._seen = now
            except (OSError, SweepError) as error:  # half written, or gone: what was read stands
                self._tell(f"the league could not be read again: {reason(error)}")
                self._over.wait(10 * LOOK)
            took = time.monotonic() - began


def _signature(path: Path) -> str:
    """Changes with the files."""
    league = LeagueFolder(path)
    told = []
    for file in (league.history, league.roster, league.rounds, path / page.REPLAYS):
        try:
            stat = file.stat()
            told.append((file.name, stat.st_size, stat.st_mtime_ns))
        except OSError:
            told.append((file.name, 0, 0))
    return sha256(repr(told).encode()).hexdigest()[:16]
