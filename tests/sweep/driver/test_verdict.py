"""How a sweep ends for who sits before it: the report's own headline, a policy at a stable path, commands to paste."""

import io
import os
import shutil
from dataclasses import replace
from pathlib import Path

import promotable
import pytest
import yaml
from rich.console import Console

from reports.run import advice, ranking, sections
from sweep.driver import verdict
from trials import ledger, run_state
from trials.events import SweepBegan, SweepEnded
from trials.folder import RunFolder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.chdir(tmp_path)
    return promotable.make(tmp_path / "runs" / "a run")


def test_the_end_says_the_reports_headline_the_numbers_and_what_to_type(run: RunFolder) -> None:
    events = ledger.read(run.ledger)
    verdict.keep_best(run, events)
    told = verdict.lines(run, events)
    known = run_state.run_of(run.name, events)
    assert told[0] == sections.first_screen(known, ranking.ranking(known)).headline
    assert told[1] == (
        "best policy: 'runs/a run/best/SoccerTwos.onnx' (trial 1 at 300,512 steps, configuration.yaml beside it)"
    )
    assert "  −35 Elo [−75, 5] against the house baseline, 100 matches" in told
    assert "report: 'runs/a run/report.html'" in told
    at = next(at for at, line in enumerate(told) if line.startswith("next: "))
    assert told[at].endswith("open 'runs/a run/report.html'")
    assert told[at + 1].endswith("watch 'runs/a run/best/SoccerTwos.onnx' house")
    assert told[at + 2].endswith("promote 'runs/a run' --repo USER/NAME")
    step = advice.next_step(known, str(run.path))
    assert step is None or (told[at + 3] == step.why and told[at + 4].endswith(step.command.removeprefix("sweep")))


def test_the_best_policy_and_its_configuration_lie_at_one_path(run: RunFolder) -> None:
    verdict.keep_best(run, ledger.read(run.ledger))
    mine = run_state.carried_on(ledger.read(run.ledger))
    assert mine is not None and sorted(os.listdir(run.best)) == ["SoccerTwos.onnx", "configuration.yaml"]
    assert (run.best / "SoccerTwos.onnx").read_bytes() == (run.path / mine.path).read_bytes()
    assert yaml.safe_load((run.best / "configuration.yaml").read_text()) == promotable.config()
    assert not list(run.path.glob(".best*"))
    (run.best / "SoccerTwos.onnx").write_bytes(b"what an earlier end of the run left")
    assert f"best policy: 'runs/a run/{mine.path}' (trial 1 at 300,512 steps)" in verdict.lines(
        run, ledger.read(run.ledger)
    )
    verdict.keep_best(run, ledger.read(run.ledger))
    (run.path / mine.path).unlink()
    verdict.keep_best(run, ledger.read(run.ledger))  # a policy that is gone takes nothing away
    assert (run.best / "SoccerTwos.onnx").is_file()
    shutil.rmtree(run.best)  # as where a run goes on from its ledger alone
    gone = f"best policy: that of trial 1 at 300,512 steps, but 'runs/a run/{mine.path}' is not here"
    assert gone in verdict.lines(run, ledger.read(run.ledger))


def test_a_sweep_that_was_stopped_says_how_to_go_on(run: RunFolder) -> None:
    events = [event for event in ledger.read(run.ledger) if not isinstance(event, SweepEnded)]
    end = SweepEnded(time=9.0, state="interrupted", reason="", seconds=9.0, idle_share=0.0)
    told = verdict.lines(run, [*events, end])  # before its headline's matches
    assert told[-1].startswith("2 of 2 trials are over; go on: ") and told[-1].endswith("resume 'runs/a run'")
    wide = [replace(event, trials=8) if isinstance(event, SweepBegan) else event for event in events]
    told = verdict.lines(run, [*wide, end])
    assert told[-2].startswith("2 of 8 trials are over; go on: ") and told[-2].endswith("resume 'runs/a run'")
    assert told[-1].endswith("finish 'runs/a run'")


def test_what_is_not_shown_to_beat_random_is_searched_on_not_published(run: RunFolder) -> None:
    events = ledger.read(run.ledger)
    events = [
        replace(e, random_sprt=replace(e.random_sprt, verdict="rejected")) if hasattr(e, "random_sprt") else e
        for e in events
    ]
    told = verdict.lines(run, events)
    step = advice.next_step(run_state.run_of(run.name, events), str(run.path))
    wanted = "resume 'runs/a run' --trials +2" if step is None else step.command.removeprefix("sweep ")
    assert told[-1].endswith(wanted) and not any("promote" in line for line in told)


def test_a_terminal_breaks_sentences_and_a_log_breaks_nothing(run: RunFolder) -> None:
    for terminal in (True, False):
        console = Console(file=io.StringIO(), width=40, force_terminal=terminal, color_system=None)
        verdict.say(run, ledger.read(run.ledger), console)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert "promote 'runs/a run' --repo USER/NAME\n" in text
        assert (max(map(len, text.splitlines()[:2])) <= 40) == terminal
