"""A second game, for tests: two paddles and a ball, spoken over ML-Agents' protocol by the code that speaks for Soccer.

    python tests/support/paddles.py --mlagents-port N [--fields N]     as whoever starts an executable calls it
    write(folder)                                                      a launcher for `--env`

The court is 2 m wide (across) and 2 m long; each paddle moves across at its end. A ball that passes a paddle ends the
episode: +1 and -1. After MOST decisions it is a draw. Either team sees the court from its own end. A paddle has one
continuous action, its speed; in `Two`, two a team in a group, also a branch of three, of which one may be masked. In
`Uneven` a pair of such meets a single paddle of another behavior.
"""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
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

MOST = 200
"""Decisions of an episode."""
REACH, STEP = 0.2, 0.12
"""Half a paddle's width and its way in a decision, m."""


class Paddles(BaseEnv):  # type: ignore[misc]  # mlagents_envs has no types
    """`fields` courts of 1 against 1, side by side; an agent has a new id in every episode, as in Unity."""

    NAMES, ACTIONS, SENSORS, SIZES = ("Paddles", "Paddles"), [ActionSpec.create_continuous(1)] * 2, (6,), (1, 1)
    parameters: tuple[str, ...] = ("ball_speed",)
    academy_capabilities = None

    def __init__(self, fields: int = 8, seed: int = 0) -> None:
        self._n, self._rng = fields, np.random.default_rng(seed)
        sensors = [
            ObservationSpec((size,), (DimensionProperty.NONE,), ObservationType.DEFAULT, f"court{at}")
            for at, size in enumerate(self.SENSORS)
        ]
        self._names = [f"{name}?team={team}" for team, name in enumerate(self.NAMES)]
        self._each = [BehaviorSpec(sensors, actions) for actions in self.ACTIONS]
        self._specs = BehaviorMapping(dict(zip(self._names, self._each, strict=True)))
        self._speed: Callable[[], float] = lambda: 0.06
        self._place, self._ball = np.zeros((fields, 2, max(self.SIZES))), np.zeros((fields, 4))  # across; x, y, vx, vy
        self._pace, self._time, self._next = np.zeros(fields), np.zeros(fields, int), 0
        self._ids = np.zeros((fields, 2, max(self.SIZES)), int)
        self._move = np.zeros((fields, 2, max(self.SIZES)))
        self._steps: list[tuple[DecisionSteps, TerminalSteps]] = []

    @property
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        return self._specs

    def set_parameter(self, name: str, sample: Callable[[], float]) -> None:
        """`ball_speed`: metres a decision, drawn for each episode."""
        self._speed = sample

    def reset(self) -> None:
        self._begin(np.arange(self._n))
        self._steps = [(self._decisions(team), TerminalSteps.empty(self._each[team])) for team in (0, 1)]

    def step(self) -> None:
        if not self._steps:
            return self.reset()
        self._place = np.clip(self._place + STEP * self._move, -1, 1)
        self._move[:] = 0
        self._ball[:, :2] += self._ball[:, 2:]
        out = np.abs(self._ball[:, 0]) > 1
        self._ball[out, 2] *= -1
        self._time += 1
        lost = np.full(self._n, -1)
        for team, end in ((0, -1.0), (1, 1.0)):
            there = self._ball[:, 1] * end >= 1
            off = np.abs(self._place[:, team, : self.SIZES[team]] - self._ball[:, :1])
            met = there & (off.min(axis=1) <= REACH)
            self._ball[met, 3] = -end * self._pace[met]
            self._ball[met, 2] += 0.02 * self._rng.standard_normal(int(met.sum()))
            lost[there & ~met] = team
        over = np.flatnonzero((lost >= 0) | (self._time >= MOST))
        ends = [self._terminal(team, over, lost[over]) for team in (0, 1)]
        self._begin(over)
        self._steps = [(self._decisions(team), ends[team]) for team in (0, 1)]
        return None

    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        return self._steps[self._names.index(behavior_name)]

    def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
        team = self._names.index(behavior_name)
        size = self.SIZES[team]
        given = self.ACTIONS[team]._validate_action(action, self._n * size, behavior_name)
        moves = np.clip(given.continuous.reshape(self._n, size), -1, 1)
        self._move[:, team, :size] = self._braked(moves, given.discrete) * (1 if team == 0 else -1)

    def set_action_for_agent(self, behavior_name: str, agent_id: int, action: ActionTuple) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held that would need it."""

    def _braked(self, moves: np.ndarray, discrete: np.ndarray) -> np.ndarray:
        return moves

    def _begin(self, which: np.ndarray) -> None:
        for team, size in enumerate(self.SIZES):
            self._place[which, team, :size] = np.linspace(-0.5, 0.5, size) if size > 1 else 0
        self._time[which] = 0
        self._pace[which] = [self._speed() for _ in which]
        angle = self._rng.uniform(-0.8, 0.8, len(which))
        side = self._rng.choice([-1, 1], len(which))
        self._ball[which] = np.stack([0 * angle, 0 * angle, angle * 0.06, side * self._pace[which]], axis=1)
        count = len(which) * 2 * max(self.SIZES)
        self._ids[which] = np.arange(self._next, self._next + count).reshape(len(which), 2, max(self.SIZES))
        self._next += count

    def _seen(self, team: int, which: np.ndarray) -> list[np.ndarray]:
        """What a team's agents see: ball, own and other paddle, from its own end."""
        turn = 1 if team == 0 else -1
        ball, place = self._ball[which] * turn, self._place[which] * turn
        rows = []
        for mate in range(self.SIZES[team]):
            own, mean = place[:, team, mate], place[:, 1 - team, : self.SIZES[1 - team]].mean(axis=1)
            rows.append(np.column_stack([ball[:, 0], ball[:, 1], ball[:, 2:] * 10, own, mean]))
        whole = np.stack(rows, axis=1).reshape(len(which) * self.SIZES[team], 6).astype(np.float32)
        return np.split(whole, np.cumsum(self.SENSORS)[:-1], axis=1)

    def _groups(self, team: int, which: np.ndarray) -> np.ndarray:
        return np.repeat(2 * which + 1 + team if max(self.SIZES) > 1 else 0 * which, self.SIZES[team])

    def _masks(self, team: int) -> list[np.ndarray] | None:
        return None

    def _decisions(self, team: int) -> DecisionSteps:
        every = np.arange(self._n)
        nothing = np.zeros(self._n * self.SIZES[team], np.float32)
        ids, groups = self._ids[:, team, : self.SIZES[team]].ravel(), self._groups(team, every)
        return DecisionSteps(self._seen(team, every), nothing, ids, self._masks(team), groups, nothing)

    def _terminal(self, team: int, which: np.ndarray, lost: np.ndarray) -> TerminalSteps:
        size = self.SIZES[team]
        points = np.repeat(np.where(lost < 0, 0, np.where(lost == team, -1, 1)), size).astype(np.float32)
        alone = max(self.SIZES) == 1
        return TerminalSteps(
            self._seen(team, which),
            points if alone else 0 * points,
            np.repeat(lost < 0, size),
            self._ids[which, team, :size].ravel(),
            self._groups(team, which),
            0 * points if alone else points,
        )


