"""The last whole checkpoint of a training: written so that a kill tears nothing, and found again afterwards.

mlagents writes `BEHAVIOR-STEP.pt` and `checkpoint.pt` in place and its `training_status.json` (ghost Elo, lessons) only
when a training ends. Neither holds the ghost windows: a training that goes on starts them anew with its own policy.
Source: mlagents 1.1.0 `trainers/model_saver/torch_model_saver.py`, `trainers/training_status.py`, `trainers/learn.py`.
"""

import functools
import io
import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trials.folder import TrialFolder, written_whole

CURRENT = "checkpoint.pt"
logger = logging.getLogger(__name__)


def save_whole() -> None:
    """Let this process's torch.save write beside the file's name and rename, so that no reader sees half of one."""
    import torch

    save = torch.save

    def whole(obj: Any, f: Any, *arguments: Any, **options: Any) -> None:
        if not isinstance(f, (str, os.PathLike)):
            save(obj, f, *arguments, **options)
            return
        written = io.BytesIO()
        save(obj, written, *arguments, **options)
        with written_whole(Path(f)) as temporary:
            temporary.write_bytes(written.getbuffer())  # here, because torch says RuntimeError where a disk is full

    torch.save = whole


def load_anywhere() -> None:
    """Let this process's torch.load take what was saved on a GPU, where mlagents would ask for that GPU."""
    import torch

    torch.load = functools.partial(torch.load, map_location="cpu")


def save_status(files: TrialFolder) -> None:
    """Write mlagents' training status, whole, as it does at a training's end."""
    from mlagents.trainers.training_status import GlobalTrainingStatus

    with written_whole(files.training_status) as temporary:
        GlobalTrainingStatus.save_state(str(temporary))


def restore(files: TrialFolder, behaviors: Sequence[str]) -> int | None:
    """Put each behavior's newest checkpoint that can be loaded where mlagents resumes from; trainer steps of the one
    that has the fewest, None where one has none.

    A status file that cannot be read is put aside: ghost Elo and lessons then begin anew.
    """
    status = files.training_status
    if status.exists():
        try:
            _own_checkpoints(files, behaviors)
        except (ValueError, LookupError, TypeError, AttributeError):
            logger.warning("%s was damaged and is put aside: ghost Elo and lessons begin anew", status.name)
            status.replace(status.with_suffix(".damaged"))
    found = [_restored(files.results / behavior) for behavior in behaviors]
    known = [steps for steps in found if steps is not None]
    return min(known) if len(known) == len(found) else None


def _own_checkpoints(files: TrialFolder, behaviors: Sequence[str]) -> None:
    """Let the status list what lies in this trial's folder: mlagents removes the oldest of the list, and a status that
    came from elsewhere, as an extended trial's or in a copy of the run, names the files of those.

    Raises ValueError for what is no JSON, LookupError, TypeError or AttributeError for JSON of another shape.
    """
    text = files.training_status.read_bytes()
    status = json.loads(text)
    for behavior in behaviors:
        folder = files.results / behavior
        for one in status.get(behavior, {}).get("checkpoints", ()):
            one["file_path"] = str(folder / Path(one["file_path"]).name)
            one["auxillary_file_paths"] = [str(folder / Path(path).name) for path in one["auxillary_file_paths"]]
    if status != json.loads(text):
        with written_whole(files.training_status) as temporary:
            temporary.write_text(json.dumps(status, indent=4))


def _restored(folder: Path) -> int | None:
    for path in _newest_first(folder):
        steps = steps_of(path)
        if steps is None:
            logger.warning("the checkpoint %s cannot be loaded and is passed over", path.name)
            continue
        if path.name != CURRENT:
            with written_whole(path.with_name(CURRENT)) as temporary:
                shutil.copyfile(path, temporary)
        return steps
    return None


def _newest_first(folder: Path) -> list[Path]:
    numbered = [path for path in folder.glob("*-*.pt") if steps_in_name(path.name) >= 0]
    return [*folder.glob(CURRENT), *sorted(numbered, key=lambda path: steps_in_name(path.name), reverse=True)]


def steps_in_name(name: str) -> int:
    """Trainer steps by a checkpoint's name, `BEHAVIOR-STEPS.pt`; -1 where it says none."""
    number = Path(name).stem.rpartition("-")[2]
    return int(number) if name.endswith(".pt") and number.isdigit() else -1


def steps_of(path: Path) -> int | None:
    """Trainer steps in a checkpoint, None where it is damaged."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        (step,) = state["global_step"].values()
        return int(step) if "Policy" in state else None
    except Exception as error:  # noqa: BLE001  torch raises whatever its unpickler does
        logger.debug("%s: %s", path, error)
        return None
