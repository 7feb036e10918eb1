"""A sweep goes on after its driver was killed, was stopped, or is to be widened: real trainers, real Ray."""

import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from events import ended, rated, spec_of
from patience import now
from real_sweep import SPACE, SWEEP, Command, json_of, plain_environ, run_sweep, trainers

from sweep import models, settings
from sweep.driver import headline, resume
from trials import ledger
from trials import run_state as pasts
from trials.arena.matches import log
from trials.arena.ratings import elo, ladder_file
from trials.errors import SetupError
from trials.events import Event, FreshRated, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated, TrialResumed
from trials.folder import RunFolder


def test_the_past_is_what_came_last() -> None:
    events = [
        TrialBegan(time=1.0, spec=spec_of(0)),
        TrialBegan(time=1.0, spec=spec_of(1)),
        TrialBegan(time=1.0, spec=spec_of(2)),
        *(rated(0, 100, 1000.0), rated(0, 100, 1000.0), rated(0, 200, 1010.0), ended(0)),
        *(rated(1, 100, 900.0), ended(1, "stopped")),
    ]
    past = pasts.past_of(list(events))
    assert [spec.number for spec in past.unfinished] == [1, 2]
    assert [event.trial for event in past.ended] == [0]
    assert [(event.candidate.trial, event.rung) for event in past.rated] == [(0, 100), (0, 200), (1, 100)]
    assert not any(isinstance(event, TrialEnded) and event.trial == 1 for event in past.events)


