"""Trainer files of older ML-Agents releases, told by their sections, and what became of them.

Source: ML-Agents' docs/Migrating.md ("Migrating from Release 3 to latest", "Migrating from Release 1 to latest") and
mlagents 1.1.0, trainers/upgrade_config.py.
"""

from collections.abc import Mapping
from typing import Any

from trials.errors import SpaceError

TRAINERS = ("ppo", "sac", "offline_bc", "online_bc", "imitation")
"""What stood after `trainer` until release 2."""
RANDOMIZED = "resampling-interval"
LESSONS = ("measure", "thresholds")


def must_be_current(tree: Mapping[str, Any], file: str, lines: Mapping[str, int]) -> None:
    """SpaceError, one line that names the format and the moves, for a file that today's mlagents does not read."""
    sections = {str(name): below for name, below in tree.items() if isinstance(below, Mapping)}
    if "behaviors" not in tree and "default_settings" not in tree:
        old = [name for name, below in sections.items() if below.get("trainer") in TRAINERS]
        if old or ("default" in sections and len(sections) > 1):
            raise _old(
                file,
                lines.get((old or ["default"])[0]),
                "a trainer_config.yaml of ML-Agents release 1 or 2 (mlagents 0.16 and before)",
                "write what stands below default and below SoccerTwos as one section behaviors.SoccerTwos; there"
                " trainer became trainer_type, batch_size, buffer_size, learning_rate, beta, epsilon, lambd and"
                " num_epoch went below hyperparameters, hidden_units, num_layers and normalize below network_settings,"
                " use_recurrent with sequence_length and memory_size became network_settings.memory, and the ratio of"
                " self_play became play_against_latest_model_ratio (see course.yaml)",
            )
        lessons = [name for name, below in sections.items() if all(key in below for key in LESSONS)]
        if lessons or RANDOMIZED in tree:
            kind = "curriculum" if lessons else "parameter randomization"
            raise _old(
                file,
                lines.get(lessons[0] if lessons else RANDOMIZED),
                f"a {kind} file of ML-Agents release 1 or 2 (mlagents 0.16 and before)",
                "write it as environment_parameters of the trainer YAML, and name that one",
            )
    for name, moved in _MOVED.items():
        if tree.get(name) is not None:
            raise _old(
                file,
                lines.get(name),
                f"a trainer YAML of ML-Agents release 3 to 5 (mlagents 0.17 and 0.18), with {name}",
                moved,
            )


_MOVED = {
    "curriculum": "write environment_parameters.NAME.curriculum: a list of lessons, each with name, value and"
    " completion_criteria (behavior, measure, threshold, min_lesson_length, signal_smoothing)",
    "parameter_randomization": "write environment_parameters.NAME: sampler_type, and below sampler_parameters what"
    " stood beside it; resampling-interval is gone",
}


def _old(file: str, line: int | None, what: str, moved: str) -> SpaceError:
    where = f"{file}:{line}" if line else file
    return SpaceError(f"a space must be a trainer YAML as mlagents 1.1.0 reads it, but {where} is {what}; {moved}")
