"""Ray for one sweep: started on this machine and bound to loopback, or a cluster whose machines are asked first."""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import ray

from sweep.cluster import reaper, run_storage, stop_signals, temporary
from sweep.cluster.nodes import Nodes
from sweep.cluster.versions import installed
from sweep.cluster.worker import Cluster
from sweep.models import Model
from sweep.settings import Settings
from trials.errors import SetupError, reason
from trials.learner import process_tree

STARTS = 4
"""How often Ray is started where its processes are late."""
OBJECT_STORE_BYTES = 100 * 2**20
"""Of a local Ray: results are a few hundred bytes, and by default it would reserve a third of the memory."""

PATIENT = {
    "worker_register_timeout_seconds": 600,
    "raylet_start_wait_time_s": 300,
    "gcs_rpc_server_reconnect_timeout_s": 600,
}
"""Seconds that a local Ray's processes may take to begin, and to hear of each other: a busy machine is slow, and by
default they give up after a minute (Ray's `ray_config_def.h`)."""
OWN = ("gcs_server", "raylet")
"""The processes of a local Ray without which nothing new is started."""


@dataclass(frozen=True)
class Session:
    """Ray as it runs for one sweep."""

    settings: Settings
    """With the number of slots, which a cluster decides where nobody else did."""
    resources: dict[str, float]
    """Of a trial."""
    nodes: Nodes | None = None
    """The machines of a cluster; None: this one."""
    cluster: Cluster | None = None
    order: Callable[[int], None] | None = None
    """Tells a trial on a cluster to stop."""
    wanted: int | None = None
    """Slots that a person asked for."""
    processes: Mapping[str, psutil.Process] = field(default_factory=dict)
    """OWN, by their names, of a Ray that is this machine's alone."""

    def __reduce__(self) -> tuple[Any, ...]:
        """As for the controller: Ray pickles it for a restore that is never asked for."""
        return str, ("session",)

    def look(self) -> None:
        """See who came and who went."""
        if self.nodes is not None:
            self.nodes.look()

    @property
    def room(self) -> int:
        """Trials that fit at the same time, now."""
        if self.nodes is None:
            return self.settings.slots or 1
        return min(self.nodes.slots, self.wanted or self.nodes.slots)

    @property
    def lost(self) -> str:
        """Which of the local Ray's processes has ended, as by a kernel short of memory; empty where none has."""
        return next((name for name, each in self.processes.items() if not process_tree.lives(each)), "")

    def baseline(self, model: Model) -> str:
        """What workers load to play against the baseline."""
        return model.load if self.cluster is None else run_storage.shared(model, self.cluster.storage)

    @property
    def refused(self) -> list[str]:
        """Machines on which nothing is placed, Ray's ids."""
        return self.nodes.avoided if self.nodes is not None else []


@contextmanager
def ray_session(settings: Settings, say: Callable[[str], None]) -> Iterator[Session]:
    """Ray on this machine, bound to loopback, or a cluster named by its address; shut down afterwards.

    `say` tells of machines that come, go or are refused. Raises SetupError.
    """
    own = contextlib.nullcontext() if settings.ray_address else reaper.watching()
    with warnings.catch_warnings(), own:
        warnings.simplefilter("ignore")
        # Ray puts the driver's folder on its workers' path, where a checkout would hide what is installed on a node
        elsewhere = contextlib.chdir("/")
        if settings.ray_address:
            try:
                with elsewhere:
                    ray.init(address=settings.ray_address, log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, RuntimeError, ValueError) as error:  # `address.must_answer` has asked before
                raise SetupError(
                    f"a Ray cluster must take this driver, but {settings.ray_address} does not"
                    f" ({reason(error)}); run the sweep on a machine of the cluster, with its Ray"
                ) from None
        else:
            with elsewhere:
                _start(max(1, math.ceil((settings.slots or 1) * settings.cpus_per_trial)))
        try:
            _must_fit(settings)
            yield _on_cluster(settings, say) if settings.ray_address else _here(settings)
        finally:
            ray.shutdown()


def _start(cores: int) -> None:
    """A new Ray on this machine, whatever else runs there. On a busy one its processes may need more than the 30 s that
    Ray gives them (2.60, `_private/node.py`): then again. Raises SetupError after STARTS tries."""
    for _ in range(STARTS):
        try:
            ray.init(
                address="local",
                num_cpus=cores,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                _node_ip_address="127.0.0.1",
                _temp_dir=temporary.folder(),
                _system_config=PATIENT,
            )
            return
        except Exception as error:
            if "timed out during startup" not in str(error):
                raise
    raise SetupError(
        f"Ray must start on this machine, but its processes were not ready within 30 s, {STARTS} times in a row; try"
        " again when the machine is less busy, or see `sweep doctor`"
    )


def _resources(settings: Settings) -> dict[str, float]:
    return {"CPU": settings.cpus_per_trial, "GPU": settings.gpus_per_trial}


def _here(settings: Settings) -> Session:
    processes = {name: each for each in psutil.Process().children() if (name := each.name()) in OWN}
    return Session(replace(settings, slots=settings.slots or 1), _resources(settings), processes=processes)


def _on_cluster(settings: Settings, say: Callable[[str], None]) -> Session:
    """The session once every machine has answered. Raises SetupError where none may be used."""
    storage = run_storage.storage_of(settings)
    programs = _programs(settings)
    nodes = Nodes(storage, programs, _resources(settings), say)
    nodes.look(wait=True)
    if not nodes.slots:
        raise SetupError(
            "a cluster must have a node that may take a trial, but "
            + ("; ".join(nodes.refused.values()) or "none has room for one")
            + "; fix that (sweep/cluster/README.md)"
        )
    name = f"orders-{uuid4().hex}"
    return Session(
        replace(settings, slots=min(nodes.slots, settings.slots or nodes.slots)),
        _resources(settings),
        nodes,
        Cluster(storage, name, installed(), programs),
        stop_signals.issue(name),
        wanted=settings.slots,
    )


def _programs(settings: Settings) -> tuple[tuple[str, str], ...]:
    """What every machine must have: the executable, of that build, and another environment's trainer, of any."""
    from trials.arena.games import executable  # here, because gRPC takes its time

    programs, settings = [], settings.located()
    if settings.executable is not None:
        path = executable.find(Path(settings.executable))
        programs.append((str(path), executable.version(path)))
    if settings.trainer is not None:
        programs.append((settings.trainer, ""))
    return tuple(programs)


def _must_fit(settings: Settings) -> None:
    """Ray would wait for ever for resources that do not exist; say so instead."""
    there = ray.cluster_resources()
    for kind, wanted in (("CPU", settings.cpus_per_trial), ("GPU", settings.gpus_per_trial)):
        has = there.get(kind, 0.0)
        if wanted > has:
            raise SetupError(
                f"--{kind.lower()}s-per-trial must be at most what Ray has, {has:g}, but got {wanted:g};"
                " ask for less, or add machines"
            )
