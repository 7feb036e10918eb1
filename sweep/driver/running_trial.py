"""One trial under way, as the driver sees it: where it is, what its workers said, and its end."""

import time
from dataclasses import dataclass, field

from sweep.search import study as studies
from trials.events import TrialEnded, TrialRated
from trials.records import Candidate, State, Training, TrialSpec
from trials.trial import WHOLE


@dataclass
class RunningTrial:
    """One trial under way, as the driver sees it."""

    spec: TrialSpec
    slot: int
    proposal: studies.Proposal | None
    """None for a final trial: the study did not propose it."""
    step: int = 0
    steps_per_second: float = 0.0
    rated: list[TrialRated] = field(default_factory=list)
    training: Training | None = None
    state: State = "running"
    reason: str = ""
    node: str = ""
    """Ray's id of the machine where its training ended."""
    heard: bool = False
    """Its worker has said something."""
    told: bool = False
    """It was asked to stop."""
    misplaced: bool = False
    """Its worker found itself on a machine where it must not train."""
    deaths: int = 0
    """Workers that died in a row without a step forward."""
    died_at: int = -1

    def died(self) -> None:
        """Its worker did; a step forward since the last time forgives the deaths before."""
        self.deaths = 1 if self.step > self.died_at else self.deaths + 1
        self.died_at = max(self.died_at, self.step)

    @property
    def unrated(self) -> Candidate | None:
        """The last candidate of a whole training that nobody has rated yet."""
        training = self.training
        if self.state != "running" or training is None or training.fault != "none" or training.candidate is None:
            return None
        whole = training.candidate.steps >= self.spec.steps * WHOLE
        return training.candidate if whole and self.spec.steps not in {event.rung for event in self.rated} else None

    def end(self, log_tail: str) -> TrialEnded:
        """What the ledger says of its end. `log_tail`: of a trainer whose worker could not tell."""
        training = self.training
        candidate = self.rated[-1].candidate if self.rated else None
        if training is not None and self.state != "complete":
            candidate = training.candidate or candidate
        return TrialEnded(
            time=time.time(),
            trial=self.spec.number,
            state=self.state,
            reason=self.reason,
            log_tail=(training.log_tail if training else "") or log_tail,
            steps=training.steps if training else self.step,
            train_seconds=training.train_seconds if training else 0.0,
            process_seconds=training.process_seconds if training else 0.0,
            began=training.began if training else 0.0,
            slot=self.slot,
            candidate=candidate,
        )
