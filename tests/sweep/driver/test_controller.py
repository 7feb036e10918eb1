"""The controller without Ray: what it makes of workers' words, and when it stops the sweep."""

import errno
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import ray
from events import candidate, ended, rated, spec_of, training
from rich.console import Console

from search_spaces import from_text, load
from sweep import settings
from sweep.cluster import raters
from sweep.cluster.raters import Raters
from sweep.cluster.session import Session
from sweep.cluster.worker import Terms
from sweep.driver import prepare, run, schedulers, timing, tuner
from sweep.driver.controller import Controller
from sweep.driver.tuner import _Proposals, _Watch
from sweep.models import Model
from sweep.search import specs
from sweep.search.study import course_params
from trials import ledger, run_state
from trials.errors import BadPolicy, LostTrial, SetupError
from trials.events import SweepEnded, TrialBegan, TrialEnded, TrialRated, TrialResumed
from trials.folder import RunFolder
from trials.records import Candidate, TrialSpec
from trials.trial import RETRIES


def rating(number: int, rung: int, elo: float) -> dict[str, object]:
    return {"rung": rung, "elo": elo, "rated": rated(number, rung, elo)}


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    space = load("quick")
    made = settings.of_space("quick", space, {"out": tmp_path, "slots": 2, "trials": 8, "steps": 200_000})
    folder = RunFolder(tmp_path)
    for number in range(12):
        folder.trial(number).path.mkdir(parents=True)
    return Controller(made, space, folder, specs.renderer(made, space), "house")


def ends(controller: Controller) -> list[TrialEnded]:
    return [event for event in ledger.read(controller.run.ledger) if isinstance(event, TrialEnded)]


def test_a_file_is_the_courses_by_what_it_says_and_not_by_its_name() -> None:
    text = load("course").text
    for name, written, origin in (
        ("mine", text, "course"),
        ("course", text.replace("learning_rate: 0.0005", "learning_rate: 0.002"), "fixed"),
        ("course", load("quick").text, "sampled"),
    ):
        space = from_text(written, name)
        made = settings.of_space(name, space, {"out": Path("runs/x")})
        assert specs.renderer(made, space)(min(1, len(space.parameters)), course_params(space)).origin == origin


def test_a_proposal_is_on_record_before_its_worker_knows_it(controller: Controller) -> None:
    spec = controller.propose("a")
    (event,) = ledger.read(controller.run.ledger)
    assert isinstance(event, TrialBegan) and event.spec.origin == "course"
    assert spec == event.spec


def test_a_driver_killed_before_its_first_proposal_leaves_the_course_to_the_next(controller: Controller) -> None:
    controller.propose("a")
    controller.run.study.unlink()
    again = Controller(
        controller.settings, controller.space, controller.run, controller._render, "house", run_state.past_of([])
    )
    again.propose("a")
    first, second = (event.spec for event in ledger.read(controller.run.ledger) if isinstance(event, TrialBegan))
    assert second.origin == "course" and second == first


def test_slots_are_reused(controller: Controller) -> None:
    for name in "ab":
        controller.propose(name)
    controller.heard("a", {"ended": training()})
    controller.done("a")
    controller.propose("c")
    assert sorted(trial.slot for trial in controller.live.values()) == [0, 1]


def test_the_last_rung_completes_a_trial_and_a_lower_one_prunes_it(controller: Controller) -> None:
    for name in "ab":
        controller.propose(name)
    controller.heard("a", rating(0, 200_000, 1100.0))
    controller.heard("b", rating(1, 100_000, 900.0))
    controller.prune("b")
    assert controller.run.trial(1).stop.exists() and not controller.run.trial(0).stop.exists()
    for name in "ab":
        controller.heard(name, {"ended": training()})
        controller.done(name)
    assert [(end.trial, end.state) for end in ends(controller)] == [(0, "complete"), (1, "pruned")]
    assert "below the best 1/2 at 100,000 steps" in ends(controller)[1].reason


