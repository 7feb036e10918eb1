"""The study: what it proposes, what it is told, and that the ledger rebuilds it."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from events import ended, rated, rebuilt, spec_of
from optuna.storages.journal import JournalFileSymlinkLock
from patience import now

from search_spaces import Space, load
from sweep.search import study as studies
from trials.events import Event, Observation, TrialBegan, TrialRated, WarmStarted


def proposals(space: Space, seed: int, count: int) -> list[dict[str, object]]:
    study = studies.open_study(None, seed, startup_trials=3)
    studies.enqueue_course(study, space)
    found = []
    for _ in range(count):
        trial, params = studies.propose(study, space)
        found.append(dict(params))
        elo = 1000 + 100 * sum(hash(str(value)) % 2 == 0 for value in params.values() if isinstance(value, int))
        studies.tell(study, trial, [rated(trial.number, 100, float(elo))], "complete")
    return found


def test_the_same_seed_proposes_the_same_and_another_another() -> None:
    quick = load("quick")
    assert proposals(quick, 1, 9) == proposals(quick, 1, 9)
    assert proposals(quick, 1, 9)[1:] != proposals(quick, 2, 9)[1:]


def test_trial_0_is_the_course_in_the_spaces_own_words() -> None:
    params = proposals(load("quick"), 5, 1)[0]
    assert params["hyperparameters.learning_rate"] == 0.0005
    assert params["hyperparameters.buffer_size / hyperparameters.batch_size"] == 10


def test_tpe_makes_at_least_half_of_quicks_proposals() -> None:
    sweep = load("quick").sweep
    assert sweep.trials is not None and sweep.startup_trials is not None
    assert sweep.trials - sweep.startup_trials >= sweep.trials / 2


def test_the_ledger_rebuilds_the_study(tmp_path: Path) -> None:
    quick = load("quick")
    study = studies.open_study(tmp_path / "study.log", 4, startup_trials=3)
    studies.enqueue_course(study, quick)
    events: list[Event] = []
    plan = [("complete", [100, 200]), ("pruned", [100]), ("failed", []), ("complete", [100, 200]), ("running", [100])]
    for number, (state, rungs) in enumerate(plan):
        trial, params = studies.propose(study, quick)
        told: list[TrialRated] = [rated(number, rung, 1000.0 + 10 * number + rung) for rung in rungs]
        events += [TrialBegan(time=1.0, spec=spec_of(number, params)), *told]
        if state != "running":
            studies.tell(study, trial, told, state)
            events.append(ended(number, state))
    found = rebuilt(events, quick, 4, startup_trials=3)
    assert len(found.trials) == len(study.trials)
    for mine, theirs in zip(found.trials, study.trials, strict=True):
        assert mine.number == theirs.number
        assert mine.params == theirs.params
        assert mine.distributions == theirs.distributions
        assert mine.state == theirs.state
        if mine.state != optuna.trial.TrialState.RUNNING:
            assert mine.value == theirs.value
            assert mine.intermediate_values == theirs.intermediate_values
    assert found.best_trial.number == 3


def test_optunas_journal_is_what_the_dashboard_opens(tmp_path: Path) -> None:
    study = studies.open_study(tmp_path / "study.log", 0, startup_trials=3)
    trial, _ = studies.propose(study, load("quick"))
    studies.tell(study, trial, [rated(0, 100, 1234.0)], "complete")
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log")))
    assert optuna.load_study(study_name=studies.STUDY_NAME, storage=storage).best_value == pytest.approx(1234.0)


def test_a_failed_trial_is_never_the_best() -> None:
    study = studies.open_study(None, 0, startup_trials=3)
    trial, _ = studies.propose(study, load("quick"))
    studies.tell(study, trial, [rated(0, 100, 9999.0)], "failed")
    assert [t.state for t in study.trials] == [optuna.trial.TrialState.FAIL]


def test_a_lock_that_a_killed_driver_left_on_the_journal_holds_nobody_up(tmp_path: Path) -> None:
    lock = JournalFileSymlinkLock(str(tmp_path / "study.log"))
    assert lock.acquire()
    began = now()
    studies.open_study(tmp_path / "study.log", 0, startup_trials=3)
    assert now() - began < lock.grace_period / 2


def test_an_extension_takes_no_proposal_of_a_warm_start() -> None:
    space = load("quick")
    study = studies.open_study(None, 0, startup_trials=3)
    params = [studies.propose(study, space)[1] for _ in range(4)][1:]
    seen = [Observation(trial=at, params=one, elo={100: 1.0}, state="complete") for at, one in enumerate(params)]
    warm = WarmStarted(time=0.0, run="x", ledger_sha256="", first=tuple(seen), reason="because")
    events: list[Event] = [warm, *(TrialBegan(time=1.0, spec=spec_of(number, {})) for number in (0, 1))]
    events.append(TrialBegan(time=1.0, spec=replace(spec_of(2), origin="extended", parent=1)))
    again = rebuilt(events, space, 0, startup_trials=3)
    studies.enqueue_course(again, space, events)
    assert [studies.propose(again, space)[1] for _ in range(2)] == params[1:]


def test_a_proposal_that_was_passed_over_keeps_its_number() -> None:
    space = load("quick")
    study = studies.open_study(None, 0, startup_trials=3)
    made = [studies.propose(study, space) for _ in range(4)]
    events: list[Event] = [
        TrialBegan(time=1.0, spec=spec_of(trial.number, params)) for trial, params in made if trial.number != 2
    ]
    again = rebuilt(events, space, 0, startup_trials=3)
    assert [trial.number for trial in again.trials] == [0, 1, 2, 3]
    assert again.trials[2].state.name == "FAIL" and again.trials[2].user_attrs["origin"] == "passed over"
    assert studies.again(again, 3).params == made[3][0].params
    assert studies.propose(again, space)[0].number == 4
