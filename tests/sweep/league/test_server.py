"""A league served: its answers, what it refuses, fresh matches within bounds, and nothing left after Ctrl+C."""

import contextlib
import gzip
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
from click.testing import CliRunner
from league_made import BEGAN, over
from offline_page import BROWSER, MISSING, chromium, until
from patience import now, survivors

from reports.replay import pack
from sweep.cli.main import cli
from sweep.league import match_queue
from sweep.league import page as league_page
from sweep.league import recorder as recording
from sweep.league import server as serving
from sweep.league.match_queue import Busy, MatchQueue
from sweep.league.recorder import Job, Recorder
from sweep.league.snapshots import Followed
from sweep.league.sources import Files
from trials.arena.matches import match
from trials.arena.players import load as players
from trials.errors import LostTrial, SetupError
from trials.league import history, reader, roster
from trials.league.folder import LeagueFolder
from trials.league.roster import Change, Offer
from trials.league.round import Playable
from trials.stint import ended

NAMES = {"random": "built-in/random", "chaser": "built-in/chaser", "gone": "<script>alert(1)</script>/../../etc/passwd"}


def played(path: Path, pairs: int = 16, first: int = 0) -> None:
    """Real matches of two built-in players, appended."""
    a, b = players.load("chaser"), players.load("random")
    records = match.play(a, b, pairs, 7, first=first).records
    history.append(LeagueFolder(path).history, 1, (NAMES["chaser"], NAMES["random"]), records)


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two built-in players that met, and a model whose file is no longer there."""
    path = tmp_path_factory.mktemp("served") / "cup"
    path.mkdir()
    source = {"random": "random", "chaser": "chaser", "gone": str(path / "gone.onnx")}
    entered = [
        Change(what="entered", name=name, revision=who, time=BEGAN, sha256=who, source=source[who])
        for who, name in NAMES.items()
    ]
    roster.append(LeagueFolder(path).roster, entered)
    played(path)
    return path


@dataclass
class Served:
    """A server under test."""

    path: Path
    url: str
    followed: Followed
    fresh: MatchQueue

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> tuple[int, Any, Any]:
        """Status, headers, and the body, read as JSON where it is."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            told = {"Content-Type": "application/json"} | told
        request = Request(self.url + path, data, told, method=method)
        try:
            answer = urlopen(request, timeout=300)
        except HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read()
            text = gzip.decompress(text) if answer.headers["Content-Encoding"] == "gzip" else text
            kind = answer.headers.get_content_type()
            return answer.status, answer.headers, json.loads(text) if kind == "application/json" else text

    def watched(self, a: str, b: str) -> dict[str, Any]:
        """A fresh match, waited for."""
        status, _, asked = self.ask("api/watch", {"a": a, "b": b})
        assert status == 202, asked
        end = now() + 60
        while now() < end:
            status, _, found = self.ask(f"api/watch/{asked['job']}")
            if status != 200 or found["state"] == "done":
                return {"status": status} | found
            time.sleep(0.05)
        raise AssertionError("it was never played")


@pytest.fixture(scope="module")
def served(league: Path) -> Iterator[Served]:
    followed, playing = Followed(league, True, lambda line: None), MatchQueue(1, waiting=1)
    server = serving.bound(serving.application(followed, playing, "127.0.0.1"), "127.0.0.1", 0)

    def run() -> None:
        with contextlib.suppress(OSError):  # its sockets are closed under it
            server.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield Served(league, f"http://127.0.0.1:{server.effective_port}/", followed, playing)
    server.close()
    server.task_dispatcher.shutdown()
    thread.join(10)
    followed.end()
    playing.end()
    assert not thread.is_alive()


