"""The match log: what is written is read back exactly, and anything else is refused in one line."""

import csv
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trials.arena.matches import log
from trials.arena.ratings.elo import direct
from trials.errors import SetupError
from trials.records import MatchRecord, ScheduledMatch

FORMATS = (".parquet", ".csv")
SHA = "0f" * 32
formats = pytest.mark.parametrize("suffix", FORMATS)
quick = settings(max_examples=40, deadline=None)


def scheduled(number: int, b: str = "random", **changed: Any) -> ScheduledMatch:
    return ScheduledMatch(
        **{
            "number": number,
            "pair": number // 2,
            "a": SHA,
            "b": b,
            "a_team": number % 2,
            "seed": 7,
            "environment": "soccer-1",
            **changed,
        }
    )


def played(match: ScheduledMatch, of_a: int, of_b: int, decisions: int = 10, time: float = 1.7e9) -> MatchRecord:
    result = 0.5 if of_a == of_b else float(of_a > of_b)
    return MatchRecord(**vars(match), result=result, goals_a=of_a, goals_b=of_b, decisions=decisions, time=time)


def pairs(scores: list[tuple[int, int]], b: str = "random", **changed: Any) -> list[MatchRecord]:
    return [played(scheduled(n, b, **changed), *score, time=1.7e9 + n / 7) for n, score in enumerate(scores)]


def some(b: str = "random") -> list[MatchRecord]:
    return pairs([(1, 0), (0, 0), (0, 1), (1, 0), (1, 0), (1, 0)], b)


@st.composite
def logs(draw: Any) -> tuple[list[MatchRecord], dict[str, str], list[ScheduledMatch]]:
    """Records, names and uncounted matches of some pairings, in the order in which a log keeps them."""
    text = st.text(max_size=12)
    players = draw(st.lists(text, min_size=2, max_size=4, unique=True))
    names = {player: draw(text) for player in players}
    records: list[MatchRecord] = []
    uncounted: list[ScheduledMatch] = []
    for b in players[1:]:
        goals = draw(st.integers(1, 3))
        common = dict(
            a=players[0],
            seed=draw(st.integers(0, 2**64 - 1)),
            environment=draw(text),
            deterministic=draw(st.booleans()),
            to_goals=goals,
            sequential=draw(st.booleans()),
        )
        first, count, vain = (draw(st.integers(*bounds)) for bounds in ((0, 2**40), (0, 3), (0, 3)))
        at = 2 * first + 2 * count
        for number in range(2 * first, at):
            score = draw(st.integers(0, goals)), draw(st.integers(0, goals))
            time = draw(st.floats(0, 4e9))
            records.append(played(scheduled(number, b, **common), *score, draw(st.integers(1, 5000)), time))
        uncounted += [scheduled(number, b, **common) for number in range(at, at + vain)]
    here = {player for match in (*records, *uncounted) for player in (match.a, match.b)}
    return records, {player: name for player, name in names.items() if player in here}, uncounted


HOSTILE = "=1+1,\"';\r\n\t\0é🙂 null NaN"


@formats
@quick
@given(logs())
@example((some(), {SHA: HOSTILE, "random": ""}, []))
@example((some(HOSTILE), {SHA: "NULL", HOSTILE: "N/A"}, [scheduled(6, HOSTILE)]))
@example(([], {}, []))
def test_what_is_written_is_read_back(
    suffix: str, case: tuple[list[MatchRecord], dict[str, str], list[ScheduledMatch]]
) -> None:
    records, names, uncounted = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"matches{suffix}"
        log.write(path, records, names, uncounted)
        assert [p.name for p in Path(folder).iterdir()] == [path.name]
        back = log.read(path)
        log.write(path.with_name(f"again{suffix}"), back.records, back.names, back.uncounted)
        assert log.read(path.with_name(f"again{suffix}")) == back
    assert back.records == records
    assert [type(match) for match in back.uncounted] == [ScheduledMatch] * len(uncounted)
    assert sorted(back.uncounted, key=repr) == sorted(uncounted, key=repr)
    assert back.names == names
    for before, after in zip(records, back.records, strict=True):
        assert after.time == pytest.approx(before.time, abs=1e-6, rel=0)  # records compare without it


