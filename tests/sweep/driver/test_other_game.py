"""A sweep of another game than SoccerTwos, end to end: real trainer, executable, yardstick, ranking, report."""

import hashlib
import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import paddles
import pytest
import yaml
from real_sweep import Command, run_sweep

from search_spaces import course, from_text, load
from search_spaces.rules import check
from sweep import models
from sweep import settings as made
from sweep.driver import prepare
from sweep.search.specs import renderer
from sweep.search.warm_start import take_over
from trials import ledger, summaries
from trials.arena.games import executable
from trials.arena.games.unity import UnityGame
from trials.arena.players import onnx_external
from trials.arena.players.scripted import Unskilled
from trials.arena.ratings import ladder_file, yardstick
from trials.errors import SpaceError, UsageError
from trials.events import FreshRated, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder
from trials.league import reader

SPACE = """
sweep: {trials: 2, steps: 3000, fields: 8, first_rung: 1, rating_matches: 16, fresh_matches: 16, final_seeds: 0}
environment_parameters:
  ball_speed: {sampler_type: uniform, sampler_parameters: {min_value: 0.05, max_value: 0.07}}
behaviors:
  Paddles:
    trainer_type: ppo
    hyperparameters:
      {batch_size: 128, buffer_size: 1024, learning_rate: {log_float: [1e-3, 4e-3]}, num_epoch: {int: [3, 5]}}
    network_settings: {hidden_units: 32, num_layers: 1}
    time_horizon: 64
    summary_freq: 1000
    self_play: {save_steps: 500, team_change: 1500, swap_steps: 250, window: 4}
"""


def test_trial_0_is_the_space_in_the_middle_of_its_ranges() -> None:
    space = from_text(SPACE, "paddles")
    check(space, 3000, 8, any_game=True)
    config = course(space)
    assert list(config["behaviors"]) == ["Paddles"]
    assert config["behaviors"]["Paddles"]["hyperparameters"]["learning_rate"] == pytest.approx(2e-3)
    assert config["behaviors"]["Paddles"]["hyperparameters"]["num_epoch"] == 4
    assert config["environment_parameters"]["ball_speed"]["sampler_type"] == "uniform"
    settings = made.of_space("paddles", space, {"out": Path("x"), "env": "game.x86_64"})
    assert settings.baseline == "random"
    assert renderer(settings, space)(0, {}).origin == "course"


@pytest.mark.parametrize(
    ("text", "any_game", "line"),
    [
        (SPACE, False, "behaviors must hold SoccerTwos, but got Paddles in paddles.yaml:5; write"),
        (
            SPACE.replace("    self_play", "    #"),
            True,
            "self_play must be written: trials are rated by matches, but got",
        ),
        (SPACE.replace("Paddles:", "SoccerTwos: {}\n  B:"), True, "must hold exactly one behavior"),
        (
            SPACE.replace("Paddles:", "A: {}\n  B:"),
            True,
            "self_play must be written: trials are rated by matches, but got nothing",
        ),
    ],
)
def test_what_cannot_be_swept_is_refused_in_one_line(text: str, any_game: bool, line: str) -> None:
    with pytest.raises(SpaceError) as refusal:
        check(from_text(text, "paddles"), 3000, 8, any_game=any_game)
    assert line in str(refusal.value)


def test_a_yardstick_is_fitted_in_its_game_and_rates_on_it(tmp_path: Path) -> None:
    game = UnityGame(paddles.Paddles(8, 1), "unity-x")
    fitted = yardstick.fit(game, ["random"], 1)
    assert sorted(rung.name for rung in fitted.rungs) == ["random", "still"]
    assert sum(fitted.pairings[0].outcomes) == yardstick.PAIRS
    assert (fitted.environment, fitted.anchor) == ("unity-x", None)
    assert fitted.version.startswith("yardstick-")
    run = RunFolder(tmp_path)
    ladder_file.write(fitted, run.yardstick)
    assert ladder_file.read(run.yardstick) == fitted
    assert yardstick.fit(UnityGame(paddles.Paddles(8, 1), "unity-x"), ["random"], 1) == fitted


