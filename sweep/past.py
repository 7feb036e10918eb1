"""What a ledger knows of a sweep that is to go on: which trials are over, which were cut off, what they reached."""

from collections.abc import Sequence
from dataclasses import dataclass

from trials.events import Event, FinalsBegan, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated
from trials.records import TrialSpec


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


def end_of(events: Sequence[Event]) -> SweepEnded | None:
    """How the last driver ended; None where it runs, or was killed."""
    last = next((event for event in reversed(events) if isinstance(event, SweepBegan | SweepEnded)), None)
    return last if isinstance(last, SweepEnded) else None


def of(events: Sequence[Event]) -> Past:
    """Fold the events; a trial that was begun again counts by what came last."""
    kept = tuple(event for event in events if not (isinstance(event, TrialEnded) and event.state == "stopped"))
    ended = {event.trial: event for event in kept if isinstance(event, TrialEnded)}
    others = ("extended", "final")
    began = {e.spec.number: e.spec for e in kept if isinstance(e, TrialBegan) and e.spec.origin not in others}
    rated: dict[tuple[int, int], TrialRated] = {}
    for event in kept:
        if isinstance(event, TrialRated) and event.candidate.trial in began:
            rated[event.candidate.trial, event.rung] = event
    return Past(
        events=kept,
        unfinished=tuple(began[number] for number in sorted(began) if number not in ended),
        rated=tuple(rated.values()),
        ended=tuple(ended[number] for number in sorted(ended) if number in began),
    )


def proposed(events: Sequence[Event]) -> tuple[TrialEnded, ...]:
    """How the trials ended that the sweep itself proposed, beside the course's: what it is made for."""
    return _ends(events, {spec.number for spec in _specs(events) if spec.origin == "sampled"})


def finalists(events: Sequence[Event]) -> tuple[TrialEnded, ...]:
    """How the trainings of the last finals ended, but for the course's where there are others."""
    finals = next((event for event in reversed(events) if isinstance(event, FinalsBegan)), None)
    if finals is None:
        return ()
    others = set(finals.configurations) - {finals.course}
    mine = {spec.number for spec in _specs(events) if spec.origin == "final" and spec.seed in finals.seeds}
    wanted = {spec.number for spec in _specs(events) if spec.configuration in (others or set(finals.configurations))}
    return _ends(events, mine & wanted)


def _specs(events: Sequence[Event]) -> list[TrialSpec]:
    return [event.spec for event in events if isinstance(event, TrialBegan)]


def _ends(events: Sequence[Event], numbers: set[int]) -> tuple[TrialEnded, ...]:
    """The last end of each, in the order of their numbers."""
    ends = {event.trial: event for event in events if isinstance(event, TrialEnded) and event.trial in numbers}
    return tuple(ends[number] for number in sorted(ends))
