"""Data frames → plotly figures (pure), as plotly.js reads them. Colours are roles, `var(--name)` of report.css, which
report.js resolves.

plotly's own classes check each point of a figure, a third of a page's time; tests have them check these.
"""

import html
import math
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, TypedDict

import pandas as pd

from reports.formatting import short_keys, shown
from reports.run.findings import HOUSE_ELO
from reports.run.importance import Importance, Strip, elo_strip, good, lines
from reports.run.metrics import LABELS
from reports.run.tradeoff import Costed
from trials.run_state import Run

STATES = ("complete", "pruned", "failed", "stopped", "running")

Trace = dict[str, Any]


class Figure(TypedDict):
    """What plotly.js draws."""

    data: list[Trace]
    layout: dict[str, Any]


def bundle() -> str:
    """plotly.js as the plotly package ships it: always the version that these figures are made for."""
    return files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")


def _layout(**more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "margin": {"l": 56, "r": 16, "t": 12, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "var(--ink-2)", "size": 13},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": _axis(),
        "yaxis": _axis(),
    }
    return plain | more


def _axis(title: str = "", **more: Any) -> dict[str, Any]:
    line = {"gridcolor": "var(--grid)", "linecolor": "var(--rule)", "zerolinecolor": "var(--rule)"}
    return line | {"title": {"text": title, "standoff": 8, "font": {"size": 13}}, "automargin": True} | more


def match_elo(rungs: pd.DataFrame, focus: Sequence[int], asked: Sequence[int], yardstick: bool = False) -> Figure:
    """Match Elo over steps: one quiet trace holds every trial, crosses mark where trials were pruned.

    The page draws the trials in focus over it from the trace's customdata, [trial, step, low, high] a point.
    """
    marks = [
        {"type": "line", "x0": r, "x1": r, "yref": "paper", "y0": 0, "y1": 1, "layer": "below",
         "line": {"color": "var(--rule)", "dash": "dot", "width": 1}}
        for r in asked
    ]  # fmt: skip
    ticks = {"tickvals": [0, *asked]} if 0 < len(asked) <= 6 else {}
    house = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": HOUSE_ELO, "y1": HOUSE_ELO, "layer": "below",
             "line": {"color": "var(--ink-3)", "width": 1}}  # fmt: skip
    label = {"xref": "paper", "x": 0, "xanchor": "left", "xshift": 6, "y": HOUSE_ELO, "yanchor": "bottom",
             "showarrow": False, "text": "mean of the yardstick" if yardstick else "house baseline",
             "font": {"size": 11, "color": "var(--ink-3)"}}  # fmt: skip
    points = rungs.sort_values(["trial", "steps"])
    context = _context(points, "elo", "%{y:.0f} Elo [%{customdata[2]:.0f}, %{customdata[3]:.0f}]", ["low", "high"])
    context.update(mode="lines+markers", marker={"size": 4, "color": "var(--quiet)"})
    cut = points[(points["state"] == "pruned") & points["last"]]
    pruned = dict(
        type="scatter",
        x=cut["steps"].tolist(),
        y=[_short(elo) for elo in cut["elo"]],
        customdata=[[int(t)] for t in cut["trial"]],
        mode="markers",
        marker={"symbol": "x-thin", "size": 8, "line": {"width": 1.5, "color": "var(--pruned)"}},
        hovertemplate="trial %{customdata[0]} pruned here, %{y:.0f} Elo<extra></extra>",
    )
    return Figure(
        data=[context, pruned],
        layout=_layout(
            shapes=[house, *marks],
            annotations=[label],
            xaxis=_axis("Trainer steps", tickformat="~s", rangemode="tozero", showgrid=False, **ticks),
            yaxis=_axis(f"Match Elo on the {'yardstick' if yardstick else 'ladder'}"),
            meta={"focus": list(focus)},
        ),
    )


def diagnostics(curves: pd.DataFrame, focus: Sequence[int]) -> tuple[Figure, ...]:
    """One figure for each summary that is known by name and was written at least once; ghost Elo last."""
    found = set(curves["name"].unique())
    return tuple(
        _diagnostic(curves[curves["name"] == name], label, focus) for name, label in LABELS.items() if name in found
    )


def _diagnostic(points: pd.DataFrame, label: str, focus: Sequence[int]) -> Figure:
    ordered = points.sort_values(["trial", "step"]).rename(columns={"step": "steps"})
    context = _context(ordered, "value", "%{y:.4~g}", [])
    axes = {"xaxis": _axis("Trainer steps", tickformat="~s", rangemode="tozero"), "yaxis": _axis(html.escape(label))}
    return Figure(data=[context], layout=_layout(**axes, meta={"focus": list(focus), "label": label}))


