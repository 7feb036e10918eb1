"""The fields of an ML-Agents environment as the arena plays on them: the policies of both teams are ours.

What differs from the embedded fields: episodes follow each other by themselves, and nobody can say how one begins. So a
kick-off only acknowledges that a field's next episode has begun, the two matches of a pair share no kick-off, and a
field whose episode is already under way plays it to its end first, which counts for nothing (`VOID`).
Sources: ML-Agents `SoccerEnvController.cs` (both groups of a field are made one after the other, and end together),
`MultiAgentGroupIdCounter.cs`, `Agent.cs` (an agent has a new id in every episode, a group keeps its own).
"""

import re
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from mlagents_envs.base_env import ActionTuple, BaseEnv, BehaviorSpec
from numpy.typing import NDArray

from trials.arena.matches.match import VOID
from trials.errors import LostTrial, SetupError
from trials.soccer.constants import (
    AGENTS,
    BACK_SIZE,
    BLUE_SCORED,
    FORWARD_SIZE,
    OBSERVATION_SIZE,
    PURPLE_SCORED,
    RUNNING,
    TIMEOUT,
)

TEAM = AGENTS // 2
MESSAGES_MOST = 1000
"""Messages in a row in which nobody is to decide: each field may end in one of its own, so many, but not for ever."""
MEND = "name an executable of SoccerTwos"


