"""Figures and tables → one self-contained HTML file that opens offline and is forbidden every request."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reports import formatting, html
from reports.formatting import in_game
from reports.html import allowed, asset, packed
from reports.run import (
    advice,
    csv_files,
    details,
    figures,
    finals,
    findings,
    importance,
    metrics,
    next_space,
    opponents,
    replays,
    sections,
    tables,
    tradeoff,
)
from reports.run.csv_files import Table
from reports.run.importance import Importances
from reports.run.next_space import Next
from reports.run.ranking import Ranked, ranking
from trials import ledger, run_state
from trials.folder import RunFolder
from trials.run_state import Run

ITS_OWN = ("--trials", "--warm-start", "--seed", "--out")
"""Options of a sweep that the one after it has for itself."""


@dataclass(frozen=True)
class Told:
    """What a page is made of, each computed once."""

    run: Run
    ranked: tuple[Ranked, ...]
    params: pd.DataFrame
    mattered: Importances
    following: Next | None


def told(run: Run) -> Told:
    """Everything the page tells of a run."""
    params = tables.params(run)
    mattered = importance.matters(params)
    return Told(run, ranking(run), params, mattered, next_space.suggested(run, params, mattered))


def build(folder: RunFolder, refresh: float | None = None) -> Path:
    """Read the ledger and the trials' metrics; write `report.html`, its tables and the next space; the page's path.

    refresh: seconds after which the page loads itself again. Works on a run that goes on, is empty or is partly
    broken. Raises SetupError where there is no readable ledger.
    """
    events = ledger.read(folder.ledger)
    numbers = [trial.number for trial in run_state.run_of(folder.name, events).trials]
    curves = metrics.curves(folder, numbers)
    found = told(run_state.run_of(folder.name, events, metrics.reached(curves)))
    beside = csv_files.of(found.run, found.ranked, found.mattered, folder)
    page = render(found.run, curves, found=found, beside=beside, at=_called(folder), refresh=refresh, folder=folder)
    csv_files.write(folder, beside)
    if found.following is not None:
        html.write(folder.next_space, found.following.yaml)
    html.write(folder.report, page)
    return folder.report


def _called(folder: RunFolder) -> str:
    """What commands on the page call the run, from where `make sweep` was typed; never a machine's own path."""
    path, here = folder.path.absolute(), Path.cwd()
    if path.parent.name == "runs":
        return f"runs/{folder.name}"
    below = here.parent != here and here in path.parents  # of `/` all is below
    return path.relative_to(here).as_posix() if below else folder.name


def _commands(run: Run, at: str, needed: int) -> dict[str, str]:
    """What the page offers to copy; `needed`: trials with open values that say what matters, beside which trial 0 may
    have none.

    `make` hands its words to a shell once more: names that need quotes go past it.
    """
    quoted = shlex.quote(at)
    asked = f" {_own(run.question.command)}--trials {max(run.question.trials, needed + 1)}" if run.question else ""
    make = f"make promote RUN={at} REPO=USER/NAME"
    return {
        "promote": make if quoted == at else f".venv/bin/sweep promote {quoted} --repo USER/NAME",
        "following": f".venv/bin/sweep run {shlex.quote(at + '/next.yaml')}{asked} --warm-start {quoted}",
        "dashboard": f"pip install optuna-dashboard && optuna-dashboard {shlex.quote(at + '/study.log')}",
        "tensorboard": f".venv/bin/tensorboard --logdir {shlex.quote(at + '/trials')}",
    }


def _own(command: str) -> str:
    """The options of a sweep's command that the next sweep has too, with a space behind them."""
    try:
        words = shlex.split(command)[3:]  # sweep run SPACE
    except ValueError:  # a quote that is not closed
        return ""
    # every option of `sweep run` takes a value
    pairs = zip(words[::2], words[1::2], strict=False)
    return "".join(f"{shlex.join(pair)} " for pair in pairs if pair[0] not in ITS_OWN)


