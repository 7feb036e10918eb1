"""The Hub: what comes, what goes, what each fault does to it, with the real client against a server on loopback."""

import os
import re
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import pytest
from hub_server import OTHER, READ, WRITE, Fault, HubServer, environ, serving
from hypothesis import given
from hypothesis import strategies as st
from patience import now

from reports import hub as hubs
from reports.hub.errors import HubAway, HubError, clean, line
from reports.hub.retry import Again, Patience, patiently
from trials.arena.players.load import HOUSE
from trials.errors import UsageError

CARD = b"---\nlibrary_name: ml-agents\ntags:\n- ML-Agents-SoccerTwos\n- reinforcement-learning\n---\n# A policy\n"
QUICK = Patience(seconds=1.5, first=0.01, longest=0.02, answer=2)
REPO = "tester/poca"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a promotion would publish."""
    made = tmp_path / "made"
    (made / "SoccerTwos").mkdir(parents=True)
    (made / "README.md").write_bytes(CARD)
    (made / "SoccerTwos.onnx").write_bytes(HOUSE.read_bytes())
    (made / "SoccerTwos" / "checkpoint.pt").write_bytes(bytes(range(256)) * 400)
    (made / "matches.parquet").write_bytes(b"PAR1\0")
    (made / "evaluation.json").write_text('{"files": ["README.md", "SoccerTwos.onnx", "replay.html"]}')
    return made


def commits(server: HubServer, repo: str = REPO) -> list[str]:
    """Titles of the commits on main, oldest first, without the one that made the repository."""
    found = server.store.repos[repo.lower()]
    one, titles = found.at("main"), []
    while one is not None and one.parent:
        titles.append(one.title)
        one = found.at(one.parent)
    return titles[::-1]


def held(server: HubServer, repo: str = REPO, revision: str = "main") -> dict[str, bytes]:
    commit = server.store.repos[repo.lower()].at(revision)
    assert commit is not None
    return {n: server.store.content(blob) for n, blob in commit.files.items() if n != ".gitattributes"}


def of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def put(folder: Path, **how: object) -> hubs.Published:
    return hubs.published(folder, REPO, message="Promote", how=QUICK, **how)  # type: ignore[arg-type]


def test_a_folder_goes_up_in_one_commit_and_comes_back_as_it_was(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    done = put(folder)
    assert (done.repo, done.pr_url) == (REPO, None) and done.url == f"{hub.endpoint}/{REPO}"
    assert held(hub) == of(folder) and commits(hub) == ["Promote"]
    back = hubs.fetched(hubs.version(REPO), into=tmp_path / "back")
    assert {n: d for n, d in of(back).items() if n != ".gitattributes"} == of(folder)
    found = hubs.remote(REPO)
    assert found.version == hubs.Version(REPO, done.commit)
    assert set(found.tags) == {"ML-Agents-SoccerTwos", "reinforcement-learning", "onnx", "ml-agents"}
    assert set(found.files) == {*of(folder), ".gitattributes"} and hubs.account() == "tester"


def test_what_is_there_already_makes_no_second_commit(hub: HubServer, folder: Path) -> None:
    first = put(folder)
    again = put(folder)
    assert again.commit == first.commit and len(commits(hub)) == 1
    (folder / "README.md").write_bytes(CARD + b"better")
    sent = len(hub.log)
    third = put(folder)
    assert third.commit != first.commit and len(commits(hub)) == 2
    assert not [entry for entry in hub.log[sent:] if entry.path.startswith("/lfs/")]  # the large files are there


def test_only_what_an_earlier_publication_put_there_is_taken_away(hub: HubServer, folder: Path) -> None:
    hub.store.put(REPO, {"notes.md": b"mine", "SoccerTwos/old.pt": b"\0"})
    (folder / "replay.html").write_text("a match")
    put(folder, manifest="evaluation.json")
    (folder / "replay.html").unlink()
    put(folder)
    assert "replay.html" in held(hub)  # nobody said that it is ours
    put(folder, manifest="evaluation.json")
    assert set(held(hub)) == {*of(folder), "notes.md", "SoccerTwos/old.pt"}


def test_a_branch_and_a_private_repository(hub: HubServer, folder: Path) -> None:
    done = put(folder, private=True, revision="candidate")
    repo = hub.store.repos[REPO]
    assert repo.private and repo.refs["candidate"] == done.commit and commits(hub) == []
    hub.store.put("tester/open", {"README.md": CARD})
    with pytest.raises(HubError, match="must not go into a public repository, but tester/open is public"):
        hubs.published(folder, "tester/open", private=True, message="m")


def test_a_pull_request_is_opened_once(hub: HubServer, folder: Path) -> None:
    hub.store.put("other/poca", {"README.md": CARD})
    done = hubs.published(folder, "other/poca", create_pr=True, message="Promote", how=QUICK)
    assert done.pr_url == f"{hub.endpoint}/other/poca/discussions/1"
    assert held(hub, "other/poca", done.commit) == of(folder) and held(hub, "other/poca") == {"README.md": CARD}
    again = hubs.published(folder, "other/poca", create_pr=True, message="Promote", how=QUICK)
    assert (again.commit, again.pr_url) == (done.commit, done.pr_url)
    assert len(hub.store.repos["other/poca"].pulls) == 1


def test_a_large_file_goes_up_in_parts(hub: HubServer, folder: Path) -> None:
    hub.part_bytes = 30_000
    put(folder)
    assert len(hub.asked("^PUT /lfs/.*/part/")) >= 4 and held(hub) == of(folder)


# each fault: whether what passes by itself is waited for, and what is there afterwards
PASSING = [
    ("too many requests", "POST /api/models/.*/commit", {"status": 429, "headers": {"Retry-After": "0"}, "times": 2}),
    ("no room", "POST /api/repos/create", {"status": 503, "times": 2}),
    ("a bad gateway in an upload", "PUT /lfs/", {"status": 502}),
    ("storage that fails in a part", "POST .*/batch", {"status": 500}),
    ("an upload cut", "PUT /lfs/", {"cut_upload": 1000}),
    ("a commit cut", "POST .*/commit/", {"cut_upload": 100}),
    ("a commit whose answer is lost", "POST .*/commit/", {"lost": True}),
    ("a repository whose answer is lost", "POST /api/repos/create", {"lost": True}),
    ("an answer cut", "GET .*/tree/", {"cut_download": 10}),
    ("silence", "GET /api/models/tester/poca$", {"hang": 3.0}),
]


@pytest.mark.parametrize(("match", "how"), [row[1:] for row in PASSING], ids=[row[0] for row in PASSING])
def test_what_passes_by_itself_is_waited_for(
    match: str, how: dict[str, object], hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_HUB_SECONDS", "1")  # how long one request may be silent, here
    hub.fault(match, **how)
    done = put(folder)
    assert held(hub) == of(folder) and commits(hub) == ["Promote"] and len(done.commit) == 40
    assert not any(fault.times for fault in hub.faults)


LONG = ("broken for ever",)
STAYING = [
    ("too many for ever", "/commit/", {"status": 429, "headers": {"Retry-After": "600"}}, "it wants a pause of 600 s"),
    (
        "down for ever",
        "/commit/",
        {"status": 503},
        "must answer within 1.5 s to publish to tester/poca, but 127.0.0.1:",
    ),
    ("broken for ever", "PUT /lfs/", {"cut_upload": 0}, "must answer within 1.5 s to publish to tester/poca"),
    ("a moved parent", "/commit/", {"status": 412}, "somebody committed in between; nothing was published"),
    (
        "a conflict",
        "repos/create",
        {"status": 409},
        "the Hub reports a conflict for tester/poca",
    ),
    ("no payment", "repos/create", {"status": 402}, "the Hub asks for payment to publish to tester/poca"),
    ("a card it refuses", "validate-yaml", {"status": 400}, "the Hub must take a request to publish to tester/poca"),
    ("a commit it refuses", "/commit/", {"status": 400}, "refuses it with HTTP 400 (so it was ordered)"),
]


@pytest.mark.parametrize(
    ("match", "how", "message"),
    [pytest.param(*row, id=name, marks=[pytest.mark.faults] * (name in LONG)) for name, *row in STAYING],
)
def test_what_stays_is_one_line_and_nothing_is_public(
    match: str, how: dict[str, object], message: str, hub: HubServer, folder: Path
) -> None:
    hub.fault(match, times=1_000_000, **how)
    with pytest.raises(HubError) as caught:
        put(folder)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert REPO not in hub.store.repos or (commits(hub) == [] and held(hub) == {})
    hub.faults.clear()  # and once it is over, the same command works
    put(folder)
    assert held(hub) == of(folder) and commits(hub) == ["Promote"]


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "the Hub must know who you are to publish to tester/poca, but no token was given"),
        (READ, "the token must have the right to publish to tester/poca, but it has not"),
        (OTHER, "the token must have the right to publish to tester/poca, but it has not"),
        ("hf_nobodysTokenAtAll", "the Hub must accept the token to publish to tester/poca, but does not"),
    ],
)
def test_a_token_without_the_right_is_told_so_and_never_shown(
    token: str | None, message: str, hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.delenv("HF_TOKEN")
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=re.escape(message)) as caught:
        put(folder)
    told = "".join(traceback.format_exception(caught.value)) + "".join(capfd.readouterr())
    assert hub.store.repos == {} and (token is None or token not in told)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_token_goes_to_the_hub_alone(hub: HubServer, folder: Path) -> None:
    put(folder)
    hubs.model(REPO)
    storage = hub.asked("/lfs/[0-9a-f]+$|/cdn/")
    assert storage and all("Authorization" not in entry.headers for entry in storage)
    assert all("torch" not in entry.agent and "agent/" not in entry.agent for entry in hub.log)
    assert not hub.asked("harnesses|telemetry")


def test_a_gitignore_there_is_no_silent_loss(hub: HubServer, folder: Path) -> None:
    hub.store.put(REPO, {".gitignore": b"evaluation.json\n"})
    with pytest.raises(HubError, match=r"all files must be in the commit, but evaluation.json of tester/poca"):
        put(folder)


def test_what_is_no_folder_of_files_is_refused_before_anything(hub: HubServer, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HubError, match="has none"):
        hubs.published(tmp_path / "empty", REPO, message="m")
    with pytest.raises(UsageError, match="must be named USER/NAME, as on the Hub, but got 'poca'"):
        hubs.published(folder, "poca", message="m")
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(HubError, match="a folder of plain files, but link is none"):
        put(folder)
    assert hub.log == []


# the same where large files go up by Xet, which is what huggingface_hub does unless it is told not to


@pytest.fixture
def xet(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    return hub


def test_large_files_go_up_by_xet(xet: HubServer, folder: Path) -> None:
    (folder / "zeros.bin").write_bytes(bytes(3 << 20))
    first = put(folder)
    assert held(xet) == of(folder) and commits(xet) == ["Promote"]
    assert xet.asked("POST /v1/xorbs/") and not xet.asked("/lfs/")
    assert all(WRITE not in str(entry.headers) for entry in xet.asked(" /v[12]/"))
    assert put(folder) == first and commits(xet) == ["Promote"]


@pytest.mark.parametrize(
    ("match", "how"),
    [
        ("POST /v1/xorbs/", {"status": 503}),
        ("POST /v1/xorbs/", {"cut_upload": 100}),
        pytest.param("POST /v1/shards", {"lost": True}, marks=pytest.mark.faults),
        pytest.param("xet-write-token", {"status": 500}, marks=pytest.mark.faults),
        ("POST .*/commit/", {"lost": True}),
    ],
)
def test_what_passes_by_itself_in_xet_is_waited_for(
    match: str, how: dict[str, object], xet: HubServer, folder: Path
) -> None:
    xet.fault(match, **how)
    put(folder)
    assert held(xet) == of(folder) and commits(xet) == ["Promote"] and not any(fault.times for fault in xet.faults)


@pytest.mark.parametrize("match", ["xet-write-token", "POST /v1/xorbs/"])
def test_xet_that_refuses_is_one_line(match: str, xet: HubServer, folder: Path) -> None:
    xet.fault(match, status=403, times=1000)
    with pytest.raises(HubError) as caught:
        put(folder)
    assert str(caught.value).startswith("the token must have the right to publish to tester/poca, but it has not; use")
    assert commits(xet) == [] and len(xet.asked(match)) == 1


@pytest.mark.parametrize(
    "point",
    [
        "POST /api/models/.*/commit/",
        pytest.param("PUT /lfs/", marks=pytest.mark.faults),
        pytest.param("POST /v1/xorbs/", marks=pytest.mark.faults),
    ],
)
def test_a_kill_in_the_middle_leaves_nothing_public_and_the_repetition_finishes(
    point: str, hub: HubServer, folder: Path, tmp_path: Path
) -> None:
    code = f"from pathlib import Path; from reports import hub; hub.published(Path({str(folder)!r}), {REPO!r}, message='Promote')"  # fmt: skip  # noqa: E501
    known = os.environ | environ(hub, tmp_path / "hf") | {"HF_HUB_DISABLE_XET": str(int("lfs" in point))}
    hub.fault(point, hang=5.0)
    killed = subprocess.Popen([sys.executable, "-c", code], env=known)
    assert hub.reached.wait(300)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert held(hub) == {} and commits(hub) == []
    put(folder)
    assert held(hub) == of(folder) and commits(hub) == ["Promote"]


def test_a_commit_that_is_done_late_is_not_taken_for_somebody_elses(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.store.put(REPO, {"README.md": b"old"})
    before = hub.take

    def take(asked: str) -> Fault | None:
        if "/commit/" in asked and len(commits(hub)) == 1:  # an earlier try, given up as silent, is done now
            hub.store.put(REPO, of(folder), message="Promote")
        return before(asked)

    monkeypatch.setattr(hub, "take", take)
    done = put(folder)
    assert [entry.status for entry in hub.asked("/commit/")] == [412]
    assert held(hub) == of(folder) and commits(hub) == ["upload", "Promote"]
    assert done.commit == hub.store.repos[REPO].refs["main"]


def test_somebody_who_commits_in_between_is_told(hub: HubServer, folder: Path) -> None:
    hub.store.put(REPO, {"README.md": b"old"})
    hub.fault("POST .*/preupload", hang=0.3)
    other = threading.Thread(target=lambda: hub.reached.wait(300) and hub.store.put(REPO, {"new.md": b"theirs"}))
    other.start()
    with pytest.raises(HubError, match="somebody committed in between"):
        put(folder)
    other.join()
    assert set(held(hub)) == {"README.md", "new.md"}


def test_a_hub_that_was_never_there_is_not_waited_for(
    folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://me:secret@127.0.0.1:9")
    began = now()
    with pytest.raises(HubAway, match=r"reachable to publish to tester/poca, but 127.0.0.1:9 is not") as caught:
        hubs.published(folder, REPO, message="m", how=Patience(seconds=60, first=0.01))
    assert now() - began < 30 and "secret" not in str(caught.value)


# what comes


def test_the_policy_of_a_repository(hub: HubServer) -> None:
    hub.store.put("a/both", {"SoccerTwos.onnx": b"1", "other.onnx": b"2", "SoccerTwos/SoccerTwos-9.onnx": b"3"})
    hub.store.put("a/one", {"Striker.onnx": b"4"})
    hub.store.put("a/several", {"x.onnx": b"5", "y.onnx": b"6"})
    hub.store.put("a/none", {"README.md": CARD, "SoccerTwos/SoccerTwos-9.onnx": b"7"})
    hub.store.put("a/empty", {"README.md": CARD})
    assert (
        hubs.model("a/both").file == "SoccerTwos.onnx"
        and hubs.model("a/both", file="other.onnx").path.read_bytes() == b"2"
    )
    assert hubs.model("a/one").file == "Striker.onnx"
    assert hubs.model("a/several", file="y.onnx").path.read_bytes() == b"6"
    for repo, said in (
        ("a/several", r"has x.onnx, y.onnx; name one: a/several:x.onnx"),
        ("a/none", r"has SoccerTwos/SoccerTwos-9.onnx; name one: a/none:SoccerTwos/SoccerTwos-9.onnx"),
        ("a/empty", r"must hold an ONNX file, but a/empty at \w{7} has no .onnx file at all"),
        ("a/missing", r"a repository must be on the Hub to read it, but a/missing is not"),
    ):
        with pytest.raises(HubError, match=said):
            hubs.model(repo)
    with pytest.raises(HubError, match=r"has no z.onnx: it has SoccerTwos.onnx, "):
        hubs.model("a/both", file="z.onnx")
    with pytest.raises(HubError, match="a revision must be in the repository, but that of a/one is not"):
        hubs.model("a/one", "nowhere")


def test_only_the_policy_is_downloaded_and_never_twice(hub: HubServer) -> None:
    first = hub.store.put("a/b", {"SoccerTwos.onnx": b"\0" * 4000, "SoccerTwos/checkpoint.pt": b"\0" * 100_000})
    found = hubs.model("a/b")
    assert found.version == hubs.Version("a/b", first.sha)
    assert sum(entry.sent for entry in hub.asked("/cdn/")) == 4000
    asked = len(hub.log)
    assert hubs.model("a/b", first.sha) == found and len(hub.log) == asked  # a commit never changes
    hub.store.put("a/b", {"SoccerTwos.onnx": b"\1" * 4000})
    assert hubs.model("a/b").sha256 != found.sha256 and hubs.model("a/b", first.sha) == found


def test_a_pointer_and_a_file_too_large_are_refused_by_name(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.store.put("a/pointer", {})
    repo = hub.store.repos["a/pointer"]
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 176874\n"
    hub.store.commit(repo, "main", "by hand", {"SoccerTwos.onnx": hub.store.blob(pointer, large=False)}, "a")
    for _ in "online", "cached":
        with pytest.raises(HubError, match=r"SoccerTwos.onnx of a/pointer is a Git LFS pointer to it \(131 bytes\)"):
            hubs.model("a/pointer")
    hub.store.put("a/large", {"SoccerTwos.onnx": b"\0" * (2 << 20)})
    monkeypatch.setattr("reports.hub.models.MAX_BYTES", 1 << 20)
    with pytest.raises(HubError, match=r"at most 1 MiB, but SoccerTwos.onnx of a/large has 2 MiB; it was not"):
        hubs.model("a/large")
    with pytest.raises(HubError, match="what is fetched of a/large must have at most 1 MiB, but has 2 MiB in 2 files"):
        hubs.fetched(hubs.version("a/large"), limit=1 << 20)
    assert not hub.asked("/cdn/")


@pytest.mark.parametrize("how", [{"cut_download": 30_000}, {"status": 503}, {"status": 429}])
def test_a_download_that_breaks_goes_on(how: dict[str, int], hub: HubServer) -> None:
    hub.store.put("a/b", {"SoccerTwos.onnx": os.urandom(100_000)})
    hub.fault("GET /cdn/", **how)
    assert hubs.model("a/b").path.read_bytes() == held(hub, "a/b")["SoccerTwos.onnx"]


def test_without_network_the_cache_serves(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.store.put("a/b", {"Striker.onnx": b"1" * 999, "README.md": CARD})
    hub.store.put("a/two", {"x.onnx": b"2", "y.onnx": b"3"})
    online, whole = hubs.model("a/b"), of(hubs.fetched(hubs.version("a/b"), patterns=["*.md"], into=tmp_path / "one"))
    hubs.model("a/two", file="x.onnx")
    monkeypatch.setenv("SWEEP_HUB_SECONDS", "0.2")
    for away in "offline", "unreachable":
        if away == "offline":
            monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        else:
            monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
            monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
        asked = len(hub.log)
        assert hubs.model("a/b") == hubs.model("a/b", commit.sha) == online
        assert of(hubs.fetched(hubs.version("a/b"), patterns=["*.md"], into=tmp_path / away)) == whole
        with pytest.raises(HubAway) as caught:
            hubs.model("a/two")  # which of the two, only the Hub could say
        with pytest.raises(HubAway):
            hubs.fetched(hubs.version("a/b"))
        said = "while HF_HUB_OFFLINE is set" if away == "offline" else "but 127.0.0.1:9 is not"
        assert said in str(caught.value) and len(hub.log) == asked
        with pytest.raises(HubAway, match="read a/never"):
            hubs.model("a/never")


def test_models_are_listed_by_their_tag_page_by_page(hub: HubServer) -> None:
    made = {hub.store.put(f"a/m{n}", {"README.md": CARD, "SoccerTwos.onnx": b"\0"}).sha: f"a/m{n}" for n in range(5)}
    hub.store.put("a/else", {"README.md": b"---\ntags: [pong]\n---\n"})
    hub.store.put("a/secret", {"README.md": CARD}, private=True)
    assert {one.revision: one.repo for one in hubs.listed()} == made
    assert len(hub.asked("GET /api/models[?]")) == 3
    assert list(hubs.listed("nobody-has-this")) == []


def test_a_private_model_needs_its_owner(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.store.put("tester/secret", {"SoccerTwos.onnx": b"\0"}, private=True)
    assert hubs.remote("tester/secret").files
    monkeypatch.setenv("HF_TOKEN", OTHER)
    with pytest.raises(HubError, match="tester/secret is not, or not for you"):
        hubs.model("tester/secret")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="no token was given: it is private, misspelt or not yours"):
        hubs.model("tester/secret")
    assert hubs.account() is None


def test_a_store_is_there_again_after_the_server_was_away(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        commit = first.store.put("a/b", {"SoccerTwos.onnx": b"\0", "README.md": CARD})
    with serving(tmp_path) as second:
        found = second.store.repos["a/b"].at("main")
        assert found == commit and second.store.tags(commit)[-1] == "ml-agents"


# lines and waits


@given(st.sampled_from([400, 401, 402, 403, 404, 409, 412, 413, 418]), st.text(), st.booleans())
def test_a_line_is_one_line_without_a_token(status: int, words: str, known: bool) -> None:
    said = line(status, "publish to", "a/b", WRITE if known else None, words=f"{words} {WRITE} Bearer abc {words}")
    assert WRITE not in said and "Bearer abc" not in said
    assert said.splitlines() == [said] and "a/b" in said and len(said) < 480


def test_a_servers_words_lose_what_is_secret() -> None:
    said = clean("PUT https://me:pass@s3.example/x?X-Amz-Signature=abc failed\nfor hf_abcdefghij", None)
    assert said == "PUT https://s3.example/x failed for hf_***"


@given(st.floats(0, 1000), st.floats(0.1, 10), st.lists(st.none() | st.floats(0, 50), max_size=30))
def test_waiting_is_bounded_and_heeds_the_server(seconds: float, first: float, asked: list[float | None]) -> None:
    now, answers = [0.0], iter(asked)

    def do() -> str:
        for after in answers:
            raise Again("busy", after)
        return "done"

    waits: list[float] = []

    def sleep(wait: float) -> None:
        waits.append(wait)
        now[0] += wait

    try:
        assert patiently(do, Patience(seconds=seconds, first=first), lambda: now[0], sleep) == "done"
        assert len(waits) == len(asked)
    except Again:
        assert len(waits) < len(asked)
    assert now[0] <= seconds
    assert all(wait >= (after or 0) for wait, after in zip(waits, asked, strict=False))


def test_the_patience_is_a_setting(monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    monkeypatch.setenv("SWEEP_HUB_SECONDS", "soon")
    with pytest.raises(hubs.HubError.__mro__[1], match="SWEEP_HUB_SECONDS must be seconds, 0 to 86400, but got 'soon'"):
        hubs.account()


def test_mlagents_own_scripts_work_beside_it(hub: HubServer, tmp_path: Path) -> None:
    run = tmp_path / "results" / "SoccerTwos"
    (run / "SoccerTwos").mkdir(parents=True)
    (run / "SoccerTwos.onnx").write_bytes(HOUSE.read_bytes())
    (run / "SoccerTwos" / "checkpoint.pt").write_bytes(b"\0" * 1000)
    (run / "configuration.yaml").write_text("behaviors: {SoccerTwos: {trainer_type: poca}}\n")

    def script(name: str, *words: str) -> None:
        command = [str(Path(sys.executable).with_name(name)), *words]
        known = os.environ | environ(hub, tmp_path / "theirs")
        done = subprocess.run(command, capture_output=True, text=True, env=known, check=False)
        assert done.returncode == 0, done.stderr

    script("mlagents-push-to-hf", "--run-id", "SoccerTwos", "--local-dir", str(run), "--repo-id", "tester/pushed")
    assert held(hub, "tester/pushed") == of(run) and "config.json" in of(run)
    assert hubs.model("tester/pushed").path.read_bytes() == HOUSE.read_bytes()
    assert [one.repo for one in hubs.listed()] == ["tester/pushed"]
    hubs.published(run, REPO, message="Ours")
    script("mlagents-load-from-hf", "--repo-id", REPO, "--local-dir", str(tmp_path))
    there = of(tmp_path / "poca")
    assert {name: there[name] for name in of(run)} == of(run)
