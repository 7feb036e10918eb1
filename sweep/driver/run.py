"""One sweep from a space to a report: check everything, conduct, play the headline matches, write the page."""

import contextlib
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import psutil
from rich.console import Console

from reports.run import page
from search_spaces import Space, against_course, course, files, load, notes, owners, render
from sweep import models, runs
from sweep.cluster import run_storage, sync
from sweep.driver import finals, headline, prepare, progress, timing, verdict
from sweep.driver.controller import Controller
from sweep.driver.progress import tell
from sweep.search.specs import Render, renderer
from sweep.search.warm_start import name_of, said, take_over
from sweep.settings import Settings, build, of_space, slots_of
from sweep.settings import command as command_of
from sweep.settings import write as write_settings
from trials import ledger, run_state
from trials.arena.matches import match
from trials.arena.players import load as players
from trials.arena.ratings import ladder_file
from trials.errors import SetupError, SweepError, reason
from trials.events import SweepBegan, SweepEnded, WarmStarted
from trials.folder import RunFolder, driving, written_whole
from trials.inputs import INPUTS
from trials.learner.process import check_with_mlagents
from trials.run_state import Past
from trials.soccer import compiled

Outcome = Literal["complete", "interrupted", "failed"]
PACKAGES = ("mlagents", "torch", "ray", "optuna", "onnxruntime", "numpy", "numba", "selfplay-sweep")


def begin(
    space: str, given: Mapping[str, Any], warm_start: Path | None, console: Console, answered: Callable[[], None]
) -> tuple[int, Path]:
    """Run the sweep that was asked for, by `Settings`' names (None: not given); `sweep`'s exit status, and the folder.

    `answered` says that the cluster does, if one is meant, once what was given is known to be well. Raises SweepError.
    """
    loaded = load(space)
    out = given["out"] or f"runs/{loaded.name}-{datetime.now():%Y%m%d-%H%M%S}"
    given = {**given, "out": runs.placed(out), "yardstick": given["yardstick"] or None}
    made = of_space(space, loaded, given)
    answered()
    command = command_of(space, given, name_of(warm_start) if warm_start is not None else None)
    return sweep(made, command, console, warm_start), made.out


def sweep(settings: Settings, command: str, console: Console, warm_start: Path | None = None) -> int:
    """Run a sweep, with what the run at `warm_start` knows. Returns the exit status: 0 complete, 130 interrupted.

    Raises SweepError before anything starts.
    """
    space, baseline = prepare.prepare(settings)
    prepare.must_be_new(RunFolder(settings.out))
    inputs = files.named(space)
    tried = [(each.key, str(each.source)) for each in inputs] + prepare.device(settings)
    space = files.taken_along(space, inputs)
    settings = replace(settings, baseline=baseline.pinned or settings.baseline).located()
    rendered = renderer(settings, space)
    if not space.parameters:
        rendered(0, {})  # a file without parameters is one trial: what it breaks is known now
    warm = take_over(warm_start, settings, space, rendered) if warm_start is not None else None
    tell(console, "checking the configuration with mlagents ...")
    check_with_mlagents(course(space) if space.parameters else render(space, {}), *tried)
    if warm is not None:
        tell(console, said(warm))
    fields = settings.fields * settings.num_envs
    for note in (*owners.notes(space, asdict(settings), build), *notes(space, settings.steps, fields)):
        tell(console, f"note: {note}")
    run, there = RunFolder(settings.out), settings.out.exists()
    run_storage.must_be_free(settings)
    run.trials.mkdir(parents=True, exist_ok=True)
    with driving(run), _kept_if_begun(run, there):
        prepare.must_be_new(run)  # now that nobody else drives it
        with written_whole(run.space) as temporary:
            temporary.write_text(space.text, encoding="utf-8")
        write_settings(settings, run.settings)
        run_storage.keep(inputs, run)
        baseline = models.kept(baseline, run)
        if prepare.other_game(space):
            console.print("playing the yardstick's players against each other ...", highlight=False)
            prepare.fit_yardstick(settings, baseline, run)
        return drive(settings, space, rendered, baseline, run, command, console, warm=warm)


def drive(
    settings: Settings,
    space: Space,
    rendered: Render,
    baseline: models.Model,
    run: RunFolder,
    command: str,
    console: Console,
    before: Past | None = None,
    warm: WarmStarted | None = None,
) -> int:
    """The sweep in its folder, from its beginning or from what was `before`; the exit status."""
    began = time.time()
    settings = replace(settings, slots=slots_of(settings, space))
    tell(console, prepare.asked(settings, space))
    if not prepare.other_game(space):
        if compiled.is_needed():
            tell(console, "compiling the game (a minute, this once) ...")
        match.play(players.load("still"), players.load("random"), 1, settings.seed)  # here, not per worker

    def say(text: str) -> None:
        tell(console, f"note: {text}")

    asked = f"asking the machines of {settings.ray_address}" if settings.ray_address else "starting Ray"
    tell(console, f"{asked} ...")
    with _ray_address(settings.ray_address), sync.kept(run, settings) as keeper:
        from sweep.driver import tuner  # Ray takes seconds to import; a refused space should not wait for it

        if keeper is not None and ((run.path / INPUTS).is_dir() or run.yardstick.is_file()):
            keeper.settle()  # workers fetch that before they train
        with tuner.ray_session(settings, say) as session:
            settings = session.settings
            controller = Controller(settings, space, run, rendered, session.baseline(baseline), before, warm)
            controller.say = say
            if keeper is not None:
                controller.listeners.append(keeper.heard)
                keeper.broken = controller.break_off
            controller.record(_began(settings, space, baseline, command, run), *([warm] if warm is not None else []))
            with _closing(controller, settings, began, console):
                with progress.shown(controller, console):
                    tuner.conduct(controller, session)
                    _must_have_worked(controller)
                    if not controller.interrupted:
                        finals.begin(controller)
                        tuner.conduct(controller, session)
                        _must_have_worked(controller)
                if keeper is not None:
                    keeper.settle()
        return _headline(controller, run, settings, baseline, began, console)


