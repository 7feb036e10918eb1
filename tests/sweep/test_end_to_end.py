"""The main job on real parts: mlagents trains, Ray runs, Optuna proposes, matches rate, the page is written."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TypeVar

import psutil
import yaml
from patience import communicate, now
from real_sweep import SWEEP, Command, Finished, json_of, plain_environ, run_sweep, trainers

from trials import ledger
from trials.arena.matches import log
from trials.arena.ratings import elo, ladder_file
from trials.events import FreshRated, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder, driving
from trials.records import MatchRecord
from trials.run_state import choose

T = TypeVar("T")


def of(finished: Finished, kind: type[T]) -> list[T]:
    return [event for event in ledger.read(finished.run.ledger) if isinstance(event, kind)]


def test_a_sweep_ends_well_and_leaves_its_report(finished: Finished) -> None:
    assert finished.status == 0, finished.output
    assert finished.run.report.stat().st_size > 10_000
    (end,) = of(finished, SweepEnded)
    assert end.state == "complete"
    assert 0 <= end.idle_share < 1
    assert "report: " in finished.output and "best policy: " in finished.output
    assert (finished.run.best / "SoccerTwos.onnx").is_file() and (finished.run.best / "configuration.yaml").is_file()
    assert "trial 0 started (course)" in finished.output


def test_every_trial_is_trained_rated_and_ended(finished: Finished) -> None:
    began, ended = of(finished, TrialBegan), of(finished, TrialEnded)
    assert sorted(event.spec.number for event in began) == sorted(event.trial for event in ended) == [0, 1, 2, 3]
    assert {event.state for event in ended} <= {"complete", "pruned"}
    rated = of(finished, TrialRated)
    for event in ended:
        rungs = [rating.rung for rating in rated if rating.candidate.trial == event.trial]
        assert rungs == ([3000, 6000] if event.state == "complete" else [3000])
        assert event.steps >= rungs[-1]
        assert event.candidate is not None and (finished.run.path / event.candidate.path).is_file()
        assert event.process_seconds > event.train_seconds > 0
    assert next(event.state for event in ended if event.trial == 0) == "complete"


def test_trial_0_is_the_course_scaled_and_the_scaling_is_on_record(finished: Finished) -> None:
    spec = next(event.spec for event in of(finished, TrialBegan) if event.spec.number == 0)
    behavior = spec.config["behaviors"]["SoccerTwos"]
    assert behavior["hyperparameters"]["learning_rate"] == 0.0005
    assert behavior["max_steps"] == 6000
    play = behavior["self_play"]
    assert play["team_change"] == 5 * play["save_steps"]
    (began,) = of(finished, SweepBegan)
    assert began.scaled["network_settings.hidden_units"] == (512, 32)
    assert began.scaled["max_steps"] == (10_000_000, 6000)
    assert began.scaled["environment_parameters.ball_touch"] == (None, 1)


def test_the_trials_folder_holds_what_was_promised(finished: Finished) -> None:
    files = finished.run.trial(0)
    resolved = yaml.safe_load((files.results / "configuration.yaml").read_text())
    assert resolved["behaviors"]["SoccerTwos"]["trainer_type"] == "poca"
    assert (
        resolved["environment_parameters"]["ball_touch"]["curriculum"][0]["value"]["sampler_parameters"]["value"] == 1
    )
    assert "Exported" in files.log.read_text()
    rows = [json.loads(line) for line in files.metrics.read_text().splitlines()]
    assert rows and rows[-1]["step"] <= 6000 * 1.5
    assert not list(files.path.glob("**/.*.onnx*"))


def test_the_headline_is_fresh_and_the_matches_are_kept(finished: Finished) -> None:
    fresh = of(finished, FreshRated)
    winner, course = choose(ledger.read(finished.run.ledger))
    assert winner is not None and course is not None
    assert fresh[0].candidate == winner and fresh[0].role == "winner"
    kept = log.read(finished.run.fresh_matches("winner", "baseline")).records
    assert elo.direct(kept, "house") == fresh[0].baseline
    logs = [log.read(path) for path in finished.run.match_logs() if path.parent.name == "fresh_matches"]
    others = [path for path in (finished.run.fresh_matches("winner", "runner-up"),) if path.exists()]
    count = sum(2 + (event.against_course is not None) for event in fresh) + len(others)
    assert [len(each.records) for each in logs] == [8] * count
    tuned = {match.seed for event in of(finished, TrialRated) for match in tuning(finished, event)}
    assert tuned and tuned.isdisjoint(match.seed for each in logs for match in each.records)


def test_every_tuning_rating_is_recomputed_exactly_from_its_log(finished: Finished) -> None:
    ladder = ladder_file.read()
    for event in of(finished, TrialRated):
        assert elo.on_ladder(tuning(finished, event), ladder) == event.rating


def test_all_matches_of_a_run_make_one_table(finished: Finished, command: Command) -> None:
    found = json_of(command("rate", str(finished.run.path), "--json"))
    named = {row["model"] for row in found["ratings"]}  # type: ignore[attr-defined]
    assert {"random", "house", of(finished, FreshRated)[0].candidate.name} <= named and found["anchor"] == "house"


def tuning(finished: Finished, event: TrialRated) -> list[MatchRecord]:
    return log.read(finished.run.trial(event.candidate.trial).matches(event.candidate.steps)).records


def test_a_run_is_never_overwritten(finished: Finished, space_file: Path, command: Command) -> None:
    before = finished.run.ledger.read_bytes()
    again = command("run", str(space_file), "--out", str(finished.run.path))
    assert again.returncode == 1
    assert "--out must name a new folder" in again.stderr
    assert finished.run.ledger.read_bytes() == before


def test_a_run_that_is_being_driven_is_left_alone_before_its_ledger_is_there(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.trials.mkdir(parents=True)
    with driving(run):  # a sweep that is still starting Ray
        run.settings.write_text("mine")
        run.space.write_text("mine")
        second = run_sweep("run", "quick", "--out", str(run.path))
    assert second.returncode == 1 and "one driver at a time" in second.stderr
    assert run.settings.read_text() == run.space.read_text() == "mine"


def test_a_device_that_this_machine_lacks_is_refused_before_anything_is_written(
    space_file: Path, command: Command, tmp_path: Path
) -> None:
    words = ("--trials", "1", "--slots", "1", "--torch-device", "cuda", "--out", str(tmp_path / "run"))
    done = command("run", str(space_file), *words)
    assert done.returncode == 1 and "--torch-device cuda needs a GPU that torch can use" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_sweep_that_ray_has_no_room_for_leaves_no_folder_and_says_what_it_did(
    space_file: Path, tmp_path: Path
) -> None:
    done = run_sweep("run", str(space_file), "--gpus-per-trial", "1", "--out", str(tmp_path / "run"))
    assert done.returncode == 1 and "--gpus-per-trial must be at most what Ray has, 0, but got 1" in done.stderr
    assert list(tmp_path.iterdir()) == []
    said = ["checking the configuration", "tiny: 4 trials of 6,000 steps", "starting Ray"]
    at = [done.stdout.index(words) for words in said]
    assert at == sorted(at)


def test_status_and_report_read_the_ledger(finished: Finished, command: Command) -> None:
    found = json_of(command("status", str(finished.run.path), "--json"))
    assert found["state"] == "complete"
    assert [row["trial"] for row in found["trials"]] == [0, 1, 2, 3]  # type: ignore[index, attr-defined]
    finished.run.report.unlink()
    assert json_of(command("report", str(finished.run.path), "--json")) == {"report": str(finished.run.report)}
    assert finished.run.report.is_file()


def test_a_trained_candidate_plays(finished: Finished, command: Command) -> None:
    ended = of(finished, TrialEnded)[0]
    assert ended.candidate is not None
    path = str(finished.run.path / ended.candidate.path)
    found = json_of(command("play", path, "random", "--matches", "8", "--seed", "5", "--json"))
    assert found["matches"] == 8
    assert found["a_sha256"] == ended.candidate.sha256


def test_ctrl_c_keeps_what_was_done_and_leaves_nothing_running(space_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut"
    sweep = subprocess.Popen(
        [*SWEEP, "run", str(space_file), "--slots", "2", "--steps", "2000000", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=plain_environ(),
    )
    run = RunFolder(out)
    deadline = now() + 120
    while not all(run.trial(number).progress.is_file() for number in (0, 1)):
        assert now() < deadline and sweep.poll() is None
        time.sleep(0.2)
    assert len(trainers(out)) == 2
    niceness = {trainer.nice() for trainer in trainers(out)}
    assert niceness == {min(19, psutil.Process().nice() + 5)}, "Ray's own 15 would starve them on a busy machine"
    os.killpg(sweep.pid, signal.SIGINT)  # what a terminal does
    output, _ = communicate(sweep, 150)
    assert sweep.returncode == 130, output
    assert trainers(out) == []
    events = ledger.read(run.ledger)
    ends = [event for event in events if isinstance(event, TrialEnded)]
    assert {event.state for event in ends} == {"stopped"}
    assert all(event.candidate is not None for event in ends), output  # the last export was waited for
    last = events[-1]
    assert isinstance(last, SweepEnded) and last.state == "interrupted"
    assert run.report.is_file()
    assert output.count("note: stopping: 2 trainers export, then") == 1
    assert output.splitlines()[-1].startswith("0 of 4 trials are over; go on: ")
    assert output.splitlines()[-1].endswith(f"resume {out}")
