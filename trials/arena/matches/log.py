"""The match log: every match a row of named columns, Parquet or CSV by the file's suffix, written whole and read back.

Both formats hold the same columns, those of `SCHEMA`, whose fields carry their meanings and units into Parquet files.
Rows stand as their matches were given, uncounted ones behind the last counted one of their pairing. In CSV an empty
field is null, and a name is written as it is, so a spreadsheet may take one that begins with '=' for a formula.
Damage to a Parquet file's matches is found by checksums; a CSV that ends between two pairs looks like a shorter one.

The columns:
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from trials.errors import SetupError, UsageError, reason
from trials.folder import written_whole
from trials.records import MatchRecord, ScheduledMatch

VERSION = "match-log-1"
"""Under `format` in a Parquet file's metadata; it changes when a column does."""
SIDES = ("blue", "purple")


def _column(name: str, kind: Any, meaning: str, unit: str, nullable: bool = False) -> Any:
    return pa.field(name, kind, nullable, {"meaning": meaning, "unit": unit})


SCHEMA = pa.schema(
    [
        _column("number", pa.int64(), "position in the schedule, fixed before play started", "matches, from 0"),
        _column("pair", pa.int64(), "number // 2; a pair's two matches exchange sides", "pairs, from 0"),
        _column("a", pa.string(), "player a", "sha256 of its file, or a built-in's name"),
        _column("b", pa.string(), "player b", "sha256 of its file, or a built-in's name"),
        _column("a_name", pa.string(), "what a reader sees for a; one player has one name", "text"),
        _column("b_name", pa.string(), "what a reader sees for b", "text"),
        _column("a_side", pa.string(), "the side a played on", "blue or purple"),
        _column("seed", pa.uint64(), "seed of the schedule", "0 to 2**64 - 1"),
        _column("environment", pa.string(), "version of the environment's rules", "text"),
        _column("deterministic", pa.bool_(), "both took the likeliest action instead of a drawn one", "true or false"),
        _column("to_goals", pa.int64(), "the side that first had so many won", "goals, 1 or more"),
        _column("sequential", pa.bool_(), "a sequential test said when to stop", "true or false"),
        _column("counted", pa.bool_(), "false: started behind the pair that ended the schedule", "true or false"),
        _column("result", pa.float64(), "of a: won 1, drawn 0.5, lost 0; null if not counted", "points", True),
        _column("goals_a", pa.int64(), "scored by a; null if not counted", "goals", True),
        _column("goals_b", pa.int64(), "scored by b; null if not counted", "goals", True),
        _column("decisions", pa.int64(), "played; null if not counted", "decision steps, 1 or more", True),
        _column("time", pa.timestamp("us", "UTC"), "when it was counted; null if not", "UTC, microseconds", True),
    ],
    {"format": VERSION},
)
PLAYED = tuple(field.name for field in SCHEMA if field.nullable)
"""The columns that only a counted match fills."""
_SCHEDULED = tuple(field.name for field in fields(ScheduledMatch))

__doc__ = (__doc__ or "") + "\n".join(  # one text for the reader of the file and the reader of the code
    f"    {field.name:<14} {field.metadata[b'meaning'].decode()} [{field.metadata[b'unit'].decode()}]"
    for field in SCHEMA
)