class UnityFields:
    """All fields of `env`, which it resets; `lend` gives them to one `match.play` after the other.

    Field i has the i-th blue and the i-th purple group by id; every end that is played checks it. A team's first body
    is the agent with the lower id of the episode, so the order of agents in a message means nothing.
    """

    def __init__(self, env: BaseEnv, version: str) -> None:
        """`version` is what matches here are stamped with. Raises SetupError where it is not two against two."""
        self.version = version
        self._env = env
        env.reset()
        self._await_agents()
        self._names = _teams(env.behavior_specs)
        self._at = [_places(name, env.behavior_specs[name]) for name in self._names]
        self._groups = [_groups(name, np.asarray(env.get_steps(name)[0].group_id)) for name in self._names]
        self.total = len(self._groups[0])
        if len(self._groups[1]) != self.total:
            raise SetupError(
                f"both teams must have as many groups, but there are {self.total} and {len(self._groups[1])}; {MEND}"
            )
        self.n = self.total
        self._order = [np.zeros(TEAM * self.total, np.intp) for _ in (0, 1)]
        self._seen = np.zeros((self.total, AGENTS, OBSERVATION_SIZE), np.float32)
        self._fresh = np.ones(self.total, bool)
        self._stale = np.zeros(self.total, bool)
        self._look()

    def lend(self, most: int) -> Self:
        """These fields, at most `most` of them: the first `n`. The others play on, their agents standing still."""
        self.n = min(most, self.total)
        return self

    def kick_off(self, seeds: NDArray[np.uint64], which: NDArray[np.intp] | None = None) -> None:
        """Acknowledge the episodes that begin on fields `which`, all if None; `seeds` are without effect."""
        at = np.arange(self.n) if which is None else which
        self._stale[at] = ~self._fresh[at]

    def observe(self, which: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """(n, 4, 336) float32, as `Fields.observe`; of all fields, whichever are asked for."""
        return self._seen[: self.n]

    def advance(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        """Play one decision step with actions (n, 4, 3) in {0, 1, 2}; outcomes (n,), VOID where an episode ended that
        was under way when its field was kicked off. Raises SetupError where an end is none of SoccerTwos, LostTrial,
        and mlagents' own exceptions."""
        for team, name in enumerate(self._names):
            given = np.zeros((self.total, TEAM, 3), np.int32)
            given[: self.n] = actions[:, TEAM * team : TEAM * (team + 1)]
            sent = np.empty((self.total * TEAM, 3), np.int32)
            sent[self._order[team]] = given.reshape(-1, 3)
            self._env.set_actions(name, ActionTuple(discrete=sent))
        self._step()
        outcomes = self._await_decisions()
        self._look()
        self._fresh = outcomes != RUNNING
        outcomes[self._fresh & self._stale] = VOID
        return outcomes[: self.n]

    def _step(self) -> None:
        try:
            self._env.step()
        except RuntimeError as error:  # mlagents_envs rpc_utils, _raise_on_nan_and_inf
            raise LostTrial(f"an executable must send finite numbers, but: {error}; run it again") from error

    def _await_agents(self) -> None:
        """Take messages until somebody is to decide; in the first of them are all."""
        for _ in range(MESSAGES_MOST):
            if any(len(self._env.get_steps(name)[0]) for name in self._env.behavior_specs):
                return
            self._step()
        raise SetupError(f"an executable must have agents that decide, but none came in {MESSAGES_MOST} steps; {MEND}")

    def _await_decisions(self) -> NDArray[np.int8]:
        """Take messages until all are to decide: Unity sends ends in messages of their own. Outcomes (total,)."""
        ended = np.zeros((2, self.total), bool)
        interrupted = np.zeros(self.total, bool)
        reward = np.zeros((2, self.total), np.float32)
        for _ in range(MESSAGES_MOST):
            asking = 0
            for team, name in enumerate(self._names):
                decisions, ends = self._env.get_steps(name)
                asking += len(decisions)
                if len(ends):
                    fields = self._fields(team, np.asarray(ends.group_id))
                    ended[team, fields], reward[team, fields] = True, ends.group_reward
                    interrupted[fields] = ends.interrupted
            if asking == AGENTS * self.total:
                return _outcomes(ended, interrupted, reward)
            if asking:
                raise SetupError(
                    f"all {AGENTS * self.total} agents must decide together, but {asking} did; {MEND} as Unity ships it"
                )
            self._step()
        raise LostTrial(f"agents must decide again, but none did in {MESSAGES_MOST} messages; run it again")

    def _look(self) -> None:
        """Put what everyone sees in its field's and its body's place, each observation where its width belongs."""
        for team, name in enumerate(self._names):
            steps = self._env.get_steps(name)[0]
            groups = np.asarray(steps.group_id)  # mlagents has a list
            self._order[team] = order = np.lexsort((steps.agent_id, groups))
            if not np.array_equal(groups[order], np.repeat(self._groups[team], TEAM)):
                raise SetupError(f"the groups of {name} must stay two agents each, but they changed; {MEND}")
            for at, place in self._at[team]:
                seen = steps.obs[at][order].reshape(self.total, TEAM, -1)
                self._seen[:, TEAM * team : TEAM * (team + 1), place] = seen

    def _fields(self, team: int, groups: NDArray[Any]) -> NDArray[np.intp]:
        """The fields of groups that a message names."""
        fields = np.minimum(np.searchsorted(self._groups[team], groups), self.total - 1)
        if (self._groups[team][fields] != groups).any():
            raise SetupError(f"a field's groups must stay, but new ones ended: {sorted(set(groups.tolist()))}; {MEND}")
        return fields


def _outcomes(
    ended: NDArray[np.bool_], interrupted: NDArray[np.bool_], reward: NDArray[np.float32]
) -> NDArray[np.int8]:
    """Outcomes (fields,) of ends and group rewards (2, fields): scorers get more than nothing, the others less."""
    alone = np.flatnonzero(ended[0] != ended[1])
    if alone.size:
        raise SetupError(
            "the groups of a field must end together and be numbered in the fields' order, but of the groups"
            f" in place {int(alone[0]) + 1} of each team only one ended; {MEND}"
        )
    goal = ended[0] & ~interrupted
    unclear = np.flatnonzero(goal & ~(reward[0] * reward[1] < 0))
    if unclear.size:
        raise SetupError(
            "an episode must end by a goal, rewarding one team and punishing the other, or by a timeout, but one ended"
            f" with group rewards {reward[0, unclear[0]]:g} and {reward[1, unclear[0]]:g}; {MEND}"
        )
    scored = np.where(reward[0] > 0, BLUE_SCORED, PURPLE_SCORED)
    return np.where(goal, scored, np.where(ended[0], TIMEOUT, RUNNING)).astype(np.int8)


def _teams(specs: Mapping[str, BehaviorSpec]) -> tuple[str, str]:
    """The names of the blue and the purple behavior."""
    found = {match[2]: match[1] for name in specs if (match := re.fullmatch(r"(.*)\?team=(\d+)", name))}
    if len(specs) != 2 or found.keys() != {"0", "1"} or found["0"] != found["1"]:
        raise SetupError(f"there must be one behavior in two teams, 0 and 1, but there are {', '.join(specs)}; {MEND}")
    return f"{found['0']}?team=0", f"{found['0']}?team=1"


def _places(name: str, spec: BehaviorSpec) -> tuple[tuple[int, slice], ...]:
    """Which observation belongs where in the 336 numbers: forward rays, then back."""
    shapes = [tuple(each.shape) for each in spec.observation_specs]
    if sorted(shapes) != [(BACK_SIZE,), (FORWARD_SIZE,)]:
        raise SetupError(
            f"{name} must observe {FORWARD_SIZE} and {BACK_SIZE} numbers, but observes"
            f" {', '.join('x'.join(map(str, shape)) for shape in shapes)}; {MEND}"
        )
    actions = spec.action_spec
    if actions.continuous_size or tuple(actions.discrete_branches) != (3, 3, 3):
        raise SetupError(
            f"{name} must act in three branches of three, but has {list(actions.discrete_branches)} and"
            f" {actions.continuous_size} continuous actions; {MEND}"
        )
    return (
        (shapes.index((FORWARD_SIZE,)), slice(0, FORWARD_SIZE)),
        (shapes.index((BACK_SIZE,)), slice(FORWARD_SIZE, OBSERVATION_SIZE)),
    )


def _groups(name: str, ids: NDArray[Any]) -> NDArray[Any]:
    """The ids of a behavior's groups, ascending."""
    groups: NDArray[Any]
    groups, sizes = np.unique(ids, return_counts=True)
    if not len(groups) or groups[0] < 1 or set(sizes.tolist()) != {TEAM}:
        raise SetupError(
            f"{name} must play in groups of {TEAM} agents, but has {len(ids)} agents in groups of"
            f" {sorted(set(sizes.tolist())) if len(groups) and groups[0] > 0 else 'none'}; {MEND}"
        )
    return groups
