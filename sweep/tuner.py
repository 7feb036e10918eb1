"""Ray Tune fans out what the conductor proposes; what workers say, and that they died, comes back through its hooks."""

import logging
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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

from ray import tune
from ray.tune.search import Searcher

from sweep import schedulers
from sweep.conductor import Conductor
from sweep.judges import Judges, Terms
from sweep.session import Session as Session
from sweep.session import ray_session as ray_session
from sweep.worker import TrialActor


class _Proposals(Searcher):  # type: ignore[misc]
    """Ray asks for the next configuration: Optuna's proposal, through the conductor."""

    def __init__(self, conductor: Conductor, session: Session) -> None:
        super().__init__(metric="elo", mode="max")
        self._conductor, self._session = conductor, session

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial for a free slot; None: not now."""
        conductor, session = self._conductor, self._session
        session.look()
        conductor.heed()
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

    def __init__(self, conductor: Conductor, session: Session, judges: Judges) -> None:
        self._conductor, self._session, self._judges = conductor, session, judges

    def on_step_end(self, iteration: int, trials: list[Any], **_: Any) -> None:
        self._session.look()
        self._conductor.heed()
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
        return self._conductor.stopping and not any(trial.heard for trial in self._conductor.live.values())


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
        cluster.installed if cluster is not None else None,
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
        conductor.interrupted = True  # no more: this runs between any two lines of the driver, whatever it holds

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
