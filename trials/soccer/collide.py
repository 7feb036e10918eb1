"""Which bodies touch: spheres against spheres, against the ring, and against the goal floors."""

from math import sqrt

from trials.soccer import walls
from trials.soccer.compiled import Floats, Ints, compiled, inlined
from trials.soccer.constants import (
    AGENT_RADIUS,
    AGENTS,
    BALL,
    BALL_RADIUS,
    BLUE_GOAL,
    CENTRE_HEIGHT,
    CONTACT_DISTANCE,
    CONTACT_POINT_ON_BALL,
    GOAL_FLOOR_HALF,
    GOAL_FLOOR_X,
    PURPLE_GOAL,
    WALLS,
)

# A contact is a row of floats, filled here up to ARM and completed by the solver. Its normal points to its first body;
# ARM is the way from that body's centre back along the normal to the contact point (m).
NX, NY, NZ, GAP, ARM = 0, 1, 2, 3, 4
SCENE = 8  # second body of a contact with box k of the ring: SCENE + k; with the goal floors: the two after
MOST_CONTACTS = 48

REACH_AGENT, REACH_BALL = AGENT_RADIUS + CONTACT_DISTANCE, BALL_RADIUS + CONTACT_DISTANCE
PAIR_AGENTS = 2 * AGENT_RADIUS + CONTACT_DISTANCE
PAIR_BALL = AGENT_RADIUS + BALL_RADIUS + CONTACT_DISTANCE
FLOOR_X, FLOOR_Z = GOAL_FLOOR_HALF
MIDFIELD = 12.0  # m, |x| below which a sphere reaches the sides alone; the corner walls begin at 13.06 m


@inlined
def _put(
    rows: Floats, bodies: Ints, n: int, first: int, second: int, nx: float, ny: float, nz: float, gap: float, arm: float
) -> int:
    bodies[n, 0], bodies[n, 1] = first, second
    rows[n, NX], rows[n, NY], rows[n, NZ], rows[n, GAP], rows[n, ARM] = nx, ny, nz, gap, arm
    return n + 1


@inlined
def pairs(ball: Floats, agents: Floats, f: int, rows: Floats, bodies: Ints) -> int:
    """Contacts among the five bodies of field f, later agents first; returns how many."""
    n = 0
    for i in range(AGENTS - 1, -1, -1):
        dx, dz = ball[f, 0] - agents[f, i, 0], ball[f, 1] - agents[f, i, 1]
        square = dx * dx + dz * dz
        if 0.0 < square < PAIR_BALL * PAIR_BALL:
            d = sqrt(square)
            arm = BALL_RADIUS if CONTACT_POINT_ON_BALL else d - AGENT_RADIUS
            n = _put(rows, bodies, n, BALL, i, dx / d, 0.0, dz / d, d - AGENT_RADIUS - BALL_RADIUS, arm)
        for j in range(AGENTS - 1, i, -1):
            dx, dz = agents[f, i, 0] - agents[f, j, 0], agents[f, i, 1] - agents[f, j, 1]
            square = dx * dx + dz * dz
            if 0.0 < square < PAIR_AGENTS * PAIR_AGENTS:
                d = sqrt(square)
                n = _put(rows, bodies, n, i, j, dx / d, 0.0, dz / d, d - 2 * AGENT_RADIUS, d - AGENT_RADIUS)
    return n


@inlined
def _box(k: int, body: int, x: float, z: float, radius: float, n: int, rows: Floats, bodies: Ints) -> int:
    """Contact of a sphere with box k of the ring; returns the new number of contacts."""
    c, s = walls.COS[k], walls.SIN[k]
    px, pz = c * (x - walls.X[k]) - s * (z - walls.Z[k]), s * (x - walls.X[k]) + c * (z - walls.Z[k])
    hx, hz = walls.HALF_X[k], walls.HALF_Z[k]
    ox, oz = px - min(max(px, -hx), hx), pz - min(max(pz, -hz), hz)
    square = ox * ox + oz * oz
    reach = radius + CONTACT_DISTANCE
    if square < reach * reach:
        if square > 0.0:
            d = sqrt(square)
            nx, nz = ox / d, oz / d
        elif hx - abs(px) < hz - abs(pz):  # centre inside the box: out through the nearest face
            d, nx, nz = abs(px) - hx, (1.0 if px > 0.0 else -1.0), 0.0
        else:
            d, nx, nz = abs(pz) - hz, 0.0, (1.0 if pz > 0.0 else -1.0)
        n = _put(rows, bodies, n, body, SCENE + k, c * nx + s * nz, 0.0, -s * nx + c * nz, d - radius, d)
    return n


@compiled
def scene(body: int, x: float, z: float, n: int, rows: Floats, bodies: Ints) -> tuple[int, int]:
    """Contacts with the scene of a body near it, after the first n: (new number, goal the body touches or 0)."""
    radius = BALL_RADIUS if body == BALL else AGENT_RADIUS
    reach, goal = radius + CONTACT_DISTANCE, 0
    if abs(x) < MIDFIELD:
        return _box(0 if z > 0.0 else 1, body, x, z, radius, n, rows, bodies), goal
    own = BLUE_GOAL if x < 0.0 else PURPLE_GOAL
    dx, dz = max(GOAL_FLOOR_X - FLOOR_X - abs(x), 0.0), max(abs(z) - FLOOR_Z, 0.0)
    square = dx * dx + dz * dz + CENTRE_HEIGHT * CENTRE_HEIGHT
    # An agent that stands on the floor touches it with no force; only the floor's edge, met from outside, can push.
    if square < reach * reach and (body == BALL or dx + dz > 0.0):
        d = sqrt(square)
        nx, nz = (dx if x < 0.0 else -dx) / d, (-dz if z < 0.0 else dz) / d
        floor = SCENE + walls.BOXES + (0 if x < 0.0 else 1)
        n = _put(rows, bodies, n, body, floor, nx, CENTRE_HEIGHT / d, nz, d - radius, d)
        goal = own
    for k in range(WALLS):
        n = _box(k, body, x, z, radius, n, rows, bodies)
    net = WALLS if x < 0.0 else WALLS + 3
    before = n
    for k in range(net, net + 3):
        n = _box(k, body, x, z, radius, n, rows, bodies)
    if n > before:
        goal = own
    return n, goal