@contextlib.contextmanager
def _kept_if_begun(run: RunFolder, there: bool) -> Iterator[None]:
    """What is refused before its ledger's first line leaves no folder, unless that was `there` before."""
    try:
        yield
    finally:
        if not there and not run.ledger.exists():
            shutil.rmtree(run.path, ignore_errors=True)


def _must_have_worked(controller: Controller) -> None:
    """Raise SetupError where the sweep was broken off, or nothing in it worked, or nothing that it proposed did."""
    if controller.broken:
        raise SetupError(controller.broken)
    if controller.over and all(end.state == "failed" for end in controller.over):
        raise SetupError(f"a sweep needs a trial that works, but all failed; the last: {controller.over[-1].reason}")
    if controller.interrupted:
        return
    events = ledger.read(controller.run.ledger)
    for what, ends in (
        ("a trial that it proposed", run_state.proposed(events)),
        ("a finalist", run_state.finalists(events)),
    ):
        if ends and all(end.state == "failed" for end in ends):
            count = "its only one" if len(ends) == 1 else f"all {len(ends)}"
            raise SetupError(f"a sweep needs {what} to work, but {count} failed; the first: {ends[0].reason}")


def _headline(
    controller: Controller, run: RunFolder, settings: Settings, baseline: models.Model, began: float, console: Console
) -> int:
    """Fresh matches, the last line of the ledger, the report; the exit status."""
    with _closing(controller, settings, began, console):
        if not controller.interrupted:
            if controller.retraining:
                console.print("playing fresh matches of the retrained policies ...", highlight=False)
                if console.is_terminal:  # whose live view ended with the trainings
                    controller.listeners.append(progress.printer(console, began))
                finals.play(controller.record, run, settings, baseline)
            console.print("playing fresh matches for the headline ...", highlight=False)
            headline.play(controller.record, run, settings, baseline)
            headline.play_to_watch(run, settings)
    _close(controller, settings, began, "interrupted" if controller.interrupted else "complete", "", console)
    return 130 if controller.interrupted else 0


@contextlib.contextmanager
def _closing(controller: Controller, settings: Settings, began: float, console: Console) -> Iterator[None]:
    """Ctrl+C, SIGINT and SIGTERM are noted. What fails is said in ledger and report as far as those can be written, and
    raised: not what writing them may raise in its turn, as on a full disk."""
    ends = (signal.SIGINT, signal.SIGTERM)  # a shell script's `&` has the first ignored
    before = {number: signal.signal(number, signal.default_int_handler) for number in ends}
    try:
        yield
    except KeyboardInterrupt:
        controller.interrupted = True
    except Exception as error:
        with contextlib.suppress(OSError, SweepError):
            _close(controller, settings, began, "failed", reason(error), console)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _ray_address(address: str | None) -> Iterator[None]:
    """RAY_ADDRESS as the sweep has it, since Ray looks there too; then what it was."""
    before = os.environ.pop("RAY_ADDRESS", None)
    os.environ |= {"RAY_ADDRESS": address} if address else {}
    try:
        yield
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        os.environ |= {"RAY_ADDRESS": before} if before is not None else {}


def _close(
    controller: Controller, settings: Settings, began: float, state: Outcome, why: str, console: Console
) -> None:
    """Write the ledger's last line, the report and RUN/best/, and say what was found."""
    idle = timing.idle_share(ledger.read(controller.run.ledger), settings.slots or 1)
    now = time.time()
    controller.record(SweepEnded(time=now, state=state, reason=why, seconds=now - began, idle_share=idle))
    events = ledger.read(controller.run.ledger)
    if state == "complete":
        verdict.keep_best(controller.run, events)
    page.build(controller.run)  # last: a report as new as its ledger says that all is done
    verdict.say(controller.run, events, console)


def _began(settings: Settings, space: Space, baseline: models.Model, command: str, run: RunFolder) -> SweepBegan:
    measure = ladder_file.read(run.yardstick if run.yardstick.is_file() else ladder_file.INSTALLED)
    memory = psutil.virtual_memory().total / 2**30
    return SweepBegan(
        time=time.time(),
        name=settings.out.name,
        command=command,
        space=space.name,
        space_yaml=space.text,
        trials=settings.trials,
        slots=settings.slots or 1,
        steps=settings.steps,
        fields=settings.fields,
        seed=settings.seed,
        rungs=settings.rungs,
        reduction_factor=settings.reduction_factor,
        startup_trials=settings.startup_trials,
        sampler=settings.sampler,
        scheduler=settings.scheduler,
        objectives=settings.objectives,
        final_seeds=settings.final_seeds,
        finalists=settings.finalists,
        baseline=baseline.name,
        baseline_sha256=baseline.sha256,
        baseline_revision=baseline.revision,
        ladder=measure.version,
        environment=measure.environment,
        scaled=against_course(space, settings.steps),
        versions={"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        host={
            "cores": psutil.cpu_count() or 0,
            "memory_gib": round(memory, 1),
            "platform": f"{sys.platform} {platform.machine()}",
            "gpus_per_trial": settings.gpus_per_trial,
        },
    )
