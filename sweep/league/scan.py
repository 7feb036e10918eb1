"""Who of a league's sources can play now: asked, entered into the roster, strangers' files tried first."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from time import time

from reports import hub
from sweep import models
from sweep.league.sources import Source
from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.errors import BadPolicy, LostTrial, SweepError, reason
from trials.league import roster
from trials.league.roster import Change, Entry, Offer
from trials.league.round import Playable
from trials.league.store import Store


@dataclass(frozen=True)
class Scan:
    """Who can play now."""

    able: Mapping[str, Playable]
    """Players as the history names them."""
    notes: tuple[str, ...]
    """What was not as it should be, a line each."""


def scan(store: Store, sources: Sequence[Source], cores: int, behavior: Behavior = SOCCER) -> Scan:
    """Ask every source, bring the roster up to what they have, and try strangers' new files, as policies of `behavior`,
    before they enter."""
    offers: dict[roster.Key, tuple[Offer, Source]] = {}
    silent: dict[str, Source] = {}
    notes: list[str] = []
    for each in sources:
        try:
            heard = each.offers(notes.append)
            notes += [] if heard else [f"{each.word} has no model; check its name"]
            for offer in heard:
                offers.setdefault(offer.key, (offer, each))
        except (OSError, SweepError) as error:
            silent[each.word] = each
            notes.append(f"{each.word} did not answer: {reason(error)}")
    store.change(roster.departures(store.entries, (offer for offer, _ in offers.values()), silent, time()))
    for entry in store.entries.values():
        if entry.state == "playing" and entry.key not in offers:
            old = Offer(name=entry.name, revision=entry.revision, source=entry.source)
            offers[entry.key] = old, silent[entry.source]
    found = _fetched(store, offers, notes)
    _enter(store, found, cores, behavior, notes)
    able = {
        entry.player: Playable(found[key][0].file, entry.sha256)
        for key, entry in reversed(store.entries.items())  # the first that entered has the last word
        if entry.state == "playing" and key in found
    }
    return Scan(able, tuple(notes))


_Fetched = dict[roster.Key, tuple[Playable, Offer, Source]]


def _fetched(store: Store, offers: Mapping[roster.Key, tuple[Offer, Source]], notes: list[str]) -> _Fetched:
    """The files of everyone who has not been tried and refused; who is unavailable is asked for again next time."""
    found: _Fetched = {}
    for key, (offer, each) in offers.items():
        entry = store.entries.get(key)
        if entry is not None and entry.state == "refused" and entry.sha256:
            continue
        try:
            found[key] = each.fetch(offer), offer, each
        except (OSError, SweepError) as error:
            notes.append(f"{offer.name} is unavailable: {reason(error)}")
            away = isinstance(error, OSError | hub.HubAway)  # which says nothing of the model
            if not away and (entry is None or (entry.state == "refused" and entry.line != reason(error))):
                store.change([_change("refused", offer, "", reason(error))])
    return found


def _enter(store: Store, found: _Fetched, cores: int, behavior: Behavior, notes: list[str]) -> None:
    """Let new models in, each when it has been tried; those that cannot play are refused."""
    new = {key: each for key, each in found.items() if key not in store.entries or not store.entries[key].sha256}
    known: dict[str, Entry] = {entry.sha256: entry for entry in store.entries.values() if entry.sha256}
    strange = {of.sha256: of for of, _, each in new.values() if each.strange and of.sha256 not in known}
    bad = {entry.sha256: entry.line for entry in known.values() if entry.state == "refused"}
    threads = ThreadPoolExecutor(cores)
    try:
        waiting = {threads.submit(models.tried, Path(of.file), behavior): sha for sha, of in strange.items()}
        _admit(store, [each for each in new.values() if each[0].sha256 not in strange], bad, notes)
        for tried in as_completed(waiting):
            sha = waiting[tried]
            error = tried.exception()
            if isinstance(error, BadPolicy):
                bad[sha] = reason(error)
            elif isinstance(error, LostTrial):  # asked for again next time
                notes += [
                    f"{offer.name} is unavailable: {reason(error)}" for of, offer, _ in new.values() if of.sha256 == sha
                ]
                continue
            elif error is not None:
                raise error
            _admit(store, [each for each in new.values() if each[0].sha256 == sha], bad, notes)
    finally:
        threads.shutdown(cancel_futures=True)


def _admit(
    store: Store, those: Sequence[tuple[Playable, Offer, Source]], bad: Mapping[str, str], notes: list[str]
) -> None:
    changes = []
    for of, offer, _ in those:
        line = bad.get(of.sha256, "")
        changes.append(_change("refused" if line else "entered", offer, of.sha256, line))
        notes += [f"{offer.name} is refused: {line}"] if line else []
    store.change(changes)
    names = roster.called(store.entries)
    notes += [
        f"{offer.name} of {offer.source} is called {names[offer.key]}: another of that name plays"
        for _, offer, _ in those
        if names[offer.key] != offer.name
    ]


def _change(what: str, offer: Offer, sha: str, line: str) -> Change:
    return Change(
        what="refused" if what == "refused" else "entered",
        name=offer.name,
        revision=offer.revision,
        time=time(),
        source=offer.source,
        sha256=sha,
        line=line,
    )
