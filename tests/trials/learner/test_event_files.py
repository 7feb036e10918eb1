"""Summaries of event files while they are written, one statistic at a time, as mlagents writes them."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from trials.learner.event_files import EventFiles


class Writer:
    """mlagents' end: a file of one behavior."""

    def __init__(self, results: Path, name: str) -> None:
        self.path = results / "SoccerTwos" / f"events.out.tfevents.{name}"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.put(Event(wall_time=1.0, file_version="brain.Event:2"))

    def add(self, step: int, **statistics: float) -> None:
        for name, value in statistics.items():
            summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
            self.put(Event(wall_time=1.0, step=step, summary=summary))

    def put(self, event: Event) -> None:
        with self.path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())

    def tear(self, size: int) -> bytes:
        """Take the last bytes back, as if they had not been written yet."""
        data = self.path.read_bytes()
        self.path.write_bytes(data[:-size])
        return data[-size:]


def told(events: EventFiles, ended: bool = False) -> list[tuple[int, dict[str, float]]]:
    return list(events.new(ended))


def test_the_newest_waits_until_no_statistic_comes_to_it(tmp_path: Path) -> None:
    events, writer = EventFiles(tmp_path, 0), Writer(tmp_path, "1")
    writer.add(1000, loss=1.0)
    assert told(events) == []
    writer.add(1000, elo=1200.0)
    assert told(events) == []  # another statistic came
    assert told(events) == [(1000, {"loss": 1.0, "elo": 1200.0})]
    assert told(events) == []
    writer.add(2000, loss=2.0, elo=1201.0)
    writer.add(3000, loss=3.0)
    assert told(events) == [(2000, {"loss": 2.0, "elo": 1201.0})] and events.step == 3000
    assert told(events, ended=True) == [(3000, {"loss": 3.0})]


def test_half_a_record_is_read_to_its_end_later(tmp_path: Path) -> None:
    events, writer = EventFiles(tmp_path, 0), Writer(tmp_path, "1")
    writer.add(1000, loss=1.0)
    rest = writer.tear(9)
    assert told(events) == [] and events.step == 0
    with writer.path.open("ab") as file:
        file.write(rest)
    writer.add(2000, loss=2.0)
    assert told(events) == [(1000, {"loss": 1.0})]


def test_a_start_after_a_death_tells_no_step_again(tmp_path: Path) -> None:
    Writer(tmp_path, "1").add(2000, loss=2.0)
    events = EventFiles(tmp_path, 2000)
    writer = Writer(tmp_path, "2")
    for step in (1000, 2000, 3000):
        writer.add(step, loss=step / 1e3)
        assert told(events) == [] and events.step == step
    assert told(events, ended=True) == [(3000, {"loss": 3.0})]


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    process = event_accumulator.EventAccumulator._ProcessEvent
    monkeypatch.setattr(
        event_accumulator.EventAccumulator,
        "_ProcessEvent",
        lambda self, event: (read.append(event.step), process(self, event)),
    )
    events, writer = EventFiles(tmp_path, 0), Writer(tmp_path, "1")
    for step in range(1, 6):
        writer.add(step, loss=1.0)
        told(events)
    assert read == [0, 1, 2, 3, 4, 5]
