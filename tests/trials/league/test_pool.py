"""A league's processes on a busy machine: who gets no processor loses no match, who hangs or never ends does."""

import os
import sys
from collections.abc import Iterator

import psutil
import pytest
from busy import busy

from trials.arena.matches.pool import Task
from trials.league.pool import Outcome, PairingPool
from trials.stint import LOOK_S

CAP = 3.0


@pytest.fixture(scope="module")
def floor() -> Iterator[PairingPool]:
    """One worker, which has begun; one that is ended has a successor."""
    with PairingPool(1) as made:
        played(made, task(1))
        yield made


def played(floor: PairingPool, *tasks: Task, cap: float = 600.0) -> list[Outcome]:
    queue = list(tasks)
    return list(floor.outcomes(lambda _: queue.pop(0) if queue else None, cap))


def task(pairs: int) -> Task:
    return Task(a="random", b="still", first=0, pairs=pairs, seed=1)


def worker(floor: PairingPool) -> psutil.Process:
    return psutil.Process(floor._workers[0]._process.pid)


def test_tasks_shorter_than_a_look_add_up(floor: PairingPool) -> None:
    before = floor.had
    found = played(floor, *[task(4)] * 12)
    worked = sum(outcome.seconds for outcome in found)
    assert worked / len(found) < LOOK_S
    assert floor.had - before > 0.8 * worked


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to a core")
def test_a_worker_that_is_dealt_no_processor_is_not_ended_and_costs_the_round_nothing(floor: PairingPool) -> None:
    core, before = min(os.sched_getaffinity(0)), floor.had
    with busy(4, core):
        for thread in worker(floor).threads():
            os.sched_setaffinity(thread.id, {core})
            os.setpriority(os.PRIO_PROCESS, thread.id, 5)
        (outcome,) = played(floor, task(24), cap=CAP)
    assert len(outcome.records) == 48 and outcome.line == ""
    assert outcome.seconds < CAP and floor.had - before < CAP


def test_a_pairing_that_takes_too_long_or_a_process_that_dies_costs_itself_only(floor: PairingPool) -> None:
    long, good = task(5000), Task(a="house", b="house-1500k", first=0, pairs=2, seed=1)
    found = played(floor, long, good, cap=CAP)
    assert [bool(outcome.records) for outcome in found] == [False, True]
    assert "must be over within 3 s of work" in found[0].line and not found[0].sure
    assert CAP <= found[0].seconds < CAP + 2
    worker(floor).kill()
    found = played(floor, long, good, cap=60.0)
    assert [bool(outcome.records) for outcome in found] == [False, True]
    assert found[0].line == "the match worker died before its matches were over"


def test_a_worker_that_sleeps_is_ended(floor: PairingPool) -> None:
    played(floor, task(1))
    asleep = worker(floor)
    asleep.suspend()
    (outcome,) = played(floor, task(1), cap=CAP)
    assert "must be over within" in outcome.line and not asleep.is_running()
