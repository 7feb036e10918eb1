"""How far a training is: told by its trainer, read by its worker."""

import json
from pathlib import Path

import pytest

from trials.folder import TrialFolder
from trials.learner import progress
from trials.learner.progress import Progress, Where


def test_before_the_first_word_everything_is_zero(tmp_path: Path) -> None:
    files = TrialFolder(tmp_path)
    assert progress.read(files) == Where()
    files.progress.write_text(json.dumps({"step": 7, "resumed": 3, "seconds": 2.0, "time": 1.0}))
    assert progress.read(files) == Where(7, 3, 2.0, 1.0)
    assert progress.read(files).steps_per_second == 2.0


def test_the_clock_starts_at_the_first_step_behind_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, at = TrialFolder(tmp_path), [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: at[0])
    monkeypatch.setattr(progress.time, "time", lambda: 7.0)  # whatever a person sets it to
    telling = Progress(files, 500, period=2.0)
    assert progress.read(files) == Where(500, 500, 0.0, 7.0) and telling.seconds == 0
    for now, step, read in [
        (1010, 500, Where(500, 500, 0.0, 7.0)),  # it still starts
        (1011, 500, Where(500, 500, 0.0, 7.0)),  # too soon after
        (1020, 520, Where(520, 500, 0.0, 7.0)),
        (1021, 530, Where(520, 500, 0.0, 7.0)),
        (1030, 600, Where(600, 500, 10.0, 7.0)),
    ]:
        at[0] = float(now)
        telling.at(step)
        assert progress.read(files) == read
    assert telling.seconds == 10 and progress.read(files).steps_per_second == 10
