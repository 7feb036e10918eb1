"""A sweep on a real Ray cluster: nodes of different environments, kept in S3, one killed, one joined, one refused."""

import json
import re
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import ray
from elsewhere import build, install
from patience import now
from ray_cluster import SETTINGS, Node, RayCluster, drive, ray_cluster, said
from real_sweep import SPACE
from s3_server import KEYS, S3Server, s3_server

from sweep.cluster import nodes, versions
from trials import ledger
from trials.events import SweepEnded, TrialEnded, TrialResumed
from trials.folder import RunFolder
from trials.storage import Storage, storage

INTERVAL = 12_000
SPACE_ = SPACE.replace("checkpoint_interval: 200000", f"checkpoint_interval: {INTERVAL}")
pytestmark = pytest.mark.timeout(3600)  # by the clock: two environments are built first


@dataclass
class Site:
    """A cluster, and its S3 server."""

    cluster: RayCluster
    server: S3Server
    space: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "tiny.yaml").write_text(SPACE_)
    with pytest.MonkeyPatch.context() as patch, s3_server() as server:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        with ray_cluster(folder / "ray", **KEYS) as cluster:
            yield Site(cluster, server, folder / "tiny.yaml")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product's wheel."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def wheel(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the product from its wheel, the game compiled."""
    folder = tmp_path_factory.mktemp("wheel")
    bin_ = install(built, folder / "venv")
    play = ["-m", "sweep", "play", "still", "random", "--matches", "2"]
    subprocess.run([bin_ / "python", *play], cwd=folder, check=True, capture_output=True)
    return bin_ / "python"


