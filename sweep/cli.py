"""The command line: arguments and wiring, nothing else."""

import json
import shlex
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console

from sweep.league_cli import league
from trials.errors import SweepError

F = TypeVar("F", bound=Callable[..., Any])
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
SEED = click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
PROBABILITY = click.FloatRange(0, 0.5, min_open=True, max_open=True)
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


cli.add_command(league)


@cli.command()
@click.argument("space", default="quick")
@click.option("--trials", type=int, help="Trials in all, trial 0 (the course's configuration) included.")
@click.option("--slots", type=int, help="Trials at the same time; default: one a CPU core.")
@click.option("--steps", type=int, help="Budget of a trial, in trainer steps.")
@click.option("--fields", type=int, help="Fields in each trial's environment.")
@click.option("--final-seeds", type=int, help="Fresh training seeds of finalists and course, after tuning; default 3.")
@click.option("--finalists", type=int, help="Configurations besides the course's that are trained anew; default 2.")
@click.option("--baseline", help="What the headline is measured against: house, an ONNX file, a Hub id, ...")
@click.option("--env", help="What trains: `embedded` (default), or the path of an ML-Agents executable.")
@click.option("--trainer", help="Another environment's mlagents-learn, which trains in --env's executable.")
@click.option("--stall-seconds", type=float, help="A trainer without a step for so long is taken to hang; default 300.")
@click.option("--gpus-per-trial", type=float, help="GPUs a trial gets; a fraction lets trials share one.")
@click.option("--cpus-per-trial", type=float, help="CPUs a trial is placed by.")
@click.option("--torch-device", help="`cpu`, `cuda` or `cuda:N`; default: CUDA where the trial has a GPU.")
@click.option("--threads", type=int, help="CPU threads of a trainer.")
@click.option("--sampler", help="Who proposes: tpe (default), gp or random.")
@click.option("--scheduler", help="Who is stopped at rungs: asha (default), median or none.")
@click.option("--objectives", help="What proposals aim at: elo (default), or elo,cost with --scheduler none.")
@click.option("--warm-start", type=click.Path(path_type=Path), help="An earlier run to learn from: folder or ledger.")
@click.option("--seed", type=int, help="Of proposals, trainers, environments and matches.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; default runs/SPACE-DATE-TIME.")
@click.option("--storage", help="Where a cluster keeps the run: a path, or s3://bucket/prefix; default: --out itself.")
@click.option("--ray-address", envvar="RAY_ADDRESS", help="Of a Ray cluster; default: Ray on this machine.")
def run(space: str, warm_start: Path | None, **given: Any) -> int:
    """Sweep SPACE: quick, soccertwos, course, or any trainer YAML."""
    from search_spaces import load
    from sweep import run as runs
    from sweep import settings, warm

    loaded = load(space)
    given["out"] = given["out"] or Path("runs") / f"{loaded.name}-{datetime.now():%Y%m%d-%H%M%S}"
    given["ray_address"] = given["ray_address"] or None
    made = settings.of_space(space, loaded, given)
    from_run = ["--warm-start", warm.name_of(warm_start)] if warm_start is not None else []
    command = "sweep run " + shlex.join([*_typed(space, given), *from_run])
    return runs.sweep(made, command, Console(stderr=False), warm_start)


