"""Files that a trainer YAML names, checkpoints and demonstrations: found from its own folder, and taken into the run.

A run keeps them under `inputs/`, named by content, and its space names them there: so it goes on, moves, is repeated
and reaches a cluster's machines without the place they came from.
"""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import yaml

from search_spaces.fill import put
from search_spaces.parameters import Choice
from search_spaces.space import Space, from_text
from search_spaces.text import get, node_at, replaced
from trials.inputs import INPUTS, PATHS


@dataclass(frozen=True)
class Input:
    """A file or folder that a space names."""

    key: str
    """Path below the behavior."""
    written: str
    source: Path
    name: str
    """In the run: `inputs/`, 8 hex digits of its content's sha256, its own name."""

    @property
    def files(self) -> list[tuple[Path, str]]:
        """Each file with its name in the run: itself, or a folder's demonstrations."""
        if not self.source.is_dir():
            return [(self.source, self.name)]
        return [(file, f"{self.name}/{file.name}") for file in sorted(self.source.glob("*.demo"))]


def named(space: Space) -> tuple[Input, ...]:
    """Every file that `space` names. SpaceError where one is not there, or is by its name of another kind."""
    return tuple(_found(space, key, text) for key in PATHS for text in _written(space, key))


def _written(space: Space, key: str) -> Sequence[str]:
    """The paths at a key, each once: the behaviors', and the one that trial 0 has in their place."""
    shared = get(space.sweep.shared, key)
    own = [text for part in space.each for text in _own(part, key)]
    return list(dict.fromkeys([*own, *([] if shared is None else [str(shared)])]))


def _own(space: Space, key: str) -> Sequence[str]:
    parameter = space.parameters.get(key)
    if isinstance(parameter, Choice):
        return [str(option) for option in parameter.options]
    value = get(space.trainer, key)
    return [] if value is None else [str(value)]


def _found(space: Space, key: str, text: str) -> Input:
    source, suffix = space.beside(text), PATHS[key]
    if not source.exists():
        mend = "correct the path, or take that line out"
        raise space.error(key, "must name a file that is there, from the YAML's own folder", text, mend)
    if source.is_dir() and suffix == ".demo" and not any(source.glob("*.demo")):
        raise space.error(key, "must name a .demo file or a folder of them", text, "record one, or name another")
    if source.is_dir() and suffix == ".pt":
        mend = "name the file in it: checkpoint.pt, in the folder of the behavior"
        raise space.error(key, "must name a checkpoint, a .pt file", text, mend)
    if source.is_file() and source.suffix != suffix:
        raise space.error(key, f"must name a {suffix} file", text, "name such a file")
    digest, found = sha256(), Input(key, text, source, "")
    try:
        for file, name in found.files:
            digest.update(name.encode())
            with file.open("rb") as opened:
                file_digest(opened, lambda: digest)  # reads on into the same digest
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise space.error(key, "must name a file that can be read", f"{text} ({reason})", "fix that") from None
    return replace(found, name=f"{INPUTS}/{digest.hexdigest()[:8]}-{source.resolve().name}")


def taken_along(space: Space, inputs: Sequence[Input]) -> Space:
    """`space` with these named as the run keeps them, its text too, comments and order kept where that can be."""
    if not inputs:
        return space
    for text in (_in_place(space, inputs), _anew(space, inputs)):
        found = replace(from_text(text, space.name, space.file), folder=space.folder)
        if all(
            _written(found, key) == [*dict.fromkeys(each.name for each in inputs if each.key == key)] for key in PATHS
        ):
            return found
    raise space.error(inputs[0].key, "must stand on a line of its own", inputs[0].written, "write it so")


def _in_place(space: Space, inputs: Sequence[Input]) -> str:
    """The text with each of the paths replaced where it stands."""
    root, cuts = yaml.compose(space.text, Loader=yaml.SafeLoader), []
    for each in inputs:
        below = [("behaviors", behavior) for behavior in space.behaviors]
        for section in (*below, ("default_settings",), ("sweep", "shared")):
            nodes = _scalars(node_at(root, (*section, *each.key.split("."))))
            cuts += [(node, json.dumps(each.name, ensure_ascii=False)) for node in nodes if node.value == each.written]
    return replaced(space.text, cuts)


def _scalars(node: Any) -> Iterator[yaml.ScalarNode]:
    """The paths at a key: its value, or the options of its choice."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, options in node.value:
            if key.value == "choice":
                yield from options.value


def _anew(space: Space, inputs: Sequence[Input]) -> str:
    tree: dict[str, Any] = deepcopy(dict(space.tree))
    for key in {each.key for each in inputs}:
        by_written = {each.written: each.name for each in inputs if each.key == key}
        for part in space.each:
            if names := [by_written[text] for text in _own(part, key)]:
                put(tree["behaviors"][part.behavior], key, {"choice": names} if key in part.parameters else names[0])
        if (shared := get(space.sweep.shared, key)) is not None:
            put(tree["sweep"]["shared"], key, by_written[str(shared)])
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
