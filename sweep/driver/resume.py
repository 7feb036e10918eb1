"""A sweep goes on after its driver died or was stopped: what was finished stays, what was under way goes on.

The ledger is all that is needed: the study is rebuilt from it, the scheduler hears again of rungs that were reached,
and a trial that began and did not end is handed out again under its number, to find its last checkpoint in its folder.
"""

import shutil
from dataclasses import replace

from rich.console import Console

from reports.run import page
from search_spaces import from_text
from search_spaces.keys import MOST
from sweep import models, runs
from sweep.cluster import run_storage, sync
from sweep.driver import prepare, progress, verdict
from sweep.driver import run as sweeping
from sweep.search import specs
from sweep.settings import Settings, read, write
from trials import ledger, retrained, run_state
from trials.errors import SetupError, UsageError
from trials.events import SweepBegan
from trials.folder import RunFolder, driving


def folder(text: str, ray_address: str | None) -> RunFolder:
    """The run of that path or name, or the one kept at an s3:// address, fetched into runs/. Raises SetupError."""
    return run_storage.fetched(text, runs.RUNS, heavy=not ray_address) if "://" in text else runs.at(text)


def resume(
    run: RunFolder,
    trials: str | None,
    ray_address: str | None,
    console: Console,
    final_seeds: int | None = None,
    finish: bool = False,
) -> int:
    """Go on with the sweep in `run`, with `trials` in all, or `+N` more. Returns the exit status as `sweep run`.

    Trials that are over stay, however few are asked for; to `finish` is to ask for no more than those. `final_seeds`
    replaces that number; what was trained on a seed stays. A widened sweep chooses its finalists again.

    Raises SetupError where there is no such sweep, another process drives it, it needs nothing more, or the installed
    environment, ladder or baseline is not the one it began with.
    """
    ledger.must_be_there(run.ledger)
    with driving(run):
        events = ledger.read(run.ledger)
        if note := ledger.notes(run.ledger):
            progress.tell(console, f"note: {note}")
        question = next((event for event in events if isinstance(event, SweepBegan)), None)
        if question is None:
            raise SetupError(f"a ledger must begin with its sweep, but {run.ledger} does not; start the sweep anew")
        last = next(event for event in reversed(events) if isinstance(event, SweepBegan))
        before = replace(read(run.settings), out=run.path, ray_address=ray_address)  # where it lies, and Ray is, now
        before = replace(before, trials=last.trials, final_seeds=last.final_seeds)  # not what a refused start asked for
        known = run_state.past_of(events)
        settings = replace(before, trials=_trials(before, "1" if finish else trials, len(known.ended)))
        settings = settings if final_seeds is None else replace(settings, final_seeds=final_seeds)
        end = run_state.end_of(events)
        over = len(known.ended) >= settings.trials
        if end is not None and end.state == "complete" and over and settings.final_seeds == before.final_seeds:
            if run_storage.apart(before):
                with sync.kept(run, before, []):  # its end may not be in the storage
                    pass
            if not _reported(run):
                verdict.keep_best(run, events)
                page.build(run)
                verdict.say(run, events, console)
                return 0
            raise SetupError(
                f"a sweep must have something left to do, but all {len(known.ended)} trials of {run.name} are over;"
                " widen it with --trials +N"
            )
        if finish and run_state.choose(events)[0] is None:
            raise SetupError(
                f"a sweep must have a trial that was trained whole to be finished, but {run.name} has none; go on with"
                " it: `sweep resume`"
            )
        space = from_text(question.space_yaml, question.space)
        baseline = models.of_run(run, settings.baseline, question.baseline_sha256)
        baseline = replace(baseline, revision=question.baseline_revision)
        prepare.must_rate_alike(run, settings, question)
        going_on = known.unfinished[: settings.trials - len(known.ended)] if not over else ()
        cut = (*going_on, *(spec for spec, end in retrained.trained(events).values() if end is None))
        for spec in cut:
            run.trial(spec.number).stop.unlink(missing_ok=True)
        if not ray_address:
            run_storage.have_checkpoints(run, settings, [spec.number for spec in cut])
        write(settings, run.settings)
        run.study.unlink(missing_ok=True)  # views, both: rebuilt from the ledger
        shutil.rmtree(run.path / "ray", ignore_errors=True)
        command = f"sweep {'finish' if finish else 'resume'} {run.name}" + (f" --trials {trials}" if trials else "")
        command += f" --final-seeds {final_seeds}" if final_seeds is not None else ""
        return sweeping.drive(settings, space, specs.renderer(settings, space), baseline, run, command, console, known)


def _reported(run: RunFolder) -> bool:
    """Whether the report tells the whole ledger; a driver killed while it wrote it left none, or an old one."""
    return run.report.is_file() and run.report.stat().st_mtime >= run.ledger.stat().st_mtime


def _trials(settings: Settings, asked: str | None, over: int) -> int:
    """How many there are to be: so many in all, or `+N` more, and no fewer than are `over`. Raises SetupError."""
    if asked is None:
        return settings.trials
    number = asked.removeprefix("+")
    if not number.isascii() or not number.isdigit() or len(number) > 7 or not 1 <= int(number) <= MOST:
        raise UsageError(f"--trials must be a number or +N, {MOST:,} at most, but got {asked!r}")
    return max(over, min(MOST, int(number) + (settings.trials if asked.startswith("+") else 0)))
