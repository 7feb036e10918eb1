"""What a run's ledger and its trainers say, typed and for a terminal: `sweep status`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from sweep import runs
from sweep.driver import commands, table, timing
from trials import ledger, retrained, run_state
from trials.events import Event, FinalsBegan, FreshRated, SweepBegan, TrialBegan, TrialEnded
from trials.folder import RunFolder
from trials.learner import progress
from trials.records import Estimate, Rating


@dataclass(frozen=True, kw_only=True)
class Rated:
    """Elo with its 95 % interval, and the matches that it is from."""

    elo: float
    low: float
    high: float
    wins: int
    draws: int
    losses: int


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """How one trial stands."""

    trial: int
    origin: str
    configuration: int | None
    """Of a retrained one: the trial whose configuration it has."""
    state: str
    steps: int
    resumed: int
    """How often."""
    steps_per_second: float | None
    reason: str
    """Why it ended otherwise than it was meant to."""
    elo: float | None
    """None, as its ends and counts: not rated yet."""
    low: float | None
    high: float | None
    wins: int | None
    draws: int | None
    losses: int | None


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """A configuration over its training seeds."""

    configuration: int
    course: bool
    trials: list[int]
    seeds: list[int]
    baseline: Estimate | None
    against_course: Estimate | None


@dataclass(frozen=True, kw_only=True)
class OnHub:
    """A trial that was promoted."""

    trial: int
    repo: str
    commit: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """How a run stands."""

    run: str
    state: str
    driver: runs.Driver | None
    reason: str
    phase: str
    space: str | None
    trials_over: int
    trials_planned: int | None
    steps: int | None
    """Budget of a trial."""
    baseline: str | None
    ladder: str | None
    seconds: float | None
    """That its drivers took, pauses between them left out; None, as idle_share: it is not over."""
    idle_share: float | None
    """Of all their slots' time, as the last of them reckoned it."""
    half_written_lines: list[int]
    trials: list[TrialRow]
    retrained: list[Retrained]
    chosen: int | None
    """The trial whose configuration was chosen, by the headline's matches or, before those, by the finals."""
    fresh: dict[str, Rated]
    """Of `winner` and `course`, by fresh matches against the baseline."""
    promoted: list[OnHub]


def summary(run: RunFolder) -> Status:
    """How a run stands, and one row a trial. Raises SetupError where there is no ledger."""
    events = ledger.read(run.ledger)
    known = run_state.run_of(run.name, events, _steps(run, events))
    began, end, found, by = known.question, known.end, known.finals, runs.driver(run)
    roles, best = {"winner": known.winner, "course": known.course}, found.chosen if found is not None else None
    return Status(
        run=run.name,
        state=runs.state(run, events),
        driver=by,
        reason=end.reason if end else "",
        phase=phase(events),
        space=began.space if began else None,
        trials_over=known.over,
        trials_planned=began.trials if began else None,
        steps=began.steps if began else None,
        baseline=began.baseline if began else None,
        ladder=began.ladder if began else None,
        seconds=round(timing.spent(events), 1) if end else None,
        idle_share=round(end.idle_share, 4) if end else None,
        half_written_lines=ledger.half_written(run.ledger),
        trials=[_row(trial) for trial in _all(known)],
        retrained=[_configuration(one) for one in found.configurations] if found is not None else [],
        chosen=known.chosen if known.chosen is not None else best.number if best is not None else None,
        fresh={role: _rated(fresh.baseline) for role, fresh in roles.items() if fresh is not None},
        promoted=[
            OnHub(trial=event.candidate.trial, repo=event.repo, commit=event.commit, url=event.url)
            for event in known.promoted
        ],
    )


def _row(trial: run_state.TrialHistory) -> TrialRow:
    rate, rating = trial.steps_per_second, _rated(trial.rating) if trial.rating else None
    return TrialRow(
        trial=trial.number,
        origin=trial.spec.origin,
        configuration=trial.spec.configuration,
        state=trial.state,
        steps=trial.steps,
        resumed=len(trial.resumes),
        steps_per_second=round(rate, 1) if rate else None,
        reason=trial.ended.reason if trial.ended else "",
        **(vars(rating) if rating else dict.fromkeys(Rated.__dataclass_fields__)),
    )


def phase(events: Sequence[Event]) -> str:
    """What a sweep is doing, or was when its driver ended: `tuning`, `finals: ...`, `headline matches`, `over`."""
    mine = timing.of_last_driver(events)
    end = run_state.end_of(events)
    if end is not None and end.state == "complete":
        return "over"
    began = next((event for event in reversed(mine) if isinstance(event, FinalsBegan)), None)
    if began is None or not began.configurations:
        return "headline matches" if any(isinstance(event, FreshRated) for event in mine) else "tuning"
    wanted = {(number, seed) for number in began.configurations for seed in began.seeds}
    over = sum(end is not None for key, (_, end) in retrained.trained(events).items() if key in wanted)
    if over < len(wanted):
        return f"finals: {over} of {len(wanted)} retrained"
    found = retrained.of(events)
    return "headline matches" if found is not None and found.whole else "finals: matches"


