"""A run as its ledger tells it: its trials, which are over and which were cut off, and what was chosen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from trials.records import YARDSTICK, Candidate, Rating, State, TrialSpec
from trials.retrained import Retrained

LATER = ("extended", "final")
"""Origins of trials that are made of others', so no part of tuning."""


def whole(events: Sequence[Event]) -> tuple[dict[int, TrialSpec], dict[int, TrialRated]]:
    """The specs of tuning's trials, and the last rating of those that were trained for the whole, equal budget."""
    specs = {event.spec.number: event.spec for event in events if isinstance(event, TrialBegan)}
    others = {number for number, spec in specs.items() if spec.origin in LATER}
    complete = {event.trial for event in events if isinstance(event, TrialEnded) and event.state == "complete"}
    return {number: spec for number, spec in specs.items() if number not in others}, {
        event.candidate.trial: event
        for event in events
        if isinstance(event, TrialRated) and event.candidate.trial in complete - others
    }


def choose(events: Sequence[Event]) -> tuple[Candidate | None, Candidate | None]:
    """(winner, the course's policy) by tuning Elo among trials of equal, whole budget; None where there is none."""
    specs, last = whole(events)
    winner = max(last.values(), key=lambda event: event.rating.elo, default=None)
    courses = [number for number, spec in specs.items() if spec.origin == "course"]
    course = next((last[number] for number in courses if number in last), None)
    return (winner.candidate if winner else None), (course.candidate if course else None)


def carried_on(events: Sequence[Event]) -> Candidate | None:
    """The policy that a run carries on: that of its headline, else what tuning says; None where no trial was whole."""
    fresh = [event.candidate for event in events if isinstance(event, FreshRated) and event.role == "winner"]
    return fresh[-1] if fresh else choose(events)[0]


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
class TrialHistory:
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
    inherited: int = 0
    """Trainer steps that its parent had, where it was trained further from one."""

    @property
    def number(self) -> int:
        """Of the trial."""
        return self.spec.number

    @property
    def rating(self) -> Rating | None:
        """Of the last rung: the tuning number."""
        return self.rungs[-1].rating if self.rungs else None

    @property
    def seconds(self) -> float:
        """Life of all its trainer processes together; of those that nobody saw end, the time they trained."""
        trained = self.ended.train_seconds if self.ended is not None else 0.0
        return max(sum(span.seconds for span in self.spans), trained)

    @property
    def steps_per_second(self) -> float | None:
        """Trainer steps a second."""
        if self.ended is None or self.ended.train_seconds <= 0:
            return None
        return (self.ended.steps - self.inherited) / self.ended.train_seconds


@dataclass(frozen=True)
class Run:
    """One sweep, as far as its ledger tells."""

    name: str
    question: SweepBegan | None
    """The ledger's first line, with the trials of the last driver; None where even that is missing."""
    trials: tuple[TrialHistory, ...]
    winner: FreshRated | None
    course: FreshRated | None
    end: SweepEnded | None
    """None while the sweep runs, or where its driver died."""
    drivers: int
    """How often a driver began: more than 1 means that the sweep was resumed."""
    first: float
    """Unix seconds of the first and of the last event; 0 where there is none."""
    last: float
    retrained: tuple[TrialHistory, ...] = ()
    """Final trials, configurations retrained on fresh seeds: no part of the ranking or of what it teaches."""
    finals: Retrained | None = None
    """What those say of their configurations."""
    warm: WarmStarted | None = None
    promoted: tuple[Promoted, ...] = ()

    def trial(self, number: int) -> TrialHistory | None:
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
    def other_game(self) -> bool:
        """Whether it is of another game than SoccerTwos: its trials stand on a yardstick of their own."""
        return self.question is not None and self.question.ladder.startswith(YARDSTICK)

    @property
    def first_tag(self) -> str:
        """What trial 0 and its retrained policies are marked by: of SoccerTwos it is the course's configuration."""
        return "own" if self.other_game else "course"

    @property
    def over(self) -> int:
        """Trials of tuning that are; one that a person stopped goes on."""
        return sum(t.ended is not None and t.state != "stopped" and t.spec.origin != "extended" for t in self.trials)

    @property
    def finished(self) -> bool:
        """Whether its ledger has an end."""
        return self.end is not None


@dataclass
class _Draft:
    spec: TrialSpec
    handed: int = 0
    resumes: list[TrialResumed] = field(default_factory=list)
    rungs: dict[int, TrialRated] = field(default_factory=dict)
    ended: TrialEnded | None = None
    spans: list[Span] = field(default_factory=list)
    inherited: int = 0

    def whole(self, over: bool, reached: int) -> TrialHistory:
        rungs = tuple(self.rungs[rung] for rung in sorted(self.rungs))
        state: State = self.ended.state if self.ended else ("stopped" if over else "running")
        known = max([reached, *(rated.candidate.steps for rated in rungs)])
        steps = self.ended.steps if self.ended else known
        spans, resumes, inherited = tuple(self.spans), tuple(self.resumes), min(self.inherited, steps)
        return TrialHistory(self.spec, state, steps, rungs, self.ended, spans, self.handed, resumes, inherited)


