"""What a sweep has found, in words: the report's headline, its best policy at a stable path, and what to type next."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console

from reports.formatting import in_game
from reports.run import advice, findings, ranking, sections
from sweep.driver.commands import program, typed
from trials import run_state
from trials.arena.players import onnx_external
from trials.events import Event
from trials.folder import RunFolder, assembled
from trials.inputs import located
from trials.run_state import Run

CONFIGURATION = "configuration.yaml"


def keep_best(run: RunFolder, events: Sequence[Event]) -> None:
    """Put the policy that the run carries on, and the configuration that trained it, into RUN/best/: both or neither.

    Nothing where no trial was trained for the whole budget. Raises OSError.
    """
    mine = run_state.carried_on(events)
    trial = run_state.run_of(run.name, events).trial(mine.trial) if mine is not None else None
    if mine is None or trial is None or not (run.path / mine.path).exists():
        return
    config = located(sections.plain(trial.spec.config), run.path.absolute())
    with assembled(run.best) as folder:
        own = run.path / mine.path
        for file in sorted(own.glob("*.onnx")) if own.is_dir() else [own]:
            shutil.copyfile(file, folder / (file.name if own.is_dir() else f"{trial.spec.behavior}.onnx"))
        told = f"# trial {mine.trial} of {run.name} at {mine.steps:,} steps, seed {trial.spec.seed}\n"
        text = told + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        (folder / CONFIGURATION).write_text(text, encoding="utf-8")


def say(run: RunFolder, events: Sequence[Event], console: Console) -> None:
    """Print the verdict; on a terminal sentences are broken between words, commands never are."""
    for at, line in enumerate(lines(run, events)):
        console.print(line, markup=False, highlight=False, soft_wrap=at > 0 or not console.is_terminal)


def lines(run: RunFolder, events: Sequence[Event]) -> tuple[str, ...]:
    """The verdict on a run that has ended, for a terminal and a log alike; the last lines are commands to paste."""
    known = run_state.run_of(run.name, events)
    first = sections.first_screen(known, ranking.ranking(known))
    over = known.end is not None and known.end.state == "complete"
    told = (
        first.headline,
        *_policy(run, events),
        *(f"  {_number(finding)}" for finding in first.findings),
        f"report: {typed(run.report)}",
        *(_next(run, known, first.promotable) if over else _unfinished(run, known)),
    )
    return tuple(in_game(line, known.other_game) for line in told)


def _policy(run: RunFolder, events: Sequence[Event]) -> tuple[str, ...]:
    mine = run_state.carried_on(events)
    if mine is None:
        return ()
    kept = _best(run)  # another's, where the run did not come to its end since
    path = kept if kept is not None and onnx_external.digest_of(kept) == mine.sha256 else run.path / mine.path
    if not path.exists():  # a run that went on from its ledger alone
        return (f"best policy: that of trial {mine.trial} at {mine.steps:,} steps, but {typed(path)} is not here",)
    beside = f", {CONFIGURATION} beside it" if run.best in (path, path.parent) else ""
    return (f"best policy: {typed(path)} (trial {mine.trial} at {mine.steps:,} steps{beside})",)


def _best(run: RunFolder) -> Path | None:
    """The policy in RUN/best/, which has its behavior's name; the folder where it has those of two."""
    found = [*run.best.glob("*.onnx")]
    return run.best if len(found) > 1 else next(iter(found), None)


def _number(finding: findings.Finding) -> str:
    rating = finding.rating
    said = f"{findings.elo(rating.elo, signed=True)} Elo {findings.interval(rating)}"
    return f"{said} against {finding.against}, {rating.matches} matches"


def _next(run: RunFolder, known: Run, promotable: bool) -> tuple[str, ...]:
    commands = [f"{'open' if sys.platform == 'darwin' else 'xdg-open'} {typed(run.report)}"]
    if not run.yardstick.is_file() and (policy := _best(run)) is not None:  # watching is SoccerTwos' alone
        commands.append(f"{program()} watch {typed(policy)} house")
    if promotable and len(known.trials[0].spec.behaviors) == 1:
        commands.append(f"{program()} promote {typed(run.path)} --repo USER/NAME")
    step = advice.next_step(known, str(run.path))
    if step is None and not promotable and known.question is not None and len(known.trials) > 1:
        commands.append(f"{program()} resume {typed(run.path)} --trials +{known.question.trials}")
    told = [("next: " if not at else "      ") + command for at, command in enumerate(commands)]
    told += [step.why, f"      {program()}{step.command.removeprefix('sweep')}"] if step is not None else []
    return tuple(told)


def _unfinished(run: RunFolder, known: Run) -> tuple[str, ...]:
    """What a person types who has stopped a sweep, or whose driver has died."""
    planned = known.question.trials if known.question is not None else len(known.trials)
    said = (f"{known.over} of {planned} trials are over; go on: {program()} resume {typed(run.path)}",)
    early = known.over < planned and known.finals is None and any(trial.state == "complete" for trial in known.trials)
    return (*said, f"or end it with those: {program()} finish {typed(run.path)}") if early else said