def _configuration(one: retrained.Configuration) -> Retrained:
    return Retrained(
        configuration=one.number,
        course=one.course,
        trials=[policy.number for policy in one.policies],
        seeds=[policy.seed for policy in one.policies],
        baseline=_rounded(one.baseline),
        against_course=_rounded(one.against_course),
    )


def _rounded(found: Estimate | None) -> Estimate | None:
    if found is None:
        return None
    low, high = (None if end is None else round(end, 1) for end in (found.low, found.high))
    return replace(found, elo=round(found.elo, 1), low=low, high=high)


def show(run: RunFolder, console: Console) -> None:
    """Print how the run stands, whole at 80 columns, and, where it has ended, its verdict. Raises SetupError."""
    events = ledger.read(run.ledger)
    known = run_state.run_of(run.name, events, _steps(run, events))
    lost = runs.state(run, events) == "killed"
    console.print(
        table.view(_title(run, known, events), [_shown(run, trial, lost) for trial in _all(known)], console.width)
    )
    for text in (*_troubles(known), *_driven(run, events)):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if known.end is not None and known.question is not None:
        from sweep.driver import verdict  # which reads the whole report's words, and pandas with them

        verdict.say(run, events, console)


def _title(run: RunFolder, known: run_state.Run, events: Sequence[Event]) -> str:
    """How far it is, in one line."""
    planned = known.question.trials if known.question is not None else "?"
    doing = phase(events)
    told = [f"{runs.state(run, events)}, {known.over} of {planned} trials over"]
    told += [doing] if doing not in ("over", "tuning") else []
    if known.end is not None:
        told.append(f"after {timing.clock(timing.spent(events))}")
    elif events and (by := runs.driver(run)) is not None and by.alive:
        mine = timing.of_last_driver(events)
        before = timing.spent(events[: len(events) - len(mine)])
        told.append(f"{timing.clock(before + time.time() - mine[0].time)} so far{_left(run, known, mine)}")
    return f"{run.name}: {', '.join(told)}"


def _left(run: RunFolder, known: run_state.Run, mine: Sequence[Event]) -> str:
    """`, about 7:05 left`, by what its last driver, who wrote `mine`, has seen trained, as the live table has it."""
    began, finals = mine[0], known.finals
    seconds = time.time() - min((event.time for event in mine if isinstance(event, TrialBegan)), default=time.time())
    if not isinstance(began, SweepBegan):  # which is being written
        return ""
    where = [
        progress.read(run.trial(n)) for n in {event.spec.number for event in mine if isinstance(event, TrialBegan)}
    ]
    only = any(trial.spec.origin == "fixed" for trial in known.trials)
    again = began.final_seeds * (1 if only else 1 + began.finalists)
    retrained = len(finals.seeds) * len(finals.configurations) if finals is not None else again
    tuning, anew = ([(t.steps, t.ended is not None) for t in trials] for trials in (known.trials, known.retrained))
    rest = timing.left(tuning, began.trials, anew, retrained, began.steps)
    return timing.said(seconds, sum(max(0, it.step - it.resumed) for it in where), rest)


def _all(known: run_state.Run) -> list[run_state.TrialHistory]:
    return sorted((*known.trials, *known.retrained), key=lambda trial: trial.number)


def _steps(run: RunFolder, events: Sequence[Event]) -> dict[int, int]:
    """How far trials without an end are, as their trainers say."""
    ended = {event.trial for event in events if isinstance(event, TrialEnded)}
    began = {event.spec.number for event in events if isinstance(event, TrialBegan)}
    return {number: progress.read(run.trial(number)).step for number in began - ended}


def _shown(run: RunFolder, trial: run_state.TrialHistory, lost: bool) -> table.Row:
    """A trial as a row; `lost`: nobody drives the run."""
    spec, state, rate = trial.spec, str(trial.state), trial.steps_per_second
    if state == "running":
        rate = progress.read(run.trial(trial.number)).steps_per_second or None
        state = "cut off" if lost else state if trial.steps else "starting"
    return table.Row(trial.number, table.kind(spec), state, trial.steps, spec.steps, rate, trial.rating, spec.params)


def _troubles(known: run_state.Run) -> list[str]:
    """Why trials failed, why the sweep did, and what went to the Hub."""
    told = [f"trial {t.number} failed: {t.ended.reason}" for t in _all(known) if t.ended and t.state == "failed"]
    if known.end is not None and known.end.reason:
        told.append(known.end.reason)
    return told + [
        f"{'proposed' if one.proposed else 'published'}: trial {one.candidate.trial} as {one.repo}"
        for one in known.promoted
    ]


def _driven(run: RunFolder, events: Sequence[Event]) -> list[str]:
    """Who drives it, or how to go on where nobody does."""
    by = runs.driver(run)
    if by is not None and by.alive is not False:
        where = "" if by.alive else f" of {by.host}, as that said last"
        return [f"driven by process {by.pid}{where}"]
    if run_state.end_of(events) is None:
        go_on = f"{commands.program()} resume {commands.typed(run.path)}"
        return [f"no process drives it, as far as is known here; go on: {go_on}"]
    return []


def _rated(rating: Rating) -> Rated:
    return Rated(
        elo=round(rating.elo, 1),
        low=round(rating.low, 1),
        high=round(rating.high, 1),
        wins=rating.wins,
        draws=rating.draws,
        losses=rating.losses,
    )
