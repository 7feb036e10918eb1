"""The trainers' own summaries as one long frame: for finding faults, never for choosing."""

import math
from collections.abc import Iterable

import pandas as pd

from trials import summaries
from trials.folder import RunFolder

LABELS = {
    "Environment/Group Cumulative Reward": "Group reward per episode",
    "Environment/Cumulative Reward": "Individual reward per episode",
    "Environment/Episode Length": "Episode length, decisions",
    "Policy/Entropy": "Policy entropy, nats",
    "Policy/Learning Rate": "Learning rate",
    "Losses/Policy Loss": "Policy loss",
    "Losses/Value Loss": "Value loss",
    "Self-play/ELO": "Ghost Elo: the trainer’s own, not the score",
}
"""mlagents' names of what the page draws, to the axis' title; ghost Elo last."""


def curves(folder: RunFolder, numbers: Iterable[int], points: int = 40_000) -> pd.DataFrame:
    """The trainers' own summaries, long: trial, step, name, value. About `points` rows of each name at most."""
    wanted = list(numbers)
    share = max(12, points // max(1, len(wanted)))
    rows: list[tuple[int, int, str, float]] = []
    for number in wanted:
        found = list(summaries.read(folder.trial(number).metrics))
        stride = math.ceil(len(found) / share) if found else 1
        for place, summary in enumerate(found):
            if place % stride == 0 or place == len(found) - 1:
                rows.extend(
                    (number, summary["step"], name, value) for name, value in summaries.numbers(summary).items()
                )
    return pd.DataFrame(rows, columns=["trial", "step", "name", "value"])


def reached(curves: pd.DataFrame) -> dict[int, int]:
    """Trial to the last step in its metrics."""
    return {int(trial): int(step) for trial, step in curves.groupby("trial")["step"].max().items()}  # type: ignore[call-overload]