def test_an_interrupt_asks_every_trial_to_stop_and_starts_no_other(controller: Controller) -> None:
    said: list[str] = []
    controller.say = said.append
    for name in "ab":
        controller.propose(name)
    controller.interrupted = True
    controller.heed()
    controller.heed()  # as in each of the driver's rounds until the trainers have ended
    (line,) = said
    assert line.startswith("stopping: 2 trainers export, then") and "Ctrl+C again" in line
    assert all(controller.run.trial(number).stop.exists() for number in (0, 1))
    assert controller.stopping
    for name in "ab":
        controller.heard(name, {"ended": training()})
        controller.done(name)
    assert {end.state for end in ends(controller)} == {"stopped"}


def test_a_broken_set_up_stops_the_sweep_at_once(controller: Controller) -> None:
    for name in "ab":
        controller.propose(name)
    controller.heard("a", {"ended": training("setup", "set-up: the ONNX export must work")})
    controller.done("a")
    assert controller.broken == "set-up: the ONNX export must work"
    assert controller.run.trial(1).stop.exists()
    (end,) = ends(controller)
    assert (end.state, end.reason) == ("stopped", "set-up: the ONNX export must work")  # it goes on once that is mended
    assert 0 in [spec.number for spec in run_state.past_of(ledger.read(controller.run.ledger)).unfinished]


def test_what_failed_before_this_driver_breaks_nothing_off(controller: Controller) -> None:
    events = [TrialBegan(time=1.0, spec=spec_of(number)) for number in range(4)]
    past = run_state.past_of([*events, *(ended(number, "failed") for number in range(4))])
    controller.run.study.unlink()
    again = Controller(controller.settings, controller.space, controller.run, controller._render, "house", past)
    again.propose("a")
    again.heard("a", {"ended": training("none", "")} | rating(4, 200_000, 1000.0))
    again.done("a")
    assert again.broken is None


def test_a_new_trial_finds_nothing_in_its_folder_and_one_that_goes_on_what_it_left(controller: Controller) -> None:
    for number in (0, 1):
        (controller.run.trial(number).path / "left").write_text("by an extension that was cut off")
    controller.propose("a")
    assert not (controller.run.trial(0).path / "left").exists()
    past = run_state.past_of([TrialBegan(time=1.0, spec=spec_of(0)), TrialBegan(time=1.0, spec=spec_of(1))])
    controller.run.study.unlink()
    again = Controller(controller.settings, controller.space, controller.run, controller._render, "house", past)
    assert [again.propose(name).number for name in "ab"] == [0, 1]
    assert (controller.run.trial(1).path / "left").exists()


def test_a_failed_trial_has_its_reason_and_log(controller: Controller) -> None:
    controller.propose("a")
    controller.heard("a", {"ended": training("trial", "ValueError: nan")})
    controller.done("a")
    (end,) = ends(controller)
    assert (end.state, end.reason, end.log_tail) == ("failed", "ValueError: nan", "the log's end")
    assert not controller.stopping


def test_a_sweep_that_only_fails_is_stopped_and_says_what_failed(controller: Controller) -> None:
    for name in "abcd":
        controller.propose(name)
        controller.heard(name, {"ended": training("trial", "ValueError: nan")})
        controller.done(name)
    assert controller.broken is not None
    assert "4 of 4 did; the last: ValueError: nan" in controller.broken


def test_a_trial_whose_worker_died_goes_on_until_that_leads_nowhere(controller: Controller) -> None:
    first = controller.propose("a")
    controller.heard("a", {"step": 500, "steps_per_second": 1.0})
    for step in (500, 500, 900, 900, 900):  # a step forward forgives the deaths before it
        controller.lost("a", "node lost")
        assert not ends(controller) and not controller.exhausted
        assert controller.propose("a") == first
        controller.heard("a", {"step": step, "steps_per_second": 1.0})
    for _ in range(RETRIES - 2):
        controller.lost("a", "node lost")
        assert controller.propose("a") == first
    controller.lost("a", "node lost")
    (end,) = ends(controller)
    assert (end.state, end.reason) == ("failed", "its worker failed: node lost")


def test_a_trial_that_waits_for_a_worker_is_ended_once_when_the_sweep_breaks(controller: Controller) -> None:
    for name in "abcd":
        controller.propose(name)
    controller.lost("a", "node lost")
    for name in "bcd":
        controller.heard(name, {"ended": training("trial", "ValueError: nan")})
        controller.done(name)
    controller.interrupted = True
    controller.heed()
    assert sorted((end.trial, end.state) for end in ends(controller)) == [
        (0, "stopped"),
        *((number, "failed") for number in (1, 2, 3)),
    ]


