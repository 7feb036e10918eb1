"""A space's own text with some of its parameters rewritten, comments and order kept."""

import re
from collections.abc import Mapping

import yaml

from search_spaces.fill import put
from search_spaces.parameters import Choice, Derived, Float, Int, Parameter, show_parameter
from search_spaces.rules import check
from search_spaces.space import Space, from_text
from search_spaces.text import get, read, show
from trials.errors import SpaceError
from trials.records import Value

_BRACES = re.compile(r"(\{(?:[^{}#]|\{[^{}#]*\})*\})")  # a parameter, and the factor's inside a derived one


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
            check(found, steps, fields)
            return found
    raise SpaceError(
        f"{space.file} could not be rewritten at {', '.join(parameters)}; write those parameters on lines of their own"
    )


def _in_place(space: Space, parameters: Mapping[str, Parameter | Value]) -> str:
    lines = space.text.splitlines()
    for path, parameter in parameters.items():
        tops = (f"behaviors.{space.behavior}.{path}", f"default_settings.{path}")
        at = next((space.lines[top] - 1 for top in tops if top in space.lines), None)
        if at is None:
            continue
        key = re.compile(rf"""((?:^|[\s{{,])["']?{re.escape(path.rsplit(".", 1)[-1])}["']?\s*:\s*){_BRACES.pattern}""")
        if found := key.search(lines[at]):
            lines[at] = lines[at][: found.start(2)] + _shown(parameter) + lines[at][found.end(2) :]
    return "\n".join(lines) + "\n"


def _anew(space: Space, parameters: Mapping[str, Parameter | Value]) -> str:
    tree, _ = read(space.text, space.file)
    section = (tree.get("behaviors") or {}).get(space.behavior)
    below = section if isinstance(section, dict) else {}
    for path, parameter in parameters.items():
        put(below, path, read(f"parameter: {_shown(parameter)}", space.file)[0]["parameter"])
    tree["behaviors"] = {space.behavior: below}
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def _shown(parameter: Parameter | Value) -> str:
    return show_parameter(parameter) if isinstance(parameter, Float | Int | Choice | Derived) else show(parameter)


def _as_meant(before: Space, after: Space, parameters: Mapping[str, Parameter | Value]) -> bool:
    """Whether exactly these parameters changed, and into these."""
    wanted = dict(before.parameters)
    for path, parameter in parameters.items():
        if isinstance(parameter, Float | Int | Choice | Derived):
            wanted[path] = parameter
        else:
            del wanted[path]
            if get(after.trainer, path) != parameter:
                return False
    return _plain(after.parameters) == _plain(wanted) and after.sweep == before.sweep


def _plain(parameters: Mapping[str, Parameter]) -> dict[str, str]:
    return {path: show_parameter(parameter) for path, parameter in parameters.items()}
