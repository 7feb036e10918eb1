"""A trainer's summaries on disk: one JSON object a line, appended whole, read without what is no summary."""

import json
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trials.ledger import append_lines

ABOUT = ("step", "time", "seconds")
"""What a summary says of itself (`TrialFolder.metrics`); everything else are statistics under mlagents' names."""


def append(metrics: Path, step: int, seconds: float, values: Mapping[str, float]) -> None:
    """Write one down; `seconds`: since the training's start. Raises OSError, and then nothing was written."""
    summary = {"step": step, "time": time.time(), "seconds": seconds} | dict(values)
    append_lines(metrics, json.dumps(summary).encode() + b"\n")


def read(metrics: Path) -> Iterator[dict[str, Any]]:
    """Whole lines that name a step, none where there is no file; a half line (the trainer is writing, or died) is
    passed over."""
    try:
        text = metrics.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            summary = json.loads(line)
        except ValueError:
            continue
        if isinstance(summary, dict) and isinstance(summary.get("step"), int):
            yield summary


def numbers(summary: Mapping[str, Any]) -> dict[str, float]:
    """Its statistics, where they are finite numbers."""
    return {name: float(value) for name, value in summary.items() if name not in ABOUT and is_number(value)}


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)
