"""Whether a training is worth going on with: losses that are numbers, goals that are scored, room on the disk."""

import errno
import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trials.errors import BadTrial, LostTrial, SetupError, SweepError, reason
from trials.records import TrialSpec

ROOM = 200 * 2**20
"""Bytes the disk must have left: for the exports and ledgers of the trials that are stopped when it has not."""
SCORELESS_SHARE = 0.4
SCORELESS_STEPS = 100_000
"""A training without one goal after this share of its budget, and after so many trainer steps, has nothing to learn
from: the course's game gives no other reward."""

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
"""What the file system says that another start does not change, of a file that is no part of the trial's own folder."""

REWARD = "Environment/Group Cumulative Reward"
"""Only poca's trainer writes it (mlagents 1.1.0 `trainers/poca/trainer.py`)."""
LENGTH = "Environment/Episode Length"


class Health:
    """Looks at every summary of one training."""

    def __init__(self, spec: TrialSpec, before: Iterable[Mapping[str, Any]] = ()) -> None:
        """`before`: the summaries of earlier trainers of the trial, in which goals may have fallen."""
        self._budget = spec.steps
        trainer = spec.config["behaviors"].get("SoccerTwos")  # of other games nothing is known
        watched = trainer is not None and trainer.get("trainer_type") == "poca"  # ppo and sac do not say REWARD
        self._scored = not watched or spec.parent is not None or any(map(_has_goals, before))
        self._episodes = False

    def look(self, values: Mapping[str, float], step: int) -> None:
        """Raise BadTrial where a summary (mlagents' statistic: mean) shows that going on is in vain."""
        for name, value in values.items():
            if name.startswith("Losses/") and not math.isfinite(value):
                raise BadTrial(f"losses must be numbers, but {name} is {value} at step {step:,}; the trial is given up")
        self._episodes = self._episodes or LENGTH in values
        self._scored = self._scored or _has_goals(values)
        if self._episodes and not self._scored and step >= max(SCORELESS_STEPS, SCORELESS_SHARE * self._budget):
            raise BadTrial(
                f"a training must see goals to learn from, but none fell in {step:,} steps; the trial is given up"
                " (environment_parameters.ball_touch helps a beginner)"
            )


def _has_goals(values: Mapping[str, Any]) -> bool:
    return bool(values.get(REWARD, 0.0) != 0.0)


def room(folder: Path) -> None:
    """Raise SetupError where the disk that holds `folder` is all but full."""
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise SetupError(
            f"the disk must have {ROOM >> 20} MiB free to train on, but {folder} has {free >> 20}; free some, then run"
            " the sweep again"
        )


def of_system(error: OSError, folder: Path) -> SweepError:
    """Whose fault it is that the system refused something to the training in `folder`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SetupError(f"the disk must have room, but {folder} has none left; free some, then run the sweep again")
    said = f"{type(error).__name__}: {reason(error)}"
    lasting = error.errno in NOT_THERE or (error.errno is None and isinstance(error, FileNotFoundError))
    own = folder.absolute() in Path(str(error.filename)).absolute().parents
    return BadTrial(said) if lasting and not own else LostTrial(said)
