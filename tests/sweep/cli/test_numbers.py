"""NaN and infinity are no numbers: no option takes them, no gate is passed by them, no stored file holds them."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
import simulated_choice
from click.testing import CliRunner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from reports.model import checks, tfevents
from reports.model import files as model_files
from sweep import settings
from sweep.cli.main import cli
from sweep.cli.numbers import Finite
from sweep.driver import resume
from sweep.promotion import evaluation
from trials import ledger
from trials.arena.ratings import ladder_file
from trials.arena.ratings import sprt as tests
from trials.errors import SetupError
from trials.folder import TrialFolder
from trials.league import roster, store
from trials.league.folder import LeagueFolder
from trials.learner import progress


def options(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command, str]]:
    """Every option of the command line that takes a number with a fraction."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from options(command, (*path, name))
            continue
        for option in command.params:
            kinds = option.type.types if isinstance(option.type, click.Tuple) else [option.type]
            if any(isinstance(kind, Finite | click.types.FloatParamType) for kind in kinds):
                assert all(isinstance(kind, Finite) for kind in kinds), (name, option.name)
                yield (*path, name), command, option.opts[-1]


OPTIONS = [(path, option) for path, _, option in options(cli)] + [(("league", "run"), "--every")]


def test_every_option_with_a_fraction_is_finite() -> None:
    found = {(*path, option) for path, option in OPTIONS}
    assert {("play", "--alpha"), ("league", "run", "--pairing-cap"), ("promote", "--min-elo")} <= found
    assert len(found) >= 12


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1e999", "-NaN", "9e99"])
@pytest.mark.parametrize(("path", "option"), OPTIONS)
def test_no_option_takes_what_is_no_finite_number(path: tuple[str, ...], option: str, word: str) -> None:
    words = [word, word] if option == "--sprt" else [word]
    arguments = {"play": ["a", "b"], "league": ["L"], "run": [], "promote": ["--repo", "a/b"]}[path[0]]
    if word == "9e99" and option in ("--stall-seconds", "--gpus-per-trial", "--cpus-per-trial"):
        with pytest.raises(SetupError, match=f"{option}: input should be less than or equal to"):
            settings.make(space="quick", out=Path("x"), **{option[2:].replace("-", "_"): 9e99})
        return
    done = CliRunner().invoke(cli, [*path, *arguments, option, *words])
    assert done.exit_code == 2 and f"Invalid value for '{option}'" in done.output


@pytest.mark.parametrize("trials", ["99999999999", "+99999999", "9" * 5000, "nan", "+"])
def test_no_sweep_is_widened_without_an_end(trials: str) -> None:
    with pytest.raises(SetupError, match="--trials must be a number or \\+N, 1,000,000 at most, but got"):
        resume._trials(settings.make(space="quick", out=Path("x")), trials, 0)


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (simulated_choice.main, ["--gap", "nan"]),
        (simulated_choice.main, ["--spread", "nan"]),
        (simulated_choice.main, ["--reduction-factor", "inf"]),
        (tests.main, ["1", "2", "nan", "4", "5"]),
        (tests.main, ["1", "2", "3", "4", "5", "--alpha", "nan"]),
    ],
)
def test_the_arenas_own_commands_refuse_them_in_a_line(
    main: object, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)  # type: ignore[operator]
    assert end.value.code == 2 and "but got" in capsys.readouterr().err


def test_a_gate_is_not_passed_by_nan() -> None:
    test = {"elo0": 0.0, "elo1": 100.0, "verdict": "accepted", "llr": 3.0, "upper": 2.9, "pairs": 9}
    sprt = SimpleNamespace(**test, wins=9, draws=0, losses=0)
    played: Any = dict.fromkeys(("still", "random"), SimpleNamespace(sprt=sprt))
    played["house"] = SimpleNamespace(sprt=None, elo=math.nan, low=math.nan, high=math.nan)
    *_, least = evaluation._gate(played, "house", evaluation.Bar(min_elo=-100.0))
    assert (least.name, least.status) == ("--min-elo", "no")


