"""A Ray cluster on this machine: a head and nodes, each a raylet of its own, of any Python."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from patience import now
from real_sweep import plain_environ

from trials.ports import PortLease

STARTS = 4
"""How often a node is started: Ray 2.60 gives up where its agent has not said its ports within 15 s, which no setting
moves (https://github.com/ray-project/ray/issues/65983), and on a busy machine it has not."""
PATIENCE_S = 300.0
"""How long a driver may take to say something, seconds."""
SETTINGS = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    "RAY_health_check_period_ms": "500",  # a dead node is noticed in seconds
    "RAY_health_check_failure_threshold": "10",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_worker_niceness": "5",  # as of the product's own Ray
}


@dataclass
class Node:
    """One `ray start --block`, and what it started."""

    process: psutil.Popen
    log: Path
    family: set[psutil.Process] = field(default_factory=set)

    def look(self) -> "set[psutil.Process]":
        with contextlib.suppress(psutil.NoSuchProcess):
            self.family |= {self.process, *self.process.children(recursive=True)}
        self.family = {process for process in self.family if process.is_running()}
        return self.family

    @property
    def raylet(self) -> psutil.Process:
        return next(process for process in self.look() if process.name() == "raylet")

    def alive(self) -> list[str]:
        """Names of what still runs of it."""
        left = []
        for process in self.look():
            with contextlib.suppress(psutil.Error):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(" ".join(process.cmdline()[:3]))
        return left

    def end(self) -> None:
        """SIGTERM, then what is left is killed."""
        self.look()
        with contextlib.suppress(psutil.Error):
            self.process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(list(self.family), timeout=60)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()


@dataclass
class RayCluster:
    """A head without CPUs, where drivers run, and its nodes."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    """More for the nodes' environment, an S3 server's keys."""
    address: str = ""
    nodes: list[Node] = field(default_factory=list)

    def start(self, *words: str, python: str = sys.executable, cwd: Path | None = None, **environ: str) -> Node:
        """Start a node with `ray start`'s `words`, of another Python where asked."""
        log = self.folder / f"node{len(self.nodes)}.log"
        command = [python, "-m", "ray.scripts.scripts", "start", *words, "--block", "--disable-usage-stats"]
        command += ["--object-store-memory=80000000", "--node-ip-address=127.0.0.1"]
        env = self.env | environ
        if python != sys.executable:
            env.pop("PYTHONPATH", None)
        with log.open("w") as out:
            where = cwd or self.folder
            process = psutil.Popen(command, stdout=out, stderr=out, env=env, cwd=where, start_new_session=True)
        node = Node(process, log)
        self.nodes.append(node)
        return node

    @property
    def env(self) -> dict[str, str]:
        """Environment of nodes and drivers."""
        return plain_environ() | SETTINGS | dict(self.environ)

    def head(self, cpus: int = 0) -> Node:
        """Start the head."""
        with PortLease() as lease:
            self.address = f"127.0.0.1:{lease.port}"
        port = self.address.partition(":")[2]
        words = ("--head", f"--port={port}", f"--num-cpus={cpus}", "--include-dashboard=false")
        return self._up(lambda: self.start(*words))

    def join(
        self, cpus: int = 1, *words: str, python: str = sys.executable, cwd: Path | None = None, **environ: str
    ) -> Node:
        """Add a node."""
        words = (f"--address={self.address}", f"--num-cpus={cpus}", *words)
        return self._up(lambda: self.start(*words, python=python, cwd=cwd, **environ))

    def _up(self, start: Callable[[], Node], tries: int = STARTS) -> Node:
        """Wait until it runs: raylets of one machine that start at the same moment take each other's files."""
        node, deadline = start(), now() + 120
        while "Ray runtime started" not in (said := node.log.read_text()):
            if node.process.poll() is not None and "timed out during startup" in said and tries > 1:
                node.end()
                self.nodes.remove(node)
                return self._up(start, tries - 1)
            assert now() < deadline and node.process.poll() is None, said
            time.sleep(0.1)
        return node

    def end(self) -> None:
        """End every node, the head last."""
        for node in reversed(self.nodes):
            node.end()


@contextlib.contextmanager
def ray_cluster(folder: Path, **environ: str) -> Iterator[RayCluster]:
    """A cluster with a head; end of the block is its end."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = RayCluster(folder, environ)
    try:
        cluster.head()
        yield cluster
    finally:
        cluster.end()


def drive(cluster: RayCluster, *words: str, log: Path, cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start `sweep` with these words on the cluster, its output in `log`."""
    with log.open("w") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "sweep", *words],
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            env=cluster.env | {"RAY_ADDRESS": cluster.address},
            cwd=cwd or cluster.folder,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )


def said(log: Path, words: str, driver: "subprocess.Popen[str]") -> None:
    """Wait until the driver has said so."""
    deadline = now() + PATIENCE_S
    while words not in log.read_text():
        assert now() < deadline and driver.poll() is None, log.read_text()
        time.sleep(0.1)