def render(
    run: Run,
    curves: pd.DataFrame,
    found: Told | None = None,
    beside: Sequence[Table] = (),
    at: str = "",
    refresh: float | None = None,
    folder: RunFolder | None = None,
) -> str:
    """The whole page as text. Every word of the ledger goes through the template's escaping, or packed.

    beside: the files that are written with it. at: what commands call the run's folder. folder: where it is given, it
    holds match logs and replays.
    """
    found = found or told(run)
    ranked = found.ranked
    focus, strips, costed = sections.focus(run, ranked), importance.strips(found.params), tradeoff.tradeoff(run)
    charts = _charts(found, curves, focus, strips, costed)
    winner = sections.winner(run, ranked)
    policy = run.trial(run.winner.candidate.trial) if run.winner else None
    parts, plotly = _parts(run, folder), figures.bundle() if charts else ""
    page = str(
        _environment()
        .get_template("report.html")
        .render(
            run=run,
            commands=_commands(run, at or run.name, found.mattered.needed),
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
            focus=focus,
            scaled=sections.scaled(run),
            faults=sections.faults(run),
            finals=finals.section(run),
            cost=sections.cost(run),
            tradeoff=costed,
            searched=(tradeoff.proposals(run), tradeoff.pruning(run), tradeoff.warm_start(run.warm)),
            mattered=found.mattered,
            strips=strips,
            following=found.following,
            beside=beside,
            charts={name: figure["layout"].get("meta") for name, figure in charts.items()},
            **parts,
            style=asset("report.css"),
            plotly=packed(plotly),
            details=packed(json.dumps(details.details(run))),
            figures=packed(json.dumps(charts, allow_nan=False)),
            allowed=" ".join(allowed(text) for text in (*parts["scripts"], plotly) if text),
        )
    )
    return in_game(page, run.other_game)


def _parts(run: Run, folder: RunFolder | None) -> dict[str, Any]:
    """What the sections with files of their own show, their styles and scripts: opponents, replays."""
    found = replays.section(run, folder)
    met = opponents.section(run, folder)
    names = [*(["replay"] if found and found.player else []), *(["opponents"] if met or found else [])]
    return {
        "replays": found,
        "opponents": met,
        "styles": [asset(f"{name}.css") for name in names],
        "scripts": [in_game(asset(f"{name}.js"), run.other_game) for name in ("packed", "report", *names, "live")],
    }


def _charts(
    found: Told,
    curves: pd.DataFrame,
    focus: Sequence[int],
    strips: Sequence[importance.Strip],
    costed: Sequence[tradeoff.Costed],
) -> dict[str, figures.Figure]:
    """Place in the page → figure, only for what has something to show."""
    run, rungs, spans = found.run, tables.rungs(found.run), tables.spans(found.run)
    charts: dict[str, figures.Figure] = {}
    if len(rungs):
        asked = run.question.rungs if run.question else ()
        charts["elo"] = figures.match_elo(rungs, focus, asked, run.other_game)
    charts |= {f"diagnostic-{place}": figure for place, figure in enumerate(figures.diagnostics(curves, focus))}
    if found.mattered.trusted:
        charts["importance"] = figures.importance(found.mattered.rows)
    if costed:
        charts["tradeoff"] = figures.tradeoff(costed)
    if len(spans):
        charts["timeline"] = figures.timeline(spans, run)
    if strips:
        charts["parallel"] = figures.parallel(strips, found.params, focus)
    return charts


def _environment() -> Any:
    from markupsafe import Markup, escape

    environment = html.templates()
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
        "short": formatting.short_keys,
        "unbroken": lambda text: Markup(re.sub(r"\[[^\]]*\]", r'<span class="nobr">\g<0></span>', str(escape(text)))),
        "breakable": lambda key: Markup(re.sub(r"[._]", r"\g<0><wbr>", str(escape(key)))),
    }
    return environment
