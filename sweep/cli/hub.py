"""The commands that speak with the Hugging Face Hub: `sweep promote` and `sweep verify`, arguments and wiring alone."""

import json
from pathlib import Path
from typing import Any

import click

from sweep.cli.commands import Command
from sweep.cli.numbers import ELO, Count
from sweep.cli.options import CORES, JSON, MODEL, RUN, progress, run_or_newest, sprt
from sweep.matches.conditions import PROVING
from trials.results import plain

_PROOF = ("matches", "min_elo", "sprt", "baseline", "cores", "force")


@click.command(
    cls=Command,
    sections={
        "What goes where": ("repo", "trial", "private", "create_pr", "revision", "message", "license", "dry_run"),
        "What it must prove": _PROOF,
    },
)
@RUN
@click.option("--repo", required=True, metavar="USER/NAME", help="The repository on the Hub; made if it is not there.")
@click.option("--trial", type=click.IntRange(0), help="Another trial's policy than the one the run carries on.")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--dry-run", is_flag=True, help="Write it all to RUN/promotion/, upload nothing.")
@click.option("--create-pr", is_flag=True, help="Open a pull request instead of a commit.")
@click.option("--revision", help="The branch that is committed to; default main.")
@click.option("--min-elo", type=ELO, help="The least Elo difference to the baseline.")
@sprt("A test against the baseline that must pass.")
@click.option("--matches", type=Count(PROVING), default=400, show_default=True, help="Of the estimate.")
@click.option("--baseline", help="Whom the Elo is stated against; default: the run's own.")
@click.option("--message", help="Of the commit.")
@click.option("--license", default="apache-2.0", show_default=True, help="What the card says others may do.")
@click.option("--force", is_flag=True, help="Publish a policy that falls short; the card says so.")
@CORES
@JSON
def promote(
    run: Path | None,
    min_elo: float | None,
    sprt: tuple[float, float] | None,
    matches: int,
    cores: int,
    as_json: bool,
    **given: Any,
) -> int:
    """Put RUN's best policy on the Hub, with its proof.

    RUN is by default the newest finished run in runs/."""
    from rich.console import Console

    from sweep.promotion import evaluation, outcome, promote

    bar = evaluation.Bar(min_elo=min_elo, sprt=sprt, matches=matches, cores=cores, progress=progress(as_json))
    folder = run_or_newest(run, complete=True)
    say = Console(stderr=True, quiet=as_json)
    found = promote.promote(
        folder, promote.Order(bar=bar, **given), lambda text: say.print(text, markup=False, highlight=False)
    )
    if as_json:
        click.echo(json.dumps(plain(found)))
    else:
        Console().print(outcome.table(found))
    if found.refused:
        click.echo(f"sweep: {found.refused}", err=True)
    return 1 if found.refused else 0


@click.command(cls=Command, epilog="MODEL is USER/NAME on the Hub, a run, a folder of a model's files or an ONNX file.")
@click.argument("model", type=MODEL)
@click.option("--revision", help="A branch, tag or commit of a repository; default main.")
@click.option("--pairs", type=click.IntRange(0, 10_000), default=20, show_default=True, help="Against each opponent.")
@CORES
@JSON
def verify(model: str, revision: str | None, pairs: int, cores: int, as_json: bool) -> int:
    """Check MODEL as the course does, and let it play a little."""
    from sweep.promotion import verify

    found = verify.verify(model, revision, pairs, cores, progress(as_json))
    if as_json:
        click.echo(json.dumps(plain(found)))
    else:
        from rich.console import Console

        Console().print(verify.table(found))
    return 0 if found.ok else 1
