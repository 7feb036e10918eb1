"""A space of two behaviors: parameters of each and of both, rules for each, one configuration."""

from pathlib import Path
from typing import Any

import pytest

import search_spaces
from search_spaces import from_text
from search_spaces.files import named, taken_along
from search_spaces.parameters import Choice, Float
from search_spaces.rewrite import rewritten
from search_spaces.space import Space
from sweep.search.study import course_params
from trials.errors import BadTrial, SpaceError

TEXT = """
sweep: {steps: 60000}
environment_parameters:
  ball_speed:
    curriculum:
      - name: slow
        value: 0.04
        completion_criteria: {measure: progress, behavior: Single, threshold: 0.3}
      - name: fast
        value: 0.06
default_settings:
  trainer_type: poca
  hyperparameters:
    learning_rate: {log_float: [1e-4, 1e-2]}
    batch_size: 128
    buffer_size: {multiple_of: hyperparameters.batch_size, by: {choice: [8, 16]}}
  self_play: {save_steps: 2000, team_change: 10000}
behaviors:
  Pair:
    hyperparameters: {num_epoch: {int: [3, 5]}}
  Single:
    hyperparameters:
      learning_rate: {log_float: [1e-3, 1e-1]}
      batch_size: {choice: [64, 256]}
"""
SHARED = "hyperparameters.learning_rate"
BUFFER = "hyperparameters.buffer_size / hyperparameters.batch_size"
VALUES = {
    SHARED: 2e-3,
    BUFFER: 8,
    "Pair.hyperparameters.num_epoch": 4,
    "Single.hyperparameters.learning_rate": 2e-2,
    "Single.hyperparameters.batch_size": 256,
}


@pytest.fixture
def space() -> Space:
    found = from_text(TEXT, "uneven")
    search_spaces.check(found, 60_000, 8, any_game=True)
    return found


def test_what_stands_for_all_is_one_parameter_and_what_a_behavior_says_its_own(space: Space) -> None:
    assert (space.behavior, space.behaviors) == ("Pair", ("Pair", "Single"))
    assert {search_spaces.parameter_name(path, one) for path, one in space.parameters.items()} == {*VALUES}


def test_a_parameter_takes_the_place_of_another_kind() -> None:
    found = from_text(TEXT.replace("{log_float: [1e-3, 1e-1]}", "{choice: [0.1, 0.2]}"), "uneven")
    assert found.parameters["Single.hyperparameters.learning_rate"] == Choice((0.1, 0.2))


def test_a_trial_fills_each_behavior(space: Space) -> None:
    pair, single = search_spaces.render(space, VALUES)["behaviors"].values()
    assert (pair["hyperparameters"]["learning_rate"], single["hyperparameters"]["learning_rate"]) == (2e-3, 2e-2)
    assert (pair["hyperparameters"]["buffer_size"], single["hyperparameters"]["buffer_size"]) == (1024, 2048)
    assert pair["hyperparameters"]["num_epoch"] == 4 and "num_epoch" not in single["hyperparameters"]
    with pytest.raises(SpaceError, match="but got Singles"):
        search_spaces.render(space, {**VALUES, "Singles.hyperparameters.batch_size": 64})


def test_trial_0_is_the_middle_of_every_range_and_known_to_the_study(space: Space) -> None:
    single = search_spaces.course(space)["behaviors"]["Single"]
    assert single["hyperparameters"]["learning_rate"] == pytest.approx(1e-2)
    known = course_params(space)
    assert {*known} == {*VALUES} and known["Single.hyperparameters.learning_rate"] == pytest.approx(1e-2)


