"""The kinds of parameter a space may have: a float, an int, a choice, and a multiple or a share of another key."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from search_spaces.text import show
from trials.records import Value

KINDS = ("choice", "float", "log_float", "int", "log_int", "multiple_of", "ratio_of")
"""A mapping with one of these keys is a parameter; no key of mlagents has such a name."""


class Proposer(Protocol):
    """What proposes: `optuna.Trial`, or anything with its three methods."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """As `optuna.Trial.suggest_float`."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As `optuna.Trial.suggest_int`."""

    def suggest_categorical(self, name: str, choices: Sequence[Any], /) -> Any:
        """As `optuna.Trial.suggest_categorical`."""


@dataclass(frozen=True)
class Float:
    """Any number from low to high, both included."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: Proposer, name: str) -> Value:
        """Ask the study for a value."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def holds(self, value: Any) -> bool:
        """Whether `value` is one that the parameter can take."""
        return is_number(value) and self.low <= value <= self.high

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The values at which relations between keys are tried."""
        return self.low, self.high

    @property
    def middle(self) -> Value:
        """What trial 0 takes where nothing else is said of it."""
        return math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2


@dataclass(frozen=True)
class Int:
    """Whole numbers low, low + step, ... up to high."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def suggest(self, trial: Proposer, name: str) -> Value:
        """Ask the study for a value."""
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def holds(self, value: Any) -> bool:
        """Whether `value` is one that the parameter can take."""
        return is_number(value) and self.low <= value <= self.high and (value - self.low) % self.step == 0

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The values at which relations between keys are tried."""
        return self.low, self.high

    @property
    def middle(self) -> Value:
        """What trial 0 takes where nothing else is said of it."""
        between = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return self.low + round((between - self.low) / self.step) * self.step


@dataclass(frozen=True)
class Choice:
    """One of the options, without order."""

    options: tuple[Value, ...]

    def suggest(self, trial: Proposer, name: str) -> Value:
        """Ask the study for a value."""
        value: Value = trial.suggest_categorical(name, self.options)
        return value

    def holds(self, value: Any) -> bool:
        """Whether `value` is one that the parameter can take."""
        return any(value == option and isinstance(value, bool) == isinstance(option, bool) for option in self.options)

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The values at which relations between keys are tried."""
        return self.options

    @property
    def middle(self) -> Value:
        """What trial 0 takes where nothing else is said of it."""
        return self.options[0]


@dataclass(frozen=True)
class Derived:
    """A factor times another key of the same behavior; the parameter proposed is the factor."""

    kind: Literal["multiple_of", "ratio_of"]
    of: str
    """Dotted path below the behavior."""
    by: Float | Int | Choice
    """The factor: whole numbers for a multiple, any numbers above 0 for a ratio."""


Parameter = Float | Int | Choice | Derived


class BadParameter(ValueError):
    """A parameter that cannot be filled: the rule and the mend; the caller knows what came and where."""

    def __init__(self, rule: str, mend: str) -> None:
        super().__init__(rule)
        self.rule, self.mend = rule, mend


