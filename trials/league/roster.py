"""Who is in a league: models by origin and revision, entered, gone, back or refused, as lines that are only appended.

A changed revision is a new entry; the old one is gone, and its matches stay. What plays is the file's bytes: entries
with one sha256 are one player, which plays once and stands in the leaderboard under each of its names. Names are for
people: two models of one name, from different places, are two entries, and `called` tells them apart.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from trials.arena.ratings.ai_vs_ai import listed
from trials.league.history import short
from trials.ledger import append_lines, read_lines
from trials.records import CONFIG, Finite

HUB = "hub:"
"""Before a tag, the source of models from the Hub."""
BUILT_IN = "built-in/"
"""Before a built-in player's name."""
LAST, BEST = ":last", ":best"
"""Behind a run: the last candidate of each trial alone, or the policy that the run carries on; `:7` and `:7@200512` are
a trial's and that at a checkpoint. A run alone is all its candidates."""
_PART = re.compile(rf"({LAST}|{BEST}|:\d+(@\d+)?)\Z")
Key = tuple[str, str, str]
"""Origin, name and revision."""


def key_of(source: str, name: str, revision: str) -> Key:
    """What a model is known by; the origin is its folder, run or file, "" of the Hub and of built-ins, named once."""
    placeless = source.startswith(HUB) or name == BUILT_IN + source
    return "" if placeless else origin(source), name, revision


def origin(source: str) -> str:
    """A source without what was taken of it: a run whole."""
    return source if source.startswith(HUB) else _PART.sub("", source)


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Change:
    """What happened to a model, a line of the roster."""

    what: Literal["entered", "gone", "back", "refused"]
    name: str
    """`author/name`."""
    revision: str
    """Of the Hub's repository; of a file its sha256."""
    time: Finite
    """Unix seconds."""
    source: str = ""
    """Where it was found, as a person named it."""
    sha256: str = ""
    """Of the policy file, or a built-in player's name; empty if it was refused before it was seen."""
    line: str = ""
    """Why it was refused."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Offer:
    """A model that a source has at this moment."""

    name: str
    revision: str
    source: str

    @property
    def key(self) -> Key:
        """What a league knows it by."""
        return key_of(self.source, self.name, self.revision)


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Entry(Offer):
    """A model at a revision, as it stands now."""

    sha256: str
    since: Finite
    """Unix seconds at which it entered."""
    state: Literal["playing", "gone", "refused"]
    line: str = ""
    """Why it was refused."""

    @property
    def player(self) -> str:
        """As the history has it."""
        return short(self.sha256)


_CHANGE: TypeAdapter[Change] = TypeAdapter(Change)


def append(path: Path, changes: Sequence[Change]) -> None:
    """Append changes, all or none. Raises OSError."""
    if changes:
        append_lines(path, b"".join(_CHANGE.dump_json(change) + b"\n" for change in changes))


def read(path: Path) -> list[Change]:
    """All whole lines, oldest first; none where there is no file. Raises SetupError."""
    return read_lines(path, _CHANGE, "every line of a roster must be a change")


def entries(changes: Iterable[Change]) -> dict[Key, Entry]:
    """Everyone who ever was in the league, in the order they entered."""
    found: dict[Key, Entry] = {}
    for change in changes:
        for key in _meant(found, change):
            old = found.get(key)
            found[key] = Entry(
                name=change.name,
                revision=change.revision,
                source=change.source or (old.source if old else ""),
                sha256=change.sha256 or (old.sha256 if old else ""),
                since=old.since if old else change.time,
                state=change.what if change.what in ("gone", "refused") else "playing",
                line=change.line if old is None or change.what in ("entered", "refused") else old.line,
            )
    return found


def _meant(those: Mapping[Key, Entry], change: Change) -> list[Key]:
    """Whom a line is about; one without a source, as earlier versions wrote, is about all of that name and revision."""
    key = key_of(change.source, change.name, change.revision)
    if change.source:
        return [key]
    return [other for other in those if other[1:] == key[1:]] or [key]


def departures(of: Mapping[Key, Entry], offers: Iterable[Offer], silent: Iterable[str], now: float) -> list[Change]:
    """Who is no longer offered, who is again, and who is by another source than before.

    Those of `silent` sources, which did not answer, stay as they are.
    """
    offered = {offer.key: offer.source for offer in offers}
    unknown = set(silent)
    changes = []
    for key, entry in of.items():
        change = partial(Change, name=entry.name, revision=entry.revision, time=now)
        if entry.state == "playing" and key not in offered and entry.source not in unknown:
            changes.append(change(what="gone", source=entry.source))
        elif entry.state == "gone" and key in offered:
            changes.append(change(what="back", source=offered[key]))
        elif entry.state == "playing" and key in offered and offered[key] != entry.source:
            changes.append(change(what="entered", source=offered[key], sha256=entry.sha256))
    return changes


def called(of: Mapping[Key, Entry]) -> dict[Key, str]:
    """What each is called where all are told apart: of models of one name that play, the first that entered has it.

    The others have their player's first digits behind it. Who has gone or was refused keeps its name.
    """
    owner: dict[str, str] = {}
    for entry in of.values():
        if entry.state == "playing":
            owner.setdefault(listed(entry.name), entry.player)
    return {
        key: f"{entry.name}~{entry.player[:6]}"
        if entry.state == "playing" and owner[listed(entry.name)] != entry.player
        else entry.name
        for key, entry in of.items()
    }
