"""The headline: after the choice is made, its policy and the course's play fresh matches that nothing was chosen by."""

import time
from collections.abc import Callable, Sequence

from sweep.models import Model
from sweep.settings import Settings
from trials import ledger, retrained
from trials.arena import log, match, players, rating, sprt
from trials.arena.pairs import outcomes
from trials.events import Event, FreshRated, TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder
from trials.records import Candidate, MatchRecord, Rating, TrialSpec

FRESH = 7_919
"""Added to the sweep's seed: fresh matches share no world state and no action stream with tuning matches."""


def whole(events: Sequence[Event]) -> tuple[dict[int, TrialSpec], dict[int, TrialRated]]:
    """The specs of tuning's trials, and the last rating of those that were trained for the whole, equal budget."""
    specs = {event.spec.number: event.spec for event in events if isinstance(event, TrialBegan)}
    others = {number for number, spec in specs.items() if spec.origin in ("extended", "final")}
    complete = {event.trial for event in events if isinstance(event, TrialEnded) and event.state == "complete"}
    return {number: spec for number, spec in specs.items() if number not in others}, {
        event.candidate.trial: event
        for event in events
        if isinstance(event, TrialRated) and event.candidate.trial in complete - others
    }


def choose(events: Sequence[Event]) -> tuple[Candidate | None, Candidate | None]:
    """(winner, the course's policy) by tuning Elo among trials of equal, whole budget; None where there is none."""
    specs, last = whole(events)
    winner = max(last.values(), key=lambda event: event.rating.elo, default=None)
    courses = [number for number, spec in specs.items() if spec.origin == "course"]
    course = next((last[number] for number in courses if number in last), None)
    return (winner.candidate if winner else None), (course.candidate if course else None)


def play(record: Callable[[Event], None], run: RunFolder, settings: Settings, baseline: Model) -> None:
    """Rate the winner and the course's policy afresh, of retrained configurations if there are, and record it.

    What a driver before this one recorded stays.
    """
    events = ledger.read(run.ledger)
    winner, course = _products(retrained.of(events)) or choose(events)
    if winner is None:
        return
    against = course if course is not None and course.trial != winner.trial else None
    if not _known(events, winner, "winner", against):
        record(_fresh(run, settings, baseline, winner, "winner", against))
    if against is not None and not _known(events, against, "course", None):
        record(_fresh(run, settings, baseline, against, "course", None))


def _known(events: list[Event], mine: Candidate, role: str, course: Candidate | None) -> bool:
    """Whether the last fresh rating in that role is of this policy, and of the same matches."""
    said = [event for event in events if isinstance(event, FreshRated) and event.role == role]
    if not said or said[-1].candidate != mine:
        return False
    met = said[-1].against_course
    return course is None if met is None else course is not None and course.name in met.by_opponent


def _products(found: retrained.Retrained | None) -> tuple[Candidate, Candidate | None] | None:
    """The best policy of the chosen configuration and of the course's: each the best seed by its rating matches."""
    mine = found.chosen.best if found is not None and found.chosen is not None else None
    if found is None or mine is None or mine.rated is None:
        return None
    theirs = found.course.best if found.course is not None else None
    return mine.rated.candidate, theirs.rated.candidate if theirs is not None and theirs.rated else None


def _fresh(
    run: RunFolder, settings: Settings, baseline: Model, mine: Candidate, role: str, course: Candidate | None
) -> FreshRated:
    player = players.load(run.path / mine.path)
    pairs = (settings.fresh_matches + 1) // 2
    seed = settings.seed * 1_000_003 + FRESH + mine.trial

    def direct(opponent: str, called: str, kind: str, offset: int) -> tuple[Rating, list[MatchRecord]]:
        other = players.load(opponent)
        matches = match.play(player, other, pairs, seed + offset).records
        names = {player.id: mine.name, other.id: called}
        log.write(run.fresh_matches(role, kind), matches, names, again=True)
        return rating.direct(matches, called), matches

    against_baseline, _ = direct(baseline.load, baseline.name, "baseline", 0)
    random, matches = direct("random", "random", "random", 1)
    return FreshRated(
        time=time.time(),
        candidate=mine,
        role="winner" if role == "winner" else "course",
        baseline=against_baseline,
        random=random,
        random_sprt=sprt.verdict(outcomes(matches), 0.0, 50.0),
        against_course=direct(str(run.path / course.path), course.name, "course", 2)[0] if course else None,
    )