def test_a_worker_that_dies_while_the_sweep_stops_leaves_its_trial_to_the_next_driver(controller: Controller) -> None:
    controller.propose("a")
    controller.interrupted = True
    controller.heed()
    assert controller.run.trial(0).stop.exists()
    controller.lost("a", "node lost")
    assert [(end.trial, end.state) for end in ends(controller)] == [(0, "stopped")]


def test_a_trial_on_the_wrong_machine_goes_to_another(controller: Controller) -> None:
    said: list[str] = []
    controller.say = said.append
    first = controller.propose("a")
    controller.heard("a", {"misplaced": "selfplay-sweep 0.0.9 in place of 0.1.0"})
    controller.done("a")
    assert not ends(controller) and "selfplay-sweep 0.0.9" in said[0]
    assert controller.propose("b") == first
    assert len([e for e in ledger.read(controller.run.ledger) if isinstance(e, TrialBegan)]) == 1


def test_the_last_rating_leaves_the_slot_to_the_next_trial(controller: Controller) -> None:
    asked = []
    controller.rater = lambda spec, last, node: asked.append((spec.number, last.steps, node))
    controller.propose("a")
    controller.heard("a", {"ended": training(candidate=candidate(0, 200_007)), "node": "n1"})
    controller.done("a")
    assert asked == [(0, 200_007, "n1")] and not ends(controller)
    controller.propose("b")
    assert controller.live["b"].slot == 0
    controller.rated_elsewhere(0, rated(0, 200_000, 1100.0))
    assert [(end.trial, end.state) for end in ends(controller)] == [(0, "complete")]


class Ray:
    """As much of Ray as `Raters` asks of it: a rater that fails with each of `errors` in turn, then rates."""

    exceptions = ray.exceptions

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.asked = [*errors], 0
        self.rate = SimpleNamespace(remote=self.rate_one)

    def options(self, **_: object) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda terms: self)

    def rate_one(self, spec: TrialSpec, last: Candidate) -> int:
        self.asked += 1
        return spec.number

    def wait(self, under_way: list[int], timeout: float | None) -> tuple[list[int], list[int]]:
        return under_way[:1], under_way[1:]

    def get(self, number: int) -> TrialRated:
        if self.errors:
            cause = self.errors.pop(0)
            told = f"Traceback:\n{type(cause).__name__}: {cause}"
            raise ray.exceptions.RayTaskError("rate", told, cause).as_instanceof_cause()
        return rated(number, 200_000, 1100.0)

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(get_node_id=lambda: NODE)


@pytest.fixture
def last_rating(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ray]:
    """Trial 0 is trained, and its last rating fails with each of the errors in turn."""

    def play(*errors: Exception) -> Ray:
        stands_in = Ray(*errors)
        monkeypatch.setattr(raters, "ray", stands_in)
        monkeypatch.setattr(raters, "_Rater", stands_in)
        controller.rater = rating_ones = Raters(Terms("", "house", 40, None))
        controller.propose("a")
        controller.heard("a", {"ended": training(candidate=candidate(0, 200_007)), "node": NODE})
        controller.done("a")
        here = cast(Session, SimpleNamespace(look=lambda: None, lost=""))
        _Watch(controller, here, rating_ones).on_step_end(1, [])
        return stands_in

    return play


NODE = "ab" * 28
LOST = LostTrial("an executable must live until its matches are over, but it ended")


def test_a_hiccup_in_the_last_rating_costs_no_training(controller: Controller, last_rating: Callable[..., Ray]) -> None:
    assert last_rating(LOST, OSError(errno.ENOSPC, "No space left on device")).asked == raters.TRIES
    assert [(end.trial, end.state) for end in ends(controller)] == [(0, "complete")]
    assert not controller.stopping


def test_a_last_rating_that_fails_again_and_again_is_left_to_the_next_driver(
    controller: Controller, last_rating: Callable[..., Ray]
) -> None:
    assert last_rating(*[LOST] * 9).asked == raters.TRIES
    (end,) = ends(controller)
    assert (end.state, end.reason) == ("stopped", controller.broken)
    assert end.reason == (
        f"a trained trial must be rated, but trial 0 could not be (LostTrial: {LOST}); once that is mended,"
        f" `sweep resume {controller.run.path}` only rates it"
    )
    past = run_state.past_of(ledger.read(controller.run.ledger))
    assert [spec.number for spec in past.unfinished] == [0]


