"""What a run's ledger says, as plain values and as a table."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from trials import ledger, retrained, run_state
from trials.arena.ratings.seed_intervals import Estimate
from trials.events import Event, FinalsBegan, FreshRated, SweepBegan
from trials.folder import RunFolder
from trials.records import Rating

STYLE = {"complete": "green", "pruned": "yellow", "failed": "red", "stopped": "magenta", "running": "cyan"}


def summary(run: RunFolder) -> dict[str, Any]:
    """Name, state, counts and one row a trial. Raises SetupError where there is no ledger."""
    events = ledger.read(run.ledger)
    known = run_state.run_of(run.name, events)
    began, end, found = known.question, known.end, known.finals
    trials = sorted((*known.trials, *known.retrained), key=lambda trial: trial.number)
    roles = {"winner": known.winner, "course": known.course}
    return {
        "run": run.name,
        "state": end.state if end else "running or killed",
        "reason": end.reason if end else "",
        "phase": phase(events),
        "space": began.space if began else None,
        "trials_planned": began.trials if began else None,
        "steps": began.steps if began else None,
        "baseline": began.baseline if began else None,
        "ladder": began.ladder if began else None,
        "seconds": round(end.seconds, 1) if end else None,
        "idle_share": round(end.idle_share, 4) if end else None,
        "half_written_lines": ledger.half_written(run.ledger),
        "trials": [_row(trial) for trial in trials],
        "retrained": [_configuration(one) for one in found.configurations] if found is not None else [],
        "chosen": found.chosen.number if found is not None and found.chosen is not None else None,
        "fresh": {role: _rating(fresh.baseline) for role, fresh in roles.items() if fresh is not None},
        "promoted": [
            {"trial": event.candidate.trial, "repo": event.repo, "commit": event.commit, "url": event.url}
            for event in known.promoted
        ],
    }


def _row(trial: run_state.TrialHistory) -> dict[str, Any]:
    rate = trial.steps_per_second
    return {
        "trial": trial.number,
        "origin": trial.spec.origin,
        "configuration": trial.spec.configuration,
        "state": trial.state,
        "steps": trial.steps,
        "resumed": len(trial.resumes),
        "steps_per_second": round(rate, 1) if rate else None,
        "reason": trial.ended.reason if trial.ended else "",
    } | (_rating(trial.rating) if trial.rating else {})


def phase(events: Sequence[Event]) -> str:
    """What a sweep is doing, or was when its driver ended: `tuning`, `finals: ...`, `headline matches`, `over`."""
    drivers = [at for at, event in enumerate(events) if isinstance(event, SweepBegan)]
    mine = events[drivers[-1] :] if drivers else events
    end = run_state.end_of(events)
    if end is not None and end.state == "complete":
        return "over"
    began = next((event for event in mine if isinstance(event, FinalsBegan)), None)
    if began is None:
        return "headline matches" if any(isinstance(event, FreshRated) for event in mine) else "tuning"
    wanted = {(number, seed) for number in began.configurations for seed in began.seeds}
    over = sum(end is not None for key, (_, end) in retrained.trained(events).items() if key in wanted)
    if over < len(wanted):
        return f"finals: {over} of {len(wanted)} trained anew"
    found = retrained.of(events)
    return "headline matches" if found is not None and found.whole else "finals: matches"


def _configuration(one: retrained.Configuration) -> dict[str, Any]:
    """A configuration over its training seeds; an interval is null where a single seed gives none."""
    return {
        "configuration": one.number,
        "course": one.course,
        "trials": [policy.number for policy in one.policies],
        "seeds": [policy.seed for policy in one.policies],
        "baseline": _estimate(one.baseline),
        "against_course": _estimate(one.against_course),
    }


def _estimate(over: Estimate | None) -> dict[str, float | int | None] | None:
    if over is None:
        return None
    low, high = (None if end is None else round(end, 1) for end in (over.low, over.high))
    return {"elo": round(over.elo, 1), "elo_low": low, "elo_high": high, "seeds": over.seeds}


def table(found: dict[str, Any]) -> Table:
    """The summary for a terminal."""
    doing = "" if found["phase"] == "over" else f", {found['phase']}"
    told = "".join(f"\npublished: trial {one['trial']} as {one['repo']}" for one in found["promoted"])
    why = f"\n{escape(found['reason'])}" if found["reason"] else ""
    shown = Table(title=f"{found['run']}: {found['state']}{doing}{why}{told}", title_justify="left")
    at = "" if str(found["ladder"]).startswith("yardstick-") else " (house 1200)"
    for name in ("trial", "state", "steps", "steps/s", f"Elo [95 %], provisional{at}", "W-D-L", ""):
        shown.add_column(name, overflow="fold")
    for row in found["trials"]:
        rated = "elo" in row
        shown.add_row(
            f"{row['trial']}" + _kind(row),
            f"[{STYLE[row['state']]}]{row['state']}[/]",
            f"{row['steps']:,}",
            f"{row['steps_per_second']:,.0f}" if row.get("steps_per_second") else "",
            f"{row['elo']:.0f} [{row['elo_low']:.0f}, {row['elo_high']:.0f}]" if rated else "",
            f"{row['wins']}-{row['draws']}-{row['losses']}" if rated else "",
            escape(row.get("reason", "")) if row["state"] in ("failed", "stopped") else "",
        )
    return shown


def _kind(row: dict[str, Any]) -> str:
    if row["configuration"] is not None:
        return f" ({row['configuration']} anew)"
    return f" ({row['origin']})" if row["origin"] in ("course", "extended") else ""


def _rating(rating: Rating) -> dict[str, Any]:
    return {
        "elo": round(rating.elo, 1),
        "elo_low": round(rating.low, 1),
        "elo_high": round(rating.high, 1),
        "wins": rating.wins,
        "draws": rating.draws,
        "losses": rating.losses,
    }
