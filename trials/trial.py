"""One trial: train a spec, and rate its candidates as they come."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter

from trials.arena.matches import log
from trials.arena.players import onnx_external
from trials.arena.ratings.ladder import Rated
from trials.events import TrialRated, TrialResumed
from trials.folder import RunFolder, TrialFolder, written_whole
from trials.inputs import located
from trials.learner import process, progress, trainer_log
from trials.learner.process import TrainerProcess
from trials.records import Candidate, Training, TrialSpec
from trials.stint import Stint

Fault = Literal["none", "trial", "machine", "setup"]
Rate = Callable[[Path, int], Rated]
"""Plays a candidate (ONNX path) with a seed (0 to 2**64 - 1)."""
WHOLE = 0.999
"""Share of the budget at which a training counts as whole."""
RETRIES = 3
"""How often a trial goes on after the machine failed it, before it is given up."""


@dataclass(frozen=True)
class Heartbeat:
    """Where a trial is: trainer steps reached, and trainer steps a second since it began or resumed."""

    step: int
    steps_per_second: float


class Trial:
    """Owns one training and the rating of what it exports; everything lands in the trial's folder."""

    def __init__(
        self, spec: TrialSpec, run: RunFolder, rate: Rate, program: str | None = None, rate_last: bool = True
    ) -> None:
        """Start `program` on `spec` at once; where the trial's folder has a checkpoint, it goes on from that.

        Without `rate_last` the training's end is the trial's: its last candidate is rated elsewhere (`rated`).
        """
        self.spec, self._run, self._rate = spec, run, rate
        self._program = program or (process.LAUNCHER if spec.trainer is None else process.EXTERNAL)
        self.files = run.trial(spec.number)
        self._waiting = list(spec.rungs if rate_last else spec.rungs[:-1])
        self._training: Training | None = None
        self._lost: list[_Life] = []
        self._again = 0
        self._resuming: str | None = None
        before = progress.read(self.files)
        if before.time:  # a worker before this one died
            self._lost.append(_Life(before, 0.0))
            self._resuming = "its worker died"
        _write(self.files, spec, run.path)
        self.process = self._start()

    def advance(self, seconds: float) -> TrialRated | TrialResumed | Heartbeat | Training:
        """The next thing that happens within `seconds`: a rung rated, a new start, the end, else a sign of life."""
        deadline = time.monotonic() + seconds
        while True:
            if self._training is not None:
                return self._training
            if self.files.stop.exists():
                return self.stop()
            if (going_on := self._going_on()) is not None:
                return going_on
            ready = self._candidate_for_rung()
            if ready is not None:
                return rated(self.spec, self._run, ready, self._waiting.pop(0), self._rate)
            status = self.process.status
            if status is None and self._hangs():
                status = process.MACHINE_EXIT
                self.process.stop(grace=0)
            if status is not None and self._candidate_for_rung() is None:
                fault, reason = self._judge(status)
                if fault == "machine" and self._again >= RETRIES:
                    return self._end(fault, f"{reason}; given up after {RETRIES} new starts")
                if fault != "machine":
                    return self._end(fault, reason)
                self._lost.append(_Life(progress.read(self.files), self.process.seconds))
                self._again += 1  # the life of a worker before this one, which may have been stopped, is no new start
                self._resuming = reason
                self.process = self._start()  # from its last whole checkpoint
            left = deadline - time.monotonic()
            if left <= 0:
                return self._heartbeat()
            self.process.wait(min(left, 0.2))

    def stop(self) -> Training:
        """SIGINT, wait for the last export, then firm. Safe to call again and after the end."""
        if self._training is None:
            own_end = self.process.status
            self.process.stop()
            fault, reason = self._judge(own_end, asked=True) if own_end else ("none", "")
            self._end(fault, reason)
        assert self._training is not None
        return self._training

    def _start(self) -> TrainerProcess:
        progress.begin_again(self.files)
        started = TrainerProcess(self.files, self.spec.threads, self._program)
        self._told, self._silent = 0.0, Stint(started.pid)
        return started

    def _going_on(self) -> TrialResumed | None:
        """Word of a new start, once the new trainer has said from where."""
        now = progress.read(self.files)
        if self._resuming is None or not now.time:
            return None
        reason, self._resuming = self._resuming, None
        reached = max(self._lost[-1].where.step, now.resumed)
        return TrialResumed(
            time=time.time(), trial=self.spec.number, reason=reason, reached=reached, resumed=now.resumed
        )

    def _hangs(self) -> bool:
        """Whether it has had too much since it last spoke: a trainer that gets no processor is slow, no more."""
        told = progress.read(self.files).time
        if told != self._told:
            self._told = told
            self._silent.again()
        return self._silent.seconds > self.spec.stall_seconds

    def _judge(self, status: int, asked: bool = False) -> tuple[Fault, str]:
        """Whose fault the end of the trainer's process is, and one line that says why."""
        where, found = progress.read(self.files), process.exported(self.files)
        if status == 0:
            if asked or self._is_whole(found):
                return "none", ""
            return "machine", f"the environment ended at step {where.step:,} of {self.spec.steps:,}"
        if self._hangs():
            return "machine", f"no trainer step for {self.spec.stall_seconds:g} s at step {where.step:,}"
        fault: Fault = "setup" if status == process.SETUP_EXIT else "trial"
        if status < 0 or status == process.MACHINE_EXIT:
            fault = "machine"
        return fault, trainer_log.cause(status, trainer_log.tail(self.files))

    def _candidate_for_rung(self) -> Candidate | None:
        """The first export at or past the next rung; for the last one, the last export of a whole training."""
        if not self._waiting:
            return None
        found = process.exported(self.files)
        if self._waiting[0] == self.spec.rungs[-1]:
            if self.process.status != 0 or not self._is_whole(found):
                return None
            return self._candidate(*found[-1])
        past = [item for item in found if item[0] >= self._waiting[0]]
        return self._candidate(*past[0]) if past else None

    def _is_whole(self, found: Sequence[tuple[int, Path]]) -> bool:
        """Whether the last of what was exported is of the whole budget."""
        return bool(found) and found[-1][0] >= self.spec.steps * WHOLE

    def _candidate(self, steps: int, path: Path) -> Candidate:
        where = str(path.relative_to(self._run.path))
        return Candidate(trial=self.spec.number, steps=steps, path=where, sha256=onnx_external.digest_of(path))

    def _heartbeat(self) -> Heartbeat:
        where = progress.read(self.files)
        if not where.time and self._lost:  # a new trainer has not spoken yet
            where = self._lost[-1].where
        return Heartbeat(where.step, where.steps_per_second)

    def _end(self, fault: Fault, reason: str) -> Training:
        found = process.exported(self.files)
        lives = [*self._lost, _Life(progress.read(self.files), self.process.seconds)]
        self._training = Training(
            fault=fault,
            reason=reason,
            log_tail="" if fault == "none" else trainer_log.tail(self.files),
            steps=max([life.where.step for life in lives] + [steps for steps, _ in found]),
            began=self.process.began - sum(life.seconds for life in self._lost),
            train_seconds=lives[0].where.earlier + sum(life.where.seconds for life in lives),
            process_seconds=sum(life.seconds for life in lives),
            candidate=self._candidate(*found[-1]) if found else None,
        )
        return self._training


def rated(spec: TrialSpec, run: RunFolder, candidate: Candidate, rung: int, rate: Rate) -> TrialRated:
    """A candidate of the trial rated for a rung, and its matches logged in the trial's folder."""
    began = time.monotonic()
    found = rate(run.path / candidate.path, spec.seed * 1_000_003 + rung)
    names = {**found.names, candidate.sha256: candidate.name}
    log.write(run.trial(spec.number).matches(candidate.steps), found.records, names, again=True)
    return TrialRated(
        time=time.time(),
        candidate=candidate,
        rung=rung,
        rating=found.rating,
        baseline=found.baseline,
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True)
class _Life:
    """One trainer process of the trial."""

    where: progress.Where
    seconds: float


def _write(files: TrialFolder, spec: TrialSpec, run: Path) -> None:
    files.candidates.mkdir(parents=True, exist_ok=True)
    with written_whole(files.spec) as temporary:
        temporary.write_bytes(TypeAdapter(TrialSpec).dump_json(spec))
    with written_whole(files.trainer_yaml) as temporary:
        temporary.write_text(yaml.safe_dump(located(spec.config, run.absolute()), sort_keys=False))
