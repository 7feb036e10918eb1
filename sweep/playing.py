"""Two models play matches: what `sweep play` prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean, median
from typing import Any

from rich.console import Console
from rich.progress import Progress

from sweep import models
from trials.arena import match, players, rating
from trials.records import Side


def play(a: str, b: str, matches: int, seed: int, progress: bool = False) -> dict[str, Any]:
    """Play `matches` (rounded up to whole pairs) between two models named as `sweep.models.resolve` takes them.

    Returns plain values: counts of a, by_side (of a), elo (a minus b) with its 95 % interval, mean and median
    decisions, entropy of both models (nats, mean over visited states), rates, seed and environment.
    """
    named = models.resolve(a), models.resolve(b)
    first, second = (players.load(model.load) for model in named)
    with _bar(progress, matches) as tell:
        played = match.play(first, second, (matches + 1) // 2, seed, on_progress=tell)
    rated = rating.direct(played.records, named[1].name)
    lengths = [record.decisions for record in played.records]
    return {
        "a": named[0].name,
        "b": named[1].name,
        "a_sha256": named[0].sha256,
        "b_sha256": named[1].sha256,
        "matches": rated.matches,
        "wins": rated.wins,
        "draws": rated.draws,
        "losses": rated.losses,
        "by_side": {"blue": _counts(rated.as_blue), "purple": _counts(rated.as_purple)},
        "elo": round(rated.elo, 2),
        "elo_low": round(rated.low, 2),
        "elo_high": round(rated.high, 2),
        "mean_decisions": round(mean(lengths), 3),
        "median_decisions": median(lengths),
        "entropy": {"a": round(played.entropy[0], 5), "b": round(played.entropy[1], 5)},
        "matches_per_second": round(len(lengths) / played.seconds, 2),
        "decisions_per_second": round(played.decisions / played.seconds, 1),
        "seed": seed,
        "environment": rated.environment,
    }


def text(found: dict[str, Any]) -> str:
    """The same for a person."""
    sides = "; ".join(
        f"as {name} {side['wins']}-{side['draws']}-{side['losses']}" for name, side in found["by_side"].items()
    )
    return (
        f"{found['a']} against {found['b']}: {found['wins']} won, {found['draws']} drawn, {found['losses']} lost"
        f" of {found['matches']} ({sides})\n"
        f"Elo difference {found['elo']:+.0f}, 95 % interval [{found['elo_low']:+.0f}, {found['elo_high']:+.0f}]\n"
        f"{found['mean_decisions']:.1f} decisions a match (median {found['median_decisions']:g}), entropy"
        f" {found['entropy']['a']:.3f} and {found['entropy']['b']:.3f} nats,"
        f" {found['matches_per_second']:.0f} matches/s; seed {found['seed']}, {found['environment']}"
    )


def _counts(side: Side) -> dict[str, int]:
    return {"wins": side.wins, "draws": side.draws, "losses": side.losses}


@contextmanager
def _bar(show: bool, matches: int) -> Iterator[match.Progress | None]:
    if not show:
        yield None
        return
    with Progress(transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task("playing", total=matches)
        yield lambda done, total: bar.update(task, completed=done, total=total)
