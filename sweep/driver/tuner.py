"""Ray Tune fans out what the controller proposes; what workers say, and that they died, comes back through its
hooks."""

import logging
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

os.environ |= {  # read when Ray is imported
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing phones home
    # On one machine Ray binds to loopback, as it does by default only where it knows no clusters:
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1" if os.environ.get("RAY_ADDRESS") else "0",
    # Ray's 15 is a 28th of a processor's share beside any busy process; some, so that Ray itself answers in time:
    "RAY_worker_niceness": os.environ.get("RAY_worker_niceness", "5"),  # noqa: SIM112  # Ray's own spelling
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

from sweep.cluster.raters import TRIES, Raters
from sweep.cluster.session import Session as Session
from sweep.cluster.session import ray_session as ray_session
from sweep.cluster.worker import Terms, TrialActor
from sweep.driver import schedulers
from sweep.driver.controller import Controller
from trials.errors import SetupError, last_line, reason


class _Proposals(Searcher):  # type: ignore[misc]
    """Ray asks for the next configuration: Optuna's proposal, through the controller."""

    def __init__(self, controller: Controller, session: Session, terms: Terms) -> None:
        super().__init__(metric="elo", mode="max")
        self._controller, self._session, self._terms = controller, session, terms

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial for a free slot; None: not now."""
        controller, session = self._controller, self._session
        session.look()
        controller.heed()
        if controller.stopping or controller.exhausted:
            return str(Searcher.FINISHED)
        if len(controller.live) >= session.room or controller.all_proposed:
            return None
        placed = {"resources": session.resources, "refused": session.refused}
        return {"spec": controller.propose(trial_id), "terms": self._terms} | placed

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if error:
            return  # its cause comes to `_Watch.on_trial_error`
        with schedulers.kept(self._controller):
            if result and trial_id in self._controller.live:  # a last result is not shown to the scheduler
                self._controller.heard(trial_id, result)
            self._controller.done(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger is the truth, and the study is rebuilt from it."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class _Watch(tune.Callback):  # type: ignore[misc]
    """Ray's word that a worker failed, and that of raters that a rating is done, handed to the controller."""

    def __init__(self, controller: Controller, session: Session, raters: Raters) -> None:
        self._controller, self._session, self._raters = controller, session, raters

    def on_step_end(self, iteration: int, trials: list[Any], **_: Any) -> None:
        if self._controller.error is not None:
            raise self._controller.error
        self._session.look()
        if lost := self._session.lost:
            run = self._controller.run.path
            self._controller.break_off(
                f"Ray must run while a sweep does, but its {lost} has ended; go on with `sweep resume {run}`"
            )
        self._controller.heed()
        for number, found in self._raters.finished(tries=_tries(self._controller)):
            self._controller.rated_elsewhere(number, found)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        told = ""
        with suppress(OSError, TypeError):  # on a full disk there is none; where get_error looks, it lies later
            told = Path(trial.error_file).read_text(encoding="utf-8")
        with schedulers.kept(self._controller):
            self._controller.lost(trial.trial_id, last_line(told or "no cause given"))


class _Brake(tune.Stopper):  # type: ignore[misc]
    """Ends Ray's loop once the sweep is to stop and every trial under way has."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._controller.stopping and not any(trial.heard for trial in self._controller.live.values())


def _tries(controller: Controller) -> int:
    """How often a last rating is played that fails: of a sweep that stops the next driver plays it."""
    return 1 if controller.stopping else TRIES


def conduct(controller: Controller, session: Session) -> None:
    """Run the sweep's trials to their end; what happened is in the ledger, why it ended early in the controller."""
    if controller.exhausted:
        return
    run = controller.run.path.resolve()
    own = controller.run.yardstick.is_file()
    terms = Terms(str(run), controller.baseline, controller.settings.rating_matches, session.cluster, own)
    raters = Raters(terms)
    controller.rater = raters
    if session.order is not None:
        controller.order = session.order
    tuner = tune.Tuner(
        TrialActor,
        tune_config=tune.TuneConfig(
            search_alg=_Proposals(controller, session, terms),
            scheduler=schedulers.make(controller),
            num_samples=-1,  # `_Proposals` says when there is nothing more
            reuse_actors=True,
            trial_dirname_creator=lambda trial: str(trial.trial_id),
        ),
        run_config=tune.RunConfig(
            name="finals" if controller.retraining else "tuning",
            storage_path=str(run / "ray"),
            callbacks=[_Watch(controller, session, raters)],
            stop=_Brake(controller),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),  # `Controller.lost` says whether a trial goes on
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # the trainer's own are the checkpoints
        ),
    )
    # a dead worker is told in one line by what goes on; Ray would print its whole traceback before that
    for name in ("ray.tune.execution.tune_controller", "ray.tune.tune"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings(), _interruptible(controller), _written(controller.run.path):
        warnings.simplefilter("ignore")
        tuner.fit()
        if controller.error is not None:  # of the last step's hooks
            raise controller.error
        for trial_id in list(controller.live):
            controller.done(trial_id)
        for number, found in raters.finished(True, _tries(controller)):
            controller.rated_elsewhere(number, found)
    shutil.rmtree(run / "ray", ignore_errors=True)  # Ray's own notes, which nobody reads


@contextmanager
def _written(run: Path) -> Iterator[None]:
    """Raise SetupError where the system refuses the run's folder something: the next driver knows all that it took."""
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"a sweep must be able to write to {run}, but got {type(error).__name__}: {reason(error)}; once that is"
            f" mended, go on with `sweep resume {run}`"
        ) from error


@contextmanager
def _interruptible(controller: Controller) -> Iterator[None]:
    """SIGINT and SIGTERM end the sweep in order; a second one ends it at once."""

    def first(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler)
        controller.interrupted = True  # no more: this runs between any two lines of the driver, whatever it holds

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
