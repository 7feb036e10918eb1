"""The fault table's rows of a cluster: a node, its trainer, the storage or the driver goes away; `make faults`."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from patience import now
from ray_cluster import Node, RayCluster, drive, ray_cluster
from real_sweep import SPACE
from s3_server import KEYS, S3Server, s3_server

from trials import ledger
from trials.events import SweepEnded, TrialBegan, TrialEnded, TrialRated, TrialResumed
from trials.folder import RunFolder
from trials.storage import Storage, storage

pytestmark = pytest.mark.faults
HEAD = "| fault on a cluster | at step | steps lost | seconds until it went on | left running |"
STEPS, INTERVAL, FAULT = 60_000, 12_000, 22_000
"""Steps of the one trial, between checkpoints, and at which the fault comes."""
PATIENCE_S = 400.0


@dataclass
class Sweep:
    """A sweep of one trial that trains on a node of its own, kept in S3."""

    cluster: RayCluster
    server: S3Server
    driver: "subprocess.Popen[str]"
    run: RunFolder
    log: Path
    kept: Storage
    node: Node
    began: float = field(default_factory=now)

    def step(self) -> int:
        """Where the trainer is, by its own word on the node's disk."""
        for trainer in self.trainers():
            try:
                return int(json.loads((Path(trainer.cmdline()[-1]) / "progress.json").read_text())["step"])
            except (OSError, psutil.Error, ValueError):
                return 0
        return 0

    def trainers(self) -> list[psutil.Process]:
        found = []
        for node in self.cluster.nodes:
            for process in node.look():
                try:
                    if "trials.learner.launcher" in process.cmdline():
                        found.append(process)
                except psutil.Error:
                    continue
        return found

    def until(self, condition: Callable[[], object]) -> float:
        """Seconds until it holds."""
        began = now()
        while not condition():
            assert now() - began < PATIENCE_S, self.log.read_text()
            time.sleep(0.05)
        return now() - began

    def whole(self) -> TrialResumed | None:
        """Check that the sweep came to its end, with all that it must have; what the trial's new start said."""
        events = ledger.read(self.run.ledger)
        assert isinstance(events[-1], SweepEnded) and events[-1].state == "complete", self.log.read_text()
        (end,) = [event for event in events if isinstance(event, TrialEnded)]
        assert end.state == "complete" and end.steps >= STEPS * 0.999
        rungs = [event.rung for event in events if isinstance(event, TrialRated)]
        assert rungs == sorted(set(rungs)) and rungs[-1] == STEPS
        assert self.kept.read("ledger.jsonl") == self.run.ledger.read_bytes()
        began = [event for event in events if isinstance(event, TrialBegan)]
        assert all(event.spec == began[0].spec for event in began)
        return next((event for event in events if isinstance(event, TrialResumed)), None)


def lost(at: int, resumed: TrialResumed) -> int:
    """Steps to be trained again."""
    return max(at, resumed.reached) - resumed.resumed


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RayCluster, S3Server]]:
    with pytest.MonkeyPatch.context() as patch, s3_server() as server:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        with ray_cluster(tmp_path_factory.mktemp("ray"), **KEYS) as cluster:
            yield cluster, server


@pytest.fixture
def sweep(site: tuple[RayCluster, S3Server], tmp_path: Path) -> Iterator[Sweep]:
    """Under way, its trial past FAULT steps."""
    cluster, server = site
    text = SPACE.replace("checkpoint_interval: 200000", f"checkpoint_interval: {INTERVAL}")
    (tmp_path / "tiny.yaml").write_text(text)
    node = cluster.join()
    run, log, address = RunFolder(tmp_path / "run"), tmp_path / "log", server.address(tmp_path.name)
    words = ("--trials", "1", "--steps", str(STEPS), "--out", str(run.path), "--storage", address)
    driver = drive(cluster, "run", str(tmp_path / "tiny.yaml"), *words, log=log)
    started = Sweep(cluster, server, driver, run, log, storage(address) / "run", node)
    try:
        started.until(lambda: started.step() >= FAULT or driver.poll() is not None)
        yield started
    finally:
        started.driver.kill()
        for left in cluster.nodes[1:]:
            left.end()
        del cluster.nodes[1:]


def gone(nodes: list[Node], among: set[psutil.Process]) -> str:
    """Names of what is left of the processes after a while."""
    _, left = psutil.wait_procs(list(among), timeout=60)
    return ", ".join(process.name() for process in left) or "nothing"


