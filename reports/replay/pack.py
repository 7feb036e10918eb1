"""Recorded matches as one packed text that a page plays, and several of those as one."""

import base64
import binascii
import gzip
import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trials.errors import SetupError
from trials.soccer import constants

if TYPE_CHECKING:
    from trials.arena.matches.replay import Replay  # the game takes a second to import

PER_METRE = 1000
"""Places are kept in whole millimetres,"""
PER_DEGREE = 100
"""headings in hundredths of a degree, within +-180."""


LONGEST = 1 << 22
"""Bytes that a pack may unpack to: ten times what two matches of a thousand decisions do."""


def parts(packed: str) -> tuple[dict[str, Any], bytes]:
    """The header and the rest of what `reports.replay.pack.pack` made. Raises SetupError for anything else."""
    try:
        with gzip.open(io.BytesIO(base64.b64decode(packed, validate=True))) as file:
            data = file.read(LONGEST)
        (size,) = struct.unpack_from("<I", data)
        head, rest = json.loads(data[4 : 4 + size]), data[4 + size :]
        sizes = [(match["frames"], match["decisions"]) for match in head["matches"]]
        sound = isinstance(head["field"], dict) and all(type(n) is int and n > 0 for pair in sizes for n in pair)
        whole = sound and sum(28 * frames + 4 * decisions for frames, decisions in sizes) == len(rest)
    except (OSError, EOFError, ValueError, KeyError, TypeError, struct.error, binascii.Error) as error:
        raise SetupError(f"replays must be packed whole, but these are not ({type(error).__name__})") from None
    if not whole:
        raise SetupError("replays must be packed whole, but these end early")
    return head, rest


def join(packs: Sequence[tuple[str, tuple[str, str]]], titles: Sequence[str]) -> str:
    """Packs of different players as one, each with its names of a and b; `titles` of all matches in their order."""
    heads, bodies = zip(*(parts(packed) for packed, _ in packs), strict=True)
    matches = [
        match | {"names": list(names)}
        for head, (_, names) in zip(heads, packs, strict=True)
        for match in head["matches"]
    ]
    told = [match | {"title": title} for match, title in zip(matches, titles, strict=True)]
    return _whole({"names": packs[0][1], "field": heads[0]["field"], "matches": told}, bodies)


def pack(replays: "Sequence[Replay]", names: tuple[str, str]) -> str:
    """base64 of gzip of: length of the header, header (JSON), then every match's bodies and actions.

    Bodies: 14 columns (ball x, z; x, z, yaw of each agent) of int16, one after another, as second differences modulo
    2**16 in zigzag; of a match first all low bytes, then all high ones. Actions: a byte for each agent and decision,
    run + 3 strafe + 9 turn.
    """
    bodies = []
    for replay in replays:
        bodies.append(_planes(columns(replay)))
        bodies.append((replay.actions @ np.array([1, 3, 9], np.int8)).astype(np.uint8).tobytes())
    return _whole({"names": names, "field": _field(), "matches": [_match(replay) for replay in replays]}, bodies)


def _whole(header: Mapping[str, Any], bodies: Sequence[bytes]) -> str:
    text = json.dumps(header, separators=(",", ":")).encode()
    whole = b"".join([struct.pack("<I", len(text)), text, *bodies])
    return base64.b64encode(gzip.compress(whole, 9, mtime=0)).decode()


def columns(replay: "Replay") -> NDArray[np.int16]:
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


def _match(replay: "Replay") -> dict[str, Any]:
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