_Row = Mapping[str, Any]
_Rule = tuple[str, str, Callable[[_Row], bool]]
_SCHEDULED_RULES: tuple[_Rule, ...] = (
    ("pair", "0 or more", lambda row: row["pair"] >= 0),
    ("number", "2 * pair or 2 * pair + 1", lambda row: row["number"] // 2 == row["pair"]),
    ("a_side", "blue or purple", lambda row: row["a_side"] in SIDES),
    ("to_goals", "1 or more", lambda row: row["to_goals"] >= 1),
)
_PLAYED_RULES: tuple[_Rule, ...] = (
    ("goals_a", "0 to to_goals", lambda row: 0 <= row["goals_a"] <= row["to_goals"]),
    ("goals_b", "0 to to_goals", lambda row: 0 <= row["goals_b"] <= row["to_goals"]),
    ("result", "1, 0.5 or 0, as the goals say", lambda row: row["result"] == _points(row["goals_a"], row["goals_b"])),
    ("decisions", "1 or more", lambda row: row["decisions"] >= 1),
)


@dataclass(frozen=True)
class Log:
    """What a match log holds."""

    records: list[MatchRecord]
    """In the file's order, whole pairs."""
    uncounted: list[ScheduledMatch]
    names: dict[str, str]
    """Player, as in the records, to what a reader sees; of everyone in the log."""


def check(path: Path) -> None:
    """Raise the SetupError with which `write` would refuse `path`, to be called before anything is played."""
    _suffix(path)
    if path.exists():
        raise SetupError(f"a match log is never overwritten, but {path} is there already; name another file")
    if not path.parent.is_dir():
        raise SetupError(f"a match log goes into a folder that is there, but {path.parent} is none; make it first")
    if not os.access(path.parent, os.W_OK):
        raise SetupError(f"a match log goes into a folder that can be written, but {path.parent} cannot; name another")


def write(
    path: Path,
    records: Sequence[MatchRecord],
    names: Mapping[str, str],
    uncounted: Sequence[ScheduledMatch] = (),
    *,
    again: bool = False,
) -> None:
    """Write the log of `records` and of `uncounted` matches, each behind the last record of its pairing.

    Players that `names` lacks are named as they are. What UTF-8 cannot say in a name is written as \\udc80 and the
    like. `again` replaces a log of the same matches, and makes its folder. Raises SetupError where `check` does.
    """
    if not again:
        check(path)
    rows = [_row(match, names, counted) for match, counted in _in_order(records, uncounted)]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    with written_whole(path) as temporary:
        if _suffix(path) == ".csv":
            pyarrow.csv.write_csv(table, temporary)
        else:
            pyarrow.parquet.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def read(path: Path) -> Log:
    """Read what `write` wrote; further columns are ignored. Times come back to the microsecond.

    Raises SetupError, with the row (from 1, the header not counted) or the pair, for anything else.
    """
    found = columns(path)
    log = Log(records=[], uncounted=[], names={})
    for number, values in enumerate(zip(*found.values(), strict=True), 1):
        row = dict(zip(found, values, strict=True))
        _check_row(row, f"row {number} of {path}")
        for player, name in ((row["a"], row["a_name"]), (row["b"], row["b_name"])):
            if log.names.setdefault(player, name) != name:
                raise SetupError(
                    f"one player must have one name, but {player[:12]!r} is {log.names[player]!r} and, in row {number}"
                    f" of {path}, {name!r}; name them alike"
                )
        scheduled = {key: row[key] for key in _SCHEDULED if key in row} | {"a_team": SIDES.index(row["a_side"])}
        if row["counted"]:
            played = {key: row[key] for key in PLAYED} | {"time": row["time"] / 1e6}
            log.records.append(MatchRecord(**scheduled, **played))
        else:
            log.uncounted.append(ScheduledMatch(**scheduled))
    _check_pairs(log, path)
    return log


def _suffix(path: Path) -> str:
    if path.suffix not in (".parquet", ".csv"):
        raise UsageError(f"a match log must be named .parquet or .csv, but got {path.name!r}; rename it")
    return path.suffix


def _points(of_a: int, of_b: int) -> float:
    return 0.5 if of_a == of_b else float(of_a > of_b)


def _in_order(
    records: Sequence[MatchRecord], uncounted: Sequence[ScheduledMatch]
) -> Iterator[tuple[ScheduledMatch, bool]]:
    """Every match and whether it counts."""
    behind: dict[tuple[str, str], list[ScheduledMatch]] = {}
    for match in uncounted:
        behind.setdefault((match.a, match.b), []).append(match)
    last = {(record.a, record.b): at for at, record in enumerate(records)}
    for at, record in enumerate(records):
        yield record, True
        if last[record.a, record.b] == at:
            yield from ((match, False) for match in behind.pop((record.a, record.b), ()))
    for matches in behind.values():
        yield from ((match, False) for match in matches)


def _row(match: ScheduledMatch, names: Mapping[str, str], counted: bool) -> dict[str, Any]:
    a_name, b_name = (names.get(p, p).encode("utf-8", "backslashreplace").decode() for p in (match.a, match.b))
    row = vars(match) | {"a_name": a_name, "b_name": b_name, "a_side": SIDES[match.a_team], "counted": counted}
    return row | ({"time": round(row["time"] * 1e6)} if counted else dict.fromkeys(PLAYED))


def columns(path: Path) -> dict[str, list[Any]]:
    """Name to values, of the schema's types, times as microseconds; null where the schema allows it. Raises SetupError.

    Rows are not looked at, as `read` does.
    """
    found = {}
    try:
        table = _table(path)
        for field in SCHEMA:
            if (times := table.column_names.count(field.name)) != 1:
                raise SetupError(f"a match log must have the column {field.name} once, but {path} has it {times} times")
            found[field.name] = _values(table[field.name], field, path)
    except FileNotFoundError:
        raise SetupError(f"a match log must be there to be read, but {path} is not; check its name") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SetupError(
            f"a match log must be whole, but {path} cannot be read: {_line(error)}; write it anew"
        ) from None
    return found


def _table(path: Path) -> Any:
    """The file as it is; every column of a CSV is text, so that its errors are told by `_values`."""
    if _suffix(path) == ".csv":
        return pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(SCHEMA.names, pa.string()), strings_can_be_null=False
            ),
        )
    with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
        version = (file.schema_arrow.metadata or {}).get(b"format", b"none").decode()
        if version != VERSION:
            raise SetupError(f"a match log must be of format {VERSION}, but {path} is of {version}; write it anew")
        return file.read(columns=SCHEMA.names)


