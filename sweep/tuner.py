"""Ray Tune fans out what the conductor proposes; only this module, the worker and the schedulers import Ray."""

import contextlib
import logging
import math
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

os.environ |= {  # read when Ray is imported
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing phones home
    # On one machine Ray binds to loopback, as it does by default only where it knows no clusters:
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1" if os.environ.get("RAY_ADDRESS") else "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ray gives workers 5 s to stop; trainers may need longer for their last export
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a trial that asked for no GPU sees none
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger is the record
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # signs of life carry no Elo
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",  # `_Proposals` holds back what has no room
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",  # so nobody reads a snapshot of all trials
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
}

import ray
from ray import tune
from ray.tune.search import Searcher

from sweep import keeping, orders, reaper, schedulers
from sweep.conductor import Conductor
from sweep.identity import installed
from sweep.judges import Judges, Terms
from sweep.models import Model
from sweep.nodes import Nodes
from sweep.settings import Settings
from sweep.worker import Cluster, TrialActor
from trials.errors import SetupError

OBJECT_STORE_BYTES = 100 * 2**20
"""Of a local Ray: results are a few hundred bytes, and by default it would reserve a third of the memory."""


class _Proposals(Searcher):  # type: ignore[misc]
    """Ray asks for the next configuration: Optuna's proposal, through the conductor."""

    def __init__(self, conductor: Conductor, session: "Session") -> None:
        super().__init__(metric="elo", mode="max")
        self._conductor, self._session = conductor, session

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial for a free slot; None: not now."""
        conductor, session = self._conductor, self._session
        session.look()
        if conductor.stopping or conductor.exhausted:
            return str(Searcher.FINISHED)
        if len(conductor.live) >= session.room or conductor.all_proposed:
            return None
        placed = {"resources": session.resources, "refused": session.refused, "cluster": session.cluster}
        return conductor.propose(trial_id) | placed

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if error:
            return  # its cause comes to `_Watch.on_trial_error`
        if result and trial_id in self._conductor.live:  # a last result is not shown to the scheduler
            self._conductor.heard(trial_id, result)
        self._conductor.done(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger is the truth, and the study is rebuilt from it."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class _Watch(tune.Callback):  # type: ignore[misc]
    """Ray's word that a worker failed, and that of judges that a rating is done, handed to the conductor."""

    def __init__(self, conductor: Conductor, session: "Session", judges: Judges) -> None:
        self._conductor, self._session, self._judges = conductor, session, judges

    def on_step_end(self, iteration: int, trials: list[Any], **_: Any) -> None:
        self._session.look()
        for number, rated, error in self._judges.finished():
            self._conductor.judged(number, rated, error)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        cause = str(trial.get_error() or "").strip().splitlines()
        self._conductor.lost(trial.trial_id, cause[-1] if cause else "no cause given")


