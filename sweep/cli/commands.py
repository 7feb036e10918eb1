"""Commands as the help shows them: in sections by what one wants to do, their options too."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

COLUMN = 30
"""Characters that click gives the first column at most."""
Sections = Mapping[str, Sequence[str]]
"""Heading to names, in the order they are shown."""


class _Sectioned:
    """What has sections."""

    def __init__(self, *arguments: Any, sections: Sections | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sections = dict(sections or {})


class Command(_Sectioned, click.Command):
    """A command whose options are shown in sections; those in none come last, under `Options`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does, by sections."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        rows = {option.name or "": row for option in options if (row := option.get_help_record(ctx))}
        named = {name for names in self.sections.values() for name in names}
        _write(formatter, rows, self.sections | {"Options": [name for name in rows if name not in named]})


class Group(_Sectioned, click.Group):
    """A group whose commands are shown in sections; those in none come last, under `Commands`."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does, by sections."""
        names = [name for name in self.list_commands(ctx) if not self.commands[name].hidden]
        room = formatter.width - 6 - max(map(len, names), default=0)
        rows = {name: (name, self.commands[name].get_short_help_str(room)) for name in names}
        named = {name for those in self.sections.values() for name in those}
        _write(formatter, rows, self.sections | {"Commands": [name for name in names if name not in named]})


def _write(formatter: click.HelpFormatter, rows: Mapping[str, tuple[str, str]], sections: Sections) -> None:
    wide = max((len(first) for first, _ in rows.values() if len(first) <= COLUMN), default=0)
    for heading, names in sections.items():
        if here := [(rows[name][0].ljust(wide), rows[name][1]) for name in names if name in rows]:
            with formatter.section(heading):
                formatter.write_dl(here)


COMMANDS: Sections = {
    "A sweep": ("run", "status", "list", "resume", "finish", "extend", "report"),
    "Matches between any models": ("play", "tournament", "rate", "watch", "league"),
    "The Hugging Face Hub": ("promote", "verify"),
    "This machine, and others": ("doctor", "cluster"),
}
SWEEPING: Sections = {
    "How much": ("trials", "steps", "fields", "num_envs", "final_seeds", "finalists", "seed"),
    "How it searches": ("sampler", "scheduler", "objectives", "warm_start"),
    "Against whom, and in what": ("baseline", "yardstick", "env", "won_by", "trainer"),
    "On what": ("slots", "cpus_per_trial", "gpus_per_trial", "torch_device", "threads", "stall_seconds", "ray_address"),
    "Where it is kept": ("out", "storage"),
}
