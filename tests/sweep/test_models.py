"""Names of models: built-ins, files and Hub ids become files with a sha256, and a run keeps its own."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from hub_server import HubServer, environ
from hypothesis import given
from hypothesis import strategies as st
from real_sweep import SPACE, SWEEP, plain_environ
from rich.console import Console

from search_spaces import load
from sweep import models, settings
from sweep.cli import main
from sweep.cluster import run_storage
from sweep.driver import resume, run
from sweep.matches import tournament
from trials import ledger
from trials.arena.players import baseline
from trials.arena.players.load import HOUSE, LADDER
from trials.arena.players.load import load as player
from trials.errors import BadPolicy, SetupError, UsageError
from trials.events import SweepBegan
from trials.folder import RunFolder
from trials.storage import Storage

POLICY = HOUSE.read_bytes()
EARLIER = (LADDER / "house-750k.onnx").read_bytes()
DIGEST = hashlib.sha256(POLICY).hexdigest()
words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,12}[A-Za-z0-9]", fullmatch=True)


@given(words, words, st.none() | st.sampled_from(["main", "refs/pr/3", "0" * 40]), st.none() | words)
def test_an_id_is_told_from_a_path(user: str, name: str, revision: str | None, file: str | None) -> None:
    text = f"{user}/{name}" + (f"@{revision}" if revision else "") + (f":{file}.onnx" if file else "")
    assert models.on_hub(text) is not name.endswith(".onnx")
    for other in (
        name,
        f"./{text}",
        f"/{text}",
        f"{user}/{name}/more",
        f"{user}/{name}.onnx",
        f"~/{text}",
        f"s3://{text}",
    ):
        assert not models.on_hub(other), other


def test_what_exists_here_wins(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.store.put("a/b", {"SoccerTwos.onnx": EARLIER})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(POLICY)
    found = models.resolve("a/b")
    assert (found.sha256, found.revision, hub.log) == (DIGEST, "", [])
    (tmp_path / "a" / "b").unlink()
    (tmp_path / "a" / "b").mkdir()
    with pytest.raises(UsageError, match="but 'a/b' is a folder; name a file"):
        models.resolve("a/b")
    Path("gone.onnx").symlink_to("nowhere.onnx")
    with pytest.raises(UsageError, match=r"is a link to nowhere\.onnx, which is not there"):
        models.resolve("gone.onnx")


def test_a_hub_id_becomes_a_file_that_was_tried_out(hub: HubServer) -> None:
    first = hub.store.put("a/b", {"SoccerTwos.onnx": EARLIER, "best.onnx": POLICY})
    second = hub.store.put("a/b", {"SoccerTwos.onnx": POLICY, "odd.onnx": b"no network", "README.md": b"x"})
    now, then, named = models.resolve("a/b"), models.resolve(f"a/b@{first.sha}"), models.resolve("a/b:best.onnx")
    assert (now.name, now.sha256, now.revision) == ("a/b", DIGEST, second.sha)
    assert then.sha256 == hashlib.sha256(EARLIER).hexdigest() and then.revision == first.sha
    assert (named.name, named.sha256) == ("a/b:best.onnx", DIGEST)
    assert named.pinned == f"a/b@{second.sha}:best.onnx" and models.resolve(named.pinned) == named
    assert player(now.load).id == DIGEST
    told = models.told_apart([now, then])
    assert [one.name for one in told] == [f"a/b@{second.sha[:7]}", f"a/b@{first.sha[:7]}"]
    with pytest.raises(BadPolicy, match=r"^a/b:odd.onnx on the Hub: .*odd.onnx"):
        models.resolve("a/b:odd.onnx")
    with pytest.raises(SetupError, match="no file here is called runs/first, and as a Hub id: a repository must be on"):
        models.resolve("runs/first")


def test_a_tournament_names_every_entrant_that_is_not_there(hub: HubServer) -> None:
    hub.store.put("a/b", {"SoccerTwos.onnx": POLICY})
    with pytest.raises(BadPolicy) as caught:
        tournament.entrants(["a/b", "a/missing", "nobody.onnx", "random"], 2)
    assert len(str(caught.value).splitlines()) == 2
    hub.store.put("c/d", {"SoccerTwos.onnx": EARLIER})
    assert [one.name for one in tournament.entrants(["a/b", "c/d", "random"], 2)] == ["a/b", "c/d", "random"]


def test_play_takes_hub_ids_and_then_needs_no_network(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.store.put("unity/MLAgents-SoccerTwos", {"SoccerTwos.onnx": EARLIER})
    words = ["play", "unity/MLAgents-SoccerTwos", "random", "--matches", "4"]
    main.cli.main([*words, "--json"], standalone_mode=False)
    online = json.loads(capsys.readouterr().out)
    assert online["a"] == "unity/MLAgents-SoccerTwos" and online["a_sha256"] == hashlib.sha256(EARLIER).hexdigest()
    asked = len(hub.log)
    known = plain_environ() | environ(hub, tmp_path / "hf") | {"HF_HUB_OFFLINE": "1"}
    offline = subprocess.run([*SWEEP, *words], capture_output=True, text=True, env=known, check=False)
    assert offline.returncode == 0 and "unity/MLAgents-SoccerTwos against random: " in offline.stdout
    assert offline.stderr == "" and len(hub.log) == asked


def test_what_is_neither_here_nor_on_the_hub_is_one_line(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("sys.argv", ["sweep", "play", "unity/another", "random"])
    with pytest.raises(SystemExit, match="1"):
        main.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sweep: no file here is called unity/another, and as a Hub id: the Hub may not be asked")


@pytest.fixture
def begun(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunFolder, str]:
    """A run with a baseline from the Hub, up to where Ray would start, and the commit of its baseline."""
    commit = hub.store.put("unity/base", {"SoccerTwos.onnx": POLICY})
    (tmp_path / "tiny.yaml").write_text(SPACE)
    space = str(tmp_path / "tiny.yaml")
    made = settings.of_space(space, load(space), {"out": tmp_path / "run", "baseline": "unity/base"})

    def drive(settings: settings.Settings, space: object, rendered: object, baseline: models.Model, *_: object) -> int:
        told = run._began(settings, load(settings.space), baseline, "sweep run", RunFolder(settings.out))
        ledger.append(RunFolder(settings.out).ledger, told)
        return 0

    monkeypatch.setattr(run, "check_with_mlagents", lambda config: None)
    monkeypatch.setattr(run, "drive", lambda *arguments, warm=None: drive(*arguments))
    assert run.sweep(made, "sweep run", Console(quiet=True)) == 0
    return RunFolder(tmp_path / "run"), commit.sha


def test_a_run_records_its_baseline_and_keeps_it(begun: tuple[RunFolder, str], hub: HubServer) -> None:
    folder, commit = begun
    (began,) = ledger.read(folder.ledger)
    assert isinstance(began, SweepBegan)
    assert (began.baseline, began.baseline_sha256, began.baseline_revision) == ("unity/base", DIGEST, commit)
    assert settings.read(folder.settings).baseline == f"unity/base@{commit}"
    assert (folder.baseline / "unity" / "base.onnx").read_bytes() == POLICY


def test_a_run_goes_on_with_the_very_same_baseline_without_network(
    begun: tuple[RunFolder, str], hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, commit = begun
    hub.store.put("unity/base", {"SoccerTwos.onnx": EARLIER})
    asked, driven = len(hub.log), []
    monkeypatch.setattr(run, "drive", lambda *arguments: driven.append(arguments) or 0)
    assert resume.resume(folder, None, None, Console(quiet=True)) == 0
    baseline = driven[0][3]
    assert (baseline.name, baseline.sha256, baseline.revision) == ("unity/base", DIGEST, commit)
    assert baseline.load == str(folder.baseline / "unity" / "base.onnx") and len(hub.log) == asked
    (folder.baseline / "unity" / "base.onnx").unlink()  # then the cache has it, by its commit
    assert resume.resume(folder, None, None, Console(quiet=True)) == 0
    assert driven[1][3].sha256 == DIGEST and len(hub.log) == asked


def test_a_runs_baseline_is_found_by_what_it_holds(begun: tuple[RunFolder, str], tmp_path: Path) -> None:
    folder, _ = begun
    copy = folder.baseline / "unity" / "base.onnx"
    assert baseline.find(folder, DIGEST) == copy  # settings call it unity/base@commit, which is no path
    copy.unlink()
    assert baseline.find(folder, DIGEST) == HOUSE  # the same file, installed
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(own := POLICY + b"\x32\x01x")  # ModelProto's doc_string: plays alike
    digest = hashlib.sha256(own).hexdigest()
    assert baseline.find(folder, digest) is None
    folder.settings.write_text(f"baseline: {mine}\n")
    assert baseline.find(folder, digest) == mine
    mine.write_bytes(POLICY)
    with pytest.raises(SetupError, match=r"baseline must be what it was, sha256 .*, but mine has .* put that file"):
        models.of_run(folder, str(mine), digest)


def test_a_baseline_that_is_called_like_a_built_in_player_stays_itself(tmp_path: Path) -> None:
    run, mine = RunFolder(tmp_path / "run"), tmp_path / "random.onnx"
    mine.write_bytes(POLICY + b"\x32\x01y")
    model = models.resolve(str(mine))
    kept = models.kept(model, run)
    again = models.of_run(run, str(mine), model.sha256)
    assert model.name == again.name == "random.onnx" and again.load == kept.load


def test_a_cluster_finds_the_baseline_in_the_storage(begun: tuple[RunFolder, str], tmp_path: Path) -> None:
    folder, _ = begun
    place = Storage(str(tmp_path / "kept"))
    name = run_storage.shared(models.of_run(folder, "unity/base", DIGEST), place)
    assert name == "baseline/unity/base.onnx" and place.read(name) == POLICY


def test_a_sweep_with_a_baseline_that_cannot_be_had_leaves_nothing(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SetupError, match="and as a Hub id: a repository must be on the Hub to read it"):
        main.cli.main(["run", "quick", "--baseline", "unity/gone"], standalone_mode=False)
    assert not (tmp_path / "runs").exists()


def test_a_command_is_told_as_it_was_typed() -> None:
    told = settings.command("quick", {"baseline": "unity/base@main", "seed": 3})
    assert told == "sweep run quick --baseline unity/base@main --seed 3"
    assert settings.command("quick", {"baseline": "/home/me/rival.onnx"}) == "sweep run quick --baseline rival.onnx"


def test_a_run_meets_the_house_that_it_began_with(tmp_path: Path) -> None:
    began = hashlib.sha256((LADDER / "house-6000k.onnx").read_bytes()).hexdigest()
    found = models.of_run(RunFolder(tmp_path), "house", began)
    assert (found.name, found.sha256) == ("house-6000k", began)
