"""The environment parameters of a space: names that SoccerTwos reads, values as mlagents samples them."""

from collections.abc import Mapping
from typing import Any

from search_spaces import keys
from search_spaces.holes import is_hole, is_number
from search_spaces.space import Space

_SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "constant": ("value",),
    "uniform": ("min_value", "max_value"),
    "gaussian": ("mean", "st_dev"),
    "multirangeuniform": ("intervals",),
}
"""Sampler types of mlagents 1.1.0 and their parameters; each takes a seed as well."""


def check_parameters(space: Space, section: Any) -> None:
    """SpaceError where a parameter is unknown or its value is neither a number nor a sampler nor a curriculum."""
    if section is None:
        return
    if not isinstance(section, Mapping):
        raise space.error("environment_parameters", "must be a section", section, "write ball_touch: 0 below it")
    for name, value in section.items():
        if name not in keys.ENVIRONMENT_PARAMETERS:
            near = keys.nearest(str(name), keys.ENVIRONMENT_PARAMETERS)
            mend = f"did you mean {near}?" if near else f"known are {', '.join(keys.ENVIRONMENT_PARAMETERS)}"
            path = f"environment_parameters.{name}"
            raise space.error(path, "must be a parameter that SoccerTwos reads", name, mend)
        _value(space, f"environment_parameters.{name}", value)


def _value(space: Space, path: str, value: Any) -> None:
    if is_number(value):
        return
    if is_hole(value):
        raise space.error(path, "must be a value: holes stand below the behavior only", value, "write a number")
    if not isinstance(value, Mapping):
        raise space.error(path, "must be a number, a sampler or a curriculum", value, "write a number")
    if "curriculum" in value:
        _curriculum(space, path, value["curriculum"])
    else:
        _sampler(space, path, value)


def _curriculum(space: Space, path: str, lessons: Any) -> None:
    if not isinstance(lessons, list) or not lessons:
        raise space.error(path, "must have a list of lessons after curriculum", lessons, "give it one lesson")
    for number, lesson in enumerate(lessons):
        here = f"{path}.curriculum[{number}]"
        if not isinstance(lesson, Mapping) or "value" not in lesson or "name" not in lesson:
            raise space.error(here, "must be a lesson with name and value", lesson, "write both")
        if number < len(lessons) - 1 and not lesson.get("completion_criteria"):
            raise space.error(here, "must have a completion_criteria, as another lesson follows", lesson, "write one")
        _value(space, here, lesson["value"])


def _sampler(space: Space, path: str, tree: Mapping[str, Any]) -> None:
    kind, parameters = tree.get("sampler_type"), tree.get("sampler_parameters")
    if kind not in _SAMPLERS or not isinstance(parameters, Mapping) or len(tree) > 2:
        rule = f"must have sampler_type (one of {', '.join(_SAMPLERS)}) and sampler_parameters"
        raise space.error(path, rule, tree, "write a number, or those two")
    for name, value in parameters.items():
        if name not in (*_SAMPLERS[str(kind)], "seed"):
            near = keys.nearest(str(name), _SAMPLERS[str(kind)])
            mend = f"did you mean {near}?" if near else f"known are {', '.join(_SAMPLERS[str(kind)])}"
            raise space.error(path, f"must have parameters of a {kind} sampler", name, mend)
        if name != "intervals" and not is_number(value):
            raise space.error(f"{path}.{name}", "must be a number", value, "write a number")
    intervals = parameters.get("intervals", [[parameters.get("min_value", 0), parameters.get("max_value", 1)]])
    if not isinstance(intervals, list) or not all(_is_interval(interval) for interval in intervals):
        raise space.error(path, "must sample from low up to high", tree, "write low first")


def _is_interval(interval: Any) -> bool:
    if not isinstance(interval, list | tuple) or len(interval) != 2:
        return False
    return all(is_number(end) for end in interval) and interval[0] <= interval[1]