def test_a_policy_that_cannot_be_played_is_its_trials_own_fault(
    controller: Controller, last_rating: Callable[..., Ray]
) -> None:
    assert last_rating(BadPolicy("a policy must answer, but it gives nan")).asked == 1
    (end,) = ends(controller)
    assert end.state == "failed" and end.reason.endswith(
        "could not be rated: BadPolicy: a policy must answer, but it gives nan"
    )
    assert not controller.stopping


def test_a_last_rating_that_fails_while_the_sweep_stops_is_the_next_drivers(
    controller: Controller, last_rating: Callable[..., Ray]
) -> None:
    controller.interrupted = True
    assert last_rating(LOST).asked == 1
    assert [(end.trial, end.state) for end in ends(controller)] == [(0, "stopped")] and controller.broken is None


def test_a_storage_that_does_not_answer_is_told_of_once(controller: Controller) -> None:
    said: list[str] = []
    controller.say = said.append
    for name in "ab":
        controller.propose(name)
    for away in ({"away": "timeout"}, {"away": "timeout"}, {}):
        for name in "ab":
            controller.heard(name, dict(away))
    assert said == [
        "the storage does not answer (timeout); trials go on, and results wait for it",
        "the storage answers again",
    ]


def test_the_winner_is_the_best_of_equal_budget() -> None:
    events = [
        TrialBegan(time=1.0, spec=spec_of(0)),
        *(rated(0, 100, 1000.0), rated(0, 200, 1010.0), ended(0)),
        *(rated(1, 100, 1500.0), ended(1, "pruned")),
        *(rated(2, 100, 900.0), rated(2, 200, 1050.0), ended(2)),
    ]
    winner, course = run_state.choose(list(events))
    assert winner is not None and winner.trial == 2
    assert course is not None and course.trial == 0
    assert run_state.choose(list(events[1:]))[1] is None  # trial 0 of a space without parameters is not the course
    assert run_state.choose([]) == (None, None)


def test_idle_share_is_slot_time_without_a_trainer() -> None:
    events = [
        TrialBegan(time=0.0, spec=spec_of(0)),
        TrialBegan(time=0.0, spec=spec_of(1)),
        ended(0, began=1.0, seconds=9.0),
        ended(1, began=0.5, seconds=5.0, slot=1),
    ]
    assert math.isclose(timing.idle_share(list(events), slots=2), 1 - 14 / 20)
    assert timing.idle_share([], slots=2) == 0.0


def test_programs_are_looked_at_before_anything_starts(controller: Controller, tmp_path: Path) -> None:
    there = tmp_path / "SoccerTwos.x86_64"
    there.write_text("#!/bin/sh\n")
    for more, line in (
        ({"env": "/no/such/SoccerTwos.x86_64"}, "--env must be an ML-Agents executable, but there is none at /no/such"),
        ({"env": str(there)}, "--env must be executable, but .* is not; run `chmod"),
        ({"trainer": "/opt/mlagents-learn"}, "--trainer must be given an executable to train in"),
    ):
        with pytest.raises(SetupError, match=line):
            prepare.prepare(settings.make(space="quick", out=Path("runs/x"), **more))
    there.chmod(0o755)
    for env in (there, there.with_suffix("")):  # mlagents takes both
        prepare.prepare(settings.make(space="quick", out=Path("runs/x"), env=str(env)))
    with pytest.raises(SetupError, match="--trainer must be an mlagents-learn, but /opt/mlagents-learn is not there"):
        prepare.prepare(settings.make(space="quick", out=Path("runs/x"), env=str(there), trainer="/opt/mlagents-learn"))


