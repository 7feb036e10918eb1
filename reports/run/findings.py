"""What a run's fresh matches show, one comparison at a time, beside what tuning and finals said before them (pure)."""

import math
from dataclasses import dataclass
from typing import Literal

from reports.formatting import Interval, moved
from reports.run.ranking import Ranked
from trials.events import FreshRated, TrialRated
from trials.records import NORMAL_95, Rating, Verdict
from trials.retrained import RetrainedPolicy
from trials.run_state import Run

Standing = Literal["ahead", "level", "behind"]
HOUSE_ELO = 1200.0  # where the ladder's scale puts the house baseline (trials.records.Rating)


@dataclass(frozen=True)
class Finding:
    """One fresh comparison of the winner: an Elo difference, 0 is equal."""

    against: str
    rating: Rating
    standing: Standing
    test: str = ""
    """The sequential test's outcome in words, empty where none was made."""
    aside: str = ""
    """What the finals said of the same two, and why it is this one; empty where there is nothing to add."""
    own: bool = False
    """Whether it is against the sweep's baseline, beside which the tuning number stands."""
    course: bool = False
    random: bool = False


def elo(value: float, signed: bool = False) -> str:
    """A whole number with a true minus sign; infinity where every match went one way."""
    if math.isnan(value):
        return "unknown"
    digits = "∞" if math.isinf(value) else f"{abs(value):.0f}"
    sign = "−" if value < 0 and digits != "0" else "+" if signed and digits != "0" else ""
    return sign + digits


def interval(rating: Rating | Interval) -> str:
    """Its ends as text: `[-12, 34]`, Elo."""
    return f"[{elo(rating.low)}, {elo(rating.high)}]"


def standing(rating: Rating) -> Standing:
    """Of a difference: ahead or behind where the whole interval lies on one side of 0."""
    return "ahead" if rating.low > 0 else "behind" if rating.high < 0 else "level"


def baseline_name(run: Run) -> str:
    """What a person calls the run's baseline."""
    name = run.question.baseline if run.question else "baseline"
    return "the house baseline" if name == "house" else f"the baseline {name}"


def findings(run: Run, fresh: FreshRated) -> tuple[Finding, ...]:
    """The fresh comparisons of one policy, the most telling first."""
    found: list[Finding] = []
    random = run.question is not None and run.question.baseline == "random"
    if (course := fresh.against_course) is not None:
        trial = run.trial(run.course.candidate.trial) if run.course is not None else None
        called = trial.spec.called if trial else "trial 0"
        aside = _aside(run, trial.number) if trial else ""
        found.append(Finding(f"the course’s policy, {called}", course, standing(course), aside=aside, course=True))
    if not random:
        found.append(Finding(baseline_name(run), fresh.baseline, standing(fresh.baseline), own=True))
    tests = tested(fresh.random_sprt)
    return (*found, Finding("random play", fresh.random, standing(fresh.random), tests, own=random, random=True))


def _aside(run: Run, course: int) -> str:
    """Of the course's policy that the winner met afresh, where its configuration was retrained."""
    if run.finals is None or run.finals.course is None:
        return ""
    mine = _retrained(run)
    met = mine.met.get(course) if mine else None
    said = f"; the finals said {elo(met.elo, signed=True)} {interval(met)}" if met else ""
    best = ", the best of its seeds," if len(run.finals.course.rated) > 1 else ""
    return f"one policy{best} against one: it tells which file is stronger, not which configuration{said}"


def _retrained(run: Run) -> RetrainedPolicy | None:
    """The winner as the finals know it; None where it is a policy of tuning."""
    policies = [policy for one in run.finals.configurations for policy in one.rated] if run.finals else []
    return next((one for one in policies if run.winner and one.number == run.winner.candidate.trial), None)


def tested(sprt: Verdict) -> str:
    """The test and its verdict as text."""
    return f"SPRT [{elo(sprt.elo0)}, {elo(sprt.elo1)}] {sprt.verdict}"


def tie(ranked: tuple[Ranked, ...]) -> str:
    """How far the tuning numbers tell the first places apart."""
    group = [row for row in ranked if row.group == "A"]
    if len(group) <= 1:
        return ""
    others = "The second" if len(group) == 2 else f"Places 2 to {len(group)}"
    return f"{others} cannot be told from the first by their tuning matches (group A)."


def chosen_by(run: Run) -> TrialRated | None:
    """The tuning event the winner was chosen by: of that very file, else of its trial's last rung.

    None where it is a retrained policy, which tuning never saw.
    """
    trial = run.trial(run.winner.candidate.trial) if run.winner else None
    if trial is None or run.winner is None or not trial.rungs or trial in run.retrained:
        return None
    same = [rated for rated in trial.rungs if rated.candidate.sha256 == run.winner.candidate.sha256]
    rated = same[-1] if same else trial.rungs[-1]
    return rated if run.comparable(rated.rating) else None


def shrunk(run: Run) -> Interval | None:
    """The winner's tuning number without the luck of being the best of several, on the ladder's scale.

    None where fewer than three trials were rated after their whole budget: too few to tell luck from strength.
    """
    rated = chosen_by(run)
    whole = [
        trial.rungs[-1]
        for trial in run.trials
        if trial.state == "complete" and trial.spec.parent is None and run.comparable(trial.rating)
    ]
    if rated is None or rated not in whole or len(whole) < 3:
        return None
    errors = [each.rating.error for each in whole]
    from trials.arena.ratings import shrinkage  # scipy.optimize, which a verdict needs not

    means, deviations = shrinkage.shrunk([each.rating.elo for each in whole], errors)
    at = whole.index(rated)
    elo, half = float(means[at]), NORMAL_95 * float(deviations[at])
    return Interval(elo, elo - half, elo + half)


def tuned(run: Run) -> Interval | None:
    """What the winner was chosen by as a difference from the baseline, to stand beside the fresh number.

    Of a retrained policy: its matches of the finals, in which it was the best of its seeds. None where the baseline is
    neither the ladder's zero nor was played in tuning.
    """
    rated, mine = chosen_by(run), _retrained(run)
    if mine is not None and mine.rated is not None:
        return moved(mine.rated.baseline, 0)
    if rated is None or run.question is None:
        return None
    if rated.baseline is not None:
        return moved(rated.baseline, 0)
    return moved(rated.rating, -HOUSE_ELO) if run.question.baseline == "house" else None
