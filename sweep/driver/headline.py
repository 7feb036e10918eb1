"""The headline: after the choice is made, its policy and the course's play fresh matches that nothing was chosen by.

Then come matches to look at: the winner meets the runner-up, and typical matches are recorded.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Literal

from reports.run import replays
from sweep.driver import prepare
from sweep.models import Model
from sweep.settings import Settings
from trials import ledger, retrained, run_state
from trials.arena.matches import log, match
from trials.arena.players import load as players
from trials.arena.ratings import elo, sprt
from trials.arena.ratings.pentanomial import outcomes
from trials.errors import SetupError, SweepError
from trials.events import Event, FreshRated
from trials.folder import RunFolder
from trials.records import Candidate, MatchRecord, Rating
from trials.run_state import choose

PAIRS = 20
"""Played against the runner-up at most: enough to see how it goes, not to choose by."""
OFFSET = 3
"""Of the schedule's seed, behind those of the headline's matches."""
FRESH = 7_919
"""Added to the sweep's seed: fresh matches share no world state and no action stream with tuning matches."""


def play(record: Callable[[Event], None], run: RunFolder, settings: Settings, baseline: Model) -> None:
    """Rate the winner and the course's policy afresh, of retrained configurations if there are, and record it.

    What a driver before this one recorded stays.
    """
    events = ledger.read(run.ledger)
    known = run_state.run_of(run.name, events)
    winner, course = _products(known.finals) or choose(events)
    if winner is None:
        return
    against = course if course is not None and course.trial != winner.trial else None
    if not _is_of(known.winner, winner, against):
        record(_fresh(run, settings, baseline, winner, "winner", against))
    if against is not None and not _is_of(known.course, against, None):
        record(_fresh(run, settings, baseline, against, "course", None))


def _is_of(said: FreshRated | None, mine: Candidate, course: Candidate | None) -> bool:
    """Whether the last fresh rating in a role is of this policy, and of the same matches."""
    if said is None or said.candidate != mine:
        return False
    met = said.against_course
    return course is None if met is None else course is not None and course.name in met.by_opponent


def _products(found: retrained.Retrained | None) -> tuple[Candidate, Candidate | None] | None:
    """The best policy of the chosen configuration and of the course's: each the best seed by its rating matches."""
    mine = found.chosen.best if found is not None and found.chosen is not None else None
    if found is None or mine is None or mine.rated is None:
        return None
    theirs = found.course.best if found.course is not None else None
    return mine.rated.candidate, theirs.rated.candidate if theirs is not None and theirs.rated else None


def _fresh(
    run: RunFolder,
    settings: Settings,
    baseline: Model,
    mine: Candidate,
    role: Literal["winner", "course"],
    course: Candidate | None,
) -> FreshRated:
    pairs = (settings.fresh_matches + 1) // 2
    seed = settings.seed * 1_000_003 + FRESH + mine.trial
    with prepare.game_of_run(run, settings) as game:
        player = players.load(run.path / mine.path, game.behavior)

        def direct(opponent: str, called: str, kind: str, offset: int) -> tuple[Rating, list[MatchRecord]]:
            other = players.load(opponent, game.behavior)
            matches = match.play(player, other, pairs, seed + offset, game=game).records
            names = {player.id: mine.name, other.id: called}
            log.write(run.fresh_matches(role, kind), matches, names, again=True)
            return elo.direct(matches, called), matches

        against_baseline, _ = direct(baseline.load, baseline.name, "baseline", 0)
        random, matches = direct("random", "random", "random", 1)
        return FreshRated(
            time=time.time(),
            candidate=mine,
            role=role,
            baseline=against_baseline,
            random=random,
            random_sprt=sprt.verdict(outcomes(matches), 0.0, 50.0),
            against_course=direct(str(run.path / course.path), course.name, "course", 2)[0] if course else None,
        )


def play_to_watch(run: RunFolder, settings: Settings) -> None:
    """The winner's matches against the runner-up, logged unless they are already, and replays of telling ones.

    The log is their only record: nothing is chosen by them. A runner-up that is the course's policy was met already.
    """
    events = ledger.read(run.ledger)
    known, theirs = run_state.run_of(run.name, events), runner_up(events)
    if known.winner is None or run.yardstick.is_file():  # replays are SoccerTwos' alone
        return
    mine, met = known.winner.candidate, known.winner.against_course
    path = run.fresh_matches("winner", replays.OPPONENTS[1])
    if theirs is None or theirs.sha256 == mine.sha256 or (met and theirs.name in met.by_opponent):
        path.unlink(missing_ok=True)  # of a choice before this one
    elif not _watched(run, mine, theirs):
        path.unlink(missing_ok=True)
        with contextlib.suppress(SweepError):  # its file is gone, or cannot be played: the sweep's numbers are whole
            a, b = players.load(run.path / mine.path), players.load(run.path / theirs.path)
            pairs = min(PAIRS, (settings.fresh_matches + 1) // 2)
            seed = settings.seed * 1_000_003 + FRESH + mine.trial + OFFSET
            log.write(path, match.play(a, b, pairs, seed).records, {a.id: mine.name, b.id: theirs.name}, again=True)
    replays.keep(known, run)


def runner_up(events: Sequence[Event]) -> Candidate | None:
    """The best policy of the configuration that came second: of the finals, or without them in tuning."""
    found = retrained.of(events)
    if found is not None and found.chosen is not None:
        others = (one.best for one in found.configurations if one.number != found.chosen.number)
        return next((best.rated.candidate for best in others if best is not None and best.rated), None)
    last = sorted(run_state.whole(events)[1].values(), key=lambda event: -event.rating.elo)
    return last[1].candidate if len(last) > 1 else None


def _watched(run: RunFolder, mine: Candidate, theirs: Candidate) -> bool:
    try:
        records = log.read(run.fresh_matches("winner", replays.OPPONENTS[1])).records
    except SetupError:
        return False
    return bool(records) and (records[0].a, records[0].b) == (mine.sha256, theirs.sha256)
