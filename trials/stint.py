"""How long a process has worked or waited for others: not counted is the time that it waited for a processor.

A limit on work must not depend on what else a machine has to do: a process that was dealt no processor has neither hung
nor been slow. It works where it uses a processor, and hangs where it could have one and asks for none; both count.
On Linux the scheduler says how long each thread was ready to run and was not let (run delay, the second number of
/proc/PID/task/TID/schedstat: https://docs.kernel.org/scheduler/sched-stats.html). Elsewhere, at each look, a process
that is ready to run is taken to have had the processor time it used since the last, and one that is not to have waited.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

LOOK_S = 0.5
"""How often processes are looked at, at most, seconds: as exact is a limit."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
"""Environment of a child that works on one core. Importing numpy starts a thread for each core of the machine, at
40 MiB of address space each: 2 GiB with 48 cores."""

Times = dict[int, tuple[float, float, float]]
"""Of threads, or of processes, by id: the seconds that each has run, those that it has waited to, of waits that are
over, and those of a wait that is not."""


class Stint:
    """The time that processes and all they start have had since this was made, or begun `again`; for one thread."""

    def __init__(self, *pids: int) -> None:
        """`pids`: of this process, or of children of it that have not been waited for."""
        self._pids, self._exact = pids, _exact()
        self._worked = self._waited = 0.0
        self._looked, self._seen = time.monotonic(), self._look({}, 0.0)

    def again(self) -> float:
        """Begin anew; the seconds until now, to the moment, so that many short stints add up."""
        self._count()
        had, self._worked, self._waited = self._worked + self._waited, 0.0, 0.0
        return had

    @property
    def seconds(self) -> float:
        """At most what the clock says. Ask at least each second or so: what is gone at a look is not known any more."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._count()
        return self._worked + self._waited

    def _count(self) -> None:
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        before, self._seen = self._seen, self._look(self._seen, passed)
        if self._seen:  # what is gone has nothing any more
            worked, waited = _had(passed, before, self._seen)
            self._worked, self._waited = self._worked + worked, max(0.0, self._waited + waited)

    def _look(self, before: Times, passed: float) -> Times:
        return (_by_thread if self._exact else _by_process)(self._pids, before, passed)


def ended(process: "subprocess.Popen[bytes] | subprocess.Popen[str]", seconds: float) -> bool:
    """Wait until the child ends or has had `seconds`; whether it ended."""
    stint = Stint(process.pid)
    while process.poll() is None and stint.seconds < seconds:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
    return process.poll() is not None


def run(
    words: Sequence[str], seconds: float, environ: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """As subprocess.run, output as text, with the limit on what the child has had, and `environ` besides one's own.

    Raises TimeoutExpired.
    """
    pipe, env = subprocess.PIPE, os.environ | (environ or {})
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, errors="replace", env=env) as child:
        stint = Stint(child.pid)
        try:
            while True:
                try:
                    out, err = child.communicate(timeout=LOOK_S)
                    return subprocess.CompletedProcess(words, child.returncode, out, err)
                except subprocess.TimeoutExpired:
                    if stint.seconds >= seconds:
                        raise subprocess.TimeoutExpired(words, seconds) from None
        except BaseException:
            child.kill()
            raise


def _had(passed: float, before: Times, now: Times) -> tuple[float, float]:
    """Of `passed` seconds those in which somebody ran, and those in which all waited for others.

    Whichever waits for a processor may hold the others up. A wait that was not noticed before it was over was taken for
    another kind until then, so the second may be below 0.
    """
    waits, ran = [], 0.0
    for thread, (run_now, *waited_now) in now.items():
        run_then, *waited_then = before.get(thread, (0.0, 0.0, 0.0))
        ran += max(0.0, run_now - run_then)
        waits.append(max(0.0, sum(waited_now) - sum(waited_then)))
    worked = min(passed, ran)
    starved = min(passed - worked, sum(min(passed, wait) for wait in waits))
    earlier = max((wait - passed for wait in waits), default=0.0)
    return worked, passed - worked - starved - max(0.0, earlier)


# --- Linux ---


def _exact() -> bool:
    """Whether the kernel tells of delays and children; without these options, or in gVisor, it does not."""
    own = Path(f"/proc/self/task/{os.getpid()}")
    ran = _schedstat(own / "schedstat")
    return ran is not None and ran[0] > 0 and (own / "children").exists()


def _schedstat(file: Path) -> tuple[float, float] | None:
    try:
        ran, waited, _ = file.read_text(encoding="ascii").split()
    except (OSError, ValueError):  # gone, or not told
        return None
    return int(ran) / 1e9, int(waited) / 1e9


def _by_thread(pids: Iterable[int], before: Times, passed: float) -> Times:
    found, waiting = {}, list(pids)
    while waiting:
        try:
            threads = [*Path(f"/proc/{waiting.pop()}/task").iterdir()]
        except OSError:  # gone
            continue
        for thread in threads:
            if (told := _schedstat(thread / "schedstat")) is not None:
                number = int(thread.name)
                then = before.get(number)
                still = then is not None and then[:2] == told and _is_ready(thread / "stat")
                found[number] = *told, then[2] + passed if then is not None and still else 0.0
            with contextlib.suppress(OSError):
                waiting += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def _is_ready(stat: Path) -> bool:
    """Whether a thread runs or is ready to (proc_pid_stat(5))."""
    try:
        return stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] == "R"
    except (OSError, IndexError):
        return False


# --- elsewhere ---


def _by_process(pids: Iterable[int], before: Times, passed: float) -> Times:
    processes: list[psutil.Process] = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            processes += [process, *process.children(recursive=True)]
    found, ready = {}, _ready(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            ran = times.user + times.system
            ran_then, _, waited = before.get(process.pid, (ran, 0.0, 0.0))
            starved = max(0.0, passed - (ran - ran_then)) if process.pid in ready else 0.0
            found[process.pid] = ran, 0.0, waited + starved
    return found


def _ready(processes: Sequence[psutil.Process]) -> set[int]:
    """Who of them runs or is ready to."""
    if sys.platform == "darwin":  # whose kernel tells psutil so of everybody who lives
        return _said_by_ps([process.pid for process in processes])
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_RUNNING:
                found.add(process.pid)
    return found


def _said_by_ps(pids: Sequence[int]) -> set[int]:
    words = ["ps", "-o", "pid=,state=", "-p", ",".join(map(str, pids))]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout if pids else ""
    return {int(pid) for pid, state in (line.split()[:2] for line in said.splitlines()) if state.startswith("R")}