def _context(points: pd.DataFrame, value: str, hover: str, extra: list[str]) -> Trace:
    """All trials as one trace with gaps: a thousand trials cost what one does."""
    x: list[int | None] = []
    y: list[float | None] = []
    data: list[list[Any]] = []
    for trial, part in points.groupby("trial", sort=True):
        x += [*(int(s) for s in part["steps"]), None]
        y += [*(_short(v) for v in part[value]), None]
        ends = part[extra].to_numpy(float).tolist()
        data += [[trial, int(s), *map(_short, row)] for s, row in zip(part["steps"], ends, strict=True)]
        data.append([trial])
    template = "trial %{customdata[0]}, %{customdata[1]:,} steps<br>" + hover + "<extra></extra>"
    return dict(
        type="scatter",
        x=x,
        y=y,
        customdata=data,
        mode="lines",
        line={"width": 1, "color": "var(--quiet)"},
        hovertemplate=template,
    )


def _short(value: float) -> float | None:
    """Five significant digits: what a pixel can show, at half the file. None where no pixel can."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def importance(rows: Sequence[Importance]) -> Figure:
    """Bars of lost Elo with their spread, largest on top."""
    up = list(reversed(rows))
    names = short_keys(row.key for row in up)  # bars of one name would be stacked
    labels = [_in_two(html.escape(names[row.key])) for row in up]
    bars = dict(
        type="bar",
        orientation="h",
        x=[_short(row.loss) for row in up],
        y=labels,
        customdata=[[html.escape(row.key)] for row in up],
        error_x={
            "array": [_short(row.spread) for row in up],
            "color": "var(--ink-3)",
            "thickness": 1.2,
            "width": 3,
        },
        marker={"color": ["var(--c1)" if row.loss > row.spread else "var(--quiet)" for row in up]},
        hovertemplate="%{customdata[0]}: %{x:.1f} Elo<extra></extra>",
    )
    height = 80 + 26 * len(rows) + 12 * sum("<br>" in label for label in labels)
    return Figure(data=[bars], layout=_layout(height=height, xaxis=_axis("Elo lost when shuffled"), bargap=0.45))


def parallel(strips: Sequence[Strip], params: pd.DataFrame, focus: Sequence[int]) -> Figure:
    """Parallel coordinates, one row a hyperparameter and one for Elo: a line a trial, through its places on them.

    Plotly's own parcoords needs WebGL and `unsafe-eval`, which the page's policy forbids, and names no single trial.
    """
    rows = [*strips, elo_strip(params)]
    called = short_keys(row.key for row in rows)
    through = lines(rows, params)

    def drawn(trials: Iterable[int], colour: str) -> Trace:
        points = [point for trial in trials for point in (*((trial, *each) for each in through[trial]), None)]
        return dict(
            type="scatter",
            x=[_short(point[2]) if point else None for point in points],
            y=[point[1] if point else None for point in points],
            customdata=[[point[0], point[1], html.escape(point[3])] if point else [None] for point in points],
            mode="lines", line={"width": 1, "color": colour},
            hovertemplate="trial %{customdata[0]}: %{customdata[2]}<extra></extra>",
        )  # fmt: skip

    small = {"size": 11, "color": "var(--ink-3)"}
    right = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "showarrow": False, "font": small}
    names = [
        f"{_in_two(html.escape(called[row.key]))}<br><span style='font-size:11px'>"
        f"{html.escape(shown(row.ends[0], 14))}</span>"
        for row in rows
    ]
    ticks: dict[str, Any] = {"tickvals": list(range(len(rows))), "ticktext": names, "range": [len(rows) - 0.7, -0.6]}
    return Figure(
        data=[drawn(sorted(through), "var(--quiet)"), drawn(sorted(good(params)), "var(--ink-3)")],
        layout=_layout(
            height=70 + 44 * len(rows),
            xaxis=_axis(range=[-0.02, 1.02], visible=False),
            yaxis=_axis(**ticks, zeroline=False),
            annotations=[right | {"y": at, "text": html.escape(shown(row.ends[1], 14))} for at, row in enumerate(rows)],
            margin={"l": 56, "r": 64, "t": 12, "b": 12},
            meta={"focus": list(focus), "unnamed": True},
        ),
    )


def tradeoff(rows: Sequence[Costed]) -> Figure:
    """Elo over cost, whole trials as points with their intervals, the front of those beaten by nobody as a line."""
    front = [row for row in rows if row.front]
    steps = dict(
        type="scatter",
        x=[_short(row.cost) for row in front],
        y=[_short(row.rating.elo) for row in front],
        mode="lines",
        line={"shape": "hv", "width": 1, "color": "var(--c1)"},
        hoverinfo="skip",
    )
    points = dict(
        type="scatter",
        x=[_short(row.cost) for row in rows],
        y=[_short(row.rating.elo) for row in rows],
        error_y={
            "array": [_short(row.rating.high - row.rating.elo) for row in rows],
            "arrayminus": [_short(row.rating.elo - row.rating.low) for row in rows],
            "symmetric": False, "color": "var(--quiet)", "thickness": 1.2, "width": 0,
        },
        customdata=[[row.trial.number] for row in rows],
        text=_apart([(row.cost, row.rating.elo, str(row.trial.number) if row.front else "") for row in rows]),
        textposition="top left",
        mode="markers+text",
        marker={"size": 8, "color": ["var(--c1)" if row.front else "var(--quiet)" for row in rows]},
        hovertemplate="trial %{customdata[0]}: %{y:.0f} Elo, %{x:.0f} s per million steps<extra></extra>",
    )  # fmt: skip
    return Figure(
        data=[points, steps],  # report.js reads the first trace's customdata
        layout=_layout(xaxis=_axis("Seconds of training per million steps"), yaxis=_axis("Match Elo on the ladder")),
    )


def _apart(points: Sequence[tuple[float, float, str]]) -> list[str]:
    """Each point's label but those that would lie over an earlier one."""
    wide = max(x for x, _, _ in points) - min(x for x, _, _ in points)
    high = max(y for _, y, _ in points) - min(y for _, y, _ in points)
    put: list[tuple[float, float]] = []
    said = []
    for x, y, label in points:
        free = not any(abs(x - a) <= 0.04 * wide and abs(y - b) <= 0.05 * high for a, b in put)
        said.append(label if free else "")
        put += [(x, y)] if label and free else []
    return said