class _Brake(tune.Stopper):  # type: ignore[misc]
    """Ends Ray's loop once the sweep is to stop and every trial under way has."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._conductor.stopping and not self._conductor.live


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
    order: Callable[[int, bool], None] | None = None
    """Tells a trial on a cluster to stop, or that it need not."""
    wanted: int | None = None
    """Slots that a person asked for."""

    def __reduce__(self) -> tuple[Any, ...]:
        """As for the conductor: Ray pickles it for a restore that is never asked for."""
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

    def baseline(self, model: Model) -> str:
        """What workers load to play against the baseline."""
        return model.load if self.cluster is None else keeping.shared(model, self.cluster.storage)

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
            if settings.ray_address.startswith("ray://"):
                raise SetupError(
                    f"RAY_ADDRESS must be host:port or auto, on a machine of the cluster, but got"
                    f" {settings.ray_address}; run the sweep there (sweep/cluster/README.md)"
                )
            try:
                with elsewhere:
                    ray.init(address=settings.ray_address, log_to_driver=False, logging_level="ERROR")
            except ConnectionError as error:
                raise SetupError(
                    f"RAY_ADDRESS must name a running Ray cluster, but {settings.ray_address} does not answer"
                    f" ({str(error).splitlines()[0]}); start one with `ray start --head`, or leave RAY_ADDRESS empty"
                ) from None
        else:
            with elsewhere:
                ray.init(
                    address="local",  # a new one, whatever else runs on this machine
                    num_cpus=max(1, math.ceil((settings.slots or 1) * settings.cpus_per_trial)),
                    object_store_memory=OBJECT_STORE_BYTES,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                    _node_ip_address="127.0.0.1",
                )
        try:
            _must_fit(settings)
            yield _on_cluster(settings, say) if settings.ray_address else _here(settings)
        finally:
            ray.shutdown()


def _resources(settings: Settings) -> dict[str, float]:
    return {"CPU": settings.cpus_per_trial, "GPU": settings.gpus_per_trial}


def _here(settings: Settings) -> Session:
    return Session(replace(settings, slots=settings.slots or 1), _resources(settings))


def _on_cluster(settings: Settings, say: Callable[[str], None]) -> Session:
    """The session once every machine has answered. Raises SetupError where none may be used."""
    storage = keeping.storage_of(settings)
    paths = tuple(str(path) for path in (settings.executable, settings.trainer) if path is not None)
    nodes = Nodes(storage, paths, _resources(settings), say)
    nodes.look(wait=True)
    if not nodes.slots:
        raise SetupError(
            "a cluster must have a node that may take a trial, but "
            + ("; ".join(nodes.refused.values()) or "none has room for one")
            + "; mend that (sweep/cluster/README.md)"
        )
    name = f"orders-{uuid4().hex}"
    return Session(
        replace(settings, slots=min(nodes.slots, settings.slots or nodes.slots)),
        _resources(settings),
        nodes,
        Cluster(storage, name, installed()),
        orders.issue(name),
        wanted=settings.slots,
    )


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


def conduct(conductor: Conductor, session: Session) -> None:
    """Run the sweep's trials to their end; what happened is in the ledger, why it ended early in the conductor."""
    if conductor.exhausted:
        return
    cluster = session.cluster
    terms = Terms(
        str(conductor.run.path.resolve()),
        conductor.baseline,
        conductor.settings.rating_matches,
        cluster.storage if cluster is not None else None,
    )
    judges = Judges(terms)
    conductor.judge = judges
    if session.order is not None:
        conductor.order = session.order
    tuner = tune.Tuner(
        TrialActor,
        tune_config=tune.TuneConfig(
            search_alg=_Proposals(conductor, session),
            scheduler=schedulers.make(conductor),
            num_samples=-1,  # `_Proposals` says when there is nothing more
            reuse_actors=True,
            trial_dirname_creator=lambda trial: str(trial.trial_id),
        ),
        run_config=tune.RunConfig(
            name="finals" if conductor.retraining else "tuning",
            storage_path=str(conductor.run.path.resolve() / "ray"),
            callbacks=[_Watch(conductor, session, judges)],
            stop=_Brake(conductor),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),  # `Conductor.lost` says whether a trial goes on
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # the trainer's own are the checkpoints
        ),
    )
    # a dead worker is told in one line by what goes on; Ray would print its whole traceback before that
    for name in ("ray.tune.execution.tune_controller", "ray.tune.tune"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings(), _interruptible(conductor):
        warnings.simplefilter("ignore")
        tuner.fit()
        for trial_id in list(conductor.live):
            conductor.done(trial_id)
        for number, rated, error in judges.finished(wait=True):
            conductor.judged(number, rated, error)
    shutil.rmtree(conductor.run.path / "ray", ignore_errors=True)  # Ray's own notes, which nobody reads


@contextmanager
def _interruptible(conductor: Conductor) -> Iterator[None]:
    """SIGINT and SIGTERM end the sweep in order; a second one ends it at once."""

    def first(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler)
        conductor.interrupt()

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
