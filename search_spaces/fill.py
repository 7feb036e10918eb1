"""Filling a space's parameters: a trial proposes their values, which render a complete trainer configuration."""

import copy
from collections.abc import Mapping
from typing import Any

from search_spaces import keys, owners
from search_spaces.parameters import Choice, Derived, Float, Int, Parameter, Proposer, merged, show_parameter
from search_spaces.space import Space, load
from search_spaces.text import get
from trials.errors import SpaceError
from trials.records import Value


def propose(space: Space, trial: Proposer) -> dict[str, Value]:
    """One value a parameter, asked of `trial` in the file's order: name (see `parameter`) to value."""
    return {
        parameter_name(path, parameter): _part(parameter).suggest(trial, parameter_name(path, parameter))
        for path, parameter in space.parameters.items()
    }


def parameter_name(path: str, parameter: Parameter) -> str:
    """Name of a parameter in a study: its path, or `path / other path` for a derived one, whose value is the
    factor."""
    return f"{path} / {parameter.of}" if isinstance(parameter, Derived) else path


def render(space: Space, params: Mapping[str, Value]) -> dict[str, Any]:
    """The complete trainer configuration with every parameter filled, nothing scaled yet; `sweep` and what a sweep
    decides itself (search_spaces/owners.py) are left out.

    SpaceError where a parameter is missing, unknown or outside its range.
    """
    _fits(space, params)
    config = copy.deepcopy(owners.kept(space.tree))
    for part in space.each:
        trainer = config["behaviors"][part.behavior] = copy.deepcopy(dict(part.trainer))  # they may share sections
        own = {
            parameter_name(path, one): params[parameter_name(space.called(part, path), one)]
            for path, one in part.parameters.items()
        }
        for path in part.parameters:
            put(trainer, path, _filled(part, path, own))
        for path, key in keys.known(part.trainer.get("trainer_type")).items():
            value = get(trainer, path)
            if value is not None:
                put(trainer, path, key.settled(value))
    return config


def _fits(space: Space, params: Mapping[str, Value]) -> None:
    """SpaceError unless `params` gives every parameter, and nothing else, a value inside."""
    names = {parameter_name(path, parameter): path for path, parameter in space.parameters.items()}
    for name, value in params.items():
        if name not in names:
            near = keys.nearest(name, names)
            mend = f"did you mean {near}?" if near else "leave it out"
            raise SpaceError(f"parameters must be those of {space.file}, but got {name}; {mend}")
        part = _part(space.parameters[names[name]])
        if not part.holds(value):
            raise space.error(names[name], f"must lie in {show_parameter(part)}", value, "propose a value inside")
    for name, path in names.items():
        if name not in params:
            raise space.error(path, "must be filled", None, f"give a value for {name}")


def _filled(space: Space, path: str, params: Mapping[str, Value]) -> Any:
    """The value at a path below the behavior, itself filled, and before it the parameter that it is derived from."""
    parameter = space.parameters.get(path)
    if parameter is None:
        return get(space.trainer, path)
    value = params[parameter_name(path, parameter)]
    if not isinstance(parameter, Derived):
        return value
    product = float(value) * float(_filled(space, parameter.of, params))
    return round(product) if is_whole(space, path) else product


def is_whole(space: Space, path: str) -> bool:
    """Whether mlagents takes a whole number at a path below the behavior."""
    key = keys.known(space.trainer.get("trainer_type")).get(path)
    return key is not None and key.kind == "int"


def course(space: Space) -> dict[str, Any]:
    """Trial 0: the course's configuration with the values that all trials of `space` share.

    Of another game than the course's, SoccerTwos, the space's own: each parameter in the middle of its range.
    """
    base = load("course") if space.behavior == keys.BEHAVIOR else space
    config = render(base, {parameter_name(path, one): _part(one).middle for path, one in base.parameters.items()})
    shared = copy.deepcopy(dict(space.sweep.shared))
    top = owners.kept({key: shared.pop(key) for key in list(shared) if key in keys.TOP})
    return merged(config, {**top, "behaviors": dict.fromkeys(base.behaviors, shared)})


def _part(parameter: Parameter) -> Float | Int | Choice:
    """What a parameter ranges over: of a derived one, the factor."""
    return parameter.by if isinstance(parameter, Derived) else parameter


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Write a value at a dotted path, making the sections on the way."""
    *sections, last = path.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[last] = value
