"""What the agents see: sphere casts at the height of the heads, written into stacks of three, oldest first."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from trials.soccer import walls
from trials.soccer.compiled import compiled
from trials.soccer.constants import (
    AGENT_RADIUS,
    AGENTS,
    BACK_RAYS,
    BALL_RADIUS,
    FORWARD_RAYS,
    FORWARD_SIZE,
    OBSERVATION_SIZE,
    RAY_FLOATS,
    RAY_LENGTH,
    RAY_RADIUS,
    RAY_RISE,
    STACKS,
    TAGS,
    WALLS,
)

Array = NDArray[np.float64]

BALL_SEEN, OWN_GOAL_SEEN, GOAL_SEEN, WALL_SEEN, MATE_SEEN, OPPONENT_SEEN, NOTHING_SEEN = range(TAGS + 1)
DISTANCE = TAGS + 1

_angles = np.deg2rad(np.array(FORWARD_RAYS + BACK_RAYS, dtype=np.float64))
RAYS, FORWARD = len(_angles), len(FORWARD_RAYS)
LANES = 16  # rays are computed in whole vectors; the last two are not used
RIGHT, AHEAD = np.ones(LANES), np.zeros(LANES)  # direction of each ray in the agent's own frame
RIGHT[:RAYS], AHEAD[:RAYS] = np.cos(_angles), np.sin(_angles)
FORWARD_FRAME, BACK_FRAME = FORWARD * RAY_FLOATS, (RAYS - FORWARD) * RAY_FLOATS
NEW_FORWARD, NEW_BACK = FORWARD_FRAME * (STACKS - 1), OBSERVATION_SIZE - BACK_FRAME  # where the newest frames begin

# Squared distance of centres, in the plane, at which the cast sphere touches: it flies above the bodies' centres.
BALL_SQUARE = (BALL_RADIUS + RAY_RADIUS) ** 2 - RAY_RISE**2
AGENT_SQUARE = (AGENT_RADIUS + RAY_RADIUS) ** 2 - RAY_RISE**2

SIDES = 2  # walls 0 and 1 are the sides, those after them the corners
TOUCHED = 1e-6  # m: what the cast sphere already touches is not seen; a pressed agent rests this close to its wall
CLEAR = 0.03  # m: nearer than this to a corner wall, or in a goal, every box of that end is tried
FACE = 0.6  # m: a ray that leaves through a wall's face nearer to its end tries the boxes there, one by one
AWAY = -1.0
SCRATCH = 5  # rows of LANES floats that `look` works in

# The tag of each box as a member of team 0 and of team 1 sees it.
SEEN = np.array([[WALL_SEEN, OWN_GOAL_SEEN, GOAL_SEEN], [WALL_SEEN, GOAL_SEEN, OWN_GOAL_SEEN]], np.float64)[
    :, walls.TAG
]


@compiled
def _boxes(x: float, z: float, dx: float, dz: float, first: int, last: int, near: float, box: int) -> tuple[float, int]:
    """Nearest of boxes first..last-1 along a ray, or what was given where that is nearer: (distance, box)."""
    for k in range(first, last):
        t, _, _ = walls.sweep(k, x, z, dx, dz, RAY_RADIUS, TOUCHED)
        if t < near:
            near, box = t, k
    return near, box


@compiled
def _end(x: float, z: float, dx: float, dz: float, east: bool) -> tuple[float, int]:
    """Nearest box along a ray, of the walls and of the net of one end of the field."""
    near, box = _boxes(x, z, dx, dz, 0, WALLS, RAY_LENGTH, -1)
    net = WALLS + 3 if east else WALLS
    return _boxes(x, z, dx, dz, net, net + 3, near, box)


@compiled
def _faces(x: float, z: float, dx: Array, dz: Array, near: Array, hit: Array) -> None:
    """Where rays meet the lines of the walls' inner faces; a wall already touched is looked through."""
    for r in range(LANES):
        near[r], hit[r] = 1e9, 0.0
    for k in range(WALLS):
        nx, nz, wall = walls.NORMAL_X[k], walls.NORMAL_Z[k], float(k)
        room = nx * x + nz * z + walls.OFFSET[k] - RAY_RADIUS
        if room <= TOUCHED:
            room, wall = 0.0, AWAY
        for r in range(LANES):
            closing = -(nx * dx[r] + nz * dz[r])
            t = room / closing
            nearer = (closing > 1e-9) & (t < near[r])
            near[r] = t if nearer else near[r]
            hit[r] = wall if nearer else hit[r]


