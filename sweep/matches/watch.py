"""Two models play matches to be looked at: what `sweep watch` writes."""

import os
import shlex
from pathlib import Path

from reports import formatting
from reports.replay import page as pages
from sweep import models
from sweep.matches.conditions import SEED, WATCHED
from trials.arena.matches import replay
from trials.arena.players.load import load
from trials.errors import SetupError, UsageError
from trials.results import WatchedMatch, WatchResult


def watch(a: str, b: str, matches: int, seed: int, out: Path) -> WatchResult:
    """Play `matches`, an even number, between two models named as `sweep.models.resolve` takes them.

    Writes the page `out`. Raises BadPolicy, SetupError."""
    WATCHED.must("matches", matches)
    SEED.must("seed", seed)
    _refuse(out)
    named = models.told_apart([models.resolve(a), models.resolve(b)])
    first, second = (load(model.load) for model in named)
    played, replays = replay.record(first, second, matches // 2, seed)
    names = named[0].name, named[1].name
    words = ["sweep", "watch", models.typed(a), models.typed(b), "--matches", str(matches), "--seed", str(seed)]
    size = pages.write(out, replays, names, shlex.join(words))
    return WatchResult(
        page=str(out),
        bytes=size,
        a=names[0],
        b=names[1],
        a_sha256=named[0].sha256,
        b_sha256=named[1].sha256,
        score=pages.score(replays),
        matches=[
            WatchedMatch(record.number, ("blue", "purple")[record.a_team], record.result, record.decisions)
            for record in played.records
        ],
        seed=seed,
        environment=played.records[0].environment,
    )


def text(found: WatchResult) -> str:
    """The same for a person, on one line."""
    a, b = formatting.shown(found.a), formatting.shown(found.b)
    lengths = ", ".join(str(match.decisions) for match in found.matches[:8])
    more = ", …" if len(found.matches) > 8 else ""
    return f"{found.page}: {a} against {b}: {found.score} ({lengths}{more} decisions; {found.bytes / 1000:.0f} kB)"


def _refuse(out: Path) -> None:
    """Say what is wrong with a path before anything is played. Raises SetupError."""
    if out.is_dir():
        raise UsageError(
            f"--out must be a file, but {out} is a folder; name a file in it, such as {out / 'match.html'}"
        )
    nearest = next(folder for folder in out.absolute().parents if folder.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise SetupError(f"--out must be in a folder that can be written to, but {nearest} is none; name another")
