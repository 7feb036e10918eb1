"""The space that the next sweep should search: narrowed where a hyperparameter is shown to matter, else left alone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reports.run.importance import Importance, Importances, good, number
from search_spaces import Choice, Derived, Float, Int, Parameter, Space, from_text, parameter_name
from search_spaces.keys import behavior, leaves
from search_spaces.parameters import show_any, show_parameter
from search_spaces.rewrite import rewritten
from search_spaces.text import show
from trials.errors import SpaceError
from trials.records import Value
from trials.run_state import Run

MARGIN = 0.25
"""Kept on both sides of the good values, as a share of their span."""
LEAST = 0.1
"""The same as a share of the old range at least: few good values lie closer together than the next ones will."""
NARROWER = 0.8
"""A range that would keep more than so much of the old one is left as it is."""
EDGE = 0.2
"""Where the median good value lies in so much of the range's outer end, the range goes on beyond it."""
FEWEST = 4
"""Trials that an option must have had before it is dropped."""


@dataclass(frozen=True)
class Change:
    """One parameter that is rewritten."""

    key: str
    """Dotted path below the behavior."""
    before: str
    after: str
    """Both as YAML."""
    why: str


@dataclass(frozen=True)
class Next:
    """A space that is ready to run."""

    yaml: str
    changes: tuple[Change, ...]
    why: str
    """One sentence: what the changes rest on, or why there is none."""


def suggested(run: Run, params: pd.DataFrame, mattered: Importances) -> Next | None:
    """The run's own space, its ranges drawn around the good values of what mattered; None where it has no parameters.

    A parameter is rewritten only if its importance stands clear of its spread (reports/run/importance.py): the good
    quarter of few trials lies close together by chance as well.
    """
    if run.question is None:
        return None
    try:
        space = from_text(run.question.space_yaml, run.question.space)
    except SpaceError:
        return None
    if not space.parameters:
        return None
    steps, fields = run.question.steps, run.question.fields
    found = [(row, moved) for row in _shown(mattered) if (moved := _moved(space, row, params))]
    for keep in range(len(found), 0, -1):  # a relation between keys may forbid the last of them
        wanted = {path: parameter for _, (path, parameter, _) in found[:keep]}
        try:
            after = rewritten(space, wanted, steps, fields)
        except SpaceError:
            continue
        changes = tuple(_change(space, path, parameter, why) for _, (path, parameter, why) in found[:keep])
        return Next(_headed(run, after.text, changes, mattered), changes, _why(mattered, changes))
    return Next(_headed(run, space.text, (), mattered), (), _why(mattered, ()))


def _shown(mattered: Importances) -> Sequence[Importance]:
    return [row for row in mattered.rows if row.loss > row.spread] if mattered.trusted else []


def _moved(space: Space, row: Importance, params: pd.DataFrame) -> tuple[str, Parameter | Value, str] | None:
    """Path, new parameter and reason; None where it stays as it is."""
    path, parameter = next(((p, h) for p, h in space.parameters.items() if parameter_name(p, h) == row.key), ("", None))
    if parameter is None:
        return None
    part = parameter.by if isinstance(parameter, Derived) else parameter
    values = params.loc[params[row.key].notna(), ["trial", row.key]]
    best = values.loc[values["trial"].isin(list(good(params))), row.key]
    if isinstance(part, Choice):
        return _fewer(path, parameter, part, values[row.key], best)
    limits = _typical(space, path) if not isinstance(parameter, Derived) else None
    new, why = _around(part, [float(value) for value in best], limits)
    return (path, replace(parameter, by=new) if isinstance(parameter, Derived) else new, why) if new != part else None


def _fewer(
    path: str, parameter: Parameter, part: Choice, tried: Any, best: Any
) -> tuple[str, Parameter | Value, str] | None:
    kept = tuple(o for o in part.options if (best == o).any() or (tried == o).sum() < FEWEST)
    if not kept or len(kept) == len(part.options):
        return None
    dropped = ", ".join(show(option) for option in part.options if option not in kept)
    why = f"no good trial had {dropped}"
    if isinstance(parameter, Derived):
        return path, replace(parameter, by=Choice(kept)), why
    return path, (Choice(kept) if len(kept) > 1 else kept[0]), why


