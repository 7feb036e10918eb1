"""What a person sees while a sweep runs, rendered for terminals of fixed sizes; and the time left."""

import io
import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
from events import candidate, ended, rated, rating, spec_of, training
from final_events import question
from rich.console import Console

from search_spaces import load
from sweep import settings
from sweep.driver import finals, progress, table, timing
from sweep.driver import run as sweeps
from sweep.driver.controller import Controller
from sweep.search.specs import renderer
from trials import ledger, run_state
from trials.errors import SetupError
from trials.events import TrialBegan, TrialResumed
from trials.folder import RunFolder, driving
from trials.records import State

SIZES = [(80, 12), (80, 24), (120, 40), (60, 8)]
STEPS = 1000
NAME = "quick-20260101-000000-a-name-that-somebody-made-rather-long"


def rows(over: int, running: int) -> list[table.Row]:
    """As in a sweep of POCA over several hyperparameters: the later, the better."""
    found = []
    for number in range(over + running):
        params = {"hyperparameters.learning_rate": 1e-4 * (1 + number), "hyperparameters.num_epoch": 3 + number % 3}
        params |= {"network_settings.hidden_units": 512, "self_play.play_against_latest_model_ratio": number / 100}
        state: str = "running" if number >= over else ("pruned", "complete", "failed")[number % 3]
        score = None if state == "failed" else rating(1000.0 + number)
        kind = "course" if number == 0 else ""
        found.append(table.Row(number, kind, state, 200_000 + number, 300_000, 812.3, score, params))
    return found


def shown(rows: list[table.Row], width: int, height: int, title: str = "a sweep: 3/8 trials, 7:05") -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(table.view(title, rows, width, height - 1))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_table_fits_its_terminal_and_shows_what_runs(width: int, height: int) -> None:
    told = shown(rows(over=60, running=2), width, height)
    assert len(told) < height and max(map(len, told)) <= width
    assert told[1].startswith("best so far: trial 58, Elo 1058 [1008, 1108]")
    assert [line.split()[:2] for line in told[3:5]] == [["60", "running"], ["61", "running"]]
    assert told[5].split()[:2] == ["58", "complete"] and "1058 [1008, 1108]" in told[5]  # then what is over, best first
    assert told[-1].startswith(f"and {62 - (len(told) - 4)} more: ") and "failed" in told[-1]


def test_everything_is_there_where_there_is_room() -> None:
    told = shown(rows(over=6, running=2), 120, 40)
    assert len(told) == 11 and not told[-1].startswith("and ")
    assert told[2].split() == ["trial", "state", "steps", "steps/s", "Elo", "[95", "%]", "learning_rate", "num_epoch",
                               "play_against_latest_model_ratio"]  # fmt: skip
    assert told[-1].split()[:2] in (["2", "failed"], ["5", "failed"])  # never rated: behind the others


def test_hyperparameters_that_vary_are_shown_as_they_fit() -> None:
    assert "learning_ra…" in shown(rows(6, 2), 80, 24)[2] and "hidden_units" not in "".join(shown(rows(6, 2), 200, 24))
    assert "0.0007" in shown(rows(6, 2), 80, 24)[3]
    assert "learning" not in shown(rows(6, 2), 60, 24)[2]


def test_parameters_of_two_behaviors_have_names_of_their_own() -> None:
    keys = [f"{of}.hyperparameters.{key}" for of in ("Striker", "Goalie") for key in ("learning_rate", "beta")]
    made = [replace(row, params={key: row.number / 10 for key in keys}) for row in rows(over=3, running=1)]
    assert shown(made, 240, 24)[2].split()[-4:] == keys
    cut = shown(made, 120, 24)[2].split()[-4:]
    assert len(set(cut)) == 4 and all("…" in name for name in cut)


def test_more_running_trials_than_lines_are_counted() -> None:
    told = shown(rows(over=3, running=30), 80, 12)
    assert len(told) == 11 and told[-1].startswith("and 26 more: 23 running")


def test_counts_of_matches_are_left_out() -> None:
    assert "4-0-4" not in "".join(shown(rows(6, 2), 120, 40))  # trials that met other opponents are not compared by it


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    space = load("quick")
    made = settings.of_space(
        "quick", space, {"out": tmp_path / NAME, "slots": 2, "trials": 6, "final_seeds": 3, "steps": STEPS}
    )
    run = RunFolder(tmp_path / NAME)
    for number in range(30):
        run.trial(number).path.mkdir(parents=True)
    return Controller(made, space, run, renderer(made, space), "house", None)


