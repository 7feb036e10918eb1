"""The command line: arguments and wiring, nothing else."""

import gc
import json
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from sweep.cli import hub, matches
from sweep.cli.commands import COMMANDS, SWEEPING, Command, Group
from sweep.cli.league import league
from sweep.cli.numbers import Choice, Finite
from sweep.cli.options import JSON, RUN, WON_BY, Place, console, fitting, note, run_or_newest
from sweep.ways import KNOWN
from trials.errors import SweepError, UsageError
from trials.results import plain

if TYPE_CHECKING:
    from trials.folder import RunFolder

RAY = click.option(
    "--ray-address",
    envvar="RAY_ADDRESS",
    help="Of a Ray cluster, host:port or auto; default: RAY_ADDRESS, where that is set, else Ray on this machine.",
)


def main() -> NoReturn:
    """Entry point of the console script `sweep`. Exit status: 0 success, 1 a refusal or failure, 2 what cannot be meant
    as it was typed, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # of another encoding than UTF-8 it lacks some of the letters here
            stream.reconfigure(errors="replace")
    gc.set_threshold(50_000)  # looking for garbage after each 700 new objects costs a report a sixth of its time
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
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except OSError as error:
        click.echo(f"sweep: {error}; fix that and run the command again", err=True)
        sys.exit(1)


@click.group(cls=Group, sections=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="selfplay-sweep")
def cli() -> None:
    """Find the hyperparameters that make self-play agents win."""


for _command in (matches.play, matches.tournament, matches.rate, matches.watch, hub.promote, hub.verify, league):
    cli.add_command(_command)


@cli.command(cls=Command, sections=SWEEPING)
@click.argument("space", default="quick")
@click.option("--trials", type=int, help="Trials in all, trial 0 (the course's configuration) included.")
@click.option("--slots", type=int, help="Trials at the same time; default: one a CPU core.")
@click.option("--steps", type=int, help="Budget of a trial, in trainer steps.")
@click.option("--num-areas", "--fields", "fields", type=int, help="Fields (areas) in each trial's environment.")
@click.option("--num-envs", type=int, help="Executables of a trial, side by side; default 1.")
@click.option("--final-seeds", type=int, help="Fresh training seeds of finalists and course, after tuning; default 3.")
@click.option("--finalists", type=int, help="Configurations besides the course's that are retrained; default 2.")
@click.option("--baseline", help="What the headline is measured against: house, a run, an ONNX file, a Hub id.")
@click.option("--yardstick", multiple=True, help="Of another game: a policy more that trials are rated on; repeatable.")
@click.option("--env", help="What trains: `embedded` (default), or the path of an ML-Agents executable.")
@WON_BY
@click.option("--trainer", help="Another environment's mlagents-learn, which trains in --env's executable.")
@click.option(
    "--stall-seconds", type=Finite(), help="A trainer that had so long without a step is taken to hang; default 300."
)
@click.option("--gpus-per-trial", type=Finite(), help="GPUs a trial gets; a fraction lets trials share one.")
@click.option("--cpus-per-trial", type=Finite(), help="CPUs a trial is placed by.")
@click.option("--torch-device", help="`cpu`, `cuda` or `cuda:N`; default: CUDA where the trial has a GPU.")
@click.option("--threads", type=int, help="CPU threads of a trainer.")
@click.option("--sampler", metavar="|".join(KNOWN["sampler"]), help="Who proposes; default tpe.")
@click.option("--scheduler", metavar="|".join(KNOWN["scheduler"]), help="Who is stopped at rungs; default asha.")
@click.option(
    "--objectives", metavar="|".join(KNOWN["objectives"]), help="What proposals aim at; elo,cost: --scheduler none."
)
@click.option("--warm-start", type=click.Path(path_type=Path), help="An earlier run to learn from: folder or ledger.")
@click.option("--seed", type=int, help="Of proposals, trainers, environments and matches.")
@click.option("--out", type=Place(path_type=Path), help="Folder of the run; default runs/SPACE-DATE-TIME.")
@click.option(
    "--storage",
    type=Place(),
    help="Where a cluster keeps the run: a path, or s3://bucket/prefix; default: --out itself.",
)
@RAY
def run(space: str, warm_start: Path | None, **given: Any) -> int:
    """Sweep SPACE: propose, train, rate, report.

    SPACE is quick, soccertwos, course, tuned, proof, or any trainer YAML."""
    from rich.console import Console

    from sweep.driver.run import begin

    given["ray_address"], answered = _cluster(given["ray_address"])
    return begin(space, given, warm_start, Console(), answered)[0]


def _cluster(text: str | None) -> tuple[str | None, Callable[[], None]]:
    """A cluster's address, None where this machine is meant, and what says that it answers. Raises SetupError."""
    from sweep.cluster import address

    source = click.get_current_context().get_parameter_source("ray_address")
    found = address.given(text, source is click.core.ParameterSource.ENVIRONMENT)
    if found is None:
        return None, lambda: None

    def answered() -> None:
        address.must_answer(found)
        if found.source == address.VARIABLE:
            note(f"{address.VARIABLE} is set: the sweep runs on {found.text}; {found.without}")

    return found.text, answered


