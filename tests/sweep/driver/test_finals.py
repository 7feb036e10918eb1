"""Finals: who is retrained, on which seeds, what is reused, and that the rest of a sweep leaves them out."""

import io
import os
import re
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from events import ended, rated, rebuilt, spec_of, training
from final_events import SEEDS, finals, product, question, trained, tuning
from patience import communicate, now
from real_sweep import SWEEP, Command, json_of, plain_environ, run_sweep, trainers
from rich.console import Console

from reports.run import ranking, tables
from search_spaces import load
from sweep import settings
from sweep.driver import finals as retraining
from sweep.driver import progress, status
from sweep.driver.controller import Controller
from sweep.search import study as studies
from sweep.search.specs import renderer
from trials import ledger, retrained, run_state
from trials.arena.matches import log
from trials.arena.ratings import elo as rating
from trials.arena.ratings import ladder_file
from trials.events import (
    CourseMet,
    Event,
    FinalsBegan,
    FreshRated,
    RetrainedRated,
    SweepEnded,
    TrialBegan,
    TrialEnded,
    TrialRated,
)
from trials.folder import RunFolder

ELOS = {2: (40.0, 60.0, 80.0), 3: (90.0, 120.0, 150.0), 0: (0.0, 10.0, -10.0)}


def test_finalists_are_the_best_whole_trials_of_tuning_and_the_course() -> None:
    events = [
        *tuning(),
        TrialBegan(time=1.0, spec=spec_of(4)),
        *(rated(4, 100, 1900.0), ended(4, "pruned")),
        TrialBegan(time=1.0, spec=replace(spec_of(5), origin="extended", parent=1)),
        *(rated(5, 400, 1900.0), ended(5)),
        *finals(ELOS),
    ]
    assert retraining.choose(events, 2) == ((2, 3, 0), 0)
    assert retraining.choose(events, 9) == ((2, 3, 1, 0), 0)
    again = [TrialBegan(time=1.0, spec=replace(spec_of(6), config=spec_of(2, {"x": 0.2}).config))]
    assert retraining.choose([*events, *again, rated(6, 200, 1090.0), ended(6)], 2) == ((2, 3, 0), 0)  # 2 once more
    assert retraining.choose(tuning({0: 1000.0}), 2) == ((0,), 0)
    assert retraining.choose([TrialBegan(time=1.0, spec=spec_of(0))], 2) == ((), None)
    alone = replace(spec_of(0), origin="fixed")
    assert retraining.choose([TrialBegan(time=1.0, spec=alone), rated(0, 200, 900.0), ended(0)], 2) == ((0,), None)


def test_all_are_trained_on_the_same_seeds_that_tuning_never_had() -> None:
    made = settings.make(space="quick", out=Path("runs/x"), seed=7, trials=64, final_seeds=3)
    fresh = retraining.fresh_seeds(made)
    spec = renderer(made, load("course"))
    assert len(set(fresh)) == 3 and set(fresh).isdisjoint(spec(number, {}).seed for number in (0, 1, 63, 999))
    chosen = FinalsBegan(time=1.0, configurations=(2, 3, 0), course=0, seeds=fresh)
    specs, _ = run_state.whole(tuning())
    new = retraining.to_train(chosen, specs, tuning(), 4)
    assert [spec.number for spec in new] == list(range(4, 13))
    assert {(spec.configuration, spec.seed) for spec in new} == {(c, s) for c in (2, 3, 0) for s in fresh}
    for spec in new:
        mine = specs[spec.configuration or 0]
        assert (spec.config, spec.params, spec.steps) == (mine.config, mine.params, mine.steps)
        assert spec.origin == "final" and spec.rungs == (mine.steps,) and spec.parent is None


def test_what_was_trained_is_reused_and_what_was_cut_goes_on_first() -> None:
    events = [*tuning(), *trained(4, 2, SEEDS[0], 10.0), *trained(5, 0, SEEDS[0], None, "running")]
    events += trained(6, 2, SEEDS[1], None, "failed")
    chosen = FinalsBegan(time=1.0, configurations=(2, 0), course=0, seeds=SEEDS[:2])
    specs, _ = run_state.whole(events)
    left = retraining.to_train(chosen, specs, events, 7)
    assert [(spec.number, spec.configuration, spec.seed) for spec in left] == [(5, 0, SEEDS[0]), (7, 0, SEEDS[1])]


def test_finals_are_no_trials_of_tuning() -> None:
    before, events = tuning(), [*tuning(), *finals(ELOS)]
    assert run_state.whole(events) == run_state.whole(before) and run_state.choose(events) == run_state.choose(before)
    past = run_state.past_of([*events, *trained(30, 2, 5, None, "running")])
    assert [event.trial for event in past.ended] == [0, 1, 2, 3] and past.unfinished == ()
    assert {event.candidate.trial for event in past.rated} == {0, 1, 2, 3}
    mine, theirs = run_state.run_of("x", before), run_state.run_of("x", events)
    assert theirs.trials == mine.trials and len(theirs.retrained) == 9
    assert [row.trial.number for row in ranking.ranking(theirs)] == [row.trial.number for row in ranking.ranking(mine)]
    assert tables.params(theirs).equals(tables.params(mine)) and tables.rungs(theirs).equals(tables.rungs(mine))


