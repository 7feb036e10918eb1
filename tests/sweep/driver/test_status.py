"""What `sweep status` and `sweep list` say: of ledgers that several drivers wrote, of running and of killed sweeps."""

import io
import json
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from events import ended, rated, spec_of
from final_events import SEEDS, finals, product, question, tuning
from real_sweep import Command, json_of
from rich.console import Console

from sweep import runs
from sweep.cli.main import main
from sweep.cli.options import fitting
from sweep.driver import status
from trials import ledger
from trials.errors import SetupError
from trials.events import Event, SweepEnded, TrialBegan, TrialRated, TrialResumed
from trials.folder import RunFolder, driving


def shown(run: RunFolder, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    status.show(run, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def write(path: Path, *events: Event) -> RunFolder:
    path.mkdir(parents=True, exist_ok=True)
    for event in events:
        ledger.append(path / "ledger.jsonl", event)
    return RunFolder(path)


def at(run: RunFolder, number: int, step: int, resumed: int = 0) -> None:
    """A trainer says where it is."""
    run.trial(number).path.mkdir(parents=True)
    told = {"step": step, "resumed": resumed, "seconds": 10.0, "time": time.time()}
    run.trial(number).progress.write_text(json.dumps(told))


def test_a_trial_that_a_second_driver_began_again_keeps_its_rating_and_its_resumes(tmp_path: Path) -> None:
    run = write(
        tmp_path,
        TrialBegan(time=1.0, spec=spec_of(0)),
        rated(0, 100, 1000.0),
        TrialResumed(time=3.0, trial=0, reason="its trainer died", reached=120, resumed=107),
        TrialBegan(time=4.0, spec=spec_of(0)),
        TrialBegan(time=5.0, spec=spec_of(1)),
        ended(1, "failed"),
    )
    first, second = status.summary(run).trials
    assert (first.state, first.elo, first.steps, first.resumed) == ("running", 1000.0, 107, 1)
    assert (second.state, second.reason, second.elo) == ("failed", "because", None)
    assert [line.split()[:3] for line in shown(run).splitlines()[3:5]] == [
        ["0", "(course)", "running"],
        ["1", "failed", "200/200"],
    ]
    assert "trial 1 failed: because" in shown(run)


def test_a_line_about_a_trial_that_nobody_began_is_passed_over(tmp_path: Path) -> None:
    assert status.summary(write(tmp_path, rated(7, 100, 1000.0), ended(7))).trials == []


def test_a_running_sweep_says_who_drives_it_how_far_its_trainers_are_and_how_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "time", SimpleNamespace(time=lambda: 1000.0))
    began = replace(question(), time=900.0, trials=6, final_seeds=0)
    cut = [TrialBegan(time=1.0, spec=spec_of(number)) for number in (4, 5)]
    run = write(tmp_path / "run", began, *tuning(), *cut)
    for number in range(4):
        at(run, number, 200)
    at(run, 4, 120, resumed=100)
    at(run, 5, 0)
    with driving(run):
        text, found = shown(run), status.summary(run)
    lines = text.splitlines()
    assert lines[0].startswith("run: running, 4 of 6 trials over, 1:40 so far, about 5:41 left")
    assert lines[1].startswith("best so far: trial 2, Elo 1100 [1050, 1150], house 1200; x=0.2")
    assert lines[3].split()[:4] == ["4", "running", "120/200", "2"] and lines[4].split()[:2] == ["5", "starting"]
    assert f"driven by process {os.getpid()}" in text
    assert found.driver == runs.Driver(os.getpid(), socket.gethostname(), True)
    assert (found.state, found.trials_over, found.trials_planned) == ("running", 4, 6)
    assert found.trials[4].steps == 120
    assert not run.driver.exists() and runs.driver(run) is None
    killed = (replace(question(), time=50.0), ended(9, time=80.0))  # half a minute, in an earlier driver
    with driving(write(tmp_path / "again", *killed, began, *tuning(), *cut)):
        assert shown(RunFolder(tmp_path / "again")).startswith("again: running, 4 of 6 trials over, 2:10 so far")


def test_a_killed_sweep_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    run = write(tmp_path / "run", question(), *tuning(), TrialBegan(time=1.0, spec=spec_of(4)))
    dead = {"pid": os.getpid(), "host": socket.gethostname(), "began": 5.0}  # a pid that was dealt out again
    run.driver.write_text(json.dumps(dead))
    text = shown(run)
    assert text.startswith("run: killed, 4 of 4 trials over\n") and "\n4          cut off  " in text
    assert "no process drives it" in text and f"resume {run.path}" in text
    run.driver.write_text(json.dumps(dead | {"host": "elsewhere"}))
    assert shown(run).startswith("run: running or killed, ") and f"process {os.getpid()} of elsewhere" in shown(run)


def test_a_clock_that_was_set_kills_no_sweep(tmp_path: Path) -> None:
    run = write(tmp_path / "run", question(), *tuning())
    with driving(run):
        told = json.loads(run.driver.read_text())
        told["began"] -= 100.0  # as if the system's clock had gone forward since
        run.driver.write_text(json.dumps(told))
        found = runs.driver(run)
        assert found is not None and found.alive and shown(run).startswith("run: running")
    run.driver.write_text(json.dumps(told))  # the driver was killed, and its pid dealt out again
    assert shown(run).startswith("run: killed")


def test_a_table_of_many_trials_with_long_reasons_is_whole_at_80_columns(tmp_path: Path) -> None:
    end = SweepEnded(time=9.0, state="complete", reason="", seconds=9.0, idle_share=0.0)
    elos = {2: (40.0, 60.0, 80.0), 0: (0.0, 10.0, -10.0)}
    failed = [TrialBegan(time=1.0, spec=spec_of(4)), replace(ended(4, "failed"), reason="a long reason " * 12)]
    run = write(tmp_path / "run", question(), *tuning(), *failed, *finals(elos), end)
    rows = [line for line in shown(run).splitlines()[2:] if line[:1].isdigit()]
    assert len(rows) == 11 and all(len(line.rstrip()) <= 80 and "…" not in line for line in rows)
    assert any(line.startswith("12 (2 retrained) complete") for line in rows)
    assert "a long reason a long reason" in shown(run)


def test_a_finished_run_says_its_verdict(tmp_path: Path) -> None:
    end = SweepEnded(time=9.0, state="interrupted", reason="", seconds=9.0, idle_share=0.0)
    text = shown(write(tmp_path / "run", question(), *tuning(), end))
    assert "trial 2 leads the tuning matches" in text.replace("\n", " ") and f"resume {tmp_path / 'run'}" in text


def went_on(path: Path, *more: Event) -> RunFolder:
    """A run of three drivers: stopped after 100 s, killed after 50 s, complete after 30 s."""
    stopped = SweepEnded(time=100.0, state="interrupted", reason="", seconds=100.0, idle_share=0.0)
    over = SweepEnded(time=9030.0, state="complete", reason="", seconds=30.0, idle_share=0.0)
    killed = [replace(question(), time=8000.0), TrialBegan(time=8050.0, spec=spec_of(3, {"x": 0.3}))]
    again = [replace(question(), time=9000.0), TrialBegan(time=9001.0, spec=spec_of(3, {"x": 0.3})), ended(3)]
    return write(path, question(), *tuning(), stopped, *killed, *again, *more, over)


def test_the_time_of_a_sweep_is_that_of_all_its_drivers(tmp_path: Path) -> None:
    run = went_on(tmp_path / "run")
    assert status.summary(run).seconds == 180.0 and "4 of 4 trials over, after 3:00" in shown(run)


def test_a_long_name_cuts_nothing_of_the_title(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = went_on(tmp_path / ("a-long-name-" * 6), *finals({2: (40.0, 60.0, 80.0), 0: (0.0, 10.0, -10.0)}))
    console = Console(file=io.StringIO(), width=80, color_system=None, force_terminal=True)
    status.show(run, console)
    text = console.file.getvalue().split("best so far")[0]  # type: ignore[attr-defined]
    assert run.name in "".join(text.split()) and "trials over, after 3:00" in " ".join(text.split()) and "…" not in text
    monkeypatch.setenv("COLUMNS", "40")
    (first, *_) = command("status", run.name, cwd=tmp_path).stdout.splitlines()  # which is no terminal
    assert first == f"{run.name}: complete, 4 of 4 trials over, after 3:00"


def test_what_was_chosen_is_told_with_and_without_finals(tmp_path: Path) -> None:
    elos = {2: (40.0, 60.0, 80.0), 0: (0.0, 10.0, -10.0)}
    for name, events, chosen in (
        ("tuning", [], None),
        ("alone", [product(3)], 3),
        ("finals", finals(elos), 2),
        ("headline", [*finals(elos), product(12)], 2),
    ):
        assert status.summary(write(tmp_path / name, question(), *tuning(), *events)).chosen == chosen


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_letters_that_an_output_lacks_are_replaced(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = went_on(tmp_path / "run", *finals({2: (-40.0, 60.0), 0: (0.0, 30.0)}, SEEDS[:2]), product(10))
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True))
    monkeypatch.setattr(sys, "argv", ["sweep", "status", str(run.path)])
    with pytest.raises(SystemExit) as end:
        main()
    text = sys.stdout.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert not end.value.code and "is shown to beat the course?s" in text


# --- which runs there are ----------------------------------------------------------------------------------------


def several(folder: Path) -> None:
    complete = SweepEnded(time=9.0, state="complete", reason="", seconds=9.0, idle_share=0.0)
    for place, (name, more) in enumerate({"first": [*tuning(), complete], "second": tuning(), "third": []}.items()):
        run = write(folder / name, replace(question(), time=10.0 + place), *more)
        os.utime(run.ledger, (100 + place, 100 + place))
    (folder / "odd").mkdir()
    (folder / "odd" / "ledger.jsonl").write_text('{"event": "nothing"}\n')
    os.utime(folder / "odd" / "ledger.jsonl", (1, 1))


def test_the_runs_there_are_are_listed_the_newest_first(tmp_path: Path) -> None:
    several(tmp_path)
    told: list[str] = []
    found = runs.listed(tmp_path, told.append)
    assert [Path(line.run).name for line in found] == ["third", "second", "first"]
    assert [(line.state, line.over, line.trials, line.elo) for line in found] == [
        ("running or killed", 0, 4, None),
        ("running or killed", 4, 4, 1100.0),
        ("complete", 4, 4, 1100.0),
    ]
    assert len(told) == 1 and "odd" in told[0]
    for width, left_out in ((200, ()), (len(found[0].run) + 36, ("began",)), (len(found[0].run) + 28, runs.SPARE)):
        console = Console(file=io.StringIO(), width=width)
        console.print(fitting(runs.table(found, "ladder-3"), width, runs.SPARE))
        head, *rows = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert [row.split()[0] for row in rows] == [line.run for line in found]
        assert [name for name in runs.SPARE if name not in head] == list(left_out)


def test_elos_of_another_ladder_or_game_are_marked(tmp_path: Path) -> None:
    for place, ladder in enumerate(("ladder-3", "ladder-2", "yardstick-0123456789ab")):
        events = [
            replace(event, rating=replace(event.rating, ladder=ladder)) if isinstance(event, TrialRated) else event
            for event in tuning()
        ]
        write(tmp_path / str(place), replace(question(), time=10.0 - place, ladder=ladder), *events)
    found = runs.listed(tmp_path)
    assert [(line.elo, line.ladder) for line in found] == [
        (1100.0, "ladder-3"),
        (1100.0, "ladder-2"),
        (1100.0, "yardstick-0123456789ab"),
    ]
    console = Console(file=io.StringIO(), width=200)
    console.print(runs.table(found, "ladder-3"))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    marks = ("4/4 1100 ", "4/4 1100 (ladder-2) ", "4/4 1100 (own yardstick) ")
    assert all(mark in " ".join(row.split()) for mark, row in zip(marks, text.splitlines()[1:], strict=True))


def test_run_defaults_to_the_newest_and_says_which(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(tmp_path / "runs")
    assert runs.newest(tmp_path / "runs").name == "third"
    with pytest.raises(SetupError, match=r"a run must be there, but .* has none; `sweep run` makes one"):
        runs.newest(tmp_path)
    done = command("status", "--json", cwd=tmp_path)
    assert json_of(done)["run"] == "third" and "note: RUN is runs/third, the newest" in done.stderr
    listed = json_of(command("list", "--json", cwd=tmp_path))
    for name in ("status", "resume", "finish"):
        assert "runs/, but secnd is neither; did you mean second?" in command(name, "secnd", cwd=tmp_path).stderr
    assert [row["run"] for row in listed["runs"]] == ["runs/third", "runs/second", "runs/first"]  # type: ignore[attr-defined]
    monkeypatch.setenv("COLUMNS", "20")
    assert "runs/second running or killed    4/4     1100 " in command("list", cwd=tmp_path).stdout
