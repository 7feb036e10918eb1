"""A space's own text with some of its parameters rewritten, comments and order kept."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import yaml

from search_spaces.fill import put
from search_spaces.parameters import Choice, Derived, Float, Int, Parameter, show_any, show_parameter
from search_spaces.rules import check
from search_spaces.space import Space, from_text
from search_spaces.text import get, node_at, read, replaced
from trials.errors import SpaceError
from trials.records import Value


def rewritten(space: Space, parameters: Mapping[str, Parameter | Value], steps: int, fields: int) -> Space:
    """`space` with the parameters at these paths (below the behavior) replaced by another parameter, or by a value.

    steps, fields: of a trial, for the rules that speak of them. Each parameter is rewritten on its own line; a file
    written otherwise (a parameter over several lines, an alias) is written out anew, without comments. SpaceError
    where the outcome is no space that may be run.
    """
    for text in (_in_place(space, parameters), _anew(space, parameters)):
        try:
            found = from_text(text, space.name, space.file)
        except SpaceError:
            continue
        if _as_meant(space, found, parameters):
            check(found, steps, fields, any_game=True)
            return found
    raise SpaceError(
        f"{space.file} could not be rewritten at {', '.join(parameters)}; write those parameters on lines of their own"
    )


def _in_place(space: Space, parameters: Mapping[str, Parameter | Value]) -> str:
    root, cuts = yaml.compose(space.text, Loader=yaml.SafeLoader), []
    for path, parameter in parameters.items():
        part, own = space.at(path)
        tops = (("behaviors", part.behavior), ("default_settings",))
        node = next(filter(None, (node_at(root, (*top, *own.split("."))) for top in tops)), None)
        if node is not None and node.start_mark.line == node.end_mark.line:
            cuts.append((node, show_any(parameter)))
    return replaced(space.text, cuts)


def _anew(space: Space, parameters: Mapping[str, Parameter | Value]) -> str:
    tree: dict[str, Any] = deepcopy(dict(space.tree))
    for path, parameter in parameters.items():
        value = read(f"parameter: {show_any(parameter)}", space.file)[0]["parameter"]
        part, own = space.at(path)
        put(tree["behaviors"][part.behavior], own, value)
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def _as_meant(before: Space, after: Space, parameters: Mapping[str, Parameter | Value]) -> bool:
    """Whether exactly these parameters changed, and into these."""
    wanted = dict(before.parameters)
    for path, parameter in parameters.items():
        if isinstance(parameter, Float | Int | Choice | Derived):
            wanted[path] = parameter
        else:
            del wanted[path]
            part, own = before.at(path)
            if get(after.tree["behaviors"][part.behavior], own) != parameter:
                return False
    return _plain(after.parameters) == _plain(wanted) and after.sweep == before.sweep


def _plain(parameters: Mapping[str, Parameter]) -> dict[str, str]:
    return {path: show_parameter(parameter) for path, parameter in parameters.items()}
