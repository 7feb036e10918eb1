"""Promotion: what is uploaded is proved, scrubbed, complete and the same when it comes back; else nothing is."""

import csv
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import onnx
import promotable
import pytest
import torch
import yaml
from click.testing import CliRunner
from hub_server import FINE, READ, WRITE, HubServer

import sweep.cli.main
from reports import hub as hubs
from reports.hub.names import SOCCER_TWOS
from reports.model import bundle, checks, files
from sweep import models, runs
from sweep.driver import status
from sweep.matches import play
from sweep.matches.conditions import Conditions
from sweep.promotion import evaluation, promote
from sweep.promotion.evaluation import Bar
from sweep.promotion.promote import Order
from trials import ledger
from trials.arena.players.load import LADDER
from trials.errors import SetupError
from trials.events import Promoted, SweepEnded
from trials.folder import RunFolder, assembled, driving
from trials.learner import process
from trials.results import plain

REPO = "tester/poca-SoccerTwos"
FEW = Bar(matches=16)
UPLOADED = {
    "SoccerTwos.onnx",
    "README.md",
    "configuration.yaml",
    "config.json",
    "SoccerTwos/checkpoint.pt",
    "SoccerTwos/events.out.tfevents.1700000001.trial",
    "run_logs/training_status.json",
    "report.html",
    "evaluation.csv",
    "evaluation.json",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own policies need no vetting, and mlagents' opinion is asked for in the real sweep's test."""
    monkeypatch.setattr(models, "vet", lambda *_: None)
    monkeypatch.setattr(checks, "vet", lambda *_: None)
    monkeypatch.setattr(bundle, "_report", lambda *_: "<html>a run</html>")
    monkeypatch.setattr(process, "check_with_mlagents", lambda config: config)
    monkeypatch.setattr(evaluation, "RANDOM_PAIRS", 8)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return promotable.make(tmp_path / "a run")


def promoted(run: RunFolder, **how: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"repo": REPO, "dry_run": True, "bar": FEW}
    return plain(promote.promote(run, Order(**(given | how)), lambda _: None))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one dry promotion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "vet", lambda *_: None)
        patch.setattr(process, "check_with_mlagents", lambda config: config)
        found = promoted(promotable.make(tmp_path_factory.mktemp("dry") / "first"))
    assert found["refused"] is None, found
    return Path(found["folder"])


def test_a_folder_has_what_is_needed_and_nothing_else(written: Path) -> None:
    assert set(bundle.hashes(written)) == UPLOADED
    assert written == written.parents[1] / "promotion" / "trial-0001"
    known = {check.name: check.status for check in checks.examine(files.of_folder(written))}
    assert set(known.values()) == {"ok"}, known


def test_the_card_is_one_that_the_hub_reads(written: Path) -> None:
    card = huggingface_hub.ModelCard.load(written / "README.md")
    told = json.loads((written / "evaluation.json").read_text())
    assert card.data.library_name == "ml-agents" and card.data.license == "apache-2.0"
    assert {*SOCCER_TWOS.tags} <= set(card.data.tags)
    results = card.data.eval_results
    assert [result.metric_value for result in results] == [row["elo"] for row in told["ratings"]]
    assert results[0].metric_type == "elo" and results[0].metric_args["elo_low"] == told["ratings"][0]["elo_low"]
    assert "house baseline" in results[0].metric_name and card.data.model_name == "poca-SoccerTwos"
    assert f"{round(abs(told['ratings'][0]['elo']))} Elo" in card.text
    assert "sweep run course --trials 2 --seed 1" in card.text and "Published by force" not in card.text


def test_its_numbers_come_from_its_matches_and_can_be_played_again(written: Path) -> None:
    told = json.loads((written / "evaluation.json").read_text())
    house = told["ratings"][0]
    with (written / "evaluation.csv").open() as file:
        mine = [row for row in csv.DictReader(file) if row["b_name"] == "house"]
    assert [sum(row["result"] == score for row in mine) for score in ("1", "0.5", "0")] == [
        house["wins"], house["draws"], house["losses"]]  # fmt: skip
    words = next(command for command in told["commands"] if " house " in command).split()
    seed = int(words[words.index("--seed") + 1])
    count = int(words[words.index("--matches") + 1])
    again = play.play(str(written / "SoccerTwos.onnx"), "house", count, Conditions(seed=seed))
    assert (again.wins, again.elo) == (house["wins"], house["elo"])


def test_what_resumes_has_no_path_and_no_checkpoint_but_its_own(written: Path) -> None:
    made = yaml.safe_load((written / "configuration.yaml").read_text())
    assert made["env_settings"] == {"env_path": None, "env_args": None, "base_port": 5005, "seed": 101}
    assert made == json.loads((written / "config.json").read_text())
    left = json.loads((written / "run_logs" / "training_status.json").read_text())["SoccerTwos"]
    assert left["elo"] == 1234.5 and left["checkpoints"] == []
    assert left["final_checkpoint"]["file_path"] == "SoccerTwos.onnx"
    assert torch.load(written / "SoccerTwos" / "checkpoint.pt")["global_step"]["step"] == promotable.STEPS


def test_every_file_is_named_with_its_sha256(written: Path) -> None:
    files = json.loads((written / "evaluation.json").read_text())["files"]
    now = bundle.hashes(written)
    assert files == {name: now[name] for name in now if name != "evaluation.json"}


@pytest.mark.parametrize(
    ("bar", "said"),
    [
        (Bar(matches=16, min_elo=900), r"--min-elo: [+-]\d+\.\d Elo .* but \+900 is asked"),
        (Bar(matches=16, sprt=(400, 500)), r"--sprt against house: SPRT \[400, 500\] rejected, LLR -"),
    ],
)
def test_what_falls_short_is_refused_by_its_number_and_leaves_nothing(run: RunFolder, bar: Bar, said: str) -> None:
    before = run.ledger.read_bytes()
    found = promoted(run, bar=bar)
    assert re.search(said, found["refused"]), found["refused"]
    assert found["elo"]["matches"] == 16
    assert run.ledger.read_bytes() == before
    assert [path.name for path in (run.path / "promotion").iterdir()] == ["matches"]


def untrained(path: Path) -> Path:
    """The house with weights so small that it plays at random."""
    model = onnx.load(LADDER / "house.onnx")
    for tensor in model.graph.initializer:
        if len(tensor.dims) > 1:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * 1e-3, tensor.name))
    onnx.save(model, path)
    return path


def test_random_play_is_refused_unless_forced_and_then_the_card_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "MAX_PAIRS", 8)  # which decides nothing
    run = promotable.make(tmp_path / "run", untrained(tmp_path / "none.onnx"))
    found = promoted(run)
    assert re.search(r"beats random play", found["refused"]), found
    forced = promoted(run, force=True)
    card = (Path(forced["folder"]) / "README.md").read_text()
    assert forced["forced"] and "Published by force" in card and "beats random play: SPRT" in card
    assert "2nd attempt" in card
    assert json.loads((Path(forced["folder"]) / "evaluation.json").read_text())["forced"]


def test_a_moment_of_training_is_refused_before_any_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotable, "STEPS", 2_048)
    run = promotable.make(tmp_path / "run")
    found = promoted(run)
    assert "trained: 2,048 steps" in found["refused"] and not evaluation.logs_of(run).exists()
    assert promoted(run, force=True)["forced"]


def test_no_attempt_shares_a_seed_with_another_or_with_the_run(run: RunFolder) -> None:
    seeds: set[int] = {7, 8, 9, 10}
    for attempt in (1, 2):
        found = promoted(run)
        told = json.loads((Path(found["folder"]) / "evaluation.json").read_text())
        mine = {row["seed"] for row in (*told["ratings"], *told["tests"])}
        assert told["attempt"] == attempt and len(mine) == 3 and not mine & seeds
        assert all(0 <= seed < 2**31 for seed in mine)  # what `sweep play --seed` takes
        seeds |= mine


def test_a_checkpoint_that_is_gone_is_said_so_and_the_rest_goes(run: RunFolder) -> None:
    for path in (run.trial(1).results / "SoccerTwos").glob("*.pt"):
        path.unlink()
    found = promoted(run)
    assert not any(name.endswith(".pt") for name in found["files"])
    card = (Path(found["folder"]) / "README.md").read_text()
    assert "The checkpoint at 300,512 steps is gone" in card and "--resume" not in card


def doc(run: RunFolder) -> None:
    """A path in the graph's metadata, and the ledger's hash of that file."""
    path = run.path / f"trials/0001/candidates/SoccerTwos-{promotable.STEPS}.onnx"
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"made by": "/home/carolwilson/soccer"})
    onnx.save(model, path)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    old = models.digest_of(LADDER / "house-1500k.onnx")
    head, _, tail = run.ledger.read_text().partition('"spec":{"number":1,')
    run.ledger.write_text(head + '"spec":{"number":1,' + tail.replace(old, sha))


def test_what_can_be_scrubbed_is(run: RunFolder) -> None:
    doc(run)
    found = promoted(run)
    assert found["refused"] is None
    assert b"carolwilson" not in (Path(found["folder"]) / "SoccerTwos.onnx").read_bytes()
    assert any("taken out of the ONNX file" in note for note in found["notes"])


def test_a_sweep_that_ended_on_a_full_disk_hides_where(run: RunFolder) -> None:
    why = "cannot write /home/carolwilson/runs/x/ledger.jsonl: no space left"
    ledger.append(run.ledger, SweepEnded(time=9e9, state="failed", reason=why, seconds=1.0, idle_share=0.0))
    found = promoted(run, trial=1)
    assert found["refused"] is None and "carolwilson" not in (Path(found["folder"]) / "report.html").read_text()


def test_a_training_from_a_checkpoint_says_so_and_keeps_its_configuration(run: RunFolder) -> None:
    text = run.ledger.read_text()
    written = '"behaviors":{"SoccerTwos":{'
    assert written in text
    run.ledger.write_text(text.replace(written, written + '"init_path":"inputs/old.pt",'))
    path = run.trial(1).results / "configuration.yaml"
    made = yaml.safe_load(path.read_text())
    made["behaviors"]["SoccerTwos"]["init_path"] = str(run.path / "inputs" / "old.pt")
    path.write_text(yaml.safe_dump(made))
    found = promoted(run)
    card = (Path(found["folder"]) / "README.md").read_text()
    assert "The training of SoccerTwos began from a checkpoint, old.pt, which is not among the files." in card
    assert "resolved again" not in card and "To train this one configuration again" not in card


def test_demonstrations_are_named_without_their_folder(run: RunFolder) -> None:
    path = run.trial(1).results / "configuration.yaml"
    kept, there = ({"demo_path": name} for name in ("inputs/mine.demo", str(run.path / "inputs" / "mine.demo")))
    written = '"behaviors":{"SoccerTwos":{'
    text = run.ledger.read_text()
    run.ledger.write_text(text.replace(written, f'{written}"behavioral_cloning":{json.dumps(kept)},'))
    made = yaml.safe_load(path.read_text())
    made["behaviors"]["SoccerTwos"]["behavioral_cloning"] = there
    path.write_text(yaml.safe_dump(made))
    found = promoted(run)
    told = yaml.safe_load((Path(found["folder"]) / "configuration.yaml").read_text())
    assert told["behaviors"]["SoccerTwos"]["behavioral_cloning"]["demo_path"] == "mine.demo"
    assert "resolved again" not in (Path(found["folder"]) / "README.md").read_text()


def test_what_remains_is_refused_by_file_and_place_even_by_force(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "carolwilson")
    path = run.trial(1).results / "SoccerTwos" / f"SoccerTwos-{promotable.STEPS}.pt"
    torch.save(torch.load(path) | {"author": "carolwilson"}, path)
    with pytest.raises(SetupError, match=r"\(carolwilson\) in SoccerTwos/checkpoint.pt, .*data.pkl, byte \d+"):
        promoted(run, force=True)
    assert not [path for path in run.path.glob("promotion/*trial*")]
    assert promoted(run, repo="carolwilson/mine")["refused"] is None  # her own repository tells of her anyway
    monkeypatch.setenv("USER", "house")  # a word of every card
    assert promoted(run)["refused"] is None


def test_a_policy_that_is_not_the_rated_one_is_refused(run: RunFolder) -> None:
    path = run.path / f"trials/0001/candidates/SoccerTwos-{promotable.STEPS}.onnx"
    shutil.copyfile(LADDER / "house.onnx", path)
    with pytest.raises(SetupError, match="must be the file that was rated"):
        promoted(run)
    path.unlink()
    with pytest.raises(SetupError, match=r"is not there; if it was removed, promote another trial"):
        promoted(run)
    assert promoted(run, trial=0)["trial"] == 0
    with pytest.raises(SetupError, match="--trial must be one of the run's, 0 to 1, but got 7"):
        promoted(run, trial=7)


def test_a_changed_configuration_is_resolved_again(run: RunFolder) -> None:
    path = run.trial(1).results / "configuration.yaml"
    path.write_text(path.read_text().replace("batch_size: 2048", "batch_size: 64"))
    found = promoted(run)
    made = yaml.safe_load((Path(found["folder"]) / "configuration.yaml").read_text())
    assert made["behaviors"]["SoccerTwos"]["hyperparameters"]["batch_size"] == 2048
    assert made["env_settings"]["seed"] == 101 and any("resolved again" in note for note in found["notes"])


def test_the_elo_is_to_the_runs_own_baseline_or_another_by_name(tmp_path: Path) -> None:
    run = promotable.make(tmp_path / "run", baseline="mine", baseline_sha256="0" * 64)
    with pytest.raises(SetupError, match=r"baseline must be what it was, sha256 000000000000, .* --baseline house"):
        promoted(run)
    found = promoted(run, baseline="random")
    assert found["elo"]["opponent"] == "random" and found["elo"]["matches"] == 16
    card = (Path(found["folder"]) / "README.md").read_text()
    assert "Elo against random play" in card and "house-1500k" not in card


def test_a_killed_assembly_leaves_the_earlier_folder_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "trial-0001"
    with assembled(target) as folder:
        (folder / "README.md").write_text("first")
    with pytest.raises(KeyboardInterrupt), assembled(target) as folder:
        (folder / "README.md").write_text("half")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["trial-0001"]
    (tmp_path / ".trial-0001.of-a-killed-one").mkdir()
    with assembled(target) as folder:
        (folder / "README.md").write_text("second")
    assert [path.name for path in tmp_path.iterdir()] == ["trial-0001"]
    assert (target / "README.md").read_text() == "second"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_name_that_no_repository_can_have_is_refused_before_anything_else(tmp_path: Path, dry_run: bool) -> None:
    with pytest.raises(SetupError, match="must be named USER/NAME"):
        promote.promote(RunFolder(tmp_path), Order(repo="poca-SoccerTwos", dry_run=dry_run), print)


def test_a_run_that_is_driven_is_left_alone(run: RunFolder) -> None:
    with driving(run), pytest.raises(SetupError, match="one driver at a time"):
        promoted(run)


def test_the_newest_finished_run_is_taken(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="a finished run must be there"):
        runs.newest(tmp_path, complete=True)
    for name, state, time in (("a", "complete", 5.0), ("b", "complete", 9.0), ("c", "interrupted", 11.0)):
        (tmp_path / name).mkdir()
        end = SweepEnded(time=time, state=state, reason="", seconds=1, idle_share=0)  # type: ignore[arg-type]
        ledger.append(tmp_path / name / "ledger.jsonl", end)
    assert runs.newest(tmp_path, complete=True).name == "b"


# --- the Hub -----------------------------------------------------------------------------------------------------


def test_it_goes_up_in_one_commit_comes_back_the_same_and_the_run_remembers(run: RunFolder, hub: HubServer) -> None:
    found = promoted(run, dry_run=False, private=True)
    assert found["refused"] is None, found
    repo = hub.store.repos[REPO.lower()]
    assert repo.private and set(repo.at("main").files) >= UPLOADED
    assert found["verified"] == len(UPLOADED) and found["commit"] == repo.refs["main"]
    assert "Elo" in repo.at("main").title
    event = ledger.read(run.ledger)[-1]
    assert isinstance(event, Promoted) and (event.repo, event.commit) == (REPO, found["commit"])
    assert event.sha256 == event.candidate.sha256 and not event.forced
    assert "hf_" not in run.ledger.read_text() and f"as {REPO}" in run.report.read_text()
    assert status.summary(run).promoted[0].commit == found["commit"]
    again = promoted(run, dry_run=False, create_pr=True)
    assert again["pr_url"] and repo.refs["main"] == found["commit"]
    assert "Published: trial" in run.report.read_text() and "Proposed: trial" in run.report.read_text()


def test_what_went_up_is_remembered_though_it_cannot_be_compared(
    run: RunFolder, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise hubs.HubAway("the Hub must answer within 60 s to read tester/there, but it did not; try again later")

    with monkeypatch.context() as patched:
        patched.setattr(hubs, "fetched", away)
        with pytest.raises(
            SetupError, match=r"^published as tester/.* at [0-9a-f]{7}, but not compared \(the Hub must"
        ):
            promoted(run, dry_run=False)
    event = ledger.read(run.ledger)[-1]
    assert isinstance(event, Promoted) and event.commit == hub.store.repos[REPO.lower()].refs["main"]


def test_a_storage_that_is_away_is_told_before_any_match(run: RunFolder, hub: HubServer, no_match: None) -> None:
    settings = run.settings.read_text(encoding="utf-8")
    told = "storage: s3://b/x?endpoint_override=http://127.0.0.1:9"
    run.settings.write_text(f"{settings}{told}\n", encoding="utf-8")
    with pytest.raises(SetupError, match=r"--storage must answer, but s3://b/x.* does not .*, remove `storage` from"):
        promoted(run, dry_run=False)
    assert not hub.store.repos.get(REPO.lower())


def test_a_refusal_of_the_hub_uploads_nothing_and_is_not_remembered(
    run: RunFolder, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run.ledger.read_bytes()
    monkeypatch.setenv("HF_TOKEN", READ)
    with pytest.raises(SetupError) as refused:
        promoted(run, dry_run=False)
    assert READ not in str(refused.value)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(SetupError, match="an upload needs a token that may write"):
        promoted(run, dry_run=False)
    assert run.ledger.read_bytes() == before and REPO.lower() not in hub.store.repos


NO_TOKEN_FOR = "the token must have the right to publish to {}, but "


@pytest.fixture
def no_match(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is played, which would take minutes."""

    def play(*_: Any, **__: Any) -> None:
        raise AssertionError("a match was played")

    monkeypatch.setattr(evaluation.play, "play", play)


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("license", "said"),
    [
        ("Apache 2.0", "did you mean apache-2.0?"),
        ("Apache-2.0", "did you mean apache-2.0?"),
        ("MIT License", "did you mean mit?"),
        ("GPLv3", "did you mean gpl-3.0?"),
        ("BSD_3_Clause", "did you mean bsd-3-clause?"),
        ("", "see its list"),
        ("proprietary, all rights reserved", "https://huggingface.co/docs/hub/repositories-licenses"),
    ],
)
def test_a_license_that_the_hub_refuses_is_refused_at_once(
    run: RunFolder, no_match: None, license: str, said: str, dry_run: bool
) -> None:
    with pytest.raises(SetupError, match="--license must be one of the Hub's identifiers, but got ") as refused:
        promoted(run, license=license, dry_run=dry_run)
    assert repr(license) in str(refused.value) and said in str(refused.value)