@compiled
def _ring(x: float, z: float, dx: Array, dz: Array, near: Array, hit: Array) -> None:
    """Distance to the nearest box of the ring along every ray, and which it is, AWAY for none."""
    if walls.corner_room(x, z) < RAY_RADIUS + CLEAR:
        for r in range(RAYS):
            near[r], box = _end(x, z, dx[r], dz[r], x > 0.0)
            hit[r] = float(box)
        return
    _faces(x, z, dx, dz, near, hit)
    for r in range(RAYS):
        k = int(hit[r])
        if k < 0:  # through a touched side: behind it are only the backs of its two corners
            first = SIDES if z > 0.0 else SIDES + 2
            near[r], box = _boxes(x, z, dx[r], dz[r], first, first + 2, RAY_LENGTH, -1)
            hit[r] = float(box)
            continue
        px, pz = x + near[r] * dx[r], z + near[r] * dz[r]
        if abs(walls.COS[k] * (px - walls.X[k]) - walls.SIN[k] * (pz - walls.Z[k])) > walls.HALF_X[k] - FACE:
            near[r], box = _end(x, z, dx[r], dz[r], px > 0.0)
            hit[r] = float(box)
        elif near[r] >= RAY_LENGTH:
            near[r], hit[r] = RAY_LENGTH, AWAY


@compiled
def _body(px: float, pz: float, square: float, tag: float, dx: Array, dz: Array, near: Array, seen: Array) -> None:
    """Rays against a body at (px, pz) from their start, which they touch at the squared distance `square`."""
    beyond = px * px + pz * pz - square
    if beyond <= 0.0:  # touched at the start: not seen
        return
    for r in range(LANES):
        b = px * dx[r] + pz * dz[r]
        under = b * b - beyond
        t = b - sqrt(max(under, 0.0))
        nearer = (b > 0.0) & (under >= 0.0) & (t < near[r])
        near[r] = t if nearer else near[r]
        seen[r] = tag if nearer else seen[r]


@compiled
def _push(row: NDArray[np.float32], near: Array, seen: Array) -> None:
    """Push a frame onto one agent's stacks."""
    for at in range(NEW_FORWARD):
        row[at] = row[at + FORWARD_FRAME]
    for at in range(FORWARD_SIZE, NEW_BACK):
        row[at] = row[at + BACK_FRAME]
    for at in range(NEW_FORWARD, FORWARD_SIZE):
        row[at] = 0.0
    for at in range(NEW_BACK, OBSERVATION_SIZE):
        row[at] = 0.0
    for r in range(RAYS):
        at = NEW_FORWARD + r * RAY_FLOATS if r < FORWARD else NEW_BACK + (r - FORWARD) * RAY_FLOATS
        row[at + int(seen[r])] = 1.0
        row[at + DISTANCE] = near[r] / RAY_LENGTH


@compiled
def look(ball: Array, agents: Array, f: int, i: int, row: NDArray[np.float32], scratch: Array) -> None:
    """Push what agent i of field f sees now onto its stacks, row (336,)."""
    dx, dz, near, hit, seen = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    x, z = agents[f, i, 0], agents[f, i, 1]
    s, c = agents[f, i, 5], agents[f, i, 6]
    for r in range(LANES):
        dx[r], dz[r] = RIGHT[r] * c + AHEAD[r] * s, AHEAD[r] * c - RIGHT[r] * s
    _ring(x, z, dx, dz, near, hit)
    team = i // 2
    for r in range(RAYS):
        seen[r] = SEEN[team, int(hit[r])] if hit[r] >= 0.0 else float(NOTHING_SEEN)
    _body(ball[f, 0] - x, ball[f, 1] - z, BALL_SQUARE, float(BALL_SEEN), dx, dz, near, seen)
    for j in range(AGENTS):
        if j != i:
            tag = float(MATE_SEEN) if j // 2 == team else float(OPPONENT_SEEN)
            _body(agents[f, j, 0] - x, agents[f, j, 1] - z, AGENT_SQUARE, tag, dx, dz, near, seen)
    _push(row, near, seen)


@compiled
def look_all(ball: Array, agents: Array, which: NDArray[np.intp], out: NDArray[np.float32], scratch: Array) -> None:
    """Every agent of fields `which` looks once; out (fields, 4, 336)."""
    for f in which:
        for i in range(AGENTS):
            look(ball, agents, f, i, out[f, i], scratch)
