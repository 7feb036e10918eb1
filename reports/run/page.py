"""Figures and tables → one self-contained HTML file that opens offline and is forbidden every request."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trials import ledger
from trials.folder import RunFolder, written_whole

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from reports.run.csv_files import Table
    from reports.run.importance import Importances
    from reports.run.next_space import Next
    from reports.run.ranking import Ranked
    from trials.run_state import Run
from reports.html import allowed, asset, packed, templates


@dataclass(frozen=True)
class Told:
    """What a page is made of, each computed once."""

    run: "Run"
    ranked: tuple["Ranked", ...]
    params: "pd.DataFrame"
    mattered: "Importances"
    following: "Next | None"


def told(run: "Run") -> Told:
    """Everything the page tells of a run."""
    from reports.run import importance, next_space, ranking, tables

    params = tables.params(run)
    mattered = importance.matters(params)
    return Told(run, ranking.ranking(run), params, mattered, next_space.suggested(run, params, mattered))


def build(folder: RunFolder, refresh: float | None = None) -> Path:
    """Read the ledger and the trials' metrics; write `report.html`, its tables and the next space; the page's path.

    refresh: seconds after which the page loads itself again. Works on a run that goes on, is empty or is partly
    broken. Raises SetupError where there is no readable ledger.
    """
    from reports.run import csv_files, metrics
    from trials import run_state

    events = ledger.read(folder.ledger)
    numbers = [trial.number for trial in run_state.run_of(folder.name, events).trials]
    curves = metrics.curves(folder, numbers)
    found = told(run_state.run_of(folder.name, events, metrics.reached(curves)))
    beside = csv_files.of(found.run, found.ranked, found.mattered, folder)
    page = render(found.run, curves, found=found, beside=beside, at=_called(folder), refresh=refresh, folder=folder)
    csv_files.write(folder, beside)
    if found.following is not None:
        with written_whole(folder.next_space) as path:
            path.write_text(found.following.yaml, encoding="utf-8")
            path.chmod(0o644)
    with written_whole(folder.report) as path:
        path.write_text(page, encoding="utf-8")
        path.chmod(0o644)
    return folder.report


def _called(folder: RunFolder) -> str:
    """What commands on the page call the run, from where `make sweep` was typed; never a machine's own path."""
    return f"runs/{folder.name}" if folder.path.absolute().parent.name == "runs" else folder.name


def _commands(run: "Run", at: str) -> dict[str, str]:
    """What the page offers to copy. `make` hands its words to a shell once more: names that need quotes go past it."""
    quoted = shlex.quote(at)
    trials = f" --trials {run.question.trials}" if run.question else ""
    make = f"make promote RUN={at} REPO=USER/NAME"
    return {
        "promote": make if quoted == at else f".venv/bin/sweep promote {quoted} --repo USER/NAME",
        "following": f".venv/bin/sweep run {shlex.quote(at + '/next.yaml')}{trials} --warm-start {quoted}",
        "dashboard": f"pip install optuna-dashboard && optuna-dashboard {shlex.quote(at + '/study.log')}",
        "tensorboard": f".venv/bin/tensorboard --logdir {shlex.quote(at + '/trials')}",
    }


