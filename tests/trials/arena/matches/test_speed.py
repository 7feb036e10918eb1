"""The arena's speed against onnxruntime alone on the same batches, in one run; `make bench` prints it."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from trials.arena.matches import match
from trials.arena.matches.pool import MatchPool, Task
from trials.arena.players import load as players
from trials.arena.players.player import Player
from trials.arena.ratings import sprt

pytestmark = pytest.mark.slow
ROUNDS = 5


def bare(player: Player, rows: int, seconds: float = 2.0) -> float:
    """Observations a second that the session alone answers in batches of `rows`."""
    seen = np.random.default_rng(1).random((rows, 336), np.float32)
    memory, answers = np.zeros((rows, player.memory), np.float32), np.zeros((rows, 9), np.float32)
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        player.decide(seen, memory, answers)
        done += rows
    return done / (time.perf_counter() - began)


def as_published(path: Path, rows: int, seconds: float = 2.0) -> float:
    """The same for the file as it is, one thread, its random samplers included where it has any."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    feed = {
        i.name: rng.random((rows, i.shape[1]), np.float32) for i in session.get_inputs() if i.name != "action_masks"
    }
    feed["action_masks"] = np.ones((rows, 9), np.float32)
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        session.run(None, feed)
        done += rows
    return done / (time.perf_counter() - began)


@pytest.mark.parametrize("name", ("unity_official", "sorin_poca_6M", "sorin_net_small", "ilia_00401k"))
def test_matches_and_decisions_a_second(name: str, real: Callable[[str], Path]) -> None:
    player = players.load(real(name))
    ratios, published, rates, decisions = [], [], [], []
    for round_ in range(ROUNDS):  # turn and turn about: the machine's moods meet both
        pairs = 400 if name.startswith(("unity", "sorin_poca")) else 60
        played = match.play(player, player, pairs, round_)
        asked = 4 * played.decisions
        alone = bare(player, 512)
        rates.append(len(played.records) / played.seconds)
        decisions.append(played.decisions / played.seconds)
        ratios.append(asked / played.seconds / alone)
        published.append(asked / played.seconds / as_published(real(name), 512))
    print(
        f"\n{name} against itself: {np.median(rates):,.0f} matches/s, {np.median(decisions):,.0f} decision steps/s,"
        f" {np.median(ratios):.2f} of onnxruntime's bare rate in batches of 512 rows ({min(ratios):.2f} to"
        f" {max(ratios):.2f}), {np.median(published):.2f} of the rate of the file as published;"
        f" load {os.getloadavg()[0]:.1f}"
    )
    assert min(ratios) > 0.05


def test_a_verdict_takes_seconds(real: Callable[[str], Path]) -> None:
    for a, b in (
        ("unity_official", "sorin_bs1024"),
        ("sorin_bs1024", "unity_official"),
        ("sorin_net_big", "sorin_bs512"),
    ):
        task = Task(a=str(real(a)), b=str(real(b)), first=0, pairs=5000, seed=3)
        for cores in (1, 2):
            test = sprt.Test(0, 50)
            began = time.perf_counter()
            with MatchPool(cores) as pool:
                played = pool.play(task, stop=test)
            print(
                f"\nis {a} better than {b} by 50 Elo? {test.verdict.verdict} after {test.verdict.pairs} pairs,"
                f" {time.perf_counter() - began:.1f} s on {cores} cores ({len(played.uncounted)} matches in vain)"
            )
            assert test.verdict.verdict == ("rejected" if b == "unity_official" else "accepted")
