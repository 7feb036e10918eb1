"""Vetting: a stranger's file may fail, but not here."""

from pathlib import Path
from typing import Any

import pytest

from trials.arena.players.sandbox import vet
from trials.errors import BadPolicy


def varint(n: int) -> bytes:
    """A number as protobuf writes it."""
    made = b""
    while n > 127:
        made, n = made + bytes([n & 127 | 128]), n >> 7
    return made + bytes([n])


def test_a_sound_policy_passes(export: Any, saved: Any) -> None:
    vet(saved(export().model()))


def test_a_bad_one_gets_its_line(export: Any, saved: Any, tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match=r"^a policy must take action_masks \[rows, 9\], but policy.onnx does not"):
        vet(saved(export(masks=0).model()))
    with pytest.raises(BadPolicy, match="is not there"):
        vet(tmp_path / "none.onnx")


def test_a_file_that_swells_when_it_is_read_harms_nobody(saved: Any) -> None:
    graph = b"\x0a\x00" * 16_000_000  # nodes of nothing: 31 MiB that parse to 2.4 GiB
    with pytest.raises(BadPolicy, match=r"within 2 GiB, but policy.onnx did not|at most 2000 nodes|cannot be read"):
        vet(saved(b"\x3a" + varint(len(graph)) + graph))