def test_a_long_name_leaves_the_room_to_what_is_told(controller: Controller) -> None:
    for width, height in SIZES:
        console = Console(file=io.StringIO(), width=width, height=height, color_system=None, force_terminal=True)
        console.print(progress.view(controller, time.time(), console))
        first = console.file.getvalue().splitlines()[0]  # type: ignore[attr-defined]
        assert ": 0 of 6 trials over, " in first and len(first) <= width and ("…" in first) == (width < 120)


def title(controller: Controller) -> str:
    """A minute after its first trial, which began ten seconds after it."""
    first = controller.first_began if math.isfinite(controller.first_began) else 0.0
    return progress._title(controller, first - 10, first + 60, 200)


def test_a_stop_is_said_in_the_table_and_no_time_left_stays(controller: Controller) -> None:
    controller.propose("a")
    for step in (0, 750):
        controller.heard("a", {"step": step, "steps_per_second": 10.0})
    console = Console(file=io.StringIO(), width=120, height=20, color_system=None)
    assert " left" in title(controller)
    controller.interrupted = True
    console.print(progress.view(controller, 0.0, console))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "stopping: a trainer exports, then" in text and " left" not in text


def test_states_of_trials_that_have_no_slot(controller: Controller) -> None:
    controller.rater = lambda *_: None
    for name in "abc":
        controller.propose(name)
    controller.heard("a", {"step": 750, "steps_per_second": 10.0})
    controller.lost("a", "node lost")
    controller.heard("b", {"ended": training(candidate=candidate(1, STEPS), steps=207)})
    controller.done("b")
    assert {row.number: row.state for row in progress.rows(controller)} == {0: "waiting", 1: "rating", 2: "starting"}


# --- time left ---------------------------------------------------------------------------------------------------


def test_trials_are_taken_to_go_as_far_as_the_others_went() -> None:
    assert timing.left([], 4, [], 2, 300) == 4 * 300 + 2 * 300
    assert timing.left([(100, True), (300, True), (50, False)], 4, [], 2, 300) == 150 + 200 + 600
    assert timing.left([(100, True), (250, False)], 2, [], 0, 300) == 50  # past what is usual: to its end
    assert timing.left([(300, True)], 1, [(300, True), (120, False)], 3, 300) == 180 + 300
    assert timing.left([(300, True)] * 5, 3, [], 0, 300) == 0  # narrowed


def test_the_rest_takes_as_long_as_what_was_done() -> None:
    assert timing.said(60.0, 100, 300) == ", about 3:00 left"
    assert timing.said(60.0, 10, 300) == "" and timing.said(60.0, 0, 300) == "" and timing.said(60.0, 100, 0) == ""


def test_slots_were_idle_by_all_drivers_and_pauses_are_nobodys() -> None:
    killed = [
        replace(question(), slots=2),
        *(TrialBegan(time=0.0, spec=spec_of(number)) for number in (0, 1)),
        ended(0, began=0.0001, seconds=10.0, time=10.0),
        rated(1, 100, 1000.0, time=10.0),
    ]
    second = [TrialBegan(time=1000.0, spec=spec_of(1)), ended(1, began=1000.0, seconds=10.0, time=1010.0)]
    again = [*killed, replace(question(), time=999.0, slots=2), *second]
    assert timing.idle_share(again, slots=2) == pytest.approx(1 - 30 / 40, abs=1e-4)
    assert timing.idle_share([*again, replace(question(), time=2000.0)], slots=2) == timing.idle_share(again, slots=2)


def test_a_trial_that_is_trained_further_after_a_driver_was_killed_takes_none_of_its_time() -> None:
    killed = [
        replace(question(), slots=1),
        TrialBegan(time=0.0, spec=spec_of(0)),
        ended(0, began=0.0001, seconds=10.0, time=10.0),
    ]
    spec = replace(spec_of(5), origin="extended", parent=0)
    later = [TrialBegan(time=9000.0, spec=spec), rated(5, 200, 1000.0), ended(5, began=9000.0, time=9999.0)]
    assert timing.spent([*killed, *later]) == 10.0
    assert timing.idle_share([*killed, *later], slots=1) == timing.idle_share(killed, slots=1)


