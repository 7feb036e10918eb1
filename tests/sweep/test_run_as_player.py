"""A run stands wherever a model is named: for its best policy, for a trial's, for a trial's at a checkpoint."""

import json
from pathlib import Path

import promotable
import pytest
from click.testing import CliRunner

import sweep
from sweep import models
from sweep.cli.main import cli
from sweep.league import runs, sources
from sweep.matches import tournament
from sweep.promotion import selection
from trials import ledger, run_state
from trials.arena.players import sandbox
from trials.arena.players.load import LADDER
from trials.errors import SetupError, SweepError, UsageError
from trials.folder import RunFolder
from trials.league import roster

STEPS = promotable.STEPS


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """runs/first of two trials, the second the best, each with a checkpoint before its last; we are beside runs/."""
    made = promotable.make(tmp_path / "runs" / "first")
    for number, policy in enumerate(("house-750k", "house-1000k")):
        path = made.trial(number).candidates / "SoccerTwos-100352.onnx"
        path.write_bytes((LADDER / f"{policy}.onnx").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models, "vet", lambda *_: None)  # tried in a process of its own elsewhere
    return made


@pytest.mark.parametrize("word", ["first", "runs/first", "./runs/first/", "{}/runs/first"])
@pytest.mark.parametrize(
    ("part", "name", "file"),
    [
        ("", "first:1", f"0001/candidates/SoccerTwos-{STEPS}.onnx"),
        (":0", "first:0", f"0000/candidates/SoccerTwos-{STEPS}.onnx"),
        (":1@100352", "first:1@100352", "0001/candidates/SoccerTwos-100352.onnx"),
    ],
)
def test_a_run_is_a_model(word: str, part: str, name: str, file: str, run: RunFolder, tmp_path: Path) -> None:
    found = models.resolve(word.format(tmp_path) + part)
    assert found.name == name and found.load == str(tmp_path / "runs" / "first" / "trials" / file)


def test_its_best_is_one_policy_for_everybody(run: RunFolder) -> None:
    events = ledger.read(run.ledger)
    best = run_state.carried_on(events)
    assert best is not None and best.trial == 1
    assert sweep.open_run("runs/first").best().policy.resolve() == run.path / best.path
    assert selection.product_of(run, events, None).candidate == best
    assert models.resolve("first").load == str(run.path / best.path)
    alone = events[:-2]  # before anything was chosen: the best in tuning
    assert run_state.carried_on(alone) == run_state.choose(alone)[0] == best


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("first:7", "a trial must be one of the run's, 0 to 1, but got 7; see `sweep status`"),
        (
            "first:1@100000",
            f"a checkpoint of runs/first:1 must be one of 100352, {STEPS}, but got 100000;"
            f" name one: runs/first:1@{STEPS}",
        ),
        ("fist", "'fist' is none of them; did you mean first?"),
        ("fist:1", "'fist:1' is none of them; did you mean first:1?"),
        ("nothing-like-it", "'nothing-like-it' is none of them; check the path (runs/ has first)"),
        ("first:last", "must be RUN:TRIAL or RUN:TRIAL@STEPS, but got 'first:last'; first alone is its best policy"),
    ],
)
def test_what_a_run_does_not_have_is_refused_with_what_it_has(word: str, line: str, run: RunFolder) -> None:
    with pytest.raises(UsageError) as refused:
        models.resolve(word)
    assert line in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_a_run_without_a_policy_says_so(run: RunFolder) -> None:
    lines = run.ledger.read_bytes().splitlines(keepends=True)
    run.ledger.write_bytes(b"".join(lines[:2]))  # trial 0 began
    with pytest.raises(SetupError, match=r"must have been trained for the whole budget, but none of runs/first was"):
        models.resolve("first")
    with pytest.raises(UsageError, match=rf"but runs/first:0 was not; name one: runs/first:0@{STEPS}"):
        models.resolve("first:0")
    assert models.resolve("first:0@100352").name == "first:0@100352"
    for file in run.trial(0).candidates.iterdir():
        file.unlink()
    with pytest.raises(UsageError, match="must have exported a policy, but runs/first:0 has none"):
        models.resolve("first:0")


