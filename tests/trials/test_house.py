"""The house baseline as it is committed: it beats random play, the ladder was fitted with it, and its recipe trains."""

from pathlib import Path

import pytest

import search_spaces
from sweep import settings
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


@pytest.mark.parametrize(("recipe", "steps"), [("house", 10_000_000), ("earlier", 6_000_000)])
def test_the_recipe_lies_beside_it(recipe: str, steps: int) -> None:
    space = search_spaces.load(LADDER / f"{recipe}.yaml")
    assert not space.parameters  # one configuration
    assert not space.tree.get("environment_parameters")  # the course's rewards and no other
    asked = settings.of_space(recipe, space, {"out": Path("unused")})
    assert (asked.steps, asked.fields, asked.final_seeds, asked.scheduler) == (steps, 32, 0, "none")


def test_its_policies_are_small() -> None:
    assert HOUSE.stat().st_size < 1_000_000
    assert sum((LADDER / f"{name}.onnx").stat().st_size for name in EARLIER) < 1_200_000
