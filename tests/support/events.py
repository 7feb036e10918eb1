"""Ledger events for tests of what reads them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import optuna

from search_spaces import Space
from sweep.search import study
from trials.events import Event, TrialEnded, TrialRated
from trials.records import Candidate, Rating, Side, State, Training, TrialSpec, Value


def rating(elo: float, half: float = 50.0) -> Rating:
    side = Side(wins=2, draws=0, losses=2)
    return Rating(
        elo=elo,
        low=elo - half,
        high=elo + half,
        wins=4,
        draws=0,
        losses=4,
        as_blue=side,
        as_purple=side,
        by_opponent={"random": Side(wins=4, draws=0, losses=4)},
        ladder="ladder-3",
        environment="soccer-1",
        seed=1,
    )


def candidate(trial: int, steps: int) -> Candidate:
    path = f"trials/{trial:04d}/candidates/SoccerTwos-{steps}.onnx"
    return Candidate(trial=trial, steps=steps, path=path, sha256=f"{trial:02d}{steps:06d}" * 8)


def rated(trial: int, rung: int, elo: float, time: float = 2.0) -> TrialRated:
    return TrialRated(time=time, candidate=candidate(trial, rung + 7), rung=rung, rating=rating(elo), seconds=1.0)


def spec_of(number: int, params: Mapping[str, Value] | None = None, steps: int = 200) -> TrialSpec:
    own = {"trainer_type": "poca", "max_steps": steps, "summary_freq": 1000 + number}  # no two are one configuration
    return TrialSpec(
        number=number,
        origin="course" if number == 0 else "sampled",
        params=dict(params or {}),
        config={"behaviors": {"SoccerTwos": own}},
        seed=number,
        steps=steps,
        fields=8,
        threads=1,
        rungs=(steps // 2, steps),
    )


def ended(
    trial: int,
    state: State = "complete",
    *,
    began: float = 10.0,
    seconds: float = 5.0,
    slot: int = 0,
    time: float = 20.0,
) -> TrialEnded:
    return TrialEnded(
        time=time,
        trial=trial,
        state=state,
        reason="" if state in ("complete", "running") else "because",
        log_tail="",
        steps=200,
        train_seconds=seconds / 2,
        process_seconds=seconds,
        began=began,
        slot=slot,
        candidate=candidate(trial, 207),
    )


def training(
    fault: Literal["none", "trial", "machine", "setup"] = "none",
    reason: str = "",
    candidate: Candidate | None = None,
    steps: int = 150,
) -> Training:
    return Training(
        fault=fault,
        reason=reason,
        log_tail="the log's end" if reason else "",
        steps=steps,
        began=10.0,
        train_seconds=4.0,
        process_seconds=5.0,
        candidate=candidate,
    )


def rebuilt(
    events: Sequence[Event], space: Space, seed: int, startup_trials: int, *search: Any, **more: Any
) -> optuna.Study:
    """The study as the ledger tells it, in memory: same numbers, parameters, intermediate values and states."""
    made = study.open_study(None, seed, startup_trials, *search, **more)
    study.fill(made, events, space)
    return made