@pytest.mark.parametrize(
    ("repo", "why"),
    [
        ("ann/x.git", "'.git'"),
        ("ann/x.GIT", "cannot end with '.git'"),
        ("ann/-x", "cannot start or end"),
        ("ann/x.", "cannot start or end"),
        ("ann/a--b", "Cannot have -- or .."),
        ("änn/x", "alphanumeric"),
        ("ann/" + "x" * 97, "maximum length"),
        ("datasets/x", "a user's name comes first"),
        ("a/b/c", "must be in the form"),
        ("https://huggingface.co/ann/x", "must be in the form"),
        ("ann/x y", "alphanumeric"),
        ("x", "it has no /"),
    ],
)
def test_a_name_that_the_hub_refuses_is_refused_at_once(run: RunFolder, no_match: None, repo: str, why: str) -> None:
    with pytest.raises(SetupError, match="must be named USER/NAME, as on the Hub, but got ") as refused:
        promoted(run, repo=repo)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("token", "repo", "why"),
    [
        (READ, "tester/new", "it may only read"),
        (WRITE, "other/new", "tester may not make a repository under other"),
        (WRITE, "crowd/new", "tester may not make a repository under crowd"),
        (WRITE, "other/there", "it has not"),
        (FINE, "tester/new", "its fine-grained rights do not let it write to repositories of tester"),
        (FINE, "tester/there", "it has not"),
    ],
)
def test_a_token_that_may_not_write_there_is_told_before_any_match(
    run: RunFolder, hub: HubServer, no_match: None, monkeypatch: pytest.MonkeyPatch, token: str, repo: str, why: str
) -> None:
    hub.store.put("other/there", {"README.md": b"theirs"})
    hub.store.put("tester/there", {"README.md": b"mine"})
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(SetupError, match=NO_TOKEN_FOR.format(repo)) as refused:
        promoted(run, repo=repo, dry_run=False)
    assert why in str(refused.value) and token not in str(refused.value)
    assert not hub.asked("POST|PUT")  # it was asked and nothing made


