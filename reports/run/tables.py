"""Ledger → the nouns and data frames of a report: trials, ranking, ratings, cost (pure)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from trials.arena.matches import log
from trials.arena.ratings import seed_intervals
from trials.arena.ratings.bradley_terry import NORMAL_95
from trials.folder import RunFolder
from trials.records import Rating
from trials.run_state import Run, TrialHistory

# --- ranking -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranked:
    """A trial and its place; rank and group are None where no comparable rating exists."""

    trial: TrialHistory
    rank: int | None
    group: str | None
    """Letter of the statistical tie it belongs to: within a group no one can be told from the group's first."""


def told_apart(a: Rating, b: Rating) -> bool:
    """Whether two independent ratings on one ladder differ at 95 %, without correction for many comparisons."""
    error = math.hypot(seed_intervals.error(a), seed_intervals.error(b))
    return math.isfinite(error) and abs(a.elo - b.elo) > NORMAL_95 * error


def ranking(run: Run) -> tuple[Ranked, ...]:
    """Best tuning number first, then what cannot be ranked, by number."""
    rated = [
        (trial, trial.rating)
        for trial in run.trials
        if trial.rating and run.comparable(trial.rating) and trial.spec.parent is None  # of another budget
    ]
    rated.sort(key=lambda pair: (-pair[1].elo, pair[0].number))
    rows: list[Ranked] = []
    head: Rating | None = None
    group = -1
    for rank, (trial, rating) in enumerate(rated, 1):
        if head is None or told_apart(head, rating):
            head, group = rating, group + 1
        rows.append(Ranked(trial, rank, _letters(group)))
    seen = {trial.number for trial, _ in rated}
    return (*rows, *(Ranked(trial, None, None) for trial in run.trials if trial.number not in seen))


def _letters(index: int) -> str:
    """0 → A, 25 → Z, 26 → AA, as columns of a spreadsheet."""
    return (_letters(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


# --- frames ------------------------------------------------------------------------------------------------------


def rungs(run: Run) -> pd.DataFrame:
    """One row for each comparable rating: trial, rung, steps, elo, low, high, matches, state of the trial, last."""
    rows = [
        (t.number, rated.rung, rated.candidate.steps, r.elo, r.low, r.high, r.matches, t.state, rated is t.rungs[-1])
        for t in run.trials
        for rated in t.rungs
        if run.comparable(r := rated.rating)
    ]
    names = ["trial", "rung", "steps", "elo", "low", "high", "matches", "state", "last"]
    return pd.DataFrame(rows, columns=names)


def params(run: Run) -> pd.DataFrame:
    """One row for each ranked trial with open parameters: trial, elo of the last rung, rung, then a column for each
    parameter."""
    rows: list[dict[str, Any]] = [
        {"trial": t.number, "elo": t.rating.elo, "rung": t.rungs[-1].rung, **t.spec.params}
        for t in run.trials
        if t.rating and run.comparable(t.rating) and t.spec.params
    ]
    return pd.DataFrame(rows, columns=None if rows else ["trial", "elo", "rung"])


def trials(run: Run, at: Path) -> pd.DataFrame:
    """One row for each trial, retrained ones too: what it was, what came of it, then a column for each parameter.

    policy: path of the last rated or exported candidate, below the run's folder `at`. elo: on the ladder, of that rung.
    """
    rows: list[dict[str, Any]] = []
    for t in (*run.trials, *run.retrained):
        rated = t.rungs[-1].rating if t.rungs and run.comparable(t.rungs[-1].rating) else None
        exported = t.rungs[-1].candidate if t.rungs else t.ended.candidate if t.ended else None
        rows.append(
            {"trial": t.number, "origin": t.spec.origin, "configuration": t.spec.configuration, "state": t.state}
            | {"steps": t.steps, "budget": t.spec.steps, "seed": t.spec.seed, "process_seconds": t.seconds}
            | {name: getattr(rated, name) if rated else None for name in ("elo", "low", "high")}
            | {"policy": str(at / exported.path) if exported else None, **t.spec.params}
        )
    frame = pd.DataFrame(rows, columns=None if rows else ["trial", "origin", "state", "steps", "elo", "policy"])
    return frame.astype({"configuration": "Int64"} if rows else {})


def matches(folder: RunFolder) -> pd.DataFrame:
    """One row for each counted match of the run: the columns of its logs, and `log`, the file below its folder."""
    names = [*log.SCHEMA.names, "log"]
    parts = [
        pd.DataFrame({**log.columns(path), "log": str(path.relative_to(folder.path))}, columns=names, dtype=object)
        for path in folder.match_logs()
    ]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names, dtype=object)
    frame = frame[frame["counted"].astype(bool)].reset_index(drop=True).infer_objects()
    return frame.assign(time=pd.to_datetime(frame["time"], unit="us", utc=True))


def spans(run: Run) -> pd.DataFrame:
    """One row for each trainer process: trial, slot, start and seconds (both in seconds), state.

    start counts from the first process; a trial that has not ended lasts to the ledger's last event.
    """
    known = [span for trial in (*run.trials, *run.retrained) for span in trial.spans]
    origin = min((span.began for span in known), default=run.first)
    rows = [(s.trial, s.slot, s.began - origin, s.seconds, s.state) for s in known]
    return pd.DataFrame(rows, columns=["trial", "slot", "start", "seconds", "state"])


# --- configurations ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """One key at which two configurations differ; `absent` where a side has no such key."""

    key: str
    before: Any
    after: Any


ABSENT: Literal["absent"] = "absent"


def flat(config: Any, path: str = "") -> dict[str, Any]:
    """Nested mappings → dotted path to leaf; an empty mapping is a leaf."""
    if not isinstance(config, Mapping) or (path and not config):
        return {path: config}
    leaves: dict[str, Any] = {}
    for key, value in config.items():
        leaves |= flat(value, f"{path}.{key}" if path else str(key))
    return leaves


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Keys at which `after` differs from `before`, in the order of `after`."""
    old, new = flat(before), flat(after)
    keys = [*new, *(key for key in old if key not in new)]
    pairs = ((key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys)
    return tuple(Difference(key, a, b) for key, a, b in pairs if a != b or isinstance(a, bool) != isinstance(b, bool))
