"""What the page unfolds of each trial, as the few words it shows; packed, for a thousand would be most of a page."""

from collections.abc import Mapping
from typing import Any

from reports.formatting import counts, short_keys, span, steps, value
from reports.run import findings
from search_spaces.text import get
from trials.records import Rating
from trials.run_state import Run, TrialHistory


def details(run: Run) -> list[dict[str, Any]]:
    """One object a trial: number, its open values, what it spent, its rungs, and what there is to note. All text; a
    value stands with its key and the key's short name."""
    names = short_keys(key for trial in run.trials for key in trial.spec.params)
    return [_detail(run, trial, names) for trial in run.trials]


def _detail(run: Run, trial: TrialHistory, names: Mapping[str, str]) -> dict[str, Any]:
    course = trial.spec.origin == "course"
    return {
        "trial": trial.number,
        "elo": findings.elo(trial.rating.elo) if trial.rating and run.comparable(trial.rating) else "",
        "state": trial.state,
        "course": course,
        "values": [[key, value(chosen), names[key]] for key, chosen in trial.spec.params.items()],
        "fixed": [[key, value(held(trial, key)), short] for key, short in names.items()] if course else [],
        "spent": _spent(trial),
        "rungs": [
            [steps(g.rung), findings.elo(g.rating.elo), findings.interval(g.rating), counts(g.rating)]
            for g in trial.rungs
        ],
        "sides": _sides(trial.rating) if trial.rating else "",
        "notes": _notes(trial),
    }


def _sides(rating: Rating) -> str:
    return f"as blue {counts(rating.as_blue)}, as purple {counts(rating.as_purple)}"


def held(trial: TrialHistory, key: str) -> Any:
    """What the trial's configuration holds where others have an open value; of `a / b`, the quotient."""
    behaviors = trial.spec.config.get("behaviors") or {}
    several = len(behaviors) > 1 and key.partition(".")[0] in behaviors
    below: Any = behaviors if several else next(iter(behaviors.values()), {})
    found = [get(below, path) for path in key.split(" / ")]
    if len(found) == 2 and all(isinstance(each, int | float) for each in found) and found[1]:
        return found[0] / found[1]
    return found[0]


def _spent(trial: TrialHistory) -> list[list[str]]:
    spent = [
        ["steps", f"{value(trial.steps)} of {value(trial.spec.steps)}"],
        ["trainer’s time", span(trial.seconds)],
        ["seed", str(trial.spec.seed)],
        ["fields", str(trial.spec.all_fields)],
    ]
    if trial.steps_per_second:
        spent.insert(2, ["steps/s", f"{trial.steps_per_second:.0f}"])
    if trial.handed > 1:
        spent.append(["begun", f"{trial.handed} times"])
    return spent


def _notes(trial: TrialHistory) -> list[str]:
    notes = [
        f"went on from step {value(one.resumed)}, {value(one.reached)} reached: {one.reason}; ghost windows began empty"
        for one in trial.resumes
    ]
    return [*notes, trial.ended.reason] if trial.ended and trial.ended.reason else notes