def test_a_policy_that_is_no_longer_there_is_named(run: RunFolder) -> None:
    (run.trial(1).candidates / f"SoccerTwos-{STEPS}.onnx").unlink()
    with pytest.raises(SetupError, match=rf"SoccerTwos-{STEPS}.onnx is not there; was it moved, or removed"):
        models.resolve("first")


def test_the_best_configuration_names_its_files_where_they_lie(run: RunFolder) -> None:
    told = run.ledger.read_text()
    assert told.count('"trainer_type":"poca"') >= 2
    named = '"init_path":"inputs/first.pt","trainer_type":"poca"'
    run.ledger.write_text(told.replace('"trainer_type":"poca"', named))
    trainer = sweep.open_run("runs/first").best().configuration["behaviors"]["SoccerTwos"]
    assert trainer["init_path"] == str(run.path / "inputs" / "first.pt")


def test_built_ins_and_files_win_over_runs(run: RunFolder, tmp_path: Path) -> None:
    for name in ("house", "mine.onnx"):
        promotable.make(tmp_path / "runs" / name)
    (tmp_path / "mine.onnx").write_bytes((LADDER / "house-750k.onnx").read_bytes())
    assert models.resolve("house").name == "house"
    assert models.resolve("mine.onnx").load == str(tmp_path / "mine.onnx")
    assert models.resolve("runs/house").name == "house:1"


def test_a_tournament_takes_runs_and_stands_one_at_1200(run: RunFolder, tmp_path: Path) -> None:
    words = ["tournament", "first", "first:1@100352", "still", "--pairs", "2", "--baseline", "first", "--json"]
    found = json.loads(CliRunner().invoke(cli, words).stdout)
    assert {row["model"] for row in found["ratings"]} == {"first:1", "first:1@100352", "still"}
    assert found["anchor"] == "first:1"
    with pytest.raises(UsageError, match="first:1 and first:1 are the same file"):
        tournament.entrants(["first", "first:1", "still"], 1)


def test_python_takes_a_run_and_verify_looks_at_its_policy(run: RunFolder) -> None:
    result = sweep.play(sweep.open_run("runs/first"), "still", matches=4)
    assert (result.a, result.matches) == ("first:1", 4)
    assert sweep.load_policy("first:0@100352").name == "SoccerTwos-100352"
    told = json.loads(CliRunner().invoke(cli, ["verify", "first", "--pairs", "0", "--json"]).stdout)
    assert told["model"] == "first" and {check["name"] for check in told["checks"]} >= {"plays"}


@pytest.mark.parametrize(
    ("word", "kept", "names"),
    [
        ("first", ":best", [f"first/0001-SoccerTwos-{STEPS}"]),
        ("runs/first:0", ":0", [f"first/0000-SoccerTwos-{STEPS}"]),
        ("first:0@100352", ":0@100352", ["first/0000-SoccerTwos-100352"]),
        ("first:last", ":last", [f"first/000{number}-SoccerTwos-{STEPS}" for number in (0, 1)]),
        ("first:all", "", [f"first/000{n}-SoccerTwos-{steps}" for n in (0, 1) for steps in (100352, STEPS)]),
    ],
)
def test_a_league_takes_a_run_or_a_part_of_it(word: str, kept: str, names: list[str], run: RunFolder) -> None:
    source = sources.typed(word)
    assert source.word == f"{run.path}{kept}" and [offer.name for offer in source.offers(print)] == names
    assert sources.source(source.word).offers(print) == source.offers(print)  # as the roster has it
    assert {roster.origin(offer.source) for offer in source.offers(print)} == {str(run.path)}


def test_a_league_refuses_what_a_run_does_not_have(run: RunFolder) -> None:
    for word in ("first:7", "first:0@5", "fist"):
        with pytest.raises(UsageError):
            sources.typed(word)
    assert runs.kept_as("house") is None and sources.typed("house").word == "house"


def test_a_strange_file_in_a_run_is_tried_out_as_any(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (run.trial(1).candidates / f"SoccerTwos-{STEPS}.onnx").write_bytes(b"no policy")
    monkeypatch.setattr(models, "vet", sandbox.vet)
    with pytest.raises(SweepError):
        models.resolve("first")