def run_of(name: str, events: Sequence[Event], reached: Mapping[int, int] | None = None) -> Run:
    """Fold the events into a Run. `reached`: last step in each trial's metrics, for trials that have not ended."""
    drafts: dict[int, _Draft] = {}
    question: SweepBegan | None = None
    end: SweepEnded | None = None
    fresh: dict[str, FreshRated] = {}
    drivers, warm, steps = 0, None, reached or {}
    for event in events:
        match event:
            case SweepBegan():
                question = event if question is None else replace(question, trials=event.trials)  # it may be widened
                end, drivers = None, drivers + 1
            case WarmStarted():
                warm = event
            case TrialBegan():
                draft = drafts.setdefault(event.spec.number, _Draft(event.spec))
                if (of := event.spec.parent) is not None and of in drafts:  # which may be trained on later
                    draft.inherited = drafts[of].whole(True, steps.get(of, 0)).steps
                draft.spec, draft.ended, draft.handed = event.spec, None, draft.handed + 1
            case TrialResumed() if event.trial in drafts:
                drafts[event.trial].resumes.append(event)
            case TrialRated() if event.candidate.trial in drafts:
                rungs = drafts[event.candidate.trial].rungs
                for later in [rung for rung in rungs if rung >= event.rung]:
                    del rungs[later]  # the trial was retrained: what it had reached before is another policy's
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
    known = [drafts[number].whole(end is not None, steps.get(number, 0)) for number in sorted(drafts)]
    trials = tuple(trial for trial in known if trial.spec.origin != "final")
    anew = tuple(trial for trial in known if trial.spec.origin == "final")
    first, last = (events[0].time, events[-1].time) if events else (0.0, 0.0)
    sent = tuple(event for event in events if isinstance(event, Promoted))
    winner, course, found = fresh.get("winner"), fresh.get("course"), retrained.of(events)
    return Run(name, question, trials, winner, course, end, drivers, first, last, anew, found, warm, sent)


@dataclass(frozen=True)
class Past:
    """A sweep so far."""

    events: tuple[Event, ...]
    """Without the ends of trials that a person stopped: they go on."""
    unfinished: tuple[TrialSpec, ...]
    """Trials of tuning that began and are not over, by number; final trials are handed out again by the finals."""
    rated: tuple[TrialRated, ...]
    """Of tuning's trials."""
    ended: tuple[TrialEnded, ...]
    stopped: frozenset[int] = frozenset()
    """Trials, final ones too, whose last end was a person's wish, in order."""


def end_of(events: Sequence[Event]) -> SweepEnded | None:
    """How the last driver ended; None where it runs, or was killed."""
    last = next((event for event in reversed(events) if isinstance(event, SweepBegan | SweepEnded)), None)
    return last if isinstance(last, SweepEnded) else None


def past_of(events: Sequence[Event]) -> Past:
    """Fold the events; a trial that was begun again counts by what came last."""
    kept = tuple(event for event in events if not (isinstance(event, TrialEnded) and event.state == "stopped"))
    ended = {event.trial: event for event in kept if isinstance(event, TrialEnded)}
    lasts = {event.spec.number if isinstance(event, TrialBegan) else event.trial: event for event in events
             if isinstance(event, TrialBegan | TrialEnded)}  # fmt: skip
    began = {e.spec.number: e.spec for e in kept if isinstance(e, TrialBegan) and e.spec.origin not in LATER}
    rated: dict[tuple[int, int], TrialRated] = {}
    for event in kept:
        if isinstance(event, TrialRated) and event.candidate.trial in began:
            rated[event.candidate.trial, event.rung] = event
    return Past(
        events=kept,
        unfinished=tuple(began[number] for number in sorted(began) if number not in ended),
        rated=tuple(rated.values()),
        ended=tuple(ended[number] for number in sorted(ended) if number in began),
        stopped=frozenset(n for n, last in lasts.items() if isinstance(last, TrialEnded) and last.state == "stopped"),
    )


def proposed(events: Sequence[Event]) -> tuple[TrialEnded, ...]:
    """How the trials ended that the sweep itself proposed, beside the course's: what it is made for."""
    numbers = {e.spec.number for e in events if isinstance(e, TrialBegan) and e.spec.origin == "sampled"}
    ends = {event.trial: event for event in events if isinstance(event, TrialEnded) and event.trial in numbers}
    return tuple(ends[number] for number in sorted(ends))


def finalists(events: Sequence[Event]) -> tuple[TrialEnded, ...]:
    """How the trainings of the last finals ended, but for the course's where there are others."""
    finals = retrained.of(events)
    known = finals.configurations if finals is not None else ()
    wanted = [one for one in known if not one.course] or known
    ends = [policy.ended for one in wanted for policy in one.policies if policy.ended is not None]
    return tuple(sorted(ends, key=lambda end: end.trial))
