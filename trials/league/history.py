"""A league's history as a file: a line a match, appended in whole pairs, repaired, and taken in whatever wrote it.

The file is a superset of AI vs AI's `soccer_history.csv`, and one of that format is read as well: its matches have no
side, seed, pair or length and stand in an environment of their own, `ai-vs-ai`. A line:

    model1, model2    `author/name`; the name a player had when it played
    timestamp         unix seconds
    result            of model1: 1.0, 0.5, 0.0
    player1, player2  the first 16 digits of the policy file's sha256, or a built-in player's name
    round             of the league, from 1
    seed, pair        with the players, all that the match depends on (trials.arena.matches.match); a pair's two
                      exchange sides
    side1             of model1: blue, purple
    goals1, goals2
    decisions         decision steps
    environment       version of the environment's rules
"""

import csv
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path

from trials.arena.ratings import ai_vs_ai, sheet
from trials.errors import SetupError
from trials.ledger import append_lines
from trials.records import MatchRecord

COLUMNS = (
    *ai_vs_ai.HISTORY,
    *("player1", "player2", "round", "seed", "pair", "side1", "goals1", "goals2", "decisions", "environment"),
)
SHORT = 16
"""Digits of a sha256 that stand for a player."""
SIDES = ("blue", "purple")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def short(sha256: str) -> str:
    """A player as the history has it, from its sha256; other names, a built-in's, are what they are."""
    return sha256[:SHORT] if _SHA256.fullmatch(sha256) else sha256


def append(path: Path, round_number: int, names: tuple[str, str], records: Sequence[MatchRecord]) -> None:
    """Append whole pairs of one pairing, whose a and b are called `names`. Raises OSError."""
    new = not path.exists() or path.stat().st_size == 0
    one, two = map(ai_vs_ai.listed, names)
    out = io.StringIO()
    written = csv.writer(out, lineterminator="\n")
    written.writerows([COLUMNS] if new else [])
    for r in records:
        own = (short(r.a), short(r.b), round_number, r.seed, r.pair, SIDES[r.a_team])
        written.writerow((one, two, int(r.time), r.result, *own, r.goals_a, r.goals_b, r.decisions, r.environment))
    append_lines(path, out.getvalue().encode("utf-8", "backslashreplace"))


def repair(path: Path) -> int:
    """Cut off what a process that died left behind the last whole pair; how many bytes that was.

    Only for the process that holds the league's lock.
    """
    if not path.is_file():
        return 0
    data = path.read_bytes()
    end = len(whole(data))
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())
    return len(data) - end


def is_own(data: bytes) -> bool:
    """Whether a file begins as a league writes its history: empty, or cut off in the first line, it does."""
    own, (line, end, _) = ",".join(COLUMNS).encode(), data.partition(b"\n")
    return line.rstrip(b"\r") == own if end else own.startswith(line.rstrip(b"\0"))


def tidied(path: Path) -> tuple[bytes, str]:
    """A history as a league, or AI vs AI, would have written it, and a note of what it was taken for; empty: it was so.

    Other files are read by their columns' names (trials.arena.ratings.sheet). Raises SetupError.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SetupError(f"a history must be a file that can be read, but {path}: {error.strerror}") from None
    if is_own(data):
        return data, ""
    out = io.StringIO()
    written = csv.writer(out, lineterminator="\n")
    if not {"player1", "player2"} & {*sheet.names(data)}:
        rows, note = ai_vs_ai.opened(path)
        written.writerow(ai_vs_ai.HISTORY)
        written.writerows((row.model1, row.model2, row.timestamp, row.result) for row in rows)
        return out.getvalue().encode(), note
    try:
        found = sheet.read(data, COLUMNS)
    except sheet.Odd as error:
        raise SetupError(
            f"a league's history must be as `sweep league run` writes it, but line {error.line} of {path} is not:"
            f" {error}; fix the line"
        ) from None
    written.writerow(COLUMNS)
    written.writerows([*line[:4], *map(sheet.whole, line[4:])] for _, line in found.lines)
    return out.getvalue().encode(), ai_vs_ai.noted(path, "a league's history", found)


def whole(data: bytes) -> bytes:
    """A history without a half line or half a pair at its end."""
    data = data.rstrip(b"\0")  # which a file system may leave in place of what a lost machine was writing
    data = data[: data.rfind(b"\n") + 1]
    lines = data[-4096:].splitlines(keepends=True)
    header = data.split(b"\n", 1)[0].split(b",")
    if len(header) == len(COLUMNS) and lines and _tail(lines[-1])[5:6] == [b"blue"]:  # a pair's first match
        return data[: len(data) - len(lines[-1])]
    return data


def _tail(line: bytes) -> list[bytes]:
    """The ten columns of the league's own, in which nothing is ever quoted."""
    return line.rstrip(b"\r\n").rsplit(b",", 10)[1:]
