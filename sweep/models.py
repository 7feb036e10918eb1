"""A name or path of a model becomes a local file and its sha256, before anything starts."""

from dataclasses import dataclass
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
    path = HOUSE if text == "house" else Path(text).expanduser()
    if not path.is_file():
        raise BadPolicy(
            f"a model must be an ONNX file or one of {', '.join(BUILT_IN)}, but {text!r} is neither;"
            " check the path (runs keep their policies under trials/NNNN/candidates/)"
        )
    if text != "house":
        vet(path)
    return Model(text if text == "house" else path.stem, text if text == "house" else str(path.resolve()), _hash(path))


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
