"""A model that is to be looked at: its files, as far as they are here, and what they say of it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reports.model.bundle import CARD, CONFIG, CONFIGURATION, ONNX


@dataclass(frozen=True)
class ModelFiles:
    """A model as it lies here, and what a repository says of it."""

    files: Mapping[str, Path]
    """Its files by name, as far as they are here."""
    names: Sequence[str]
    """All its files, here or not."""
    tags: Sequence[str] | None = None
    """As the Hub has them; None: the card's own are taken."""
    alone: bool = False
    """A single ONNX file, which has no card and no configuration."""


def of_folder(folder: Path) -> ModelFiles:
    """A local folder as it would be uploaded."""
    files = {
        name: path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (name := path.relative_to(folder).as_posix()).startswith((".git/", ".cache/"))
    }
    return ModelFiles(files, list(files))


def of_file(path: Path) -> ModelFiles:
    """A single ONNX file."""
    return ModelFiles({path.name: path}, [path.name], alone=True)


def policy_of(subject: ModelFiles) -> Path | None:
    """The model's policy: its root SoccerTwos.onnx, else its only root .onnx."""
    root = [name for name in subject.files if name.lower().endswith(".onnx") and "/" not in name]
    name = ONNX if ONNX in root else root[0] if len(root) == 1 else None
    return subject.files[name] if name is not None else None


def front_matter(subject: ModelFiles) -> dict[str, Any] | None:
    """The card's metadata; None where there is none."""
    path = subject.files.get(CARD)
    if path is None:
        return None
    match = re.match(r"\s*---\r?\n(.*?)\r?\n---", path.read_text(encoding="utf-8", errors="replace"), re.S)
    return _mapping(lambda: yaml.safe_load(match[1])) if match else None


def configuration(subject: ModelFiles) -> dict[str, Any] | None:
    """What it was trained with; None where nothing tells."""
    if (path := subject.files.get(CONFIGURATION)) is not None:
        return _mapping(lambda: yaml.safe_load(path.read_text(encoding="utf-8", errors="replace")))
    return as_json(subject, CONFIG) or None


def behaviors(configuration: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Behavior to its settings."""
    found = configuration.get("behaviors")
    return {str(k): v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def as_json(subject: ModelFiles, name: str) -> dict[str, Any]:
    """One of its JSON files; empty where it is not there or none."""
    path = subject.files.get(name)
    return (_mapping(lambda: json.loads(path.read_bytes())) or {}) if path is not None else {}


def _mapping(read: Callable[[], Any]) -> dict[str, Any] | None:
    try:
        found = read()
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None
