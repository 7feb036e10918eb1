"""What a person sees while a sweep runs: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live

from sweep.driver import table, timing
from sweep.driver.controller import Controller
from sweep.driver.running_trial import RunningTrial, ending
from trials.events import (
    CourseMet,
    Event,
    FinalsBegan,
    RetrainedRated,
    TrialBegan,
    TrialEnded,
    TrialRated,
    TrialResumed,
)
from trials.records import Rating, TrialSpec


@contextmanager
def shown(controller: Controller, console: Console) -> Iterator[None]:
    """Show the controller's trials until the block ends."""
    began = time.time()
    if console.is_terminal:
        show = printer(console, began)
        controller.listeners.append(lambda event: show(event) if _is_trouble(event) else None)
        with Live(get_renderable=lambda: view(controller, began, console), console=console, refresh_per_second=2):
            yield
    else:
        controller.listeners.append(printer(console, began))
        yield


def view(controller: Controller, began: float, console: Console) -> Group:
    """The live table as it is now, cut to the terminal's size; `began`: unix seconds."""
    width, height = console.size
    return table.view(_title(controller, began, time.time(), width), rows(controller), width, height - 1)


def _title(controller: Controller, began: float, now: float, width: int) -> str:
    """How far the sweep is, in one line; what it waits for where it was stopped. Times are unix seconds."""
    trials, done = controller.settings.trials, len(controller.over)
    over = f"{done} of {trials} trials over"
    if controller.retraining:
        again = sum(end.trial in controller.configurations for end in controller.over)
        over = f"{done - again} trials, then {again} of {controller.finals} in the finals"
    told = (
        ending(len(controller.live), len(controller.awaiting))
        if controller.interrupted
        else f"{timing.clock(timing.spent(controller.past.events) + now - began)} so far{_left(controller, now)}"
    )
    said, name = f": {over}, {told}", controller.run.name
    return (name if len(name + said) <= width else name[: max(0, width - len(said) - 1)] + "…") + said


def _left(controller: Controller, now: float) -> str:
    """`, about 7:05 left`: what drivers before this one did cost it no time, nor what came before its first trial."""
    settings, anew = controller.settings, controller.configurations
    known = [(end.trial in anew, end.steps, True) for end in controller.over]
    known += [(t.spec.number in anew, t.step, t.training is not None) for t in controller.under_way]
    tuning, again = ([(steps, over) for final, steps, over in known if final is which] for which in (False, True))
    rest = timing.left(tuning, settings.trials, again, controller.finals, settings.steps)
    return timing.said(now - controller.first_began, controller.trained, rest)


def rows(controller: Controller) -> list[table.Row]:
    """Every trial that has begun, of earlier drivers too."""
    found = []
    specs, ratings = controller.specs, controller.last_rating
    for end in controller.over:
        rate = end.steps / end.train_seconds if end.train_seconds else None
        found.append(_row(specs[end.trial], end.state, end.steps, rate, ratings.get(end.trial)))
    for trial in controller.under_way:
        rate = trial.steps_per_second or None
        found.append(_row(trial.spec, _doing(controller, trial), trial.step, rate, ratings.get(trial.spec.number)))
    return found


def _doing(controller: Controller, trial: RunningTrial) -> str:
    if trial.spec.number in controller.awaiting:
        return "rating"
    if not any(trial is live for live in list(controller.live.values())):
        return "waiting"
    return "running" if trial.step else "starting"


def _row(spec: TrialSpec, state: str, steps: int, rate: float | None, rating: Rating | None) -> table.Row:
    return table.Row(spec.number, table.kind(spec), state, steps, spec.steps, rate, rating, spec.params)


def _is_trouble(event: Event) -> bool:
    """Whether a person who looks at the table should read it besides."""
    return isinstance(event, TrialResumed) or (isinstance(event, TrialEnded) and event.state == "failed")


def tell(console: Console, text: str) -> None:
    """Print a line as it is, broken nowhere."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def printer(console: Console, began: float, inherited: int = 0) -> Callable[[Event], None]:
    """A listener that prints a line an event, `began` (unix seconds) being zero; `inherited`: steps of a trial's parent
    that it was not this training's work to make."""

    def show(event: Event) -> None:
        text = _line(event, inherited)
        if text:
            tell(console, f"[{timing.clock(time.time() - began):>7}] {text}")

    return show


def _line(event: Event, inherited: int = 0) -> str:
    match event:
        case TrialBegan(spec=spec):
            keys = table.keys(spec.params)
            values = " ".join(f"{keys[name]}={table.short(value)}" for name, value in spec.params.items())
            origin = table.kind(spec) or spec.origin
            if spec.configuration is not None:
                origin, values = f"configuration {spec.configuration} retrained, seed {spec.seed}", ""
            return f"trial {spec.number} started ({origin}) {values}".rstrip()
        case FinalsBegan(configurations=configurations, course=course, seeds=seeds) if configurations:
            names = ", ".join(f"{number}{' (course)' if number == course else ''}" for number in configurations)
            return f"tuning is over: configurations {names} are retrained on {len(seeds)} fresh seeds each"
        case RetrainedRated(candidate=candidate, baseline=rating):
            return f"trial {candidate.trial} against the baseline: {_difference(rating)}"
        case CourseMet(candidate=candidate, course=course):
            return f"trial {candidate.trial} against the course's {course.trial}: {_difference(event.rating)}"
        case TrialResumed(trial=number, reason=reason, reached=reached, resumed=resumed):
            return f"trial {number} goes on from step {resumed:,} of {reached:,}: {reason}"
        case TrialRated(candidate=candidate, rating=rating):
            score = f"{rating.wins}-{rating.draws}-{rating.losses}"
            return f"trial {candidate.trial} at {candidate.steps:,} steps: Elo {table.elo_text(rating)}, {score}"
        case TrialEnded(trial=number, state=state, reason=reason, steps=steps, train_seconds=seconds):
            rate = f", {(steps - inherited) / seconds:,.0f} steps/s" if seconds else ""
            return f"trial {number} {state} at {steps:,} steps{rate}" + (f": {reason}" if reason else "")
    return ""


def _difference(rating: Rating) -> str:
    return f"{rating.elo:+.0f} [{rating.low:+.0f}, {rating.high:+.0f}]"