def past(tmp_path: Path, last: State) -> Controller:
    """A second driver of six trials: four are over, and the fifth was cut off at 750 of 1,000 steps."""
    space, run = load("quick"), RunFolder(tmp_path)
    for number in range(5):
        ledger.append(run.ledger, TrialBegan(time=1.0, spec=spec_of(number, steps=STEPS)))
        if number < 4:
            ledger.append(run.ledger, rated(number, STEPS, 1000.0 + number))
        if number < 4 or last == "stopped":
            ledger.append(run.ledger, replace(ended(number, "complete" if number < 4 else last), steps=STEPS))
    given = {"out": tmp_path, "slots": 1, "trials": 6, "final_seeds": 3, "steps": STEPS}
    made = settings.of_space("quick", space, given)
    before = run_state.past_of(ledger.read(run.ledger))
    return Controller(made, space, run, renderer(made, space), "house", before)


def test_what_earlier_drivers_did_cost_this_one_no_time(tmp_path: Path) -> None:
    controller = past(tmp_path, "running")
    assert controller.finals == 6
    assert "left" not in title(controller)
    controller.propose("a")
    controller.heard("a", {"step": 750, "steps_per_second": 0.0})  # its checkpoint
    assert "left" not in title(controller) and controller.trained == 0
    controller.heard("a", {"step": STEPS, "steps_per_second": 5.0})
    assert controller.trained == 250 and "left" not in title(controller)  # too little to tell by
    controller.propose("b")
    controller.heard("b", {"step": 0, "steps_per_second": 0.0})
    controller.heard("b", {"step": 500, "steps_per_second": 5.0})
    rest = 500 + 6 * STEPS
    assert f", about {timing.clock(60 * rest / 750)} left" in title(controller)


def test_the_time_left_in_the_finals_counts_what_is_retrained(tmp_path: Path) -> None:
    controller = past(tmp_path, "running")
    controller.settings = replace(controller.settings, trials=4)
    finals.begin(controller)
    for name in ("a", "b"):
        controller.propose(name)
        controller.heard(name, {"step": 0, "steps_per_second": 0.0})
        controller.heard(name, {"step": 750, "steps_per_second": 5.0})
    assert controller.finals == 6
    assert f", about {timing.clock(60 * (2 * 250 + 4 * STEPS) / 1500)} left" in title(controller)


# --- who ended it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("last", "why"), [("stopped", "the sweep was stopped"), ("running", "its worker died")])
def test_a_trial_that_a_person_stopped_has_no_dead_worker(last: State, why: str, tmp_path: Path) -> None:
    controller = past(tmp_path, last)
    controller.propose("a")
    found = TrialResumed(time=9.0, trial=4, reason="its worker died", reached=750, resumed=500)
    for _ in range(2):
        controller.heard("a", {"resumed": found, "step": 500, "steps_per_second": 0.0})
    first, second = [e.reason for e in ledger.read(controller.run.ledger) if isinstance(e, TrialResumed)]
    assert (first, second) == (why, "its worker died")  # the second time one did


def test_earlier_trials_keep_their_elo_in_the_table(tmp_path: Path) -> None:
    controller = past(tmp_path, "running")
    elos = {row.number: row.rating.elo for row in progress.rows(controller) if row.rating is not None}
    assert elos == {number: 1000.0 + number for number in range(4)}


def test_a_trial_that_was_trained_further_has_the_speed_of_its_own_steps() -> None:
    console = Console(file=io.StringIO(), width=200)
    progress.printer(console, time.time(), inherited=150)(ended(4))
    assert "trial 4 complete at 200 steps, 20 steps/s" in console.file.getvalue()  # type: ignore[attr-defined]
    extended = replace(spec_of(4, steps=400), origin="extended", parent=2)
    events = [TrialBegan(time=1.0, spec=spec_of(2)), ended(2), TrialBegan(time=1.0, spec=extended)]
    run = run_state.run_of("x", [*events, replace(ended(4), steps=400)])
    assert [trial.steps_per_second for trial in run.trials] == [80.0, 80.0]


def test_a_run_that_was_refused_leaves_no_folder_and_one_that_was_there_stays(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    for there in (False, True):
        run.trials.mkdir(parents=True, exist_ok=True)
        with pytest.raises(SetupError), driving(run), sweeps._kept_if_begun(run, there):
            raise SetupError("no")
        assert run.path.exists() is there
