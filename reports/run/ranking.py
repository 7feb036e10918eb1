"""Which trial is best in tuning, and which of those behind it cannot be told from it (pure)."""

import math
from dataclasses import dataclass

from trials.records import NORMAL_95, Rating
from trials.run_state import Run, TrialHistory


@dataclass(frozen=True)
class Ranked:
    """A trial and its place; rank and group are None where no comparable rating exists."""

    trial: TrialHistory
    rank: int | None
    group: str | None
    """Letter of the statistical tie it belongs to: within a group no one can be told from the group's first."""


def told_apart(a: Rating, b: Rating) -> bool:
    """Whether two independent ratings on one ladder differ at 95 %, without correction for many comparisons."""
    error = math.hypot(a.error, b.error)
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
