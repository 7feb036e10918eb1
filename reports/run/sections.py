"""What each section of the page is about: the run's tables → the few values its template shows (pure)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import yaml

from reports.formatting import Axis, Interval, axis, moved
from reports.run import finals, findings, timeline, verdict
from reports.run.ranking import Ranked
from trials.records import Rating, Value
from trials.run_state import Run, TrialHistory

NOTES = {
    "ball_touch": "A shaped reward: touching the ball is paid. The course has none; rating matches count goals alone.",
    "max_steps": "The budget; the schedules decay over it.",
    "save_steps": "How often an opponent is kept; scaled with the budget.",
    "team_change": "When the learning team changes; scaled with the budget, else it might never.",
    "swap_steps": "How often the opponent is exchanged; scaled with the budget.",
    "checkpoint_interval": "So that a policy exists at each rung.",
    "summary_freq": "How often the trainer reports; learning is untouched.",
    "hidden_units": "The network’s width.",
    "num_layers": "The network’s depth.",
    "buffer_size": "Experience gathered for one update.",
    "batch_size": "Experience in one gradient step.",
}


@dataclass(frozen=True)
class Difference:
    """One key at which two configurations differ; `absent` where a side has no such key."""

    key: str
    before: Any
    after: Any


ABSENT: Literal["absent"] = "absent"


@dataclass(frozen=True)
class FirstScreen:
    """The first screen."""

    headline: str
    remarks: tuple[str, ...]
    findings: tuple[findings.Finding, ...]
    tuning: Rating | None
    """What the winner was chosen by, on the ladder's scale."""
    tuned: Interval | None
    """The same as a difference from the baseline, where the ladder's scale has it: what stands beside the fresh one."""
    shrunk: Interval | None
    """The tuning number without the luck of the best, on the ladder's scale."""
    baseline: str
    axis: Axis
    tie: str
    proposals: int
    """How many the tuning number is the best of: rated trials that are not the course's own."""
    promotable: bool
    """Whether the winner is shown to beat random play, without which promotion refuses it."""


def first_screen(run: Run, ranked: tuple[Ranked, ...]) -> FirstScreen:
    """What the page opens with."""
    found = findings.findings(run, run.winner) if run.winner else ()
    rated, tuned = findings.chosen_by(run), findings.tuned(run)
    shown: list[Rating | Interval] = [finding.rating for finding in found]
    said = verdict.sentences(run)
    return FirstScreen(
        headline=said[0],
        remarks=said[1:],
        findings=found,
        tuning=rated.rating if rated else None,
        tuned=tuned,
        shrunk=findings.shrunk(run),
        baseline=findings.baseline_name(run),
        axis=axis([*shown, tuned] if tuned else shown, [0.0]),
        tie=findings.tie(ranked),
        proposals=sum(row.rank is not None and row.trial.spec.origin != "course" for row in ranked),
        promotable=run.winner is not None and run.winner.random_sprt.verdict == "accepted",
    )


# --- the winner --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Winner:
    """The policy that leads: the sweep's choice, or the best tuning number where no choice was written."""

    trial: TrialHistory
    chosen: bool
    policy: str
    retrained: TrialHistory | None
    """The final trial that the policy is of; None: it is the trial's own."""
    sha256: str
    yaml: str
    changes: tuple[Difference, ...] | None
    """From the course's configuration, as both were trained; None where trial 0 is not in the ledger."""


def winner(run: Run, ranked: tuple[Ranked, ...]) -> Winner | None:
    """The policy that is carried on; None where no trial was trained for the whole budget."""
    number = run.chosen if run.winner else next((r.trial.number for r in ranked if r.rank), None)
    trial = run.trial(number) if number is not None else None
    if trial is None:
        return None
    rated = trial.rungs[-1] if trial.rungs else None
    file = run.winner.candidate if run.winner else rated.candidate if rated else None
    course = run.trial(0)
    known = course is not None and course.spec.origin == "course"
    return Winner(
        trial=trial,
        chosen=run.winner is not None,
        policy=file.path if file else "",
        retrained=next((final for final in run.retrained if file and final.number == file.trial), None),
        sha256=file.sha256 if file else "",
        yaml=yaml.safe_dump(plain(trial.spec.config), sort_keys=False, allow_unicode=True),
        changes=differences(course.spec.config, trial.spec.config) if course and known else None,
    )


def plain(config: Any) -> Any:
    """Mappings and tuples as what YAML writes without tags."""
    if isinstance(config, Mapping):
        return {str(key): plain(value) for key, value in config.items()}
    return [plain(value) for value in config] if isinstance(config, list | tuple) else config


# --- ranking -----------------------------------------------------------------------------------------------------


def fresh_on_ladder(run: Run) -> dict[int, Interval]:
    """Trial to its fresh result against the baseline, moved to the ladder's scale; empty where the scale lacks it.

    Where configurations were retrained, theirs, over training seeds.
    """
    if run.question is None or run.question.baseline != "house":
        return {}
    if run.finals is not None and run.finals.chosen is not None:
        estimates = {one.number: finals.drawn(one.baseline) for one in run.finals.configurations}
        return {number: moved(found, findings.HOUSE_ELO) for number, found in estimates.items() if found}
    played = [fresh for fresh in (run.course, run.winner) if fresh]
    return {fresh.candidate.trial: moved(fresh.baseline, findings.HOUSE_ELO) for fresh in played}


