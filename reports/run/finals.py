"""What the finals show: configurations over fresh training seeds, every retrained policy, tuning apart (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports.formatting import Axis, Interval, axis
from reports.run import findings
from reports.run.findings import baseline_name, elo, interval
from reports.run.tables import Ranked
from trials.arena.ratings import seed_intervals
from trials.arena.ratings.seed_intervals import Estimate
from trials.records import Rating
from trials.retrained import Configuration, Retrained, RetrainedPolicy
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
    policies: tuple[RetrainedPolicy, ...]


@dataclass(frozen=True)
class Finals:
    """The section's values."""

    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    chosen: int | None
    product: int | None
    """The final trial whose policy the run carries on."""
    failed: int
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
        failed=sum(one.failed for one in found.configurations),
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
        policies=one.policies,
    )


def _drawn(rows: Iterable[Row]) -> list[Rating | Interval]:
    """What the section's axis must hold: every policy's interval; a configuration's may run over its ends."""
    policies = [policy.rated.baseline for row in rows for policy in row.policies if policy.rated]
    means = [Interval(e.elo, e.elo, e.elo) for row in rows for e in (row.configuration.baseline,) if e]
    return [*policies, *means]


# --- sentences ---------------------------------------------------------------------------------------------------


def headline(run: Run, ranked: tuple[Ranked, ...]) -> str:
    """The first thing a reader reads: what is shown of configurations, or, without finals, of the chosen policy."""
    return findings.nothing_lived(run) or _of_configurations(run) or findings.headline(run, ranked)


def remarks(run: Run, ranked: tuple[Ranked, ...]) -> tuple[str, ...]:
    """What follows the headline: how far its claim reaches, then what is shown of the policy."""
    policy = (findings.headline(run, ranked),) if _of_configurations(run) and run.winner else ()
    return (*_reach(run), *policy, *findings.remarks(run, ranked))


def _of_configurations(run: Run) -> str:
    """Empty where nothing was retrained, or not to the end."""
    found = run.finals
    chosen = found.chosen if found is not None else None
    if found is None or chosen is None or chosen.baseline is None:
        return ""
    against, count = chosen.against_course, len(found.configurations)
    name = "The course’s configuration" if chosen.course else f"Configuration {chosen.number}"
    stands = f"{_said(chosen.baseline)} against {baseline_name(run)}"
    over = _over(found)
    if count == 1:
        return f"{name} stands at {stands} {over.removesuffix(' each')}."
    if chosen.course:
        return f"No configuration is shown to beat the course’s: {over}, the course’s own did best."
    if against is None:
        return f"{name} did best {over}, at {stands}; of the course’s configuration there is no policy to meet."
    if against.low is None or against.high is None:
        return (
            f"Nothing is shown of configurations: {over}, no interval over seeds can be given. Configuration"
            f" {chosen.number}’s policy stands at {_said(against)} against the course’s."
        )
    if against.low > 0:
        return f"{name} beats the course’s configuration by {_said(against, signed=False)} {over}."
    if against.high < 0:
        return f"{name} came through more of its trainings but loses to the course’s: {_said(against)} {over}."
    return (
        f"No configuration is shown to beat the course’s: {over}, configuration {chosen.number}, the best of"
        f" {count}, stands at {_said(against)} against it."
    )


def _reach(run: Run) -> tuple[str, ...]:
    """How far what is said of configurations reaches."""
    found = run.finals
    if found is None:
        return ()
    if not found.whole:
        return ("The finals, trainings of the best configurations on fresh seeds, are not over.",)
    if found.chosen is None:
        return ("Every training of the finals failed, so nothing is said of configurations, only of these policies.",)
    said, chosen = [], found.chosen
    count = len(found.configurations)
    if count > 1 and chosen.baseline is not None:
        if not chosen.course:
            said.append(f"It was chosen as the best of {count} on these seeds, so its numbers are a little too good.")
        said.append(f"Against {baseline_name(run)} configuration {chosen.number} stands at {_said(chosen.baseline)}.")
    if failed := sum(one.failed for one in found.configurations):
        said.append(f"{failed} training{'s' if failed > 1 else ''} of the finals failed and count in no mean.")
    return tuple(said)


def _over(found: Retrained) -> str:
    """How many training seeds the chosen configuration and the course's have policies of."""
    counts = {len(one.rated) for one in (found.chosen, found.course) if one is not None and one.rated}
    if counts == {1}:
        return "from one training seed each"
    return f"over {' to '.join(str(count) for count in sorted(counts))} training seeds each"


def _said(estimate: Estimate, signed: bool = True) -> str:
    ends = drawn(estimate)
    return f"{elo(estimate.elo, signed=signed)} Elo" + (f" {interval(ends)}" if ends else "")
