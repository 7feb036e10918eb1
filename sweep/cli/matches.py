"""The commands that play matches: `sweep play`, `tournament`, `rate` and `watch`, arguments and wiring alone."""

import json
from pathlib import Path
from typing import Any

import click

from sweep.cli.commands import Command
from sweep.cli.numbers import PROBABILITY, Count
from sweep.cli.options import CONDITIONS, JSON, MODEL, MODELS, SEED, conditions_of, progress, run_or_newest, sprt
from sweep.matches.conditions import MATCHES, PAIRS, WATCHED, Conditions
from trials.errors import UsageError
from trials.results import plain

FRESH = "Played after a test for the estimate, which its own matches would flatter; 0: none."
NAMED = f"A model is {MODELS}."
_TEST = ("sprt", "alpha", "beta", "max_pairs", "fresh_pairs")


@click.command(
    cls=Command,
    epilog=NAMED,
    sections={"Until a test decides": _TEST, "How matches are played": ("matches", *CONDITIONS)},
)
@click.argument("a", type=MODEL)
@click.argument("b", type=MODEL)
@click.option("--matches", type=Count(MATCHES), help="Matches in all; default 200.")
@sprt("Play until it is decided which A is better by.")
@click.option("--alpha", type=PROBABILITY, default=0.05, show_default=True, help="Of the test: false acceptances.")
@click.option("--beta", type=PROBABILITY, default=0.05, show_default=True, help="Of the test: false rejections.")
@click.option("--max-pairs", type=click.IntRange(1, 500_000), default=5000, show_default=True, help="Of the test.")
@click.option("--fresh-pairs", type=click.IntRange(0, 500_000), default=100, show_default=True, help=FRESH)
@conditions_of
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
    """Play A against B, from both sides."""
    from sweep.matches.play import TestTerms, text
    from sweep.matches.play import play as played

    source = click.get_current_context().get_parameter_source
    given = [name for name in _TEST if not sprt and source(name) is click.core.ParameterSource.COMMANDLINE]
    if given:
        option = "--" + given[0].replace("_", "-")
        raise UsageError(f"{option} is of a test, but there is no --sprt; give that, or leave {option} out")
    if sprt and matches:
        raise click.UsageError("--matches and --sprt exclude each other: a test plays what it needs; see --max-pairs")
    test = (
        TestTerms(elo0=sprt[0], elo1=sprt[1], alpha=alpha, beta=beta, max_pairs=max_pairs, fresh_pairs=fresh_pairs)
        if sprt
        else None
    )
    result = played(a, b, matches or 200, Conditions(**conditions), test=test, progress=progress(as_json))
    click.echo(json.dumps(plain(result)) if as_json else text(result))


@click.command(cls=Command, epilog=NAMED, sections={"How matches are played": ("matches", "pairs", *CONDITIONS)})
@click.argument("models", nargs=-1, required=True, type=MODEL)
@click.option("--matches", type=Count(MATCHES), help="Of every pairing, half from each side; default 200.")
@click.option("--pairs", type=Count(PAIRS), help="The same in pairs; default 100.")
@click.option("--baseline", help="The player that stands at 1200; default: house if it plays, else the mean does.")
@conditions_of
@JSON
def tournament(
    models: tuple[str, ...],
    matches: int | None,
    pairs: int | None,
    baseline: str | None,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Everyone of MODELS plays everyone, and all are rated.

    A folder stands for the ONNX files in it. Models of one tier beat each other in a circle, and all of the tiers
    below; AI vs AI is what that leaderboard's own online Elo would say."""
    from sweep.matches import tournament
    from sweep.matches.rate import text

    if matches and pairs:
        raise click.UsageError("--matches and --pairs exclude each other: a pair is two matches; give one of them")
    how, of_each = Conditions(**conditions), pairs or (matches or 200) // 2
    found = tournament.play(models, of_each, how, baseline=baseline, progress=progress(as_json))
    click.echo(json.dumps(plain(found)) if as_json else text(found))


@click.command(cls=Command)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--baseline", help="The player that stands at 1200; default: house if it played, else the mean does.")
@click.option("--history", type=click.Path(path_type=Path), help="Write the matches as AI vs AI's soccer_history.csv.")
@JSON
def rate(sources: tuple[Path, ...], baseline: str | None, history: Path | None, as_json: bool) -> None:
    """Rate matches that were played before.

    SOURCES are match logs, runs, or files in the format of AI vs AI's soccer_history.csv."""
    from sweep.matches.rate import rate as rated
    from sweep.matches.rate import text

    found = rated(sources, baseline, history)
    click.echo(json.dumps(plain(found)) if as_json else text(found))


@click.command(cls=Command, epilog=NAMED)
@click.argument("a", type=MODEL, required=False)
@click.argument("b", type=MODEL, default="house")
@click.option("--matches", type=Count(WATCHED), default=4, show_default=True, help="Matches, half from each side.")
@SEED
@click.option("--out", type=click.Path(path_type=Path), default="match.html", show_default=True, help="Page to write.")
@JSON
def watch(a: str | None, b: str, matches: int, seed: int, out: Path, as_json: bool) -> None:
    """Write a page that shows matches of A against B.

    It is one file, which needs no network. By default A is the newest complete run, and B the house."""
    from sweep.matches.watch import text
    from sweep.matches.watch import watch as written

    a = a if a is not None else str(run_or_newest(None, complete=True).path)
    result = written(a, b, matches, seed, out)
    click.echo(json.dumps(plain(result)) if as_json else text(result))
