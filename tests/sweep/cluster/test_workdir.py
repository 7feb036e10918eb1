"""Where a trial lives on a cluster's node: its folder, its mirror, and what dead workers left."""

import errno
import os
import platform
from pathlib import Path

import pytest
from events import spec_of, training

from sweep.cluster import workdir, worker
from sweep.cluster.workdir import Workplace
from trials.errors import SetupError
from trials.folder import RunFolder
from trials.records import Training, TrialSpec
from trials.storage import storage

NOBODY = 2**22 + 1
"""No process has this pid: Linux deals out at most 2**22."""


@pytest.fixture(autouse=True)
def own_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "disk"))


def test_on_one_machine_it_is_the_runs_folder(tmp_path: Path) -> None:
    place = Workplace(RunFolder(tmp_path / "run"), 3, None)
    assert place.prepare() == "" and place.run.path == tmp_path / "run" and place.safe(place.ask())
    place.close()
    assert not (tmp_path / "disk").exists()


def test_what_one_worker_left_another_finds(tmp_path: Path) -> None:
    kept, run = storage(str(tmp_path / "kept")), RunFolder(tmp_path / "elsewhere" / "run")
    kept.write(workdir.SEEN, b"")
    first = Workplace(run, 3, kept)
    assert first.prepare() == "" and first.run.path != run.path
    (first.run.trial(3).path / "checkpoint.pt").write_bytes(b"weights")
    first.run.trial(3).stop.touch()
    assert first.safe(first.ask(), 20)
    first.close()
    assert not first.run.path.exists() and not run.path.exists()
    second = Workplace(run, 3, kept)
    assert second.prepare() == ""
    assert (second.run.trial(3).path / "checkpoint.pt").read_bytes() == b"weights"
    assert not second.run.trial(3).stop.exists()
    second.close()


def test_files_that_a_space_names_come_along(tmp_path: Path) -> None:
    kept = storage(str(tmp_path / "kept"))
    kept.write(workdir.SEEN, b"")
    place = Workplace(RunFolder(tmp_path / "elsewhere" / "run"), 3, kept)
    assert place.prepare() == ""
    with pytest.raises(FileNotFoundError, match=r"has no inputs/1-old\.pt"):  # the worker waits and asks again
        place.have(["inputs/1-old.pt"])
    for name in ("1-old.pt", "2-demos/a.demo", "2-demos/b.demo", "3-others/c.demo"):
        kept.write(f"inputs/{name}", name.encode())
    place.have(["inputs/1-old.pt", "inputs/2-demos"])
    there = sorted(path.relative_to(place.run.path).as_posix() for path in place.run.path.glob("inputs/**/*.*"))
    assert there == ["inputs/1-old.pt", "inputs/2-demos/a.demo", "inputs/2-demos/b.demo"]
    place.close()


def test_a_file_that_never_comes_is_no_storage_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = storage(str(tmp_path / "kept"))
    kept.write(workdir.SEEN, b"")
    place = Workplace(RunFolder(tmp_path / "elsewhere" / "run"), 3, kept)
    assert place.prepare() == ""
    with pytest.raises(FileNotFoundError, match="has no inputs/1-old"):
        place.have(["inputs/1-old.pt"])
    monkeypatch.setattr(workdir, "MISSING_S", 0.0)
    with pytest.raises(SetupError, match=r"must hold the files that its space names, but .* has no inputs/1-old\.pt"):
        place.have(["inputs/1-old.pt"])
    actor = worker.TrialActor.__new__(worker.TrialActor)
    spec = TrialSpec(
        number=3,
        origin="course",
        params={},
        config={"behaviors": {"SoccerTwos": {"init_path": "inputs/1-old.pt"}}},
        seed=0,
        steps=1000,
        fields=1,
        threads=1,
        rungs=(1000,),
    )
    terms = worker.Terms(str(tmp_path), "house", 8, None)
    vars(actor).update(_cluster=None, _wrong="", _trial=None, _spec=spec, _place=place, _terms=terms)
    result = actor._begin()
    assert result["done"] and "away" not in result and result["ended"].fault == "setup"
    (tmp_path / "kept" / workdir.SEEN).unlink()  # as where it is no longer mounted
    with pytest.raises(FileNotFoundError, match="does not show the run"):
        place.have(["inputs/1-old.pt"])
    place.close()


@pytest.mark.parametrize(("number", "fault"), [(errno.ENOSPC, "setup"), (errno.EDQUOT, "setup"), (errno.EIO, None)])
def test_a_full_disk_is_no_death_of_a_worker(number: int, fault: str | None, tmp_path: Path) -> None:
    class OnDisk:
        """A trial that trains, on a disk that takes no match log."""

        def advance(self, _: float) -> None:
            raise OSError(number, os.strerror(number), str(tmp_path / "trials/0003/matches/.66674.parquet"))

        def stop(self) -> Training:
            return training(steps=66_674)

    actor = worker.TrialActor.__new__(worker.TrialActor)
    place = Workplace(RunFolder(tmp_path), 3, None)
    vars(actor).update(_cluster=None, _trial=OnDisk(), _spec=spec_of(3), _place=place, _held=None)
    if fault is None:
        with pytest.raises(OSError):  # another worker may do
            actor.step()
        return
    result = actor.step()
    assert result["done"] and (result["ended"].fault, result["ended"].steps) == (fault, 66_674)
    assert result["ended"].reason.startswith(f"the disk must have room, but {tmp_path}")


def test_a_storage_that_is_away_is_waited_for(tmp_path: Path) -> None:
    for address in ("s3://b/x?endpoint_override=http://127.0.0.1:9", str(tmp_path / "not mounted")):
        place = Workplace(RunFolder(tmp_path / "run"), 0, storage(address))
        assert place.prepare() and not place.ready
        place.close()


def test_what_dead_workers_left_is_removed_and_what_is_not_theirs_is_not(tmp_path: Path) -> None:
    folder = workdir.scratch()
    assert folder.stat().st_mode & 0o777 == 0o700
    dead = folder / f"{platform.node()}.{NOBODY}-run-0001"
    alive, elsewhere = folder / f"{platform.node()}.{os.getppid()}-run-0002", folder / f"another.{NOBODY}-run-0003"
    for left in (dead, alive, elsewhere):
        left.mkdir()
    Workplace(RunFolder(tmp_path / "run"), 0, storage(str(tmp_path / "kept"))).close()
    assert not dead.exists() and alive.exists() and elsewhere.exists()


def test_a_borrowed_file_is_given_back(tmp_path: Path) -> None:
    kept = storage(str(tmp_path / "kept"))
    with workdir.borrowed() as run:
        kept.write("a.onnx", b"policy")
        kept.fetch("a.onnx", run.path / "a.onnx")
        assert workdir.player("house", kept, run) == "house"
        kept.write("baseline/rival.onnx", b"rival")
        assert Path(workdir.player("baseline/rival.onnx", kept, run)).read_bytes() == b"rival"
    assert not run.path.exists()
