"""What tells of this machine is found wherever it hides, and only that."""

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from reports.model import leaks
from reports.model.leaks import Private

PRIVATE = Private(
    words=("carolwilson", "cw-workstation-7", "203.0.113.77"),
    folders=("/home/carolwilson/soccer", "/srv/training"),
    secrets=("s3cr3t-of-the-environment",),
)
PLANTED = {
    "path": "/home/carolwilson/soccer/runs/first",
    "other path": "/data/teams/blue/SoccerTwos.x86_64",
    "user": "carolwilson",
    "host": "cw-workstation-7",
    "address": "203.0.113.77",
    "mail": "carol.wilson@example.org",
    "token": "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567",
    "secret": "s3cr3t-of-the-environment",
}


def as_text(planted: str) -> bytes:
    return f"a: 1\nkey: {planted}\nb: 2\n".encode()


def as_json(planted: str) -> bytes:
    return json.dumps({"file": [planted]}).encode()


def as_page(planted: str) -> bytes:
    return f"<html><p>{planted}</p></html>".encode()


def as_packed_page(planted: str) -> bytes:
    packed = base64.b85encode(gzip.compress(f'{{"name":"{planted}"}}'.encode())).decode().replace("<", ",")
    return f'<script type="application/octet-stream" id="figures">{packed}</script>'.encode()


def as_base64_in_a_page(planted: str) -> bytes:
    packed = base64.b64encode(gzip.compress(f'{{"name":"{planted}"}}'.encode())).decode()
    return f'<div><script type="application/octet-stream">{packed}</script></div>'.encode()


def as_recording(planted: str) -> bytes:
    content = planted.encode() + np.random.default_rng(1).bytes(20_000)
    packed = base64.b64encode(gzip.compress(content)).decode()
    return f'<script type="application/octet-stream" class="recorded">{packed}</script>'.encode()


def as_checkpoint(planted: str) -> bytes:
    made = io.BytesIO()
    torch.save({"global_step": torch.tensor(5), "from": planted, "w": torch.randn(64, 64)}, made)
    return made.getvalue()


def as_deflated(planted: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + planted.encode() + b"\x00" * 400)
    return made.getvalue()


def as_events(planted: str) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    text = Summary.Value(tag=f"Hyperparameters {planted}", simple_value=1.0)
    return b"\x18\xff\x00\x01" + Event(step=1, summary=Summary(value=[text])).SerializeToString()


def as_model(planted: str, where: str = "doc") -> bytes:
    node = helper.make_node("Identity", ["x"], ["y"], doc_string=planted)
    face = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]) for name in "xy"]
    weights = onnx.numpy_helper.from_array(np.random.default_rng(1).random((64, 64), np.float32), "w")
    return bytes(helper.make_model(helper.make_graph([node], "g", face[:1], face[1:], [weights])).SerializeToString())


FILES: dict[str, Callable[[str], bytes]] = {
    "configuration.yaml": as_text,
    "config.json": as_json,
    "run_logs/training_status.json": as_json,
    "README.md": as_text,
    "report.html": as_page,
    "packed/report.html": as_packed_page,
    "base64/report.html": as_base64_in_a_page,
    "SoccerTwos/checkpoint.pt": as_checkpoint,
    "SoccerTwos/deflated.pt": as_deflated,
    "SoccerTwos/events.out.tfevents.1.trial": as_events,
    "SoccerTwos.onnx": as_model,
    "notes.gz": lambda planted: gzip.compress(planted.encode()),
}


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("name", FILES)
def test_what_is_planted_is_found_by_file_and_place(name: str, kind: str) -> None:
    found = leaks.find(name, FILES[name](PLANTED[kind]), PRIVATE)
    assert found, f"{kind} in {name}"
    assert all(leak.file == name and leak.place for leak in found)
    clean = leaks.find(name, FILES[name]("nothing of note"), PRIVATE)
    assert clean == [], clean