def test_a_trial_goes_on_once_in_the_ledger_and_its_rungs_are_told_once(controller: Controller) -> None:
    controller.propose("a")
    number = controller.live["a"].spec.number
    resumed = TrialResumed(time=1.0, trial=number, reason="its worker died", reached=150, resumed=100)
    controller.heard("a", rating(number, 100, 1000.0))
    controller.heard("a", {"resumed": resumed, "step": 100, "steps_per_second": 0.0})
    controller.heard("a", rating(number, 100, 1000.0))  # rated again by the new worker
    events = ledger.read(controller.run.ledger)
    assert [type(event).__name__ for event in events] == ["TrialBegan", "TrialRated", "TrialResumed"]
    assert len(controller.live["a"].rated) == 1 and controller.live["a"].step == 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_headlines_matches_in_order_below_a_scripts_ampersand_too(
    number: signal.Signals, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signalled(*_: object) -> None:
        os.kill(os.getpid(), number)
        pytest.fail("it plays on")

    monkeypatch.setattr(run.headline, "play", signalled)
    monkeypatch.setattr(run.page, "build", lambda folder: folder.report)
    controller.propose("a")
    house = Model("house", "house", "house")
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = run._headline(controller, controller.run, controller.settings, house, 0.0, Console(quiet=True))
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    end = ledger.read(controller.run.ledger)[-1]
    assert status == 130 and isinstance(end, SweepEnded) and end.state == "interrupted"


def test_any_trainer_yaml_is_a_space_of_one_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "behaviors:\n  SoccerTwos:\n    trainer_type: poca\n    max_steps: 600000\n    time_horizon: 100\n"
        "    hyperparameters: {learning_rate: 1e-4}\n    self_play: {save_steps: 10000, team_change: 50000}\n"
    )
    space = load(path)
    made = settings.of_space(str(path), space, {"out": tmp_path / "run", "final_seeds": 0})
    assert (made.trials, settings.slots_of(made, space), made.steps) == (1, 1, 600_000)
    spec = specs.renderer(made, space)(0, {})
    assert spec.origin == "fixed"
    behavior = spec.config["behaviors"]["SoccerTwos"]
    assert behavior["hyperparameters"]["learning_rate"] == 0.0001
    assert behavior["self_play"]["team_change"] == 50_000  # as written: nothing is scaled at the file's own budget


def test_the_course_run_alone_is_the_course() -> None:
    space = load("course")
    made = settings.of_space("course", space, {"out": Path("runs/x")})
    spec = specs.renderer(made, space)(0, {})
    assert spec.origin == "course"
    assert spec.config["behaviors"]["SoccerTwos"]["self_play"]["team_change"] == 250_000
    assert spec.steps == 10_000_000


def test_a_sweep_is_broken_off_where_ray_has_gone(controller: Controller) -> None:
    controller.propose("a")
    gone = cast(Session, SimpleNamespace(look=lambda: None, lost="raylet"))
    _Watch(controller, gone, cast(Raters, SimpleNamespace(finished=lambda tries: ()))).on_step_end(1, [])
    assert controller.broken == (
        f"Ray must run while a sweep does, but its raylet has ended; go on with `sweep resume {controller.run.path}`"
    )
    assert controller.run.trial(0).stop.exists()


@pytest.mark.parametrize("hook", ["complete", "result", "error"])
def test_what_the_ledger_is_refused_in_a_hook_of_rays_ends_the_sweep_and_is_the_next_drivers(
    hook: str, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    here = cast(Session, SimpleNamespace(look=lambda: None, lost=""))
    watch = _Watch(controller, here, cast(Raters, SimpleNamespace(finished=lambda tries: ())))
    trial = SimpleNamespace(trial_id="a", error_file=None)
    controller.propose("a")
    controller.live["a"].deaths, controller.live["a"].died_at = RETRIES, 0
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", refused)
        if hook == "complete":
            end = {"ended": training("setup", "no export"), "done": True}
            _Proposals(controller, here, Terms("", "house", 40, None)).on_trial_complete("a", end)
            assert controller.broken == "no export"
        elif hook == "result":
            resumed = TrialResumed(time=1.0, trial=0, reason="its worker died", reached=150, resumed=100)
            result = {"resumed": resumed, "step": 100, "steps_per_second": 0.0}
            assert schedulers.make(controller).on_trial_result(None, trial, result) == "CONTINUE"
        else:
            watch.on_trial_error(1, [], trial)
        line = r"must be able to write to .*Disk quota exceeded; once that is mended, go on with `sweep resume"
        with pytest.raises(SetupError, match=line), tuner._written(controller.run.path):
            watch.on_step_end(1, [])
    assert not controller.over
    past = run_state.past_of(ledger.read(controller.run.ledger))
    assert [spec.number for spec in past.unfinished] == [0]
