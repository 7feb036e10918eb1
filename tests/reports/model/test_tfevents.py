"""Training curves as TensorBoard reads them: the trainer's own numbers, thinned, and nothing else."""

import json
from itertools import pairwise
from pathlib import Path

from reports.model import tfevents


def metrics(path: Path, count: int) -> Path:
    lines = [{"step": 10 * k, "time": 1e9 + k, "seconds": k, "Self-play/ELO": 1200.0 + k} for k in range(1, count + 1)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 99')
    return path


def test_tensorboard_reads_the_last_number_and_an_even_choice_of_the_others(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path = tfevents.write(metrics(tmp_path / "metrics.jsonl", 1200), 10_000, tmp_path / "SoccerTwos")
    assert path is not None and path.name == "events.out.tfevents.1000000001.trial"
    read = EventAccumulator(str(path.parent), {"scalars": 0})
    read.Reload()
    assert read.Tags()["scalars"] == ["Self-play/ELO"] and not read.Tags()["tensors"]
    points = read.Scalars("Self-play/ELO")
    assert len(points) == tfevents.POINTS and points[-1].step == 10_000 and points[-1].value == 2200
    assert {b.step - a.step for a, b in pairwise(points)} == {20}


def test_no_summaries_no_file(tmp_path: Path) -> None:
    assert tfevents.write(tmp_path / "none.jsonl", 10, tmp_path / "SoccerTwos") is None
    assert tfevents.write(metrics(tmp_path / "metrics.jsonl", 3), 5, tmp_path / "SoccerTwos") is None
    assert not (tmp_path / "SoccerTwos").exists()
