"""A run as a source of a league: the policy that it carries on, a trial's, the last candidates, or all of them."""

import re
from collections.abc import Iterator
from pathlib import Path

from sweep import runs
from trials import ledger, policies
from trials.folder import RunFolder, TrialFolder
from trials.league.roster import BEST, LAST
from trials.learner.process import exported

ALL = ":all"
_OF_RUN = re.compile(rf"(?P<run>.+?)(?P<which>{LAST}|{BEST}|{ALL}|:\d{{1,9}}(@\d{{1,15}})?)?", re.S)


def kept_as(word: str) -> str | None:
    """A word that a person types as a roster keeps it: RUN is the policy that it carries on, RUN:TRIAL and
    RUN:TRIAL@STEPS a trial's, RUN:last the last candidate of each trial, RUN:all every one; None: it names no run.

    Raises UsageError where it has no such trial or checkpoint.
    """
    found = _OF_RUN.fullmatch(word)
    run = runs.called(found["run"]) if found else None
    if found is None or run is None:
        return None
    which = found["which"] or BEST
    if which[1:2].isdigit():
        _chosen(run, which)
    return f"{run.path.absolute()}{'' if which == ALL else which}"


def candidates(run: RunFolder, which: str) -> Iterator[tuple[str, Path]]:
    """Names and files, `RUN/0007-SoccerTwos-200512`; `which` of them as a roster says it, all where that is empty."""
    if not run.path.is_dir():
        raise FileNotFoundError(f"{run.path} is not there")
    if which not in ("", LAST):
        yield _chosen(run, which)
        return
    for trial in sorted(run.trials.glob("*")):
        files = [path for _, path in exported(TrialFolder(trial))]
        for file in files[-1:] if which == LAST else files:
            yield f"{run.name}/{trial.name}-{file.stem}", file


def _chosen(run: RunFolder, which: str) -> tuple[str, Path]:
    """The one that `:best`, `:7` or `:7@200512` takes."""
    trial, _, steps = which[1:].partition("@")
    mine = (None, None) if which == BEST else (int(trial), int(steps) if steps else None)
    number, path = policies.file_of(run, ledger.read(run.ledger), *mine)
    return f"{run.name}/{number:04d}-{path.stem}", path
