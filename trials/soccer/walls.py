"""The ring of walls and nets as arrays, and the one query both contact and sight need: a moving disc against a box."""

from math import sqrt

import numpy as np

from trials.soccer.compiled import compiled, inlined
from trials.soccer.constants import RING, WALLS

_boxes = np.array(RING)
_yaw = np.deg2rad(_boxes[:, 4])
BOXES = len(RING)
X, Z = _boxes[:, 0].copy(), _boxes[:, 1].copy()
HALF_X, HALF_Z = _boxes[:, 2] / 2, _boxes[:, 3] / 2
THIN = np.minimum(HALF_X, HALF_Z)
COS, SIN = np.cos(_yaw), np.sin(_yaw)  # own x axis is (cos, -sin), own z axis is (sin, cos)
TAG = _boxes[:, 5].astype(np.int64)

# Inner faces of the walls as lines: NORMAL . p + OFFSET is the distance to the inside, positive within the field.
_inward = -np.sign(SIN * X + COS * Z)
NORMAL_X, NORMAL_Z = (_inward * SIN)[:WALLS].copy(), (_inward * COS)[:WALLS].copy()
OFFSET = -(NORMAL_X * X[:WALLS] + NORMAL_Z * Z[:WALLS]) - HALF_Z[:WALLS]

CORNER_X, CORNER_Z = abs(NORMAL_X[2]), abs(NORMAL_Z[2])
SAFE_SIDE = min(OFFSET[0], OFFSET[1]) - 0.005
SAFE_END = float((np.abs(X) - HALF_X)[WALLS:].min()) - 0.005  # where the nets and goal floors begin
SAFE_CORNER = OFFSET[2:].min() - 0.005


@inlined
def inside(x: float, z: float, reach: float) -> bool:
    """Whether a disc of radius `reach` surely touches no wall, net or goal floor: quick, and a few mm too careful."""
    x, z = abs(x), abs(z)
    return x + reach < SAFE_END and z + reach < SAFE_SIDE and CORNER_X * x + CORNER_Z * z + reach < SAFE_CORNER


@compiled
def corner_room(x: float, z: float) -> float:
    """Distance to the nearest inner face of the four corner walls (m): negative in a goal."""
    nearest = 1e9
    for k in range(2, WALLS):
        nearest = min(nearest, NORMAL_X[k] * x + NORMAL_Z[k] * z + OFFSET[k])
    return nearest


@compiled
def sweep(k: int, x: float, z: float, dx: float, dz: float, radius: float, slack: float) -> tuple[float, float, float]:
    """Travel of a disc from (x, z) along unit (dx, dz) until it meets box k, with the normal there: (t, nx, nz).

    t is 1e9 where it never does, or where the disc is within `slack` of the box at the start."""
    miss = (1e9, 0.0, 0.0)
    c, s = COS[k], SIN[k]
    px, pz = c * (x - X[k]) - s * (z - Z[k]), s * (x - X[k]) + c * (z - Z[k])
    ux, uz = c * dx - s * dz, s * dx + c * dz
    hx, hz = HALF_X[k], HALF_Z[k]
    ox, oz = max(abs(px) - hx, 0.0), max(abs(pz) - hz, 0.0)
    if ox * ox + oz * oz <= (radius + slack) * (radius + slack):
        return miss
    # slabs of the box grown by the radius
    enter, leave, on_x = -1e9, 1e9, False
    if ux != 0.0:
        enter, leave, on_x = (-(hx + radius) * np.sign(ux) - px) / ux, ((hx + radius) * np.sign(ux) - px) / ux, True
    elif abs(px) > hx + radius:
        return miss
    if uz != 0.0:
        enter_z = (-(hz + radius) * np.sign(uz) - pz) / uz
        leave = min(leave, ((hz + radius) * np.sign(uz) - pz) / uz)
        if enter_z > enter:
            enter, on_x = enter_z, False
    elif abs(pz) > hz + radius:
        return miss
    if enter > leave or leave < 0.0:
        return miss
    qx, qz = px + max(enter, 0.0) * ux, pz + max(enter, 0.0) * uz
    if abs(qx) > hx and abs(qz) > hz:  # rounded corner
        ex, ez = px - np.copysign(hx, qx), pz - np.copysign(hz, qz)
        b = -(ex * ux + ez * uz)
        under = b * b - (ex * ex + ez * ez - radius * radius)
        if under < 0.0 or b <= 0.0:
            return miss
        t = b - sqrt(under)
        nx, nz = (ex + t * ux) / radius, (ez + t * uz) / radius
    elif enter < 0.0:  # within the grown box but outside the rounded one, moving away from its corner
        return miss
    elif on_x:
        t, nx, nz = enter, -np.sign(ux), 0.0
    else:
        t, nx, nz = enter, 0.0, -np.sign(uz)
    return t, c * nx + s * nz, -s * nx + c * nz
