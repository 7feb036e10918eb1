"""YAML text as a tree of plain values, with the line each key stands on."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from trials.errors import SpaceError

Tree = dict[str, Any]

_NUMBER = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_NAME = re.compile(r"[A-Za-z_][\w.]*")


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


def read(text: str, file: str) -> tuple[Tree, dict[str, int]]:
    """The tree in `text`, and dotted path to line number; SpaceError where it is not one YAML mapping."""
    try:
        tree = yaml.load(text, Loader=_Loader)  # a SafeLoader
        lines = _lines(yaml.compose(text, Loader=yaml.SafeLoader), "")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpaceError(f"{file} must be YAML, but got: {problem} in {where}; mend that line") from None
    except RecursionError:
        raise SpaceError(
            f"{file} must be YAML that ends, but got an anchor inside itself; write the values out"
        ) from None
    if not isinstance(tree, dict):
        raise SpaceError(
            f"{file} must hold sections such as behaviors, but got {show(tree)} in {file}; see course.yaml"
        )
    return tree, lines


def _lines(node: yaml.Node | None, path: str) -> dict[str, int]:
    """Dotted path to line, counted from 1, of every key below `node`."""
    found: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            found[below] = key.start_mark.line + 1
            found |= _lines(value, below)
    return found


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


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """`base` with every leaf of `over` written into it; neither is changed."""
    result = dict(base)
    for key, value in over.items():
        under = result.get(key)
        result[key] = merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return result


def get(tree: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    node: Any = tree
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node