def test_a_killed_driver_costs_nothing_that_was_finished(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE.replace("checkpoint_interval: 200000", "checkpoint_interval: 2000"))
    run = RunFolder(tmp_path / "run")
    words = ["--slots", "2", "--seed", "5", "--out", str(run.path)]
    driver = subprocess.Popen(
        [*SWEEP, "run", str(tmp_path / "tiny.yaml"), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=plain_environ(),
    )
    deadline = now() + 200
    while not (run.ledger.is_file() and any(isinstance(event, TrialEnded) for event in ledger.read(run.ledger))):
        assert now() < deadline and driver.poll() is None
        time.sleep(0.2)
    time.sleep(3)  # others are under way
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    refused = run_sweep("run", str(tmp_path / "tiny.yaml"), "--out", str(run.path))
    assert refused.returncode == 1 and "--out must name a new folder" in refused.stderr
    while trainers(run.path):
        assert now() < deadline
        time.sleep(0.2)

    before = ledger.read(run.ledger)
    over = {event.trial for event in before if isinstance(event, TrialEnded)}
    begun = {event.spec.number: event.spec for event in before if isinstance(event, TrialBegan)}
    with run.ledger.open("ab") as file:
        file.write(b'{"event": "rated", "time": 17')  # what a driver was writing when it died
    done = run_sweep("resume", str(run.path))
    assert done.returncode == 0, done.stdout + done.stderr
    half = len(run.ledger.read_bytes().split(b'{"event": "rated", "time": 17\n')[0].splitlines()) + 1
    note = f"note: half-written, so not counted: line {half} of ledger.jsonl"
    assert note in done.stdout
    after = ledger.read(run.ledger)
    assert after[: len(before)] == before
    new = after[len(before) :]
    assert isinstance(new[0], SweepBegan) and isinstance(new[-1], SweepEnded) and new[-1].state == "complete"
    again = {event.spec.number: event.spec for event in new if isinstance(event, TrialBegan)}
    assert set(again) | over == {0, 1, 2, 3} and not set(again) & over  # all four, none of the finished ones again
    assert all(again[number] == begun[number] for number in set(again) & set(begun))  # the very same proposals
    params = [repr(spec.params) for spec in (begun | again).values()]
    assert len(set(params)) == len(params)  # and no proposal twice
    for event in new:
        if isinstance(event, TrialResumed):
            assert event.trial in set(begun) - over and event.resumed <= event.reached
    states = {event.trial: event.state for event in after if isinstance(event, TrialEnded)}
    assert set(states) == {0, 1, 2, 3} and set(states.values()) <= {"complete", "pruned"}
    ladder = ladder_file.read()
    for event in (event for event in after if isinstance(event, TrialRated)):
        records = log.read(run.trial(event.candidate.trial).matches(event.candidate.steps)).records
        assert elo.on_ladder(records, ladder) == event.rating
    assert any(isinstance(event, FreshRated) for event in new)
    status = json_of(run_sweep("status", str(run.path), "--json"))
    assert status["state"] == "complete" and run.report.is_file()
    assert status["half_written_lines"] == [half]
    assert note in run_sweep("report", str(run.path)).stderr


def test_a_sweep_that_is_widened_goes_on_with_what_was_cut_and_proposes_more(
    copied: RunFolder, command: Command
) -> None:
    nothing = command("resume", str(copied.path))
    assert nothing.returncode == 1 and "all 4 trials of run are over; widen it with --trials +N" in nothing.stderr
    events = ledger.read(copied.ledger)
    spec = next(event.spec for event in events if isinstance(event, TrialBegan) and event.spec.number == 1)
    ledger.append(copied.ledger, TrialBegan(time=1.0, spec=replace(spec, number=4)))  # by a driver that died
    done = run_sweep("resume", str(copied.path), "--trials", "+2")
    assert done.returncode == 0, done.stdout + done.stderr
    new = ledger.read(copied.ledger)[len(events) + 1 :]
    cut, proposed = sorted((event.spec for event in new if isinstance(event, TrialBegan)), key=lambda spec: spec.number)
    assert (cut.number, cut.params) == (4, spec.params)
    assert (proposed.number, proposed.origin) == (5, "sampled")
    assert proposed.params not in [event.spec.params for event in events if isinstance(event, TrialBegan)]
    assert settings.read(copied.settings).trials == 6  # it remembers that it was widened
    again = command("resume", str(copied.path))
    assert again.returncode == 1 and "all 6 trials of run are over" in again.stderr


def test_a_start_that_was_refused_changes_no_number(
    copied: RunFolder, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def refused(made: settings.Settings, *_: object) -> int:
        asked.append(made.trials)
        raise SetupError("a cluster must answer, but it does not")

    monkeypatch.setattr(resume.sweeping, "drive", refused)
    for _ in range(2):
        assert command("resume", str(copied.path), "--trials", "+2").returncode == 1
    assert asked == [6, 6]
    for _ in range(2):
        done = command("resume", str(copied.path), "--final-seeds", "5")
        assert done.returncode == 1 and "a cluster must answer" in done.stderr
    nothing = command("resume", str(copied.path))
    assert nothing.returncode == 1 and "all 4 trials of run are over" in nothing.stderr


def test_a_run_is_called_by_its_folders_name_from_inside_it(copied: RunFolder, command: Command) -> None:
    shown = command("status", ".", cwd=copied.path)
    assert shown.returncode == 0 and shown.stdout.startswith("run: complete")
    nothing = command("resume", "..", cwd=copied.path / "trials")
    assert nothing.returncode == 1 and "all 4 trials of run are over" in nothing.stderr


def test_a_report_that_a_killed_driver_left_unwritten_is_written(copied: RunFolder, command: Command) -> None:
    copied.report.unlink()
    before = copied.ledger.read_bytes()
    done = command("resume", str(copied.path))
    assert done.returncode == 0 and "report: " in done.stdout, done.stderr
    assert copied.report.is_file() and copied.ledger.read_bytes() == before
    assert command("resume", str(copied.path)).returncode == 1


def test_headline_matches_on_record_are_not_played_again(copied: RunFolder) -> None:
    made = settings.read(copied.settings)
    before = [event for event in ledger.read(copied.ledger) if isinstance(event, FreshRated)]
    told: list[Event] = []
    headline.play(told.append, copied, made, models.resolve(made.baseline))
    assert before and told == []
    lines = copied.ledger.read_bytes().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if b'"role":"winner"' in line)
    copied.ledger.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    headline.play(told.append, copied, made, models.resolve(made.baseline))
    (again,) = told
    assert isinstance(again, FreshRated) and replace(again, time=before[0].time) == before[0]


def test_a_sweep_is_finished_early_with_the_trials_it_has(copied: RunFolder, command: Command) -> None:
    cut = [event for event in ledger.read(copied.ledger) if not isinstance(event, FreshRated | SweepEnded)]
    cut = [event for event in cut if not (isinstance(event, TrialEnded) and event.trial == 3)]
    copied.ledger.unlink()
    shutil.rmtree(copied.path / "fresh_matches")
    for event in cut:
        ledger.append(copied.ledger, event)
    done = run_sweep("finish", str(copied.path))
    assert done.returncode == 0, done.stdout + done.stderr
    new = ledger.read(copied.ledger)[len(cut) :]
    assert isinstance(new[0], SweepBegan) and new[0].command == "sweep finish run" and new[0].trials == 3
    assert not [event for event in new if isinstance(event, TrialBegan)]
    assert [event for event in new if isinstance(event, FreshRated)]
    assert isinstance(new[-1], SweepEnded) and new[-1].state == "complete"
    assert "best policy: " in done.stdout and (copied.best / "SoccerTwos.onnx").is_file()
    again = command("finish", str(copied.path))
    assert again.returncode == 1 and "must have something left to do" in again.stderr


def test_narrowing_keeps_what_is_over() -> None:
    made = settings.make(space="quick", out=Path("runs/x"), trials=8)
    asked = {"4": 5, "6": 6, "8": 8, "+2": 10, "1": 5}
    assert {text: resume._trials(made, text, 5) for text in asked} == asked
    assert resume._trials(made, None, 5) == 8


def test_damaged_settings_are_said_in_one_line(copied: RunFolder, command: Command) -> None:
    for text in (b"trials: many\n", b"\xff\xfe"):
        copied.settings.write_bytes(text)
        assert command("resume", str(copied.path)).stderr.startswith("sweep: a run must hold its settings")
    for words in (("resume", str(copied.path)), ("extend", str(copied.path), "--trial", "0", "--steps", "1000")):
        done = command(*words)
        assert done.returncode == 1 and "a run must hold its settings" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (("--trials", "2"), 1, "a sweep must have something left to do, but all 4 trials of run are over"),
        (("--trials", "many"), 2, "--trials must be a number or +N"),
    ],
)
def test_what_cannot_go_on_is_refused(
    words: tuple[str, ...], status: int, line: str, copied: RunFolder, command: Command
) -> None:
    before = copied.ledger.read_bytes()
    done = command("resume", str(copied.path), *words)
    assert done.returncode == status and line in done.stderr and copied.ledger.read_bytes() == before


def test_another_ladder_or_baseline_is_refused_by_name(copied: RunFolder, command: Command) -> None:
    text = copied.ledger.read_text()
    copied.ledger.write_text(text.replace('"ladder":"ladder-3"', '"ladder":"ladder-1"', 1))
    done = command("resume", str(copied.path), "--trials", "+1")
    assert done.returncode == 1 and "its ladder was ladder-1 and the installed one is ladder-3" in done.stderr
    assert command("resume", str(copied.path / "nowhere")).returncode == 2
