"""The controller: what the sweep knows of its trials, whom it asks to stop, and the ledger's writing end."""

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from search_spaces import Space
from sweep.driver.running_trial import RunningTrial, StorageWord, ending, failures
from sweep.search import specs
from sweep.search import study as studies
from sweep.settings import Settings
from trials import ledger
from trials.errors import BadPolicy, SweepError
from trials.events import Event, TrialBegan, TrialEnded, TrialRated, TrialResumed, WarmStarted
from trials.folder import RunFolder
from trials.learner import trainer_log
from trials.records import Candidate, Rating, TrialSpec
from trials.run_state import Past
from trials.trial import RETRIES

NOTHING = Past(events=(), unfinished=(), rated=(), ended=())
"""Of a sweep that begins."""


class Controller:
    """Owns the study, the ledger's writing end and the table of trials under way; Ray's hooks call it."""

    def __init__(
        self,
        settings: Settings,
        space: Space,
        run: RunFolder,
        render: specs.Render,
        baseline: str,
        past: Past | None = None,
        warm: WarmStarted | None = None,
    ) -> None:
        """Begin a sweep, with what `warm` takes over from another run, or go on from its `past`."""
        self.settings, self.space, self.run = settings, space, run
        self._render, self.baseline = render, baseline
        self.past = past = past or NOTHING
        self._queue = list(past.unfinished)
        number = len(past.ended) + len(past.unfinished)
        # another seed after each cut: the same one would propose what it proposed before
        seed = settings.seed + 7_919 * number
        self.study = studies.open_study(run.study, seed, settings.startup_trials, settings.sampler, settings.objectives)
        events = (warm,) if warm is not None else past.events
        studies.fill(self.study, events, space)
        if space.parameters:
            studies.enqueue_course(self.study, space, events)
        self.specs = {e.spec.number: e.spec for e in past.events if isinstance(e, TrialBegan)}
        """Of every trial that has begun."""
        self.retraining = False
        """Whether tuning is over: what is handed out are final trials."""
        self.finals = settings.final_seeds * (1 + settings.finalists if space.parameters else 1)
        """Final trials there will be, or, once it is known, there are still to be trained."""
        self.configurations: dict[int, int] = {}
        """Final trial to the trial whose configuration it is."""
        self.live: dict[str, RunningTrial] = {}
        self.over: list[TrialEnded] = list(past.ended)
        self._trained = 0
        self.first_began = math.inf
        """When this driver handed out its first trial, unix seconds."""
        self.broken: str | None = None
        self.error: Exception | None = None
        """What went wrong in one of Ray's hooks, which is still to be raised."""
        self.interrupted = False
        self.last_rating: dict[int, Rating] = {event.candidate.trial: event.rating for event in past.rated}
        self.listeners: list[Callable[[Event], None]] = []
        self.awaiting: dict[int, RunningTrial] = {}
        """Trained, and being rated outside their slots."""
        self._again: list[RunningTrial] = []
        self.rater: Callable[[TrialSpec, Candidate, str], None] | None = None
        """Rates a last candidate elsewhere and gives it to `rated_elsewhere`; None: what is not rated in time stays
        unrated."""
        self.order: Callable[[int], None] = self._order_by_file
        """Tells a trial (number) to stop."""
        self.say: Callable[[str], None] = lambda text: None
        """Shows a person a line that is no event."""
        self.shown: set[tuple[int, int]] = set()
        """Rungs (trial, steps) that the scheduler has seen from this driver's workers."""
        self._storage = StorageWord()
        self._answered = False
        self._went_on: set[int] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        """Ray pickles what it is handed, for a restore of its own that is never asked for: the ledger is the truth."""
        return str, ("controller",)

    def record(self, *events: Event) -> None:
        """Append to the ledger, all or none, then tell whoever shows it."""
        ledger.append(self.run.ledger, *events)
        for event in events:
            for listener in self.listeners:
                listener(event)

    @property
    def under_way(self) -> list[RunningTrial]:
        """Trials that have begun and are not over: in a slot, waiting for a new worker, or being rated."""
        return [*self.live.values(), *self._again, *self.awaiting.values()]

    @property
    def trained(self) -> int:
        """Trainer steps that this driver has seen trained."""
        return self._trained + sum(trial.trained for trial in self.under_way)

    @property
    def stopping(self) -> bool:
        """Whether no further trial is to start."""
        return self.interrupted or self.broken is not None

    @property
    def next_number(self) -> int:
        """Of the first trial that the study does not propose, behind all others."""
        return max(max(self.specs, default=-1) + 1, studies.next_number(self.study))

    def retrain(self, finals: Sequence[TrialSpec]) -> None:
        """From now on hand out these, in place of proposals."""
        self.retraining, self._queue, self.finals = True, list(finals), len(finals)
        self.configurations = {spec.number: spec.configuration or 0 for spec in finals}

    def prune(self, trial_id: str) -> None:
        """Ask a trial to end at its rung."""
        trial = self.live[trial_id]
        trial.state = "pruned"
        trial.reason = f"below {self.settings.bar} at {trial.rated[-1].rung:,} steps"
        self.order(trial.spec.number)

    def _order_by_file(self, number: int) -> None:
        """Where workers share the run's folder."""
        file = self.run.trial(number).stop
        file.parent.mkdir(parents=True, exist_ok=True)  # its worker may not have begun
        file.touch()

    def knows(self, trial_id: str, rung: int) -> bool:
        """Whether the trial was rated there before: a new worker rates the dead one's rungs again, to the same end."""
        return rung in {earlier.rung for earlier in self.live[trial_id].rated}

    @property
    def all_proposed(self) -> bool:
        """Whether every trial of this phase has been handed out, and none came back."""
        if self._again:
            return False
        if self.retraining:
            return not self._queue
        return len(self.over) + len(self.live) + len(self.awaiting) >= self.settings.trials

    @property
    def exhausted(self) -> bool:
        """Whether every trial is out of its slot for good."""
        return self.all_proposed and not self.live

    def propose(self, trial_id: str) -> TrialSpec:
        """The next trial, recorded before it starts; first those that were cut off."""
        if self._again:
            trial = self._again.pop(0)
            trial.slot, trial.heard = self._free_slot(), False
            self.live[trial_id] = trial
            return trial.spec
        earlier: list[TrialRated] = []
        proposal: studies.Proposal | None = None
        if self._queue:
            spec = self._queue.pop(0)
            if spec.origin != "final":
                proposal = studies.again(self.study, spec.number)
            earlier = [e for e in self.past.rated if e.candidate.trial == spec.number]
        else:
            proposal, spec = studies.proposed(self.study, self.space, self._render)
        self.live[trial_id] = RunningTrial(spec, self._free_slot(), proposal, rated=earlier)
        if spec.number not in self.specs:  # what lies there is of none that the ledger knows
            shutil.rmtree(self.run.trial(spec.number).path, ignore_errors=True)
        self.specs[spec.number] = spec
        now = time.time()
        self.first_began = min(self.first_began, now)
        self.record(TrialBegan(time=now, spec=spec))
        return spec

    def _free_slot(self) -> int:
        taken = {trial.slot for trial in self.live.values()}
        return next(slot for slot in count() if slot not in taken)

    def heard(self, trial_id: str, result: dict[str, Any]) -> None:
        """A worker's result: a sign of life, a rating, or the end of its training."""
        trial = self.live[trial_id]
        trial.heard = True
        self._storage.heard(trial.spec.number, str(result["away"]) if "away" in result else None, self.say)
        if "misplaced" in result:
            trial.misplaced = True
            self.say(f"trial {trial.spec.number} came to a node with {result['misplaced']}; it goes elsewhere")
        if "step" in result:
            trial.at(int(result["step"]), float(result["steps_per_second"]))
        if "resumed" in result:
            self.record(self._by_whom(result["resumed"]))
        if "rated" in result:
            rated = result["rated"]
            if self.knows(trial_id, rated.rung):
                return
            trial.rated.append(rated)
            self.last_rating[trial.spec.number] = rated.rating
            self.record(rated)
        if "ended" in result:
            trial.training = result["ended"]
            trial.step = result["ended"].steps
            trial.node = str(result.get("node", ""))

    def _by_whom(self, event: TrialResumed) -> TrialResumed:
        """A worker finds a trial that had begun, and cannot tell that a person had ended it in order."""
        if event.trial not in self.past.stopped or event.trial in self._went_on:
            return event
        self._went_on.add(event.trial)
        return replace(event, reason="the sweep was stopped")

    def done(self, trial_id: str) -> None:
        """A trial's work in its slot is over: it is rated once more, or its end is told."""
        trial = self.live.pop(trial_id, None)
        if trial is None:
            return
        self._storage.away.discard(trial.spec.number)
        if trial.misplaced and not self.stopping:
            trial.misplaced = False
            self._again.append(trial)
        elif self.rater is not None and (candidate := trial.unrated) is not None:
            self.awaiting[trial.spec.number] = trial
            self.rater(trial.spec, candidate, trial.node)
        else:
            self._over(trial)

    def rated_elsewhere(self, number: int, found: TrialRated | SweepError) -> None:
        """The last rating of a trial, or what went wrong with it: only BadPolicy is the trial's own fault."""
        trial, error = self.awaiting.pop(number), ""
        if isinstance(found, TrialRated):
            trial.rated.append(found)
            self.last_rating[number] = found.rating
            self.record(found)
        elif self.stopping:
            pass  # the next driver rates it
        elif isinstance(found, BadPolicy):
            error = f"its last candidate could not be rated: {found}"
        else:
            self.break_off(
                f"a trained trial must be rated, but trial {number} could not be ({found}); once that is mended,"
                f" `sweep resume {self.run.path}` only rates it"
            )
        self._over(trial, error)

    def lost(self, trial_id: str, cause: str) -> None:
        """A trial's worker died: it goes on in another, unless that leads nowhere."""
        trial = self.live.pop(trial_id, None)
        if trial is None:
            return
        trial.died()
        if trial.state == "running" and not self.stopping and trial.deaths <= RETRIES:
            self._again.append(trial)
        else:  # one that a person stopped goes on with the next driver
            self._over(trial, "" if self.stopping else f"its worker failed: {cause}")

    def _over(self, trial: RunningTrial, error: str = "") -> None:
        """Tell the study, then the ledger. `error`: what became of its worker, or of its rating."""
        why = (self.broken or "the sweep was interrupted") if self.stopping else ""
        trial.conclude(error, why)
        training = trial.training
        if trial.proposal is not None:
            studies.tell(self.study, trial.proposal, trial.rated, trial.state, training)
        tail = trainer_log.tail(self.run.trial(trial.spec.number)) if trial.state == "failed" else ""
        ended = trial.end(tail)
        if training is not None and training.fault == "setup":
            self.break_off(training.reason)
        self.record(ended)  # a trial whose end is not on record is not over
        self._trained += trial.trained
        self.over.append(ended)
        # those of this driver: what failed before it may be mended
        if too_many := failures(self.over[len(self.past.ended) :], self.settings.max_failure_rate):
            self.break_off(too_many)
        self.heed()

    def break_off(self, reason: str) -> None:
        """The sweep cannot go on; who hands out trials heeds it."""
        self.broken = self.broken or reason

    def heed(self) -> None:
        """Where the sweep is to stop, ask every trial under way to, once, and end those that wait for a worker."""
        if not self.stopping:
            return
        if self.interrupted and not self._answered:
            self._answered = True
            self.say(f"{ending(len(self.live), len(self.awaiting))}; Ctrl+C again waits for nothing")
        for trial in self.live.values():
            if not trial.told:
                trial.told = True
                self.order(trial.spec.number)
        again, self._again = self._again, []
        for trial in again:
            self._over(trial)
