"""Where a run's baseline is: its copy in the run's folder, an installed policy, or the file that the settings name."""

import os
from pathlib import Path

import yaml

from trials.arena.players import onnx_external
from trials.arena.players.load import EARLIER, HOUSE, LADDER
from trials.folder import RunFolder


def find(run: RunFolder, digest: str) -> Path | None:
    """The ONNX file, or folder of such, with that sha256: what lies elsewhere now under its name is another player.

    A baseline from the Hub is its copy, or else in the Hub's cache, where `sweep.models` looks; None: it is not here.
    """
    copies = sorted(run.baseline.rglob("*.onnx"))
    folders = sorted({path.parent for path in copies})
    for path in (*copies, *folders, HOUSE, *(LADDER / f"{name}.onnx" for name in EARLIER), *_named(run)):
        if path.exists() and onnx_external.digest_of(path) == digest:
            return path
    return None


def _named(run: RunFolder) -> list[Path]:
    try:
        said = yaml.safe_load(run.settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    name = said.get("baseline") if isinstance(said, dict) else None
    return [Path(os.path.expanduser(name))] if isinstance(name, str) and name else []
