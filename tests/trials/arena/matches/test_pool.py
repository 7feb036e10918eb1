import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from patience import survivors

from trials.arena.matches import match
from trials.arena.matches.pool import STOPPING_CHUNK, MatchPool, Task
from trials.arena.players import load as players
from trials.arena.players.load import LADDER
from trials.arena.players.onnx_external import digest_of
from trials.arena.ratings.sprt import Test
from trials.errors import BadPolicy, LostTrial
from trials.stint import ended

PAIRING = Task(a="house", b="random", first=3, pairs=150, seed=5)


@pytest.fixture(scope="module")
def two() -> Iterator[MatchPool]:
    with MatchPool(2) as pool:
        yield pool


def test_records_do_not_depend_on_the_cores(two: MatchPool) -> None:
    alone = match.play(players.load("house"), players.load("random"), 150, 5, first=3)
    with MatchPool(1) as one:
        assert one.play(PAIRING).records == alone.records
    together = two.play(PAIRING)
    assert together.records == alone.records and together.uncounted == []
    assert together.decisions == alone.decisions
    assert together.entropy == pytest.approx(alone.entropy)


def test_a_test_ends_at_the_same_pair_on_any_number_of_cores(two: MatchPool) -> None:
    with MatchPool(1) as one:
        alone = one.play(PAIRING, stop=Test(0, 50))
    together = two.play(PAIRING, stop=Test(0, 50))
    assert together.records == alone.records and 4 <= len(alone.records) < 300
    behind = [record.number for record in together.uncounted]
    assert behind == list(range(together.records[-1].number + 1, behind[-1] + 1))
    assert (behind[-1] + 1 - 2 * PAIRING.first) % (2 * STOPPING_CHUNK) == 0  # all that was handed out, and no more
    assert all(scheduled.a_team == scheduled.number % 2 for scheduled in together.uncounted)


def test_progress_reaches_what_was_planned(two: MatchPool) -> None:
    told: list[tuple[int, int]] = []
    two.play(PAIRING, on_progress=lambda done, planned: told.append((done, planned)))
    assert told[-1] == (300, 300) and told == sorted(told)


def test_a_policy_that_was_replaced_is_played_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "policy.onnx"
    with MatchPool(1) as one:
        for name in ("house-750k", "house"):
            shutil.copyfile(LADDER / f"{name}.onnx", path)
            (first, *_) = one.play(Task(a=str(path), b="random", first=0, pairs=1, seed=1)).records
            assert first.a == digest_of(path)


def test_few_matches_are_shared_out_too(two: MatchPool) -> None:
    told: list[tuple[int, int]] = []
    two.play(replace(PAIRING, pairs=5), on_progress=lambda done, planned: told.append((done, planned)))
    assert told == [(6, 10), (10, 10)]


def test_a_policy_that_cannot_be_loaded_is_named(two: MatchPool, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no policy")
    with pytest.raises(BadPolicy, match="bad"):
        two.play(Task(a=str(tmp_path / "bad.onnx"), b="random", first=0, pairs=1, seed=1))


def test_a_killed_worker_is_said_and_the_rest_ends() -> None:
    others = set(multiprocessing.active_children())
    with pytest.raises(LostTrial, match="a match worker ended"), MatchPool(2) as pool:
        for number, _ in enumerate(pool.results(iter([PAIRING] * 20))):
            if number == 0:
                (set(multiprocessing.active_children()) - others).pop().kill()
    assert set(multiprocessing.active_children()) == others and all(process.is_alive() for process in others)


OWNER = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever was inherited
from trials.arena.matches.pool import MatchPool, Task
if __name__ == "__main__":
    with MatchPool(2) as pool:
        for _ in pool.results(iter([Task(a="random", b="random", first=0, pairs=128, seed=1)] * 1000)):
            print("playing", flush=True)
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Callable[[], tuple["subprocess.Popen[str]", list[psutil.Process]]]]:
    (tmp_path / "owner.py").write_text(OWNER)
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple["subprocess.Popen[str]", list[psutil.Process]]:
        env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "owner.py")], stdout=subprocess.PIPE, text=True, env=env
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "playing\n"
        return process, psutil.Process(process.pid).children(recursive=True)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_workers_end_with_an_owner_that_was_killed(
    owner: Callable[[], tuple["subprocess.Popen[str]", list[psutil.Process]]],
) -> None:
    process, workers = owner()
    assert len(workers) >= 2
    process.kill()
    assert survivors(workers, 10) == []


def test_an_interrupted_owner_ends_at_once_with_its_workers(
    owner: Callable[[], tuple["subprocess.Popen[str]", list[psutil.Process]]],
) -> None:
    process, workers = owner()
    psutil.Process(process.pid).send_signal(2)
    assert ended(process, 20)
    assert survivors(workers, 10) == []