def test_what_is_packed_is_no_path_whatever_its_letters() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        rows = random.integers(0, 1000, (300, 4)).tolist()
        page = as_base64_in_a_page(json.dumps(rows)[1:-1].replace('"', ""))
        assert leaks.find("report.html", page, PRIVATE) == []
    assert leaks.find("report.html", as_recording(""), PRIVATE) == []
    assert leaks.find("report.html", as_recording("/home/someone/a.onnx "), PRIVATE)


@pytest.mark.parametrize("kind", ["user", "host", "token"])
def test_a_files_name_is_looked_at_too(kind: str) -> None:
    (found,) = leaks.find(f"SoccerTwos/{PLANTED[kind]}.txt", b"", PRIVATE)
    assert found.place == "its name"


def test_tensorboards_own_file_names_tell_the_machine() -> None:
    (found,) = leaks.find("SoccerTwos/events.out.tfevents.1795368796.vm.2135.0", b"", Private())
    assert "vm" in found.shown
    assert not leaks.find("SoccerTwos/events.out.tfevents.1795368796.trial", b"", Private())


@pytest.mark.parametrize("kind", ["token", "secret"])
def test_a_token_is_never_shown(kind: str) -> None:
    (found,) = leaks.find("config.json", as_json(PLANTED[kind]), PRIVATE)
    assert PLANTED[kind][:8] not in str(found)


def test_ordinary_words_are_no_leak() -> None:
    said = (
        "W/D/L 3/4/5, https://huggingface.co/home/x, and/or, </div>, 10.3.0.30 of CUDA, a@b, 5 / 5, results/SoccerTwos,"
        " #!/usr/bin/env python, Self-play/ELO, hf_short, s3://bucket/prefix, carolwilsonian"
    )
    assert leaks.find("README.md", said.encode(), PRIVATE) == []


def test_weights_are_searched_and_hold_no_leak_by_chance() -> None:
    made = io.BytesIO()
    torch.manual_seed(1)
    torch.save({"w": torch.randn(1_000_000), "m": torch.randint(0, 255, (4_000_000,), dtype=torch.uint8)}, made)
    assert leaks.find("SoccerTwos/checkpoint.pt", made.getvalue(), PRIVATE) == []
    planted = np.frombuffer(b"\x00" * 64 + PLANTED["path"].encode() + b"\x00" * 64, np.uint8)
    made = io.BytesIO()
    torch.save({"w": torch.tensor(planted)}, made)
    assert leaks.find("SoccerTwos/checkpoint.pt", made.getvalue(), PRIVATE)


@given(st.text(max_size=40), st.sampled_from(sorted(PLANTED)), st.text(max_size=40))
def test_what_is_scrubbed_has_none_left(before: str, kind: str, after: str) -> None:
    text = f"{before} {PLANTED[kind]} {after}"
    assert leaks.find("log", leaks.scrubbed(text, PRIVATE).encode(), PRIVATE) == []


def test_a_path_keeps_what_lies_below_a_known_folder_or_its_last_part() -> None:
    traceback = 'File "/home/carolwilson/soccer/trials/hooks.py", line 3, in install; see /opt/x/y/z.py'
    assert leaks.scrubbed(traceback, PRIVATE) == 'File "trials/hooks.py", line 3, in install; see z.py'


def test_this_machine_is_known_by_its_folders_and_public_words_are_let_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("USER", "carolwilson")
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    mine = leaks.of_this_machine([tmp_path])
    assert "carolwilson" in mine.words and str(tmp_path) in mine.folders and "hf_" + "x" * 34 in mine.secrets
    assert "carolwilson" not in mine.without(["CarolWilson"]).words
    monkeypatch.setenv("USER", "root")
    assert "root" not in leaks.of_this_machine().words


def test_what_unpacks_to_much_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "MOST", 1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "ab":
            archive.writestr(name, bytes(900))
    parts = [part for place, part, _ in leaks._parts("README.md", packed.getvalue(), ()) if place in ("a", "b")]
    assert [len(part) for part in parts] == [900, 100]


@pytest.mark.parametrize("data", [b"\xff" + b"a" * 300_000, b'<script type="application/octet-stream"' * 8_000])
def test_a_file_that_is_made_to_be_slow_is_read_in_time(data: bytes) -> None:
    assert leaks.find("odd", data, PRIVATE) == []
