"""YAML text as a tree of plain values, with the line each key stands on."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from trials.errors import SpaceError, reason

Tree = dict[str, Any]

_NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_PROPERTIES = re.compile(r"([&!]\S*\s+)*")
"""What may stand before a node's value in YAML: an anchor, which aliases elsewhere need, and a tag."""
_COMMENTS = ("//", "/*", ";")
"""How comments begin elsewhere; in YAML such a line is text."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with two mends: `1e-4` is a number, and a key given twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        names = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge")]
        for key in names:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def plain(text: str) -> str:
    """`text`, JSON that is indented by tabs as the YAML it then is: inside JSON's own texts no tab can stand."""
    if "\t" in text and text.lstrip("\ufeff \t\r\n").startswith("{"):
        try:
            json.loads(text.lstrip("\ufeff"))
        except ValueError:
            return text
        return text.replace("\t", "  ")
    return text


def read(text: str, file: str) -> tuple[Tree, dict[str, int]]:
    """The tree in `text`, and dotted path (a list's items as `lessons[0]`) to line number; SpaceError where it is not
    one YAML or JSON mapping."""
    try:
        tree = yaml.load(text, Loader=_Loader)  # a SafeLoader
        lines = _lines(yaml.compose(text, Loader=yaml.SafeLoader), "")
    except yaml.YAMLError as error:
        raise _unreadable(error, text, file) from None
    except ValueError as error:  # a number of thousands of digits, a day that no calendar has
        raise SpaceError(f"{file} must be YAML, but got: {reason(error)}; fix that value") from None
    except RecursionError:
        raise SpaceError(
            f"{file} must be YAML that ends, but got an anchor inside itself; write the values out"
        ) from None
    if not isinstance(tree, dict):
        raise SpaceError(
            f"{file} must hold sections such as behaviors, but got {show(tree)} in {file}; see course.yaml"
        )
    return tree, lines


def _unreadable(error: yaml.YAMLError, text: str, file: str) -> SpaceError:
    """One line on what is no YAML, with the line where that began: the parser often stumbles one later."""
    problem = getattr(error, "problem", None) or reason(error)
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if context is not None and str(getattr(error, "context", "")).startswith("while scanning"):
        mark = context
    if mark is None:
        return SpaceError(f"{file} must be YAML, but got: {problem} in {file}; fix that line")
    lines, at = text.splitlines(), mark.line
    if problem.startswith("mapping values"):
        at = _begun(lines, at)
    elif "parsing a flow" in str(getattr(error, "context", "")) and at and "//" in lines[at - 1]:
        at -= 1
    comment = at < len(lines) and (lines[at].lstrip().startswith(_COMMENTS) or " //" in lines[at])
    mend = "comments begin with #" if comment else "fix that line"
    return SpaceError(f"{file} must be YAML, but got: {problem} in {file}:{at + 1}; {mend}")


def _begun(lines: list[str], at: int) -> int:
    """Where the text began that a key stands behind: the first of the lines right above that hold no key."""
    begun = at
    for above in range(at - 1, -1, -1):
        line = lines[above].strip()
        if not line or line.startswith("#"):
            continue
        if ":" in line.removeprefix("//"):
            break
        begun = above
    return begun


def _lines(node: yaml.Node | None, path: str) -> dict[str, int]:
    """Dotted path to line, counted from 1, of every key and of every list's item below `node`."""
    found: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            found[below] = key.start_mark.line + 1
            found |= _lines(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            found[f"{path}[{number}]"] = item.start_mark.line + 1
            found |= _lines(item, f"{path}[{number}]")
    return found


def node_at(node: yaml.Node | None, path: Sequence[str]) -> yaml.Node | None:
    """The node that a path of keys leads to from `node`; None where it leads nowhere."""
    for part in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if getattr(key, "value", None) == part), None)
    return node


def replaced(text: str, cuts: Iterable[tuple[yaml.Node, str]]) -> str:
    """`text` with other words where these nodes of it stand, and everything else as it is."""
    by_place = {node.start_mark.index: (node.end_mark.index, words) for node, words in cuts}
    for start in sorted(by_place, reverse=True):
        end, words = by_place[start]
        if properties := _PROPERTIES.match(text[start:end]):
            start += properties.end()
        text = text[:start] + words + text[end:]
    return text


def show(value: Any) -> str:
    """A value as one would write it in YAML, on one line; text that is more than a name in quotes."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) >= 1 else f"{value:g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {show(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show(item) for item in value) + "]"
    if isinstance(value, str):
        return value if _NAME.fullmatch(value) else repr(value)
    return str(value)


def flatten(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Dotted path to value for every leaf below `tree`; a list is a leaf."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        below = f"{path}.{key}" if path else str(key)
        flat |= flatten(value, below) if isinstance(value, Mapping) else {below: value}
    return flat


def get(tree: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    node: Any = tree
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node
