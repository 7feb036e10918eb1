"""A trainer's summaries as a TensorBoard event file: numbers alone, thinned, under a name that tells no machine."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trials import summaries

POINTS = 500
"""Summaries kept at most, evenly spread, the last among them."""


def write(metrics: Path, until: int, folder: Path) -> Path | None:
    """The summaries in `metrics` (trials/folder.py) up to step `until` as a file in `folder`; None without any.

    What mlagents itself writes also holds histograms and the whole configuration as text, five megabytes for five
    million steps, in a file named by host and process.
    """
    known = [
        each for each in summaries.read(metrics) if each["step"] <= until and summaries.is_number(each.get("time"))
    ]
    if not known:
        return None
    known.sort(key=lambda summary: summary["step"])
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{int(known[0]['time'])}.trial"
    with path.open("wb") as file:
        records = RecordWriter(file)
        records.write(Event(wall_time=known[0]["time"], file_version="brain.Event:2").SerializeToString())
        for summary in thinned(known, POINTS):
            values = [Summary.Value(tag=name, simple_value=value) for name, value in summaries.numbers(summary).items()]
            event = Event(wall_time=summary["time"], step=summary["step"], summary=Summary(value=values))
            records.write(event.SerializeToString())
        records.flush()
    return path


def thinned(rows: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly spread, the last among them."""
    stride = max(1, math.ceil(len(rows) / most))
    return list(rows[::-1][::stride])[::-1]
