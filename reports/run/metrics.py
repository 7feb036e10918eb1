"""The trainers' own summaries as one long frame: for finding faults, never for choosing."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from trials.folder import RunFolder


def curves(folder: RunFolder, numbers: Iterable[int], points: int = 40_000) -> pd.DataFrame:
    """The trainers' own summaries, long: trial, step, name, value. About `points` rows of each name at most."""
    wanted = list(numbers)
    share = max(12, points // max(1, len(wanted)))
    rows: list[tuple[int, int, str, float]] = []
    for number in wanted:
        summaries = list(_summaries(folder, number))
        stride = math.ceil(len(summaries) / share) if summaries else 1
        for place, summary in enumerate(summaries):
            if place % stride == 0 or place == len(summaries) - 1:
                rows.extend((number, summary["step"], name, value) for name, value in _numbers(summary))
    return pd.DataFrame(rows, columns=["trial", "step", "name", "value"])


def reached(curves: pd.DataFrame) -> dict[int, int]:
    """Trial to the last step in its metrics."""
    return {int(trial): int(step) for trial, step in curves.groupby("trial")["step"].max().items()}  # type: ignore[call-overload]


def _summaries(folder: RunFolder, number: int) -> Iterator[dict[str, Any]]:
    """Whole lines that name a step; a half line (the trainer is writing, or died) is skipped."""
    try:
        text = folder.trial(number).metrics.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            summary = json.loads(line)
        except ValueError:
            continue
        if isinstance(summary, dict) and isinstance(summary.get("step"), int):
            yield summary


def _numbers(summary: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in summary.items():
        if name not in ("step", "time", "seconds") and isinstance(value, int | float) and math.isfinite(value):
            yield name, float(value)
