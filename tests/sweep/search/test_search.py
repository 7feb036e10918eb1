"""Samplers, schedulers and objectives: who is stopped, what the study makes of noise, and what is refused by name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from events import ended, rated, rebuilt, spec_of
from ray.tune.schedulers import TrialScheduler
from simulated import Worker, drive

from search_spaces import load
from search_spaces.space import from_text
from sweep import settings
from sweep.driver import schedulers
from sweep.driver.controller import Controller
from sweep.search import samplers, specs
from sweep.search import study as studies
from trials import ledger
from trials import run_state as pasts
from trials.errors import SetupError
from trials.events import Event, SweepBegan, TrialBegan, TrialEnded
from trials.folder import RunFolder
from trials.records import TrialSpec
from trials.trial import RETRIES

Made = Callable[..., Controller]


@pytest.fixture
def controller(tmp_path: Path) -> Made:
    def make(past: pasts.Past | None = None, **given: object) -> Controller:
        space = load("quick")
        plain = {"out": tmp_path, "slots": 2, "trials": 16, "steps": 200_000}
        made = settings.of_space("quick", space, plain | given)
        folder = RunFolder(tmp_path)
        for number in range(20):
            folder.trial(number).path.mkdir(parents=True, exist_ok=True)
        return Controller(made, space, folder, specs.renderer(made, space), "house", past)

    return make


def elo(spec: TrialSpec, rung: int) -> float:
    """Trial 0 is the weakest, of the others every second one is weak."""
    return rung / 1000 + (0 if spec.number == 0 else 100 - spec.number if spec.number % 2 else 500 + spec.number)


def same(spec: TrialSpec) -> float:
    return 100.0


@pytest.mark.parametrize("scheduler", ["asha", "median", "none"])
def test_the_weak_are_stopped_at_rungs_and_trial_0_never(controller: Made, scheduler: str) -> None:
    found = drive(controller(scheduler=scheduler, first_rung=0.25, reduction_factor=2), elo, same)
    stopped = {reached.spec.number for reached in found if reached.pruned}
    assert 0 not in stopped and not any(reached.pruned for reached in found if reached.rung == 200_000)
    assert all(number % 2 for number in stopped)
    assert bool(stopped) == (scheduler != "none")
    whole = {reached.spec.number for reached in found if reached.rung == 200_000}
    assert whole | stopped == set(range(16)) and not whole & stopped  # nobody is paused, everybody ends


def test_the_median_waits_for_three_and_says_why_it_stops(controller: Made) -> None:
    made = controller(scheduler="median", slots=1, first_rung=0.5)
    found = drive(made, lambda spec, rung: 1000.0 - spec.number, same)
    assert [reached.spec.number for reached in found if reached.pruned] == list(range(3, 16))
    ends = [event for event in ledger.read(made.run.ledger) if isinstance(event, TrialEnded)]
    assert next(end.reason for end in ends if end.trial == 3) == "below the running median at 100,000 steps"


@pytest.mark.parametrize(("scheduler", "verdict"), [("asha", "STOP"), ("median", "STOP"), ("none", "CONTINUE")])
def test_a_resumed_scheduler_knows_the_rungs_that_were_reached(controller: Made, scheduler: str, verdict: str) -> None:
    events: list[Event] = []
    for number in range(4):
        events += [TrialBegan(time=1.0, spec=spec_of(number)), rated(number, 100_000, 1000.0 + number), ended(number)]
    extended = replace(spec_of(9), origin="extended", parent=1)
    events += [TrialBegan(time=1.0, spec=extended), rated(9, 150_000, -9000.0), ended(9)]
    for past, expected in ((pasts.past_of(events), verdict), (None, "CONTINUE")):
        scheduler_ = schedulers.make(controller(past, scheduler=scheduler))
        scheduler_.on_trial_add(None, Worker("x"))  # type: ignore[attr-defined]
        assert scheduler_.verdict(None, Worker("x"), {"rung": 100_000, "elo": 999.0}) == expected
    assert TrialScheduler.STOP == "STOP"


def test_a_rung_that_another_worker_tells_again_is_counted_once(controller: Made) -> None:
    driver = controller(scheduler="median")
    made = schedulers.make(driver)

    def tell(name: str, elo: float) -> None:
        event = rated(driver.live[name].spec.number, 100_000, elo)
        made.on_trial_result(None, Worker(name), {"rung": 100_000, "elo": elo, "rated": event})

    for name in "abcd":
        driver.propose(name)
    for name in "abc":
        tell(name, 1000.0)
    driver.lost("c", "node lost")
    driver.propose("again")
    tell("again", 1000.0)
    assert {worker.trial_id for worker in made._results} == {"a", "b", "c"}
    tell("d", 900.0)
    assert driver.live["d"].state == "pruned" and driver.live["again"].state == "running"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"scheduler": "PBT"}, "--scheduler must be one of asha . median . none, but got PBT, which pauses or clones"),
        ({"scheduler": "hyperband"}, "does not save ghost windows: such a trial would lose its opponents"),
        ({"scheduler": "asah"}, "but got asah; did you mean asha"),
        ({"sampler": "cma-es"}, "--sampler must be one of .* but got cma-es, which has no place for choices"),
        (
            {"objectives": "elo,cost"},
            "--objectives elo,cost must go with --scheduler none, but got asha: Optuna cannot",
        ),
        ({"objectives": "cost", "scheduler": "none"}, "--objectives must be one of elo . elo,cost, but got cost"),
    ],
)
def test_what_cannot_search_is_refused_by_name(given: dict[str, str], line: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=line) as refusal:
        settings.make(space="quick", out=tmp_path, **given)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_space_may_say_how_it_is_searched(tmp_path: Path) -> None:
    text = load("quick").text.replace(
        "sweep:\n", "sweep:\n  sampler: random\n  scheduler: none\n  objectives: elo,cost\n"
    )
    made = settings.of_space("mine", from_text(text, "mine"), {"out": tmp_path})
    assert (made.sampler, made.scheduler, made.objectives) == ("random", "none", "elo,cost")
    assert settings.of_space("mine", from_text(text, "mine"), {"out": tmp_path, "sampler": "gp"}).sampler == "gp"


def test_an_old_ledger_was_searched_by_tpe_and_asha(tmp_path: Path) -> None:
    """By its first line as it was written before there was a choice."""
    path = tmp_path / "ledger.jsonl"
    path.write_text(
        '{"event":"sweep","time":1.0,"name":"a","command":"b","space":"c","space_yaml":"d","trials":1,"slots":1,"steps":2,'
        '"fields":8,"seed":0,"rungs":[1,2],"reduction_factor":3.0,"startup_trials":4,"baseline":"house",'
        '"baseline_sha256":"e","ladder":"ladder-2","environment":"soccer-1","scaled":{},"versions":{},"host":{}}\n'
    )
    (question,) = ledger.read(path)
    assert isinstance(question, SweepBegan)
    assert (question.sampler, question.scheduler, question.objectives) == ("tpe", "asha", "elo")


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
@pytest.mark.parametrize("objectives", ["elo", "elo,cost"])
def test_the_ledger_rebuilds_the_study_of_every_sampler(controller: Made, sampler: str, objectives: str) -> None:
    scheduler = "none" if objectives == "elo,cost" else "asha"
    made = controller(
        sampler=sampler,
        scheduler=scheduler,
        objectives=objectives,
        trials=5 if sampler == "gp" else 7,
        startup_trials=3,
    )
    made.propose("failing")
    made.live["failing"].deaths, made.live["failing"].died_at = RETRIES, 0
    made.lost("failing", "node lost")
    drive(made, elo, lambda spec: 100.0 + spec.number)
    events = ledger.read(made.run.ledger)
    again = rebuilt(events, made.space, 0, 3, sampler, objectives)  # type: ignore[arg-type]
    assert len(again.trials) == len(made.study.trials) and again.directions == made.study.directions
    for mine, theirs in zip(again.trials, made.study.trials, strict=True):
        assert (mine.params, mine.distributions, mine.state) == (theirs.params, theirs.distributions, theirs.state)
        assert mine.values == theirs.values and mine.intermediate_values == theirs.intermediate_values
    if objectives == "elo,cost":
        steps = made.settings.steps
        assert [trial.values[1] for trial in again.best_trials] == [
            pytest.approx(1e6 * (100 + trial.number) / steps) for trial in again.best_trials
        ]


def test_a_trial_without_a_cost_has_failed_where_cost_is_an_objective() -> None:
    study = studies.open_study(None, 0, 3, objectives="elo,cost")
    trial, _ = studies.propose(study, load("quick"))
    studies.tell(study, trial, [rated(0, 100, 1000.0)], "complete", None)
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.FAIL]


@pytest.mark.parametrize("again", [False, True])
def test_the_gaussian_process_learns_where_the_course_lies_outside_the_space(again: bool) -> None:
    space = load("proof")  # whose time_horizon leaves the course's out
    study = studies.open_study(None, 0, 3, sampler="gp")
    for number in range(5):
        trial, params = studies.propose(study, space)
        assert bool(params) == (number > 0)
        studies.tell(study, trial, [rated(number, 100, 1000.0 + number)], "complete")
    if again:
        whole, study = study, studies.open_study(None, 0, 3, sampler="gp")
        for told in whole.trials:
            studies._add(study, space, told.params, {100: 1.0}, "complete", None, "sampled")
    assert len(study.sampler.infer_relative_search_space(study, study.trials[-1])) >= len(space.parameters) - 1


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_a_lucky_outlier_is_not_what_proposals_end_at(sampler: str) -> None:
    """The best number of 20 belongs to a bad place, by 200 Elo of luck; what is tried there later is found ordinary."""
    space = optuna.distributions.FloatDistribution(0.0, 1.0)
    distances = []
    for seed in range(3 if sampler == "tpe" else 1):
        dice = optuna.samplers._lazy_random_state.LazyRandomState(100 + seed).rng

        def honest(x: float, dice: object = dice) -> float:
            return 1200 - 400 * (x - 0.2) ** 2 + dice.normal(0, 25)  # type: ignore[attr-defined]

        study = optuna.create_study(direction="maximize", sampler=samplers.make(sampler, seed, 10))  # type: ignore[arg-type]
        told = [*((x, honest(x)) for x in dice.uniform(0, 1, 19)), (0.9, 1200.0 + 50)]
        for x, value in told:
            study.add_trial(optuna.trial.create_trial(params={"x": x}, distributions={"x": space}, value=value))
        later = []
        for _ in range(24 if sampler == "tpe" else 12):
            trial = study.ask()
            later.append(trial.suggest_float("x", 0.0, 1.0))
            study.tell(trial, honest(later[-1]))
        assert study.best_params == {"x": 0.9} or study.best_value > 1250  # the outlier still leads by its number
        distances += [abs(x - 0.2) for x in later[-6:]]
    assert sum(distances) / len(distances) < 0.3, distances  # the outlier is 0.7 away, and 196 Elo below the best