def test_it_answers_with_what_the_view_says(served: Served) -> None:
    status, headers, page = served.ask("")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and b"<h1" in page
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff" and "Access-Control-Allow-Origin" not in headers
    _, headers, board = served.ask("api/leaderboard")
    seen = reader.opened(served.path)
    assert [row["player"] for row in board["models"]] == [place.player for place in seen.standings]
    _, _, model = served.ask("api/model?player=chaser")
    assert model["place"]["games"] == 32 and model["opponents"][0]["b"] == "random"
    _, _, pair = served.ask("api/pair?a=random&b=chaser")
    assert pair["met"]["result"]["losses"] == model["opponents"][0]["result"]["wins"]
    assert served.ask("api/pair?a=random&b=gone")[2]["met"] is None
    tag = headers["ETag"]
    assert served.ask("api/leaderboard", If_None_Match=tag)[0] == 304
    _, packed, body = served.ask("api/page", Accept_Encoding="gzip")
    assert packed["Content-Encoding"] == "gzip" and body == served.ask("api/page")[2]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing", 404),
        ("../../etc/passwd", 404),
        ("api/model?player=../../etc/passwd", 404),
        ("api/model?player=built-in/random", 404),  # keys, not names
        ("api/model", 404),
        ("api/pair?a=random", 404),
        ("api/watch/../../etc/passwd", 404),
        ("api/watch/unknown", 404),
    ],
)
def test_what_it_does_not_know(served: Served, path: str, status: int) -> None:
    told, _, said = served.ask(path)
    assert told == status and "passwd" not in said["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_it_is_read_only(served: Served, method: str) -> None:
    status, headers, _ = served.ask("api/leaderboard", method=method)
    assert status == 405 and headers["Allow"] == "GET, HEAD, POST"
    assert served.ask("", {}, "POST")[0] == 405


@pytest.mark.parametrize(
    ("header", "host", "known"),
    [
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("[::1]:80", "::1", True),
        ("evil.example:8000", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("192.168.1.5:8000", "127.0.0.1", False),
        ("192.168.1.5:8000", "0.0.0.0", True),
        ("evil.example", "0.0.0.0", False),
        ("box.lan:8000", "box.lan", True),
        ("[", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_only_its_own_host_is_answered(header: str, host: str, known: bool) -> None:
    assert serving.known_host(header, host) is known


def test_strange_requests_are_refused(served: Served) -> None:
    assert served.ask("", Host="evil.example")[0] == 421
    wish = {"a": "random", "b": "chaser"}
    assert served.ask("api/watch", wish, Origin="http://evil.example")[0] == 403
    assert served.ask("api/watch", wish, Sec_Fetch_Site="cross-site")[0] == 403
    assert served.ask("api/watch", b"a=random", Content_Type="text/plain")[0] == 415
    assert served.ask("api/watch", b"{", Content_Type="application/json")[0] == 400
    assert served.ask("api/watch", b"[" * (serving.BODY + 1))[0] == 413
    assert served.ask("api/version", X_Long="x" * (serving.HEADERS + 1))[0] == 431
    for a in ("../../etc/passwd", "nobody", "<script>", 7, None, ["random"]):
        assert served.ask("api/watch", {"a": a, "b": "chaser"})[0] == 404
    assert served.ask("api/watch", ["random", "chaser"])[0] == 404


def test_a_fresh_match_is_played_and_changes_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_queue.secrets, "randbelow", lambda most: 3)
    before = {file.name: file.read_bytes() for file in served.path.iterdir()}
    found = served.watched("random", "chaser")
    head, _ = pack.parts(found["packed"])
    assert found["status"] == 200 and [one["number"] for one in head["matches"]] == [0, 1]
    assert head["names"] == ["built-in/random", "built-in/chaser"]
    assert found["seed"] != 7 and {file.name: file.read_bytes() for file in served.path.iterdir()} == before
    began = now()
    assert served.watched("random", "chaser")["packed"] == found["packed"] and now() - began < 1  # kept
    gone = served.watched("gone", "chaser")
    assert gone["status"] == 422 and "<script>" not in json.dumps(gone).replace("<script>alert(1)</script>", "")


def test_a_visitor_has_one_match_at_a_time_and_the_queue_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def slow(*_: object) -> Job:
        go.wait(300)
        raise SetupError("it was not to be played")

    monkeypatch.setattr(serving, "job", slow)
    monkeypatch.setattr(match_queue.secrets, "randbelow", lambda most: 5)
    wish = {"a": "random", "b": "chaser"}
    _, _, asked = served.ask("api/watch", wish)
    status, headers, said = served.ask("api/watch", wish)
    assert status == 429 and int(headers["Retry-After"]) > 0 and "one match at a time" in said["error"]
    while served.ask(f"api/watch/{asked['job']}")[2]["state"] != "playing":
        time.sleep(0.01)
    waiting = served.fresh.ask("another", "random", "chaser", slow)
    with pytest.raises(Busy, match="may wait"):
        served.fresh.ask("a third", "random", "chaser", slow)
    go.set()
    while not waiting.over:
        time.sleep(0.01)
    assert served.ask(f"api/watch/{asked['job']}")[0] == 422 and waiting.line == "it was not to be played"


def test_the_recorder_plays_only_what_entered_and_dies_alone() -> None:
    job = Job(("random", "chaser"), ("random", "other"), ("a", "b"), seed=1)
    recorder = Recorder()
    try:
        with pytest.raises(SetupError, match="was changed"):
            recorder.record(job)
        limits = psutil.Process(recorder._process.pid).rlimit(psutil.RLIMIT_AS)
        assert limits == (recording.MEMORY, recording.MEMORY)
        with pytest.raises(LostTrial, match="took more than 0 s"):
            recorder.record(Job(("random", "random"), ("random", "random"), ("a", "b"), seed=1), 0.0)
        with pytest.raises(LostTrial, match="died"):
            recorder.record(job)
        assert not recorder.alive
    finally:
        recorder.end()


def test_a_recorder_that_is_lost_is_over_at_once_and_leaves_no_pipe_open(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(("random", "chaser"), ("random", "chaser"), ("a", "b"), seed=1)
    recorder = Recorder()
    monkeypatch.setattr(recording, "STARTING", 0.0)
    for said in ("took more than 0 s", "died"):
        with pytest.raises(LostTrial, match=said):
            recorder.record(job)
        assert recorder._process.returncode is not None  # nobody takes it for one that lives
        assert recorder._process.stdin is not None and recorder._process.stdin.closed
        assert recorder._process.stdout is not None and recorder._process.stdout.closed


def test_no_process_for_a_match_costs_that_match_only(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    class Scarce:
        """No process at first; the third try gives one, which dies before it is needed."""

        alive = property(lambda self: len(begun) > 3)

        def __init__(self) -> None:
            begun.append("begun")
            if len(begun) < 3:
                raise BlockingIOError(11, "Resource temporarily unavailable")

        def record(self, job: Job) -> str:
            return "packed"

        kill = end = lambda self: None

    monkeypatch.setattr(match_queue, "Recorder", Scarce)
    fresh = MatchQueue(1)
    try:
        told = []
        for visitor in ("one", "two"):
            ticket = fresh.ask(visitor, "random", visitor, lambda seed: Job(("a", "b"), ("a", "b"), ("a", "b")))
            end = now() + 5
            while not ticket.over:
                assert now() < end, told
                time.sleep(0.01)
            while len(begun) == 2:  # a new spare is on its way
                time.sleep(0.01)
            told.append((ticket.state, ticket.line, ticket.packed))
        assert told == [
            ("failed", "[Errno 11] Resource temporarily unavailable", ""),
            ("done", "", "packed"),
        ]
    finally:
        fresh.end()


def test_whatever_a_job_raises_ends_its_ticket_and_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    class Still:
        """A process that plays nothing."""

        alive = True

        def record(self, job: Job) -> str:
            return "packed"

        kill = end = lambda self: None

    def broken(seed: int) -> Job:
        raise RuntimeError("dictionary changed size during iteration")

    monkeypatch.setattr(match_queue, "Recorder", Still)
    fresh = MatchQueue(1)
    try:
        told = []
        for visitor, job in (("one", broken), ("two", lambda seed: Job(("a", "b"), ("a", "b"), ("a", "b")))):
            ticket, end = fresh.ask(visitor, "random", visitor, job), now() + 5
            while not ticket.over:
                assert now() < end, told
                time.sleep(0.01)
            told.append((ticket.state, ticket.line))
        line = "these two cannot be watched (RuntimeError: dictionary changed size during iteration)"
        assert told == [("failed", line), ("done", "")]
    finally:
        fresh.end()


def test_files_are_found_while_another_thread_looks_for_them(tmp_path: Path) -> None:
    """The second look stands still amid its listing; what the first one found is still there."""
    looks, go, amid = [], threading.Event(), threading.Event()

    def listing() -> Iterator[tuple[str, Path]]:
        looks.append("again")
        for name in ("first", "second"):
            yield name, tmp_path / f"{name}.onnx"
            if len(looks) > 1:
                amid.set()
                go.wait(30)

    for name in ("first", "second"):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
    files = Files("somewhere", True, listing)
    offers = files.offers(lambda line: None)
    other = threading.Thread(target=files.offers, args=(lambda line: None,))
    other.start()
    try:
        assert amid.wait(30)
        assert [files.fetch(offer).file for offer in offers] == [
            str(tmp_path / f"{name}.onnx") for name in ("first", "second")
        ]
    finally:
        go.set()
        other.join(30)


def test_one_thread_at_a_time_asks_for_files(league: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, met = threading.Barrier(2), list[str]()

    class Slow:
        """A source that waits for a second one who asks."""

        def fetch(self, offer: Offer) -> Playable:
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.5)
                met.append(offer.name)
            return Playable(offer.name, "")

    monkeypatch.setattr(league_page.sources, "source", lambda word: Slow())
    asked = league_page.Asked(reader.opened(league))
    threads = [threading.Thread(target=asked.file, args=(player,)) for player in ("random", "chaser")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert met == []


def test_recorded_matches_are_those_of_the_history_and_are_kept(league: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = CliRunner().invoke(cli, ["league", "page", str(league)], catch_exceptions=False).output
    page = league / "league.html"
    assert said.startswith(str(page)) and page.is_file()
    kept = json.loads((league / league_page.REPLAYS).read_text())["pairings"]
    assert [(each["a"], each["b"]) for each in kept] == [
        ("chaser", "random")
    ] and 'class="recorded"' in page.read_text()
    there = reader.opened(league).matches
    for shown in kept[0]["matches"]:
        at = (there.pair == shown["pair"]) & (there.side1 == shown["a_team"])
        assert there.decisions[at].tolist() == [shown["decisions"]] and there.halves[at] / 2 == shown["result"]
    monkeypatch.setattr(league_page, "Recorder", None)  # nothing is played a second time
    assert [each.packed for each in league_page.recorded(reader.opened(league))] == [kept[0]["packed"]]
    changed = json.loads((league / league_page.REPLAYS).read_text())
    changed["pairings"][0]["matches"][0]["decisions"] += 1
    (league / league_page.REPLAYS).write_text(json.dumps(changed))
    assert league_page.recorded(reader.opened(league)) == []  # not as the history has it
    (league / league_page.REPLAYS).write_text('{"format"')
    assert league_page.recorded(reader.opened(league)) == []


def test_a_round_writes_the_page_and_is_not_stopped_by_it(league: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, said = league / "league.html", list[str]()
    page.unlink(missing_ok=True)
    monkeypatch.setattr(league_page, "Recorder", None)  # a round of seconds is too short to record anything
    finished = over(1, BEGAN, 10.0, 2, 32)
    league_page.after(reader.opened(league), {name: name for name in NAMES}, finished, said.append)
    assert page.is_file() and said == []
    page.unlink()
    page.mkdir()
    league_page.after(reader.opened(league), {}, finished, said.append)
    page.rmdir()
    assert len(said) == 1 and said[0].startswith("the page was not written")


@pytest.mark.skipif(BROWSER is None, reason=MISSING)
def test_an_open_page_follows_and_plays_fresh_matches(served: Served) -> None:
    with chromium() as browser:
        page = browser.new_context().new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(served.url)
        page.wait_for_selector("html[data-ready]")
        assert "32 matches" in page.inner_text("#kicker")
        played(served.path, 2, first=16)
        until(page, "document.getElementById('kicker').textContent.includes('36 matches')")
        page.evaluate("location.hash = '#vs=random,chaser'")
        page.click("text=Play a fresh match")
        page.wait_for_selector("#versus .replay[data-ready]")
        assert "does not count" in page.inner_text("#versus [role=status]") and complaints == []
        browser.close()


def test_ctrl_c_ends_it_with_all_it_began(league: Path) -> None:
    command = [sys.executable, "-m", "sweep", "league", "serve", str(league), "--port", "0"]
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell's is inherited
    try:
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert server.stderr is not None
    with server.stderr:
        url = re.search(r"http://127\.0\.0\.1:\d+/", server.stderr.readline())
        assert url is not None
        request = Request(url[0] + "api/watch", b'{"a":"random","b":"random"}', {"Content-Type": "application/json"})
        with urlopen(request, timeout=300) as answer:
            assert answer.status == 202
        children = psutil.Process(server.pid).children()  # not theirs: a library may ask a tool of the system
        assert children
        server.send_signal(signal.SIGINT)
        assert ended(server, 15) and server.returncode == 0
        assert server.stderr.read() == ""
        assert survivors(children, 5) == []


def test_what_cannot_be_served_is_said(league: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="a league's folder must hold"):
        serving.serve(tmp_path, "127.0.0.1", 0, False, lambda line: None)
    said: list[str] = []
    for nonsense in ("127.0.0..1", "x" * 70):
        with pytest.raises(SetupError, match="name others with --host and --port"):
            serving.serve(league, nonsense, 0, False, lambda line: None)
    with pytest.raises(SetupError, match="name others with --host and --port"):
        serving.serve(league, "192.0.2.1", 0, False, said.append)
    assert len(said) == 1 and "anyone who reaches 192.0.2.1" in said[0]
