"""Which policy a run stands for: the one it carries on, a trial's own, a trial's at a checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from trials.errors import SetupError, UsageError
from trials.events import Event, TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder
from trials.learner import process
from trials.records import Candidate
from trials.run_state import carried_on


def of_trial(events: Sequence[Event], number: int) -> Candidate | None:
    """A trial's policy: the one that the run carries on if that is this trial's, else the last that was rated, else the
    last that it exported; None where the ledger knows of none. Raises UsageError where the run has no such trial."""
    numbers = {event.spec.number for event in events if isinstance(event, TrialBegan)}
    if number not in numbers:
        raise UsageError(
            f"a trial must be one of the run's, 0 to {max(numbers, default=0)}, but got {number}; see `sweep status`"
        )
    own = carried_on(events)
    if own is not None and own.trial == number:
        return own
    rated = [e.candidate for e in events if isinstance(e, TrialRated) and e.candidate.trial == number]
    ended = [e.candidate for e in events if isinstance(e, TrialEnded) and e.trial == number and e.candidate is not None]
    return rated[-1] if rated else ended[-1] if ended else None


def file_of(run: RunFolder, events: Sequence[Event], trial: int | None, steps: int | None) -> tuple[int, Path]:
    """(trial, ONNX file) of the run's best policy, of a trial's, or of a trial's at that checkpoint, in trainer steps.

    Raises UsageError where the run has no such trial or checkpoint, with those it has; SetupError where it has no
    policy yet, or its file is not in the run's folder.
    """
    found = carried_on(events) if trial is None else of_trial(events, trial)
    if trial is not None and (steps is not None or found is None):
        return trial, _checkpoint(run, trial, steps)
    if found is None:
        raise SetupError(
            f"a run's best policy must have been trained for the whole budget, but none of {run.path} was; go on with"
            f" it: `sweep resume {run.path}`, or name a trial's, such as {run.path}:0"
        )
    if not (path := run.path / found.path).exists():
        raise SetupError(f"a run's policy must be in its folder, but {path} is not there; was it moved, or removed?")
    return found.trial, path


def _checkpoint(run: RunFolder, trial: int, steps: int | None) -> Path:
    there = dict(process.exported(run.trial(trial)))
    if steps in there:
        return there[steps]
    word, known = f"{run.path}:{trial}", ", ".join(map(str, there))
    if not known:
        raise UsageError(f"a trial must have exported a policy, but {word} has none; name another")
    if steps is None:
        raise UsageError(f"a trial's policy must have been rated, but {word} was not; name one: {word}@{max(there)}")
    raise UsageError(f"a checkpoint of {word} must be one of {known}, but got {steps}; name one: {word}@{max(there)}")