@formats
def test_a_rating_from_a_log_is_the_one_from_the_matches(suffix: str, tmp_path: Path) -> None:
    records = some()
    log.write(tmp_path / f"m{suffix}", records, {SHA: "mine"}, [scheduled(6)])
    assert direct(log.read(tmp_path / f"m{suffix}").records, "random") == direct(records, "random")


@formats
def test_uncounted_matches_stand_behind_their_pairing(suffix: str, tmp_path: Path) -> None:
    records = some() + some("chaser")
    vain = [played(scheduled(7, "chaser"), 1, 0), scheduled(6, "random"), scheduled(0, "still")]
    log.write(tmp_path / f"m{suffix}", records, {}, vain)
    read = {".csv": pyarrow.csv.read_csv, ".parquet": pyarrow.parquet.read_table}[suffix]
    rows = read(tmp_path / f"m{suffix}").to_pylist()
    numbers = [*range(6), 6, *range(6), 7, 0]
    assert [(row["number"], row["b"], row["counted"]) for row in rows] == [
        (n, b, counted)
        for n, b, counted in zip(
            numbers, ["random"] * 7 + ["chaser"] * 7 + ["still"], [*[True] * 6, False] * 2 + [False], strict=True
        )
    ]
    assert {rows[13][name] for name in log.PLAYED} == {None}  # whatever came of a match in vain
    assert [rows[n]["a_side"] for n in (0, 1)] == ["blue", "purple"]
    assert log.read(tmp_path / f"m{suffix}").names == {n: n for n in (SHA, "random", "chaser", "still")}


def test_the_columns_are_documented_and_hold_every_field(tmp_path: Path) -> None:
    log.write(tmp_path / "m.parquet", some(), {})
    schema = pyarrow.parquet.read_schema(tmp_path / "m.parquet")
    assert schema.metadata[b"format"] == b"match-log-1"
    assert schema.names == log.SCHEMA.names
    for field in schema:
        assert field.metadata[b"meaning"] and field.metadata[b"unit"]
        assert f"{field.name:<14} {field.metadata[b'meaning'].decode()}" in (log.__doc__ or "")
    assert {f.name for f in fields(MatchRecord)} - {"a_team"} <= set(schema.names)


def test_csv_is_what_other_programs_read(tmp_path: Path) -> None:
    log.write(tmp_path / "m.csv", some()[:2], {SHA: 'a "b",\nc', "random": "é"}, [scheduled(2)])
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert rows[0]["a_name"] == 'a "b",\nc' and rows[0]["b_name"] == "é"
    assert (rows[0]["counted"], rows[0]["result"], rows[1]["result"]) == ("true", "1", "0.5")
    assert rows[1]["time"] == "2023-11-14 22:13:20.142857Z"
    assert (rows[2]["counted"], rows[2]["result"], rows[2]["time"]) == ("false", "", "")


@formats
def test_a_name_that_is_no_text_does_not_cost_the_log(suffix: str, tmp_path: Path) -> None:
    log.write(tmp_path / f"m{suffix}", some(), {SHA: "caf\udce9"})
    assert log.read(tmp_path / f"m{suffix}").names[SHA] == "caf\\udce9"


def test_what_cannot_be_written_is_refused_before_anything_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("precious")
    for path, rule in (
        (tmp_path / "m.json", r"named \.parquet or \.csv, but got 'm\.json'"),
        (tmp_path / "csv", r"named \.parquet or \.csv"),
        (there, "never overwritten"),
        (tmp_path / "no" / "m.csv", "a folder that is there"),
        (there / "m.csv", "a folder that is there"),
    ):
        with pytest.raises(SetupError, match=rule):
            log.check(path)
        with pytest.raises(SetupError, match=rule):
            log.write(path, some(), {})
    assert there.read_text() == "precious" and len(list(tmp_path.iterdir())) == 1
    log.check(tmp_path / "m.parquet")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(SetupError, match="can be written"):
        log.check(tmp_path / "m.parquet")


