"""A sweep goes on after its driver died or was stopped: what was finished stays, what was under way goes on.

The ledger is all that is needed: the study is rebuilt from it, the scheduler hears again of rungs that were reached,
and a trial that began and did not end is handed out again under its number, to find its last checkpoint in its folder.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace

import yaml
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from search_spaces import from_text
from sweep import models
from sweep import run as runs
from sweep.settings import Settings
from trials import ledger
from trials.arena import rungs
from trials.errors import SetupError
from trials.folder import RunFolder, driving
from trials.records import Event, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated, TrialSpec
from trials.soccer.constants import VERSION as ENVIRONMENT


@dataclass(frozen=True)
class Past:
    """What a ledger knows of a sweep that is to go on."""

    events: tuple[Event, ...]
    """Without the ends of trials that a person stopped: they go on."""
    unfinished: tuple[TrialSpec, ...]
    """Trials that began and are not over, by number."""
    rated: tuple[TrialRated, ...]
    ended: tuple[TrialEnded, ...]


def past(events: Sequence[Event]) -> Past:
    """Fold the events; a trial that was begun again counts by what came last."""
    kept = tuple(event for event in events if not (isinstance(event, TrialEnded) and event.state == "stopped"))
    ended = {event.trial: event for event in kept if isinstance(event, TrialEnded)}
    began = {e.spec.number: e.spec for e in kept if isinstance(e, TrialBegan) and e.spec.origin != "extended"}
    rated: dict[tuple[int, int], TrialRated] = {}
    for event in kept:
        if isinstance(event, TrialRated):
            rated[event.candidate.trial, event.rung] = event
    return Past(
        events=kept,
        unfinished=tuple(began[number] for number in sorted(began) if number not in ended),
        rated=tuple(rated.values()),
        ended=tuple(ended[number] for number in sorted(ended) if number in began),
    )


def resume(run: RunFolder, trials: str | None, console: Console) -> int:
    """Go on with the sweep in `run`, with `trials` in all, or `+N` more. Returns the exit status as `sweep run`.

    Raises SetupError where there is no such sweep, another process drives it, it needs nothing more, or the installed
    environment, ladder or baseline is not the one it began with.
    """
    if not run.ledger.is_file():
        ledger.read(run.ledger)  # says so
    with driving(run):
        events = ledger.read(run.ledger)
        question = next((event for event in events if isinstance(event, SweepBegan)), None)
        if question is None:
            raise SetupError(f"a ledger must begin with its sweep, but {run.ledger} does not; start the sweep anew")
        settings = _settings(run, trials)
        known = past(events)
        ends = [event for event in events if isinstance(event, SweepEnded)]
        if ends and ends[-1].state == "complete" and len(known.ended) >= settings.trials:
            raise SetupError(
                f"a sweep must have something left to do, but all {len(known.ended)} trials of {run.name} are over;"
                " widen it with --trials +N"
            )
        space = from_text(run.space.read_text(encoding="utf-8"), question.space)
        baseline = models.resolve(settings.baseline)
        _same("baseline", question.baseline_sha256, baseline.sha256)
        _same("ladder", question.ladder, rungs.read().version)
        _same("environment", question.environment, ENVIRONMENT)
        for spec in known.unfinished:
            run.trial(spec.number).stop.unlink(missing_ok=True)
        run.study.unlink(missing_ok=True)  # views, both: rebuilt from the ledger
        shutil.rmtree(run.path / "ray", ignore_errors=True)
        command = f"sweep resume {run.name}" + (f" --trials {trials}" if trials else "")
        return runs.drive(settings, space, runs.renderer(settings, space), baseline, run, command, console, known)


def _settings(run: RunFolder, trials: str | None) -> Settings:
    """Those the sweep began with, in its folder as it lies now."""
    try:
        made = TypeAdapter(Settings).validate_python(yaml.safe_load(run.settings.read_text(encoding="utf-8")))
    except (OSError, ValidationError, yaml.YAMLError) as error:
        raise SetupError(
            f"a run must hold its settings, but {run.settings} cannot be read ({str(error).splitlines()[0]});"
            " was it written by another version?"
        ) from None
    wanted = made.trials
    if trials is not None:
        number = trials.removeprefix("+")
        if not number.isascii() or not number.isdigit() or int(number) < 1:
            raise SetupError(f"--trials must be a number or +N, but got {trials!r}")
        wanted = int(number) + (made.trials if trials.startswith("+") else 0)
    if wanted < made.trials:
        raise SetupError(
            f"--trials must be at least the {made.trials} the sweep has, but got {wanted}; widen it or leave it"
        )
    return replace(made, trials=wanted, out=run.path)


def _same(what: str, then: str, now: str) -> None:
    if then != now:
        raise SetupError(
            f"a sweep must go on as it began, but its {what} was {then[:12]} and the installed one is {now[:12]};"
            " install that version, or start a new sweep"
        )