def _around(part: Float | Int, best: Sequence[float], typical: tuple[float, float] | None) -> tuple[Float | Int, str]:
    """The range around the good values, in the parameter's own scale, and the reason; the same parameter where it
    stays."""
    ahead, back = (math.log, math.exp) if part.log else (float, float)
    low, high = ahead(part.low), ahead(part.high)
    places = sorted(ahead(value) for value in best)
    whole, middle = high - low, places[len(places) // 2]
    margin = max(MARGIN * (places[-1] - places[0]), LEAST * whole)
    new_low, new_high = max(low, places[0] - margin), min(high, places[-1] + margin)
    why = f"the good ones lie between {number(min(best))} and {number(max(best))}"
    if typical and middle >= high - EDGE * whole and typical[1] > part.high:
        new_high = min(ahead(typical[1]), high + MARGIN * whole)
        why += ", at the upper end: it goes on beyond"
    elif typical and middle <= low + EDGE * whole and 0 < typical[0] < part.low:
        new_low = max(ahead(typical[0]), low - MARGIN * whole)
        why += ", at the lower end: it goes on beyond"
    elif new_high - new_low > NARROWER * whole:
        return part, ""
    if isinstance(part, Int):
        ends = (_grid(part, back(new_low), math.floor), _grid(part, back(new_high), math.ceil))
        return (replace(part, low=ends[0], high=ends[1]), why) if ends[0] < ends[1] else (part, "")
    documented = typical or (part.low, part.high)
    first = max(min(part.low, documented[0]), _rounded(part, back(new_low), math.floor))
    last = min(max(part.high, documented[1]), _rounded(part, back(new_high), math.ceil))
    return (replace(part, low=first, high=last), why) if first < last else (part, "")


def _grid(part: Int, value: float, towards: Any) -> int:
    """A whole number on the parameter's own steps."""
    return part.low + part.step * int(towards(round((value - part.low) / part.step, 6)))


def _rounded(part: Float, value: float, towards: Callable[[float], int]) -> float:
    """An end of a range, to two digits of what the range holds: outwards, so that no good value falls out of it. Old
    ends stay as they are."""
    for end in (part.low, part.high):
        if math.isclose(value, end):
            return end
    size = math.floor(math.log10(value if part.log else part.high - part.low)) - 1
    return round(towards(round(value / 10**size, 6)) * 10.0**size, -size)


def _typical(space: Space, path: str) -> tuple[float, float] | None:
    """What ML-Agents documents for a key: beyond a range's end the next one goes no further."""
    key = dict(leaves(behavior(space.trainer.get("trainer_type")))).get(path)
    return key.typical if key else None


def _change(space: Space, path: str, parameter: Parameter | Value, why: str) -> Change:
    return Change(path, show_parameter(space.parameters[path]), show_any(parameter), why)


def _why(mattered: Importances, changes: Sequence[Change]) -> str:
    if changes:
        return (
            f"Drawn around the best quarter of {mattered.trials} trials, where the forest’s importance stands clear of"
            " its whisker; everything else stays as it was."
        )
    if not mattered.enough:
        return (
            f"The same space: {mattered.needed} rated trials would be needed to say what matters, and there"
            f" {'is' if mattered.trials == 1 else 'are'} {mattered.trials}. More trials teach more."
        )
    if not mattered.trusted:
        return "The same space: nothing is shown to have mattered, so narrowing it would be a guess."
    return "The same space: where something mattered, good values lie all over its range."


def _headed(run: Run, text: str, changes: Sequence[Change], mattered: Importances) -> str:
    rests = f"{mattered.trials} rated trials of a sweep of {run.question.space}" if run.question else ""
    head = [f"# Suggested after {rests}."]
    head += [f"# {change.key}: was {change.before}; {change.why}." for change in changes] or ["# Nothing is narrowed."]
    return "\n".join(head) + "\n" + text
