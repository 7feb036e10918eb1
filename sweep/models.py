"""A name or path of a model becomes a local file and its sha256, before anything starts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from trials.arena.players import BUILT_IN, EARLIER, HOUSE, LADDER
from trials.arena.vetting import vet
from trials.errors import BadPolicy


@dataclass(frozen=True)
class Model:
    """A player that is known to be there."""

    name: str
    """What tables show: a built-in's name or a file's stem."""
    load: str
    """What `trials.arena.players.load` takes: a built-in's name or an absolute path."""
    sha256: str
    """Of the file; a built-in without one has its name here."""


def resolve(text: str) -> Model:
    """The model named by `text`, a file tried out in a process of its own. Raises BadPolicy where there is none."""
    if text in BUILT_IN and text != "house":
        return Model(text, text, text)
    if text in EARLIER:
        return Model(text, text, _hash(LADDER / f"{text}.onnx"))
    path = HOUSE if text == "house" else Path(os.path.expanduser(text))
    if not path.is_file():
        raise BadPolicy(
            f"a model must be an ONNX file or one of {', '.join(BUILT_IN)}, but {text!r} is neither;"
            " check the path (runs keep their policies under trials/NNNN/candidates/)"
        )
    if text != "house":
        vet(path)
        name = path.stem if path.stem not in (*BUILT_IN, *EARLIER) else path.name  # those names are the house's own
        return Model(name, str(path.resolve()), _hash(path))
    return Model(text, text, _hash(path))


def told_apart(among: Sequence[Model]) -> list[Model]:
    """The same models under names of their own: of like names each gets its innermost folder that differs from all."""
    return [replace(model, name=_own_name(model, among)) for model in among]


def _own_name(model: Model, among: Sequence[Model]) -> str:
    """`SoccerTwos-200512`, or `0007/SoccerTwos-200512`."""
    others = [Path(other.load) for other in among if other.name == model.name and other.sha256 != model.sha256]
    if not others:
        return model.name
    path = Path(model.load)
    for folder, *theirs in zip(path.parents, *(other.parents for other in others), strict=False):
        if folder.name not in {their.name for their in theirs}:
            return f"{folder.name}/{model.name}"
    return f"{model.name}~{model.sha256[:6]}"


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
