"""AI-vs-AI's files and its Elo: histories written, read and rated, match by match as it did or by the joint fit.

AI-vs-AI is Hugging Face's public league of SoccerTwos models. Its history has a line a match: model1 and model2
(`author/name`), timestamp (unix seconds) and result (of model1: 1.0, 0.5, 0.0). There is no side, seed, goal, length,
version or pair in it, so a history is not made into match records, which would have to invent them.
"""

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trials.arena.ratings import sheet
from trials.arena.ratings.pentanomial import Reals
from trials.errors import SetupError
from trials.folder import written_whole
from trials.records import MatchRecord

ENVIRONMENT = "ai-vs-ai"
"""What ratings of published histories are stamped with: Unity's game, its version not told."""
START = 1200.0
K, DIVISOR = 20.0, 500.0
"""Of its Elo: 500 points are odds of 10; classic Elo needs 400."""
HISTORY = ("model1", "model2", "timestamp", "result")
ELO = ("rank", "author", "model", "elo", "games_played")


@dataclass(frozen=True)
class Row:
    """A match as AI-vs-AI publishes it. Raises ValueError for what could not stand in its file."""

    model1: str
    """`author/name`, printable; neither is empty."""
    model2: str
    timestamp: int
    """Unix seconds, 0 or more."""
    result: float
    """Of model1: won 1, drawn 0.5, lost 0."""

    def __post_init__(self) -> None:
        _parts(self.model1)
        _parts(self.model2)
        if self.timestamp < 0:
            raise ValueError(f"timestamp must be 0 or more unix seconds, but got {self.timestamp}")
        if self.result not in (0.0, 0.5, 1.0):
            raise ValueError(f"result must be 1.0, 0.5 or 0.0, but got {self.result}")


@dataclass(frozen=True)
class EloRow:
    """A model's place in AI-vs-AI's table."""

    model: str
    elo: float
    games_played: int


def rows(records: Iterable[MatchRecord], names: Mapping[str, str]) -> list[Row]:
    """Matches as history rows, in the order given; a player without an author, `author/name`, gets `local`."""

    return [Row(listed(names.get(r.a, r.a)), listed(names.get(r.b, r.b)), int(r.time), r.result) for r in records]


def listed(name: str) -> str:
    """A player's name as a history has it, with a question mark for what cannot be printed, no space around it."""
    name = "".join(character if character.isprintable() else "?" for character in name)
    name = unicodedata.normalize("NFC", name.strip())
    author, _, rest = name.partition("/")
    return name if author and rest else f"local/{name.strip('/') or '?'}"


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write `soccer_history.csv` as published, replacing what is there."""
    _write(path, HISTORY, ((row.model1, row.model2, row.timestamp, float(row.result)) for row in rows))


def opened(path: Path) -> tuple[list[Row], str]:
    """Read a `soccer_history.csv`, in its order, with a note of what it was taken for; empty: it is just as published.

    Other people's tools write it, too: columns are found by name (trials.arena.ratings.sheet). Raises SetupError, with
    the line, for what is none.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SetupError(f"a history must be a file that can be read, but {path}: {error.strerror}") from None
    try:
        found = sheet.read(data, HISTORY)
        rows = [_at(line, fields) for line, fields in found.lines]
    except sheet.Odd as odd:
        raise SetupError(
            f"a history must be as AI-vs-AI publishes it, but line {odd.line} of {path} is not: {odd}; fix the line"
        ) from None
    return rows, noted(path, "AI vs AI's history", found)


def noted(path: Path, kind: str, found: sheet.Sheet) -> str:
    """What a file was taken for; empty where nothing had to be tidied."""
    return f"{path.name} is read as {kind}: {'; '.join(found.tidied)}" if found.tidied else ""


def online_elo(rows: Sequence[Row]) -> list[EloRow]:
    """AI-vs-AI's own Elo, match by match in the order given (`follow`), the best first; equals as they appeared."""
    elo: dict[str, float] = {}
    follow(elo, ((row.model1, row.model2, row.result) for row in rows))
    played = Counter(model for row in rows for model in (row.model1, row.model2))
    return sorted((EloRow(model, elo[model], played[model]) for model in elo), key=lambda row: -row.elo)


def follow(elo: dict[str, float], results: Iterable[tuple[str, str, float]]) -> None:
    """Go on with AI-vs-AI's Elo, match by match: models or players one and two, and the result of one.

    One gains K times its result less the expected 1 / (1 + 10 ** (-(elo1 - elo2) / DIVISOR)), and two loses as much;
    there is no floor. Who is new begins at START, and who plays itself stays where it is.
    """
    for one, two, result in results:
        gain = K * (result - 1 / (1 + 10 ** ((elo.get(two, START) - elo.get(one, START)) / DIVISOR)))
        elo[one] = elo.get(one, START) + gain
        elo[two] = elo.get(two, START) - gain


def write_elo(path: Path, standings: Sequence[EloRow]) -> None:
    """Write `soccer_elo.csv` as published, ranks in the order given, replacing what is there.

    Raises ValueError for a model that is not `author/name`.
    """
    places = ((n, *_parts(s.model), float(s.elo), s.games_played) for n, s in enumerate(standings, 1))
    _write(path, ELO, places)


def table(rows: Iterable[Row]) -> dict[tuple[str, str], Reals]:
    """Outcomes for `trials.arena.ratings.bradley_terry.fit`: pairing, whichever of the two was model1, to counts (5,)
    for its first.

    Each two successive matches of a pairing are a pair; as they were played apart, the fit's interval, which rests on
    the spread of pairs, is right however they are joined, and its ratings do not depend on it. A match left over is
    half a pair of its own score: it moves the ratings as one match, no more and no less, but its share of the variance
    is twice that of a match, as if its missing twin had ended alike. So where most pairings were played once,
    intervals are up to 1.41 times too wide, and never too narrow for it. A model's matches against itself tell nothing
    and are left out.
    """
    scores: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if (row.model2, row.model1) in scores:
            scores[row.model2, row.model1].append(1 - row.result)
        elif row.model1 != row.model2:
            scores.setdefault((row.model1, row.model2), []).append(row.result)
    return {pairing: _outcomes(results) for pairing, results in scores.items()}


def _outcomes(results: Sequence[float]) -> Reals:
    counts = np.zeros(5)
    for at in range(0, len(results), 2):
        pair = results[at : at + 2]
        counts[round(4 * sum(pair) / len(pair))] += len(pair) / 2
    return counts


def _parts(model: str) -> tuple[str, str]:
    author, _, name = model.partition("/")
    if not author or not name or not model.isprintable():
        raise ValueError(f"a model must be author/name in printable characters, but got {model!r}")
    return author, name


def _at(line: int, fields: Sequence[str]) -> Row:
    """Raises sheet.Odd."""
    try:
        return _row(fields)
    except ValueError as error:
        raise sheet.Odd(line, str(error)) from None


def _row(fields: Sequence[str]) -> Row:
    one, two, timestamp, result = fields
    timestamp = sheet.whole(timestamp)
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise ValueError(f"timestamp must be whole unix seconds, but got {timestamp!r}")
    try:
        scored = float(result)
    except ValueError:
        raise ValueError(f"result must be 1.0, 0.5 or 0.0, but got {result!r}") from None
    return Row(one, two, int(timestamp), scored)


def _write(path: Path, header: Sequence[str], lines: Iterator[tuple[object, ...]]) -> None:
    with (
        written_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(lines)