@pytest.fixture(scope="module")
def other(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with a product whose environment's SPEC is another."""
    bin_ = install(built, tmp_path_factory.mktemp("other") / "venv")
    (constants,) = bin_.parent.glob("lib/python3*/site-packages/trials/soccer/constants.py")
    constants.write_text(re.sub(r'(VERSION: Final = )"soccer-\d+"', r'\1"soccer-0"', constants.read_text()))
    return bin_ / "python"


def working(node: Node) -> list[psutil.Process]:
    """Trainers that the node runs."""
    return [process for process in node.look() if "trials.learner.launcher" in _words(process)]


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_nodes_are_refused_by_name(site: Site, other: Path, tmp_path: Path) -> None:
    site.cluster.join(python=str(other))
    log = tmp_path / "driver.log"
    driver = drive(site.cluster, "run", str(site.space), "--out", str(tmp_path / "run"), log=log)
    assert driver.wait() == 1
    output = log.read_text()
    assert re.search(r"node \S+ \(\w{8}\) is refused: it has environment soccer-0 in place of soccer-1", output), output
    assert "a cluster must have a node that may take a trial" in output
    assert "Traceback" not in output


def test_a_storage_that_does_not_answer_is_refused_before_anything_starts(site: Site, tmp_path: Path) -> None:
    for address, status, line in (
        (site.server.address("x").replace("sweeps/", "nobodys/"), 1, "--storage must answer"),
        ("ftp://host/x", 2, "--storage must be a path or s3://bucket/prefix"),
    ):
        log = tmp_path / "driver.log"
        words = ("--out", str(tmp_path / "run"), "--storage", address)
        assert drive(site.cluster, "run", str(site.space), *words, log=log).wait() == status
        assert line in log.read_text() and "Traceback" not in log.read_text()


@pytest.mark.faults  # test_other_games.py kills a node in `make test`
def test_a_sweep_outlives_its_nodes(site: Site, wheel: Path, other: Path, tmp_path: Path) -> None:
    """One node has its environment from the wheel and is killed, another joins; a third stays refused."""
    site.cluster.join(python=str(other))
    first = site.cluster.join(python=str(wheel), cwd=tmp_path)
    log, run, address = tmp_path / "driver.log", RunFolder(tmp_path / "run"), site.server.address("kept")
    words = ("--trials", "2", "--steps", "60000", "--out", str(run.path), "--storage", address)
    driver = drive(site.cluster, "run", str(site.space), *words, "--final-seeds", "0", log=log)
    said(log, "trial 0 at ", driver)  # its first rung, half of the budget
    assert all(str(wheel) in process.cmdline()[0] for process in working(first)) and working(first)
    second = site.cluster.join()
    said(log, "trial 1 started", driver)
    reached = json.loads(storage(address).read("run/trials/0000/progress.json") or b"{}")
    first.look()
    first.raylet.kill()
    first.process.kill()
    assert driver.wait() == 0, log.read_text()
    output = log.read_text()
    assert re.search(r"node \S+ \(\w{8}\) joined", output) and re.search(r"node \S+ \(\w{8}\) is gone", output)
    assert not working(second)
    deadline = now() + 30
    while first.alive():
        assert now() < deadline, first.alive()
        time.sleep(0.2)

    events = ledger.read(run.ledger)
    assert {end.trial: end.state for end in _ends(events)}[0] == "complete"
    assert len(_ends(events)) == 2 and isinstance(events[-1], SweepEnded) and events[-1].state == "complete"
    (resumed,) = [event for event in events if isinstance(event, TrialResumed)]
    assert resumed.trial == 0 and resumed.resumed >= reached["step"] - INTERVAL, (resumed, reached)
    assert run.report.exists() and run.trial(0).metrics.exists() and len(run.match_logs()) >= 5
    kept = storage(address).files("run")
    assert {"run/ledger.jsonl", "run/report.html", "run/space.yaml", "run/sweep.yaml"} <= {*kept}
    assert storage(address).read("run/ledger.jsonl") == run.ledger.read_bytes()
    assert any(name.startswith("run/trials/0000/mlagents/") and name.endswith("checkpoint.pt") for name in kept)

    elsewhere = tmp_path / "another machine"
    elsewhere.mkdir()
    again = tmp_path / "again.log"
    where = address.replace("?", "/run?")
    assert drive(site.cluster, "resume", where, log=again, cwd=elsewhere).wait() == 1
    assert "must have something left to do, but all 2 trials of run are over" in again.read_text()
    assert (elsewhere / "runs" / "run" / "ledger.jsonl").read_bytes() == run.ledger.read_bytes()


def test_a_node_that_answers_late_is_used_from_then_on(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = nodes._question

    def slow(*words: object) -> object:
        answer, waits = question(*words), tmp_path / "answer"

        def late() -> object:
            import time

            while not waits.exists():
                time.sleep(0.05)
            return answer()

        return late

    monkeypatch.setattr(nodes, "_question", slow)
    monkeypatch.setattr(nodes, "ANSWER_S", 0.5)
    monkeypatch.setattr(nodes, "FIRST_S", 1.0)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    site.cluster.join()
    told: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(address=site.cluster.address, log_to_driver=False, logging_level="ERROR")
        try:
            seen = nodes.Nodes(Storage(str(tmp_path)), (), {"CPU": 1.0}, told.append)
            seen.look(wait=True)
            late = set(seen.avoided)
            assert late and not seen.slots and all("gave no answer in 0.5 s; it may still" in line for line in told)
            (tmp_path / "answer").touch()
            monkeypatch.setattr(nodes, "ANSWER_S", 120.0)
            seen.look(wait=True)
            assert seen.slots == len(late) and not seen.avoided and "is refused no more" in told[-1]
        finally:
            ray.shutdown()


class Told:
    """In place of Ray: one machine, whose answers to the question are given."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.left = list(answers)
        self.asked = 0
        self.exceptions = ray.exceptions

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": "1a2b" * 14, "Alive": True, "Resources": {"CPU": 4.0}, "NodeManagerAddress": "10.0.0.7"}]

    def remote(self, question: object) -> "Told":
        return self

    def options(self, **words: object) -> Any:
        def ask() -> int:
            self.asked += 1
            return self.asked

        return SimpleNamespace(remote=ask)

    def wait(self, asked: list[int], timeout: float) -> tuple[list[int], list[int]]:
        return asked, []

    def get(self, asked: int) -> dict[str, Any]:
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


AWAY = {"wrong": "it does not reach the storage s3://bucket (timeout)", "installed": {}, "again": True}


def has(**other: str) -> dict[str, Any]:
    """The answer of a machine with what is installed here, but for these."""
    return {"wrong": "", "installed": versions.installed() | other}


@pytest.mark.parametrize("first", [AWAY, ray.exceptions.WorkerCrashedError()], ids=["storage", "crashed"])
def test_a_node_that_could_not_be_asked_is_asked_again(
    first: dict[str, Any] | Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, machine, said = [0.0], Told(first, first, has()), list[str]()
    monkeypatch.setattr(nodes, "ray", machine)
    monkeypatch.setattr(nodes, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    seen = nodes.Nodes(Storage(str(tmp_path)), (), {"CPU": 1.0}, said.append)
    for clock[0], asked, slots in ((0.0, 1, 0), (30.0, 1, 0), (61.0, 2, 0), (91.0, 2, 0), (122.0, 3, 4), (300.0, 3, 4)):
        seen.look()
        assert (machine.asked, seen.slots, bool(seen.avoided)) == (asked, slots, not slots)
    assert ["is refused:" in line for line in said] == [True, False] and "is refused no more" in said[1]


def test_a_node_that_has_something_else_is_refused_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, machine, said = [0.0], Told(AWAY, has(torch="0.1")), list[str]()
    monkeypatch.setattr(nodes, "ray", machine)
    monkeypatch.setattr(nodes, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    seen = nodes.Nodes(Storage(str(tmp_path)), (), {"CPU": 1.0}, said.append)
    for clock[0] in (0.0, 61.0, 200.0, 1e6):
        seen.look()
    assert machine.asked == 2 and len(seen.avoided) == 1
    assert len(said) == 2 and "it has torch 0.1 in place of" in said[1]


def test_an_answer_says_whether_it_is_worth_asking_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: Storage, name: str) -> bytes:
        raise OSError("timeout")

    ask = nodes._question(str(tmp_path), "token", (), versions.installed())
    assert not ask().get("again") and "does not see the storage" in ask()["wrong"]
    monkeypatch.setattr(Storage, "read", unreachable)
    assert ask()["again"] and "does not reach the storage" in ask()["wrong"]


def _ends(events: list[object]) -> list[TrialEnded]:
    return [event for event in events if isinstance(event, TrialEnded)]
