"""The environment parameters of a space: names that SoccerTwos reads, values as mlagents samples them."""

from collections.abc import Iterable, Mapping
from typing import Any

from search_spaces import keys
from search_spaces.keys import Key
from search_spaces.parameters import is_number, is_parameter
from search_spaces.space import Space

_SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "constant": ("value",),
    "uniform": ("min_value", "max_value"),
    "gaussian": ("mean", "st_dev"),
    "multirangeuniform": ("intervals",),
}
"""Sampler types of mlagents 1.1.0 and their parameters; each takes a seed as well."""
_NUMBER = Key(kind="float")
_NUMBERS = {"st_dev": Key(kind="float", low=0), "seed": Key(kind="int", low=-1)}

_CRITERIA: Mapping[str, Key] = {
    "behavior": Key(kind="text"),
    "measure": Key(kind="text", options=("progress", "reward")),
    "threshold": Key(kind="float"),
    "min_lesson_length": Key(kind="int", low=0),
    "signal_smoothing": Key(kind="bool"),
    "require_reset": Key(kind="bool"),
}
"""Keys of a lesson's completion_criteria (mlagents 1.1.0, trainers/settings.py, CompletionCriteriaSettings)."""


def check_parameters(space: Space, section: Any) -> None:
    """SpaceError where a parameter is unknown or its value is neither a number nor a sampler nor a curriculum."""
    if section is None:
        return
    if not isinstance(section, Mapping):
        raise space.error("environment_parameters", "must be a section", section, "write ball_touch: 0 below it")
    for name, value in section.items():
        if name not in keys.ENVIRONMENT_PARAMETERS and space.behavior == keys.BEHAVIOR:
            near = keys.nearest(str(name), keys.ENVIRONMENT_PARAMETERS)
            mend = f"did you mean {near}?" if near else f"known are {', '.join(keys.ENVIRONMENT_PARAMETERS)}"
            path = f"environment_parameters.{name}"
            raise space.error(path, "must be a parameter that SoccerTwos reads", name, mend)
        _value(space, f"environment_parameters.{name}", value)


def _value(space: Space, path: str, value: Any) -> None:
    if is_number(value):
        return
    if is_parameter(value):
        raise space.error(path, "must be a value: parameters stand below the behavior only", value, "write a number")
    if not isinstance(value, Mapping):
        raise space.error(path, "must be a number, a sampler or a curriculum", value, "write a number")
    if "curriculum" in value:
        _must_know(space, path, "a parameter with lessons", value, ("curriculum",))
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
        _must_know(space, here, "a lesson", lesson, ("name", "value", "completion_criteria"))
        criteria = lesson.get("completion_criteria")
        if number < len(lessons) - 1 and not criteria:
            raise space.error(here, "must have a completion_criteria, as another lesson follows", lesson, "write one")
        if criteria is not None:
            _completion(space, f"{here}.completion_criteria", criteria)
        if isinstance(lesson["value"], Mapping) and "curriculum" in lesson["value"]:
            raise space.error(
                f"{here}.value", "must be a number or a sampler", lesson["value"], "write one list of lessons"
            )
        _value(space, f"{here}.value", lesson["value"])


def _completion(space: Space, path: str, criteria: Any) -> None:
    """What must be reached before the next lesson: names of mlagents and of this file, numbers in their ranges."""
    if not isinstance(criteria, Mapping):
        raise space.error(path, f"must be a section with {', '.join(_CRITERIA)}", criteria, "write it so")
    _must_know(space, path, "a completion_criteria", criteria, _CRITERIA)
    if criteria.get("behavior") not in space.behaviors:
        known = " or ".join(space.behaviors)
        mend = f"write {known}, the behavior that is trained: no other moves it on"
        raise space.error(f"{path}.behavior", f"must be {known}", criteria.get("behavior"), mend)
    for name, value in criteria.items():
        if fault := _CRITERIA[str(name)].fault(value):
            raise space.error(f"{path}.{name}", fault, value, "edit that line")
    threshold = criteria.get("threshold", 0)
    if criteria.get("measure") == "progress" and not 0 <= threshold <= 1:
        rule = "must be from 0 to 1, a share of max_steps, where the measure is progress"
        raise space.error(f"{path}.threshold", rule, threshold, "edit that line")


def _must_know(space: Space, path: str, what: str, section: Mapping[str, Any], known: Iterable[str]) -> None:
    for name in section:
        if name not in known:
            near = keys.nearest(str(name), known)
            mend = f"did you mean {near}?" if near else "take it out"
            raise space.error(f"{path}.{name}", f"must be a key of {what} ({', '.join(known)})", name, mend)


def _sampler(space: Space, path: str, tree: Mapping[str, Any]) -> None:
    kind, parameters = tree.get("sampler_type"), tree.get("sampler_parameters")
    if not isinstance(kind, str) or kind not in _SAMPLERS or not isinstance(parameters, Mapping) or len(tree) > 2:
        rule = f"must have sampler_type (one of {', '.join(_SAMPLERS)}) and sampler_parameters"
        raise space.error(path, rule, tree, "write a number, or those two")
    inside = f"{path}.sampler_parameters"
    _must_know(space, inside, f"a {kind} sampler", parameters, (*_SAMPLERS[kind], "seed"))
    for name, value in parameters.items():
        if name != "intervals" and (fault := _NUMBERS.get(name, _NUMBER).fault(value)):
            raise space.error(f"{inside}.{name}", fault, value, "write such a number")
    intervals = parameters.get("intervals", [[parameters.get("min_value", 0), parameters.get("max_value", 1)]])
    if not isinstance(intervals, list) or not all(_is_interval(interval) for interval in intervals):
        raise space.error(path, "must sample from low up to high", tree, "write low first")


def _is_interval(interval: Any) -> bool:
    if not isinstance(interval, list | tuple) or len(interval) != 2:
        return False
    return all(is_number(end) for end in interval) and interval[0] <= interval[1]
