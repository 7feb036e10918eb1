"""A small game of two teams for trainers alone: agents that end together or apart, come back under new ids, are masked.

What happens next depends on what the agents did, so a policy that differs by a bit soon plays another game.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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

SIZES = (5, 3)
"""Of the two observations."""


@dataclass(frozen=True)
class Manner:
    """How the game goes."""

    continuous: int = 0
    branches: tuple[int, ...] = (3, 2)
    masked: bool = False
    mates: int = 2
    """Agents of a group; 0: one agent, of no group."""
    apart: bool = False
    """Whether ends come in messages of their own, in which nobody decides, as from a Unity build."""
    renewed: bool = False
    """Whether an agent has a new id in each episode, as in Unity."""
    backwards: bool = False
    """Whether all groups end at once, and are told of in another order than they decide in."""
    dying: int = 0
    """From this step on single agents end before their group; 0: never."""


class FickleEnv(BaseEnv):  # type: ignore[misc]
    """Three groups a team; an episode takes 5 to 30 steps."""

    academy_capabilities = None
    GROUPS = 3

    def __init__(self, manner: Manner, seed: int) -> None:
        self.manner, self._rng = manner, np.random.default_rng(seed)
        spec = BehaviorSpec(
            [
                ObservationSpec((size,), (DimensionProperty.NONE,), ObservationType.DEFAULT, f"seen{size}")
                for size in SIZES
            ],
            ActionSpec(manner.continuous, manner.branches),
        )
        self._specs = BehaviorMapping({"Fickle?team=0": spec, "Fickle?team=1": spec})
        self._size = max(1, manner.mates)
        self._step = self._next_id = 0
        self._pending: dict[str, TerminalSteps] = {}
        self._ids = {name: self._new_ids() for name in self._specs}
        self._alive = {name: np.ones((self.GROUPS, self._size), bool) for name in self._specs}
        self._left = self._rng.integers(5, 30, self.GROUPS)
        self._pull = {name: np.zeros((self.GROUPS, self._size)) for name in self._specs}
        self._steps: dict[str, tuple[DecisionSteps, TerminalSteps]] = {}

    @property
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        return self._specs

    def reset(self) -> None:
        self._left = self._rng.integers(5, 30, self.GROUPS)
        for name in self._specs:
            self._alive[name][:] = True
            self._steps[name] = (self._decide(name), TerminalSteps.empty(self._specs[name]))
        self._pending = {}

    def step(self) -> None:
        if self._pending:  # the message after an end: all decide, nobody has acted
            self._pending = {}
            self._steps = {n: (self._decide(n), TerminalSteps.empty(s)) for n, s in self._specs.items()}
            return
        self._step += 1
        self._left -= 1
        over = np.flatnonzero(self._left <= 0)
        if self.manner.backwards and len(over):
            over = np.arange(self.GROUPS)
        steps = {}
        for name, spec in self._specs.items():
            ending = np.zeros_like(self._alive[name])
            ending[over] = self._alive[name][over]
            if self.manner.dying and self._step >= self.manner.dying and self._size > 1:
                single = (self._rng.random(ending.shape) < 0.05) & self._alive[name]
                single &= self._alive[name].sum(1, keepdims=True) > 1
                single[over] = False
                single[:, 0] = False
                ending |= single
            terminal = self._end(name, ending) if ending.any() else TerminalSteps.empty(spec)
            self._alive[name] &= ~ending
            self._alive[name][over] = True
            if self.manner.renewed and len(over):
                self._ids[name][over] = self._new_ids()[over]
            steps[name] = terminal
        self._left[over] = self._rng.integers(5, 30, len(over))
        if self.manner.apart and len(over):
            self._pending = steps
            self._steps = {n: (DecisionSteps.empty(s), steps[n]) for n, s in self._specs.items()}
        else:
            self._steps = {n: (self._decide(n), steps[n]) for n in self._specs}

    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        return self._steps[behavior_name]

    def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
        decided = self._steps[behavior_name][0]
        if not len(decided):
            return
        where = {agent: at for at, agent in np.ndenumerate(self._ids[behavior_name])}
        said = action.discrete.sum(1) + action.continuous.sum(1)
        for row, agent in enumerate(decided.agent_id):
            self._pull[behavior_name][where[int(agent)]] = said[row]

    def set_action_for_agent(self, behavior_name: str, agent_id: int, action: ActionTuple) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held."""

    def _new_ids(self) -> np.ndarray:  # type: ignore[type-arg]
        count = self.GROUPS * self._size
        self._next_id += count
        return np.arange(self._next_id - count, self._next_id, dtype=np.int32).reshape(self.GROUPS, self._size)

    def _seen(self, name: str, who: np.ndarray) -> list[np.ndarray]:  # type: ignore[type-arg]
        pull = self._pull[name][who][:, None]
        return [(self._rng.normal(size=(int(who.sum()), size)) + pull).astype(np.float32) for size in SIZES]

    def _groups(self, name: str, who: np.ndarray) -> list[int]:  # type: ignore[type-arg]
        """A list, as mlagents_envs' `rpc_utils.py` makes of what comes over the wire."""
        if not self.manner.mates:
            return [0] * int(who.sum())
        own = 2 * np.arange(self.GROUPS)[:, None] + 1 + int(name[-1])
        return [int(group) for group in np.broadcast_to(own, who.shape)[who]]

    def _rewards(self, name: str, who: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return (self._pull[name][who] * 0.1 + self._rng.normal(size=int(who.sum()))).astype(np.float32)

    def _decide(self, name: str) -> DecisionSteps:
        who = self._alive[name]
        count = int(who.sum())
        masks = [np.zeros((count, size), bool) for size in self.manner.branches]
        if self.manner.masked:
            for mask in masks:
                mask[:, 0] = self._rng.random(count) < 0.3
        return DecisionSteps(
            self._seen(name, who),
            self._rewards(name, who),
            self._ids[name][who],
            masks or None,
            self._groups(name, who),
            np.zeros(count, np.float32),
        )

    def _end(self, name: str, who: np.ndarray) -> TerminalSteps:  # type: ignore[type-arg]
        count = int(who.sum())
        outcome = 0 if not self.manner.mates else 1 if int(name[-1]) else -1
        order = np.arange(count)
        if self.manner.backwards:  # groups alone: members keep theirs
            order = np.argsort(-np.argwhere(who)[:, 0], kind="stable")
        groups = self._groups(name, who)
        return TerminalSteps(
            [seen[order] for seen in self._seen(name, who)],
            self._rewards(name, who)[order],
            np.full(count, self._step % 3 == 0),
            self._ids[name][who][order],
            [groups[row] for row in order],
            np.full(count, np.float32(outcome)),
        )
