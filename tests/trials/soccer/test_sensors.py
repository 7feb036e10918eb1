"""Rays against the plain geometry: every box tried for every ray."""

import numpy as np
from placed import put

from trials.soccer import sensors, walls
from trials.soccer.game import Fields


def thorough(x: float, z: float, dx: float, dz: float) -> float:
    """Distance to the nearest box of the ring, the slow way."""
    return min(20.0, *(walls.sweep(k, x, z, dx, dz, 0.5, sensors.TOUCHED)[0] for k in range(walls.BOXES)))


def test_the_ring_is_seen_as_trying_every_box_would() -> None:
    rng = np.random.default_rng(7)
    fields = Fields(400)
    for f in range(fields.n):
        spots = rng.uniform((-17, -7.008), (17, 7.008), (4, 2))
        spots[:, 1] *= np.where(np.abs(spots[:, 0]) > 15.4, 3.6 / 7, 1.0)
        spots[0] = (rng.uniform(-12, 12), 7.008072)  # pressed to a side
        spots[1] = (rng.uniform(14.0, 16.8) * rng.choice((-1, 1)), rng.uniform(-3.6, 3.6))  # at a goal's mouth
        put(fields, f, np.zeros(9), [[*spot, 0, 0, rng.uniform(-4, 4)] for spot in spots])
    seen = fields.observe()
    rays = np.concatenate([seen[:, :, 176:264], seen[:, :, 312:336]], axis=2).reshape(fields.n, 4, 14, 8)
    ring_seen = rays[..., 1:4].any(-1) | (rays[..., 6] == 1)
    for f, i, r in np.argwhere(ring_seen):
        x, z, yaw = fields.agents[f, i, [0, 1, 4]]
        dx = sensors.RIGHT[r] * np.cos(yaw) + sensors.AHEAD[r] * np.sin(yaw)
        dz = sensors.AHEAD[r] * np.cos(yaw) - sensors.RIGHT[r] * np.sin(yaw)
        assert abs(rays[f, i, r, 7] - thorough(x, z, dx, dz) / 20) < 1e-5, (x, z, dx, dz)


def test_a_wall_that_is_pressed_is_looked_through() -> None:
    fields = Fields(1)
    put(fields, 0, np.zeros(9), [[0, 7.008072, 0, 0, 0], [-8, -5, 0, 0, 1], [8, 5, 0, 0, 1], [8, -5, 0, 0, 1]])
    ahead = fields.observe()[0, 0, 176:184]
    assert ahead.tolist() == [0, 0, 0, 0, 0, 0, 1, 1]


def test_own_goal_and_the_opponents_are_told_apart() -> None:
    fields = Fields(1)
    agents = [[-10, 0, 0, 0, np.pi / 2], [-8, 2, 0, 0, -np.pi / 2], [10, 0, 0, 0, -np.pi / 2], [8, 4, 0, 0, np.pi / 2]]
    put(fields, 0, [0, 6, *([0] * 7)], agents)
    seen = fields.observe()[0]
    assert seen[0, 176:184].argmax() == sensors.OPPONENT_SEEN
    assert seen[2, 176:184].argmax() == sensors.OPPONENT_SEEN
    assert seen[0, 312:320].argmax() == sensors.OWN_GOAL_SEEN
    assert seen[2, 312:320].argmax() == sensors.OWN_GOAL_SEEN
    assert seen[1, 176:184].argmax() == sensors.OWN_GOAL_SEEN
    put(fields, 0, [0, 6, *([0] * 7)], [[-1, 0, 0, 0, np.pi / 2], *agents[1:2], [3, 5, 0, 0, 0], [3, -5, 0, 0, 0]])
    assert fields.observe()[0, 0, 176:184].argmax() == sensors.GOAL_SEEN
