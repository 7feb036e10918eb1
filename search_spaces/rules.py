"""What is refused before anything starts: unknown keys, wrong types, values beyond limits, impossible relations."""

import math
from collections.abc import Mapping
from typing import Any

from search_spaces import keys
from search_spaces.environment import check_parameters
from search_spaces.fill import course, is_whole
from search_spaces.keys import Key, Schema
from search_spaces.parameters import KINDS, Choice, Derived, Float, Int, Parameter, is_number, is_parameter
from search_spaces.relations import REQUIRED, Ranges, Relation
from search_spaces.scaling import course_reference, reference, scale
from search_spaces.space import Space, build
from search_spaces.text import flatten, get, show
from trials.errors import BadTrial, SpaceError

_BUDGET = ("max_steps", "trainer_type")
"""Keys that a sweep sets or that decide which other keys exist: never parameters."""


def check(space: Space, steps: int, fields: int, *, any_game: bool = False) -> None:
    """SpaceError, one line, if `space` cannot be swept with trials of `steps` trainer steps on `fields` fields.

    `any_game`: it is trained in an executable, whose game may be another than SoccerTwos.
    """
    for name, value in (("steps", steps), ("fields", fields)):
        fault = keys.SWEEP[name].fault(value)
        if fault:
            raise SpaceError(f"{name} {fault}, but got {show(value)}; give --{name} a number such as {_EXAMPLE[name]}")
    for part in space.each:
        _check(part, steps, min(1.0, steps / reference(space)), any_game)
    try:
        check_config(scale(course(space), steps, course_reference(space))[0])
    except (BadTrial, SpaceError) as error:
        raise SpaceError(
            f"trial 0, the course with sweep.shared of {space.file}, must be a valid trial: {error}"
        ) from None


def _check(space: Space, steps: int, factor: float, any_game: bool) -> None:
    """The same for the space of one behavior, its step-based keys times `factor`."""
    if space.behavior != keys.BEHAVIOR:
        _other_game(space, any_game)
    _structure(space)
    ranges = Ranges(space, steps, factor)
    for path, parameter in space.parameters.items():
        if isinstance(parameter, Derived):
            _derived_limits(space, path, parameter)
    for relation in REQUIRED:
        if ranges.verdict(relation) == "cannot hold":
            raise SpaceError(refusal(ranges, relation, f"in {space.where(relation.more)}"))
    _shared(space)


def check_config(config: Mapping[str, Any], of: Space | None = None) -> None:
    """The same for one rendered configuration, at its own max_steps; of the relations, those between keys that the
    space it is `of` names (None: the configuration itself).

    SpaceError for a key or type that no trial could have; BadTrial for values that break a relation.
    """
    space = build(config, name="trial", file="the trial's configuration")
    if space.parameters:
        path, parameter = next(iter(space.parameters.items()))
        raise space.error(path, "must be filled", parameter, "render the space first")
    for own, asked in zip(space.each, (of or space).each, strict=True):
        _structure(own)
        ranges, by = Ranges(own, own.budget), Ranges(asked, own.budget)
        for relation in REQUIRED:
            if by.named(relation.more) and by.named(relation.less) and ranges.verdict(relation) == "cannot hold":
                raise BadTrial(refusal(ranges, relation, "in this trial"))


def refusal(ranges: Ranges, relation: Relation, where: str) -> str:
    """One line on a relation that fails: rule, what came, what to do."""
    came = " and ".join(f"{path} = {ranges.of(path)}" for path in (relation.more, relation.less))
    scaled = f" (step keys scaled by {ranges.factor:g})" if ranges.factor != 1 and relation.more == "max_steps" else ""
    return f"{relation.more} {relation.rule} ({relation.why}), but got {came}{scaled} {where}; {relation.mend}"


_EXAMPLE = {"steps": 200000, "fields": 8}


def _other_game(space: Space, any_game: bool) -> None:
    """SpaceError where a behavior that is not SoccerTwos cannot be swept."""
    if not any_game:
        mend = (
            f"write {keys.BEHAVIOR}, the only behavior of the embedded game, or name another game's executable, --env"
        )
        raise space.error("behaviors", f"must hold {keys.BEHAVIOR}", space.behavior, mend)
    if space.trainer.get("self_play") is None:
        raise space.error(
            "self_play", "must be written: trials are rated by matches", None, "write a self_play section"
        )


def _structure(space: Space) -> None:
    """Names, types and limits of everything in the file."""
    if space.trainer.get("trainer_type") is None:
        raise space.error("trainer_type", "must be written (mlagents would take ppo)", None, "write trainer_type: poca")
    for name, value in space.tree.items():
        if name in ("behaviors", "sweep") or (value is None and name in keys.TOP):
            continue
        if name == "environment_parameters":
            check_parameters(space, value)
        else:
            _walk(space, keys.TOP, {name: value}, "")
    _walk(space, keys.behavior(space.trainer.get("trainer_type")), space.trainer, "")
    for path in ("reward_signals.gail", "behavioral_cloning"):
        if get(space.trainer, path) is not None and get(space.trainer, f"{path}.demo_path") is None:
            raise space.error(f"{path}.demo_path", "must be written", None, "name a .demo file or a folder of them")


