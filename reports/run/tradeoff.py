"""Strength against cost: every whole trial's Elo and what its training took, and the trials that none beats in both."""

from dataclasses import dataclass

from trials.events import WarmStarted
from trials.records import Rating
from trials.run_state import Run, TrialHistory

PROPOSERS = {"tpe": "TPE", "gp": "a Gaussian process", "random": "random search"}


@dataclass(frozen=True)
class Costed:
    """A trial of the sweep's own budget that was trained whole."""

    trial: TrialHistory
    rating: Rating
    cost: float
    """Seconds of training per million trainer steps."""
    front: bool
    """Whether no other trial is at least as strong and as cheap, and better in one (by the tuning numbers)."""


def tradeoff(run: Run) -> tuple[Costed, ...]:
    """Cheapest first; empty where cost was no objective."""
    if run.question is None or run.question.objectives != "elo,cost":
        return ()
    known = [
        (trial, trial.rating, 1e6 / speed)
        for trial in run.trials
        if trial.state == "complete" and trial.spec.parent is None and (speed := trial.steps_per_second)
        if trial.rating is not None and run.comparable(trial.rating)
    ]

    def beaten(elo: float, cost: float) -> bool:
        return any(r.elo >= elo and c <= cost and (r.elo, c) != (elo, cost) for _, r, c in known)

    rows = (Costed(trial, rating, cost, not beaten(rating.elo, cost)) for trial, rating, cost in known)
    return tuple(sorted(rows, key=lambda row: (row.cost, -row.rating.elo)))


def proposals(run: Run) -> str:
    """Who proposed, in words."""
    asked = run.question
    if asked is None:
        return ""
    if asked.sampler == "random":
        return "by random search"
    aim = "; aims at Elo and cost at once" if asked.objectives == "elo,cost" else ""
    return f"by {PROPOSERS[asked.sampler]}, after {asked.startup_trials} random trials{aim}"


def pruning(run: Run) -> str:
    """Who was stopped at rungs, in words."""
    asked = run.question
    if asked is None:
        return ""
    kept = f"keeps one in {asked.reduction_factor:g} at a rung (ASHA)"
    return {"asha": kept, "median": "stops below the running median (at rungs)", "none": "nobody is stopped"}[
        asked.scheduler
    ]


def warm_start(warm: WarmStarted | None) -> str:
    """What another run gave, in words; empty where none did."""
    if warm is None:
        return ""
    if warm.told:
        return f"{len(warm.told)} trials of {warm.run}, told to the sampler as they were rated there"
    numbers = ", ".join(str(observation.trial) for observation in warm.first)
    return f"trials {numbers} of {warm.run}, proposed first and evaluated anew, since {warm.reason}"
