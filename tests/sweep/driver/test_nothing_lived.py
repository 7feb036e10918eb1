"""A sweep in which nothing that it proposed has lived is no success, whatever trial 0 did."""

from dataclasses import replace
from pathlib import Path

import pytest
from events import ended, rated, spec_of
from rich.console import Console

from search_spaces import load
from sweep import settings
from sweep.driver import run, status
from sweep.driver.controller import Controller
from sweep.search import specs
from trials import ledger, run_state
from trials.errors import SetupError
from trials.events import Event, FinalsBegan, SweepEnded, TrialBegan
from trials.folder import RunFolder
from trials.records import State, TrialSpec


def spec(number: int, origin: str = "sampled", configuration: int | None = None, seed: int = 0) -> TrialSpec:
    return replace(spec_of(number), origin=origin, configuration=configuration, seed=seed)


def told(*trials: tuple[TrialSpec, State]) -> list[Event]:
    events: list[Event] = []
    for made, state in trials:
        events.append(TrialBegan(time=1.0, spec=made))
        events += [rated(made.number, 200, 1000.0)] if state in ("complete", "pruned") else []
        events.append(ended(made.number, state))
    return events


COURSE = (spec(0, "course"), "complete")
FINALS = FinalsBegan(time=2.0, configurations=(1, 0), course=0, seeds=(7, 8))


def final(number: int, configuration: int, state: State, seed: int = 7) -> tuple[TrialSpec, State]:
    return spec(number, "final", configuration, seed), state


@pytest.mark.parametrize(
    ("events", "line"),
    [
        (told(COURSE), None),
        (told(COURSE, (spec(1), "failed"), (spec(2), "pruned")), None),
        (told(COURSE, (spec(1), "failed")), "a trial that it proposed to work, but its only one failed; the first: "),
        (told(COURSE, (spec(1), "failed"), (spec(2), "failed")), "a trial that it proposed to work, but all 2 failed"),
        (told((spec(0, "fixed"), "complete")), None),
        (
            [*told(COURSE, (spec(1), "complete")), FINALS, *told(final(3, 1, "failed"), final(4, 0, "complete"))],
            "a finalist",
        ),
        (
            [*told(COURSE, (spec(1), "complete")), FINALS, *told(final(3, 1, "failed"), final(4, 1, "complete", 8))],
            None,
        ),
        (
            [
                *told((spec(0, "fixed"), "complete")),
                FinalsBegan(time=2.0, configurations=(0,), course=None, seeds=(7,)),
                *told(final(1, 0, "failed")),
            ],
            "a finalist to work, but its only one failed",
        ),
    ],
)
def test_what_makes_a_sweep_fail(events: list[Event], line: str | None, tmp_path: Path) -> None:
    space = load("quick")
    made = settings.of_space("quick", space, {"out": tmp_path, "slots": 1})
    folder = RunFolder(tmp_path)
    for event in events:
        ledger.append(folder.ledger, event)
    controller = Controller(made, space, folder, specs.renderer(made, space), "house", run_state.past_of(events))
    if line is None:
        run._must_have_worked(controller)
        return
    with pytest.raises(SetupError, match="a sweep needs") as failed:
        run._must_have_worked(controller)
    assert line in str(failed.value)
    controller.interrupted = True  # who stops a sweep hears nothing of the kind
    run._must_have_worked(controller)


def test_the_status_says_why_a_sweep_failed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    end = SweepEnded(time=3.0, state="failed", reason="a sweep needs [this]", seconds=1.0, idle_share=0.0)
    for event in [*told(COURSE, (spec(1), "failed")), end]:
        ledger.append(folder.ledger, event)
    found = status.summary(folder)
    assert (found.state, found.reason) == ("failed", "a sweep needs [this]")
    console = Console(width=200, record=True)
    status.show(folder, console)
    assert ": failed, " in (shown := console.export_text()) and "a sweep needs [this]" in shown
