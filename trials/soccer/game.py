"""Many fields of SoccerTwos side by side: kick off, observe, advance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trials.soccer import kickoff, rules, sensors
from trials.soccer.constants import AGENTS, OBSERVATION_SIZE


class Fields:
    """n fields as arrays; every field's course depends on its own seed and actions alone, bit for bit.

    ball (n, 9): x, z, vx, vz (m, m/s), spin x, y, z (rad/s), kick waiting x, z (m/s).
    agents (n, 4, 7): x, z, vx, vz, yaw (rad, 0 looks along +z, +pi/2 along +x), sine and cosine of yaw; in the order
    Blue, Blue(1), Purple, Purple(1).
    decisions (n,): decision steps played in the episode, 1 to 1000 at its end.
    timer (n,): physics steps of the episode. touches (n, 4): ball contacts begun by each agent in the last advance.
    outcome (n,): what `advance` returned. gone (n,): physics steps of the last decision step that belonged to the
    episode, below 5 where it ended early.
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise ValueError(f"the number of fields must be at least 1, but got {n}; ask for more")
        self.n = n
        self._state = state = rules.state(n)
        self.ball, self.agents, self.touches = state.ball, state.agents, state.touches
        self.decisions, self.timer, self.outcome, self.gone = state.decisions, state.timer, state.outcome, state.gone
        self._seen = np.zeros((n, AGENTS, OBSERVATION_SIZE), np.float32)
        self._all = np.arange(n)
        self._still = np.zeros((n, AGENTS, 3), np.int8)
        self._scratch = rules.scratch()
        self._rays = np.zeros((sensors.SCRATCH, sensors.LANES))
        self.kick_off(self._all.astype(np.uint64))

    def kick_off(self, seeds: NDArray[np.uint64], which: NDArray[np.intp] | None = None) -> None:
        """Put fields `which` (all if None) at the start of an episode: which[i] as a function of seeds[i] alone."""
        which = self._fields(which)
        seeds = np.asarray(seeds, np.uint64)
        if seeds.shape != which.shape:
            raise ValueError(f"kick_off takes one seed a field, but got {seeds.shape} seeds for {which.shape} fields")
        kickoff.kick_off(self._state, which, seeds, self._seen)

    def observe(self, which: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """(n, 4, 336) float32: [0:264] forward, [264:336] back. Looks once, in fields `which` only (all if None).

        Each look pushes a stack entry: call exactly once a decision. The array is a buffer the next call overwrites."""
        sensors.look_all(self.ball, self.agents, self._fields(which), self._seen, self._rays)
        return self._seen

    def advance(self, actions: NDArray[np.integer[Any]]) -> NDArray[np.int8]:
        """Play one decision step, 5 physics steps, with actions (n, 4, 3) in {0, 1, 2}; returns outcomes (n,).

        A field whose episode ended stands still, and its outcome is returned again, until it is kicked off. The
        outcomes are a buffer the next call overwrites."""
        rules.advance(self._state, self._valid(actions), self._scratch)
        return self.outcome

    def idle(self, which: NDArray[np.intp], steps: NDArray[np.int64]) -> None:
        """Let steps[i] physics steps of field which[i] pass without any action: the wait between a kick-off and the
        next decision where all fields decide together."""
        rules.idle(self._state, self._fields(which), steps, self._still, self._scratch)

    def _fields(self, which: NDArray[np.intp] | None) -> NDArray[np.intp]:
        if which is None:
            return self._all
        which = np.ascontiguousarray(which, np.intp)
        if len(which) and not (which.min() >= 0 and which.max() < self.n):
            raise ValueError(f"fields must be within 0..{self.n - 1}, but got {which.min()}..{which.max()}")
        return which

    def _valid(self, actions: NDArray[np.integer[Any]]) -> NDArray[np.int8]:
        shape = (self.n, AGENTS, 3)
        if actions.shape != shape or actions.dtype.kind not in "iu":
            raise ValueError(f"actions must be integers of shape {shape}, but got {actions.dtype} {actions.shape}")
        if actions.min() < 0 or actions.max() > 2:
            field, agent, branch = (int(at[0]) for at in np.nonzero((actions < 0) | (actions > 2)))
            got = actions[field, agent, branch]
            raise ValueError(f"an action must be 0, 1 or 2, but field {field} agent {agent} branch {branch} got {got}")
        return np.ascontiguousarray(actions, np.int8)
