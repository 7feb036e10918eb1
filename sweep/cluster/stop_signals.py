"""Which trials are asked to end: told by the driver, asked by workers that share no folder with it."""

import contextlib
from collections.abc import Callable

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

ANSWER_S = 30.0
"""How long an answer is waited for, seconds."""


@ray.remote(num_cpus=0)
class StopSignals:
    """Lives beside the driver, and dies with it."""

    def __init__(self) -> None:
        self._stopped: set[int] = set()

    def stop(self, number: int) -> None:
        """Ask a trial to stop."""
        self._stopped.add(number)

    def stopped(self, number: int) -> bool:
        """Whether a trial was asked to."""
        return number in self._stopped


def issue(name: str) -> Callable[[int], None]:
    """Start the actor `name` on this node; gives the function that orders a trial (number) to stop."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = StopSignals.options(name=name, scheduling_strategy=here).remote()  # type: ignore[attr-defined]

    def order(number: int) -> None:
        told = actor.stop.remote(number)
        with contextlib.suppress(ray.exceptions.GetTimeoutError):  # a busy machine: it is on its way
            ray.get(told, timeout=ANSWER_S)

    return order


def heeded(name: str, number: int) -> bool:
    """Whether the driver that issued `name` wants the trial to end; one that is slow to answer is asked again later."""
    try:
        return bool(ray.get(ray.get_actor(name).stopped.remote(number), timeout=ANSWER_S))
    except ray.exceptions.GetTimeoutError:
        return False
