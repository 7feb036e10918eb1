"""A trainer's summaries as a TensorBoard event file: numbers alone, thinned, under a name that tells no machine."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

POINTS = 500
"""Summaries kept at most, evenly spread, the last among them."""


def write(metrics: Path, until: int, folder: Path) -> Path | None:
    """The summaries in `metrics` (trials/folder.py) up to step `until` as a file in `folder`; None without any.

    What mlagents itself writes also holds histograms and the whole configuration as text, five megabytes for five
    million steps, in a file named by host and process.
    """
    summaries = [summary for summary in _summaries(metrics) if summary["step"] <= until]
    if not summaries:
        return None
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{int(summaries[0]['time'])}.trial"
    with path.open("wb") as file:
        records = RecordWriter(file)
        records.write(Event(wall_time=summaries[0]["time"], file_version="brain.Event:2").SerializeToString())
        for summary in thinned(summaries, POINTS):
            values = [Summary.Value(tag=name, simple_value=value) for name, value in _numbers(summary)]
            event = Event(wall_time=summary["time"], step=summary["step"], summary=Summary(value=values))
            records.write(event.SerializeToString())
        records.flush()
    return path


def thinned(rows: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly spread, the last among them."""
    stride = max(1, math.ceil(len(rows) / most))
    return list(rows[::-1][::stride])[::-1]


def _summaries(metrics: Path) -> list[dict[str, Any]]:
    """Whole lines with a step and a time, ascending; a half line, a trainer's last, is skipped."""
    try:
        lines = metrics.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            summary = json.loads(line)
        except ValueError:
            continue
        if isinstance(summary, dict) and isinstance(summary.get("step"), int) and _is_number(summary.get("time")):
            found.append(summary)
    return sorted(found, key=lambda summary: summary["step"])


def _numbers(summary: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [
        (name, float(value))
        for name, value in summary.items()
        if name not in ("step", "time", "seconds") and _is_number(value)
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
