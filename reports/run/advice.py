"""What to do next where a run is inconclusive: how many more seeds or steps would settle it, as a command to paste."""

import math
import shlex
from dataclasses import dataclass
from statistics import fmean

from reports import formatting
from reports.run.findings import elo, standing
from trials.events import FreshRated
from trials.records import Estimate
from trials.retrained import Retrained
from trials.run_state import Run

MOST_SEEDS = 100
"""A sweep takes no more (sweep.settings.Settings)."""
LEAST_SEEDS = 3
"""Fewer give an interval that is hardly one: Student's t is 12.7 on two."""
TENFOLD = 10
"""Times the budget, where no rise with steps is shown that could be reckoned with."""
FAR = 100
"""Times the budget beyond which a rise is too small to be called a plan."""


@dataclass(frozen=True)
class Advice:
    """One sentence, and the command that it recommends."""

    why: str
    command: str


def next_step(run: Run, at: str) -> Advice | None:
    """None where the claim of a run that is over is settled. at: what commands call its folder, `runs/NAME`."""
    if run.question is None or not run.trials:
        return None
    if run.end is None or run.end.state != "complete":
        unsure = " where nothing drives the sweep any more," if run.end is None else ""
        said = f"{run.over} of {run.question.trials} trials are over;{unsure} go on with"
        return Advice(said, f"sweep resume {shlex.quote(at)}")
    if run.winner is None:
        return None
    fresh = run.winner
    others = [rating for rating in (fresh.baseline, fresh.against_course) if rating is not None]
    short = fresh.random.elo < fresh.random_sprt.elo1 and not any(standing(rating) == "ahead" for rating in others)
    if fresh.random_sprt.verdict != "accepted" and short:
        return _more_steps(run, fresh, at)
    if run.finals is None:
        first, mine = run.trial(0), run.trial(fresh.candidate.trial)
        own = first is None or first.spec.origin != "course"  # a space without parameters, of its one configuration
        return None if own or mine is None or mine.spec.origin == "course" else _first_seeds(run, at)
    return _more_seeds(run, run.finals, at) if run.finals.chosen is not None else None


# --- seeds ---------------------------------------------------------------------------------------------------------


def _first_seeds(run: Run, at: str) -> Advice:
    """Of a sweep without finals, whose claim is of one policy, not of the course's configuration."""
    why = (
        f"Whether trial {run.chosen}’s configuration beats the course’s, or only this seed of it, is seen over fresh"
        f" training seeds; {LEAST_SEEDS} each are the fewest that give an interval of use."
    )
    return Advice(why, f"sweep resume {shlex.quote(at)} --final-seeds {LEAST_SEEDS}")


def _more_seeds(run: Run, found: Retrained, at: str) -> Advice | None:
    """None where the interval of the best finalist's difference from the course's lies on one side of 0."""
    mine = next((one for one in found.configurations if not one.course and one.against_course is not None), None)
    if mine is None or mine.against_course is None:
        return None
    against, have = mine.against_course, len(found.seeds)
    name = f"trial {mine.number}’s {elo(against.elo, signed=True)} Elo"
    if against.low is None or against.high is None:
        wanted = max(LEAST_SEEDS, have + 1)
        why = f"One training seed gives no interval for {name}; {wanted} each do"
    elif against.low > 0 or against.high < 0:
        return None
    else:
        from trials.arena.ratings import seed_intervals

        number = seed_intervals.needed(mine.met, MOST_SEEDS, found.looks + 1)
        if number is None:
            why = (
                f"If the difference stays as it is, {name}, even {MOST_SEEDS} training seeds each would not tell it"
                f" from 0; all that is known is [{elo(against.low)}, {elo(against.high)}]. Search on."
            )
            return Advice(why, f"sweep resume {shlex.quote(at)} --trials +{len(run.trials)}")
        wanted = min(MOST_SEEDS, max(number, have + 1))
        why = (
            f"If difference and scatter stay as they are, {name} would just be told from 0 over {wanted} training"
            f" seeds each, {wanted - have} more"
        )
    cost = _cost(run, found, wanted - have)
    return Advice(f"{why}{cost}.", f"sweep resume {shlex.quote(at)} --final-seeds {wanted}")


def _cost(run: Run, found: Retrained, seeds: int) -> str:
    """What so many more seeds take, from what trainings of the finals took; empty where none was timed."""
    seconds = [trial.seconds for trial in run.retrained if trial.seconds > 0]
    if not seconds or run.question is None:
        return ""
    trainings = seeds * len(found.configurations)
    rounds = math.ceil(trainings / run.question.slots)
    return f": {trainings} trainings, about {formatting.span(rounds * fmean(seconds))} on {run.question.slots} slots"


# --- steps ---------------------------------------------------------------------------------------------------------


def _more_steps(run: Run, fresh: FreshRated, at: str) -> Advice | None:
    """One trial trained on is the cheapest look at whether the budget was too small."""
    trial = run.trial(fresh.candidate.trial)
    if trial is None or not trial.steps:
        return None
    budget, test, rise = min(trial.steps, trial.spec.steps), fresh.random_sprt, doubling(run)
    gap = test.elo1 - fresh.random.elo
    times = 2 ** min(gap / rise.elo, FAR) if rise is not None else math.inf
    if rise is not None and times <= FAR:
        why = (
            f"At the rungs a trial rose by {elo(rise.elo)} Elo with each doubling of its steps; at that rate the"
            f" {elo(gap)} Elo to the test of {elo(test.elo1, signed=True)} take about {{}} steps"
        )
        whole = rounded(budget * max(times, 2))
    else:
        why = f"The rungs show no rise with steps to reckon with; try {TENFOLD} times as many, {{}}"
        whole = TENFOLD * budget
    more = max(1, whole - trial.steps)
    seconds = f", about {formatting.span(more / speed)}" if (speed := trial.steps_per_second) else ""
    return Advice(
        f"{why.format(formatting.steps(whole))}, first of all by {trial.spec.called} alone{seconds}.",
        f"sweep extend {shlex.quote(at)} --trial {trial.number} --steps {more}",
    )


def doubling(run: Run) -> Estimate | None:
    """Elo that a trial gains when its steps double, from first rung to last, over trials; None: no rise is shown."""
    rises = []
    for trial in (*run.trials, *run.retrained):
        known = [rated for rated in trial.rungs if run.comparable(rated.rating)]
        if len(known) > 1 and known[-1].candidate.steps > known[0].candidate.steps > 0:
            doublings = math.log2(known[-1].candidate.steps / known[0].candidate.steps)
            rises.append((known[-1].rating.elo - known[0].rating.elo) / doublings)
    if len(rises) < 2:
        return None
    from trials.arena.ratings import seed_intervals

    mean, half = (float(value) for value in seed_intervals.mean_of(rises, [0.0] * len(rises)))
    return Estimate(mean, mean - half, mean + half, len(rises)) if mean - half > 0 else None


def rounded(steps: float) -> int:
    """Upwards to 1, 2 or 5 times a power of ten: such a reckoning means no more."""
    size = 10 ** math.floor(math.log10(steps))
    return int(next(size * digit for digit in (1, 2, 5, 10) if size * digit >= steps * (1 - 1e-9)))
