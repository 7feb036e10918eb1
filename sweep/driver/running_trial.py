"""One trial under way, as the driver sees it: where it is, what its workers said, and its end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trials.events import TrialEnded, TrialRated
from trials.records import Candidate, State, Training, TrialSpec
from trials.trial import WHOLE

if TYPE_CHECKING:
    from sweep.search import study as studies

MIN_JUDGED = 4
"""Trials that must be over before their failure rate says anything."""


@dataclass
class RunningTrial:
    """One trial under way, as the driver sees it."""

    spec: TrialSpec
    slot: int
    proposal: "studies.Proposal | None"
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
    first: int | None = None
    """The step that its first worker found it at."""

    def at(self, step: int, steps_per_second: float) -> None:
        """Its worker says where it is."""
        self.first = step if self.first is None else self.first
        self.step, self.steps_per_second = step, steps_per_second

    @property
    def trained(self) -> int:
        """Trainer steps since this driver began it."""
        return max(0, self.step - (self.first or 0))

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

    def conclude(self, error: str, stopped: str) -> None:
        """Judge how it ended. `error`: what became of its worker, or of its rating; `stopped`: why the sweep stops."""
        training = self.training
        if training is not None and training.fault != "none":
            # a broken set-up is not the trial's fault: it goes on once that is mended
            self.state, self.reason = "stopped" if training.fault == "setup" else "failed", training.reason
        elif self.rated and self.rated[-1].rung == self.spec.steps:
            self.state = "complete"
        elif self.state == "running" and (error or (training is None and not stopped)):
            self.state, self.reason = "failed", error or "its worker exited without a result"
        elif self.state == "running":
            self.state, self.reason = "stopped", stopped or "the sweep was interrupted"

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


@dataclass
class StorageWord:
    """Says once that the storage does not answer the workers, and once that it does again."""

    away: set[int] = field(default_factory=set)
    """Trials whose workers it does not answer."""

    def heard(self, number: int, why: str | None, say: Callable[[str], None]) -> None:
        """A trial's worker says that it does not answer, and `why`, or None: that it does."""
        if why is not None and number not in self.away:
            if not self.away:
                say(f"the storage does not answer ({why}); trials go on, and results wait for it")
            self.away.add(number)
        elif why is None and number in self.away:
            self.away.discard(number)
            if not self.away:
                say("the storage answers again")


def ending(live: int, rated: int) -> str:
    """What a sweep that is to end still waits for, with so many trials in their slots and so many being rated."""
    if not live:
        return "stopping: " + ("last ratings are played, then " if rated else "") + "the report is written"
    whom = "a trainer exports" if live == 1 else f"{live} trainers export"
    return f"stopping: {whom}, then the report is written"


def failures(over: Sequence[TrialEnded], most: float) -> str:
    """Why a sweep breaks off of whose trials more than a share of `most` failed; empty where it goes on."""
    failed = [end for end in over if end.state == "failed"]
    if len(over) < MIN_JUDGED or len(failed) <= most * len(over):
        return ""
    return f"at most {most:.0%} of trials may fail, but {len(failed)} of {len(over)} did; the last: {failed[-1].reason}"
