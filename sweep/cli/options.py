"""Options and arguments that several commands have, written once: runs, models, matches, tests, output."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from sweep.cli.numbers import ELO_OF_A_TEST, Choice, Count
from sweep.matches import conditions

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from trials.folder import RunFolder

F = TypeVar("F", bound=Callable[..., Any])

RUN = click.argument("run", required=False, type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
CORES = click.option("--cores", type=Count(conditions.CORES), default=1, show_default=True, help="CPU cores that play.")
SEED = click.option("--seed", type=Count(conditions.SEED), default=0, show_default=True, help="Of the matches.")
CONDITIONS = ("goals", "deterministic", "seed", "cores", "env", "won_by", "log_to")
"""Names of what `conditions_of` adds."""
ANY_LENGTH = 100_000
"""Columns of what is no terminal."""


class Model(click.ParamType[str]):
    """A word for a model; the shell completes built-in players, runs and files."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """As `click.ParamType.shell_complete`: built-in players and the runs there are."""
        from sweep.runs import names
        from trials.arena.players.load import BUILT_IN, EARLIER

        words = [*BUILT_IN, *EARLIER, *names()]
        found = [CompletionItem(word) for word in words if word.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]


class Place(click.Path):
    """Where something is to be kept; an empty word, of a variable that is not set, would be the folder one is in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises click.BadParameter."""
        if value == "":
            self.fail("it must name a place, but got ''; name one, or leave it out", param, ctx)
        return super().convert(value, param, ctx)


MODEL = Model()
MODELS = "an ONNX file, a run (RUN, RUN:TRIAL, RUN:TRIAL@STEPS), a Hub id (USER/NAME), or still, random, chaser, house"
"""What a model is named by."""


WON_BY = click.option(
    "--won-by",
    type=Choice(("group", "agents", "both", "stats")),
    help="Of another game: whose rewards decide, or the game itself (stats); default: a group's, else an agent's.",
)


ENV = click.option(
    "--env",
    type=click.Path(path_type=Path),
    callback=lambda _context, _option, path: None if path == Path("embedded") else path,
    help="Play in an ML-Agents executable, SoccerTwos.x86_64 and the like; default: embedded.",
)


def conditions_of(command: F) -> F:
    """The options that say how matches are played."""
    for option in (
        ENV,
        WON_BY,
        click.option("--log", "log_to", type=click.Path(path_type=Path), help="Write every match: .parquet or .csv."),
        CORES,
        SEED,
        click.option("--deterministic", is_flag=True, help="The likeliest actions instead of drawn ones."),
        click.option(
            "--goals", type=Count(conditions.GOALS), default=1, show_default=True, help="Goals that win a match."
        ),
    ):
        command = option(command)
    return command


def sprt(text: str) -> Callable[[F], F]:
    """The option of a sequential test; `text` is its help."""
    return click.option("--sprt", type=ELO_OF_A_TEST, nargs=2, metavar="ELO0 ELO1", callback=_ascending, help=text)


def _ascending(
    _context: click.Context, _option: click.Parameter, ends: Sequence[float] | None
) -> tuple[float, float] | None:
    if not ends:
        return None
    low, high = ends
    if not low < high:
        raise click.BadParameter(f"it takes ELO0 below ELO1, within -1000 and 1000, but got {low:g} and {high:g}")
    return low, high


def progress(as_json: bool) -> bool:
    """Whether a progress bar is shown."""
    return not as_json and sys.stderr.isatty()


def console() -> "Console":
    """Where a person reads; a file or a pipe takes lines of any length."""
    from rich.console import Console

    shown = Console()
    return shown if shown.is_terminal else Console(width=ANY_LENGTH)


def fitting(table: "Table", width: int, spare: Sequence[str]) -> "Table":
    """The table with those of its `spare` columns for which there is room, the first of them first."""
    from rich.console import Console

    every, names = table.columns, [column.header for column in table.columns if column.header not in spare]
    for name in spare:
        table.columns = [column for column in every if column.header in (*names, name)]
        if Console(width=ANY_LENGTH).measure(table).maximum <= width:
            names.append(name)
    table.columns = [column for column in every if column.header in names]
    return table


def note(text: str) -> None:
    """Say it on stderr, beside what was asked for."""
    click.echo(f"note: {text}", err=True)


def run_or_newest(run: Path | None, complete: bool = False) -> "RunFolder":
    """The run that was named, else the newest, which is said; `complete`: the newest that is. Raises SetupError."""
    from sweep import runs

    if run is not None:
        return runs.at(str(run))
    found = runs.newest(tell=note, complete=complete)
    note(f"RUN is {found.path}, the newest{' that is complete' if complete else ''}")
    return found
