"""What a person sees while a sweep runs: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from sweep.driver.controller import Controller
from sweep.driver.status import STYLE
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
from trials.records import Rating


@contextmanager
def shown(controller: Controller, console: Console) -> Iterator[None]:
    """Show the controller's trials until the block ends."""
    if console.is_terminal:
        began, left = time.time(), Left(controller)
        view = Live(
            get_renderable=lambda: _table(controller, began, left()),
            console=console,
            refresh_per_second=2,
            transient=False,
        )
        with view:
            yield
    else:
        controller.listeners.append(printer(console, time.time()))
        yield


def elo_text(rating: Rating) -> str:
    """`1043 [980, 1102]`"""
    return f"{rating.elo:.0f} [{rating.low:.0f}, {rating.high:.0f}]"


def _difference(rating: Rating) -> str:
    return f"{rating.elo:+.0f} [{rating.low:+.0f}, {rating.high:+.0f}]"


def clock(seconds: float) -> str:
    """`7:05` or `1:07:05`"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def printer(console: Console, began: float) -> Callable[[Event], None]:
    """A listener that prints a line an event, `began` (unix seconds) being zero."""

    def tell(event: Event) -> None:
        text = _line(event)
        if text:
            console.print(f"[{clock(time.time() - began):>7}] {text}", markup=False, highlight=False, soft_wrap=True)

    return tell


def _line(event: Event) -> str:
    match event:
        case TrialBegan(spec=spec):
            values = " ".join(f"{_key(name)}={_short(value)}" for name, value in spec.params.items())
            origin: str = spec.origin
            if spec.configuration is not None:
                origin, values = f"configuration {spec.configuration} anew, seed {spec.seed}", ""
            return f"trial {spec.number} started ({origin}) {values}".rstrip()
        case FinalsBegan(configurations=configurations, course=course, seeds=seeds):
            names = ", ".join(f"{number}{' (course)' if number == course else ''}" for number in configurations)
            return f"tuning is over: configurations {names} are trained anew on {len(seeds)} fresh seeds each"
        case RetrainedRated(candidate=candidate, baseline=rating):
            return f"trial {candidate.trial} against the baseline: {_difference(rating)}"
        case CourseMet(candidate=candidate, course=course):
            return f"trial {candidate.trial} against the course's {course.trial}: {_difference(event.rating)}"
        case TrialResumed(trial=number, reason=reason, reached=reached, resumed=resumed):
            return f"trial {number} goes on from step {resumed:,} of {reached:,}: {reason}"
        case TrialRated(candidate=candidate, rating=rating):
            score = f"{rating.wins}-{rating.draws}-{rating.losses}"
            return f"trial {candidate.trial} at {candidate.steps:,} steps: Elo {elo_text(rating)}, {score}"
        case TrialEnded(trial=number, state=state, reason=reason, steps=steps, train_seconds=seconds):
            rate = f", {steps / seconds:,.0f} steps/s" if seconds else ""
            return f"trial {number} {state} at {steps:,} steps{rate}" + (f": {reason}" if reason else "")
    return ""


def _key(parameter: str) -> str:
    """`learning_rate` of its dotted path; `buffer_size/batch_size` of a derived one."""
    return "/".join(path.rsplit(".", 1)[-1] for path in parameter.split(" / "))


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(controller: Controller, began: float, left: str) -> Table:
    settings = controller.settings
    done = len(controller.over)
    over = f"{done}/{settings.trials} trials"
    if controller.retraining:
        retrained = done - settings.trials
        over = f"{settings.trials} trials, then {max(0, retrained)}/{controller.finals} of the finals"
    table = Table(
        title=f"{controller.run.name}: {over}, {clock(time.time() - began)}{left}",
        title_justify="left",
    )
    for name in ("trial", "state", "steps", "steps/s", "Elo [95 %] (house 1200)", "W-D-L"):
        table.add_column(name, justify="left" if name in ("state",) else "right")
    rows: list[tuple[int, str, int, float, Rating | None]] = []
    ratings = controller.last_rating
    for end in controller.over:
        rate = end.steps / end.train_seconds if end.train_seconds else 0.0
        rows.append((end.trial, end.state, end.steps, rate, ratings.get(end.trial)))
    for trial in controller.live.values():
        number = trial.spec.number
        rows.append((number, trial.state, trial.step, trial.steps_per_second, ratings.get(number)))
    anew = controller.configurations
    for number, state, steps, rate, rating in sorted(rows, key=lambda row: row[0]):
        table.add_row(
            f"{number}" + (" (course)" if number == 0 else f" ({anew[number]} anew)" if number in anew else ""),
            f"[{STYLE[state]}]{state}[/]" if steps or state != "running" else "[dim]starting[/]",
            f"{steps:,} / {settings.steps:,}",
            f"{rate:,.0f}" if rate else "",
            elo_text(rating) if rating else "",
            f"{rating.wins}-{rating.draws}-{rating.losses}" if rating else "",
        )
    return table


class Left:
    """Tells the time left, from the trainer steps that this driver has seen: what was done before it cost it none."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._begin()

    def _begin(self) -> None:
        self._began, self._before, self._tuning = time.time(), self._share(), not self._controller.retraining

    def _share(self) -> float:
        controller, steps = self._controller, self._controller.settings.steps
        done = len(controller.over) + sum(min(1.0, trial.step / steps) for trial in controller.live.values())
        return done / (controller.settings.trials + controller.finals)

    def __call__(self) -> str:
        """`, about 7:05 left`; nothing until a tenth of what there was to do is done."""
        if self._tuning and self._controller.retraining:  # how many finals there are is known now
            self._begin()
        share = self._share()
        if share - self._before < 0.1 * (1 - self._before):
            return ""
        return f", about {clock((time.time() - self._began) * (1 - share) / (share - self._before))} left"
