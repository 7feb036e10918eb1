"""The commands that speak with the Hugging Face Hub: `sweep promote` and `sweep verify`, arguments and wiring alone."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from sweep.cli.newest import run_or_newest
from sweep.cli.numbers import ELO, ELO_OF_A_TEST

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
CORES = click.option("--cores", type=click.IntRange(1, 1024), default=1, show_default=True, help="CPU cores that play.")


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--repo", required=True, metavar="USER/NAME", help="The repository on the Hub; made if it is not there.")
@click.option("--trial", type=click.IntRange(0), help="Another trial's policy than the one the run carries on.")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--dry-run", is_flag=True, help="Write it all to RUN/promotion/, upload nothing.")
@click.option("--create-pr", is_flag=True, help="Open a pull request instead of a commit.")
@click.option("--revision", help="The branch that is committed to; default main.")
@click.option("--min-elo", type=ELO, help="The least Elo difference to the baseline.")
@click.option(
    "--sprt", type=ELO_OF_A_TEST, nargs=2, metavar="ELO0 ELO1", help="A test against the baseline that must pass."
)
@click.option("--matches", type=click.IntRange(8, 1_000_000), default=400, show_default=True, help="Of the estimate.")
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
    """Put RUN's best policy (default: of the newest finished run in runs/) on the Hugging Face Hub, with its proof."""
    from sweep.promotion import evaluation, promote

    if sprt and not sprt[0] < sprt[1]:
        raise click.UsageError(
            f"--sprt takes ELO0 below ELO1, within -1000 and 1000, but got {sprt[0]:g} and {sprt[1]:g}"
        )
    progress = not as_json and sys.stderr.isatty()
    bar = evaluation.Bar(min_elo=min_elo, sprt=sprt or None, matches=matches, cores=cores, progress=progress)
    folder = run_or_newest(run, complete=True)
    say = Console(stderr=True, quiet=as_json)
    found = promote.promote(
        folder, promote.Order(bar=bar, **given), lambda text: say.print(text, markup=False, highlight=False)
    )
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(promote.table(found))
    if found["refused"]:
        click.echo(f"sweep: {found['refused']}", err=True)
    return 1 if found["refused"] else 0


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)


@click.command()
@click.argument("model")
@click.option("--revision", help="A branch, tag or commit of a repository; default main.")
@click.option("--pairs", type=click.IntRange(0, 10_000), default=20, show_default=True, help="Against each opponent.")
@CORES
@JSON
def verify(model: str, revision: str | None, pairs: int, cores: int, as_json: bool) -> int:
    """Check MODEL (USER/NAME on the Hub, a folder, an ONNX file) as the course does, and let it play a few matches."""
    from sweep.promotion import verify

    found = verify.verify(model, revision, pairs, cores, not as_json and sys.stderr.isatty())
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(verify.table(found))
    return 0 if found["ok"] else 1