def test_earlier_winners_stand_on_the_yardstick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (tmp_path / name for name in ("first.onnx", "second.onnx"))
    game = UnityGame(paddles.Paddles(8, 1), "unity-x")

    class Stands(Unskilled):
        """Plays for a file."""

        def __init__(self, path: Path, behavior: Any) -> None:
            super().__init__("random", behavior)
            self.name, self.id = path.stem, hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("trials.arena.players.onnx_policy.OnnxPolicy", Stands)
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    fitted = yardstick.fit(game, [str(first), str(second)], 1)
    assert sorted(rung.name for rung in fitted.rungs) == ["first", "random", "second", "still"]
    run = RunFolder(tmp_path / "run")
    run.baseline.mkdir(parents=True)
    for path in (first, second):
        path.rename(run.baseline / path.name)
    ladder_file.write(fitted, run.yardstick)
    (tmp_path / "mine.onnx").write_bytes(b"3")
    monkeypatch.setattr(executable, "opened", lambda *_, **__: nullcontext(game))
    rated = yardstick.rater(run, str(first), "game.x86_64", 16)(tmp_path / "mine.onnx", 5)
    assert rated.rating.ladder == fitted.version
    assert {"first", "second"} <= {rated.names[rung.id] for rung in fitted.rungs}


@pytest.mark.parametrize("names", [("alice/ppo-Paddles", "bob/ppo-Paddles"), ("random.onnx", "alice/ppo-Paddles")])
def test_players_of_a_yardstick_have_names_of_their_own(
    names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {name: models.Model(name, f"/cache/{number}.onnx", str(number)) for number, name in enumerate(names)}
    monkeypatch.setattr(models, "resolve", lambda word, _: found[word])
    space = from_text(SPACE, "paddles")
    settings = made.of_space("paddles", space, {"out": Path("x"), "env": "game.x86_64", "yardstick": (names[1],)})
    game = UnityGame(paddles.Paddles(8, 1), "unity-x")
    with pytest.raises(UsageError, match=r"names of their own, but (ppo-Paddles|random) is there twice; copy one"):
        prepare._more(settings, found[names[0]], game)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--yardstick", "chaser"), "--yardstick is for games that have no ladder, but SoccerTwos has one"),
        (("--won-by", "both"), "--won-by is for other games, but SoccerTwos is won by goals"),
        (("--won-by", "bot"), "bot"),
        (("--num-envs", "2"), "--num-envs must be of an executable, but there is no --env; give --num-areas"),
        (("--num-envs", "0"), "--num-envs: input should be greater than or equal to 1, but got 0"),
    ],
)
def test_what_is_for_other_games_is_refused_in_soccer(
    words: tuple[str, ...], line: str, command: Command, tmp_path: Path
) -> None:
    done = command("run", "quick", *words, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert line in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_sweep_of_paddles(tmp_path: Path) -> None:
    (tmp_path / "paddles.yaml").write_text(SPACE)
    env, words = paddles.write(tmp_path), ("--fields", "4", "--num-envs", "2", "--out", "out")
    done = run_sweep("run", "paddles.yaml", "--env", str(env), *words, "--slots", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "in 2 of paddles.x86_64, 4 fields each" in done.stdout
    run = RunFolder(tmp_path / "out")
    events = ledger.read(run.ledger)
    (began,) = [event for event in events if isinstance(event, SweepBegan)]
    assert began.environment == executable.version(env)
    assert (began.ladder, began.baseline) == (ladder_file.read(run.yardstick).version, "random")
    ends = [event for event in events if isinstance(event, TrialEnded)]
    assert [end.state for end in ends] == ["complete"] * 2
    rated = [event for event in events if isinstance(event, TrialRated)]
    assert {event.rating.ladder for event in rated} == {began.ladder}
    assert {event.rating.environment for event in rated} == {began.environment}
    (winner, *_) = [event for event in events if isinstance(event, FreshRated)]
    assert winner.random.matches == 16
    assert any(isinstance(event, SweepEnded) and event.state == "complete" for event in events)
    policies = sorted((run.path / "trials" / "0000" / "candidates").glob("Paddles-*.onnx"))
    assert policies
    played: Any = run_sweep("play", str(policies[-1]), "still", "--env", str(env), "--matches", "8", "--json")
    assert json.loads(played.stdout)["matches"] == 8
    page = run.report.read_text()
    assert "Another game than SoccerTwos" in page
    assert '<span class="tag">own</span>' in page and '<span class="tag">course</span>' not in page
    assert "house baseline: 1200" not in page and "make promote" in page
    assert "Matches to watch" not in page
    assert (run.best / "Paddles.onnx").is_file()
    promoted = run_sweep("promote", "out", "--repo", "a/b", "--dry-run", "--force", "--json", cwd=tmp_path)
    told = json.loads(promoted.stdout)
    assert told["refused"] is None and told["elo"]["opponent"] == "random", promoted.stderr
    card = (tmp_path / told["folder"] / "README.md").read_text()
    assert "- ML-Agents-Paddles" in card and "# Paddles: a PPO policy" in card and "SoccerTwos" not in card
    assert {"Paddles.onnx", "Paddles/checkpoint.pt", "evaluation.csv"} <= set(told["files"])
    space = from_text(SPACE, "paddles")
    settings = made.of_space("paddles", space, {"out": tmp_path / "next", "env": str(env)})
    warm = take_over(run.path, settings, space, renderer(settings, space))
    assert [observation.trial for observation in warm.first] == [1] and not warm.told
    assert warm.reason == "its trials stood on a yardstick of its own"
    with pytest.raises(UsageError, match="must name a run of the same behavior, but that of out is Paddles"):
        take_over(run.path, settings, load("quick"), renderer(settings, load("quick")))


LEARNS = """
sweep: {trials: 1, steps: 30000, fields: 8, first_rung: 1, rating_matches: 64, fresh_matches: 64, final_seeds: 0}
behaviors:
  Paddles:
    trainer_type: ppo
    hyperparameters: {batch_size: 128, buffer_size: 1024, learning_rate: 3.0e-3, num_epoch: 4}
    network_settings: {hidden_units: 32, num_layers: 1}
    reward_signals: {extrinsic: {gamma: 0.95}}
    time_horizon: 32
    self_play: {save_steps: 2000, team_change: 6000, swap_steps: 1000, window: 5}
"""


@pytest.mark.slow
def test_paddles_are_learned(tmp_path: Path) -> None:
    (tmp_path / "learns.yaml").write_text(LEARNS)
    words = ("--env", str(paddles.write(tmp_path)), "--num-envs", "2", "--out", "out")
    done = run_sweep("run", "learns.yaml", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (winner,) = [each for each in ledger.read(RunFolder(tmp_path / "out").ledger) if isinstance(each, FreshRated)]
    assert winner.random.low > 50, winner.random


SAC = """
sweep: {trials: 2, steps: 3000, fields: 4, first_rung: 0.5, rating_matches: 8, fresh_matches: 8, final_seeds: 0}
environment_parameters:
  ball_speed:
    curriculum:
      - name: Slow
        completion_criteria: {measure: progress, behavior: Paddles, threshold: 0.3, min_lesson_length: 1}
        value: 0.04
      - {name: Fast, value: 0.07}
behaviors:
  Paddles:
    trainer_type: sac
    hyperparameters:
      {batch_size: 64, buffer_size: 5000, buffer_init_steps: 200, steps_per_update: 10, tau: {log_float: [2e-3, 1e-2]}}
    network_settings: {hidden_units: 32, num_layers: 1}
    summary_freq: 500
    self_play: {save_steps: 500, team_change: 1500, swap_steps: 250, window: 4}
"""


@pytest.mark.slow
def test_sac_and_a_curriculum_are_swept(tmp_path: Path) -> None:
    (tmp_path / "sac.yaml").write_text(SAC)
    done = run_sweep("run", "sac.yaml", "--env", str(paddles.write(tmp_path)), "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = RunFolder(tmp_path / "out")
    events = ledger.read(run.ledger)
    assert [event.state for event in events if isinstance(event, TrialEnded)] == ["complete"] * 2
    assert {event.rung for event in events if isinstance(event, TrialRated)} == {1500, 3000}
    for number in (0, 1):
        metrics = list(summaries.read(run.trial(number).metrics))
        lessons = [summary["Environment/Lesson Number/ball_speed"] for summary in metrics]
        assert lessons[0] == 0 and lessons[-1] == 1
        assert any("Losses/Q1 Loss" in summary for summary in metrics)


TWO = """
sweep: {trials: 2, steps: 3000, fields: 8, first_rung: 0.5, rating_matches: 16, fresh_matches: 16, final_seeds: 0}
default_settings:
  trainer_type: poca
  hyperparameters: {batch_size: 128, buffer_size: 1024, learning_rate: {log_float: [1e-3, 4e-3]}, num_epoch: 3}
  network_settings: {hidden_units: 32, num_layers: 1}
  time_horizon: 64
  summary_freq: 1000
  self_play: {save_steps: 500, team_change: 1500, swap_steps: 250, window: 4}
behaviors:
  Pair: {}
  Single:
    hyperparameters: {num_epoch: {int: [3, 5]}}
"""


def test_a_sweep_of_two_behaviors(tmp_path: Path) -> None:
    (tmp_path / "uneven.yaml").write_text(TWO)
    env = paddles.write(tmp_path, "uneven")
    done = run_sweep("run", "uneven.yaml", "--env", str(env), "--out", "out", "--slots", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = RunFolder(tmp_path / "out")
    events = ledger.read(run.ledger)
    specs = [event.spec for event in events if isinstance(event, TrialBegan)]
    assert [spec.behaviors for spec in specs] == [("Pair", "Single")] * 2
    assert {*specs[1].params} == {"hyperparameters.learning_rate", "Single.hyperparameters.num_epoch"}
    rated = [event for event in events if isinstance(event, TrialRated)]
    assert {event.rung for event in rated} == {1500, 3000}
    for event in rated:
        assert {path.name for path in (run.path / event.candidate.path).iterdir()} == {"Pair.onnx", "Single.onnx"}
        assert event.candidate.sha256 == onnx_external.digest_of(run.path / event.candidate.path)
    assert {path.name for path in run.best.iterdir()} == {"Pair.onnx", "Single.onnx", "configuration.yaml"}
    assert "best policy: out/best (" in done.stdout
    assert any("Single/Losses/Value Loss" in summary for summary in summaries.read(run.trial(0).metrics))
    played: Any = run_sweep("play", "out", "still", "--env", str(env), "--matches", "8", "--json", cwd=tmp_path)
    assert json.loads(played.stdout)["matches"] == 8, played.stderr
    shutil.copytree(run.best, tmp_path / "strangers" / "mine")
    (tmp_path / "strangers" / "Pair.onnx").write_bytes(b"half a player")
    league = ("league", "run", "cup", "out:all", "strangers", "still", "--env", str(env), "--budget", "5")
    done = run_sweep(*league, cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "cup" / "league.html").is_file(), done.stderr
    places = reader.opened(tmp_path / "cup").standings
    assert {place.name for place in places if place.games} >= {"strangers/mine", "built-in/still"}
    shas = {event.candidate.sha256 for event in rated}
    assert shas <= {entry.sha256 for entry in reader.opened(tmp_path / "cup").entries.values()}  # and what lies between
    extended = run_sweep("extend", "out", "--trial", "1", "--steps", "1000", cwd=tmp_path)
    assert "goes on from trial 1 at 3,0" in extended.stdout and extended.returncode == 0, extended.stderr
    further = [event for event in ledger.read(run.ledger) if isinstance(event, TrialRated)][-1]
    assert (further.candidate.trial, further.rating.ladder) == (2, ladder_file.read(run.yardstick).version)
    promoted = run_sweep("promote", "out", "--repo", "a/b", "--dry-run", "--force", "--json", cwd=tmp_path)
    told = json.loads(promoted.stdout)
    assert told["refused"] is None and told["sha256"] in {event.candidate.sha256 for event in rated}, promoted.stderr
    folder = tmp_path / told["folder"]
    assert {"Pair.onnx", "Single.onnx", "Pair/checkpoint.pt", "Single/checkpoint.pt"} <= set(told["files"])
    status = json.loads((folder / "run_logs" / "training_status.json").read_text())
    for name in ("Pair", "Single"):
        assert status[name]["final_checkpoint"]["file_path"] == f"{name}.onnx"
    assert {*yaml.safe_load((folder / "configuration.yaml").read_text())["behaviors"]} == {"Pair", "Single"}
    card = (folder / "README.md").read_text()
    assert "- ML-Agents-Pair\n" in card and "- ML-Agents-Single\n" in card
    assert "# Pair and Single: POCA policies, " in card and "| **`Single.hyperparameters.num_epoch`** |" in card
    assert "sweep play downloads/b random --sprt" in card
    played = run_sweep("play", str(folder), "random", "--env", str(env), "--matches", "8", "--json", cwd=tmp_path)
    assert json.loads(played.stdout)["matches"] == 8, played.stderr


def test_the_behaviors_of_a_space_must_be_the_executables(tmp_path: Path) -> None:
    (tmp_path / "uneven.yaml").write_text(TWO)
    trainer = ("--trainer", str(paddles.write(tmp_path, "uneven")))
    done = run_sweep("run", "uneven.yaml", "--env", trainer[1], *trainer, "--out", "out", cwd=tmp_path)
    assert "--trainer must train one behavior as yet, but uneven.yaml has Pair and Single" in done.stderr
    env = paddles.write(tmp_path, "doubles")
    done = run_sweep("run", "uneven.yaml", "--env", str(env), "--out", "out", cwd=tmp_path)
    assert "behaviors must hold the executable's, Doubles, but got [Pair, Single] in uneven.yaml" in done.stderr
    assert done.returncode == 1 and not (tmp_path / "out").exists()
