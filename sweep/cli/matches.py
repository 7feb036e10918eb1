"""The commands that play matches: `sweep play`, `tournament`, `rate` and `watch`, arguments and wiring alone."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sweep.cli.newest import run_or_newest
from sweep.cli.numbers import ELO_OF_A_TEST, PROBABILITY

F = TypeVar("F", bound=Callable[..., Any])
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
SEED = click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
FRESH = "Played after a test for the estimate, which its own matches would flatter; 0: none."


def _conditions(command: F) -> F:
    """The options that say how matches are played."""
    for option in (
        click.option(
            "--env",
            type=click.Path(path_type=Path),
            callback=lambda _context, _option, path: None if path == Path("embedded") else path,
            help="Play in an ML-Agents executable, SoccerTwos.x86_64 and the like; default: embedded.",
        ),
        click.option("--log", "log_to", type=click.Path(path_type=Path), help="Write every match: .parquet or .csv."),
        click.option(
            "--cores", type=click.IntRange(1, 1024), default=1, show_default=True, help="CPU cores that play."
        ),
        SEED,
        click.option("--deterministic", is_flag=True, help="The likeliest actions instead of drawn ones."),
        click.option(
            "--goals", type=click.IntRange(1, 100), default=1, show_default=True, help="Goals that win a match."
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--matches", type=click.IntRange(2, 1_000_000), help="Matches in all; default 200.")
@click.option(
    "--sprt", type=ELO_OF_A_TEST, nargs=2, metavar="ELO0 ELO1", help="Play until it is decided which A is better by."
)
@click.option("--alpha", type=PROBABILITY, default=0.05, show_default=True, help="Of the test: false acceptances.")
@click.option("--beta", type=PROBABILITY, default=0.05, show_default=True, help="Of the test: false rejections.")
@click.option("--max-pairs", type=click.IntRange(1, 500_000), default=5000, show_default=True, help="Of the test.")
@click.option("--fresh-pairs", type=click.IntRange(0, 500_000), default=100, show_default=True, help=FRESH)
@_conditions
@JSON
def play(
    a: str,
    b: str,
    matches: int | None,
    sprt: tuple[float, float] | None,
    alpha: float,
    beta: float,
    max_pairs: int,
    fresh_pairs: int,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Play A against B (an ONNX file, a Hub id USER/NAME, or still, random, chaser, house) on both sides."""
    from sweep.matches import play as playing

    if sprt and matches:
        raise click.UsageError("--matches and --sprt exclude each other: a test plays what it needs; see --max-pairs")
    if sprt and not sprt[0] < sprt[1]:
        raise click.UsageError(
            f"--sprt takes ELO0 below ELO1, within -1000 and 1000, but got {sprt[0]:g} and {sprt[1]:g}"
        )
    test = (
        playing.TestTerms(
            elo0=sprt[0], elo1=sprt[1], alpha=alpha, beta=beta, max_pairs=max_pairs, fresh_pairs=fresh_pairs
        )
        if sprt
        else None
    )
    progress = not as_json and sys.stderr.isatty()
    result = playing.play(a, b, matches or 200, test=test, progress=progress, **conditions)
    click.echo(json.dumps(result) if as_json else playing.text(result))


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--pairs", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Of every pairing.")
@click.option("--baseline", help="The player that stands at 1200; default: house if it plays, else the mean does.")
@_conditions
@JSON
def tournament(models: tuple[str, ...], pairs: int, baseline: str | None, as_json: bool, **conditions: Any) -> None:
    """Everyone plays everyone: MODELS are ONNX files, folders of them, Hub ids, or still, random, chaser, house."""
    from sweep.matches import rate as rates
    from sweep.matches import tournament

    progress = not as_json and sys.stderr.isatty()
    found = tournament.play(models, pairs, baseline=baseline, progress=progress, **conditions)
    click.echo(json.dumps(found) if as_json else rates.text(found))


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--baseline", help="The player that stands at 1200; default: house if it played, else the mean does.")
@click.option("--history", type=click.Path(path_type=Path), help="Write the matches as AI vs AI's soccer_history.csv.")
@JSON
def rate(sources: tuple[Path, ...], baseline: str | None, history: Path | None, as_json: bool) -> None:
    """Rate matches again: SOURCES are match logs, runs, or files in the format of AI vs AI's soccer_history.csv."""
    from sweep.matches import rate as rates

    found = rates.rate(sources, baseline, history)
    click.echo(json.dumps(found) if as_json else rates.text(found))


@click.command()
@click.argument("a", required=False)
@click.argument("b", default="house")
@click.option("--matches", type=click.IntRange(1, 100), default=4, show_default=True, help="Matches, in whole pairs.")
@SEED
@click.option("--out", type=click.Path(path_type=Path), default="match.html", show_default=True, help="Page to write.")
@JSON
def watch(a: str | None, b: str, matches: int, seed: int, out: Path, as_json: bool) -> None:
    """Write a page that plays matches of A (default: the newest complete run's best) against B (default: house), named
    as for `sweep play`: offline, one file."""
    from sweep import runs
    from sweep.matches import watch as watching

    a = a if a is not None else str(runs.best(run_or_newest(None, complete=True)))
    result = watching.watch(a, b, matches, seed, out)
    click.echo(json.dumps(result) if as_json else watching.text(result))
