"""The Optuna study: proposes parameters, is told results, and can be rebuilt from the ledger at any time."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FixedTrial, TrialState, create_trial

from search_spaces import Derived, Space, course, parameter_name
from search_spaces import propose as fill_in
from search_spaces.text import get
from sweep.search import samplers
from sweep.search.specs import Render
from sweep.ways import Objectives, Sampler
from trials import run_state
from trials.errors import BadTrial, SetupError
from trials.events import Event, TrialRated, WarmStarted
from trials.records import Training, TrialSpec, Value

STUDY_NAME = "sweep"
MAX_PASSED_OVER = 100
"""Proposals in a row that may break a relation before the sweep gives up."""
TOLD = "told by a warm start"
"""Attribute of the study: how many of its first trials are another run's."""
Proposal = optuna.Trial
"""A trial the study asked for and has not been told of yet."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_study(
    path: Path | None, seed: int, startup_trials: int, sampler: Sampler = "tpe", objectives: Objectives = "elo"
) -> optuna.Study:
    """A study that maximises match Elo, and minimises cost where that is an objective.

    `path` is Optuna's journal file, None keeps it in memory. Cost is seconds of training per million trainer steps, as
    the trial's slot gave them: it compares trials of one sweep on like machines, where the slots are as busy.
    """
    storage: BaseStorage | None = None
    if path is not None:
        # only a run's one driver opens its journal: a lock on it is of a dead one, and would be waited for, 30 s
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
        storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.create_study(
        study_name=STUDY_NAME,
        storage=storage,
        sampler=samplers.make(sampler, seed, startup_trials),
        directions=["maximize", "minimize"] if objectives == "elo,cost" else ["maximize"],
        load_if_exists=True,
    )


def enqueue_course(study: optuna.Study, space: Space, events: Iterable[Event] = ()) -> None:
    """Make the course's configuration trial 0, with parameters where the space can express them.

    After it come the proposals of a warm start. Nothing is queued that the study has come past.
    """
    first = [observation.params for event in events if isinstance(event, WarmStarted) for observation in event.first]
    plan = [(course_params(space), "course"), *((dict(params), "sampled") for params in first)]
    past = sum(trial.user_attrs.get("origin") not in run_state.LATER for trial in study.trials[_told(study) :])
    for params, origin in plan[past:]:
        study.enqueue_trial(params, user_attrs={"origin": origin})


def course_params(space: Space) -> dict[str, Value]:
    """The course's configuration as parameters of the space; empty if any of it lies outside."""
    behaviors = course(space)["behaviors"]
    params: dict[str, Value] = {}
    for path, parameter in space.parameters.items():
        of, own = space.at(path)
        trainer = behaviors[of.behavior]
        value = get(trainer, own)
        part = parameter.by if isinstance(parameter, Derived) else parameter
        if isinstance(parameter, Derived):
            value = _factor(value, get(trainer, parameter.of))
        if value is None or not part.holds(value):
            return {}
        params[parameter_name(path, parameter)] = value
    return params


def _factor(value: Any, of: Any) -> float | int | None:
    if not isinstance(value, int | float) or not isinstance(of, int | float) or not of:
        return None
    return value // of if value % of == 0 else value / of


def number_of(study: optuna.Study, trial: optuna.Trial) -> int:
    """The trial's number in the sweep: Optuna also counts what a warm start told the study."""
    return int(trial.number) - _told(study)


def next_number(study: optuna.Study) -> int:
    """Of the next trial that it would propose, in the sweep."""
    return len(study.trials) - _told(study)


def _told(study: optuna.Study) -> int:
    return int(study.user_attrs.get(TOLD, 0))


def propose(study: optuna.Study, space: Space) -> tuple[optuna.Trial, dict[str, Value]]:
    """The next trial and its parameters; trial 0's are empty where the space cannot express the course."""
    trial = study.ask()
    if number_of(study, trial) == 0 and not course_params(space):
        return trial, {}
    return trial, fill_in(space, trial)


def tell(
    study: optuna.Study, trial: optuna.Trial, rated: Iterable[TrialRated], state: str, training: Training | None = None
) -> None:
    """Tell the study how a trial ended: its Elo at every rung it reached, complete, pruned or failed.

    A study of two objectives takes no rungs (optuna.Trial.report refuses them), and a trial whose cost is unknown has
    failed there.
    """
    elo = {event.rung: event.rating.elo for event in rated}
    known = cost(training.steps, training.train_seconds) if training else None
    final, values = _outcome(study, trial.params, state, elo, known)
    for rung in sorted(elo) if len(study.directions) == 1 else ():
        trial.report(elo[rung], rung)
    study.tell(trial, values if final == TrialState.COMPLETE else None, state=final)


