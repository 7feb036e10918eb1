"""Ledger → the nouns and data frames of a report: trials, ranking, ratings, cost (pure)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from trials import retrained
from trials.events import (
    Event,
    FreshRated,
    Promoted,
    SweepBegan,
    SweepEnded,
    TrialBegan,
    TrialEnded,
    TrialRated,
    TrialResumed,
    WarmStarted,
)
from trials.records import Rating, State, TrialSpec
from trials.retrained import Retrained

NORMAL_95 = 1.96  # half a 95 % interval in standard errors of a normal distribution


@dataclass(frozen=True)
class Span:
    """One trainer process on one slot."""

    trial: int
    slot: int
    began: float
    """Unix seconds."""
    seconds: float
    state: State


@dataclass(frozen=True)
class Trial:
    """One trial as the ledger knows it, over all the times it was handed to a worker."""

    spec: TrialSpec
    state: State
    steps: int
    """Trainer steps reached; for a running trial, as far as is known."""
    rungs: tuple[TrialRated, ...]
    """Ascending, one for each rung; a later training of the same trial replaces what it passed again."""
    ended: TrialEnded | None
    spans: tuple[Span, ...]
    handed: int
    """Times the trial was handed to a worker."""
    resumes: tuple[TrialResumed, ...] = ()
    """Each time it went on after a trainer or worker had died."""

    @property
    def number(self) -> int:
        return self.spec.number

    @property
    def rating(self) -> Rating | None:
        """Of the last rung: the tuning number."""
        return self.rungs[-1].rating if self.rungs else None

    @property
    def seconds(self) -> float:
        """Life of all its trainer processes together."""
        return sum(span.seconds for span in self.spans)

    @property
    def steps_per_second(self) -> float | None:
        return self.ended.steps / self.ended.train_seconds if self.ended and self.ended.train_seconds > 0 else None


@dataclass(frozen=True)
class Run:
    """One sweep, as far as its ledger tells."""

    name: str
    question: SweepBegan | None
    """The ledger's first line, with the trials of the last driver; None where even that is missing."""
    trials: tuple[Trial, ...]
    winner: FreshRated | None
    course: FreshRated | None
    end: SweepEnded | None
    """None while the sweep runs, or where its driver died."""
    drivers: int
    """How often a driver began: more than 1 means that the sweep was resumed."""
    first: float
    """Unix seconds of the first and of the last event; 0 where there is none."""
    last: float
    retrained: tuple[Trial, ...] = ()
    """Final trials, configurations trained anew on fresh seeds: no part of the ranking or of what it teaches."""
    finals: Retrained | None = None
    """What those say of their configurations."""
    warm: WarmStarted | None = None
    promoted: tuple[Promoted, ...] = ()

    def trial(self, number: int) -> Trial | None:
        """A trial of tuning, or a final one."""
        return next((trial for trial in (*self.trials, *self.retrained) if trial.number == number), None)

    @property
    def chosen(self) -> int | None:
        """The trial whose configuration was chosen; None before any was."""
        if self.winner is None:
            return None
        trial = self.trial(self.winner.candidate.trial)
        if trial is None or trial.spec.configuration is None:
            return self.winner.candidate.trial
        return trial.spec.configuration

    def comparable(self, rating: Rating | None) -> bool:
        """Ratings of different ladders or environments are never compared."""
        if rating is None or self.question is None:
            return False
        same = (rating.ladder, rating.environment) == (self.question.ladder, self.question.environment)
        return same and math.isfinite(rating.elo)

    @property
    def finished(self) -> bool:
        return self.end is not None


@dataclass
class _Draft:
    spec: TrialSpec
    handed: int = 0
    resumes: list[TrialResumed] = field(default_factory=list)
    rungs: dict[int, TrialRated] = field(default_factory=dict)
    ended: TrialEnded | None = None
    spans: list[Span] = field(default_factory=list)

    def whole(self, over: bool, reached: int) -> Trial:
        rungs = tuple(self.rungs[rung] for rung in sorted(self.rungs))
        state: State = self.ended.state if self.ended else ("stopped" if over else "running")
        known = max([reached, *(rated.candidate.steps for rated in rungs)])
        steps = self.ended.steps if self.ended else known
        return Trial(self.spec, state, steps, rungs, self.ended, tuple(self.spans), self.handed, tuple(self.resumes))


def run_of(name: str, events: Sequence[Event], reached: Mapping[int, int] | None = None) -> Run:
    """Fold the events into a Run. `reached`: last step in each trial's metrics, for trials that have not ended."""
    drafts: dict[int, _Draft] = {}
    question: SweepBegan | None = None
    end: SweepEnded | None = None
    fresh: dict[str, FreshRated] = {}
    drivers, warm = 0, None
    for event in events:
        match event:
            case SweepBegan():
                question = event if question is None else replace(question, trials=event.trials)  # it may be widened
                end, drivers = None, drivers + 1
            case WarmStarted():
                warm = event
            case TrialBegan():
                draft = drafts.setdefault(event.spec.number, _Draft(event.spec))
                draft.spec, draft.ended, draft.handed = event.spec, None, draft.handed + 1
            case TrialResumed() if event.trial in drafts:
                drafts[event.trial].resumes.append(event)
            case TrialRated() if event.candidate.trial in drafts:
                rungs = drafts[event.candidate.trial].rungs
                for later in [rung for rung in rungs if rung >= event.rung]:
                    del rungs[later]  # the trial was trained anew: what it had reached before is another policy's
                rungs[event.rung] = event
            case TrialEnded() if event.trial in drafts:
                draft = drafts[event.trial]
                draft.ended = event
                if event.began > 0:
                    draft.spans.append(Span(event.trial, event.slot, event.began, event.process_seconds, event.state))
            case FreshRated():
                fresh[event.role] = event
            case SweepEnded():
                end = event
    steps = reached or {}
    known = [drafts[number].whole(end is not None, steps.get(number, 0)) for number in sorted(drafts)]
    trials = tuple(trial for trial in known if trial.spec.origin != "final")
    anew = tuple(trial for trial in known if trial.spec.origin == "final")
    first, last = (events[0].time, events[-1].time) if events else (0.0, 0.0)
    sent = tuple(event for event in events if isinstance(event, Promoted))
    winner, course, found = fresh.get("winner"), fresh.get("course"), retrained.of(events)
    return Run(name, question, trials, winner, course, end, drivers, first, last, anew, found, warm, sent)


# --- ranking -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranked:
    """A trial and its place; rank and group are None where no comparable rating exists."""

    trial: Trial
    rank: int | None
    group: str | None
    """Letter of the statistical tie it belongs to: within a group no one can be told from the group's first."""


def standard_error(rating: Rating) -> float:
    """Of the Elo, from its interval; infinite where an end is open."""
    return (rating.high - rating.low) / (2 * NORMAL_95)


def told_apart(a: Rating, b: Rating) -> bool:
    """Whether two independent ratings on one ladder differ at 95 %, without correction for many comparisons."""
    error = math.hypot(standard_error(a), standard_error(b))
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
    """One row for each ranked trial with open holes: trial, elo of the last rung, rung, then a column for each hole."""
    rows: list[dict[str, Any]] = [
        {"trial": t.number, "elo": t.rating.elo, "rung": t.rungs[-1].rung, **t.spec.params}
        for t in run.trials
        if t.rating and run.comparable(t.rating) and t.spec.params
    ]
    return pd.DataFrame(rows, columns=None if rows else ["trial", "elo", "rung"])


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
