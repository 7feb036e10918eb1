"""Matches to look at: after the headline the winner meets the runner-up, and telling matches are recorded."""

import contextlib
from collections.abc import Sequence

from reports import replays, tables
from sweep import finals
from sweep.settings import Settings
from trials import ledger, retrained
from trials.arena import log, match, players
from trials.errors import SetupError, SweepError
from trials.events import Event, FreshRated
from trials.folder import RunFolder
from trials.records import Candidate

PAIRS = 20
"""Played against the runner-up at most: enough to see how it goes, not to choose by."""
OFFSET = 3
"""Of the schedule's seed, behind those of the headline's matches."""


def play(run: RunFolder, settings: Settings) -> None:
    """The winner's matches against the runner-up, logged unless they are already, and replays of telling ones.

    The log is their only record: nothing is chosen by them. A runner-up that is the course's policy was met already.
    """
    events = ledger.read(run.ledger)
    mine, theirs = _winner(events), runner_up(events)
    if mine is None:
        return
    path = run.fresh_matches("winner", replays.OPPONENTS[1])
    if theirs is None or theirs.sha256 == mine.sha256 or _met(events, theirs):
        path.unlink(missing_ok=True)  # of a choice before this one
    elif not _known(run, mine, theirs):
        path.unlink(missing_ok=True)
        with contextlib.suppress(SweepError):  # its file is gone, or cannot be played: the sweep's numbers are whole
            a, b = players.load(run.path / mine.path), players.load(run.path / theirs.path)
            pairs = min(PAIRS, (settings.fresh_matches + 1) // 2)
            seed = settings.seed * 1_000_003 + finals.FRESH + mine.trial + OFFSET
            log.write(path, match.play(a, b, pairs, seed).records, {a.id: mine.name, b.id: theirs.name}, again=True)
    replays.keep(tables.run_of(run.name, events), run)


def runner_up(events: Sequence[Event]) -> Candidate | None:
    """The best policy of the configuration that came second: of the finals, or without them in tuning."""
    found = retrained.of(events)
    if found is not None and found.chosen is not None:
        others = (one.best for one in found.configurations if one.number != found.chosen.number)
        return next((best.rated.candidate for best in others if best is not None and best.rated), None)
    last = sorted(finals.whole(events)[1].values(), key=lambda event: -event.rating.elo)
    return last[1].candidate if len(last) > 1 else None


def _winner(events: Sequence[Event]) -> Candidate | None:
    said = [event.candidate for event in events if isinstance(event, FreshRated) and event.role == "winner"]
    return said[-1] if said else None


def _met(events: Sequence[Event], theirs: Candidate) -> bool:
    """Whether the headline's matches were against this one."""
    said = [event for event in events if isinstance(event, FreshRated) and event.role == "winner"]
    return said[-1].against_course is not None and theirs.name in said[-1].against_course.by_opponent


def _known(run: RunFolder, mine: Candidate, theirs: Candidate) -> bool:
    try:
        records = log.read(run.fresh_matches("winner", replays.OPPONENTS[1])).records
    except SetupError:
        return False
    return bool(records) and (records[0].a, records[0].b) == (mine.sha256, theirs.sha256)
