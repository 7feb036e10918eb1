"""How long a sweep took, how long it still takes, by trainer steps seen and left, and how long its slots were idle."""

from collections.abc import Iterable, Sequence
from statistics import mean

from trials.events import Event, Promoted, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated, TrialResumed

SHARE = 0.05
"""Of what a driver has to do that must be done before it says how long the rest takes."""

Reached = tuple[int, bool]
"""Trainer steps of a trial, and whether it is over."""


def left(tuning: Iterable[Reached], trials: int, finals: Iterable[Reached], retrained: int, steps: int) -> float:
    """Trainer steps that a sweep of so many `trials` still takes, and then its finals of `retrained` trainings.

    Of trials that nobody knows yet each is taken to go as far as those that are over did on average: many are stopped
    at a rung. What is retrained has its whole budget of `steps`.
    """
    known, again = list(tuning), list(finals)
    ends = [reached for reached, over in known if over]
    usual = mean(ends) if ends else float(steps)
    rest = sum(max(0.0, (usual if reached < usual else steps) - reached) for reached, over in known if not over)
    rest += usual * max(0, trials - len(known))
    rest += sum(max(0, steps - reached) for reached, over in again if not over)
    return rest + steps * max(0, retrained - len(again))


def said(seconds: float, trained: float, rest: float) -> str:
    """`, about 7:05 left`, after `trained` steps in `seconds`; empty where that says too little."""
    if rest <= 0 or trained <= SHARE * (trained + rest):
        return ""
    return f", about {clock(seconds * rest / trained)} left"


def clock(seconds: float) -> str:
    """`7:05` or `1:07:05`"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def of_last_driver(events: Sequence[Event]) -> Sequence[Event]:
    """What the last driver wrote, its first line before all."""
    return events[max((at for at, event in enumerate(events) if isinstance(event, SweepBegan)), default=0) :]


def _drivers(events: Sequence[Event]) -> list[list[Event]]:
    """What each driver wrote, to its last line: what comes behind an end is no driver's, nor is what an extension or a
    promotion wrote, which may come long after a driver was killed."""
    found: list[list[Event]] = [[]]
    extended = {e.spec.number for e in events if isinstance(e, TrialBegan) and e.spec.origin == "extended"}
    for event in events:
        if isinstance(event, SweepBegan):
            found.append([])
        ended = bool(found[-1]) and isinstance(found[-1][-1], SweepEnded)
        if not ended and not isinstance(event, Promoted) and _trial(event) not in extended:
            found[-1].append(event)
    return [mine for mine in found if mine]


def _trial(event: Event) -> int | None:
    """Whose training an event tells of; None: no single trial's."""
    match event:
        case TrialBegan():
            return event.spec.number
        case TrialRated():
            return event.candidate.trial
        case TrialResumed() | TrialEnded():
            return event.trial
    return None


def spent(events: Sequence[Event]) -> float:
    """Seconds that a sweep's drivers took, one that was killed to its last line; pauses between them are nobody's."""
    ends = [(mine[0], mine[-1]) for mine in _drivers(events)]
    return sum(last.seconds if isinstance(last, SweepEnded) else last.time - first.time for first, last in ends)


def idle_share(events: Sequence[Event], slots: int) -> float:
    """Share of slot time without a trainer's process, from every driver's first proposal to the end of its last trial.

    Pauses between drivers are nobody's; a trial that was cut off trained to its driver's last line.
    """
    busy = whole = 0.0
    for mine in _drivers(events):
        began = {event.spec.number: event.time for event in mine if isinstance(event, TrialBegan)}
        ends = [event for event in mine if isinstance(event, TrialEnded)]
        cut = [began[number] for number in began.keys() - {end.trial for end in ends}]
        spans = [(end.began, end.process_seconds) for end in ends if end.began]
        spans += [(start, mine[-1].time - start) for start in cut]
        if began and spans:
            of = mine[0].slots if isinstance(mine[0], SweepBegan) else slots
            busy += sum(seconds for _, seconds in spans)
            whole += (max(start + seconds for start, seconds in spans) - min(began.values())) * of
    return min(1.0, max(0.0, 1 - busy / whole)) if whole > 0 else 0.0
