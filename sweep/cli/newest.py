"""RUN of a command, which is the newest in `runs/` where nobody names one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trials.folder import RunFolder

RUN = click.argument("run", required=False, type=click.Path(path_type=Path))


def run_or_newest(run: Path | None, complete: bool = False) -> "RunFolder":
    """The run that was named, else the newest, which is said; `complete`: the newest that is. Raises SetupError."""
    from sweep import models, runs
    from trials.folder import RunFolder

    def note(text: str) -> None:
        click.echo(f"note: {text}", err=True)

    if run is not None:
        return models.run_called(str(run)) or RunFolder(run)
    found = runs.newest(tell=note, complete=complete)
    note(f"RUN is {found.path}, the newest{' that is complete' if complete else ''}")
    return found
