"""A sweep's workers in simulated time: the real controller, study and scheduler, and trials that are formulas."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from events import rated

from sweep.driver.controller import Controller
from sweep.driver.schedulers import make
from trials.records import Training, TrialSpec


@dataclass(frozen=True)
class Worker:
    """What a scheduler sees of a trial."""

    trial_id: str


@dataclass(frozen=True)
class Reached:
    """A trial was rated at a rung."""

    spent: int
    """Trainer steps of all trials together by then."""
    spec: TrialSpec
    rung: int
    elo: float
    pruned: bool


def drive(
    controller: Controller,
    elo: Callable[[TrialSpec, int], float],
    seconds: Callable[[TrialSpec], float],
    steps: float = float("inf"),
) -> list[Reached]:
    """Run the controller's trials on its slots, until all are over or `steps` are spent; what was reached, in order.

    `elo` of a trial at a rung, `seconds` a trial takes for its whole budget.
    """
    scheduler, found = make(controller), list[Reached]()
    waiting: list[tuple[float, int, str, int]] = []  # time, order, trial, place of the rung
    spent = begun = 0
    left = controller.settings.trials - len(controller.over)

    def begin(now: float) -> None:
        nonlocal begun
        if begun < left and spent < steps:
            name, begun = f"worker-{begun}", begun + 1
            controller.propose(name)
            controller.run.trial(controller.live[name].spec.number).path.mkdir(parents=True, exist_ok=True)
            scheduler.on_trial_add(None, Worker(name))
            advance(now, name, 0)

    def advance(now: float, name: str, place: int) -> None:
        spec = controller.live[name].spec
        before = spec.rungs[place - 1] if place else 0
        takes = seconds(spec) * (spec.rungs[place] - before) / spec.steps
        heapq.heappush(waiting, (now + takes, begun * 100 + place, name, place))

    for _ in range(controller.settings.slots or 1):
        begin(0.0)
    while waiting and spent < steps:
        now, _, name, place = heapq.heappop(waiting)
        live = controller.live[name]
        spec, rung = live.spec, live.spec.rungs[place]
        spent += rung - (spec.rungs[place - 1] if place else 0)
        told = rated(spec.number, rung, elo(spec, rung))
        scheduler.on_trial_result(None, Worker(name), {"rung": rung, "elo": told.rating.elo, "rated": told})
        pruned = live.state == "pruned"
        found.append(Reached(spent, spec, rung, told.rating.elo, pruned))
        if pruned or rung == spec.steps:
            ended = Training(fault="none", reason="", log_tail="", steps=rung, began=1.0, candidate=told.candidate,
                             train_seconds=seconds(spec) * rung / spec.steps, process_seconds=1.0)  # fmt: skip
            controller.heard(name, {"ended": ended})
            scheduler.on_trial_complete(None, Worker(name), {})
            controller.done(name)
            begin(now)
        else:
            advance(now, name, place + 1)
    return found
