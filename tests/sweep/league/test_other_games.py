"""A league of another game than SoccerTwos: each worker has an executable of its own, which may die."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import paddles
import psutil
import pytest
from patience import now
from real_sweep import run_sweep

from reports.league import page
from trials.arena.games import executable
from trials.arena.games.place import game_of
from trials.arena.matches.pool import Task
from trials.arena.players.load import LADDER
from trials.errors import SetupError
from trials.league import reader
from trials.league.pool import PairingPool


def test_a_league_of_paddles(tmp_path: Path) -> None:
    env, stranger = paddles.write(tmp_path), LADDER / "house-750k.onnx"
    terms = ("--pairs", "8", "--budget", "20", "--precision", "100", "--cores", "2")
    done = run_sweep("league", "run", "cup", "still", "random", str(stranger), "--env", str(env), *terms, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ladder/house-750k is refused: a policy must be of the game's behavior, Paddles" in done.stdout
    found = reader.opened(tmp_path / "cup")
    assert found.environment == executable.version(env)
    assert {place.name for place in found.standings if place.state == "playing"} == {
        "built-in/still",
        "built-in/random",
    }
    (over,) = found.rounds
    assert over.behavior == "Paddles" and over.matches == len(found.matches) > 0
    assert not page.data(found)["watched"]  # a page cannot play them again
    again = run_sweep("league", "run", "cup", "--env", str(env), *terms, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    other = run_sweep("league", "run", "cup", "still", "random", cwd=tmp_path)
    assert other.returncode == 2
    assert "a league must be of one game, but cup is of Paddles, and SoccerTwos is to be played" in other.stderr


def test_a_player_of_another_game_is_refused(tmp_path: Path) -> None:
    done = run_sweep("league", "run", "cup", "still", "house", "--env", str(paddles.write(tmp_path)), cwd=tmp_path)
    assert done.returncode == 1 and "house plays SoccerTwos alone, but the game is Paddles" in done.stderr
    assert not (tmp_path / "cup").exists()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[PairingPool]:
    """One worker, whose game is another."""
    with PairingPool(1, partial(game_of, paddles.write(tmp_path))) as made:
        yield made


def test_an_executable_that_dies_costs_its_pairing_and_one_that_is_left_dies(floor: PairingPool) -> None:
    queue = [Task(a="random", b="still", first=0, pairs=pairs, seed=1) for pairs in (1, 5000, 2)]
    found, killed = [], []
    for outcome in floor.outcomes(lambda _: queue.pop(0) if queue else None, 600.0):
        found.append(outcome)
        if len(found) == 1:  # the long one has begun, or is about to
            (game,) = psutil.Process(floor._workers[0]._process.pid).children(recursive=True)
            game.kill()
            killed.append(game)
    assert [len(outcome.records) for outcome in found] == [2, 0, 4]
    assert "an executable must live until its matches are over" in found[1].line and not found[1].blamed
    worker = psutil.Process(floor._workers[0]._process.pid)
    (another,) = worker.children(recursive=True)
    assert another not in killed
    worker.kill()
    deadline = now() + 20
    while another.is_running() and another.status() != psutil.STATUS_ZOMBIE:
        assert now() < deadline, "an executable outlived its worker"


def test_an_executable_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "none.x86_64").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "none.x86_64").chmod(0o755)
    queue = [Task(a="random", b="still", first=0, pairs=1, seed=1)]
    with (
        PairingPool(1, partial(game_of, tmp_path / "none.x86_64")) as made,
        pytest.raises(SetupError, match="must be an executable that mlagents"),
    ):
        list(made.outcomes(lambda _: queue.pop(0) if queue else None, 60.0))
