"""Figures and tables → one self-contained HTML file that opens offline and is forbidden every request."""

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trials import ledger
from trials.folder import RunFolder, written_whole

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from reports.matters import Matters
    from reports.tables import Ranked, Run

HERE = Path(__file__).parent


def build(run: RunFolder) -> Path:
    """Read the ledger and the trials' metrics, write `report.html` whole, return its path.

    Works on a run that goes on, is empty or is partly broken. Raises SetupError where there is no readable ledger.
    """
    from reports import metrics, tables

    events = ledger.read(run.ledger)
    numbers = [trial.number for trial in tables.run_of(run.name, events).trials]
    curves = metrics.curves(run, numbers)
    page = render(tables.run_of(run.name, events, metrics.reached(curves)), curves, run)
    with written_whole(run.report) as path:
        path.write_text(page, encoding="utf-8")
        path.chmod(0o644)
    return run.report


def render(run: "Run", curves: "pd.DataFrame", folder: RunFolder | None = None) -> str:
    """The whole page as text. Every word of the ledger goes through the template's escaping, or packed.

    `folder`, where there is one, holds the match logs and replays.
    """
    from reports import figures, finals, matters, sections, tables, tradeoff

    ranked = tables.ranking(run)
    params = tables.params(run)
    mattered = matters.matters(params)
    charts = figures_of(run, ranked, curves, mattered)
    parts = shown(run, folder)
    script, plotly = (HERE / "report.js").read_text(encoding="utf-8"), figures.bundle() if charts else ""
    return str(
        _environment()
        .get_template("report.html")
        .render(
            run=run,
            ranked=ranked,
            first=sections.first_screen(run, ranked),
            winner=sections.winner(run, ranked),
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
            strips=matters.strips(params),
            charts={name: figure.layout.meta for name, figure in charts.items()},
            **parts,
            style=(HERE / "report.css").read_text(encoding="utf-8"),
            script=script,
            plotly=_packed(plotly),
            figures=_packed(json.dumps({name: json.loads(f.to_json()) for name, f in charts.items()})),
            allowed=" ".join(allowed(text) for text in (script, plotly, *parts["scripts"]) if text),
        )
    )


def shown(run: "Run", folder: RunFolder | None) -> dict[str, Any]:
    """What the sections with files of their own show, their styles and scripts: opponents, replays."""
    from reports import opponents, replays

    found = replays.section(run, folder)
    met = opponents.section(run, folder)
    names = [*(["replay"] if found and found.player else []), *(["opponents"] if met or found else [])]
    return {
        "replays": found,
        "opponents": met,
        "styles": [(HERE / f"{name}.css").read_text(encoding="utf-8") for name in names],
        "scripts": [(HERE / f"{name}.js").read_text(encoding="utf-8") for name in names],
    }


def figures_of(
    run: "Run", ranked: tuple["Ranked", ...], curves: "pd.DataFrame", mattered: "Matters"
) -> dict[str, "go.Figure"]:
    """Place in the page → figure, only for what has something to show."""
    from reports import figures, sections, tables, tradeoff

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


def templates() -> Any:
    """The jinja2 environment of every page here: what is put in is escaped, and what is missing is an error."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _environment() -> Any:
    from markupsafe import Markup

    from reports import figures, marks, verdict

    environment = templates()
    environment.filters |= {
        "steps": marks.steps,
        "span": marks.span,
        "moment": marks.moment,
        "counts": marks.counts,
        "score": marks.score,
        "value": marks.value,
        "elo": verdict.elo,
        "interval": verdict.interval,
        "short": figures.short_key,
        "breakable": lambda key: Markup("_<wbr>").join(key.split("_")),  # join escapes the parts
    }
    return environment


def _packed(text: str) -> str:
    """gzip in base85 (base64 would be 6 % longer), with `,` for `<` so that HTML sees no markup in it."""
    return base64.b85encode(gzip.compress(text.encode(), 9, mtime=0)).decode().replace("<", ",")


def allowed(script: str) -> str:
    """As a Content-Security-Policy names a script it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
