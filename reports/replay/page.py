"""Recorded matches → an animation: one offline page, or a part of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports import html
from reports.html import allowed, asset, templates

if TYPE_CHECKING:
    from markupsafe import Markup

    from trials.arena.matches.replay import Replay
from reports.formatting import shown
from reports.replay.pack import pack


def write(path: Path, replays: "Sequence[Replay]", names: tuple[str, str], command: str) -> int:
    """Write the page of `replays` (one or more, between the same players) whole; returns its size in bytes.

    `names` of a and b are shown, as is `command`, what a person types for the same page; both may hold anything."""
    html.write(path, page(replays, names, command))
    return path.stat().st_size


def page(replays: "Sequence[Replay]", names: tuple[str, str], command: str) -> str:
    """The whole page as text."""
    record, told = replays[0].record, _told_apart(names, replays[0])
    return str(
        templates()
        .get_template("replay.html")
        .render(
            a=told[0],
            b=told[1],
            score=score(replays),
            record=record,
            matches=len(replays),
            command=shown(command, 1000),
            player=player(pack(replays, told)),
            style=asset("report.css") + asset("replay.css"),
            script=asset("replay.js"),
            allowed=allowed(asset("replay.js")),
        )
    )


def player(packed: str, lazy: bool = False) -> "Markup":
    """A player of packed replays, for a page with report.css, replay.css and replay.js; `lazy`: as it comes near."""
    from markupsafe import Markup

    return Markup(templates().get_template("player.html").render(data=packed, lazy=lazy))


def score(replays: "Sequence[Replay]") -> str:
    """Of a: `3 won, 1 lost`."""
    results = [replay.record.result for replay in replays]
    counts = ((results.count(1.0), "won"), (results.count(0.5), "drawn"), (results.count(0.0), "lost"))
    return ", ".join(f"{count} {word}" for count, word in counts if count or word == "won")


def _told_apart(names: tuple[str, str], replay: "Replay") -> tuple[str, str]:
    """Names fit to be shown; two different files of one name get the first digits of their hashes."""
    a, b = (shown(name) for name in names)
    if a == b and replay.record.a != replay.record.b:
        return f"{a} ({replay.record.a[:7]})", f"{b} ({replay.record.b[:7]})"
    return a, b
