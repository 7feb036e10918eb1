"""A synthetic sweep: events and metrics made by formula, clearly not measured, for every test of the report."""

import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ConfigDict, TypeAdapter

from trials.events import Event, FreshRated, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder
from trials.records import Candidate, Rating, Side, TrialSpec, Value, Verdict

_EVENT: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(ser_json_inf_nan="strings"))
BEGAN = 1_700_000_000.0  # an arbitrary Unix time
STEPS = 300_000
RUNGS = (75_000, 150_000, 300_000)
SPACE = """behaviors:
  SoccerTwos:
    trainer_type: poca
    hyperparameters:
      learning_rate: {log_float: [1e-5, 1e-3]}  # a comment to keep
      beta: {log_float: [1e-4, 1e-2]}
      batch_size: {choice: [256, 512, 1024]}
      epsilon: {float: [0.1, 0.3]}
      learning_rate_schedule: {choice: [linear, constant]}
    self_play:
      window: {int: [5, 30]}
      play_against_latest_model_ratio: {float: [0.0, 1.0]}
"""
SPEED = 900.0  # steps a second
STATES = ("complete", "pruned", "complete", "failed", "pruned", "complete", "pruned", "stopped")


def rating(elo: float, half: float = 60.0, matches: int = 120, ladder: str = "ladder-3") -> Rating:
    """A rating whose counts are split by the logistic curve."""
    level = 0 if ladder == "direct" else 1200
    wins = round(matches * 0.9 / (1 + 10 ** ((level - elo) / 400)))
    draws = matches // 10
    side = Side(wins=wins // 2, draws=draws // 2, losses=(matches - wins - draws) // 2)
    names = ("still", "random", "chaser", "house")
    return Rating(
        elo=elo,
        low=elo - half,
        high=elo + half,
        wins=wins,
        draws=draws,
        losses=matches - wins - draws,
        as_blue=side,
        as_purple=side,
        by_opponent={n: Side(wins=max(0, wins // 4 - 4 * i), draws=i, losses=2 + 4 * i) for i, n in enumerate(names)},
        ladder=ladder,
        environment="soccer-1",
        seed=7,
    )


def verdict(outcome: str = "accepted") -> Verdict:
    llr = {"accepted": 3.1, "rejected": -3.0, "undecided": 0.4}[outcome]
    return Verdict(elo0=0, elo1=50, llr=llr, lower=-2.94, upper=2.94, verdict=outcome, pairs=106)  # type: ignore[arg-type]


def question(**more: object) -> SweepBegan:
    plain: dict[str, object] = {
        "time": BEGAN,
        "name": "synthetic",
        "command": "sweep run quick --trials 12 --slots 2 --seed 1",
        "space": "quick",
        "space_yaml": SPACE,
        "trials": 12,
        "slots": 2,
        "steps": STEPS,
        "fields": 8,
        "seed": 1,
        "rungs": RUNGS,
        "reduction_factor": 3.0,
        "startup_trials": 4,
        "baseline": "house",
        "baseline_sha256": "b" * 64,
        "ladder": "ladder-3",
        "environment": "soccer-1",
        "scaled": {
            "max_steps": (10_000_000, STEPS),
            "self_play.team_change": (250_000, 7_500),
            "self_play.save_steps": (50_000, 1_500),
            "checkpoint_interval": (200_000, 75_000),
            "network_settings.hidden_units": (512, 64),
            "environment_parameters.ball_touch": (None, 1.0),
        },
        "versions": {"python": "3.11.9", "mlagents": "1.1.0", "torch": "2.8.0", "optuna": "5.0.0"},
        "host": {"cores": 2, "memory_gib": 8, "platform": "Linux x86_64", "gpus": 0},
    }
    return SweepBegan(**(plain | more))  # type: ignore[arg-type]


def params(number: int, dice: random.Random) -> dict[str, Value]:
    if number == 0:
        return {}
    return {
        "hyperparameters.learning_rate": 10 ** dice.uniform(-5, -3),
        "hyperparameters.beta": 10 ** dice.uniform(-4, -2),
        "hyperparameters.batch_size": dice.choice([256, 512, 1024]),
        "hyperparameters.epsilon": dice.uniform(0.1, 0.3),
        "self_play.window": dice.randint(5, 30),
        "self_play.play_against_latest_model_ratio": dice.uniform(0, 1),
        "hyperparameters.learning_rate_schedule": dice.choice(["linear", "constant"]),
    }


def spec(number: int, dice: random.Random, **more: object) -> TrialSpec:
    parameters = params(number, dice)
    plain: dict[str, Value] = {"learning_rate": 5e-4, "beta": 5e-3, "batch_size": 512, "epsilon": 0.2, "num_epoch": 3}
    own = {k.split(".")[1]: v for k, v in parameters.items() if k.startswith("hyperparameters")}
    ghost = {"save_steps": 1_500, "window": 10, "play_against_latest_model_ratio": 0.5, "initial_elo": 1200.0}
    ghost |= {k.split(".")[1]: v for k, v in parameters.items() if k.startswith("self_play")}  # type: ignore[misc]
    config = {
        "behaviors": {
            "SoccerTwos": {
                "trainer_type": "poca",
                "hyperparameters": plain | own,
                "network_settings": {"normalize": False, "hidden_units": 64, "num_layers": 2},
                "max_steps": STEPS,
                "self_play": ghost,
            }
        },
        "environment_parameters": {"ball_touch": 1.0},
    }
    whole: dict[str, object] = {
        "number": number,
        "origin": "course" if number == 0 else "sampled",
        "params": parameters,
        "config": config,
        "seed": 100 + number,
        "steps": STEPS,
        "fields": 8,
        "threads": 1,
        "rungs": RUNGS,
    }
    return TrialSpec(**(whole | more))  # type: ignore[arg-type]


def skill(spec: TrialSpec) -> float:
    """The latent Elo at the end of training: best at a learning rate of 3e-4 and a small beta."""
    rate = float(spec.params.get("hyperparameters.learning_rate", 5e-4))
    beta = float(spec.params.get("hyperparameters.beta", 5e-3))
    return 1330 - 260 * abs(math.log10(rate / 3e-4)) - 40 * abs(math.log10(beta / 1e-3))


def candidate(number: int, steps: int) -> Candidate:
    return Candidate(
        trial=number,
        steps=steps,
        path=f"trials/{number:04d}/candidates/SoccerTwos-{steps}.onnx",
        sha256=f"{steps + number:064x}",
    )


def trial_events(spec: TrialSpec, state: str, began: float, slot: int, dice: random.Random) -> list[Event]:
    """A trial from its proposal to its end; `running` leaves it without one."""
    reached = {"complete": 3, "pruned": 1 + spec.number % 2, "failed": 0, "stopped": 1, "running": 1}[state]
    events: list[Event] = [TrialBegan(time=began, spec=spec)]
    last = None
    for place, rung in enumerate(RUNGS[:reached]):
        last = candidate(spec.number, rung + 512)
        elo = 900 + (skill(spec) - 900) * (0.45, 0.75, 1.0)[place] + dice.gauss(0, 20)
        time = began + rung / SPEED + 5
        events.append(TrialRated(time=time, candidate=last, rung=rung, rating=rating(elo), seconds=4.5))
    if state == "running":
        return events
    steps = RUNGS[reached - 1] + 900 if reached else 4_000
    reasons = {
        "pruned": f"below the best third at {steps:,} steps",
        "failed": "the policy loss is NaN; lower learning_rate or raise batch_size",
        "stopped": "the user ended the sweep",
    }
    seconds = steps / SPEED
    end = TrialEnded(
        time=began + seconds + 9,
        trial=spec.number,
        state=state,  # type: ignore[arg-type]
        reason=reasons.get(state, ""),
        log_tail="step 4000\nRuntimeError: loss is nan\n" if state == "failed" else "",
        steps=steps,
        train_seconds=seconds,
        process_seconds=seconds + 8,
        began=began,
        slot=slot,
        candidate=last,
    )
    return [*events, end]


def further(parent: TrialSpec, number: int, began: float) -> list[Event]:
    """A trial that was trained further, to twice its budget, after the sweep's end."""
    more = replace(parent, number=number, origin="extended", parent=parent.number, steps=2 * STEPS, rungs=(2 * STEPS,))
    last = candidate(number, 2 * STEPS + 512)
    return [
        TrialBegan(time=began, spec=more),
        TrialRated(time=began + 340, candidate=last, rung=2 * STEPS, rating=rating(1400), seconds=4.5),
        TrialEnded(time=began + 350, trial=number, state="complete", reason="", log_tail="", steps=last.steps,
                   train_seconds=330.0, process_seconds=340.0, began=began, slot=0, candidate=last),
    ]  # fmt: skip


def synthetic_events(
    trials: int = 12,
    finished: bool = True,
    fresh: str | None = "accepted",
    states: Sequence[str] = STATES,
    slots: int = 2,
) -> list[Event]:
    """A whole ledger. fresh: outcome of the winner's test against random, None for no fresh matches."""
    dice = random.Random(5)
    free = [BEGAN + 2 + slot for slot in range(slots)]
    told: list[Event] = []
    for number in range(trials):
        slot = free.index(min(free))
        state = "complete" if number == 0 else states[number % len(states)]
        if not finished and number >= trials - slots:
            state = "running"
        part = trial_events(spec(number, dice), state, free[slot], slot, dice)
        free[slot] = max(event.time for event in part) + 3
        told += part
    told.sort(key=lambda event: event.time)
    events: list[Event] = [question(trials=trials, slots=slots), *told]
    over = max(free)
    if finished and fresh is not None:
        best = max((e for e in told if isinstance(e, TrialRated)), key=lambda event: event.rating.elo)
        elo = {"accepted": 140.0, "rejected": -20.0, "undecided": 20.0}[fresh]
        shared = {"random": rating(elo, 50, 212, "direct"), "random_sprt": verdict(fresh)}
        events += [
            FreshRated(time=over + 60, candidate=best.candidate, role="winner", baseline=rating(35, 45, 300, "direct"),
                       against_course=rating(88, 40, 300, "direct"), **shared),
            FreshRated(time=over + 90, candidate=candidate(0, STEPS + 512), role="course",
                       baseline=rating(-50, 45, 300, "direct"), against_course=None, **shared),
        ]  # fmt: skip
    if finished:
        seconds = over + 100 - BEGAN
        events.append(SweepEnded(time=over + 100, state="complete", reason="", seconds=seconds, idle_share=0.07))
    return events


def write_metrics(run: RunFolder, number: int, steps: int, half_line: bool = False) -> None:
    dice = random.Random(number)
    path = run.trial(number).metrics
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for step in range(6_000, steps + 1, 6_000):
        done = step / STEPS
        summary = {
            "step": step,
            "time": BEGAN + step / SPEED,
            "seconds": step / SPEED,
            "Environment/Episode Length": 900 - 700 * done * dice.uniform(0.7, 1),
            "Environment/Group Cumulative Reward": -0.4 + 0.8 * done + dice.gauss(0, 0.1),
            "Policy/Entropy": 3.29 - 0.9 * done + dice.gauss(0, 0.03),
            "Losses/Policy Loss": dice.uniform(0.01, 0.03),
            "Losses/Value Loss": 0.2 * (1 - done) + dice.uniform(0, 0.02),
        }
        if step > 20_000:
            summary["Self-play/ELO"] = 1200 + 300 * done * dice.uniform(0.5, 1.5)
        lines.append(json.dumps(summary))
    text = "\n".join(lines) + "\n" + ('{"step": 300' if half_line else "")
    path.write_text(text)


def write_run(path: Path, events: Sequence[Event], metrics: bool = True) -> RunFolder:
    """A run's folder as a sweep would leave it. (`ledger.append` would wait for the disk at each event.)"""
    run = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    run.ledger.write_bytes(b"".join(_EVENT.dump_json(event) + b"\n" for event in events))
    if metrics:
        steps = {e.trial: e.steps for e in events if isinstance(e, TrialEnded)}
        for event in events:
            if isinstance(event, TrialBegan):
                number = event.spec.number
                write_metrics(run, number, steps.get(number, 90_000), half_line=number not in steps)
    return run


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """This module: the builders above."""
    return sys.modules[__name__]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., RunFolder]:
    """events → a run's folder that holds them."""

    def write(events: Sequence[Event], metrics: bool = True) -> RunFolder:
        return write_run(tmp_path / "synthetic", events, metrics)

    return write
