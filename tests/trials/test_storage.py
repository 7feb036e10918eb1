"""A run's storage: a folder and a real S3 server, with one face; and the mirror that keeps a folder in it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import now
from s3_server import KEYS, S3Server, s3_server

from trials.errors import SetupError
from trials.mirror import Mirror
from trials.storage import Storage, storage


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch, s3_server() as running:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return storage(str(tmp_path / "kept"))
    return storage(request.getfixturevalue("server").address(f"a b/{tmp_path.name}"))


def test_what_is_put_is_there_whole(place: Storage, tmp_path: Path) -> None:
    assert place.files() == {} and place.read("trials/0000/a.onnx") is None
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    place.put(tmp_path / "a", "trials/0000/a.onnx")
    place.write("ledger.jsonl", b"one\n")
    place.write("ledger.jsonl", b"one\ntwo\n")
    assert {name: stat.size for name, stat in place.files().items()} == {
        "trials/0000/a.onnx": 100_000,
        "ledger.jsonl": 8,
    }
    assert [*place.files("trials/0000")] == ["trials/0000/a.onnx"] and [*(place / "trials").files()] == ["0000/a.onnx"]
    place.fetch("trials/0000/a.onnx", tmp_path / "b" / "c.onnx")
    assert (tmp_path / "b" / "c.onnx").read_bytes() == b"x" * 100_000
    assert abs(place.files()["ledger.jsonl"].modified - time.time()) < 60
    assert (stat := place.stat("ledger.jsonl")) is not None and stat.size == 8 and place.stat("none") is None
    place.remove("ledger.jsonl")
    place.remove("ledger.jsonl")
    assert [*place.files()] == ["trials/0000/a.onnx"]
    with pytest.raises(FileNotFoundError):
        place.fetch("nothing", tmp_path / "d")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ftp://host/x", "--storage must be a path or s3://bucket/prefix, but got ftp://host/x"),
        ("s3:///x", "--storage must be a path or s3://bucket/prefix"),
        ("s3://key:secret@bucket/x", "--storage must hold no password"),
        ("s3://bucket/x?endpoint_override=10.0.0.7:9000", "endpoint_override=http"),
        ("s3://bucket/x?colour=red", "but got colour=red"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(text: str, line: str) -> None:
    with pytest.raises(SetupError, match=line.replace("(", r"\(")) as refused:
        storage(text)
    assert "secret" not in str(refused.value)


def test_a_bucket_that_is_not_there_is_an_oserror(server: S3Server) -> None:
    with pytest.raises(OSError, match=r"(?i)bucket"):
        storage(server.address("x").replace("sweeps", "nobodys")).write("a", b"")
    with pytest.raises(OSError):
        storage("s3://b/x?endpoint_override=http://127.0.0.1:9").write("a", b"")


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = now() + seconds
    while not condition():
        assert now() < deadline
        time.sleep(0.02)


def test_a_mirror_keeps_what_changes_and_forgets_what_is_removed(place: Storage, tmp_path: Path) -> None:
    local = tmp_path / "local"
    (local / "candidates").mkdir(parents=True)
    (local / "candidates" / "a.onnx").write_bytes(b"1")
    (local / "stop").touch()
    (local / ".half").touch()
    (local / "trainer.log").write_text("grows")
    mirror = Mirror(local, place, leave=("stop",))
    mirror.start()
    number = mirror.ask()
    until(lambda: mirror.reached(number))
    assert sorted(place.files()) == ["candidates/a.onnx", "trainer.log"]
    (local / "candidates" / "a.onnx").write_bytes(b"22")
    (local / "candidates" / "b.onnx").write_bytes(b"3")
    number = mirror.ask()
    until(lambda: mirror.reached(number))
    assert place.read("candidates/a.onnx") == b"22" and place.read("candidates/b.onnx") == b"3"
    (local / "candidates" / "a.onnx").unlink()
    number = mirror.ask()
    until(lambda: mirror.reached(number))
    assert "candidates/a.onnx" not in place.files()
    mirror.close()

    other = Mirror(tmp_path / "other", place)
    other.fetch()
    assert (tmp_path / "other" / "candidates" / "b.onnx").read_bytes() == b"3"
    assert (tmp_path / "other" / "trainer.log").read_text() == "grows"


def test_a_mirror_waits_for_a_storage_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trials.mirror.AWAY_S", 0.05)
    local, kept = tmp_path / "local", tmp_path / "kept"
    local.mkdir()
    kept.write_text("a file where the folder was: nothing can be written below it")
    (local / "a.onnx").write_bytes(b"1")
    mirror = Mirror(local, storage(str(kept)))
    mirror.start()
    number = mirror.ask()
    until(lambda: mirror.away_since is not None)
    assert not mirror.reached(number) and mirror.reason
    kept.unlink()
    until(lambda: mirror.reached(number))
    assert (kept / "a.onnx").read_bytes() == b"1" and mirror.away_since is None
    mirror.close()


def test_a_refusal_without_a_word_is_waited_out_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trials.mirror.AWAY_S", 0.05)
    local, place, refusals = tmp_path / "local", storage(str(tmp_path / "kept")), [OSError(), MemoryError()]
    local.mkdir()
    (local / "a.onnx").write_bytes(b"1")
    put, told = Storage.put, list[str]()

    def refusing(self: Storage, path: Path, name: str) -> None:
        told.append(mirror.reason)
        if refusals:
            raise refusals.pop()
        put(self, path, name)

    monkeypatch.setattr(Storage, "put", refusing)
    mirror = Mirror(local, place)
    mirror.start()
    number = mirror.ask()
    until(lambda: mirror.reached(number))
    assert told == ["", "MemoryError", "OSError"] and place.read("a.onnx") == b"1"
    mirror.close()


def test_files_that_grow_are_kept_now_and_then(tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.mkdir()
    place = storage(str(tmp_path / "kept"))
    mirror = Mirror(local, place)
    mirror.start()
    first = mirror.ask()
    until(lambda: mirror.reached(first))
    (local / "metrics.jsonl").write_text("{}\n")
    (local / "progress.json").write_text("{}")
    time.sleep(0.1)
    assert not place.files()
    (local / "a.pt").write_bytes(b"1")
    until(lambda: {"a.pt", "progress.json"} <= {*place.files()})  # a checkpoint goes with the word that it is one
    assert "metrics.jsonl" not in place.files()
    asked = mirror.ask()
    until(lambda: mirror.reached(asked))
    assert "metrics.jsonl" in place.files()
    mirror.close()
