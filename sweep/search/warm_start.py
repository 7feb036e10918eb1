"""A warm start: what an earlier run knows of configurations, taken over where its numbers mean what they would here.

Elo after another budget, with other fields or with other fixed settings is another quantity: a learning rate that
leads after one million steps need not lead after five. So a trial of the other run is told to the study only if this
sweep would have trained the very same configuration alike; failing that, the few best are proposed first and evaluated
anew. Rungs of the other run are not shown to the scheduler, which compares within this sweep alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time

from search_spaces import Space, render
from sweep import runs
from sweep.search.specs import Render
from sweep.search.study import course_params
from sweep.settings import Settings
from trials import ledger, run_state
from trials.arena.games.soccer import SOCCER
from trials.arena.ratings import ladder_file
from trials.errors import BadTrial, SpaceError, UsageError, did_you_mean
from trials.events import Observation, WarmStarted
from trials.records import TrialSpec, Value
from trials.run_state import TrialHistory
from trials.soccer.constants import VERSION as ENVIRONMENT

BEST = 3
"""Configurations that are evaluated anew."""


@dataclass(frozen=True)
class _Known:
    """A trial of the other run that was rated."""

    spec: TrialSpec
    observation: Observation

    @property
    def last(self) -> tuple[int, float]:
        """Rung and Elo: what went further is the better known."""
        rung = max(self.observation.elo)
        return rung, self.observation.elo[rung]


def name_of(path: Path) -> str:
    """The run's name, of its folder or of the ledger in it."""
    path = path.resolve()
    return path.parent.name if path.is_file() else path.name


def take_over(path: Path, settings: Settings, space: Space, rendered: Render) -> WarmStarted:
    """What the run at `path`, its folder or its ledger, gives a sweep of `space` before it begins.

    Raises UsageError where there is none, for another ladder or environment, and where nothing fits.
    """
    run = runs.called(str(path))
    if run is None and not path.is_file():
        there = runs.names()
        near = did_you_mean(str(path), [*there, *(str(runs.RUNS / name) for name in there)])
        raise UsageError(
            f"--warm-start must name a run's folder or its ledger, but {path} is neither; "
            + (near or f"{runs.RUNS}/ has {', '.join(there[-5:]) or 'no run'}")
        )
    file = run.ledger if run is not None else path
    run_there = run_state.run_of("", ledger.read(file))
    trials, question = (*run_there.trials, *run_there.retrained), run_there.question
    if question is None:
        raise UsageError(f"--warm-start must name a sweep's run, but {file} tells of none; name another")
    other_game = space.behavior != SOCCER.name
    for what, theirs, ours in (
        ("behavior", next((trial.spec.behavior for trial in trials), SOCCER.name), space.behavior),
        ("ladder", question.ladder, ladder_file.read().version),
        ("environment", question.environment, ENVIRONMENT),
    ):
        if theirs != ours and not (other_game and what != "behavior"):
            raise UsageError(
                f"--warm-start must name a run of the same {what}, but that of {question.name} is {theirs} and this"
                f" one's is {ours}: their Elo is never compared; sweep without it"
            )
    known, refused = _fitting(_rated(trials), space)
    if not known:
        raise UsageError(
            f"--warm-start must name a run with a trial that fits {space.file}, but {question.name} has none:"
            f" {refused or 'no trial with open values was rated'}; sweep without it"
        )
    reason = "" if settings.objectives == "elo" else "the cost of a step was that run's own"
    reason = "its trials stood on a yardstick of its own" if other_game else reason
    told = [] if reason else [each for each in known if not _other(each.spec, settings, rendered)]
    if all(each.spec.origin == "course" for each in told) and len(told) < len(known):
        told = []  # trial 0 is trained anyway: its values are the course's, whatever else the file says
    warm = {"time": time(), "run": question.name, "ledger_sha256": sha256(file.read_bytes()).hexdigest()}
    if told:
        return WarmStarted(**warm, told=tuple(each.observation for each in told))  # type: ignore[arg-type]
    first = _best(known, course_params(space))
    if not first:
        raise UsageError(
            f"--warm-start must name a run with more than the course's configuration, which is trial 0 anyway, but"
            f" {question.name} has no other that was rated; sweep without it"
        )
    reason = reason or _other(first[0].spec, settings, rendered)
    return WarmStarted(**warm, first=tuple(each.observation for each in first), reason=reason)  # type: ignore[arg-type]


def said(warm: WarmStarted) -> str:
    """One line for a person."""
    if warm.told:
        return f"warm start: {len(warm.told)} trials of {warm.run} enter the study as they were rated there"
    numbers = ", ".join(str(observation.trial) for observation in warm.first)
    return f"warm start: trials {numbers} of {warm.run} are proposed first and evaluated anew, since {warm.reason}"


def _rated(trials: Sequence[TrialHistory]) -> list[_Known]:
    """Trials with open values that were rated, complete or pruned, by number; those that were extended left out."""
    found = []
    for trial in sorted(trials, key=lambda trial: trial.number):
        elo = {rated.rung: rated.rating.elo for rated in trial.rungs if math.isfinite(rated.rating.elo)}
        spec, state = trial.spec, trial.state
        if elo and spec.params and spec.parent is None and (state == "complete" or state == "pruned"):
            found.append(_Known(spec, Observation(trial=spec.number, params=spec.params, elo=elo, state=state)))
    return found


def _fitting(known: Sequence[_Known], space: Space) -> tuple[list[_Known], str]:
    """Those whose parameters are this space's parameters, each inside its range; and why the last other one is not."""
    fitting, refused = [], ""
    for each in known:
        try:
            render(space, each.spec.params)
        except SpaceError as error:
            refused = str(error)
        else:
            fitting.append(each)
    return fitting, refused


def _other(spec: TrialSpec, settings: Settings, rendered: Render) -> str:
    """In what a trial was trained otherwise than this sweep would train it; empty where in nothing."""
    try:
        here = rendered(0 if spec.origin == "course" else 1, spec.params)
    except BadTrial as error:
        return str(error)
    if spec.steps != here.steps:
        return f"Elo after {spec.steps:,} steps is not Elo after {here.steps:,}"
    if spec.all_fields != here.all_fields:
        return f"it trained on {spec.all_fields} fields, and this sweep on {here.all_fields}"
    if (spec.executable, spec.trainer) != (here.executable, here.trainer):
        return "it trained in another environment or by another trainer"
    return "" if spec.config == here.config else "its fixed settings are not this sweep's"


def _best(known: Sequence[_Known], course: Mapping[str, Value]) -> list[_Known]:
    """The best few different configurations, best first, beside the course's."""
    best: list[_Known] = []
    for each in sorted(known, key=lambda known: known.last, reverse=True):
        if each.spec.params != course and all(each.spec.params != other.spec.params for other in best):
            best.append(each)
    return best[:BEST]