def render(
    run: "Run",
    curves: "pd.DataFrame",
    found: Told | None = None,
    beside: Sequence["Table"] = (),
    at: str = "",
    refresh: float | None = None,
    folder: RunFolder | None = None,
) -> str:
    """The whole page as text. Every word of the ledger goes through the template's escaping, or packed.

    beside: the files that are written with it. at: what commands call the run's folder. folder: where it is given, it
    holds match logs and replays.
    """
    from reports.formatting import in_game
    from reports.run import advice, details, figures, finals, sections, tradeoff
    from reports.run.importance import strips

    found = found or told(run)
    ranked, mattered = found.ranked, found.mattered
    placed = strips(found.params)
    charts = figures_of(run, ranked, curves, mattered)
    if placed:
        charts["parallel"] = figures.parallel(placed, found.params, sections.focus(run, ranked))
    winner = sections.winner(run, ranked)
    policy = run.trial(run.winner.candidate.trial) if run.winner else None
    parts, plotly = shown(run, folder), figures.bundle() if charts else ""
    page = str(
        _environment()
        .get_template("report.html")
        .render(
            run=run,
            commands=_commands(run, at or run.name),
            refresh=refresh if not run.finished else None,
            ranked=ranked,
            first=sections.first_screen(run, ranked),
            advice=advice.next_step(run, at or run.name),
            policy=policy.spec.called if policy else "the winner",
            winner=winner,
            yardstick=run.other_game,
            gone=folder is not None and winner is not None and not (folder.path / winner.policy).exists(),
            half=ledger.notes(folder.ledger) if folder is not None else "",
            axis=sections.ladder_axis(run, ranked),
            fresh=sections.fresh_on_ladder(run),
            focus=sections.focus(run, ranked),
            scaled=sections.scaled(run),
            faults=sections.faults(run),
            finals=finals.section(run),
            cost=sections.cost(run),
            tradeoff=tradeoff.tradeoff(run),
            searched=(tradeoff.proposals(run), tradeoff.pruning(run), tradeoff.warm_start(run.warm)),
            mattered=mattered,
            strips=placed,
            following=found.following,
            beside=beside,
            charts={name: figure.layout.meta for name, figure in charts.items()},
            **parts,
            style=asset("report.css"),
            plotly=packed(plotly),
            details=packed(json.dumps(details.details(run))),
            figures=packed(json.dumps({name: json.loads(f.to_json()) for name, f in charts.items()})),
            allowed=" ".join(allowed(text) for text in (*parts["scripts"], plotly) if text),
        )
    )
    return in_game(page, run.other_game)


def shown(run: "Run", folder: RunFolder | None) -> dict[str, Any]:
    """What the sections with files of their own show, their styles and scripts: opponents, replays."""
    from reports.formatting import in_game
    from reports.run import opponents, replays

    found = replays.section(run, folder)
    met = opponents.section(run, folder)
    names = [*(["replay"] if found and found.player else []), *(["opponents"] if met or found else [])]
    return {
        "replays": found,
        "opponents": met,
        "styles": [asset(f"{name}.css") for name in names],
        "scripts": [in_game(asset(f"{name}.js"), run.other_game) for name in ("packed", "report", *names, "live")],
    }


def figures_of(
    run: "Run", ranked: tuple["Ranked", ...], curves: "pd.DataFrame", mattered: "Importances"
) -> dict[str, "go.Figure"]:
    """Place in the page → figure, only for what has something to show."""
    from reports.run import figures, sections, tables, tradeoff

    focus, rungs, spans = sections.focus(run, ranked), tables.rungs(run), tables.spans(run)
    charts: dict[str, go.Figure] = {}
    if len(rungs):
        charts["elo"] = figures.match_elo(rungs, focus, run.question.rungs if run.question else ())
    charts |= {f"diagnostic-{place}": figure for place, figure in enumerate(figures.diagnostics(curves, focus))}
    if mattered.trusted:
        charts["importance"] = figures.importance(mattered.rows)
    if costed := tradeoff.tradeoff(run):
        charts["tradeoff"] = figures.tradeoff(costed)
    if len(spans):
        charts["timeline"] = figures.timeline(spans, run)
    return charts


def _environment() -> Any:
    from markupsafe import Markup, escape

    from reports import formatting
    from reports.run import figures, findings

    environment = templates()
    environment.filters |= {
        "steps": formatting.steps,
        "span": formatting.span,
        "moment": formatting.moment,
        "counts": formatting.counts,
        "score": formatting.score,
        "value": formatting.value,
        "whole": formatting.whole,
        "elo": findings.elo,
        "interval": findings.interval,
        "short": figures.short_key,
        "unbroken": lambda text: Markup(re.sub(r"\[[^\]]*\]", r'<span class="nobr">\g<0></span>', str(escape(text)))),
        "breakable": lambda key: Markup("_<wbr>").join(key.split("_")),  # join escapes the parts
    }
    return environment
