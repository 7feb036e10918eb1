"""The command line of a league: `sweep league run`, `show`, `rebuild`, `page`, `serve`; arguments and wiring alone."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.commands import Group
from sweep.cli.numbers import SECONDS, YEAR, Choice, Finite
from sweep.cli.options import CORES, ENV, JSON, WON_BY, console, fitting, note

if TYPE_CHECKING:
    from trials.arena.games.game import WonBy

FOLDER = click.argument("folder", metavar="LEAGUE", type=click.Path(path_type=Path, file_okay=False))
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.group(cls=Group)
def league() -> None:
    """A league of models: round after round, with a leaderboard."""


def _duration(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """Seconds from `90s`, `15m`, `4h` or `1d`."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd])", text)
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= YEAR:
        raise click.BadParameter(f"it must be a time such as 90s, 15m or 4h, 365d at most, but got {text!r}")
    return seconds


@league.command(
    sections={
        "How long": ("rounds", "every", "budget", "precision"),
        "Who meets whom, and how often": ("matchmaking", "pairs", "pairing_cap", "cores"),
        "In what": ("env", "won_by"),
    }
)
@FOLDER
@click.argument("sources", nargs=-1)
@click.option("--rounds", type=click.IntRange(1), help="Rounds to play; default: one.")
@click.option("--every", callback=_duration, metavar="4h", help="A round each 15m, 4h, ...; until Ctrl+C.")
@click.option("--matchmaking", type=Choice(["information", "closest"]), default="information", show_default=True)
@click.option("--budget", type=SECONDS, help="Seconds a round may play on each core; see README.")
@click.option("--precision", type=Finite(1, 1000), default=25.0, show_default=True, help="± Elo that is enough.")
@click.option("--pairs", type=click.IntRange(1, 10_000), default=32, show_default=True, help="Of a pairing, at a time.")
@click.option("--pairing-cap", type=Finite(0.1, 86_400), default=30.0, show_default=True, help="Seconds for those.")
@CORES
@ENV
@WON_BY
@click.option("--dataset", metavar="USER/NAME", help="Put the league into a dataset on the Hub after every round.")
def run(
    folder: Path,
    sources: tuple[str, ...],
    rounds: int | None,
    every: float | None,
    matchmaking: str,
    budget: float | None,
    precision: float,
    pairs: int,
    pairing_cap: float,
    cores: int,
    env: Path | None,
    won_by: "WonBy | None",
    dataset: str | None,
) -> None:
    """Play rounds of LEAGUE, a folder, among SOURCES.

    A source is hub:TAG, a folder of models, an ONNX file, still, random, chaser, house, or of a run: RUN (its best
    policy), RUN:TRIAL, RUN:TRIAL@STEPS, RUN:last (the last of every trial) or RUN:all."""
    from functools import partial

    from rich.console import Console

    from sweep.league.rounds import dataset as kept_in
    from sweep.league.rounds import run as played
    from sweep.matches.conditions import Conditions
    from trials.arena.games.place import game_of
    from trials.league.planning import RoundTerms

    Conditions(env=env, won_by=won_by).check()
    opening = game_of if env is None else partial(game_of, env, won_by=won_by)

    terms = RoundTerms(
        matchmaking="closest" if matchmaking == "closest" else "information",
        pairs=pairs,
        budget=budget,
        cores=cores,
        cap=pairing_cap,
        half=precision,
    )
    keep = kept_in(dataset) if dataset else None
    played(folder, sources, terms, rounds=rounds, every=every, keep=keep, opening=opening, console=Console())


@league.command()
@FOLDER
@click.option("--all", "everyone", is_flag=True, help="Models that are gone as well.")
@click.option("--environment", help="Matches of other rules, such as ai-vs-ai.")
@JSON
def show(folder: Path, everyone: bool, environment: str | None, as_json: bool) -> None:
    """The leaderboard of LEAGUE, from its history."""
    from sweep.league.rounds import SPARE, table
    from trials.league import leaderboard, reader

    found = reader.opened(folder, environment)
    if as_json:
        click.echo(json.dumps(leaderboard.plain(found.standings, found.about())))
    else:
        shown = console()
        shown.print(fitting(table(found, everyone), shown.width, SPARE))


@league.command()
@FOLDER
@click.argument("source")
def rebuild(folder: Path, source: str) -> None:
    """Make LEAGUE, a new folder, from SOURCE.

    SOURCE is a league's folder or dataset (hub:USER/NAME), or a soccer_history.csv."""
    from sweep.league.rounds import rebuild as rebuilt

    found = rebuilt(folder, source, note)
    click.echo(f"{len(found.matches)} matches of {len(found.standings)} models in {folder}")


@league.command()
@FOLDER
def page(folder: Path) -> None:
    """Write LEAGUE/league.html, one file that opens offline.

    It has the leaderboard, every model, any two head to head, and matches to watch."""
    from sweep.league.page import opened

    written = opened(folder)
    click.echo(f"{written} ({written.stat().st_size / 1000:.0f} kB)")


@league.command()
@FOLDER
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; loopback is this machine.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any that is free.")
@click.option("--watch/--no-watch", default=True, help="Whether visitors may have fresh matches played.")
def serve(folder: Path, host: str, port: int, watch: bool) -> None:
    """Serve the pages of LEAGUE live, until Ctrl+C.

    Nothing in the league changes; visitors may have fresh matches played."""
    from sweep.league import server

    server.serve(folder, host, port, watch, lambda line: click.echo(line, err=True))