def broken(path: Path, change: Callable[[dict[str, Any]], Any], at: int = 0) -> None:
    """Write a log in which one row was changed by `change`."""
    whole = path.with_name(f"whole{path.suffix}")
    log.write(whole, some(), {}, [scheduled(6)])
    if path.suffix == ".csv":
        with whole.open(newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        change(rows[at])
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        rows = pyarrow.parquet.read_table(whole).to_pylist()
        change(rows[at])
        schema = pa.schema([field.with_nullable(True) for field in log.SCHEMA], log.SCHEMA.metadata)
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path)


@formats
@pytest.mark.parametrize(
    ("at", "changed", "told"),
    [
        (2, {"result": 0.7}, "result must be 1, 0.5 or 0, as the goals say, but is 0.7 in row 3"),
        (2, {"result": 1}, "result must be 1, 0.5 or 0, as the goals say, but is 1.0 in row 3"),
        (2, {"result": math.nan}, "result must be .* but is nan in row 3"),
        (0, {"goals_a": 2}, "goals_a must be 0 to to_goals, but is 2 in row 1"),
        (0, {"goals_b": -1}, "goals_b must be 0 to to_goals, but is -1 in row 1"),
        (1, {"decisions": 0}, "decisions must be 1 or more, but is 0 in row 2"),
        (1, {"a_side": "red"}, "a_side must be blue or purple, but is 'red' in row 2"),
        (1, {"to_goals": 0}, "to_goals must be 1 or more, but is 0 in row 2"),
        (1, {"pair": 1}, r"number must be 2 \* pair or 2 \* pair \+ 1, but is 1 in row 2"),
        (0, {"number": -2, "pair": -1}, "pair must be 0 or more, but is -1 in row 1"),
        (1, {"goals_a": None}, "goals_a must be there for a counted match, but is empty in row 2"),
        (6, {"decisions": 5}, "decisions must be empty for an uncounted match, but is 5 in row 7"),
        (4, {"seed": None}, "seed must be there for every match, but 1 rows of"),
        (1, {"number": 0}, "number 0 of .* is twice"),
        (6, {"number": 5, "pair": 2}, "number 5 of .* is twice"),
        (3, {"seed": 8}, "pair 1 of .* v 'random' has 1 match in"),
        (3, {"a_side": "blue"}, "pair 1 of .* v 'random' has two from one side"),
        (3, {"b_name": "other"}, "one player must have one name, but 'random' is 'random' and, in row 4 .* 'other'"),
    ],
)
def test_a_row_that_cannot_be_is_named(
    suffix: str, at: int, changed: dict[str, Any], told: str, tmp_path: Path
) -> None:
    broken(tmp_path / f"m{suffix}", lambda row: row.update(changed), at)
    with pytest.raises(SetupError, match=told) as error:
        log.read(tmp_path / f"m{suffix}")
    assert "\n" not in str(error.value)


@formats
def test_a_half_pair_is_named_with_its_pairing(suffix: str, tmp_path: Path) -> None:
    log.write(tmp_path / f"m{suffix}", some()[:-1], {SHA: "mine", "random": "any\nthing"})
    with pytest.raises(SetupError, match=r"pair 2 of 'mine' v 'any\\nthing' has 1 match in"):
        log.read(tmp_path / f"m{suffix}")


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        ("goals_a", "one", "goals_a must be goals .int64., but in .*'one'"),
        ("seed", "-1", "seed must be 0 to"),
        ("seed", str(2**64), "seed must be 0 to"),
        ("time", "yesterday", "time must be UTC"),
        ("counted", "perhaps", "counted must be true or false"),
    ],
)
def test_text_of_another_type_is_refused_by_column(column: str, text: str, told: str, tmp_path: Path) -> None:
    broken(tmp_path / "m.csv", lambda row: row.update({column: text}))
    with pytest.raises(SetupError, match=told):
        log.read(tmp_path / "m.csv")


