"""A trajectory as arrays: what stands for Trajectory, and becomes a buffer of columns.

Source: mlagents 1.1.0 `trainers/trajectory.py`. Every field holds the values that Trajectory.to_agentbuffer would
append one by one; nothing is computed, so no bit can differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from mlagents.trainers.buffer import BufferKey
from mlagents.trainers.torch_entities.action_log_probs import LogProbsTuple
from mlagents.trainers.trajectory import AgentExperience, AgentStatus, GroupObsUtil, ObsUtil
from mlagents_envs.base_env import ActionTuple

from trials.learner.fast.buffers import ColumnBuffer
from trials.learner.fast.columns import Array, Column, Mates


@dataclass(frozen=True)
class Cut:
    """What one agent saw and did from one experience to another: n experiences, arrays (n, ...) each."""

    obs: list[Array]
    continuous: Array
    discrete: Array
    continuous_log_probs: Array
    discrete_log_probs: Array
    mask: Array | None
    """(n, all actions of all branches) bool, True: not allowed. None: the environment sent none."""
    prev_action: Array
    reward: Array
    group_reward: Array
    done: Array
    interrupted: bool
    """Whether the last experience was cut short, as by a time limit."""

    def __len__(self) -> int:
        return len(self.reward)

    def status(self, at: int) -> AgentStatus:
        """What its group mates are told of it."""
        action = ActionTuple(continuous=self.continuous[at], discrete=self.discrete[at])
        return AgentStatus([obs[at] for obs in self.obs], self.reward[at], action, bool(self.done[at]))


class Counted(Sequence[Any]):
    """The experiences of a trajectory that nobody is to learn from: their number is all that is known."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        raise LookupError("the experiences of a team that does not learn are counted, not kept")


class Experiences(Sequence[Any]):
    """The experiences of a trajectory one by one, each made when it is asked for."""

    def __init__(self, own: Cut, mates: Sequence[Cut], widths: Sequence[int]) -> None:
        self._own, self._mates, self._widths = own, mates, widths

    def __len__(self) -> int:
        return len(self._own)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        own, at = self._own, range(len(self))[index]
        status = own.status(at)
        edges = np.cumsum(self._widths)[:-1]
        return AgentExperience(
            obs=status.obs,
            reward=status.reward,
            done=status.done,
            action=status.action,
            action_probs=LogProbsTuple(continuous=own.continuous_log_probs[at], discrete=own.discrete_log_probs[at]),
            action_mask=None if own.mask is None else np.split(own.mask[at], edges),
            prev_action=own.prev_action[at],
            interrupted=own.interrupted and at == len(self) - 1,
            memory=None,
            group_status=[mate.status(at) for mate in self._mates],
            group_reward=own.group_reward[at],
        )


@dataclass(frozen=True)
class ColumnTrajectory:
    """One agent's experiences up to an end of its episode or to the time horizon."""

    agent_id: str
    behavior_id: str
    steps: Sequence[Any]
    own: Cut
    mates: Sequence[Cut]
    next_obs: list[Array]
    next_group_obs: list[list[Array]]

    @property
    def done_reached(self) -> bool:
        """As `Trajectory.done_reached`."""
        return bool(self.own.done[-1])

    @property
    def all_group_dones_reached(self) -> bool:
        """As `Trajectory.all_group_dones_reached`."""
        return all(mate.done[-1] for mate in self.mates)

    @property
    def interrupted(self) -> bool:
        """As `Trajectory.interrupted`."""
        return self.own.interrupted

    def to_agentbuffer(self) -> ColumnBuffer:
        """The fields of Trajectory.to_agentbuffer, each made when it is read."""
        buffer = ColumnBuffer()
        for i in range(len(self.own.obs)):
            buffer._fields.update(self._seen(i))
        buffer._fields.update(self._done_by_mates())
        buffer._fields.update(self._done())
        return buffer

    def _column(self, make: Callable[[], Array]) -> Column:
        return Column(len(self.own), make)

    def _mates(self, make: Callable[[Cut], Array]) -> Mates:
        return Mates([self._column(partial(make, mate)) for mate in self.mates], len(self.own))

    def _seen(self, i: int) -> dict[Any, Column]:
        """Observation i of the agent and of its mates, now and next."""
        following = [
            self._column(partial(_next, mate.obs[i], obs[i]))
            for mate, obs in zip(self.mates, self.next_group_obs, strict=True)
        ]
        return {
            ObsUtil.get_name_at(i): self._column(lambda: self.own.obs[i]),
            ObsUtil.get_name_at_next(i): self._column(lambda: _next(self.own.obs[i], self.next_obs[i])),
            GroupObsUtil.get_name_at(i): self._mates(lambda mate: mate.obs[i]),
            GroupObsUtil.get_name_at_next(i): Mates(following, len(self.own)),
        }

    def _done_by_mates(self) -> dict[Any, Column]:
        return {
            BufferKey.GROUP_CONTINUOUS_ACTION: self._mates(lambda mate: mate.continuous),
            BufferKey.GROUP_DISCRETE_ACTION: self._mates(lambda mate: mate.discrete),
            BufferKey.GROUPMATE_REWARDS: self._mates(lambda mate: mate.reward),
            BufferKey.GROUP_NEXT_CONT_ACTION: self._mates(lambda mate: _next(mate.continuous, mate.continuous[-1])),
            BufferKey.GROUP_NEXT_DISC_ACTION: self._mates(lambda mate: _next(mate.discrete, mate.discrete[-1])),
            BufferKey.GROUP_DONES: self._mates(lambda mate: mate.done),
        }

    def _done(self) -> dict[Any, Column]:
        own = self.own
        return {
            BufferKey.GROUP_REWARD: self._column(lambda: own.group_reward),
            BufferKey.MASKS: self._column(lambda: np.ones(len(own))),
            BufferKey.DONE: self._column(lambda: own.done),
            BufferKey.CONTINUOUS_ACTION: self._column(lambda: own.continuous),
            BufferKey.DISCRETE_ACTION: self._column(lambda: own.discrete),
            BufferKey.NEXT_CONT_ACTION: self._column(lambda: _next(own.continuous, 0)),
            BufferKey.NEXT_DISC_ACTION: self._column(lambda: _next(own.discrete, 0)),
            BufferKey.CONTINUOUS_LOG_PROBS: self._column(lambda: own.continuous_log_probs),
            BufferKey.DISCRETE_LOG_PROBS: self._column(lambda: own.discrete_log_probs),
            BufferKey.ACTION_MASK: self._column(lambda: _allowed(own)),
            BufferKey.PREV_ACTION: self._column(lambda: own.prev_action),
            BufferKey.ENVIRONMENT_REWARDS: self._column(lambda: own.reward),
        }


def _next(entries: Array, last: Any) -> Array:
    """Each experience's successor, and `last` for the last."""
    following = np.empty_like(entries)
    following[:-1] = entries[1:]
    following[-1] = last
    return following


def _allowed(cut: Cut) -> Array:
    """1 where an action is allowed; mlagents makes integers of an environment's masks."""
    return np.ones(cut.discrete.shape, np.float32) if cut.mask is None else 1 - cut.mask