def ladder_axis(run: Run, ranked: tuple[Ranked, ...]) -> Axis:
    """Ladder players and ratings on one axis, Elo."""
    rated = [row.trial.rating for row in ranked if row.trial.rating and run.comparable(row.trial.rating)]
    return axis([*rated, *fresh_on_ladder(run).values()], [findings.HOUSE_ELO])


def focus(run: Run, ranked: tuple[Ranked, ...]) -> list[int]:
    """The trials that charts show in colour at first: winner, course, and the next best, four in all."""
    first = [run.chosen] if run.chosen is not None else []
    best = [row.trial.number for row in ranked if row.rank]
    course = [0] if run.trial(0) else []
    return list(dict.fromkeys([*first, *best[:1], *course, *best]))[:4]


# --- settings, faults, cost --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scaled:
    """A key that all trials share and that differs from the course's."""

    key: str
    course: Value | None
    here: Value | None
    note: str


def scaled(run: Run) -> tuple[Scaled, ...]:
    """Keys that differ from the course's configuration at this budget."""
    pairs = run.question.scaled.items() if run.question else ()
    return tuple(Scaled(key, a, b, NOTES.get(key.rsplit(".", 1)[-1], "")) for key, (a, b) in pairs)


def faults(run: Run) -> tuple[TrialHistory, ...]:
    """Trials that failed, and those without an end although the sweep has one."""
    trials = (*run.trials, *run.retrained)
    return tuple(t for t in trials if t.state == "failed" or (run.finished and t.ended is None))


@dataclass(frozen=True)
class Cost:
    """What the run took. Seconds are of trainer processes unless said otherwise."""

    wall: float
    """From the first event to the sweep's end, or to the last event where it has none; pauses included."""
    processes: float
    thread_seconds: float
    """Process seconds times the trainer's threads."""
    gpu_seconds: float
    """Process seconds times the share of a GPU that a trial had."""
    playing: float
    """Seconds of rating matches in tuning."""
    matches: int
    """In tuning."""
    matches_after: int
    """In the finals, and for the headline."""
    steps: int
    speed: float | None
    """Median trainer steps a second."""
    saved_steps: int
    """Budget that pruned trials did not spend."""
    saved_seconds: float
    """The same at each trial's own speed."""
    idle: float | None
    states: tuple[tuple[str, int], ...]
    """Of tuning's trials, those that were trained further apart."""
    retraining: float
    """Of `processes`, in the finals."""


def cost(run: Run) -> Cost:
    """Steps, seconds and faults of all trials."""
    everyone = (*run.trials, *run.retrained)
    rated = [rated for trial in run.trials for rated in trial.rungs]
    tuning = [trial for trial in run.trials if trial.spec.origin != "extended"]
    pruned = [trial for trial in run.trials if trial.state == "pruned"]
    unspent = [(max(0, trial.spec.steps - trial.steps), trial.steps_per_second) for trial in pruned]
    share = run.question.host.get("gpus_per_trial") if run.question else None
    seconds = sum(trial.seconds for trial in everyone)
    speeds = [speed for trial in everyone if (speed := trial.steps_per_second)]
    return Cost(
        wall=(run.end.time if run.end else run.last) - run.first,
        processes=seconds,
        thread_seconds=sum(trial.seconds * trial.spec.threads for trial in everyone),
        gpu_seconds=seconds * float(share) if isinstance(share, int | float) else 0.0,
        playing=sum(event.seconds for event in rated),
        matches=sum(rating.matches for event in rated for rating in timeline.ratings(event)),
        matches_after=_after(run),
        steps=sum(trial.steps for trial in everyone),
        speed=median(speeds) if speeds else None,
        saved_steps=sum(steps for steps, _ in unspent),
        saved_seconds=sum(steps / speed for steps, speed in unspent if speed),
        idle=run.end.idle_share if run.end else None,
        states=tuple(Counter(trial.state for trial in tuning).most_common()),
        retraining=sum(trial.seconds for trial in run.retrained),
    )


def _after(run: Run) -> int:
    """Matches that were played after tuning, as the ledger counts them."""
    found = [rating for trial in run.retrained for rated in trial.rungs for rating in timeline.ratings(rated)]
    for one in run.finals.configurations if run.finals else ():
        for policy in one.rated:
            found += [policy.rated.baseline, policy.rated.random] if policy.rated else []
            found += [] if one.course else policy.met.values()
    for fresh in (run.winner, run.course):
        found += [r for r in (fresh.baseline, fresh.random, fresh.against_course) if r] if fresh else []
    return sum(rating.matches for rating in found)


# --- configurations ----------------------------------------------------------------------------------------------


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Keys at which `after` differs from `before`, in the order of `after`."""
    from search_spaces.text import flatten  # which takes its time: here, where a page is written

    old, new = flatten(before), flatten(after)
    keys = [*new, *(key for key in old if key not in new)]
    pairs = ((key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys)
    return tuple(Difference(key, a, b) for key, a, b in pairs if a != b or isinstance(a, bool) != isinstance(b, bool))
