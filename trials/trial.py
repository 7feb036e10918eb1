"""One trial: train a spec, and rate its candidates as they come."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter

from trials.arena import log
from trials.arena.ladder import Rated
from trials.folder import RunFolder, TrialFolder, written_whole
from trials.learner import process
from trials.learner.process import TrainerProcess
from trials.records import Candidate, Training, TrialRated, TrialSpec

Rate = Callable[[Path, int], Rated]
"""Plays a candidate (ONNX path) with a seed (0 to 2**64 - 1)."""


@dataclass(frozen=True)
class Heartbeat:
    """Where a trial is: trainer steps reached, and trainer steps a second so far."""

    step: int
    steps_per_second: float


class Trial:
    """Owns one training and the rating of what it exports; everything lands in the trial's folder."""

    def __init__(self, spec: TrialSpec, run: RunFolder, rate: Rate) -> None:
        """Start training `spec` at once."""
        self.spec, self._run, self._rate = spec, run, rate
        self.files = run.trial(spec.number)
        self._waiting = list(spec.rungs)
        self._training: Training | None = None
        _write(self.files, spec)
        self.process = TrainerProcess(self.files, spec.threads)

    def advance(self, seconds: float) -> TrialRated | Heartbeat | Training:
        """The next thing that happens within `seconds`: a rung rated, the training's end, else a sign of life."""
        deadline = time.monotonic() + seconds
        while True:
            if self.files.stop.exists():
                return self.stop()
            ready = self._candidate_for_rung()
            if ready is not None:
                return self._rated(ready, self._waiting.pop(0))
            status = self.process.status
            if status is not None and self._candidate_for_rung() is None:
                return self._end(status)
            left = deadline - time.monotonic()
            if left <= 0:
                return self._heartbeat()
            self.process.wait(min(left, 0.2))

    def stop(self) -> Training:
        """SIGINT, wait for the last export, then firm. Safe to call again and after the end."""
        if self._training is None:
            own_end = self.process.status
            self.process.stop()
            self._end(own_end or 0)
        assert self._training is not None
        return self._training

    def _candidate_for_rung(self) -> Candidate | None:
        """The first export at or past the next rung; for the last one, the last export of a whole training."""
        if not self._waiting:
            return None
        found = process.exported(self.files)
        if len(self._waiting) == 1:
            if self.process.status != 0 or not found:
                return None
            return self._candidate(*found[-1])
        past = [item for item in found if item[0] >= self._waiting[0]]
        return self._candidate(*past[0]) if past else None

    def _candidate(self, steps: int, path: Path) -> Candidate:
        digest = sha256(path.read_bytes()).hexdigest()
        return Candidate(trial=self.spec.number, steps=steps, path=str(path.relative_to(self._run.path)), sha256=digest)

    def _rated(self, candidate: Candidate, rung: int) -> TrialRated:
        began = time.time()
        rated = self._rate(self._run.path / candidate.path, self.spec.seed * 1_000_003 + rung)
        names = {**rated.names, candidate.sha256: candidate.name}
        log.write(self.files.matches(candidate.steps), rated.records, names, again=True)
        return TrialRated(
            time=time.time(),
            candidate=candidate,
            rung=rung,
            rating=rated.rating,
            baseline=rated.baseline,
            seconds=time.time() - began,
        )

    def _heartbeat(self) -> Heartbeat:
        step, seconds = process.read_progress(self.files)
        return Heartbeat(step, step / seconds if seconds > 0 else 0.0)

    def _end(self, status: int) -> Training:
        found = process.exported(self.files)
        step, seconds = process.read_progress(self.files)
        if status == 0 and not found:
            status = 1
        tail = "" if status == 0 else process.log_tail(self.files)
        self._training = Training(
            fault="none" if status == 0 else _fault(status),
            reason="" if status == 0 else process.reason(status, tail),
            log_tail=tail,
            steps=max(step, found[-1][0] if found else 0),
            began=self.process.began,
            train_seconds=seconds,
            process_seconds=self.process.seconds,
            candidate=self._candidate(*found[-1]) if found else None,
        )
        return self._training


def _fault(status: int) -> Literal["trial", "machine", "setup"]:
    if status == process.SETUP_EXIT:
        return "setup"
    return "machine" if status < 0 else "trial"


def _write(files: TrialFolder, spec: TrialSpec) -> None:
    files.candidates.mkdir(parents=True, exist_ok=True)
    with written_whole(files.spec) as temporary:
        temporary.write_bytes(TypeAdapter(TrialSpec).dump_json(spec))
    with written_whole(files.trainer_yaml) as temporary:
        temporary.write_text(yaml.safe_dump(dict(spec.config), sort_keys=False))
