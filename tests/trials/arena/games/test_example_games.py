"""ML-Agents' example games with self-play, by their published specs: which of them the arena plays, and what it says.

Sources: ML-Agents 1.1.0 `docs/Learning-Environment-Examples.md`, its scenes' Behavior Parameters; Unity's blog on
DodgeBall, 2021. Each is imitated by an environment of those specs, in which nothing but the ends means anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlagents_envs.base_env import (
    ActionSpec,
    ActionTuple,
    BaseEnv,
    BehaviorMapping,
    BehaviorSpec,
    DecisionSteps,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
    TerminalSteps,
)

from trials.arena.games.unity import UnityGame
from trials.arena.matches import match
from trials.arena.players import load as players
from trials.errors import SetupError


@dataclass(frozen=True)
class Team:
    """One team of an example game."""

    behavior: str
    shapes: tuple[tuple[int, ...], ...]
    """Of its sensors."""
    actions: ActionSpec
    size: int
    grouped: bool


def rays(*widths: int) -> tuple[tuple[int, ...], ...]:
    return tuple((width,) for width in widths)


THREE = ActionSpec.create_discrete((3, 3, 3))
TENNIS = Team("Tennis", rays(27), ActionSpec.create_continuous(3), 1, False)
SOCCER = Team("SoccerTwos", rays(264, 72), THREE, 2, True)
STRIKER = Team("Striker", rays(231, 63), THREE, 2, True)
GOALIE = Team("Goalie", rays(738), THREE, 1, True)
DODGE = Team("DodgeBall", ((3, 8), (4,), (738,)), ActionSpec(3, (2, 2)), 4, True)
EXAMPLES: Mapping[str, tuple[Team, Team, str]] = {
    "Tennis": (TENNIS, TENNIS, "plays"),
    "SoccerTwos": (SOCCER, SOCCER, "plays"),
    "StrikersVsGoalie": (STRIKER, GOALIE, "plays"),
    "DodgeBall": (DODGE, DODGE, "must observe vectors or rays, but observes 3x8, 4, 738; images and lists of varying"),
}


class Imitation(BaseEnv):  # type: ignore[misc]  # mlagents_envs has no types
    """`fields` fields; an episode ends after 5 decisions, and team 0 wins it on even fields."""

    def __init__(self, teams: tuple[Team, Team], fields: int = 4) -> None:
        self._teams, self._fields, self._time = teams, fields, 0
        self._rng = np.random.default_rng(1)
        self._names = [f"{team.behavior}?team={side}" for side, team in enumerate(teams)]
        self._specs = [
            BehaviorSpec(
                [
                    ObservationSpec(shape, (DimensionProperty.NONE,) * len(shape), ObservationType.DEFAULT, f"s{at}")
                    for at, shape in enumerate(team.shapes)
                ],
                team.actions,
            )
            for team in teams
        ]
        self._next = 0

    @property
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        return BehaviorMapping(dict(zip(self._names, self._specs, strict=True)))

    def reset(self) -> None:
        self._begin()

    def step(self) -> None:
        self._time += 1
        if self._time == 5:
            self._begin()

    def _begin(self) -> None:
        self._time = 0
        self._last, self._ids = getattr(self, "_ids", []), []
        for team in self._teams:
            count = team.size * self._fields
            self._ids.append(np.arange(self._next, self._next + count))
            self._next += count

    def _rows(self, side: int, count: int) -> list[np.ndarray]:
        shapes = self._teams[side].shapes
        return [self._rng.standard_normal((count, *shape)).astype(np.float32) for shape in shapes]

    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        side = self._names.index(behavior_name)
        team, count = self._teams[side], len(self._ids[side])
        nothing, groups = np.zeros(count, np.float32), self._groups(side)
        masks = [np.zeros((count, size), bool) for size in team.actions.discrete_branches] or None
        decisions = DecisionSteps(self._rows(side, count), nothing, self._ids[side], masks, groups, nothing)
        if self._time or not self._last:
            return decisions, TerminalSteps.empty(self._specs[side])
        won = np.where((np.repeat(np.arange(self._fields), team.size) % 2 == 0) == (side == 0), 1, -1)
        own, shared = (0 * won, won) if team.grouped else (won, 0 * won)
        return decisions, TerminalSteps(
            self._rows(side, count),
            own.astype(np.float32),
            np.zeros(count, bool),
            self._last[side],
            groups,
            shared.astype(np.float32),
        )

    def _groups(self, side: int) -> np.ndarray:
        team = self._teams[side]
        places = np.repeat(np.arange(self._fields), team.size)
        return 2 * places + 1 + side if team.grouped else 0 * places

    def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
        side = self._names.index(behavior_name)
        self._teams[side].actions._validate_action(action, len(self._ids[side]), behavior_name)

    def set_action_for_agent(self, behavior_name: str, agent_id: int, action: ActionTuple) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held that would need it."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_game_plays_or_is_refused_in_one_line(name: str) -> None:
    one, other, verdict = EXAMPLES[name]
    env: Any = Imitation((one, other))
    if verdict != "plays":
        with pytest.raises(SetupError) as refusal:
            UnityGame(env, "unity-x")
        assert verdict in str(refusal.value) and "\n" not in str(refusal.value)
        return
    game = UnityGame(env, "unity-x")
    named = "+".join(dict.fromkeys((one.behavior, other.behavior)))
    assert (game.behavior.name, game.behavior.team, game.total) == (named, max(one.size, other.size), 4)
    random, still = (players.load(player, game.behavior) for player in ("random", "still"))
    played = match.play(random, still, 8, 1, game=game, fields=4)
    records, branches = played.records, one.actions.discrete_branches
    assert played.entropy == pytest.approx(
        (np.log(branches).sum() if branches else 0, 0), rel=1e-5
    )  # of real bodies alone
    assert len(records) == 16 and {record.decisions for record in records} <= {5}
    assert {record.result for record in records} <= {0.0, 1.0}


def test_the_page_says_the_same() -> None:
    page = (Path(__file__).parents[4] / "trials" / "arena" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for name, (*_, verdict) in EXAMPLES.items():
        (row,) = [row for row in rows if row.startswith(f"| {name} |")]
        assert ("plays" in row.split("|")[-2]) == (verdict == "plays"), row
