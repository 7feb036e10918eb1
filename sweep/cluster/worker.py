"""What runs on a Ray worker: one trial, from its spec to its ratings, reported to the driver as they come."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray import tune

from sweep.cluster import stop_signals, workdir
from sweep.cluster.versions import difference, installed, lacking
from sweep.cluster.workdir import FLUSH_S, Workplace
from trials.arena.ratings import yardstick
from trials.errors import SetupError, reason
from trials.events import TrialRated, TrialResumed
from trials.folder import RunFolder
from trials.inputs import needed
from trials.learner import health
from trials.records import Training, TrialSpec
from trials.storage import Storage
from trials.trial import Heartbeat, Trial

HEARTBEAT_S = 2.0
"""How often a trial shows a sign of life, seconds."""


@dataclass(frozen=True)
class Cluster:
    """What a worker must know that shares no folder with its driver."""

    storage: Storage
    """Where the run is kept."""
    orders: str
    """Name of the actor that says which trials are to end."""
    installed: dict[str, str]
    """What is installed where the driver runs."""
    programs: tuple[tuple[str, str], ...] = ()
    """What every machine must have, as `versions.lacking` takes it."""

    def wrong(self) -> str:
        """What this machine has that it must not, or has not; empty where it may work."""
        return difference(self.installed, installed()) or lacking(self.programs)


@dataclass(frozen=True)
class Terms:
    """What all trials of a sweep have in common, where they train and where they are rated."""

    run: str
    """The run's folder."""
    baseline: str
    """As `trials.arena.players.load.load` takes it; on a cluster a file's name in the run. A yardstick has its own."""
    matches: int
    """Of a rating."""
    cluster: Cluster | None
    """None: workers share the run's folder."""
    yardstick: bool = False
    """Whether trials are rated on a yardstick of the run's own, not on the ladder."""

    @property
    def storage(self) -> Storage | None:
        """Where workers find what they share with the driver; None: in the run's folder."""
        return self.cluster.storage if self.cluster is not None else None

    def rated_on(self, run: RunFolder) -> tuple[RunFolder, str]:
        """The run's folder here, with its yardstick in it, and the baseline. Raises OSError where the storage has them
        not."""
        if not self.yardstick:
            return run, workdir.player(self.baseline, self.storage, run)
        if self.storage is not None:
            workdir.fetch_yardstick(self.storage, run)
        return run, self.baseline


class TrialActor(tune.Trainable):  # type: ignore[misc]
    """A Ray Tune trainable: `step` is the next thing that happens to the trial, `cleanup` stops it with its export.

    Where a worker dies, the trial is set up again in another, and finds its checkpoint. Its config is `spec`
    (TrialSpec), `terms` (Terms), `resources` (CPU, GPU) and `refused` (nodes, Ray's ids).
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """The resources of a trial, on no node that was refused."""
        return place(config["resources"], config["refused"])

    def setup(self, config: dict[str, Any]) -> None:
        """As `ray.tune.Trainable.setup`: take over what the trial is."""
        self._spec: TrialSpec = config["spec"]
        self._terms: Terms = config["terms"]
        self._cluster = self._terms.cluster
        self._trial: Trial | None = None
        self._held: tuple[dict[str, Any], int] | None = None
        self._wrong = self._cluster.wrong() if self._cluster is not None else ""
        self._node = ray.get_runtime_context().get_node_id()
        self._place = Workplace(RunFolder(Path(self._terms.run)), self._spec.number, self._terms.storage)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial in the same worker, which saves a worker's start."""
        self.cleanup()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """What happened in the last two seconds, as Ray Tune's result; nothing that counts before it is kept."""
        try:
            return self._step()
        except BaseException as error:
            self.cleanup()  # before the driver hears of it and another worker takes the trial over
            if isinstance(error, OSError) and (ended := self._refused(error)) is not None:
                return _result(ended)
            raise

    def _refused(self, error: OSError) -> Training | None:
        """The end of a trial whose disk is full, which no other worker mends; None where one may."""
        why = health.of_system(error, self._place.run.trial(self._spec.number).path)
        if not isinstance(why, SetupError):
            return None
        begun = self._trial.stop() if self._trial is not None else _not_begun("")
        return replace(begun, fault="setup", reason=reason(why))

    def _step(self) -> dict[str, Any]:
        stopped = self._cluster is not None and stop_signals.heeded(self._cluster.orders, self._spec.number)
        if self._trial is None and (waits := self._begin()):
            return waits | ({"done": True} if stopped else {})
        if stopped:
            self._place.run.trial(self._spec.number).stop.touch()
        if self._held is None:
            assert self._trial is not None
            result = _result(self._trial.advance(HEARTBEAT_S))
            if not {"rated", "ended"} & {*result}:
                return self._with_storage(result)
            self._held, self._since = (result | {"node": self._node}, self._place.ask()), time.monotonic()
        result, number = self._held
        tired = stopped and time.monotonic() - self._since > FLUSH_S
        if not self._place.safe(number, HEARTBEAT_S) and not tired:
            return self._with_storage({"done": False})
        self._held = None
        return result

    def cleanup(self) -> None:
        """Stop the trainer, if it still runs, and keep what it left."""
        if self._trial is not None:
            self._trial.stop()
        self._place.close()

    def _begin(self) -> dict[str, Any]:
        """Begin the trial, or say what it waits for, or that it must not begin on this machine."""
        if self._wrong:
            time.sleep(HEARTBEAT_S)  # the driver learns of it in that time
            return {"misplaced": self._wrong, "done": True}
        try:
            if not (away := self._place.prepare()):
                self._place.have(needed(self._spec.config))
                rated_on = self._terms.rated_on(self._place.run)
        except OSError as error:
            away = reason(error)
        except SetupError as error:
            return _result(_not_begun(reason(error)))
        if away:
            time.sleep(HEARTBEAT_S)
            return {"away": away, "done": False}
        rate = yardstick.rater(*rated_on, self._spec.executable, self._terms.matches)
        self._trial = Trial(self._spec, self._place.run, rate, rate_last=False)
        return {}

    def _with_storage(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result, and what the storage said where it does not answer."""
        return result | ({"away": self._place.away} if self._place.away else {})


def _not_begun(why: str) -> Training:
    """The end of a trial that no start on any machine could begin, until a person does something."""
    return Training(
        fault="setup",
        reason=why,
        log_tail="",
        steps=0,
        began=0.0,
        train_seconds=0.0,
        process_seconds=0.0,
        candidate=None,
    )


def place(resources: dict[str, float], refused: list[str]) -> tune.PlacementGroupFactory:
    """Room for a trial (`CPU`, `GPU`; fractions share a GPU) on a node that is not `refused` (Ray's ids)."""
    elsewhere = {"bundle_label_selector": [{"ray.io/node-id": f"!in({','.join(refused)})"}]} if refused else {}
    return tune.PlacementGroupFactory([resources], **elsewhere)


def _result(happened: TrialRated | TrialResumed | Heartbeat | Training) -> dict[str, Any]:
    match happened:
        case Heartbeat(step=step, steps_per_second=rate):
            return {"step": step, "steps_per_second": rate, "done": False}
        case TrialRated(rung=rung, rating=rating):
            return {"rung": rung, "elo": rating.elo, "rated": happened, "done": False}
        case TrialResumed(resumed=step):
            return {"resumed": happened, "step": step, "steps_per_second": 0.0, "done": False}
        case Training():
            return {"ended": happened, "done": True}