def test_a_training_of_nan_seconds_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "run_logs").mkdir()
    (tmp_path / "run_logs" / "timers.json").write_text('{"total": NaN}')
    trained = next(c for c in checks.examine(model_files.of_folder(tmp_path), load=False) if c.name == "trained")
    assert trained.status == "unknown"


@pytest.mark.parametrize("bad", ['"time": NaN', '"time": Infinity', '"time": "NaN"', '"seconds": NaN'])
def test_a_ledgers_line_with_them_is_named(bad: str, tmp_path: Path) -> None:
    key = bad.split(":")[0]
    line = {"event": "end", "time": 1.0, "state": "complete", "reason": "", "seconds": 1.0, "idle_share": 0.0}
    text = json.dumps(line).replace(f"{key}: 1.0", bad)
    assert bad in text
    (tmp_path / "ledger.jsonl").write_text(text + "\n")
    with pytest.raises(SetupError, match=r"line 1 of .*finite number"):
        ledger.read(tmp_path / "ledger.jsonl")


def test_a_rating_in_a_ledger_is_a_number(tmp_path: Path) -> None:
    told: dict[str, object] = {
        "event": "promoted",
        "time": 1.0,
        "repo": "a/b",
        "commit": "c",
        "url": "u",
        "sha256": "s",
    }
    told |= {"candidate": {"trial": 0, "steps": 1, "path": "p", "sha256": "s"}, "low": -1.0, "high": 1.0}
    told |= {"baseline": "house", "matches": 8, "forced": False, "elo": math.nan}
    (tmp_path / "ledger.jsonl").write_text(json.dumps(told) + "\n")
    with pytest.raises(SetupError, match=r"line 1 of .*elo: .*it must be a number, but is NaN"):
        ledger.read(tmp_path / "ledger.jsonl")


def test_a_leagues_files_and_the_ladder_refuse_them(tmp_path: Path) -> None:
    league = LeagueFolder(tmp_path)
    league.roster.write_text('{"what": "entered", "name": "a/b", "revision": "1", "time": NaN}\n')
    with pytest.raises(SetupError, match=r"line 1 of .*finite number"):
        roster.read(league.roster)
    league.roster.unlink()
    over = {"number": 1, "matchmaking": "closest", "began": 1, "seconds": 1, "core_seconds": 1, "cores": 1, "models": 2}
    over |= {"pairings": 1, "matches": 2, "failed": 0, "half": math.nan, "widest": 1}
    league.rounds.write_text(json.dumps(over) + "\n")
    with pytest.raises(SetupError, match="every line must be a round, but line 1"):
        store.rounds(league)
    text = ladder_file.INSTALLED.read_text()
    rating = next(rung.rating for rung in ladder_file.read().rungs)
    (tmp_path / "ladder.json").write_text(text.replace(f'"rating": {rating}', '"rating": NaN', 1))
    with pytest.raises(SetupError, match=r"must hold a ladder, but .*finite number"):
        ladder_file.read(tmp_path / "ladder.json")


@pytest.mark.parametrize(
    "text", ["[]", "7", '{"step": 1, "resumed": 0, "seconds": NaN, "time": 1}', '{"step": Infinity}']
)
def test_a_damaged_progress_is_none(text: str, tmp_path: Path) -> None:
    files = TrialFolder(tmp_path)
    files.progress.parent.mkdir(parents=True, exist_ok=True)
    files.progress.write_text(text)
    assert progress.read(files).step == 0


def test_curves_leave_them_out(tmp_path: Path) -> None:
    lines = [{"step": 1, "time": 1.0, "a": 1.0}, {"step": 2, "time": math.nan, "a": 2.0}, {"step": 3, "time": "x"}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert tfevents.write(tmp_path / "metrics.jsonl", 10, tmp_path / "a") is not None
    read = EventAccumulator(str(tmp_path / "a")).Reload()
    assert [event.step for event in read.Scalars("a")] == [1]
