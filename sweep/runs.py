"""The runs in a folder: which there are, which is the newest, how each stands, and who drives it."""

import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.markup import escape
from rich.table import Table

from trials import ledger, run_state
from trials.errors import SetupError, SweepError, UsageError, did_you_mean
from trials.events import Event
from trials.folder import RunFolder, is_held
from trials.records import YARDSTICK

RUNS = Path("runs")
Tell = Callable[[str], object]
SPARE = ("best Elo", "began")
"""Columns of `table` that are there where it has room, the first of them first."""


@dataclass(frozen=True)
class Driver:
    """The process that drives a run, or did."""

    pid: int
    host: str
    alive: bool | None
    """Whether it is there; None where it is another machine's."""


def driver(run: RunFolder) -> Driver | None:
    """Who drives the run; None where nobody does, or a driver of another version."""
    try:
        said = json.loads(run.driver.read_text(encoding="utf-8"))
        pid, host, began = int(said["pid"]), str(said["host"]), float(said["began"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host != socket.gethostname():
        return Driver(pid, host, None)
    try:
        same = abs(psutil.Process(pid).create_time() - began) < 1
    except psutil.Error:
        return Driver(pid, host, False)
    # a clock that was set moves when a process began, as the system tells it; a pid may have been dealt out again, too
    return Driver(pid, host, same or is_held(run.lock))


def state(run: RunFolder, events: Sequence[Event]) -> str:
    """`complete`, `interrupted` or `failed`; of a run without an end `running` or `killed`, or both where it is unknown
    which."""
    if (end := run_state.end_of(events)) is not None:
        return end.state
    by = driver(run)
    return "running or killed" if by is None or by.alive is None else "running" if by.alive else "killed"


def newest(runs: Path = RUNS, tell: Tell = lambda note: None, complete: bool = False) -> RunFolder:
    """The run in the folder that was written to last, or, if it must be `complete`, was completed last.

    `tell` is told of those whose ledgers cannot be read. Raises SetupError where there is none.
    """
    if complete:
        ends = [(run, run_state.end_of(events)) for run, events in _runs(runs, tell)]
        found = [(end.time, run) for run, end in ends if end is not None and end.state == "complete"]
        lacking = "a finished run must be there, but {} has none; `make sweep` makes one, `sweep resume` ends one"
        lacking += ", or name the run"
    else:
        found = [(path.stat().st_mtime, RunFolder(path.parent)) for path in sorted(runs.glob("*/ledger.jsonl"))]
        lacking = "a run must be there, but {} has none; `sweep run` makes one, or name its folder"
    if not found:
        raise SetupError(lacking.format(runs))
    return max(found, key=lambda pair: pair[0])[1]


def _runs(runs: Path, tell: Tell) -> list[tuple[RunFolder, list[Event]]]:
    """Every run in the folder with its events; `tell` is told of what cannot be read."""
    found: list[tuple[RunFolder, list[Event]]] = []
    odd: list[str] = []
    for path in sorted(runs.glob("*/ledger.jsonl")):
        try:
            found.append((RunFolder(path.parent), ledger.read(path)))
        except (SweepError, OSError) as error:
            odd.append(f"{path.parent.name} ({error})")
    if odd:
        others = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
        tell(f"passed over, because its ledger cannot be read: {odd[0]}{others}")
    return found


def names() -> list[str]:
    """Of the runs below runs/, ascending."""
    return sorted(path.parent.name for path in RUNS.glob("*/ledger.jsonl"))


def placed(word: str | Path) -> Path:
    """A run's folder as it was given; `.` and what ends with `..` whole, since its name is what the run is called."""
    path = Path(os.path.expanduser(word))
    return path.resolve() if path.name in ("", "..") else path


def called(word: str) -> RunFolder | None:
    """The run in that folder, else the one of that name below runs/; None where there is neither."""
    path = placed(word)
    bare = not path.exists() and len(path.parts) == 1
    return next((RunFolder(one) for one in (path, *[RUNS / word] * bare) if RunFolder(one).ledger.is_file()), None)


def at(word: str) -> RunFolder:
    """The run in that folder or of that name below runs/, else that folder. Raises UsageError where a name is near."""
    found = called(word)
    if found is None and not os.path.exists(os.path.expanduser(word)) and (near := did_you_mean(word, names())):
        raise UsageError(f"a run must be a folder or a name below {RUNS}/, but {word} is neither; {near}")
    return found or RunFolder(placed(word))


@dataclass(frozen=True)
class Line:
    """One run, as `sweep list` shows it."""

    run: str
    """Its folder, as a command takes it."""
    state: str
    over: int
    """Trials of tuning that are."""
    trials: int | None
    """That there are to be; None where the ledger lacks its first line."""
    elo: float | None
    """Of the best trial that was trained whole, in tuning; to be compared with those of the same `ladder` alone."""
    ladder: str | None
    """What it is on: SoccerTwos' ladder, where the house baseline stands at 1200, or a yardstick of the run's own."""
    began: float
    """Unix seconds."""


def listed(runs: Path = RUNS, tell: Tell = lambda note: None) -> list[Line]:
    """Every run in the folder, the newest first; `tell` is told of those whose ledgers cannot be read."""
    found = []
    for run, events in _runs(runs, tell):
        known = run_state.run_of(run.name, events)
        whole = [event.rating for event in run_state.whole(events)[1].values()]
        planned = known.question.trials if known.question is not None else None
        best = max(whole, key=lambda rating: rating.elo, default=None)
        elo, ladder = (round(best.elo, 1), best.ladder) if best is not None else (None, None)
        found.append(Line(str(run.path), state(run, events), known.over, planned, elo, ladder, known.first))
    return sorted(found, key=lambda line: -line.began)


def table(lines: Sequence[Line], ladder: str) -> Table:
    """For a terminal, a line a run; names are never cut. An Elo that is not on the installed `ladder` says so."""
    shown = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    shown.add_column("run", overflow="fold")
    for name in ("state", "trials", "best Elo", "began"):
        shown.add_column(name, no_wrap=True, justify="left" if name == "state" else "right")
    for line in lines:
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(line.began)) if line.began else ""
        shown.add_row(escape(line.run), line.state, f"{line.over}/{line.trials or '?'}", _elo(line, ladder), began)
    return shown


def _elo(line: Line, ladder: str) -> str:
    if line.elo is None or line.ladder is None:
        return ""
    if line.ladder == ladder:
        return f"{line.elo:.0f}"
    on = "own yardstick" if line.ladder.startswith(YARDSTICK) else escape(line.ladder)
    return f"[dim]{line.elo:.0f} ({on})[/dim]"
