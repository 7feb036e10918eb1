"""What a run has shown, in sentences that claim no more than the matches do."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from reports.formatting import Interval, moved
from reports.run.tables import Ranked
from trials.arena.ratings import seed_intervals, shrinkage
from trials.arena.ratings.bradley_terry import NORMAL_95
from trials.events import FreshRated, TrialRated
from trials.records import Rating, Verdict
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


def elo(value: float, signed: bool = False) -> str:
    """A whole number with a true minus sign; infinity where every match went one way."""
    if math.isnan(value):
        return "unknown"
    digits = "∞" if math.isinf(value) else f"{abs(value):.0f}"
    sign = "−" if value < 0 and digits != "0" else "+" if signed and digits != "0" else ""
    return sign + digits


def interval(rating: Rating | Interval) -> str:
    return f"[{elo(rating.low)}, {elo(rating.high)}]"


def standing(rating: Rating) -> Standing:
    """Of a difference: ahead or behind where the whole interval lies on one side of 0."""
    return "ahead" if rating.low > 0 else "behind" if rating.high < 0 else "level"


def baseline_name(run: Run) -> str:
    name = run.question.baseline if run.question else "baseline"
    return "the house baseline" if name == "house" else f"the baseline {name}"


def findings(run: Run, fresh: FreshRated) -> tuple[Finding, ...]:
    """The fresh comparisons of one policy, the most telling first."""
    found: list[Finding] = []
    random = run.question is not None and run.question.baseline == "random"
    if (course := fresh.against_course) is not None:
        number = run.course.candidate.trial if run.course is not None else 0
        found.append(
            Finding(f"the course’s policy (trial {number})", course, standing(course), aside=_aside(run, number))
        )
    if not random:
        found.append(Finding(baseline_name(run), fresh.baseline, standing(fresh.baseline), own=True))
    found.append(Finding("random play", fresh.random, standing(fresh.random), tested(fresh.random_sprt), own=random))
    return tuple(found)


def _aside(run: Run, course: int) -> str:
    """Of the course's policy that the winner met afresh, where its configuration was trained anew."""
    if run.finals is None or run.finals.course is None or run.winner is None:
        return ""
    policies = [policy for one in run.finals.configurations for policy in one.rated]
    mine = next((policy for policy in policies if policy.number == run.winner.candidate.trial), None)
    met = mine.met.get(course) if mine else None
    said = f"the finals said {elo(met.elo, signed=True)} {interval(met)}; " if met else ""
    count = len(run.finals.course.rated)
    best = f"trial {course} did best of the course’s {count} against {baseline_name(run)}" if count > 1 else ""
    return (said + best).removesuffix("; ")


def tested(sprt: Verdict) -> str:
    return f"SPRT [{elo(sprt.elo0)}, {elo(sprt.elo1)}] {sprt.verdict}"


def headline(run: Run, ranked: tuple[Ranked, ...]) -> str:
    """What fresh matches show of the chosen policy: the first thing a reader reads where nothing was retrained."""
    if dead := nothing_lived(run):
        return dead
    if run.winner is None:
        return _unplayed(run, ranked)
    number, random, sprt = run.winner.candidate.trial, run.winner.random, run.winner.random_sprt
    played = f"Elo {interval(random)} over {random.matches} fresh matches"
    if sprt.verdict == "accepted":
        return f"Policy {number} beats random play by {elo(random.elo)} {played}, {tested(sprt)}."
    stands = f"stands at {elo(random.elo, signed=True)} {played} against random play"
    if standing(random) == "ahead":
        return f"Policy {number} {stands}, but the test that was set is not passed: {tested(sprt)}."
    if any(finding.standing == "ahead" for finding in findings(run, run.winner)):
        return f"Policy {number} is not shown to beat random play: it {stands}, {tested(sprt)}."
    rejected = sprt.verdict == "rejected"
    opening = "Nothing was learned that matches can show" if rejected else "It is not shown that anything was learned"
    return f"{opening}: policy {number} {stands}, {tested(sprt)}."