def _walk(space: Space, schema: Schema, node: Mapping[str, Any], path: str) -> None:
    for name, value in node.items():
        here = f"{path}.{name}" if path else str(name)
        key = schema.get(str(name))
        if key is None:
            raise _unknown(space, schema, str(name), path)
        if isinstance(key, Key):
            _leaf(space, here, key, value)
        elif isinstance(value, Mapping) and not is_parameter(value):
            _walk(space, key, value, here)
        elif value is not None or name not in keys.NULLABLE_SECTIONS:
            raise space.error(here, "must be a section", value, f"write {', '.join(key)} below it")


def _leaf(space: Space, path: str, key: Key, value: Any) -> None:
    parameter = space.parameters.get(path)
    if parameter is not None:
        _parameter(space, path, key, parameter)
    elif is_parameter(value):
        raise space.error(path, "must be a value: parameters stand below the behavior only", value, "write a value")
    elif isinstance(value, Mapping):
        near = keys.nearest(str(next(iter(value), "")), KINDS)
        raise space.error(
            path, "must be a value or a parameter", value, f"did you mean {near}?" if near else "see quick.yaml"
        )
    elif fault := key.fault(value):
        comment = isinstance(value, str) and key.kind != "text" and "//" in value
        raise space.error(path, fault, value, "comments begin with #" if comment else _usual(key))


def _parameter(space: Space, path: str, key: Key, parameter: Parameter) -> None:
    if path in _BUDGET:
        mend = "the budget is --steps or sweep.steps" if path == "max_steps" else "write poca"
        raise space.error(path, "must be a value, never a parameter", parameter, mend)
    if isinstance(parameter, Derived):
        if key.kind not in ("int", "float") or key.even:
            why = "it must be even" if key.even else "it is no number"
            raise space.error(path, f"must not be derived: {why}", parameter, "offer a choice")
        return
    if isinstance(parameter, Float) and key.kind == "int":
        raise space.error(path, "must be a whole number", parameter, "use int or log_int")
    if not isinstance(parameter, Choice) and key.kind not in ("int", "float"):
        raise space.error(path, "must be a choice: it is no number", parameter, "write {choice: [...]}")
    for value in parameter.extremes:
        if fault := key.fault(value):
            raise space.error(path, f"{fault} everywhere in its range", parameter, _usual(key))
    if key.even and isinstance(parameter, Int) and (parameter.log or parameter.step % 2):
        raise space.error(
            path, "must be even everywhere in its range", parameter, "write int with step: 2, or a choice"
        )


def _derived_limits(space: Space, path: str, parameter: Derived) -> None:
    """The limits of a derived key at the ends of its range, rounded where the key is whole."""
    key = keys.known(space.trainer.get("trainer_type"))[path]
    reach = Ranges(space, 1).of(path)
    if reach is None:
        raise space.error(path, "must be derived from a number", parameter, f"give {parameter.of} a range of numbers")
    for end in (reach.low, reach.high):
        value = round(end) if is_whole(space, path) and math.isfinite(end) else end
        if fault := key.fault(value):
            raise space.error(path, f"{fault} everywhere in its range (it reaches {reach})", parameter, _usual(key))


def _unknown(space: Space, schema: Schema, name: str, path: str) -> SpaceError:
    """An unknown key, with the nearest known one: in its section, then by its last part anywhere."""
    here = f"{path}.{name}" if path else name
    moved = keys.same_key(name, keys.known(space.trainer.get("trainer_type")))
    near = moved or keys.nearest(name, schema)
    of_other = [kind for kind, known in keys.HYPERPARAMETERS.items() if path == "hyperparameters" and name in known]
    if of_other:
        mend = f"only {', '.join(of_other)} has it: take it out"
    elif moved:
        mend = f"it belongs at {near}"
    else:
        mend = f"did you mean {near}?" if near else f"known are {', '.join(schema)}"
    if name.startswith("//"):
        mend = "comments begin with #"
    section = path or (f"behaviors.{space.behavior}" if name in space.trainer else space.file)
    return SpaceError(f"{section} must hold keys that mlagents knows, but got {name} in {space.where(here)}; {mend}")


def _usual(key: Key) -> str:
    """What to do about a value: the documented range where there is one."""
    return f"usual is {show(key.typical[0])} to {show(key.typical[1])}" if key.typical else "edit that line"


def _shared(space: Space) -> None:
    """`sweep.shared` must say what the file itself says, wherever the file leaves nothing open."""
    for path, value in flatten(space.sweep.shared).items():
        where = f"sweep.shared.{path}"
        known = keys.known(space.trainer.get("trainer_type"))
        top = path.split(".", 1)[0] in keys.TOP
        if path not in known and not top:
            near = keys.nearest(path, known)
            mend = f"did you mean {near}?" if near else "see quick.yaml"
            raise space.error("sweep.shared", "must hold keys that mlagents knows", path, mend)
        if path in known and (fault := known[path].fault(value)):
            raise space.error(where, fault, value, _usual(known[path]))
        own = get(space.tree if top else space.trainer, path)
        if path not in space.parameters and own != value:
            raise space.error(where, f"must be what all trials have, {show(own)}", value, f"write it at {path} too")
        if path in space.parameters and not is_number(value) and not isinstance(value, str | bool):
            raise space.error(where, "must be a value", value, "write the value of trial 0")