def test_what_all_share_is_never_taken_from_a_behavior_that_has_its_own() -> None:
    part, path = from_text(TEXT.replace("  Pair:", "  A:").replace("  Single:", "  Pair:"), "u").at(SHARED)
    assert (part.behavior, path) == ("A", SHARED)
    first = "  Own:\n    hyperparameters:\n      learning_rate: {log_float: [1e-3, 1e-1]}\n"
    two = TEXT[: TEXT.index("  Single:\n    hyper")].replace("  Pair:\n", f"{first}  Pair:\n")
    found = from_text(two.replace("behavior: Single", "behavior: Own"), "uneven")
    assert found.behaviors == ("Own", "Pair") and found.at(SHARED)[0].behavior == "Pair"
    assert course_params(found)[SHARED] == pytest.approx(1e-3)


def test_steps_are_scaled_in_both(space: Space) -> None:
    scaled, changes = search_spaces.scale(search_spaces.render(space, VALUES), 10_000, 20_000)
    assert [each["self_play"]["team_change"] for each in scaled["behaviors"].values()] == [5000, 5000]
    assert [each["max_steps"] for each in scaled["behaviors"].values()] == [10_000, 10_000]
    assert changes["Single.self_play.save_steps"] == (2000, 1000)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("num_epoch: {int: [3, 5]}", "num_epochs: 3", "must hold keys that mlagents knows, but got num_epochs in"),
        ("choice: [64, 256]", "choice: [64, 1.5]", "hyperparameters.batch_size must be a whole number"),
        ("behavior: Single", "behavior: Triple", "must be Pair or Single, but got Triple"),
        (
            "  Single:\n    hyper",
            "  SoccerTwos:\n    hyper",
            "must hold exactly one behavior, SoccerTwos, but got Pair,",
        ),
        ("learning_rate: {log_float: [1e-3, 1e-1]}", "learning_rate: {flaot: [1e-3, 1e-1]}", "did you mean float?"),
    ],
)
def test_each_behavior_is_held_to_the_rules(old: str, new: str, line: str) -> None:
    assert old in TEXT
    with pytest.raises(SpaceError) as refusal:
        search_spaces.check(from_text(TEXT.replace(old, new), "uneven"), 60_000, 8, any_game=True)
    assert line in str(refusal.value)


def test_a_relation_that_one_behavior_breaks_is_refused(space: Space) -> None:
    config = search_spaces.render(space, VALUES)
    config["behaviors"]["Single"]["hyperparameters"]["buffer_size"] = 100
    with pytest.raises(BadTrial, match="buffer_size must be at least"):
        search_spaces.check_config(config, space)


def test_notes_say_whose_they_are(space: Space) -> None:
    notes = search_spaces.notes(space, 60_000, 8)
    assert any(note.startswith("Single: hyperparameters.learning_rate spans 0.001 to 0.1") for note in notes)
    assert any(note.startswith("Pair: hyperparameters.batch_size") for note in notes) is False


def test_parameters_are_rewritten_where_they_stand(space: Space) -> None:
    wanted: Any = {"Single.hyperparameters.learning_rate": Float(2e-3, 5e-2, True), SHARED: Float(2e-4, 5e-3, True)}
    lines = rewritten(from_text(TEXT, "uneven"), wanted, 60_000, 8).text.splitlines()
    changed = [line.strip() for line in lines if line not in TEXT.splitlines()]
    assert changed == ["learning_rate: {log_float: [0.0002, 0.005]}", "learning_rate: {log_float: [0.002, 0.05]}"]


def test_files_of_both_are_taken_along(tmp_path: Path) -> None:
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(name.encode())
    text = TEXT.replace("  Pair:\n", "  Pair:\n    init_path: a.pt\n").replace(
        "  Single:\n", "  Single:\n    init_path: b.pt\n"
    )
    (tmp_path / "uneven.yaml").write_text(text)
    found = search_spaces.load(tmp_path / "uneven.yaml")
    kept = taken_along(found, named(found))
    paths = [part.trainer["init_path"] for part in kept.each]
    assert [path.rpartition("-")[2] for path in paths] == ["a.pt", "b.pt"] and all("inputs/" in path for path in paths)