def test_a_raylet_is_killed(sweep: Sweep, table: list[str]) -> None:
    other = sweep.cluster.join()
    at, family = sweep.step(), set(sweep.node.look())
    sweep.node.raylet.kill()
    sweep.node.process.kill()
    left = gone([sweep.node], family)
    seconds = sweep.until(lambda: "goes on from" in sweep.log.read_text())
    assert sweep.driver.wait() == 0, sweep.log.read_text()
    resumed = sweep.whole()
    assert resumed is not None and lost(at, resumed) <= INTERVAL and left == "nothing"
    assert other.alive()
    table.append(f"| kill -9 of a node's raylet | {at:,} | {lost(at, resumed):,} | {seconds:.1f} | {left} |")


def test_a_nodes_trainer_is_killed(sweep: Sweep, table: list[str]) -> None:
    at, (trainer,) = sweep.step(), sweep.trainers()
    family = {trainer, *trainer.children(recursive=True)}
    trainer.kill()
    left = gone([], family)
    seconds = sweep.until(lambda: "goes on from" in sweep.log.read_text())
    assert sweep.driver.wait() == 0, sweep.log.read_text()
    resumed = sweep.whole()
    assert resumed is not None and lost(at, resumed) <= INTERVAL and left == "nothing"
    table.append(f"| kill -9 of a node's trainer | {at:,} | {lost(at, resumed):,} | {seconds:.1f} | {left} |")


def test_the_storage_is_gone_for_a_while(sweep: Sweep, table: list[str]) -> None:
    at = sweep.step()
    with sweep.server.away():
        sweep.until(lambda: "the storage does not answer" in sweep.log.read_text())
        sweep.until(lambda: not sweep.trainers())  # the training comes to its end meanwhile
        assert not [event for event in ledger.read(sweep.run.ledger) if isinstance(event, TrialEnded)]
        assert sweep.driver.poll() is None
    back = sweep.until(lambda: "the storage answers again" in sweep.log.read_text())
    assert sweep.driver.wait() == 0, sweep.log.read_text()
    assert sweep.whole() is None
    table.append(f"| storage gone until the training's end | {at:,} | 0 | {back:.1f} after it is back | nothing |")


def test_the_drivers_machine_is_gone(sweep: Sweep, table: list[str], tmp_path: Path) -> None:
    at, trainers = sweep.step(), set(sweep.trainers())
    sweep.driver.kill()
    sweep.driver.wait()
    left = gone([], trainers)
    other, log = tmp_path / "other machine", tmp_path / "resumed"
    other.mkdir()
    address = sweep.kept.address
    early = drive(sweep.cluster, "resume", address, log=log, cwd=other)
    assert early.wait() == 1 and "a run has one driver at a time" in log.read_text()
    time.sleep(45)
    sweep.run, sweep.log = RunFolder(other / "runs" / "run"), log
    sweep.driver = drive(sweep.cluster, "resume", address, log=log, cwd=other)
    seconds = sweep.until(lambda: "goes on from" in log.read_text())
    assert sweep.driver.wait() == 0, log.read_text()
    resumed = sweep.whole()
    assert resumed is not None and lost(at, resumed) <= INTERVAL and left == "nothing"
    table.append(f"| driver and its disk gone | {at:,} | {lost(at, resumed):,} | {seconds:.1f} | {left} |")


def test_a_node_joins(sweep: Sweep, table: list[str], tmp_path: Path) -> None:
    """A second sweep on the same cluster finds no room until one joins."""
    log = tmp_path / "second"
    words = ("--trials", "2", "--steps", "20000", "--out", str(tmp_path / "two"), "--storage", str(tmp_path / "shared"))
    second = drive(sweep.cluster, "run", str(tmp_path / "tiny.yaml"), *words, log=log)
    sweep.until(lambda: "trial 0 started" in log.read_text())
    began = now()
    joined = sweep.cluster.join()
    waited = now() - began
    seconds = sweep.until(lambda: any("trials.learner.launcher" in " ".join(_words(p)) for p in joined.look()))
    assert second.wait() == 0, log.read_text()
    assert sweep.driver.wait() == 0, sweep.log.read_text()
    assert sweep.whole() is None
    table.append(f"| a node joins ({waited:.1f} s to start) | - | 0 | {seconds:.1f} | nothing |")


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_ctrl_c_ends_a_sweep_on_a_cluster(sweep: Sweep, table: list[str]) -> None:
    at, trainers, began = sweep.step(), set(sweep.trainers()), now()
    sweep.driver.send_signal(signal.SIGINT)
    assert sweep.driver.wait() == 130, sweep.log.read_text()
    seconds, left = now() - began, gone([], trainers)
    (end,) = [event for event in ledger.read(sweep.run.ledger) if isinstance(event, TrialEnded)]
    assert end.state == "stopped" and end.candidate is not None and end.steps >= at and left == "nothing"
    assert (sweep.run.path / end.candidate.path).exists()
    table.append(f"| Ctrl+C | {at:,} | 0 | {seconds:.1f} until it had ended | {left} |")
