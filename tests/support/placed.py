"""Fields of SoccerTwos set to a state of a test's own, and driven a physics step at a time as recordings were."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trials.soccer import rules
from trials.soccer.game import Fields


def put(fields: Fields, field: int, ball: ArrayLike, agents: ArrayLike) -> None:
    """Start an episode of one field from a given state: ball (9,) and agents (4, 5), columns as in `Fields`."""
    fields.kick_off(np.zeros(1, np.uint64), np.array([field]))
    fields.ball[field] = ball
    given = np.asarray(agents, np.float64)
    fields.agents[field, :, : rules.SIN] = given
    fields.agents[field, :, rules.SIN] = np.sin(given[:, rules.YAW])
    fields.agents[field, :, rules.COS] = np.cos(given[:, rules.YAW])


def physics(fields: Fields, actions: NDArray[np.integer[Any]]) -> None:
    """One physics step of every field, clock and outcome left alone."""
    fields.touches[:] = 0
    for field in range(fields.n):
        rules.physics_step(fields._state, actions.astype(np.int8), field, fields._scratch)
