"""The start of an episode, as a pure function of a seed."""

from math import cos, sin

import numpy as np
from numpy.typing import NDArray

from trials.soccer.compiled import compiled
from trials.soccer.constants import AGENTS, BALL_SPREAD, RUNNING, START_X, START_X_SPREAD, START_YAW, START_Z
from trials.soccer.friction import FIRST, NONE
from trials.soccer.rules import COS, SIN, YAW, State, X, Z

# splitmix64 (Steele, Lea, Flood 2014), counted instead of iterated: draw k of a seed needs no draw before it
STEP = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_0, SHIFT_1, SHIFT_2, SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
UNIT = 2.0**-53


@compiled
def uniform(seed: np.uint64, draw: int, low: float, high: float) -> float:
    """Draw number `draw` of a seed, uniform in [low, high)."""
    z = seed + np.uint64(draw + 1) * STEP
    z = (z ^ (z >> SHIFT_0)) * MIX_1
    z = (z ^ (z >> SHIFT_1)) * MIX_2
    z = z ^ (z >> SHIFT_2)
    return low + (high - low) * float(z >> SHIFT_3) * UNIT


@compiled
def kick_off(state: State, which: NDArray[np.intp], seeds: NDArray[np.uint64], seen: NDArray[np.float32]) -> None:
    """Put field which[i] at the start of an episode drawn from seeds[i]; its stacks of observations are emptied."""
    for at in range(len(which)):
        f, seed = which[at], seeds[at]
        ball, agents = state.ball, state.agents
        ball[f, :] = 0.0
        ball[f, X] = uniform(seed, 0, -BALL_SPREAD, BALL_SPREAD)
        ball[f, Z] = uniform(seed, 1, -BALL_SPREAD, BALL_SPREAD)
        for i in range(AGENTS):
            side = -1.0 if i < AGENTS // 2 else 1.0
            yaw = -side * uniform(seed, 3 + 2 * i, START_YAW[0], START_YAW[1])
            agents[f, i, :] = 0.0
            agents[f, i, X] = side * START_X + uniform(seed, 2 + 2 * i, -START_X_SPREAD, START_X_SPREAD)
            agents[f, i, Z] = START_Z if i % 2 == 0 else -START_Z
            agents[f, i, YAW], agents[f, i, SIN], agents[f, i, COS] = yaw, sin(yaw), cos(yaw)
        state.grips[f, 0, FIRST] = NONE
        state.touching[f], state.timer[f], state.outcome[f] = 0, 0, RUNNING
        state.decisions[f], state.gone[f] = 0, 0
        state.touches[f] = 0
        seen[f] = 0.0
