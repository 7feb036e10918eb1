"""Files of older releases are told by name, with what became of their keys."""

from pathlib import Path

import pytest

import search_spaces
from trials.errors import SpaceError

COURSE = (Path(search_spaces.__file__).parent / "course.yaml").read_text()
RELEASE_1 = """
default:
    trainer: ppo
    batch_size: 1024
    use_recurrent: false
SoccerTwos:
    normalize: false
    max_steps: 5.0e7
    self_play: {window: 10, save_steps: 50000}
"""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (RELEASE_1, "my.yaml:2 is a trainer_config.yaml of ML-Agents release 1 or 2"),
        (
            "SoccerTwos: {trainer: sac, batch_size: 128}",
            "my.yaml:1 is a trainer_config.yaml of ML-Agents release 1 or 2",
        ),
        ("SoccerTwos: {trainer: offline_bc, demo_path: x}", "is a trainer_config.yaml of ML-Agents release 1 or 2"),
        (
            "SoccerTwos: {measure: reward, thresholds: [1], parameters: {}}",
            "my.yaml:1 is a curriculum file of ML-Agents",
        ),
        (
            "resampling-interval: 500\ngravity: {sampler-type: uniform}",
            "is a parameter randomization file of ML-Agents",
        ),
        (COURSE + "curriculum: {SoccerTwos: {measure: reward}}", "with curriculum; write environment_parameters.NAME"),
        (
            COURSE + "parameter_randomization: {resampling-interval: 5}",
            "release 3 to 5 (mlagents 0.17 and 0.18), with param",
        ),
    ],
)
def test_an_old_file_is_named(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(SpaceError) as refused:
        search_spaces.load(tmp_path / "my.yaml")
    assert what in str(refused.value) and "\n" not in str(refused.value)


def test_release_1_is_told_what_became_of_its_keys(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(RELEASE_1)
    with pytest.raises(SpaceError, match=r"trainer became trainer_type.*hyperparameters.*memory.*latest_model_ratio"):
        search_spaces.load(tmp_path / "my.yaml")


def test_what_older_releases_wrote_empty_is_no_old_format(tmp_path: Path) -> None:
    text = COURSE.replace("    trainer_type: poca\n", "    trainer_type: poca\n    framework: pytorch\n")
    (tmp_path / "my.yaml").write_text(text + "curriculum: null\nparameter_randomization: null\n")
    space = search_spaces.load(tmp_path / "my.yaml")
    search_spaces.check(space, space.budget, 8)


def test_default_settings_alone_are_every_behaviors(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("default_settings: {trainer_type: poca, time_horizon: 64}\n")
    space = search_spaces.load(tmp_path / "my.yaml")
    search_spaces.check(space, space.budget, 8)
    assert search_spaces.render(space, {})["behaviors"] == {"SoccerTwos": {"trainer_type": "poca", "time_horizon": 64}}