@pytest.mark.parametrize(("token", "repo"), [(WRITE, "tester/new"), (WRITE, "team/new"), (FINE, "team/new")])
def test_who_may_write_there_is_let_through(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, token: str, repo: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    assert hubs.must_be_allowed(repo) == "tester"
    hub.store.put(repo, {"README.md": b""})
    assert hubs.must_be_allowed(repo) == "tester"
    hub.store.put("other/there", {"README.md": b""})
    assert hubs.must_be_allowed("other/there", create_pr=True) == "tester"  # whoever may read may ask


def test_what_else_the_hub_would_refuse_is_told_before_any_match(
    run: RunFolder, hub: HubServer, no_match: None
) -> None:
    hub.store.put("tester/public", {"README.md": b""})
    with pytest.raises(SetupError, match="must not go into a public repository, but tester/public is public"):
        promoted(run, repo="tester/public", private=True, dry_run=False)
    for name in ("a b", "x..y", "-x", "x.lock", "x/", "a~1", ""):
        with pytest.raises(SetupError, match=f"a branch must have a name that git takes, but got --revision '{name}'"):
            promoted(run, revision=name, dry_run=False)
    with pytest.raises(SetupError, match="--sprt is against the baseline, but that is random"):
        promoted(run, baseline="random", bar=Bar(matches=16, sprt=(0.0, 50.0)))


def test_runs_whose_ledgers_cannot_be_read_are_passed_over_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ledger.jsonl").write_text('{"event": "of another version"}\n')
    told: list[str] = []
    with pytest.raises(SetupError, match="a finished run must be there"):
        runs.newest(tmp_path, told.append, complete=True)
    (tmp_path / "c").mkdir()
    end = SweepEnded(time=1.0, state="complete", reason="", seconds=1, idle_share=0)
    ledger.append(tmp_path / "c" / "ledger.jsonl", end)
    assert runs.newest(tmp_path, told.append, complete=True).name == "c"
    assert len(told) == 2 and told[0] == told[1]
    assert told[0].startswith("passed over, because its ledger cannot be read: a (every line of a ledger must be")
    assert told[0].endswith(", and 1 more") and "\n" not in told[0]


# --- the command line --------------------------------------------------------------------------------------------


def test_the_command_prints_one_object_and_its_status_tells(run: RunFolder) -> None:
    words = ["promote", str(run.path), "--repo", REPO, "--dry-run", "--matches", "16", "--json"]
    done = CliRunner().invoke(sweep.cli.main.cli, words, standalone_mode=False)
    assert done.exception is None and done.return_value == 0
    assert json.loads(done.stdout)["elo"]["matches"] == 16
    refused = CliRunner().invoke(sweep.cli.main.cli, [*words, "--min-elo", "2000"], standalone_mode=False)
    assert refused.return_value == 1 and "+2000 is asked" in json.loads(refused.stdout)["refused"]
