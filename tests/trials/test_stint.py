"""Limits on work: who loops or hangs reaches them, who is dealt no processor does not."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from busy import LOOP, busy

from trials import stint
from trials.stint import Stint, ended

SLEEP = "import time; time.sleep(600)"
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to a core")


@pytest.fixture(params=["as the kernel says", "by looks", "by ps"])
def told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way to tell who starves: Linux's own, and what other systems have."""
    if request.param == "as the kernel says" and not stint._exact():
        pytest.skip("this kernel does not tell of its delays")
    if request.param != "as the kernel says":
        monkeypatch.setattr(stint, "_exact", lambda: False)
    if request.param == "by ps":
        monkeypatch.setattr(stint, "_ready", lambda those: stint._said_by_ps([each.pid for each in those]))
    return str(request.param)


@contextmanager
def started(code: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-S", "-c", f"print(flush=True)\n{code}"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def watched(process: "subprocess.Popen[bytes]", seconds: float) -> float:
    """What it has had after so many seconds of the clock."""
    counted = Stint(process.pid)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
        had = counted.seconds
    return had


def used(process: "subprocess.Popen[bytes]") -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


@pytest.mark.usefixtures("told")
def test_who_waits_for_others_has_had_what_the_clock_says() -> None:
    with started(SLEEP) as process:
        began = time.monotonic()
        had = watched(process, 2.1)
        assert 1.0 < had <= time.monotonic() - began
        began = time.monotonic()
        assert not ended(process, 1.0) and time.monotonic() - began >= 1.0


@pytest.mark.usefixtures("told")
def test_who_loops_is_cut_off_after_its_budget() -> None:
    with started(LOOP) as process:
        began = time.monotonic(), used(process)
        assert not ended(process, 1.0)
        ran, passed = used(process) - began[1], time.monotonic() - began[0]
        assert 0.7 < ran <= passed + 0.1


@linux
def test_who_is_dealt_no_processor_is_not_cut_off(told: str) -> None:
    core = min(os.sched_getaffinity(0))
    with busy(4, core), started(LOOP) as process:
        os.sched_setaffinity(process.pid, {core})
        os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        time.sleep(0.5)
        assert watched(process, 3.5) < 0.9


@linux
def test_one_that_starves_holds_those_up_who_wait_for_it() -> None:
    core = min(os.sched_getaffinity(0))
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {LOOP!r}])"
    with busy(4, core), started(child) as process:
        while not (children := psutil.Process(process.pid).children()):
            time.sleep(0.02)
        os.sched_setaffinity(children[0].pid, {core})
        os.setpriority(os.PRIO_PROCESS, children[0].pid, 19)
        time.sleep(0.5)
        try:
            assert watched(process, 3.5) < 0.9
        finally:
            children[0].kill()


@linux
def test_several_that_take_turns_at_one_core_work_all_the_time() -> None:
    core = min(os.sched_getaffinity(0))
    loops = f"import os; os.sched_setaffinity(0, {{{core}}}); [os.fork() for _ in range(2)]\n{LOOP}"
    with started(loops) as process:
        family: list[psutil.Process] = []
        try:
            while len(family) < 4:
                time.sleep(0.02)
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            before = sum(sum(each.cpu_times()[:2]) for each in family)
            had = watched(process, 3.0)
            ran = sum(sum(each.cpu_times()[:2]) for each in family) - before
        finally:
            for each in family[1:]:
                each.kill()
        assert had > 0.7 * ran > 0


def test_a_stint_begins_again_and_the_dead_have_nothing_more() -> None:
    with started(SLEEP) as process:
        counted = Stint(process.pid)
        while not counted.seconds > 0.3:
            time.sleep(0.1)
        counted.again()
        assert counted.seconds == 0
    time.sleep(0.6)
    assert counted.seconds == 0


def test_a_wait_that_is_told_late_is_taken_off_what_was_counted() -> None:
    none = (0.0, 0.0, 0.0)
    assert stint._had(1.0, {1: none}, {1: none}) == (0.0, 1.0)  # it seems to hang
    assert stint._had(1.0, {1: none}, {1: (0.0, 4.0, 0.0)}) == (0.0, -3.0)  # it was starved all the time
    assert stint._had(1.0, {1: (0.0, 0.0, 3.0)}, {1: (0.0, 4.0, 0.0)}) == (0.0, 0.0)  # which was known
    assert stint._had(1.0, {1: none, 2: none}, {1: (1.0, 0.0, 0.0), 2: (0.0, 0.0, 1.0)}) == (1.0, 0.0)


def test_a_program_says_what_it_has_to_or_is_ended() -> None:
    done = stint.run([sys.executable, "-S", "-c", "print('x' * 200_000); raise SystemExit(3)"], 60.0)
    assert (done.returncode, len(done.stdout), done.stderr) == (3, 200_001, "")
    before = threading.active_count()
    with pytest.raises(subprocess.TimeoutExpired):
        stint.run([sys.executable, "-S", "-c", SLEEP], 0.5)
    assert threading.active_count() == before
