"""Ledger → the data frames of a report: trials, ratings, matches, processes (pure)."""

from pathlib import Path
from typing import Any

import pandas as pd

from trials.arena.matches import log
from trials.folder import RunFolder
from trials.run_state import Run

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
        if t.rating and run.comparable(t.rating) and t.spec.params and t.spec.parent is None
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
