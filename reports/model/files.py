"""A model that is to be looked at: its files, as far as they are here, and what they say of it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reports.hub.names import Names
from reports.model.bundle import CARD, CONFIG, CONFIGURATION
from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.errors import reason


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
    behavior: Behavior = SOCCER
    """What its agents must see and do."""

    @property
    def called(self) -> Names:
        """After its behavior, or the first of two."""
        return self.each[0]

    @property
    def each(self) -> tuple[Names, ...]:
        """After each of its behaviors."""
        return tuple(Names(behavior.name) for behavior in self.behavior.roles or (self.behavior,))


def of_folder(folder: Path, behavior: Behavior = SOCCER) -> ModelFiles:
    """A local folder as it would be uploaded."""
    files = {
        name: path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (name := path.relative_to(folder).as_posix()).startswith((".git/", ".cache/"))
    }
    return ModelFiles(files, list(files), behavior=behavior)


def of_file(path: Path, name: str | None = None) -> ModelFiles:
    """A single ONNX file, under another name than its own if that is said."""
    return ModelFiles({name or path.name: path}, [name or path.name], alone=True)


def policy_of(subject: ModelFiles) -> Path | None:
    """The model's policy: the one named after its behavior, else its only root .onnx."""
    root = [name for name in subject.files if name.lower().endswith(".onnx") and "/" not in name]
    name = subject.called.onnx if subject.called.onnx in root else root[0] if len(root) == 1 else None
    return subject.files[name] if name is not None else None


@dataclass(frozen=True)
class Told:
    """What a file says, as far as it can be read."""

    values: dict[str, Any] | None = None
    """None: the file is not there, says nothing, or cannot be read."""
    wrong: str = ""
    """Why it cannot be read, or not by everybody, with the line."""
    lacking: bool = False
    """It is not wrong, but there is nothing in it."""


def front_matter(subject: ModelFiles) -> Told:
    """The card's metadata, between two lines of `---` at its beginning."""
    path = subject.files.get(CARD)
    if path is None:
        return Told()
    data = path.read_bytes()
    bom = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "")
    try:
        text = data.decode("utf-16" if bom == "UTF-16" else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Told(None, f"{CARD} must be text in UTF-8, but line {line} is not")
    if not re.match(r"\s*---[ \t]*\r?\n", text):
        return Told(
            None, f"{CARD} must begin with metadata between two lines of ---, but line 1 is {_start(text)!r}", True
        )
    match = re.match(r"(\s*---[ \t]*\r?\n)(.*?)^---[ \t]*\r?$", text, re.S | re.M)
    if match is None:
        return Told(None, f"{CARD} must end its metadata with a line of ---, but after line 1 there is none")
    told = _yaml(match[2], CARD, match[1].count("\n"))
    if told.wrong or not bom:
        return told
    return Told(told.values, f"{CARD} begins with a byte order mark{_of(bom)} in line 1, so the Hub sees no metadata")


def _of(bom: str) -> str:
    return f" of {bom}" if bom == "UTF-16" else ""


def _start(text: str) -> str:
    return text.lstrip("\ufeff").split("\n", 1)[0].strip()[:60]


_MARKS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


ALIASES = 20
"""That a file may have: each can stand for as much as all before it."""


class _Strict(yaml.SafeLoader):
    """As the Hub reads it: a key twice is an error, and not the last one's value. Aliases are few: a value made of
    aliases of aliases has no end."""

    aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > ALIASES:
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(problem=f"it has more than {ALIASES} aliases", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is there twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return dict(super().construct_mapping(node, deep))


def _yaml(text: str, name: str, before: int = 0) -> Told:
    """`before`: lines of the file in front of the text."""
    try:
        found = yaml.load(text, _Strict)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 + before if mark is not None else before + 1
        return Told(None, f"{name} must be YAML, but line {line} is not ({reason(error.problem or error.context)})")
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        return Told(None, f"{name} must be YAML, but it is not ({reason(error, 300)})")
    if found is not None and not isinstance(found, dict):
        kind = "a list" if isinstance(found, list) else "a single value"
        return Told(None, f"{name} must have keys with values, but from line {before + 1} on it is {kind}")
    return Told(found or {})


def configuration(subject: ModelFiles) -> Told:
    """What it was trained with."""
    if (path := subject.files.get(CONFIGURATION)) is not None:
        return _yaml(path.read_text(encoding="utf-8-sig", errors="replace"), CONFIGURATION)
    told = as_json(subject, CONFIG)
    return Told(told.values or None, told.wrong)


def behaviors(configuration: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Behavior to its settings."""
    found = configuration.get("behaviors")
    return {str(k): v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def defaults(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its `default_settings`, which hold for every behavior where it says nothing itself."""
    found = configuration.get("default_settings")
    return found if isinstance(found, dict) else {}


def as_json(subject: ModelFiles, name: str) -> Told:
    """One of its JSON files."""
    path = subject.files.get(name)
    if path is None:
        return Told()
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        return Told(None, f"{name} must be JSON, but line {error.lineno} is not ({error.msg})")
    except (OSError, ValueError, RecursionError) as error:
        return Told(None, f"{name} must be JSON, but it is not ({reason(error, 300)})")
    if not isinstance(found, dict):
        return Told(None, f"{name} must be a JSON object, but it is none")
    return Told(found)
