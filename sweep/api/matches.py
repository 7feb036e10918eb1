"""Matches from Python: play them, watch them, rate what was played."""

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from trials.results import PlayResult

if TYPE_CHECKING:
    import pandas as pd


def play(
    a: "str | PathLike[str]",
    b: "str | PathLike[str]",
    matches: int = 200,
    *,
    seed: int = 0,
    deterministic: bool = False,
    goals: int = 1,
    cores: int = 1,
    log: str | Path | None = None,
    env: str | Path | None = None,
) -> PlayResult:
    """Play `matches`, an even number, of a against b, each pair from both sides of one kick-off.

    Models are ONNX files, Hub ids, runs (a `Run`, its folder, `RUN:TRIAL`, `RUN:TRIAL@STEPS`), or `still`, `random`,
    `chaser`, `house`. log: a new file for every match, .parquet or .csv; env: an ML-Agents executable to play in;
    `embedded`, as by default, is the game that comes with this package. Raises BadPolicy, SetupError.

    >>> result = sweep.play(run, "house", matches=400)
    >>> print(result.wins, result.elo, (result.low, result.high))
    """
    from sweep.matches.conditions import Conditions
    from sweep.matches.play import play as played

    how = Conditions(
        seed=seed,
        deterministic=deterministic,
        goals=goals,
        cores=cores,
        log_to=Path(log) if log is not None else None,
        env=Path(env) if env not in (None, "embedded") else None,
    )
    return played(fspath(a), fspath(b), matches, how)


def watch(
    a: "str | PathLike[str]",
    b: "str | PathLike[str]",
    matches: int = 4,
    *,
    seed: int = 0,
    out: str | Path = "match.html",
) -> Path:
    """Play matches of a against b, named as for `play`, 2 to 100 of them, and write one offline page; its path.

    >>> sweep.watch("house", "chaser", out="match.html")
    """
    from sweep.matches.watch import watch as written

    return Path(written(fspath(a), fspath(b), matches, seed, Path(out)).page)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ratings:
    """What matches say of their players, all rated jointly."""

    table: "pd.DataFrame"
    """A row a player, the strongest first: model, elo, low, high (95 %), matches, wins, draws, losses, tier,
    ai_vs_ai_elo, sha256."""
    cross_table: "pd.DataFrame"
    """Score of the row's player against the column's, 0 to 1, a draw one half; NaN where they never met."""
    circles: tuple[tuple[str, ...], ...]
    """Players of whom each beats the next, and the last the first, beyond their 95 % intervals."""
    anchor: str | None
    """The player at 1200; None: the mean stands there."""
    matches: int
    notes: tuple[str, ...] = ()
    """What was tidied in histories that others wrote."""


def rate(*logs: str | Path, baseline: "str | PathLike[str] | None" = None) -> Ratings:
    """Rate matches that were played before: match logs, runs, or files of AI vs AI's `soccer_history.csv`.

    baseline: the player at 1200, named as for `play`; default: house if it played, else the mean. Raises SetupError.

    >>> sweep.rate("matches.parquet", "runs/first").table
    """
    import pandas as pd

    from sweep.matches.rate import rate as rated
    from trials.errors import UsageError

    if not logs:
        raise UsageError("there must be matches to rate, but got none; name a match log, a run or a history")
    found = rated([Path(log) for log in logs], fspath(baseline) if baseline is not None else None, None)
    table = pd.DataFrame([vars(rated) for rated in found.ratings])
    names = list(table["model"])
    score = {a: {b: cell.score for b, cell in row.items()} for a, row in found.cross_table.items()}
    return Ratings(
        table=table.drop(columns=["by_side", "blue_minus_purple"]),
        cross_table=pd.DataFrame.from_dict(score, orient="index").reindex(index=names, columns=names),
        circles=tuple(tuple(circle) for circle in found.circles),
        anchor=found.anchor,
        matches=found.matches,
        notes=tuple(found.notes),
    )
