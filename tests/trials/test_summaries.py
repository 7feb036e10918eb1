"""A trainer's summaries on disk: what was appended is read back, and half a line costs itself alone."""

import errno
import math
import os
from pathlib import Path

import pytest

from trials import summaries


def test_a_half_line_is_passed_over_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for step in (10, 20):
        summaries.append(path, step, 0.0, {"Losses/Value Loss": step / 10})
    path.write_bytes(path.read_bytes()[:-9])  # its trainer was killed in mid-write
    assert [each["step"] for each in summaries.read(path)] == [10]
    summaries.append(path, 30, 0.0, {"Losses/Value Loss": 3.0})
    assert [(each["step"], each["Losses/Value Loss"]) for each in summaries.read(path)] == [(10, 1.0), (30, 3.0)]


def test_what_is_no_summary_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert list(summaries.read(path)) == []
    path.write_bytes(b'[1]\n{"a": 1}\n{"step": "x"}\n\xff\n\n{"step": 7, "time": 1, "a": NaN, "b": 2, "c": "d"}\n')
    (only,) = summaries.read(path)
    assert only["step"] == 7 and math.isnan(only["a"]) and summaries.numbers(only) == {"b": 2.0}


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    summaries.append(path, 10, 0.0, {})
    before, write = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda handle, line: write(handle, line[:5]))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        summaries.append(path, 20, 0.0, {})
    assert path.read_bytes() == before
