"""The fault table's rows of a whole sweep: its worker or its driver killed, Ctrl+C once and twice; `make faults`."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from patience import communicate, now, survivors
from real_sweep import SPACE, SWEEP, plain_environ, trainers

from trials import ledger
from trials.events import SweepEnded, TrialEnded, TrialResumed
from trials.folder import RunFolder
from trials.learner import progress
from trials.soccer.executable import launcher

pytestmark = pytest.mark.faults
HEAD = "| fault | when, steps | steps lost | seconds | what it ended as | left running |"
STEPS, INTERVAL = 60_000, 5000


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[Callable[[], tuple["subprocess.Popen[str]", RunFolder]]]:
    """Start a real sweep of one trial over the wire, and wait until it has trained a while."""
    text = SPACE.replace("checkpoint_interval: 200000", f"checkpoint_interval: {INTERVAL}")
    (tmp_path / "tiny.yaml").write_text(text)
    executable = tmp_path / "SoccerTwos.x86_64"
    launcher.install(executable)
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple["subprocess.Popen[str]", RunFolder]:
        run = RunFolder(tmp_path / "run")
        words = [*f"--trials 1 --slots 1 --steps {STEPS}".split(), "--env", str(executable), "--out", str(run.path)]
        started.append(
            subprocess.Popen(
                [*SWEEP, "run", str(tmp_path / "tiny.yaml"), *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env=plain_environ(),
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        )
        deadline = now() + 120
        while progress.read(run.trial(0)).step < 2 * INTERVAL:
            assert now() < deadline and started[0].poll() is None, started[0].communicate()[0]
            time.sleep(0.1)
        return started[0], run

    yield start
    for process_ in started:
        process_.kill()


def tree(sweep: "subprocess.Popen[str]", run: RunFolder) -> list[psutil.Process]:
    """Driver, Ray's processes, worker, trainer, executable."""
    whole = psutil.Process(sweep.pid).children(recursive=True)
    found = {process.pid: process for process in whole}
    for trainer in trainers(run.path):
        found |= {p.pid: p for p in [trainer, *trainer.parents()[:1], *trainer.children(recursive=True)] if p.pid > 1}
    assert any("trials.soccer.executable" in " ".join(p.cmdline()) for p in found.values())
    return list(found.values())


def gone(processes: list[psutil.Process], within: float) -> float:
    """Seconds until all have ended; fails after `within`."""
    began = time.monotonic()
    assert survivors(processes, within) == []
    return time.monotonic() - began


def test_the_worker_is_killed(
    sweep: Callable[..., tuple["subprocess.Popen[str]", RunFolder]], table: list[str]
) -> None:
    driver, run = sweep()
    (trainer,) = trainers(run.path)
    worker = trainer.parent()
    assert worker is not None and "ray::" in " ".join(worker.cmdline())
    doomed = [worker, trainer, *trainer.children(recursive=True)]
    at = progress.read(run.trial(0)).step
    began = now()
    worker.kill()
    seconds = gone(doomed, 15)
    while not any(isinstance(event, TrialResumed) for event in ledger.read(run.ledger)):
        assert now() - began < 90
        time.sleep(0.2)
    on = now() - began
    output, _ = communicate(driver, 200)
    assert driver.returncode == 0, output
    (resumed,) = [event for event in ledger.read(run.ledger) if isinstance(event, TrialResumed)]
    (ended,) = [event for event in ledger.read(run.ledger) if isinstance(event, TrialEnded)]
    lost = resumed.reached - resumed.resumed
    assert resumed.reason == "its worker died" and lost <= INTERVAL + 2000 and ended.state == "complete"
    assert trainers(run.path) == []
    assert f"goes on from step {resumed.resumed:,}" in output and "Traceback" not in output, output
    table.append(
        f"| kill -9 of the worker | {at} | {lost:,} | tree gone after {seconds:.1f}, went on after {on:.1f} | complete"
        " | nothing |"
    )


def test_the_driver_is_killed(
    sweep: Callable[..., tuple["subprocess.Popen[str]", RunFolder]], table: list[str]
) -> None:
    driver, run = sweep()
    everything = tree(driver, run)
    at = progress.read(run.trial(0)).step
    driver.kill()
    seconds = gone(everything, 20)
    assert list(run.trial(0).results.glob("*/checkpoint.pt"))
    table.append(f"| kill -9 of the driver | {at} | - | all {len(everything)} gone after {seconds:.1f} | - | nothing |")


@pytest.mark.parametrize("times", (1, 2))
def test_ctrl_c(times: int, sweep: Callable[..., tuple["subprocess.Popen[str]", RunFolder]], table: list[str]) -> None:
    driver, run = sweep()
    everything = tree(driver, run)
    at = progress.read(run.trial(0)).step
    began = now()
    for _ in range(times):
        os.killpg(driver.pid, signal.SIGINT)
        time.sleep(0.3)
    output, _ = communicate(driver, 60)
    seconds = now() - began
    gone(everything, 20)
    assert driver.returncode == 130, output
    ends = [event for event in ledger.read(run.ledger) if isinstance(event, SweepEnded)]
    said = ends[-1].state if ends else "no last line"
    if times == 1:
        assert said == "interrupted"
        (ended,) = [event for event in ledger.read(run.ledger) if isinstance(event, TrialEnded)]
        assert ended.candidate is not None and ended.candidate.steps >= at
    table.append(f"| SIGINT {'once' if times == 1 else 'twice'} | {at} | 0 | {seconds:.1f} | {said} | nothing |")
