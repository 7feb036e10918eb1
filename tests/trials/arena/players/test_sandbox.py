"""Vetting: a stranger's file may fail, but not here."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reports.model import checks, files
from trials import stint
from trials.arena.players import sandbox
from trials.arena.players.sandbox import vet
from trials.errors import BadPolicy, LostTrial


def varint(n: int) -> bytes:
    """A number as protobuf writes it."""
    made = b""
    while n > 127:
        made, n = made + bytes([n & 127 | 128]), n >> 7
    return made + bytes([n])


def test_a_sound_policy_passes(export: Any, saved: Any) -> None:
    vet(saved(export().model()))


@pytest.mark.skipif(sys.platform != "linux" or os.cpu_count() == 1, reason="counts the threads of many cores in /proc")
def test_a_policys_memory_does_not_go_to_a_thread_for_each_core(
    export: Any, saved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def count(words: Sequence[str], *limits: Any) -> subprocess.CompletedProcess[str]:
        """The same start, which imports the same module first."""
        code = f"import os, {words[3]}; print(len(os.listdir('/proc/self/task')))"
        counted.append(int(run([*words[:2], "-c", code], *limits).stdout))
        return run(words, *limits)

    run = stint.run
    monkeypatch.setattr(sandbox.stint, "run", count)
    vet(saved(export().model()))
    assert counted == [1]


def test_a_bad_one_gets_its_line(export: Any, saved: Any, tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match=r"^a policy must take action_masks \[rows, 9\], but policy.onnx does not"):
        vet(saved(export(masks=0).model()))
    with pytest.raises(BadPolicy, match="is not there"):
        vet(tmp_path / "none.onnx")


def test_what_a_refusal_is_about_is_told_whatever_the_files_name_says(export: Any, saved: Any, tmp_path: Path) -> None:
    looping = export().model()
    next(node for node in looping.graph.node if "h0" in node.output).op_type = "Loop"
    for model, about in ((b"", "file"), (export(masks=0).model(), "spaces"), (looping, "plays")):
        path = saved(model).rename(tmp_path / "NaN; must see another file of 1 MiB.onnx")
        with pytest.raises(BadPolicy) as refused:
            vet(path)
        assert refused.value.about == about
        (check,) = (one for one in checks.examine(files.of_file(path)) if one.status == "no" and one.name != "name")
        assert check.name == about and path.name in check.found and check.mend and "learning_rate" not in check.mend


def test_what_the_machine_did_says_nothing_of_a_policy(
    export: Any, saved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = subprocess.CompletedProcess([], -signal.SIGKILL, "", "")
    monkeypatch.setattr("trials.stint.run", lambda *_: killed)
    with pytest.raises(LostTrial, match="could not be tried: its process was killed"):
        vet(saved(export().model()))


def test_a_file_that_swells_when_it_is_read_harms_nobody(saved: Any) -> None:
    graph = b"\x0a\x00" * 16_000_000  # nodes of nothing: 31 MiB that parse to 2.4 GiB
    with pytest.raises(BadPolicy, match=r"within 2 GiB, but policy.onnx did not|at most 2000 nodes|cannot be read"):
        vet(saved(b"\x3a" + varint(len(graph)) + graph))
