"""The command line: arguments and wiring, nothing else."""

import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from trials.errors import SweepError

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


def main() -> NoReturn:
    """Entry point of the console script `sweep`. Exit status: 0 success, 1 a refusal or failure, 2 wrong usage."""
    try:
        sys.exit(cli(standalone_mode=False) or 0)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("sweep: interrupted", err=True)
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except SweepError as error:
        click.echo(f"sweep: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"sweep: {error}; mend that and run the command again", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="selfplay-sweep")
def cli() -> None:
    """Find the hyperparameters that make self-play agents win."""


@cli.command()
@click.argument("space", default="quick")
@click.option("--trials", type=int, help="Trials in all, trial 0 (the course's configuration) included.")
@click.option("--slots", type=int, help="Trials at the same time; default: one a CPU core.")
@click.option("--steps", type=int, help="Budget of a trial, in trainer steps.")
@click.option("--fields", type=int, help="Fields in each trial's environment.")
@click.option("--baseline", help="What the headline is measured against: house, random, ... or an ONNX file.")
@click.option("--env", help="`embedded` (default), the environment this product carries.")
@click.option("--gpus-per-trial", type=float, help="GPUs a trial gets; a fraction lets trials share one.")
@click.option("--cpus-per-trial", type=float, help="CPUs a trial is placed by.")
@click.option("--threads", type=int, help="CPU threads of a trainer.")
@click.option("--seed", type=int, help="Of proposals, trainers, environments and matches.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; default runs/SPACE-DATE-TIME.")
@click.option("--ray-address", envvar="RAY_ADDRESS", help="Of a Ray cluster; default: Ray on this machine.")
def run(space: str, **given: Any) -> int:
    """Sweep SPACE: quick, soccertwos, course, or any trainer YAML."""
    from search_spaces import load
    from sweep import run as runs
    from sweep import settings

    loaded = load(space)
    given["out"] = given["out"] or Path("runs") / f"{loaded.name}-{datetime.now():%Y%m%d-%H%M%S}"
    given["ray_address"] = given["ray_address"] or None
    made = settings.of_space(space, loaded, given)
    command = "sweep run " + shlex.join(_typed(space, given))
    return runs.sweep(made, command, Console(stderr=False))


def _typed(space: str, given: dict[str, Any]) -> list[str]:
    """What was asked for, as a person would type it; the folder and the cluster's address are left to the next run."""
    words = [space if "/" not in space else Path(space).name]
    for name, value in given.items():
        if value is not None and name not in ("out", "ray_address"):
            words += ["--" + name.replace("_", "-"), str(value) if name != "baseline" else Path(value).name]
    return words


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def status(run: Path, as_json: bool) -> None:
    """What a run's ledger says: its trials, their states and ratings."""
    from sweep import status as statuses
    from trials.folder import RunFolder

    summary = statuses.summary(RunFolder(run))
    if as_json:
        click.echo(json.dumps(summary))
    else:
        Console().print(statuses.table(summary))


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def report(run: Path, as_json: bool) -> None:
    """Write RUN/report.html from the ledger."""
    from reports import page
    from trials.folder import RunFolder

    path = page.build(RunFolder(run))
    click.echo(json.dumps({"report": str(path)}) if as_json else str(path))


@cli.command()
@click.argument("a")
@click.argument("b")
@click.option("--matches", type=click.IntRange(2, 1_000_000), default=200, show_default=True, help="Matches in all.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@JSON
def play(a: str, b: str, matches: int, seed: int, as_json: bool) -> None:
    """Play A against B (an ONNX file, or still, random, chaser, house) on both sides."""
    from sweep import playing

    result = playing.play(a, b, matches, seed, progress=not as_json and sys.stderr.isatty())
    click.echo(json.dumps(result) if as_json else playing.text(result))


@cli.command()
@click.argument("a")
@click.argument("b")
@click.option("--matches", type=click.IntRange(1, 100), default=4, show_default=True, help="Matches, in whole pairs.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default="match.html", show_default=True, help="Page to write.")
@JSON
def watch(a: str, b: str, matches: int, seed: int, out: Path, as_json: bool) -> None:
    """Write a page that plays matches of A against B (named as for `sweep play`): offline, one file."""
    from sweep import watching

    result = watching.watch(a, b, matches, seed, out)
    click.echo(json.dumps(result) if as_json else watching.text(result))


@cli.command()
@JSON
def doctor(as_json: bool) -> int:
    """Check what this machine can run, and say the mend for what it cannot."""
    from sweep import doctor as doctors

    checks = doctors.examine()
    if as_json:
        click.echo(
            json.dumps({"ok": all(check.ok for check in checks), "checks": [check.as_dict() for check in checks]})
        )
    else:
        Console().print(doctors.table(checks))
    return 0 if all(check.ok for check in checks) else 1
