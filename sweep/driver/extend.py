"""A finished trial is trained further, with a modified configuration if asked: what `sweep extend` does."""

import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from rich.console import Console

from reports.run import page
from search_spaces import check_config
from search_spaces import text as texts
from sweep import models
from sweep.cluster import reaper, run_storage, sync
from sweep.driver import prepare
from sweep.driver.commands import typed
from sweep.driver.progress import printer, tell
from sweep.driver.running_trial import RunningTrial
from sweep.settings import read
from trials import ledger, run_state
from trials.arena.ratings import yardstick
from trials.errors import SetupError, UsageError
from trials.events import Event, SweepBegan, TrialBegan, TrialRated, TrialResumed
from trials.folder import RunFolder, TrialFolder, driving
from trials.learner import progress
from trials.learner.process import check_with_mlagents
from trials.records import Training, TrialSpec, Value
from trials.trial import Rate, Trial

HEARTBEAT_S = 2.0
SHAPE = "network_settings"
"""What a checkpoint cannot change: its weights have this shape."""


def extend(run: RunFolder, number: int, steps: int, changes: Sequence[str], console: Console) -> int:
    """Train trial `number` for `steps` trainer steps more, as a new trial of the same run with that one as its parent.

    `changes` are KEY=VALUE, keys dotted below the behavior (`hyperparameters.learning_rate=1e-4`) or
    `environment_parameters.NAME`. The new trial is rated when it ends, never ranked with those of the sweep's own
    budget, and told in ledger and report. Returns the exit status: 0, 130 interrupted, 1 failed. Raises SetupError,
    SpaceError.
    """
    ledger.must_be_there(run.ledger)
    with driving(run), reaper.watching():
        events = ledger.read(run.ledger)
        settings = replace(read(run.settings), out=run.path, ray_address=None)  # it trains here
        began = next((event for event in events if isinstance(event, SweepBegan)), None)
        if began is not None:
            prepare.must_rate_alike(run, settings, began)
        if number in {event.spec.number for event in events if isinstance(event, TrialBegan)}:
            run_storage.have_checkpoints(run, settings, [number])
        spec = _further(run, events, number, steps, changes)
        baseline = models.of_run(run, settings.baseline, began.baseline_sha256 if began else "")
        rate = yardstick.rater(run, baseline.load, spec.executable, settings.rating_matches)
        with sync.kept(run, settings, [spec.number]):
            _must_have_checkpoint(run.trial(number))
            before = spec.steps - steps
            tell(console, f"trial {spec.number} goes on from trial {number} at {before:,} steps, for {steps:,} more")
            return _train(run, spec, rate, console, before)


def _further(run: RunFolder, events: Sequence[Event], number: int, steps: int, changes: Sequence[str]) -> TrialSpec:
    """The new trial's spec. Raises SetupError, SpaceError."""
    specs = {event.spec.number: event.spec for event in events if isinstance(event, TrialBegan)}
    if number not in specs:
        raise UsageError(
            f"--trial must be one of the run's, 0 to {max(specs, default=0)}, but got {number}; see `sweep status`"
        )
    parent = specs[number]
    # no driver holds the run: a trial without an end was cut off
    known = run_state.run_of(run.name, events).trial(number)
    ended = known.ended if known is not None else None
    reached = ended.steps if ended is not None else progress.read(run.trial(number)).step
    if not reached:
        raise SetupError(f"a trial must have trained to be trained further, but trial {number} has not; name another")
    config, changed = _changed(parent.config, changes)
    whole = reached + steps
    for trainer in config["behaviors"].values():
        trainer["max_steps"] = whole
    check_config(config)
    check_with_mlagents(config)
    new = max(specs) + 1
    return replace(
        parent,
        number=new,
        origin="extended",
        parent=number,
        configuration=None,
        config=config,
        params={**parent.params, **changed},
        seed=parent.seed + new - number,
        steps=whole,
        rungs=(whole,),
    )


def _below(behaviors: Mapping[str, Any]) -> Any:
    """Where KEY of --set begins: below the behavior, and of several with its name."""
    return behaviors if len(behaviors) > 1 else next(iter(behaviors.values()))


def _changed(config: Mapping[str, Any], changes: Sequence[str]) -> tuple[dict[str, Any], dict[str, Value]]:
    """The configuration with KEY=VALUE set, and what was set."""
    made, changed = deepcopy(dict(config)), {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key or not value:
            raise UsageError(f"--set must be KEY=VALUE, such as hyperparameters.learning_rate=1e-4, but got {change!r}")
        *path, last = key.split(".")
        if last == "max_steps":
            raise UsageError(f"--set must leave the budget to --steps, but got {change!r}; leave it out")
        if fixed := {SHAPE, "trainer_type", "init_path", "demo_path"} & {*path, last}:
            raise SetupError(
                f"{fixed.pop()} must stay as the checkpoint has it, but --set would change {key}; leave it out"
            )
        node: Any = made if path[:1] == ["environment_parameters"] else _below(made["behaviors"])
        for name in path:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise SetupError(f"--set must name a single value, but {name} of {key} is one already; check the path")
        single = texts.read(f"value: {value}", "--set")[0]["value"]
        if not isinstance(single, Value):
            raise UsageError(f"--set must give a number or a word, but got {change!r}; set each key on its own")
        node[last] = changed[key] = single
    return made, changed


def _must_have_checkpoint(parent: TrialFolder) -> None:
    if not any(parent.results.glob("*/checkpoint.pt")):
        raise SetupError(
            f"a trial must have a checkpoint to be trained further, but {parent.results} has none; was it removed?"
        )


def _take_checkpoint(theirs: TrialFolder, mine: TrialFolder) -> None:
    """Copy the parent's checkpoints and status to where the new trial's trainer looks for one to go on from."""
    shutil.rmtree(mine.path, ignore_errors=True)  # of a trial that the ledger does not know
    for source in (*theirs.results.glob("*/*.pt"), theirs.training_status):  # the earlier ones too, should it be torn
        if source.is_file():
            target = mine.results / source.relative_to(theirs.results)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _train(run: RunFolder, spec: TrialSpec, rate: Rate, console: Console, inherited: int) -> int:
    show = printer(console, time.time(), inherited)

    def record(event: Event) -> None:
        ledger.append(run.ledger, event)
        show(event)

    record(TrialBegan(time=time.time(), spec=spec))  # first: its number is taken, whatever becomes of the copy
    _take_checkpoint(run.trial(spec.parent or 0), run.trial(spec.number))
    trial = Trial(spec, run, rate)
    over = RunningTrial(spec, 0, None)
    interrupted = False
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell script's `&` has the first ignored
        signal.signal(number, signal.default_int_handler)
    try:
        while not isinstance(news := trial.advance(HEARTBEAT_S), Training):
            if isinstance(news, TrialRated | TrialResumed):
                record(news)
            if isinstance(news, TrialRated):
                over.rated.append(news)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        over.training = trial.stop()
    over.conclude("", "interrupted")
    record(over.end(""))
    tell(console, f"report: {typed(page.build(run))}")
    return 130 if interrupted else 0 if over.state == "complete" else 1
