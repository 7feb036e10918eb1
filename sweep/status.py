"""What a run's ledger says, as plain values and as a table."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from trials import ledger
from trials.folder import RunFolder
from trials.records import FreshRated, Rating, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated, TrialResumed

STYLE = {"complete": "green", "pruned": "yellow", "failed": "red", "stopped": "magenta", "running": "cyan"}


def summary(run: RunFolder) -> dict[str, Any]:
    """Name, state, counts and one row a trial. Raises SetupError where there is no ledger."""
    events = ledger.read(run.ledger)
    began = next((event for event in events if isinstance(event, SweepBegan)), None)
    end = next((event for event in reversed(events) if isinstance(event, SweepEnded)), None)
    rows: dict[int, dict[str, Any]] = {}
    for event in events:
        match event:
            case TrialBegan(spec=spec):
                rows[spec.number] = {
                    "trial": spec.number,
                    "origin": spec.origin,
                    "state": "running",
                    "steps": 0,
                    "resumed": 0,
                }
            case TrialResumed(trial=number):
                rows[number]["resumed"] += 1
            case TrialRated(candidate=candidate, rating=rating):
                rows[candidate.trial] |= {"steps": candidate.steps} | _rating(rating)
            case TrialEnded(trial=number):
                seconds = event.train_seconds
                rows[number] |= {
                    "state": event.state,
                    "steps": event.steps,
                    "steps_per_second": round(event.steps / seconds, 1) if seconds else None,
                    "reason": event.reason,
                }
    fresh = {event.role: _rating(event.baseline) for event in events if isinstance(event, FreshRated)}
    return {
        "run": run.name,
        "state": end.state if end else "running or killed",
        "space": began.space if began else None,
        "trials_planned": began.trials if began else None,
        "steps": began.steps if began else None,
        "baseline": began.baseline if began else None,
        "seconds": round(end.seconds, 1) if end else None,
        "idle_share": round(end.idle_share, 4) if end else None,
        "trials": [rows[number] for number in sorted(rows)],
        "fresh": fresh,
    }


def table(found: dict[str, Any]) -> Table:
    """The summary for a terminal."""
    shown = Table(title=f"{found['run']}: {found['state']}", title_justify="left")
    for name in ("trial", "state", "steps", "steps/s", "Elo [95 %], provisional (house 1200)", "W-D-L", ""):
        shown.add_column(name, overflow="fold")
    for row in found["trials"]:
        rated = "elo" in row
        shown.add_row(
            f"{row['trial']}" + (f" ({row['origin']})" if row["origin"] in ("course", "extended") else ""),
            f"[{STYLE[row['state']]}]{row['state']}[/]",
            f"{row['steps']:,}",
            f"{row['steps_per_second']:,.0f}" if row.get("steps_per_second") else "",
            f"{row['elo']:.0f} [{row['elo_low']:.0f}, {row['elo_high']:.0f}]" if rated else "",
            f"{row['wins']}-{row['draws']}-{row['losses']}" if rated else "",
            escape(row.get("reason", "")) if row["state"] in ("failed", "stopped") else "",
        )
    return shown


def _rating(rating: Rating) -> dict[str, Any]:
    return {
        "elo": round(rating.elo, 1),
        "elo_low": round(rating.low, 1),
        "elo_high": round(rating.high, 1),
        "wins": rating.wins,
        "draws": rating.draws,
        "losses": rating.losses,
    }
