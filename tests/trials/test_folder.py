"""A run's files: whole whatever happens, and its lock, which says who holds it."""

import os
from pathlib import Path

import pytest

from trials.folder import assembled, written_whole
from trials.storage import storage


def by_file(path: Path) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(b"whole")


def by_folder(path: Path) -> None:
    with assembled(path.parent) as folder:
        (folder / path.name).write_bytes(b"whole")


def by_storage(path: Path) -> None:
    storage(str(path.parent)).write(path.name, b"whole")


@pytest.mark.parametrize("write", [by_file, by_folder, by_storage])
def test_the_disk_has_what_is_in_a_file_before_its_name(write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, flushed = tmp_path / "to" / "file", list[tuple[int, bytes, bool]]()

    def fsync(handle: int) -> None:
        flushed.append((os.fstat(handle).st_ino, os.pread(handle, 9, 0), target.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write(target)
    assert flushed == [(target.stat().st_ino, b"whole", False)]