@formats
@pytest.mark.parametrize("missing", ["a_side", "time"])
def test_a_missing_column_is_named_and_a_further_one_ignored(suffix: str, missing: str, tmp_path: Path) -> None:
    log.write(tmp_path / f"whole{suffix}", some(), {})
    read = {".csv": pyarrow.csv.read_csv, ".parquet": pyarrow.parquet.read_table}[suffix]
    write = {".csv": pyarrow.csv.write_csv, ".parquet": pyarrow.parquet.write_table}[suffix]
    whole = read(tmp_path / f"whole{suffix}")
    write(whole.drop_columns([missing]), tmp_path / f"m{suffix}")
    with pytest.raises(SetupError, match=f"must have the column {missing} once, but .* it 0 times"):
        log.read(tmp_path / f"m{suffix}")
    write(whole.append_column("note", pa.array(["x"] * 6)), tmp_path / f"n{suffix}")
    assert log.read(tmp_path / f"n{suffix}").records == some()


def test_a_parquet_file_of_another_version_is_refused(tmp_path: Path) -> None:
    log.write(tmp_path / "m.parquet", some(), {})
    table = pyarrow.parquet.read_table(tmp_path / "m.parquet")
    for metadata, version in (({"format": "match-log-2"}, "match-log-2"), (None, "none")):
        pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), tmp_path / "n.parquet")
        with pytest.raises(SetupError, match=f"of format match-log-1, but .* is of {version}"):
            log.read(tmp_path / "n.parquet")


@formats
@pytest.mark.parametrize("content", [b"", b"\n", b"hello", bytes(range(256)), b"PAR1" + bytes(40) + b"PAR1"])
def test_a_foreign_file_is_refused(suffix: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / f"m{suffix}").write_bytes(content)
    with pytest.raises(SetupError, match="a match log must") as error:
        log.read(tmp_path / f"m{suffix}")
    assert "\n" not in str(error.value)
    with pytest.raises(SetupError, match="must be there to be read"):
        log.read(tmp_path / f"absent{suffix}")
    with pytest.raises(SetupError, match=r"named \.parquet or \.csv"):
        log.read(tmp_path / "m.txt")


def test_a_parquet_file_cut_short_is_refused_and_a_csv_is_refused_or_shorter_by_whole_pairs(tmp_path: Path) -> None:
    for suffix, step in ((".csv", 1), (".parquet", 97)):
        whole, part = tmp_path / f"whole{suffix}", tmp_path / f"part{suffix}"
        log.write(whole, some(), {}, [scheduled(6)])
        data = whole.read_bytes()
        shorter = set()
        for length in range(0, len(data) - 1, step):  # the last newline may go
            part.write_bytes(data[:length])
            try:
                back = log.read(part)
            except SetupError:
                continue
            assert back.records == some()[: len(back.records)] and not back.uncounted
            shorter.add(len(back.records))
        assert shorter == ({0, 2, 4, 6} if suffix == ".csv" else set())


def test_a_changed_byte_of_a_parquet_file_changes_no_match(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    log.write(path, some(), {SHA: "mine"}, [scheduled(6)])
    whole = log.read(path)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for at in [*range(0, footer, 3), *range(footer, len(content), 23)]:  # the matches, and some of what describes them
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        try:
            assert log.read(path) == whole
        except SetupError:
            refused += 1
    assert refused > footer / 6


def test_a_csv_of_several_blocks_may_break_lines_in_names(tmp_path: Path) -> None:
    records = pairs([(1, 0)] * 3000)
    log.write(tmp_path / "m.csv", records, {SHA: "\n" * 500})
    assert (tmp_path / "m.csv").stat().st_size > 1.5 * 2**20  # read in blocks of 1 MiB
    assert log.read(tmp_path / "m.csv").records == records


def test_times_are_utc_whatever_the_machine_thinks(tmp_path: Path) -> None:
    record = replace(some()[0], time=1675425102.000001)
    log.write(tmp_path / "m.csv", [record, some()[1]], {})
    code = (
        "import json, sys, pathlib; from trials.arena.matches import log;"
        "print(json.dumps([r.time for r in log.read(pathlib.Path(sys.argv[1])).records]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.csv")],
        env={"TZ": "Asia/Kathmandu", "PYTHONPATH": str(Path(log.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(out.stdout)[0] == 1675425102.000001
