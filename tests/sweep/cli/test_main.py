"""The command line: one clear line for what is wrong, exit status 0 only on success, --json one object alone."""

import io
import json
from pathlib import Path

import league_made
import pytest
from real_sweep import SPACE, Command, json_of, run_sweep
from rich.console import Console

from sweep.cli.options import fitting
from sweep.league import rounds
from trials.league import reader


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "quik"), "or a YAML file, but got quik (no such file or directory); did you mean quick?"),
        (
            ("run", "quick", "--sampler", "tpee"),
            "--sampler must be one of tpe | gp | random, but got tpee; did you mean tpe?",
        ),
        (
            ("run", "quick", "--warm-start", "nope"),
            "--warm-start must name a run's folder or its ledger, but nope is neither",
        ),
        (("play", "hose", "random"), "'hose' is none of them; did you mean house?"),
        (
            ("verify", "nope"),
            "a model must be USER/NAME on the Hub, a run, a folder or an ONNX file, but 'nope' is none",
        ),
        (("run", "quick", "--trials", "0"), "--trials: input should be greater than or equal to 1, but got 0"),
        (("run", "quick", "--steps", "10"), "--steps: input should be greater than or equal to 1000, but got 10"),
        (
            ("run", "quick", "--baseline", "no.onnx"),
            "--baseline: a model must be an ONNX file or one of still, random, chaser",
        ),
        (
            ("run", "quick", "--env", "/x/SoccerTwos.x86_64"),
            "--env must be an ML-Agents executable, but there is none at /x/",
        ),
        (("status", "nowhere"), "a run's folder must hold a ledger"),
        (("report", "nowhere"), "a run's folder must hold a ledger"),
        (("list", "nowhere"), "RUNS must be a folder of runs, but nowhere is not there"),
        (("play", "house", "nobody.onnx"), "a model must be an ONNX file or one of"),
        *(
            (("play", "house", "random", option, value), f"{option} is of a test, but there is no --sprt")
            for option, value in (("--alpha", "0.05"), ("--beta", "0.1"), ("--max-pairs", "9"), ("--fresh-pairs", "0"))
        ),
        (("verify", ".", "--revision", "x"), "--revision is of a repository on the Hub, but . is on this machine"),
        (("verify", "a/b@c", "--revision", "d"), "a revision must be given once, but got @c and --revision d"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    words: tuple[str, ...], message: str, command: Command, tmp_path: Path
) -> None:
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("sweep: ") and message in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("learning_rate:", "learning_rat:", "did you mean learning_rate?"),
        ("{int: [3, 4]}", "{int: [4, 3]}", "num_epoch"),
        ("buffer_size: 2048", "buffer_size: 128", "buffer_size"),
        ("ball_touch: 1}\nbehaviors", "ball_tuch: 1}\nbehaviors", "did you mean ball_touch?"),
    ],
)
def test_a_bad_space_is_refused_by_name_before_anything_starts(
    old: str, new: str, message: str, command: Command, tmp_path: Path
) -> None:
    assert old in SPACE
    (tmp_path / "bad.yaml").write_text(SPACE.replace(old, new))
    done = command("run", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert message in line and "bad.yaml" in line
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def test_wrong_usage_is_status_2() -> None:
    assert run_sweep("play", "house").returncode == 2
    assert run_sweep("dance").returncode == 2


def test_play_prints_one_object_that_depends_on_the_seed_alone(command: Command) -> None:
    words = ("play", "chaser", "random", "--matches", "20", "--json")
    first, again, other = (json_of(command(*words, "--seed", seed)) for seed in ("7", "7", "8"))
    rates = {"matches_per_second", "decisions_per_second", "seconds"}
    promised = {"a", "b", "matches", "wins", "draws", "losses", "by_side", "elo", "elo_low", "elo_high", "seed"}
    assert promised | rates | {"mean_decisions", "median_decisions", "entropy", "environment"} <= first.keys()
    assert {k: v for k, v in first.items() if k not in rates} == {k: v for k, v in again.items() if k not in rates}
    assert first["mean_decisions"] != other["mean_decisions"]
    assert first["wins"] + first["draws"] + first["losses"] == first["matches"] == 20  # type: ignore[operator]


def test_play_for_a_person_is_text(command: Command) -> None:
    done = command("play", "chaser", "still", "--matches", "8")
    assert done.returncode == 0
    assert "chaser against still" in done.stdout and "95 % interval" in done.stdout
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)


def test_a_leaderboard_keeps_model_and_elo_on_a_narrow_terminal(tmp_path: Path) -> None:
    found = reader.opened(league_made.make(tmp_path, models=6, rounds=2).path)
    for width in (80, 60, 200):
        console = Console(file=io.StringIO(), width=width)
        console.print(fitting(rounds.table(found, True), width, rounds.SPARE))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        for place in found.standings:
            error = f"± {(place.high - place.low) / 2:.0f}"
            rows = [line.split() for line in text.splitlines() if place.model in line]
            assert any(f"{place.elo:.0f}" in row and error in " ".join(row) for row in rows), (width, place, text)
        assert "…" not in text and ("AI vs AI" in text) is (width == 200)


def test_doctor_names_what_it_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is well though the path of the temporary folder is too long for Ray's sockets."""
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(long := tmp_path / ("a" * 60)))
    long.mkdir()
    found = json_of(run_sweep("doctor", "--json"))
    checks = {check["name"]: check for check in found["checks"]}  # type: ignore[attr-defined]
    assert {"python", "torch", "trainer", "arena", "ray", "disk"} <= checks.keys()
    assert found["ok"] is True, checks
    assert "started and ran a task" in checks["ray"]["found"] and not list(long.glob("ray*"))
