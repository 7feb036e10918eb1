"""A sweep of another game than SoccerTwos, end to end: real trainer, executable, yardstick, ranking, report."""

import json
from pathlib import Path
from typing import Any

import paddles
import pytest
from real_sweep import run_sweep

from search_spaces import course, from_text
from search_spaces.rules import check
from sweep import settings as made
from sweep.search.specs import renderer
from trials import ledger
from trials.arena.games import executable
from trials.arena.games.unity import UnityGame
from trials.arena.ratings import ladder_file, yardstick
from trials.errors import SpaceError
from trials.events import FreshRated, SweepBegan, SweepEnded, TrialEnded, TrialRated
from trials.folder import RunFolder

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
        (SPACE.replace("Paddles:", "A: {}\n  B:"), True, "must hold exactly one behavior"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_one_line(text: str, any_game: bool, line: str) -> None:
    with pytest.raises(SpaceError) as refusal:
        check(from_text(text, "paddles"), 3000, 8, any_game=any_game)
    assert line in str(refusal.value)


def test_a_yardstick_is_fitted_in_its_game_and_rates_on_it(tmp_path: Path) -> None:
    game = UnityGame(paddles.Paddles(8, 1), "unity-x")
    fitted = yardstick.fit(game, "random", 1)
    assert sorted(rung.name for rung in fitted.rungs) == ["random", "still"]
    assert sum(fitted.pairings[0].outcomes) == yardstick.PAIRS
    assert (fitted.environment, fitted.anchor) == ("unity-x", None)
    assert fitted.version.startswith("yardstick-")
    run = RunFolder(tmp_path)
    ladder_file.write(fitted, run.yardstick)
    assert ladder_file.read(run.yardstick) == fitted
    assert yardstick.fit(UnityGame(paddles.Paddles(8, 1), "unity-x"), "random", 1) == fitted


def test_a_sweep_of_paddles(tmp_path: Path) -> None:
    (tmp_path / "paddles.yaml").write_text(SPACE)
    env = paddles.write(tmp_path)
    done = run_sweep("run", "paddles.yaml", "--env", str(env), "--out", "out", "--slots", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
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
    assert "house baseline: 1200" not in page and "make promote" not in page
    assert "Matches to watch" not in page
    extend = ("extend", "out", "--trial", "0", "--steps", "1000")
    for words in (("promote", "out", "--repo", "a/b", "--dry-run"), extend):
        refused = run_sweep(*words, cwd=tmp_path)
        assert refused.returncode == 1
        assert "only" in refused.stderr and "another game" in refused.stderr
