"""What the finals show: configurations over fresh training seeds, every retrained policy, tuning apart (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports.formatting import Axis, Interval, axis
from trials.records import Estimate, Rating
from trials.retrained import Configuration
from trials.run_state import Run


@dataclass(frozen=True)
class Row:
    """One configuration, with what tuning said of it and what its retrained policies did on the same ladder."""

    configuration: Configuration
    tuning: Rating | None
    """Of the trial it was chosen by, on the ladder."""
    ladder: Estimate | None
    """Of its retrained policies at their ends, on the ladder, over seeds: fresh, to be held against `tuning`."""
    baseline: Interval | None
    """The interval that is drawn; None where one seed gives none."""
    against_course: Interval | None


@dataclass(frozen=True)
class Finals:
    """The section's values."""

    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    chosen: int | None
    product: int | None
    """The final trial whose policy the run carries on."""
    axis: Axis
    has_course: bool
    whole: bool
    """Whether all its trainings are over and all its matches played."""
    tied: bool
    """Whether another seed of the chosen configuration did as well as the one that is carried on."""


def section(run: Run) -> Finals | None:
    """None where nothing was retrained."""
    found = run.finals
    if found is None or not any(one.policies for one in found.configurations):
        return None
    rows = tuple(_row(run, one) for one in found.configurations)
    return Finals(
        rows=rows,
        seeds=found.seeds,
        chosen=found.chosen.number if found.chosen else None,
        product=found.chosen.best.number if found.chosen and found.chosen.best else None,
        axis=axis(_drawn(rows), [0.0]),
        has_course=found.course is not None and len(found.configurations) > 1,
        whole=found.whole,
        tied=found.chosen is not None and _tied(found.chosen),
    )


def _tied(one: Configuration) -> bool:
    """Whether several of its policies did equally well against the baseline, so that the first of them was taken."""
    best = max((policy.rated.baseline.elo for policy in one.rated if policy.rated), default=0.0)
    return sum(policy.rated is not None and policy.rated.baseline.elo == best for policy in one.rated) > 1


def drawn(estimate: Estimate | None) -> Interval | None:
    """As a mark shows it, where there is an interval."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return Interval(estimate.elo, estimate.low, estimate.high)


def _row(run: Run, one: Configuration) -> Row:
    from trials.arena.ratings import seed_intervals  # numpy and scipy: only where there were finals

    trial = run.trial(one.number)
    tuned = trial.rating if trial is not None and run.comparable(trial.rating) else None
    ends = [run.trial(policy.number) for policy in one.rated]
    ladder = [trial.rating for trial in ends if trial is not None and trial.rating and run.comparable(trial.rating)]
    return Row(
        configuration=one,
        tuning=tuned,
        ladder=seed_intervals.over(ladder) if ladder else None,
        baseline=drawn(one.baseline),
        against_course=drawn(one.against_course),
    )


def _drawn(rows: Iterable[Row]) -> list[Rating | Interval]:
    """What the section's axis must hold: every policy's interval; a configuration's may run over its ends."""
    policies = [policy.rated.baseline for row in rows for policy in row.configuration.rated if policy.rated]
    means = [Interval(e.elo, e.elo, e.elo) for row in rows for e in (row.configuration.baseline,) if e]
    return [*policies, *means]
