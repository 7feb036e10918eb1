"""Recorded matches → an animation: one offline page, or a part of one."""

import base64
import gzip
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reports.page import HERE, allowed, templates
from trials.arena.replay import Replay
from trials.folder import written_whole
from trials.soccer import constants

if TYPE_CHECKING:
    from markupsafe import Markup

PER_METRE = 1000
"""Places are kept in whole millimetres,"""
PER_DEGREE = 100
"""headings in hundredths of a degree, within +-180."""

LONGEST_NAME = 80


def write(path: Path, replays: Sequence[Replay], names: tuple[str, str], command: str) -> int:
    """Write the page of `replays` (one or more, between the same players) whole; returns its size in bytes.

    `names` of a and b are shown, as is `command`, what a person types for the same page; both may hold anything."""
    text = page(replays, names, command).encode()
    with written_whole(path) as temporary:
        temporary.write_bytes(text)
        temporary.chmod(0o644)
    return len(text)


def page(replays: Sequence[Replay], names: tuple[str, str], command: str) -> str:
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
            player=fragment(replays, names),
            style=(HERE / "report.css").read_text(encoding="utf-8") + style(),
            script=script(),
            allowed=allowed(script()),
        )
    )


def fragment(replays: Sequence[Replay], names: tuple[str, str]) -> "Markup":
    """A player of `replays`, to be put into a page that has `style()`, the colours of report.css and `script()`."""
    from markupsafe import Markup

    text = templates().get_template("player.html").render(data=pack(replays, _told_apart(names, replays[0])))
    return Markup(text)


def style() -> str:
    return (HERE / "replay.css").read_text(encoding="utf-8")


def script() -> str:
    """Brings every player of the page to life."""
    return (HERE / "replay.js").read_text(encoding="utf-8")


def score(replays: Sequence[Replay]) -> str:
    """Of a: `3 won, 1 lost`."""
    results = [replay.record.result for replay in replays]
    counts = ((results.count(1.0), "won"), (results.count(0.5), "drawn"), (results.count(0.0), "lost"))
    return ", ".join(f"{count} {word}" for count, word in counts if count or word == "won")


def shown(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that may come from a file: on one line, without what cannot be printed, and no longer than `longest`."""
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def pack(replays: Sequence[Replay], names: tuple[str, str]) -> str:
    """base64 of gzip of: length of the header, header (JSON), then every match's bodies and actions.

    Bodies: 14 columns (ball x, z; x, z, yaw of each agent) of int16, one after another, as second differences modulo
    2**16 in zigzag; of a match first all low bytes, then all high ones. Actions: a byte for each agent and decision,
    run + 3 strafe + 9 turn.
    """
    header = {
        "names": names,
        "field": _field(),
        "matches": [_match(replay) for replay in replays],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    parts = [struct.pack("<I", len(text)), text]
    for replay in replays:
        parts.append(_planes(columns(replay)))
        parts.append((replay.actions @ np.array([1, 3, 9], np.int8)).astype(np.uint8).tobytes())
    return base64.b64encode(gzip.compress(b"".join(parts), 9, mtime=0)).decode()


def columns(replay: Replay) -> NDArray[np.int16]:
    """(14, frames): ball x, z; then x, z, yaw of each agent; in millimetres and hundredths of a degree."""
    frames = len(replay.ball)
    agents = replay.agents * PER_METRE
    yaw = np.rad2deg(replay.agents[:, :, 2])
    agents[:, :, 2] = PER_DEGREE * (yaw - 360 * np.round(yaw / 360))
    every = np.concatenate([replay.ball * PER_METRE, agents.reshape(frames, -1)], axis=1)
    table: NDArray[np.int16] = np.rint(every).astype(np.int16).T
    return table


def _planes(table: NDArray[np.int16]) -> bytes:
    for _ in range(2):
        table = np.diff(table, axis=1, prepend=np.int16(0))  # modulo 2**16, and so is the way back
    zigzag = ((table << 1) ^ (table >> 15)).astype(np.uint16).ravel()
    return (zigzag & 255).astype(np.uint8).tobytes() + (zigzag >> 8).astype(np.uint8).tobytes()


def _match(replay: Replay) -> dict[str, Any]:
    record = replay.record
    return {
        "number": record.number,
        "aTeam": record.a_team,
        "outcome": replay.outcome,
        "decisions": record.decisions,
        "frames": len(replay.ball),
        "touches": [[touch.step, touch.agent, int(touch.kicked)] for touch in replay.touches],
    }


def _field() -> dict[str, Any]:
    """The geometry, in metres and degrees, as the page draws it and casts rays in it."""
    return {
        "ring": constants.RING,
        "ball": constants.BALL_RADIUS,
        "agent": constants.AGENT_RADIUS,
        "goal": [constants.GOAL_FLOOR_X, *constants.GOAL_FLOOR_HALF],
        "dt": constants.DT,
        "period": constants.DECISION_PERIOD,
        "ray": [constants.RAY_LENGTH, constants.RAY_RADIUS, constants.RAY_RISE],
        "angles": constants.FORWARD_RAYS + constants.BACK_RAYS,
        "perMetre": PER_METRE,
        "perDegree": PER_DEGREE,
    }


def _told_apart(names: tuple[str, str], replay: Replay) -> tuple[str, str]:
    """Names fit to be shown; two different files of one name get the first digits of their hashes."""
    a, b = (shown(name) for name in names)
    if a == b and replay.record.a != replay.record.b:
        return f"{a} ({replay.record.a[:7]})", f"{b} ({replay.record.b[:7]})"
    return a, b