def test_a_widened_study_learns_from_the_repeats() -> None:
    quick = load("quick")
    params = studies.propose(studies.open_study(None, 3, 1), quick)[1]
    spec = spec_of(0, params)
    anew = [replace(spec, number=n, origin="final", configuration=0, seed=n, rungs=(200,)) for n in (2, 3, 4)]
    events: list[Event] = [TrialBegan(time=1.0, spec=spec), rated(0, 200, 1000.0), ended(0)]
    for one, elo in zip(anew, (1100.0, None, None), strict=True):  # 1: a proposal that was passed over
        events.append(TrialBegan(time=2.0, spec=one))
        events += [rated(one.number, 200, elo), ended(one.number)] if elo else []
    events.append(ended(3, "failed"))
    study = rebuilt(events, quick, 3, 1)
    states = [trial.state for trial in study.trials]
    done, gap = optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL
    assert states == [done, gap, done, gap, gap]
    assert study.trials[2].params == params and study.trials[2].value == 1100.0


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    space = load("quick")
    made = settings.of_space("quick", space, {"out": tmp_path, "slots": 2, "trials": 4, "final_seeds": 3})
    folder = RunFolder(tmp_path)
    for event in [*tuning(), *trained(9, 2, 77, 10.0)]:  # of a seed that is none of this sweep's
        bare = replace(event, spec=replace(event.spec, params={})) if isinstance(event, TrialBegan) else event
        ledger.append(folder.ledger, bare)
    past = run_state.past_of(ledger.read(folder.ledger))
    return Controller(made, space, folder, renderer(made, space), "house", past)


def test_the_controller_hands_out_finals_that_the_study_does_not_know(controller: Controller) -> None:
    assert controller.exhausted and controller.next_number == 10
    retraining.begin(controller)
    count = 3 * (controller.settings.finalists + 1)
    assert not controller.exhausted and controller.retraining
    known = len(controller.study.trials)
    controller.propose("a")
    controller.heard("a", {"ended": training("machine", "its trainer died")})
    controller.done("a")
    events = ledger.read(controller.run.ledger)
    began, end = events[-2:]
    assert isinstance(began, TrialBegan) and isinstance(end, TrialEnded) and end.state == "failed"
    assert began.spec.origin == "final" and began.spec.number == 10
    assert len(controller.study.trials) == known
    assert status.phase(events) == f"finals: 1 of {count} retrained"


def test_no_finals_where_none_are_asked(controller: Controller) -> None:
    controller.settings = replace(controller.settings, final_seeds=0)
    before = controller.run.ledger.read_bytes()
    retraining.begin(controller)
    assert not controller.retraining and controller.run.ledger.read_bytes() == before


def test_the_phase_is_in_the_ledger() -> None:
    events = [*tuning(), *finals(ELOS)]
    assert status.phase(tuning()) == "tuning"
    assert status.phase(events[:-1]) == "finals: matches"
    assert status.phase(events) == "headline matches"
    end = SweepEnded(time=9.0, state="complete", reason="", seconds=1.0, idle_share=0.0)
    over = [*events, product(12), end]
    assert status.phase(over) == "over" and run_state.end_of(over) == end
    assert status.phase([*over, TrialBegan(time=9.0, spec=replace(spec_of(30), origin="extended"))]) == "over"


def test_a_driver_that_was_killed_after_an_earlier_one_had_ended_has_no_end() -> None:
    end = SweepEnded(time=9.0, state="complete", reason="", seconds=1.0, idle_share=0.0)
    events = [question(), *tuning(), end, question()]
    assert run_state.end_of(events) is None and status.phase(events) == "tuning"


def test_settings_from_before_there_were_finals_have_none(tmp_path: Path) -> None:
    made = settings.make(space="quick", out=tmp_path, final_seeds=2)
    settings.write(made, tmp_path / "sweep.yaml")
    assert settings.read(tmp_path / "sweep.yaml").final_seeds == 2
    lines = [line for line in (tmp_path / "sweep.yaml").read_text().splitlines() if "final" not in line]
    (tmp_path / "sweep.yaml").write_text("\n".join(lines))
    assert settings.read(tmp_path / "sweep.yaml").final_seeds == 0