class Two(Paddles):
    """2 against 2 in groups: two sensors, and a branch beside the speed (go, go on, brake), masked at the edge."""

    NAMES, ACTIONS, SENSORS, SIZES = ("Doubles", "Doubles"), [ActionSpec(1, (3,))] * 2, (4, 2), (2, 2)
    parameters = ()

    def _braked(self, moves: np.ndarray, discrete: np.ndarray) -> np.ndarray:
        return np.where(discrete.reshape(moves.shape) == 2, 0, moves) if discrete.size else moves

    def _masks(self, team: int) -> list[np.ndarray] | None:
        if not self.ACTIONS[team].discrete_branches:
            return None
        edge = np.abs(self._place[:, team, : self.SIZES[team]]).reshape(-1, 1) >= 1
        return [np.concatenate([0 * edge, 0 * edge, edge], axis=1).astype(bool)]


class Uneven(Two):
    """A pair of `Two`'s against one paddle alone, each of a behavior of its own, both in groups."""

    NAMES, SIZES = ("Pair", "Single"), (2, 1)
    ACTIONS: ClassVar = [ActionSpec(1, (3,)), ActionSpec.create_continuous(1)]


class Told(Paddles):
    """One court, which pays nobody and says by ML-Agents' statistics who won."""

    def __init__(self, fields: int = 1, seed: int = 0) -> None:
        self.stats: dict[str, float] = {}
        super().__init__(1, seed)

    def step(self) -> None:
        super().step()
        over = self._steps[0][1].reward
        self.stats = {"won": float(over[0])} if len(over) else {}
        for decisions, ends in self._steps:
            for steps in (decisions, ends):
                steps.reward[:] = 0


GAMES = {"paddles": Paddles, "doubles": Two, "uneven": Uneven, "told": Told}


def write(folder: Path, kind: str = "paddles") -> Path:
    """A launcher of that game: the path for `--env`."""
    path = folder / f"{kind}.x86_64"
    here = shlex.quote(str(Path(__file__).resolve()))
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {here} {kind} "$@"\n')
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    from trials.soccer.executable import __main__ as executable

    executable.exit_now(executable.main(sys.argv[2:], GAMES[sys.argv[1]]))
