"""Real policies play here as they played in the reference physics, and would not if the game were wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trials.arena.games.soccer import SoccerTwos
from trials.soccer.constants import TIMEOUT
from trials.soccer.game import Fields

match = pytest.importorskip("trials.arena.matches.match")
players = pytest.importorskip("trials.arena.players.load")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Seen:
    """What was seen in the reference physics, without the floor's drag."""

    a: str
    b: str
    matches: int
    decisions: float
    error: float
    """Standard error of `decisions`."""
    wins: int
    draws: int
    entropy: float | None = None
    median: float | None = None


REFERENCE = (
    Seen("unity_official", "unity_official", 450, 62.7, 2.8, 225, 0, 1.445, 43.4),
    Seen("unity_official", "random", 150, 33.6, 2.5, 146, 0, None, 22.0),
    Seen("unity_official", "sorin_poca_6M", 300, 53.1, 2.9, 182, 0, None, 37.7),
    Seen("random", "random", 50, 718.0, 50.0, 12, 25),
)


def player(policies: Path, name: str) -> Any:
    return players.load(name if name == "random" else policies / f"{name}.onnx")


def agree(here: float, here_error: float, there: float, there_error: float) -> None:
    """Within the combined 95 % interval."""
    assert abs(here - there) < 1.96 * np.hypot(here_error, there_error), (here, here_error, there, there_error)


def share(count: int, of: int) -> tuple[float, float]:
    """A share and its standard error (Agresti-Coull, so that 0 has one too)."""
    p = (count + 2) / (of + 4)
    return p, float(np.sqrt(p * (1 - p) / (of + 4)))


@pytest.mark.parametrize("seen", REFERENCE, ids=lambda seen: f"{seen.a}-{seen.b}")
def test_play_is_that_of_the_reference_physics(policies: Path, seen: Seen, record_property: Any) -> None:
    played = match.play(player(policies, seen.a), player(policies, seen.b), 150 if seen.b == "random" else 300, 1)
    decisions = np.array([record.decisions for record in played.records])
    results = np.array([record.result for record in played.records])
    n = len(results)
    blue = sum(r.result == 1.0 - r.a_team for r in played.records if r.result != 0.5)
    record_property("blue", f"{blue} of {int((results != 0.5).sum())} won by blue")
    agree(decisions.mean(), decisions.std() / np.sqrt(n), seen.decisions, seen.error)
    if seen.a != seen.b:
        agree(*share(int((results == 1.0).sum()), n), *share(seen.wins, seen.matches))
    agree(*share(int((results == 0.5).sum()), n), *share(seen.draws, seen.matches))
    if seen.median is not None:
        spread = 1.2533 * decisions.std()  # standard error of a median, for a start
        agree(float(np.median(decisions)), spread / np.sqrt(n), seen.median, spread / np.sqrt(seen.matches))
    if seen.entropy is not None:
        assert abs(np.mean(played.entropy) - seen.entropy) < 0.02 * seen.entropy


class TurnedRound:
    """Fields in which turning left is turning right."""

    def __init__(self, n: int) -> None:
        self.fields = Fields(n)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fields, name)

    def advance(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        turned = actions.copy()
        turned[:, :, 2] = (3 - actions[:, :, 2]) % 3
        return self.fields.advance(turned)


class Backwards(TurnedRound):
    """Fields in which the stacks are newest first."""

    def observe(self, which: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        seen = self.fields.observe(which)
        forward, back = seen[:, :, :264].reshape(-1, 4, 3, 88), seen[:, :, 264:].reshape(-1, 4, 3, 24)
        flipped = [block[:, :, ::-1].reshape(len(seen), 4, -1) for block in (forward, back)]
        return np.ascontiguousarray(np.concatenate(flipped, axis=2))

    def advance(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        return self.fields.advance(actions)


@pytest.mark.parametrize("wrong", [TurnedRound, Backwards])
def test_a_wrong_game_wrecks_a_good_policy(policies: Path, wrong: type) -> None:
    played = match.play(player(policies, "unity_official"), player(policies, "random"), 50, 2, game=SoccerTwos(wrong))
    assert np.mean([record.result for record in played.records]) < 0.85
    assert np.mean([record.decisions for record in played.records]) > 90


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("ilia_00000k", 0.35, 0.65),
        ("ilia_00179k", 0.35, 0.65),
        ("frakw_r0_00038k", 0.35, 0.65),
        ("sorin_lr1e-5", 0.35, 0.65),
        ("sorin_poca_6M", 0.85, 1.0),
        ("sorin_bs512", 0.7, 1.0),
        ("frakw_r3_04715k", 0.7, 1.0),
    ],
)
def test_trained_policies_rise_and_untrained_ones_sink(policies: Path, name: str, low: float, high: float) -> None:
    played = match.play(player(policies, name), player(policies, "random"), 60, 3)
    assert low < np.mean([record.result for record in played.records]) <= high


def test_timeouts_are_draws_of_a_thousand_decisions(policies: Path) -> None:
    played = match.play(player(policies, "random"), player(policies, "random"), 30, 4)
    assert {record.decisions for record in played.records if record.result == 0.5} == {1000}
    assert TIMEOUT == 3