def is_parameter(node: Any) -> bool:
    """Whether a value of the tree is a parameter rather than a section."""
    return isinstance(node, Mapping) and any(kind in node for kind in KINDS)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with every leaf of `over`, a value or a parameter, written into it; neither is changed."""
    result = dict(base)
    for key, value in over.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping) and not is_parameter(under):
            value = merged(under, value)
        result[key] = value
    return result


def parse(node: Mapping[str, Any]) -> Parameter:
    """A parameter from its YAML, `{log_float: [1e-5, 1e-3]}`; BadParameter where none can be made of it."""
    kinds = [kind for kind in KINDS if kind in node]
    if len(kinds) != 1:
        raise BadParameter(f"must be one kind of {', '.join(KINDS)}", "keep one of them")
    kind = kinds[0]
    extra = set(node) - {kind} - {"multiple_of": {"by"}, "ratio_of": {"by"}, "int": {"step"}}.get(kind, set())
    if extra:
        raise BadParameter(f"must be a parameter with {kind} alone", f"take out {', '.join(sorted(map(str, extra)))}")
    if kind in ("multiple_of", "ratio_of"):
        return _derived(node, "multiple_of" if kind == "multiple_of" else "ratio_of")
    if kind == "choice":
        return _choice(node[kind])
    low, high = _range(node[kind], kind)
    if kind.endswith("float"):
        return Float(float(low), float(high), log=kind == "log_float")
    return _int(low, high, node.get("step", 1), kind)


def show_parameter(parameter: Parameter) -> str:
    """A parameter as one would write it in YAML."""
    if isinstance(parameter, Derived):
        return f"{{{parameter.kind}: {parameter.of}, by: {show_parameter(parameter.by)}}}"
    if isinstance(parameter, Float | Int):
        kind = ("log_" if parameter.log else "") + type(parameter).__name__.lower()
        step = f", step: {parameter.step}" if isinstance(parameter, Int) and parameter.step > 1 else ""
        return f"{{{kind}: [{show(parameter.low)}, {show(parameter.high)}]{step}}}"
    return f"{{choice: {show(parameter.options)}}}"


def show_any(came: Any) -> str:
    """A parameter, or a value, as one would write it in YAML."""
    return show_parameter(came) if isinstance(came, Float | Int | Choice | Derived) else show(came)


def _derived(node: Mapping[str, Any], kind: Literal["multiple_of", "ratio_of"]) -> Derived:
    factor = "{int: [4, 10]}" if kind == "multiple_of" else "{float: [0.1, 1]}"
    of = node[kind] if isinstance(node[kind], str) else "self_play.save_steps"
    example = f"write {{{kind}: {of}, by: {factor}}}"
    if not isinstance(node[kind], str):
        raise BadParameter(f"must name a key after {kind}, as a dotted path below the behavior", example)
    if not is_parameter(node.get("by")):
        raise BadParameter("must have a range after by", example)
    by = parse(node["by"])
    if isinstance(by, Derived):
        raise BadParameter("must have a float, int or choice after by", example)
    if not all(is_number(value) and float(value) > 0 for value in by.extremes):
        raise BadParameter("must be derived by factors above 0", example)
    if kind == "multiple_of" and (isinstance(by, Float) or not all(_is_whole(value) for value in by.extremes)):
        raise BadParameter("must be derived by whole numbers where it is a multiple", f"{example}, or use ratio_of")
    return Derived(kind, node[kind], by)


def _choice(options: Any) -> Choice:
    if not isinstance(options, list) or not options:
        raise BadParameter("must offer at least one option", "write {choice: [512, 1024]}")
    if not all(isinstance(option, bool | int | float | str) for option in options):
        raise BadParameter("must offer plain values as options", "write {choice: [512, 1024]}")
    if len({(isinstance(option, bool), option) for option in options}) < len(options):
        raise BadParameter("must offer every option once", "take out the doubles")
    return Choice(tuple(options))


def _range(ends: Any, kind: str) -> tuple[float, float]:
    example = f"write {{{kind}: [low, high]}}"
    if not isinstance(ends, list) or len(ends) != 2 or not all(is_number(end) for end in ends):
        raise BadParameter(f"must give two numbers, low and high, after {kind}", example)
    low, high = ends
    if low > high:
        raise BadParameter("must have a range with low below high", f"write {{{kind}: [{show(high)}, {show(low)}]}}")
    if low == high:
        raise BadParameter("must have a range that is not empty", f"write {show(low)} itself, or widen the range")
    if kind.startswith("log_") and low <= 0:
        raise BadParameter(
            "must have a low end above 0 on a log scale", f"raise low, or use {kind.removeprefix('log_')}"
        )
    return low, high


def _int(low: float, high: float, step: Any, kind: str) -> Int:
    if not (_is_whole(low) and _is_whole(high) and _is_whole(step)) or step < 1:
        raise BadParameter(f"must have whole numbers after {kind}", f"use {kind.replace('int', 'float')} for fractions")
    if (high - low) % step:
        raise BadParameter(
            "must have a step that divides high - low", f"try high {show(int(high - (high - low) % step))}"
        )
    return Int(int(low), int(high), int(step), log=kind == "log_int")


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number; true and false are none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _is_whole(value: Any) -> bool:
    return is_number(value) and value == int(value)
