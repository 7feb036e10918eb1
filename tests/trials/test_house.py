"""The house baseline as it is committed: it beats random play, and the ladder was fitted with it."""

import yaml

from trials.arena.matches import match
from trials.arena.players import load as players
from trials.arena.players.load import EARLIER, HOUSE, LADDER
from trials.arena.ratings import ladder_file, sprt
from trials.soccer.constants import VERSION


def test_the_house_baseline_beats_random_play() -> None:
    test = sprt.Test(0.0, 100.0)
    match.play(players.load("house"), players.load("random"), 400, 99, stop=test)
    assert test.verdict.verdict == "accepted"


def test_the_ladder_is_of_this_house_and_this_environment() -> None:
    ladder = ladder_file.read()
    ids = {rung.name: rung.sha256 for rung in ladder.rungs}
    assert ids["house"] == players.load("house").id
    assert ladder.environment == VERSION


def test_the_recipe_lies_beside_it() -> None:
    recipe = yaml.safe_load(HOUSE.with_suffix(".yaml").read_text())
    assert recipe["behaviors"]["SoccerTwos"]["trainer_type"] == "poca"
    assert recipe["behaviors"]["SoccerTwos"]["max_steps"] >= 5_000_000
    assert "environment_parameters" not in recipe  # the course's rewards and no other


def test_its_policies_are_small() -> None:
    files = [HOUSE, *(LADDER / f"{name}.onnx" for name in EARLIER)]
    assert sum(path.stat().st_size for path in files) < 1_200_000