def test_real_finals_are_cut_resumed_and_told(copied: RunFolder, command: Command) -> None:
    folder, before = copied, ledger.read(copied.ledger)
    refused = command("resume", str(folder.path), "--final-seeds", "0")
    assert refused.returncode == 1 and "all 4 trials of run are over" in refused.stderr
    words = [*SWEEP, "resume", str(folder.path), "--final-seeds", "2"]
    driver = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, env=plain_environ()
    )
    deadline = now() + 200
    while not any(isinstance(event, TrialEnded) for event in ledger.read(folder.ledger)[len(before) :]):
        assert now() < deadline and driver.poll() is None
        time.sleep(0.2)
    os.killpg(driver.pid, signal.SIGINT)
    output, _ = communicate(driver, 150)
    assert driver.returncode == 130 and trainers(folder.path) == [], output
    cut = ledger.read(folder.ledger)
    state = json_of(command("status", str(folder.path), "--json"))
    assert state["state"] == "interrupted" and str(state["phase"]).startswith("finals: ")
    assert not any(isinstance(event, RetrainedRated) for event in cut) and folder.report.is_file()

    done = run_sweep("resume", str(folder.path))
    assert done.returncode == 0, done.stdout + done.stderr
    after = ledger.read(folder.ledger)
    assert after[: len(cut)] == cut
    found = retrained.of(after)
    assert found is not None and found.whole and found.chosen is not None and found.course is not None
    assert [len(one.rated) for one in found.configurations] == [2, 2]
    kept = {key: spec for key, (spec, end) in retrained.trained(cut).items() if end is not None}
    again = {event.spec.number for event in after[len(cut) :] if isinstance(event, TrialBegan)}
    assert kept and again.isdisjoint(spec.number for spec in kept.values())  # what was over is not trained again
    assert sorted(policy.number for one in found.configurations for policy in one.policies) == [4, 5, 6, 7]

    ladder, names = ladder_file.read(), {"baseline": "house", "random": "random"}
    for event in after[len(before) :]:  # every number from its matches, exactly
        if isinstance(event, TrialRated):
            records = log.read(folder.trial(event.candidate.trial).matches(event.candidate.steps)).records
            assert rating.on_ladder(records, ladder) == event.rating
        if isinstance(event, RetrainedRated):
            for kind, name in names.items():
                records = log.read(folder.fresh_matches(f"trial-{event.candidate.trial:04d}", kind)).records
                assert rating.direct(records, name) == getattr(event, kind)
        if isinstance(event, CourseMet):
            pair = f"trial-{event.candidate.trial:04d}", f"trial-{event.course.trial:04d}"
            assert rating.direct(log.read(folder.fresh_matches(*pair)).records, event.course.name) == event.rating
    logs = [log.read(path) for path in folder.match_logs()]
    schedules = [{(r.seed, r.a, r.b) for r in each.records} for each in logs]
    assert len(set.union(*schedules)) == sum(map(len, schedules))  # no schedule was played twice
    winner = [event for event in after if isinstance(event, FreshRated)][-1 if found.chosen.course else -2]
    assert found.chosen.best is not None and winner.candidate.trial == found.chosen.best.number
    assert winner.role == "winner"
    table = json_of(command("rate", str(folder.path), "--json"))
    assert {f"trial {n} at" for n in (4, 5, 6, 7)} <= {row["model"].rsplit(" ", 1)[0] for row in table["ratings"]}  # type: ignore[attr-defined]
    page = folder.report.read_text()
    assert "A policy is not a configuration" in page and 'id="trial-4"' not in page
    over = json_of(command("status", str(folder.path), "--json"))
    assert (over["phase"], over["chosen"]) == ("over", found.chosen.number)


def test_the_live_view_says_what_is_trained_anew(controller: Controller) -> None:
    console = Console(record=True, width=140, file=io.StringIO())
    controller.listeners.append(progress.printer(console, time.time()))
    retraining.begin(controller)
    controller.propose("a")
    console.print(progress.view(controller, time.time() - 60, console))
    text = console.export_text()
    assert "tuning is over: configurations 2, 0 (course) are retrained on 3 fresh seeds each" in text
    assert "trial 10 started (configuration 2 retrained, seed 1000000)" in text
    assert re.search(r"4 trials, then 0 of 6 in the finals, 1:0\d so far", text) and "10 (2 retrained)" in text


def test_finals_that_were_begun_and_are_not_wanted_any_more_say_nothing(controller: Controller) -> None:
    retraining.begin(controller)
    assert retrained.of(ledger.read(controller.run.ledger)) is not None
    controller.settings = replace(controller.settings, final_seeds=0)
    controller.retraining = False
    retraining.begin(controller)
    events = ledger.read(controller.run.ledger)
    assert (
        retrained.of(events) is None and status.phase([question(), *events]) == "tuning" and not controller.retraining
    )
    assert not run_state.finalists(events)


def test_a_narrowed_sweep_hands_out_no_trial_that_was_cut_off(controller: Controller, tmp_path: Path) -> None:
    ledger.append(controller.run.ledger, TrialBegan(time=1.0, spec=spec_of(11)))
    past = run_state.past_of(ledger.read(controller.run.ledger))
    for trials, exhausted in ((5, False), (4, True)):
        made = replace(controller.settings, trials=trials)
        again = Controller(made, controller.space, RunFolder(tmp_path), renderer(made, controller.space), "house", past)
        assert past.unfinished and again.exhausted is exhausted