def _values(column: Any, field: Any, path: Path) -> list[Any]:
    text = pa.types.is_string(column.type) and not pa.types.is_string(field.type)
    if text:
        column = pyarrow.compute.if_else(pyarrow.compute.equal(column, ""), None, column)
    try:
        if text and field.name == "time":  # other programs write nine decimals
            column = column.cast(pa.timestamp("ns", "UTC"))
        column = column.cast(field.type)
    except pa.ArrowException as error:
        raise SetupError(
            f"{field.name} must be {field.metadata[b'unit'].decode()} ({field.type}), but in {path}: {_line(error)}"
        ) from None
    if column.null_count and not field.nullable:
        raise SetupError(f"{field.name} must be there for every match, but {column.null_count} rows of {path} lack it")
    values: list[Any] = (column.cast(pa.int64()) if field.name == "time" else column).to_pylist()
    return values


def _line(error: Exception) -> str:
    return reason(error).rstrip(".")


def _check_row(row: _Row, where: str) -> None:
    for name in PLAYED:
        if (row[name] is not None) != row["counted"]:
            rule = "must be there for a counted match" if row["counted"] else "must be empty for an uncounted match"
            raise SetupError(
                f"{name} {rule}, but is {'empty' if row['counted'] else row[name]} in {where}; fix the row"
            )
    for name, rule, holds in _SCHEDULED_RULES + (_PLAYED_RULES if row["counted"] else ()):
        if not holds(row):
            raise SetupError(f"{name} must be {rule}, but is {row[name]!r} in {where}; fix the row")


def _check_pairs(log: Log, path: Path) -> None:
    """Every match once, every counted pair whole and from both sides."""
    seen = set()
    teams: dict[tuple[Any, ...], list[int]] = {}
    for match in (*log.records, *log.uncounted):
        schedule = (match.a, match.b, match.seed, match.environment, match.deterministic, match.to_goals)
        who = f"of {log.names[match.a]!r} v {log.names[match.b]!r}"
        if (schedule, match.number) in seen:
            raise SetupError(
                f"a match must be there once, but number {match.number} {who} is twice in {path}; drop one"
            )
        seen.add((schedule, match.number))
        if isinstance(match, MatchRecord):
            teams.setdefault((who, match.pair, *schedule), []).append(match.a_team)
    for (who, pair, *_), of_a in teams.items():
        if sorted(of_a) != [0, 1]:
            came = f"{len(of_a)} match" if len(of_a) == 1 else "two from one side"
            raise SetupError(
                f"a pair must have two matches, one from each side, but pair {pair} {who} has {came} in {path};"
                " was the file cut short?"
            )
