"""The ledger: what was appended is read back, and a half line is not believed."""

import os
from pathlib import Path

import pytest
from events import spec_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trials import ledger
from trials.errors import SetupError
from trials.events import SweepEnded, TrialBegan
from trials.records import Value

VALUES = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text()
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_what_was_appended_is_read_back(tmp_path: Path, params: dict[str, Value]) -> None:
    path = tmp_path / "ledger.jsonl"
    path.unlink(missing_ok=True)
    events = [
        TrialBegan(time=1.5, spec=spec_of(0, params)),
        SweepEnded(time=2.0, state="complete", reason="", seconds=1.0, idle_share=0.25),
    ]
    for event in events:
        ledger.append(path, event)
    assert ledger.read(path) == events


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_half_line_is_not_believed_and_does_not_spoil_the_next(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "ledger.jsonl"
    first, second = TrialBegan(time=1.0, spec=spec_of(0)), TrialBegan(time=2.0, spec=spec_of(1))
    ledger.append(path, first)
    ledger.append(path, second)
    path.write_bytes(path.read_bytes()[:-cut])  # the driver died in mid-write
    third = TrialBegan(time=3.0, spec=spec_of(2))
    ledger.append(path, third)
    read = ledger.read(path)
    assert read in ([first, third], [first, second, third])  # only the newline may have been cut off
    assert (cut == 1) == (second in read)
    assert ledger.half_written(path) == ([] if cut == 1 else [2])
    assert (ledger.notes(path) == "") == (cut == 1)


def test_a_folder_without_a_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SetupError, match=r"must hold a ledger, but .* is not there; name a folder that `sweep run` made"
    ):
        ledger.read(tmp_path / "runs" / "mine" / "ledger.jsonl")


def test_another_versions_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"event": "invented"}\n')
    with pytest.raises(SetupError, match=r"line 1 of .*was it written by another version"):
        ledger.read(path)


@pytest.mark.parametrize("torn", [b'{"event": "end", "ti', b'{"event":\0\0\0\0\0', b"\0\0\0"])
def test_what_a_lost_machine_left_is_not_believed(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger.append(path, TrialBegan(time=1.0, spec=spec_of(0)))
    with path.open("ab") as file:
        file.write(torn)
    ledger.append(path, TrialBegan(time=2.0, spec=spec_of(1)))
    assert [event.time for event in ledger.read(path)] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("was", "now"),
    [(b'"time":2.0', b'"time":"2.o"'), (b'"time":2.0,', b'"time":2.0'), (b"}}\n", b"}}}\n"), (b'{"event"', b"x")],
)
def test_damage_that_no_half_written_line_has_is_named_by_its_line(was: bytes, now: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for number in range(3):
        ledger.append(path, TrialBegan(time=number + 1.0, spec=spec_of(number)))
    first, second, third = path.read_bytes().splitlines(keepends=True)
    damaged = second.replace(was, now)
    assert damaged != second
    path.write_bytes(first + damaged + third)
    with pytest.raises(SetupError, match=r"but line 2 of .*ledger.jsonl is not \(\w"):
        ledger.read(path)


def test_a_full_disk_leaves_whole_lines_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger.append(path, TrialBegan(time=1.0, spec=spec_of(0)))
    whole = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[: len(data) // 2]))
    with pytest.raises(OSError, match="No space left"):
        ledger.append(path, TrialBegan(time=2.0, spec=spec_of(1)))
    assert path.read_bytes() == whole
    monkeypatch.undo()
    ledger.append(path, TrialBegan(time=3.0, spec=spec_of(2)))
    assert [event.time for event in ledger.read(path)] == [1.0, 3.0]


def test_a_line_torn_anywhere_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for number in (0, 1):
        ledger.append(path, TrialBegan(time=float(number), spec=spec_of(number)))
    first, second = path.read_bytes().splitlines(keepends=True)
    for cut in range(len(second) - 1):
        path.write_bytes(first + second[:cut])
        assert [event.time for event in ledger.read(path)] == [0.0], cut
