"""What runs on a Ray worker: one trial, from its spec to its ratings, reported to the driver as they come."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from ray import tune

from trials.arena import ladder
from trials.folder import RunFolder
from trials.records import Training, TrialRated, TrialResumed, TrialSpec
from trials.trial import Heartbeat, Trial

HEARTBEAT_S = 2.0
"""How often a trial shows a sign of life, seconds."""

_SPEC: TypeAdapter[TrialSpec] = TypeAdapter(TrialSpec)
_RATED: TypeAdapter[TrialRated] = TypeAdapter(TrialRated)
_RESUMED: TypeAdapter[TrialResumed] = TypeAdapter(TrialResumed)
_TRAINING: TypeAdapter[Training] = TypeAdapter(Training)


class TrialActor(tune.Trainable):  # type: ignore[misc]
    """A Ray Tune trainable: `step` is the next thing that happens to the trial, `cleanup` stops it with its export.

    Where a worker dies, Ray sets the trial up again in another, and the trial finds its checkpoint in its folder.
    """

    def setup(self, config: dict[str, Any]) -> None:
        spec = _SPEC.validate_json(config["spec"])
        rate = ladder.rater(config["baseline"], int(config["rating_matches"]))
        self._trial = Trial(spec, RunFolder(Path(config["run"])), rate)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial in the same worker, which saves a worker's start."""
        self._trial.stop()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """What happened in the last two seconds, as Ray Tune's result."""
        happened = self._trial.advance(HEARTBEAT_S)
        match happened:
            case Heartbeat(step=step, steps_per_second=rate):
                return {"step": step, "steps_per_second": rate, "done": False}
            case TrialRated(rung=rung, rating=rating):
                return {
                    "rung": rung,
                    "elo": rating.elo,
                    "rated": _RATED.dump_json(happened).decode(),
                    "done": False,
                }
            case TrialResumed(resumed=step):
                return {
                    "resumed": _RESUMED.dump_json(happened).decode(),
                    "step": step,
                    "steps_per_second": 0.0,
                    "done": False,
                }
            case Training():
                return {"ended": _TRAINING.dump_json(happened).decode(), "done": True}

    def cleanup(self) -> None:
        """Stop the trainer, if it still runs."""
        self._trial.stop()