def _in_two(word: str) -> str:
    """A long name broken at the underscore or dot nearest its middle."""
    places = [place for place, letter in enumerate(word) if letter in "_."] if len(word) > 18 else []
    cut = min(places, key=lambda place: abs(place - len(word) / 2), default=len(word)) + 1
    return f"{word[:cut]}<br>{word[cut:]}" if word[cut:] else word


def timeline(spans: pd.DataFrame, run: Run) -> Figure:
    """Trainer processes on the sweep's slots, in minutes (hours for long sweeps) from the first start."""
    total = float((spans["start"] + spans["seconds"]).max()) if len(spans) else 0.0
    unit, name = (3600.0, "hours") if total > 3 * 3600 else (60.0, "minutes")
    called = {trial.number: trial.spec.called for trial in (*run.trials, *run.retrained)}
    bars = [
        dict(
            type="bar",
            orientation="h",
            name=state,
            base=(part["start"] / unit).round(3).tolist(),
            x=(part["seconds"] / unit).round(3).tolist(),
            y=[f"slot {slot}" for slot in part["slot"]],
            text=[called[trial].removeprefix("trial ").partition(" ")[0] for trial in part["trial"]],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            customdata=[[called[trial]] for trial in part["trial"]],
            marker={"color": f"var(--{state})", "line": {"color": "var(--page)", "width": 1}},
            hovertemplate=f"%{{customdata[0]}}, {state}: %{{x:.1f}} {name}<extra></extra>",
        )
        for state in STATES
        if len(part := spans[spans["state"] == state])
    ]
    slots = sorted({int(slot) for slot in spans["slot"]} | set(range(run.question.slots if run.question else 0)))
    axis = _axis("", categoryorder="array", categoryarray=[f"slot {slot}" for slot in reversed(slots)], type="category")
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"}
    return Figure(
        data=bars,
        layout=_layout(
            barmode="overlay",
            uniformtext={"minsize": 9, "mode": "hide"},
            bargap=0.25,
            height=130 + 34 * len(slots),
            showlegend=True,
            legend=legend,
            margin={"l": 56, "r": 16, "t": 36, "b": 44},
            xaxis=_axis(f"{name.capitalize()} since the first trial began", rangemode="tozero"),
            yaxis=axis,
        ),
    )