def nothing_lived(run: Run) -> str:
    """What comes first where every trial that the sweep proposed failed, whatever trial 0 did; empty elsewhere."""
    proposed = [trial for trial in run.trials if trial.spec.origin == "sampled"]
    if not run.finished or not proposed or not all(trial.state == "failed" for trial in proposed):
        return ""
    if all(trial.state == "failed" for trial in run.trials):
        return ""
    which = "The only trial" if len(proposed) == 1 else f"All {len(proposed)} trials"
    return f"{which} that the sweep proposed failed: nothing is known of any configuration but the course’s, trial 0."


def _unplayed(run: Run, ranked: tuple[Ranked, ...]) -> str:
    if run.question is None:
        return "The ledger holds no sweep: nothing can be said."
    if not run.trials:
        return "The sweep ended before any trial began." if run.finished else "The sweep has begun; no trial has yet."
    best = ranked[0]
    if best.rank is None or best.trial.rating is None:
        count = f"{len(run.trials)} trials" if len(run.trials) > 1 else "One trial"
        if all(trial.state == "failed" for trial in run.trials):
            return f"{count}, all failed before a policy was rated: nothing was learned."
        return f"{count}, none rated{'' if run.finished else ' yet'}: nothing can be said of any policy."
    rating = best.trial.rating
    return (
        f"Nothing is shown{'' if run.finished else ' yet'}: policy {best.trial.number} leads the tuning matches at"
        f" {elo(rating.elo)} Elo {interval(rating)}, but no fresh match was played."
    )


def remarks(run: Run, ranked: tuple[Ranked, ...]) -> tuple[str, ...]:
    """What follows the headline: the other comparisons, and how far the claim reaches."""
    said: list[str] = []
    if run.winner is not None:
        said += [_compared(f) for f in findings(run, run.winner) if f.against != "random play"]
        if run.winner.candidate.trial == 0:
            said.append("The winner is trial 0, the course’s own configuration: no sampled trial did better in tuning.")
    if any(row.rank for row in ranked):
        if run.winner is None:
            said.append("A tuning number flatters: what leads by it leads partly by luck.")
        if run.finals is None:
            said.append(_seeds(run))
    if run.question and not run.finished:
        said.append("The ledger has no end yet: the sweep is still running, or it was cut off.")
    elif run.end and run.end.state != "complete":
        how = "failed" if run.end.state == "failed" else f"was {run.end.state}"
        said.append(f"The sweep {how}: {run.end.reason or 'no reason given'}.".replace("..", "."))
    return tuple(said)


def _compared(finding: Finding) -> str:
    rating = finding.rating
    numbers = f"{elo(rating.elo, signed=True)} Elo {interval(rating)} over {rating.matches} matches"
    if finding.standing == "level":
        return f"It cannot be distinguished from {finding.against}: {numbers}."
    return f"It {'beats' if finding.standing == 'ahead' else 'loses to'} {finding.against}: {numbers}."


def _seeds(run: Run) -> str:
    seeds: dict[str, set[int]] = defaultdict(set)
    for trial in run.trials:
        seeds[repr(sorted(trial.spec.params.items()))].add(trial.spec.seed)
    repeated = sum(len(found) > 1 for found in seeds.values())
    if not repeated:
        return "One training seed each, so nothing is said of the configurations, only of these policies."
    return f"{repeated} of {len(seeds)} configurations were trained on more than one seed, the rest on one each."


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
    errors = [seed_intervals.error(each.rating) for each in whole]
    means, deviations = shrinkage.shrunk([each.rating.elo for each in whole], errors)
    at = whole.index(rated)
    elo, half = float(means[at]), NORMAL_95 * float(deviations[at])
    return Interval(elo, elo - half, elo + half)


def tuned(run: Run) -> Interval | None:
    """What the winner was chosen by as a difference from the baseline, to stand beside the fresh number.

    Of a retrained policy: its matches of the finals, in which it was the best of its seeds. None where the baseline is
    neither the ladder's zero nor was played in tuning.
    """
    rated = chosen_by(run)
    if run.finals is not None and run.winner is not None:
        policies = (policy for one in run.finals.configurations for policy in one.rated)
        mine = next((policy for policy in policies if policy.number == run.winner.candidate.trial), None)
        if mine is not None and mine.rated is not None:
            return moved(mine.rated.baseline, 0)
    if rated is None or run.question is None:
        return None
    if rated.baseline is not None:
        return moved(rated.baseline, 0)
    return moved(rated.rating, -HOUSE_ELO) if run.question.baseline == "house" else None
