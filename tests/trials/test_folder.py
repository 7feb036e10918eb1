"""A run's files: whole whatever happens, and its lock, which says who holds it."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trials.errors import SetupError
from trials.folder import RunFolder, assembled, driving, written_whole
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
def test_the_disk_has_what_is_in_a_file_before_its_name(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, flushed = tmp_path / "to" / "file", list[tuple[int, bytes, bool]]()

    def fsync(handle: int) -> None:
        flushed.append((os.fstat(handle).st_ino, os.pread(handle, 9, 0), target.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write(target)
    assert flushed == [(target.stat().st_ino, b"whole", False)]


@pytest.mark.filterwarnings("ignore")  # filelock says that it makes do
def test_a_lock_that_only_its_file_stands_for_names_its_holder_and_what_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", none)
    run = RunFolder(tmp_path)
    run.lock.write_text(f"{os.getpid()}\nnode-17\n5642447951429756973\n")  # as a machine left it that is gone
    with pytest.raises(SetupError) as refused, driving(run):
        pass
    assert str(refused.value).endswith(
        f"; {run.lock} says so, by process {os.getpid()} of node-17: if that machine is gone, remove the file"
    )
    run.lock.unlink()
    with driving(run):
        pass


def test_a_lock_of_the_systems_ends_with_its_process_and_names_no_file(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with driving(run), pytest.raises(SetupError, match=r"wait for its end, or stop it$"), driving(run):
        pass