@cli.command()
@RUN
@JSON
def status(run: Path | None, as_json: bool) -> None:
    """Where a run stands: trials, ratings, who drives it.

    Of one that has ended, what it found."""
    from sweep.driver.status import show, summary

    folder = run_or_newest(run)
    if as_json:
        click.echo(json.dumps(plain(summary(folder))))
    else:
        show(folder, console())
    _note(folder)


@cli.command("list")
@click.argument("runs", default="runs", type=click.Path(path_type=Path))
@JSON
def list_(runs: Path, as_json: bool) -> None:
    """The runs there are, the newest first.

    They are looked for in the folder RUNS, by default runs."""
    from sweep.runs import RUNS, SPARE, listed, table

    if not runs.is_dir() and runs != RUNS:
        raise UsageError(f"RUNS must be a folder of runs, but {runs} is not there; check the path")
    found = listed(runs, note)
    if as_json:
        click.echo(json.dumps({"runs": [plain(line) for line in found]}))
    elif found:
        from trials.arena.ratings import ladder_file

        shown = console()
        shown.print(fitting(table(found, ladder_file.read().version), shown.width, SPARE))
    else:
        click.echo(f"{runs} holds no run; `sweep run` makes one")


@cli.command()
@RUN
@click.option("--live", is_flag=True, help="Write it again as the sweep goes on; the open page follows by itself.")
@JSON
def report(run: Path | None, live: bool, as_json: bool) -> None:
    """Write RUN/report.html, and its tables beside it."""
    from reports.run import page
    from sweep.driver import live_report

    if live:
        if as_json:
            raise click.UsageError("--live and --json exclude each other: a report that goes on has no one result")
        live_report.follow(run_or_newest(run), click.echo)
        return
    folder = run_or_newest(run)
    path = page.build(folder)
    click.echo(json.dumps({"report": str(path)}) if as_json else str(path))
    _note(folder)


def _note(run: "RunFolder") -> None:
    """Say on stderr which lines of the run's ledger were passed over."""
    from trials import ledger

    if passed_over := ledger.notes(run.ledger):
        note(passed_over)


@cli.command()
@click.argument("run", required=False)
@click.option("--trials", metavar="N|+N", help="Trials in all, fewer too, or so many more.")
@click.option("--final-seeds", type=click.IntRange(0, 100), help="Fresh training seeds of finalists and course.")
@RAY
def resume(run: str | None, trials: str | None, final_seeds: int | None, ray_address: str | None) -> int:
    """Go on with a sweep that was stopped or killed, or widen one.

    RUN is a folder, or s3://bucket/prefix/NAME."""
    return _go_on(run, trials, final_seeds, ray_address, finish=False)


def _go_on(run: str | None, trials: str | None, final_seeds: int | None, ray_address: str | None, finish: bool) -> int:
    from rich.console import Console

    from sweep.driver.resume import folder
    from sweep.driver.resume import resume as go_on

    cluster, answered = _cluster(ray_address)
    answered()
    found = folder(run, cluster) if run is not None else run_or_newest(None)
    return go_on(found, trials, cluster, Console(), final_seeds, finish=finish)


@cli.command()
@click.argument("run", required=False)
@click.option("--final-seeds", type=click.IntRange(0, 100), help="Fresh training seeds of finalists and course.")
@RAY
def finish(run: str | None, final_seeds: int | None, ray_address: str | None) -> int:
    """End a sweep early, with the trials that it has.

    Of one that was stopped or killed: its finals, headline and report."""
    return _go_on(run, None, final_seeds, ray_address, finish=True)


@cli.command()
@RUN
@click.option("--trial", type=click.IntRange(0), required=True, help="The trial to train further.")
@click.option("--steps", type=click.IntRange(1000, 10**12), required=True, help="Trainer steps more.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="hyperparameters.learning_rate=1e-4, ...")
def extend(run: Path | None, trial: int, steps: int, changes: tuple[str, ...]) -> int:
    """Train a finished trial further.

    It goes on from its last checkpoint, as a new trial of the same run."""
    from rich.console import Console

    from sweep.driver.extend import extend as train_further

    return train_further(run_or_newest(run), trial, steps, changes, Console())


@cli.command()
@click.option("--env", help="An ML-Agents executable to try as well.")
@JSON
def doctor(env: str | None, as_json: bool) -> int:
    """Check what this machine can run, and say the fix."""
    from sweep.doctor import examine, table

    checks = examine(env)
    well = all(check.ok for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": well, "checks": [plain(check) for check in checks]}))
    else:
        from rich.console import Console

        Console().print(table(checks))
    return 0 if well else 1


@cli.command()
@click.argument("kind", type=Choice(["kuberay", "aws", "local", "slurm"]))
@click.option("--out", type=click.Path(path_type=Path), help="A new file; default: print it.")
def cluster(kind: str, out: Path | None) -> None:
    """A ready file for a cluster.

    KIND is kuberay, aws (`ray up` there), local (`ray up` on machines of your own) or slurm."""
    from sweep.cluster import ready_files

    if out is None:
        click.echo(ready_files.text(kind), nl=False)
    else:
        ready_files.write(kind, out)
        click.echo(str(out))
