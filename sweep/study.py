"""The Optuna study: proposes parameters, is told results, and can be rebuilt from the ledger at any time."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FixedTrial, TrialState, create_trial

from search_spaces import Space, Tied, course, parameter
from search_spaces import propose as fill_in
from search_spaces.text import get
from trials.records import Event, TrialBegan, TrialEnded, TrialRated, TrialSpec, Value

STUDY_NAME = "sweep"
Proposal = optuna.Trial
"""A trial the study asked for and has not been told of yet."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_study(path: Path | None, seed: int, startup_trials: int) -> optuna.Study:
    """A study that maximises match Elo; `path` is Optuna's journal file, None keeps it in memory.

    TPE, multivariate (parameters interact), grouped (spaces may be conditional), with a constant liar (trials run in
    parallel): optuna.samplers.TPESampler.
    """
    storage: BaseStorage | None = None
    if path is not None:
        # only a run's one driver opens its journal: a lock on it is of a dead one, and would be waited for, 30 s
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
        storage = JournalStorage(JournalFileBackend(str(path)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=startup_trials
        )
    return optuna.create_study(
        study_name=STUDY_NAME, storage=storage, sampler=sampler, direction="maximize", load_if_exists=True
    )


def enqueue_course(study: optuna.Study, space: Space) -> None:
    """Make the course's configuration trial 0, with parameters where the space can express them."""
    study.enqueue_trial(course_params(space), user_attrs={"origin": "course"})


def course_params(space: Space) -> dict[str, Value]:
    """The course's configuration as parameters of the space; empty if any of it lies outside."""
    trainer = next(iter(course(space)["behaviors"].values()))
    params: dict[str, Value] = {}
    for path, hole in space.holes.items():
        value = get(trainer, path)
        part = hole.by if isinstance(hole, Tied) else hole
        if isinstance(hole, Tied):
            value = _factor(value, get(trainer, hole.of))
        if value is None or not part.holds(value):
            return {}
        params[parameter(path, hole)] = value
    return params


def _factor(value: Any, of: Any) -> float | int | None:
    if not isinstance(value, int | float) or not isinstance(of, int | float) or not of:
        return None
    return value // of if value % of == 0 else value / of


def propose(study: optuna.Study, space: Space) -> tuple[optuna.Trial, dict[str, Value]]:
    """The next trial and its parameters; trial 0's are empty where the space cannot express the course."""
    trial = study.ask()
    if trial.number == 0 and not course_params(space):
        return trial, {}
    return trial, fill_in(space, trial)


def tell(study: optuna.Study, trial: optuna.Trial, rated: Iterable[TrialRated], state: str) -> None:
    """Tell the study how a trial ended: its Elo at every rung it reached, complete, pruned or failed."""
    values = {event.rung: event.rating.elo for event in rated}
    for rung, elo in sorted(values.items()):
        trial.report(elo, rung)
    final = _final_state(state, values)
    study.tell(trial, values[max(values)] if final == TrialState.COMPLETE else None, state=final)


def rebuild(events: Iterable[Event], space: Space, seed: int, startup_trials: int) -> optuna.Study:
    """The study as the ledger tells it, in memory: same numbers, parameters, intermediate values and states."""
    study = open_study(None, seed, startup_trials)
    fill(study, events, space)
    return study


def fill(study: optuna.Study, events: Iterable[Event], space: Space) -> None:
    """Add to an empty study every trial the ledger tells of, under its number.

    One that was extended stays a gap, as does a proposal that was passed over, of which the ledger does not tell.
    """
    began: dict[int, TrialSpec] = {}
    rated: dict[int, dict[int, float]] = {}
    ended: dict[int, str] = {}
    for event in events:
        if isinstance(event, TrialBegan):
            began[event.spec.number] = event.spec
        elif isinstance(event, TrialRated):
            rated.setdefault(event.candidate.trial, {})[event.rung] = event.rating.elo
        elif isinstance(event, TrialEnded):
            ended[event.trial] = event.state
    for number in range(max(began, default=-1) + 1):
        origin = began[number].origin if number in began else "passed over"
        if origin in ("extended", "passed over"):  # of no proposal that could be told of; its number is taken
            study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"origin": origin}))
        else:
            study.add_trial(_frozen(began[number], space, rated.get(number, {}), ended.get(number, "running")))


def again(study: optuna.Study, number: int) -> optuna.Trial:
    """A trial that is under way in the study, to be told of when it ends."""
    return optuna.Trial(study, study.trials[number]._trial_id)


def _frozen(spec: TrialSpec, space: Space, values: Mapping[int, float], state: str) -> optuna.trial.FrozenTrial:
    distributions: dict[str, Any] = {}
    if spec.params:
        fixed = FixedTrial(dict(spec.params))
        fill_in(space, fixed)
        distributions = dict(fixed.distributions)
    final = _final_state(state, values)
    return create_trial(
        params=dict(spec.params),
        distributions=distributions,
        value=values[max(values)] if final in (TrialState.COMPLETE, TrialState.PRUNED) else None,  # as study.tell does
        intermediate_values=dict(values),
        state=final,
        user_attrs={"origin": spec.origin},
    )


def _final_state(state: str, values: Mapping[int, float]) -> TrialState:
    if state == "running":
        return TrialState.RUNNING
    if state == "complete" and values:
        return TrialState.COMPLETE
    return TrialState.PRUNED if state == "pruned" and values else TrialState.FAIL
