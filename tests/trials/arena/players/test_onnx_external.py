"""A policy in two files, as torch 2.9 and later export it: read, known, copied and refused as a whole."""

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from hub_server import HubServer

from reports import hub as hubs
from reports.hub import HubError
from sweep import models
from sweep.league import sources
from sweep.matches import tournament
from sweep.models import Model
from sweep.promotion import verify
from trials.arena.players import onnx_external, onnx_graph
from trials.arena.players.load import LADDER
from trials.arena.players.onnx_policy import OnnxPolicy
from trials.arena.players.sandbox import vet
from trials.errors import BadPolicy
from trials.folder import RunFolder

DATA = "SoccerTwos.onnx.data"


def in_two(source: Path, folder: Path, name: str = "SoccerTwos.onnx", data: str = DATA) -> Path:
    """The same model, its weights beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save_model(onnx.load(source), folder / name, save_as_external_data=True, location=data, size_threshold=0)
    assert (folder / name).stat().st_size < 20_000 < (folder / data).stat().st_size
    return folder / name


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return in_two(LADDER / "house-750k.onnx", tmp_path / "m")


def answers(path: Path) -> np.ndarray:
    policy = OnnxPolicy(path)
    observations = np.random.default_rng(1).random((16, 336), np.float32)
    answer = np.empty((16, 9), np.float32)
    policy.decide(observations, np.zeros((16, policy.memory), np.float32), answer)
    return answer


def test_it_plays_as_the_one_file_does_and_passes_the_sandbox(two: Path, tmp_path: Path) -> None:
    assert np.array_equal(answers(two), answers(LADDER / "house-750k.onnx"))
    vet(two)
    (tmp_path / "one.onnx").write_bytes(onnx_graph.single(two))
    assert onnx_external.locations((tmp_path / "one.onnx").read_bytes()) == ()
    assert np.array_equal(answers(tmp_path / "one.onnx"), answers(two))


def test_what_it_is_known_by_covers_both_files(two: Path) -> None:
    before = OnnxPolicy(two).id
    assert before == onnx_external.digest_of(two) == models.resolve(str(two)).sha256
    content = bytearray((two.parent / DATA).read_bytes())
    content[1000] ^= 1
    (two.parent / DATA).write_bytes(content)
    assert before != OnnxPolicy(two).id == onnx_external.digest_of(two)
    house = LADDER / "house.onnx"
    assert onnx_external.digest_of(house) == models.resolve("house").sha256 == OnnxPolicy(house).id


def pointed(two: Path, **told: str) -> None:
    """Change what every tensor says of its other file."""
    model = onnx.load(two, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = told.get(entry.key, entry.value)
    two.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    "location", ["../m/" + DATA, "/etc/passwd", "sub/" + DATA, "..", ".", "", "a" * 300, "SoccerTwos.onnx"]
)
def test_a_name_that_leaves_the_folder_is_refused(two: Path, location: str) -> None:
    pointed(two, location=location)
    with pytest.raises(BadPolicy, match=r"SoccerTwos.onnx keeps (them|its numbers) in another file"):
        OnnxPolicy(two)
    assert onnx_external.digest_of(two)  # and is known all the same


@pytest.mark.parametrize("told", [b"\xff" * 100, b"\xff" * 128, "ä".encode() * 128, b"a" * 1_000, b"a" * 300_000])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, told: bytes) -> None:
    made = onnx.StringStringEntryProto(key="location", value="a" * len(told)).SerializeToString()
    data = made[: -len(told)] + told
    with pytest.raises(BadPolicy, match=r"must be in its file or in one right beside it, but m\.onnx keeps them in"):
        onnx_external.read(tmp_path / "m.onnx", data)


def test_a_long_name_is_taken_whole(tmp_path: Path) -> None:
    two = in_two(LADDER / "house-750k.onnx", tmp_path / "m", data="b" * 250)
    assert onnx_external.locations(two.read_bytes()) == ("b" * 250,)
    assert np.array_equal(answers(two), answers(LADDER / "house-750k.onnx"))


def test_a_link_out_of_the_folder_is_refused_and_one_beside_it_is_not(two: Path, tmp_path: Path) -> None:
    (two.parent / DATA).rename(tmp_path / "elsewhere")
    (two.parent / DATA).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadPolicy, match="which is not beside it; put both into one folder"):
        OnnxPolicy(two)
    blobs = tmp_path / "blobs"  # as huggingface_hub's cache has them
    blobs.mkdir()
    two.rename(blobs / "1")
    two.symlink_to(blobs / "1")
    (two.parent / DATA).unlink()
    (tmp_path / "elsewhere").rename(blobs / "2")
    (two.parent / DATA).symlink_to(blobs / "2")
    assert OnnxPolicy(two).id == models.resolve(str(two)).sha256


@pytest.mark.parametrize(
    "told", [{"offset": "99999999"}, {"length": "99999999"}, {"length": "0"}, {"offset": "-1"}, {"length": "x"}]
)
def test_numbers_that_are_not_there_are_refused(two: Path, told: dict[str, str]) -> None:
    pointed(two, **told)
    with pytest.raises(BadPolicy, match="policy"):
        OnnxPolicy(two)


def test_what_lacks_is_large_or_a_pointer_is_said(two: Path) -> None:
    (two.parent / DATA).write_bytes(onnx_external.LFS + b".github.com/spec/v1\n")
    with pytest.raises(BadPolicy, match=r"onnx\.data is a Git LFS pointer"):
        OnnxPolicy(two)
    with (two.parent / DATA).open("wb") as file:
        file.truncate(onnx_external.MAX_BYTES)
    with pytest.raises(
        BadPolicy, match=r"must be at most 80 MiB, but SoccerTwos\.onnx and what is beside it have 80 MiB"
    ):
        OnnxPolicy(two)
    (two.parent / DATA).unlink()
    with pytest.raises(BadPolicy, match=f"its numbers in another file, {DATA}, which is not beside it; put both"):
        vet(two)


def test_regions_told_again_and_again_are_bounded(two: Path) -> None:
    with (two.parent / DATA).open("wb") as file:
        file.truncate(60 << 20)
    pointed(two, offset="0", length=str(60 << 20))
    with pytest.raises(BadPolicy, match="must hold its own numbers"):
        OnnxPolicy(two)


def test_a_league_and_a_tournament_take_it_from_a_folder_and_see_it_change(two: Path) -> None:
    in_two(LADDER / "house-1000k.onnx", two.parent, "other.onnx", "other.onnx.data")
    named = tournament.entrants([str(two.parent)], 1)
    assert {model.name for model in named} == {"SoccerTwos", "other"} and len({m.sha256 for m in named}) == 2
    source = sources.source(str(two.parent))
    (one, two_) = source.offers(pytest.fail)
    assert {one.revision, two_.revision} == {model.sha256 for model in named}
    shutil.copy(two.parent / "other.onnx.data", two.parent / DATA)
    changed = {offer.name: offer.revision for offer in source.offers(pytest.fail)}
    assert changed["m/other"] in (one.revision, two_.revision)
    assert changed["m/SoccerTwos"] not in (one.revision, two_.revision)
    (two.parent / DATA).unlink()
    assert len({*changed.values(), *(offer.revision for offer in source.offers(pytest.fail))}) == 3


def test_what_is_no_file_stops_no_league(two: Path) -> None:
    os.mkfifo(two.parent / "pipe.onnx")
    (two.parent / "endless.onnx").symlink_to("/dev/zero")
    shutil.copy(LADDER / "house-1000k.onnx", os.fsencode(two.parent) + b"/odd\xff.onnx")
    told: list[str] = []
    offers = sources.source(str(two.parent)).offers(told.append)
    assert sorted(offer.name for offer in offers) == ["m/SoccerTwos", "m/odd\\udcff"]
    assert len(told) == 2 and all("it is no regular file" in line for line in told)


def test_a_run_keeps_a_baseline_whole(two: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    model = models.resolve(str(two))
    kept = models.kept(model, run)
    shutil.rmtree(two.parent)
    assert OnnxPolicy(Path(kept.load)).id == model.sha256
    again = models.of_run(run, str(two), model.sha256)
    assert isinstance(again, Model) and again.load == kept.load


def test_the_hub_gives_both_and_the_cache_has_both(two: Path, hub: HubServer) -> None:
    files = {path.name: path.read_bytes() for path in two.parent.iterdir()}
    hub.store.put("tester/two", files)
    found = hubs.model("tester/two")
    assert found.sha256 == onnx_external.digest_of(two) == OnnxPolicy(found.path).id
    asked = len(hub.log)
    assert hubs.model("tester/two", found.version.revision) == found and len(hub.log) == asked
    (found.path.parent / DATA).unlink()
    assert hubs.model("tester/two", found.version.revision).sha256 == found.sha256  # asked for again
    assert models.resolve("tester/two").sha256 == found.sha256
    checked = {check.name: check.status for check in verify.verify("tester/two", None, 0, 1, False).checks}
    assert (checked["file"], checked["spaces"], checked["plays"]) == ("ok", "ok", "ok")
    hub.store.put("tester/half", {"SoccerTwos.onnx": files["SoccerTwos.onnx"]})
    with pytest.raises(HubError, match=f"keeps its numbers in {DATA}, which is not in the repository"):
        hubs.model("tester/half")
