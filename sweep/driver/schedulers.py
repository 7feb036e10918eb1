"""Who is stopped early: Ray's schedulers at rungs, on match Elo, and only ever by stopping.

Nothing is paused or cloned: mlagents does not save ghost windows, so a trial that is taken up again elsewhere meets
other opponents than before. Trial 0, the course's configuration, is compared with and never stopped.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from sweep.driver.controller import Controller

MIN_COMPARED = 3
"""Other trials that must have reached a rung before the median stops anyone there."""


def make(controller: Controller) -> "_AtRungs":
    """The scheduler that the sweep's settings name, told of every rung that was reached before this driver."""
    kinds: dict[str, Callable[[Controller], _AtRungs]] = {"asha": _Halving, "median": _Median, "none": _Whole}
    scheduler = kinds["none" if controller.retraining else controller.settings.scheduler](controller)
    again = {spec.number for spec in controller.past.unfinished}
    for event in controller.past.rated:
        # those under way tell it once more themselves; what was extended stands at rungs of its own
        if event.candidate.trial not in again and event.rung in controller.settings.rungs:
            scheduler.remember(_Before(f"before-{event.candidate.trial}"), event.rung, event.rating.elo)
    return scheduler


@contextmanager
def kept(controller: Controller) -> Iterator[None]:
    """What goes wrong in a hook, as a ledger that cannot be written, is kept for `tuner` to raise: Ray itself would
    swallow it, or end with an error of its own."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  raised between two steps
        controller.error = controller.error or error


@dataclass(frozen=True)
class _Before:
    """A trial of an earlier driver, as far as a scheduler looks at one."""

    trial_id: str


class _AtRungs:
    """A scheduler's verdict at a rung, carried out by asking the trial to end: it exports and stops its trainer."""

    _controller: Controller

    def remember(self, trial: _Before, rung: int, elo: float) -> None:
        """Compare later trials with this one, as if it had run here."""

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Every result of a worker passes here; the controller hears it, and Ray is told to go on."""
        with kept(self._controller):
            self._hear(tune_controller, trial, result)
        return str(TrialScheduler.CONTINUE)

    def _hear(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        controller = self._controller
        shown = (controller.live[trial.trial_id].spec.number, int(result.get("rung", 0)))
        if "rung" in result and shown not in controller.shown:
            controller.shown.add(shown)  # a trial that went on in another worker tells its rungs again
            known = controller.knows(trial.trial_id, result["rung"])  # it had passed there, before its driver died
            verdict = self.verdict(tune_controller, trial, result)
            controller.heard(trial.trial_id, result)
            spec = controller.live[trial.trial_id].spec
            if verdict == TrialScheduler.STOP and not known and result["rung"] < spec.steps and spec.number != 0:
                controller.prune(trial.trial_id)
        else:
            controller.heard(trial.trial_id, result)

    def verdict(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """What Ray's scheduler says of a trial at a rung."""
        return str(super().on_trial_result(tune_controller, trial, result))  # type: ignore[misc]


class _Halving(_AtRungs, ASHAScheduler):  # type: ignore[misc]
    """ASHA (Li et al., arXiv 1810.05934), by stopping: at a rung the best 1/reduction_factor of those so far go on."""

    def __init__(self, controller: Controller) -> None:
        settings = controller.settings
        super().__init__(
            time_attr="rung",
            metric="elo",
            mode="max",
            max_t=settings.steps,
            grace_period=max(1, settings.rungs[0] - 1),  # Ray multiplies it on: rounded up, it would pass later rungs
            reduction_factor=settings.reduction_factor,
        )
        self._controller = controller

    def remember(self, trial: _Before, rung: int, elo: float) -> None:
        self._brackets[0].on_result(trial, rung, elo)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """The last result is no rung: nothing to compare."""
        self._trial_info.pop(trial.trial_id, None)


class _Median(_AtRungs, MedianStoppingRule):  # type: ignore[misc]
    """The median rule (Golovin et al., Google Vizier, KDD 2017): who never was above the others' running median stops.

    A trial's best Elo so far is compared with the median, over the trials that reached the rung, of their mean Elo up
    to it. Elo rises as trials train, so at later rungs the rule is milder than at the first.
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__(
            time_attr="rung",
            metric="elo",
            mode="max",
            grace_period=1,
            min_samples_required=MIN_COMPARED,
            hard_stop=True,
        )
        self._controller = controller

    def verdict(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Ray's, of every trial alike."""
        self._stopped_trials.discard(trial)  # trial 0 goes on all the same
        return super().verdict(tune_controller, trial, result)

    def remember(self, trial: _Before, rung: int, elo: float) -> None:
        self._results[trial].append({"rung": rung, "elo": elo})

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """The last result is no rung: nothing to compare."""

    def _on_insufficient_samples(self, tune_controller: Any, trial: Any, time: float) -> str:
        """Ray would pause the trial to let others come first."""
        return str(TrialScheduler.CONTINUE)


class _Whole(_AtRungs, FIFOScheduler):  # type: ignore[misc]
    """Nobody is stopped: every trial trains its whole budget, and rungs are measured all the same."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
