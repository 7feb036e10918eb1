"""A league's processes on a busy machine: who gets no processor loses no match, who hangs or never ends does."""

import os
import sys

import psutil
import pytest
from busy import busy

from trials.arena.matches.pool import Task
from trials.league.pool import Outcome, PairingPool
from trials.stint import LOOK_S

CAP = 4.0


def played(floor: PairingPool, *tasks: Task, cap: float) -> list[Outcome]:
    queue = list(tasks)
    return list(floor.outcomes(lambda _: queue.pop(0) if queue else None, cap))


def task(pairs: int) -> Task:
    return Task(a="random", b="still", first=0, pairs=pairs, seed=1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to a core")
def test_a_worker_that_is_dealt_no_processor_is_not_ended_and_costs_the_round_nothing() -> None:
    core = min(os.sched_getaffinity(0))
    with PairingPool(1) as floor:
        played(floor, task(1), cap=600.0)  # it has begun, and all is loaded
        before, worker = floor.had, floor._workers[0]._process.pid
        assert worker is not None
        with busy(4, core):
            for thread in psutil.Process(worker).threads():
                os.sched_setaffinity(thread.id, {core})
                os.setpriority(os.PRIO_PROCESS, thread.id, 5)
            (outcome,) = played(floor, task(24), cap=CAP)
        assert len(outcome.records) == 48 and outcome.line == ""
        assert outcome.seconds < CAP and floor.had - before < CAP
        (long,) = played(floor, task(5000), cap=CAP)
        assert "must be over within 4 s of work" in long.line and CAP <= long.seconds < CAP + 2


def test_tasks_shorter_than_a_look_add_up() -> None:
    with PairingPool(1) as floor:
        played(floor, task(1), cap=600.0)
        before = floor.had
        outcomes = played(floor, *[task(4)] * 40, cap=600.0)
        worked = sum(outcome.seconds for outcome in outcomes)
        assert worked / len(outcomes) < LOOK_S
        assert floor.had - before > 0.8 * worked


def test_a_worker_that_sleeps_is_ended() -> None:
    with PairingPool(1) as floor:
        played(floor, task(1), cap=600.0)
        worker = psutil.Process(floor._workers[0]._process.pid)
        worker.suspend()
        (outcome,) = played(floor, task(1), cap=CAP)
        assert "must be over within" in outcome.line and not worker.is_running()
