"""How long a sweep still takes, by trainer steps: those that its driver has seen trained, and those that are left."""

from collections.abc import Iterable
from statistics import mean

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