def cost(steps: int, train_seconds: float) -> float | None:
    """Seconds of training per million trainer steps; None where nothing was trained."""
    return 1e6 * train_seconds / steps if steps and train_seconds > 0 else None


def fill(study: optuna.Study, events: Iterable[Event], space: Space) -> None:
    """Add to an empty study what a warm start told it, then every trial the ledger tells of, under its number.

    A trial that was extended stays a gap, as does a proposal that was passed over, or a final one without a result. A
    final one with a result is a further observation of its configuration's parameters: a widened sweep learns from it.
    """
    run = run_state.run_of("", tuple(events))
    if run.warm is not None:  # what another run observed comes before this sweep's own trials
        for observed in run.warm.told:
            _add(study, space, observed.params, observed.elo, observed.state, None, "warm")
        study.set_user_attr(TOLD, len(run.warm.told))
    trials = {trial.number: trial for trial in (*run.trials, *run.retrained)}
    for number in range(max(trials, default=-1) + 1):
        trial = trials.get(number)
        final = trial is not None and trial.spec.origin == "final" and trial.state != "complete"
        if trial is None or trial.spec.origin == "extended" or final:
            # of no proposal, or of none that was tried; its number is taken
            origin = "passed over" if trial is None else trial.spec.origin
            study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"origin": origin}))
            continue
        end, elo = trial.ended, {rated.rung: rated.rating.elo for rated in trial.rungs}
        known = cost(end.steps, end.train_seconds) if end else None
        _add(study, space, trial.spec.params, elo, end.state if end else "running", known, trial.spec.origin)


def again(study: optuna.Study, number: int) -> optuna.Trial:
    """A trial that is under way in the study, to be told of when it ends."""
    return optuna.Trial(study, study.trials[number + _told(study)]._trial_id)


def _add(
    study: optuna.Study,
    space: Space,
    params: Mapping[str, Value],
    elo: Mapping[int, float],
    ended: str,
    cost: float | None,
    origin: str,
) -> None:
    """Add a trial as the study would hold it had it been proposed and told there."""
    state, values = _outcome(study, params, ended, elo, cost)
    fixed = FixedTrial(dict(params))
    if params:
        fill_in(space, fixed)
    told = create_trial(
        params=dict(params),
        distributions=dict(fixed.distributions),
        values=values,
        intermediate_values=dict(elo) if len(study.directions) == 1 else None,
        state=state,
        user_attrs={"origin": origin},
    )
    study.add_trial(told)


def _outcome(
    study: optuna.Study, params: Mapping[str, Value], state: str, elo: Mapping[int, float], cost: float | None
) -> tuple[TrialState, list[float] | None]:
    """Optuna's state, and the value of each objective where that state has any; a pruned trial's is its last Elo.

    A complete trial without parameters has failed for the GP, which searches what all complete trials have in common.
    """
    if state == "running":
        return TrialState.RUNNING, None
    two = len(study.directions) == 2
    if state == "complete" and not params and isinstance(study.sampler, optuna.samplers.GPSampler):
        return TrialState.FAIL, None
    if state == "complete" and elo and not (two and cost is None):
        last = elo[max(elo)]
        return TrialState.COMPLETE, [last, cost] if two and cost is not None else [last]
    if state == "pruned" and elo and not two:
        return TrialState.PRUNED, [elo[max(elo)]]
    return TrialState.FAIL, None


def proposed(study: optuna.Study, space: Space, rendered: Render) -> tuple[Proposal, TrialSpec]:
    """A proposal that keeps every relation between keys; one that does not is told to the study and passed over.

    Raises SetupError after MAX_PASSED_OVER of these in a row.
    """
    for _ in range(MAX_PASSED_OVER):
        proposal, params = propose(study, space)
        try:
            return proposal, rendered(number_of(study, proposal), params)
        except BadTrial as error:
            refused = error
            tell(study, proposal, [], "failed")
    raise SetupError(f"proposals must keep the space's relations, but {MAX_PASSED_OVER} in a row did not: {refused}")