def _typed(space: str, given: dict[str, Any]) -> list[str]:
    """What was asked for, as a person would type it; the folder and the cluster's address are left to the next run."""
    from sweep.models import typed

    words = [space if "/" not in space else Path(space).name]
    for name, value in given.items():
        if value is not None and name not in ("out", "storage", "ray_address"):
            words += ["--" + name.replace("_", "-"), str(value) if name != "baseline" else typed(value)]
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
@click.argument("run")
@click.option("--trials", metavar="N|+N", help="Trials in all, or so many more.")
@click.option("--final-seeds", type=click.IntRange(0, 100), help="Fresh training seeds of finalists and course.")
@click.option("--ray-address", envvar="RAY_ADDRESS", help="Of a Ray cluster; default: Ray on this machine.")
def resume(run: str, trials: str | None, final_seeds: int | None, ray_address: str | None) -> int:
    """Go on with a sweep whose driver was killed or stopped, or widen one; RUN is a folder, or s3://bucket/prefix/NAME."""
    from sweep import resuming

    return resuming.resume(
        resuming.folder(run, ray_address), trials, ray_address or None, Console(stderr=False), final_seeds
    )


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--trial", type=click.IntRange(0), required=True, help="The trial to train further.")
@click.option("--steps", type=click.IntRange(1000), required=True, help="Trainer steps more.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="hyperparameters.learning_rate=1e-4, ...")
def extend(run: Path, trial: int, steps: int, changes: tuple[str, ...]) -> int:
    """Train a finished trial further, from its last checkpoint, as a new trial of the same run."""
    from sweep import extending
    from trials.folder import RunFolder

    return extending.extend(RunFolder(run), trial, steps, changes, Console(stderr=False))


@cli.command()
@click.argument("a")
@click.argument("b")
@click.option("--matches", type=click.IntRange(2, 1_000_000), help="Matches in all; default 200.")
@click.option("--sprt", type=float, nargs=2, metavar="ELO0 ELO1", help="Play until it is decided which A is better by.")
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
    from sweep import playing

    if sprt and matches:
        raise click.UsageError("--matches and --sprt exclude each other: a test plays what it needs; see --max-pairs")
    if sprt and not -1000 <= sprt[0] < sprt[1] <= 1000:
        raise click.UsageError(
            f"--sprt takes ELO0 below ELO1, within -1000 and 1000, but got {sprt[0]:g} and {sprt[1]:g}"
        )
    test = (
        playing.Terms(elo0=sprt[0], elo1=sprt[1], alpha=alpha, beta=beta, max_pairs=max_pairs, fresh_pairs=fresh_pairs)
        if sprt
        else None
    )
    progress = not as_json and sys.stderr.isatty()
    result = playing.play(a, b, matches or 200, test=test, progress=progress, **conditions)
    click.echo(json.dumps(result) if as_json else playing.text(result))


@cli.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--pairs", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Of every pairing.")
@click.option("--baseline", help="The player that stands at 1200; default: house if it plays, else the mean does.")
@_conditions
@JSON
def tournament(models: tuple[str, ...], pairs: int, baseline: str | None, as_json: bool, **conditions: Any) -> None:
    """Everyone plays everyone: MODELS are ONNX files, folders of them, Hub ids, or still, random, chaser, house."""
    from sweep import rates, tournament

    progress = not as_json and sys.stderr.isatty()
    found = tournament.play(models, pairs, baseline=baseline, progress=progress, **conditions)
    click.echo(json.dumps(found) if as_json else rates.text(found))


@cli.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--baseline", help="The player that stands at 1200; default: house if it played, else the mean does.")
@click.option("--history", type=click.Path(path_type=Path), help="Write the matches as AI vs AI's soccer_history.csv.")
@JSON
def rate(sources: tuple[Path, ...], baseline: str | None, history: Path | None, as_json: bool) -> None:
    """Rate matches again: SOURCES are match logs, runs, or files in the format of AI vs AI's soccer_history.csv."""
    from sweep import rates

    found = rates.rate(sources, baseline, history)
    click.echo(json.dumps(found) if as_json else rates.text(found))


@cli.command()
@click.argument("a")
@click.argument("b")
@click.option("--matches", type=click.IntRange(1, 100), default=4, show_default=True, help="Matches, in whole pairs.")
@SEED
@click.option("--out", type=click.Path(path_type=Path), default="match.html", show_default=True, help="Page to write.")
@JSON
def watch(a: str, b: str, matches: int, seed: int, out: Path, as_json: bool) -> None:
    """Write a page that plays matches of A against B (named as for `sweep play`): offline, one file."""
    from sweep import watching

    result = watching.watch(a, b, matches, seed, out)
    click.echo(json.dumps(result) if as_json else watching.text(result))


@cli.command()
@click.option("--env", help="An ML-Agents executable to try as well.")
@JSON
def doctor(env: str | None, as_json: bool) -> int:
    """Check what this machine can run, and say the mend for what it cannot."""
    from sweep import doctor as doctors

    checks = doctors.examine(env)
    if as_json:
        click.echo(
            json.dumps({"ok": all(check.ok for check in checks), "checks": [check.as_dict() for check in checks]})
        )
    else:
        Console().print(doctors.table(checks))
    return 0 if all(check.ok for check in checks) else 1


@cli.command()
@click.argument("kind", type=click.Choice(["kuberay", "aws", "local", "slurm"]))
@click.option("--out", type=click.Path(path_type=Path), help="A new file; default: print it.")
def cluster(kind: str, out: Path | None) -> None:
    """A ready file for a cluster: KubeRay, `ray up` on AWS or on machines of your own, or Slurm."""
    from sweep import cluster as clusters

    if out is None:
        click.echo(clusters.text(kind), nl=False)
    else:
        clusters.write(kind, out)
        click.echo(str(out))
