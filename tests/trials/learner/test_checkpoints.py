"""Checkpoints on a disk where anything may have been torn; the resuming itself is tested with a real training."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from trials.folder import TrialFolder
from trials.learner import checkpoints

ONE = ("SoccerTwos",)


@pytest.fixture
def files(tmp_path: Path) -> TrialFolder:
    made = TrialFolder(tmp_path)
    (made.results / "SoccerTwos").mkdir(parents=True)
    made.training_status.parent.mkdir()
    return made


def save(files: TrialFolder, name: str, steps: int, behavior: str = "SoccerTwos", **more: Any) -> Path:
    path = files.results / behavior / name
    state = {"Policy": {"w": torch.ones(300)}, "global_step": {"_GlobalSteps__global_step": torch.tensor([steps])}}
    torch.save(state | more, path)
    return path


def test_nothing_to_go_on_from(files: TrialFolder) -> None:
    assert checkpoints.restore(files, ONE) is None
    save(files, "checkpoint.pt", 5).write_bytes(b"")
    assert checkpoints.restore(files, ONE) is None


def test_the_current_one_is_taken_if_it_is_whole(files: TrialFolder) -> None:
    save(files, "SoccerTwos-500.pt", 500)
    save(files, "checkpoint.pt", 512)
    assert checkpoints.restore(files, ONE) == 512


@pytest.mark.parametrize("kept", (0.0, 0.1, 0.5, 0.9, 0.999))
def test_a_torn_one_falls_back_to_the_newest_before(files: TrialFolder, kept: float) -> None:
    for steps in (500, 9000, 1000):
        save(files, f"SoccerTwos-{steps}.pt", steps)
    for name in ("checkpoint.pt", "SoccerTwos-10000.pt"):
        path = save(files, name, 10_000)
        os.truncate(path, int(path.stat().st_size * kept))
    assert checkpoints.restore(files, ONE) == 9000
    current = torch.load(files.results / "SoccerTwos" / "checkpoint.pt", weights_only=True)
    assert current["global_step"]["_GlobalSteps__global_step"] == 9000


def test_what_is_no_checkpoint_is_passed_over(files: TrialFolder) -> None:
    save(files, "SoccerTwos-40.pt", 40)
    torch.save({"Policy": {}}, files.results / "SoccerTwos" / "checkpoint.pt")
    assert checkpoints.restore(files, ONE) == 40


def test_a_pickle_that_runs_code_is_not_run(files: TrialFolder, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    save(files, "checkpoint.pt", 5, Policy=Evil())
    assert checkpoints.restore(files, ONE) is None and not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ("", '{"SoccerTwos": {', "\x00\x00", "[]", '{"SoccerTwos": {"checkpoints": [{}]}}'))
def test_a_torn_status_is_put_aside(files: TrialFolder, text: str) -> None:
    files.training_status.write_text(text)
    save(files, "checkpoint.pt", 7)
    assert checkpoints.restore(files, ONE) == 7
    assert not files.training_status.exists() and files.training_status.with_suffix(".damaged").exists()


def test_a_whole_status_stays(files: TrialFolder) -> None:
    files.training_status.write_text("{}")
    checkpoints.restore(files, ONE)
    assert files.training_status.read_text() == "{}"


def test_a_status_that_came_from_another_trial_lists_this_ones_files(files: TrialFolder) -> None:
    """mlagents removes the oldest of the list: an extension must not take its parent's."""

    def listed(folder: str) -> dict[str, Any]:
        paths = {"file_path": f"{folder}/SoccerTwos-7.onnx", "auxillary_file_paths": [f"{folder}/SoccerTwos-7.pt"]}
        return {"SoccerTwos": {"elo": 1300.0, "checkpoints": [{"steps": 7, "reward": None, **paths}]}, "metadata": {}}

    files.training_status.write_text(json.dumps(listed("runs/mine/trials/0000/mlagents/SoccerTwos")))
    save(files, "checkpoint.pt", 7)
    assert checkpoints.restore(files, ONE) == 7
    assert json.loads(files.training_status.read_text()) == listed(str(files.results / "SoccerTwos"))
    before = files.training_status.stat().st_ino
    checkpoints.restore(files, ONE)
    assert files.training_status.stat().st_ino == before


def test_saving_leaves_the_old_one_whole_until_the_new_one_is(
    files: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(files, "checkpoint.pt", 7)
    monkeypatch.setattr(torch, "save", torch.save)
    checkpoints.save_whole()

    class Cut:
        def __reduce__(self) -> tuple[Any, ...]:
            raise KeyboardInterrupt  # as a kill in mid-write

    with pytest.raises(KeyboardInterrupt):
        torch.save({"Policy": torch.ones(10_000), "cut": Cut()}, str(path))
    assert checkpoints.restore(files, ONE) == 7
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.pt"]
    torch.save({"Policy": {}, "global_step": {"s": torch.tensor([9])}}, str(path))
    assert checkpoints.restore(files, ONE) == 9


def test_two_behaviors_go_on_each_from_its_own(files: TrialFolder) -> None:
    two = ("SoccerTwos", "Other")
    save(files, "checkpoint.pt", 900)
    assert checkpoints.restore(files, two) is None
    (files.results / "Other").mkdir()
    save(files, "checkpoint.pt", 700, behavior="Other").write_bytes(b"")
    save(files, "Other-600.pt", 600, behavior="Other")
    assert checkpoints.restore(files, two) == 600
    assert checkpoints.steps_of(files.results / "Other" / "checkpoint.pt") == 600
    assert checkpoints.steps_of(files.results / "SoccerTwos" / "checkpoint.pt") == 900
