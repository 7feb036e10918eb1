"""Built-in players: what they do, and what happens where one is missing."""

from pathlib import Path

import numpy as np
import pytest

from trials.arena.matches.match import play
from trials.arena.players import load as players
from trials.arena.players import player
from trials.arena.ratings import sprt
from trials.errors import BadPolicy, SetupError


def looking(**rays: tuple[int, float]) -> np.ndarray:
    """One agent's observation, sixteen times: tag to (forward ray, distance in m); all other rays miss."""
    frame = np.zeros((11, 8), np.float32)
    frame[:, 6:] = 1
    for tag, (ray, distance) in rays.items():
        frame[ray] = 0
        frame[ray, {"ball": 0, "own": 1, "goal": 2}[tag]] = 1
        frame[ray, 7] = distance / 20
    seen = np.zeros((16, 336), np.float32)
    seen[:, 176:264] = frame.reshape(-1)
    seen[:, 264 + 48 :].reshape(16, 3, 8)[:, :, 6:] = 1
    return seen


def intended(player: player.Player, seen: np.ndarray) -> list[int]:
    """The likeliest action of each branch: run, sidestep, turn."""
    answer = np.empty((16, 9), np.float32)
    player.decide(seen, np.zeros((16, 0), np.float32), answer)
    np.testing.assert_allclose(np.exp(answer).reshape(-1, 3, 3).sum(axis=2), 1, rtol=1e-5)
    best: list[int] = answer[0].reshape(3, 3).argmax(axis=1).tolist()
    return best


def test_still_stands_and_random_is_uniform() -> None:
    assert intended(players.load("still"), looking()) == [0, 0, 0]
    answer = np.empty((16, 9), np.float32)
    players.load("random").decide(looking(), np.zeros((16, 0), np.float32), answer)
    np.testing.assert_allclose(np.exp(answer), 1 / 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("rays", "actions"),
    [
        ({}, [0, 0, 2]),  # nothing: turn right
        ({"ball": (0, 10)}, [1, 0, 0]),  # straight ahead: run
        ({"ball": (3, 5)}, [1, 0, 2]),  # 24 degrees right: run and turn right
        ({"ball": (10, 5)}, [0, 0, 1]),  # 60 degrees left: turn left
        ({"ball": (0, 3), "goal": (5, 9)}, [0, 2, 0]),  # goal to the right: walk round to the left
        ({"ball": (0, 3), "own": (1, 9)}, [0, 1, 0]),  # own goal behind the ball, to the right: pass on the right
    ],
)
def test_the_chaser_runs_at_the_ball_and_round_it(rays: dict[str, tuple[int, float]], actions: list[int]) -> None:
    assert intended(players.load("chaser"), looking(**rays)) == actions


def test_the_chaser_clearly_beats_random_play() -> None:
    test = sprt.Test(0, 100)
    play(players.load("chaser"), players.load("random"), 400, 1, stop=test)
    assert test.verdict.verdict == "accepted"


def test_an_unknown_name_is_a_file_that_is_not_there() -> None:
    with pytest.raises(BadPolicy, match="still, random, chaser, house"):
        players.load("chasser")


def test_a_missing_house_says_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(players, "HOUSE", tmp_path / "house.onnx")
    with pytest.raises(SetupError, match="house baseline must be installed"):
        players.load("house")
