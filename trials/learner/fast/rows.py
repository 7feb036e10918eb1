"""One behavior's agents as rows of arrays, in which experiences are laid down step by step until they are cut out.

mlagents 1.1.0 `trainers/agent_processor.py` keeps the same in dictionaries of small objects, an agent each.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trials.learner.fast.columns import Array
from trials.learner.fast.trajectories import Cut

FIRST_ROOM = 64
"""Experiences a row has room for at first; it doubles when that is full, up to the time horizon."""
Rows = NDArray[np.intp]


class Store:
    """Experiences of n agents, (n, room, ...) an array; `length` (n,) of them are laid down in each row."""

    def __init__(self, n: int, most: int) -> None:
        self._n, self._most, self._room = n, most, min(FIRST_ROOM, most)
        self._arrays: list[Array] = []
        self.length = np.zeros(n, np.intp)

    def lay(self, rows: Rows, values: list[Array]) -> None:
        """Put one experience behind those of each of `rows`: values[k][i] for rows[i]; ever the same kinds."""
        if not self._arrays:
            self._arrays = [np.zeros((self._n, self._room, *v.shape[1:]), v.dtype) for v in values]
        at = self.length[rows]
        if at.max() >= self._room:
            self._grow()
        places = rows * self._room + at
        for array, value in zip(self._arrays, values, strict=True):
            array.reshape(self._n * self._room, *value.shape[1:])[places] = value
        self.length[rows] += 1

    def clear(self) -> None:
        """Give the room back, where no row has anything: the team may have to wait for its turn to learn."""
        if not self.length.any():
            self._arrays, self._room = [], min(FIRST_ROOM, self._most)

    def _grow(self) -> None:
        room = min(2 * self._room, self._most)
        for k, array in enumerate(self._arrays):
            self._arrays[k] = np.zeros((self._n, room, *array.shape[2:]), array.dtype)
            self._arrays[k][:, : self._room] = array
        self._room = room

    def cut(self, row: int, n_obs: int, masked: bool, interrupted: bool) -> Cut:
        """A copy of what lies in a row, in the order in which Agents lays it down."""
        arrays = [array[row, : self.length[row]].copy() for array in self._arrays]
        mask = arrays.pop() if masked else None
        continuous, discrete, continuous_log_probs, discrete_log_probs, previous, reward, group_reward, done = arrays[
            n_obs:
        ]
        return Cut(
            obs=arrays[:n_obs],
            continuous=continuous,
            discrete=discrete,
            continuous_log_probs=continuous_log_probs,
            discrete_log_probs=discrete_log_probs,
            mask=mask,
            prev_action=previous,
            reward=reward,
            group_reward=group_reward,
            done=done,
            interrupted=interrupted,
        )


class Group:
    """Who is who: agents by row, and each one's group mates."""

    def __init__(self, ids: ArrayLike, groups: ArrayLike) -> None:
        self.ids, self.groups = np.array(ids, np.int32), np.array(groups, np.int32)  # groups: a list, over the wire
        self.row = {int(agent): row for row, agent in enumerate(self.ids)}
        self.listed = list(self.row)
        members: dict[int, list[int]] = {}
        of = self.groups.tolist()
        for row, group in enumerate(of):
            members.setdefault(group if group > 0 else -1 - row, []).append(row)  # 0: of no group
        self.mates = [[mate for mate in members[g if g > 0 else -1 - row] if mate != row] for row, g in enumerate(of)]
        self.size = len(next(iter(members.values()))) if len({len(m) for m in members.values()}) == 1 else 0
        """Agents of each group, 0 where groups differ in it."""

    def whole(self, rows: Rows) -> bool:
        """Whether `rows` are whole groups, each in the order of its members."""
        place = np.full(len(self.ids), -1)
        place[rows] = np.arange(len(rows))
        for row in rows.tolist():
            spots = [place[member] for member in sorted([row, *self.mates[row]])]
            if min(spots) < 0 or spots != sorted(spots):
                return False
        return True
