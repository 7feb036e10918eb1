"""A run kept in a storage: by its driver, for another machine, and by one driver at a time."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from events import ended, spec_of
from patience import now

from sweep import settings
from sweep.cluster import run_storage, sync, workdir
from sweep.models import Model
from sweep.settings import Settings
from trials import ledger
from trials.arena.players import onnx_external
from trials.arena.players.load import LADDER
from trials.errors import SetupError
from trials.events import TrialBegan
from trials.folder import RunFolder
from trials.storage import Storage


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    (tmp_path / "here" / "run" / "trials" / "0000" / "candidates").mkdir(parents=True)
    return settings.make(space="quick", out=tmp_path / "here" / "run", storage=str(tmp_path / "kept"))


def write_a_run(run: RunFolder) -> None:
    ledger.append(run.ledger, TrialBegan(time=1.0, spec=spec_of(0)))
    (run.trial(0).candidates / "SoccerTwos-100.onnx").write_bytes(b"policy")
    (run.trial(0).path / "checkpoint.pt").write_bytes(b"weights")
    run.study.write_text("a view")


def test_where_a_run_is_kept(made: Settings, tmp_path: Path) -> None:
    assert run_storage.storage_of(made) == Storage(str(tmp_path / "kept" / "run")) and run_storage.apart(made)
    alone = replace(made, storage=None)
    assert run_storage.storage_of(alone) == Storage(str(tmp_path / "here" / "run")) and not run_storage.apart(alone)
    assert not run_storage.apart(replace(made, storage=str(tmp_path / "here")))
    bucket = replace(made, storage="s3://sweeps/mine/?region=eu-west-1")
    assert run_storage.storage_of(bucket).address == "s3://sweeps/mine/run?region=eu-west-1"


def test_a_run_on_one_machine_is_kept_whole_and_goes_on_elsewhere(made: Settings, tmp_path: Path) -> None:
    run = RunFolder(made.out)
    with sync.kept(run, made) as keeper:
        assert keeper is not None
        write_a_run(run)
        keeper.settle()
        with pytest.raises(SetupError, match="a run has one driver at a time, but another drove"):
            run_storage.fetched(str(tmp_path / "kept" / "run"), tmp_path / "there", heavy=True)
        ledger.append(run.ledger, ended(0))
    there = run_storage.fetched(str(tmp_path / "kept" / "run"), tmp_path / "there", heavy=True)
    assert there.ledger.read_bytes() == run.ledger.read_bytes() and len(ledger.read(there.ledger)) == 2
    assert (there.trial(0).candidates / "SoccerTwos-100.onnx").read_bytes() == b"policy"
    assert (there.trial(0).path / "checkpoint.pt").exists() and not there.study.exists()
    light = run_storage.fetched(str(tmp_path / "kept" / "run"), tmp_path / "light", heavy=False)
    assert light.trial(0).candidates.exists() and not (light.trial(0).path / "checkpoint.pt").exists()


def test_what_workers_put_is_fetched(made: Settings, tmp_path: Path) -> None:
    run = RunFolder(made.out)
    with sync.kept(run, replace(made, ray_address="127.0.0.1:6379")) as keeper:
        assert keeper is not None
        place = run_storage.storage_of(made)
        place.write("trials/0003/candidates/SoccerTwos-7.onnx", b"policy")
        place.write("trials/0003/mlagents/SoccerTwos/checkpoint.pt", b"weights")
        keeper.heard(ended(3))
        keeper.settle()
        assert (run.trial(3).candidates / "SoccerTwos-7.onnx").read_bytes() == b"policy"
        assert not run.trial(3).results.exists()


def test_a_dead_drivers_word_grows_old(made: Settings, tmp_path: Path) -> None:
    place = run_storage.storage_of(made)
    place.write("ledger.jsonl", b"")
    place.write(".driving", b"somebody")
    with pytest.raises(SetupError, match="one driver at a time"), sync.kept(RunFolder(made.out), made):
        pass
    long_ago = time.time() - 2 * run_storage.DEAD_S
    os.utime(tmp_path / "kept" / "run" / ".driving", (long_ago, long_ago))
    with sync.kept(RunFolder(made.out), made):
        pass
    assert place.read(".driving") is None


def test_a_driver_that_died_before_it_could_say_so_is_believed_on_its_own_machine(
    made: Settings, tmp_path: Path
) -> None:
    run = RunFolder(made.out)
    with sync.kept(run, made):
        write_a_run(run)
    ledger.append(run.ledger, ended(0))  # not in the storage any more
    again = run_storage.fetched(str(tmp_path / "kept" / "run"), made.out.parent, heavy=True)
    assert len(ledger.read(again.ledger)) == 2
    run.ledger.write_text("another run's")
    with pytest.raises(SetupError, match="or not there, but it is another; move it away"):
        run_storage.fetched(str(tmp_path / "kept" / "run"), made.out.parent, heavy=True)
    assert run.ledger.read_text() == "another run's"


def test_names_are_taken_and_strangers_refused(made: Settings, tmp_path: Path) -> None:
    run_storage.must_be_free(made)
    run_storage.storage_of(made).write("ledger.jsonl", b"")
    with pytest.raises(SetupError, match="--storage must hold no run of the name run"):
        run_storage.must_be_free(made)
    with pytest.raises(SetupError, match="a run's storage must hold a ledger"):
        run_storage.fetched(str(tmp_path / "kept" / "other"), tmp_path, heavy=True)
    with pytest.raises(SetupError, match="must answer"):
        run_storage.fetched("s3://b/run?endpoint_override=http://127.0.0.1:9", tmp_path, heavy=True)


def test_a_baseline_of_ones_own_is_where_workers_find_it(made: Settings, tmp_path: Path) -> None:
    place = run_storage.storage_of(made)
    assert run_storage.shared(Model("house", "house", "ab"), place) == "house"
    (tmp_path / "rival.onnx").write_bytes(b"policy")
    assert run_storage.shared(Model("rival", str(tmp_path / "rival.onnx"), "ab"), place) == "baseline/rival.onnx"
    assert place.read("baseline/rival.onnx") == b"policy"


def test_a_baseline_in_two_files_is_whole_where_workers_play(made: Settings, tmp_path: Path) -> None:
    path, place = tmp_path / "rival.onnx", run_storage.storage_of(made)
    policy = onnx.load(LADDER / "house-750k.onnx")
    onnx.save_model(policy, path, save_as_external_data=True, location="weights.data", size_threshold=0)
    name = run_storage.shared(Model("USER/rival", str(path), "ab"), place)
    with workdir.borrowed() as run:
        there = Path(workdir.player(name, place, run))
        assert onnx_external.digest_of(there) == onnx_external.digest_of(path)


def test_a_run_that_went_on_elsewhere_is_not_written_over(made: Settings, tmp_path: Path) -> None:
    run = RunFolder(made.out)
    with sync.kept(run, made):
        write_a_run(run)
    there = run_storage.fetched(str(tmp_path / "kept" / "run"), tmp_path / "there", heavy=True)
    with sync.kept(there, replace(made, out=there.path)):
        ledger.append(there.ledger, ended(0))
    with pytest.raises(SetupError, match=r"but the one kept at .* went on elsewhere"), sync.kept(run, made):
        pass
    assert run_storage.storage_of(made).read("ledger.jsonl") == there.ledger.read_bytes()


def test_what_a_dead_driver_had_still_to_fetch_is_fetched(made: Settings, tmp_path: Path) -> None:
    run = RunFolder(made.out)
    write_a_run(run)
    ledger.append(run.ledger, ended(5))
    run_storage.storage_of(made).write("trials/0005/candidates/SoccerTwos-7.onnx", b"policy")
    with sync.kept(run, replace(made, ray_address="127.0.0.1:6379")):
        pass
    assert (run.trial(5).candidates / "SoccerTwos-7.onnx").read_bytes() == b"policy"


def test_a_driver_that_was_taken_over_puts_nothing_there_any_more(
    made: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "BEAT_S", 0.05)
    run, said = RunFolder(made.out), []
    with sync.kept(run, made) as keeper:
        assert keeper is not None
        keeper.broken = said.append
        run_storage.storage_of(made).write(".driving", b"another")
        deadline = now() + 20
        while not said:
            assert now() < deadline
            time.sleep(0.02)
        run.report.write_text("late")
    assert "another has taken over" in said[0]
    assert run_storage.storage_of(made).read("report.html") is None
    assert run_storage.storage_of(made).read(".driving") == b"another"


def test_a_driver_says_that_it_lives_while_it_fetches(made: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "BEAT_S", 0.05)
    place, going_on = run_storage.storage_of(made), threading.Event()
    place.write("trials/0003/candidates/SoccerTwos-7.onnx", b"policy")
    fetch = Storage.fetch
    monkeypatch.setattr(Storage, "fetch", lambda *words: going_on.wait(120) and fetch(*words))
    with sync.kept(RunFolder(made.out), replace(made, ray_address="127.0.0.1:6379")) as keeper:
        assert keeper is not None
        keeper.heard(ended(3))
        said = [place.stat(sync.BEAT)]
        while len(said) < 4:
            time.sleep(0.02)
            said += [now] if (now := place.stat(sync.BEAT)) not in said else []
        going_on.set()
    assert RunFolder(made.out).trial(3).candidates.exists()


def test_a_storage_that_is_slow_is_waited_for_and_one_that_is_gone_is_not(
    made: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, put = RunFolder(made.out), Storage.put
    for number in range(12):
        (run.trial(0).candidates / f"SoccerTwos-{number}.onnx").write_bytes(b"policy")
    slow = threading.Event()
    monkeypatch.setattr(Storage, "put", lambda *words: slow.wait(0.25) or put(*words))
    with sync.kept(run, made) as keeper:
        assert keeper is not None
        keeper.settle(2.0)
        monkeypatch.setattr(Storage, "put", lambda *words: slow.wait())
        (run.trial(0).candidates / "SoccerTwos-9.onnx").write_bytes(b"policy")
        with pytest.raises(SetupError, match=r"has not answered for 0\.5 s"):
            keeper.settle(0.5)
        monkeypatch.setattr(Storage, "put", put)
        slow.set()


def test_a_run_in_its_storage_has_one_driver_too(made: Settings, tmp_path: Path) -> None:
    run_storage.storage_of(made).write(".driving", b"somebody")
    within = replace(made, out=tmp_path / "kept" / "run")
    assert not run_storage.apart(within)
    with pytest.raises(SetupError, match="one driver at a time"), sync.kept(RunFolder(within.out), within):
        pass


def test_trials_of_a_cluster_go_on_here_from_what_its_workers_left(made: Settings, tmp_path: Path) -> None:
    run, place = RunFolder(made.out), run_storage.storage_of(made)
    for number in (1, 2):
        place.write(f"trials/{number:04d}/mlagents/SoccerTwos/checkpoint.pt", b"theirs")
    mine = run.trial(2).results / "SoccerTwos" / "checkpoint.pt"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine, newer")
    run_storage.have_checkpoints(run, made, [1, 2])
    assert (run.trial(1).results / "SoccerTwos" / "checkpoint.pt").read_bytes() == b"theirs"
    assert mine.read_bytes() == b"mine, newer"


def test_of_checkpoints_here_and_in_the_storage_the_newer_ones_go_on(made: Settings) -> None:
    run, place = RunFolder(made.out), run_storage.storage_of(made)
    for number, mine, theirs in ((1, 900, 1000), (2, 1000, 900)):  # the cluster went on with the first
        folder = run.trial(number).results / "SoccerTwos"
        folder.mkdir(parents=True)
        for name in ("checkpoint", f"SoccerTwos-{mine}"):
            (folder / f"{name}.pt").write_bytes(b"mine")
        for name in ("checkpoint", f"SoccerTwos-{theirs}"):
            place.write(f"trials/{number:04d}/mlagents/SoccerTwos/{name}.pt", b"theirs")
    run_storage.have_checkpoints(run, made, [1, 2])
    kept = [(run.trial(number).results / "SoccerTwos" / "checkpoint.pt").read_bytes() for number in (1, 2)]
    assert kept == [b"theirs", b"mine"]
    gone = replace(made, storage="s3://b/x?endpoint_override=http://127.0.0.1:9")
    run_storage.have_checkpoints(run, gone, [1, 2])  # what is here can be worked with all the same
