"""The contact solver: projected Gauss-Seidel with patch friction, as in PhysX.

Position iterations push overlaps out and move the bodies; velocity iterations take that push out of the velocity kept.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from trials.soccer.collide import GAP, NX, NY, NZ, SCENE
from trials.soccer.compiled import Floats, Ints, compiled, inlined
from trials.soccer.constants import (
    AGENT_MASS,
    BALL,
    BALL_INERTIA,
    BALL_MASS,
    BALL_RESTITUTION,
    BOUNCE_THRESHOLD,
    DT,
    FRICTION,
    FRICTION_POSITION_ITERATIONS,
    FRICTION_RELAXATION,
    GRIPS_SHARE_FRICTION,
    POSITION_ITERATIONS,
    PUSH_OUT_SHARE,
    PUSH_OUT_SPEED,
    VELOCITY_ITERATIONS,
)
from trials.soccer.friction import AGE, COUNT, PLACE, POINT, POINTS, WAYS, centre

Bools = NDArray[np.bool_]

# Columns of a contact's row, after those that collide.py fills.
INV_A, INV_B, MASS = 5, 6, 7  # inverse masses (1/kg), and the effective mass along the normal (kg)
BIASED, UNBIASED, PUSH = 8, 9, 10  # speeds wanted along the normal (m/s) by position and velocity iterations; impulse
RUBS = 11  # from here on the rubs, one or two for each grip point, each of RUB columns:
TX, TY, TZ, LX, LY, LZ = 0, 1, 2, 3, 4, 5  # its direction, and the ball's lever arm crossed with it (m)
STIFF, DRIFT, RUBBED = 6, 7, 8  # relaxed effective mass (kg), speed that undoes the drift (m/s), impulse so far
RUB = 9
ROW = RUBS + 2 * POINTS * RUB

SLIP = 1.0 + 1e-6  # a rub slips that wants more than this multiple of what friction gives; less is rounding
SETTLED = 1e-13  # kg m/s: an iteration that changes no impulse by more changes nothing


@inlined
def _normal(rows: Floats, bodies: Ints, k: int, v: Floats) -> float:
    """Prepare the normal of contact k; returns the relative velocity of its bodies along it."""
    a, b = bodies[k, 0], bodies[k, 1]
    gap = rows[k, GAP]
    along: float = v[a, 0] * rows[k, NX] + v[a, 1] * rows[k, NY] + v[a, 2] * rows[k, NZ]
    rows[k, INV_A] = 1.0 / BALL_MASS if a == BALL else 1.0 / AGENT_MASS
    rows[k, INV_B] = 0.0
    if b < SCENE:
        along -= v[b, 0] * rows[k, NX] + v[b, 1] * rows[k, NY] + v[b, 2] * rows[k, NZ]
        rows[k, INV_B] = 1.0 / AGENT_MASS  # the ball is never second
    rows[k, MASS] = 1.0 / (rows[k, INV_A] + rows[k, INV_B])
    rows[k, PUSH] = 0.0
    if a == BALL and along < -BOUNCE_THRESHOLD and along < -gap / DT:
        rows[k, BIASED] = -BALL_RESTITUTION * along
        rows[k, UNBIASED] = rows[k, BIASED]
    else:
        rows[k, BIASED] = min(PUSH_OUT_SPEED, -PUSH_OUT_SHARE * gap / DT)
        rows[k, UNBIASED] = min(0.0, rows[k, BIASED])
    return along


@inlined
def _tangent(rows: Floats, bodies: Ints, k: int, v: Floats, along: float, flat: bool) -> tuple[float, float, float]:
    """A direction of friction: along the sliding of the centres, or level where all is flat or nothing slides."""
    a, b = bodies[k, 0], bodies[k, 1]
    nx, ny, nz = rows[k, NX], rows[k, NY], rows[k, NZ]
    tx, ty, tz = v[a, 0] - along * nx, v[a, 1] - along * ny, v[a, 2] - along * nz
    if b < SCENE:
        tx, ty, tz = tx - v[b, 0], ty - v[b, 1], tz - v[b, 2]
    square = tx * tx + ty * ty + tz * tz
    if flat or square <= 1e-12:
        tx, ty, tz = (-nz, 0.0, nx) if ny < 1.0 else (1.0, 0.0, 0.0)
        square = tx * tx + tz * tz
    length = sqrt(square)
    return tx / length, ty / length, tz / length


@inlined
def _rubs(
    ball: Floats,
    agents: Floats,
    f: int,
    rows: Floats,
    bodies: Ints,
    k: int,
    v: Floats,
    along: float,
    flat: bool,
    new: Floats,
    found: Ints,
) -> None:
    """Prepare the friction of contact k: for each point at which it grips a rub, and where not all is flat a second."""
    a, b = bodies[k, 0], bodies[k, 1]
    found[k, WAYS] = 1 if flat else 2
    tx, ty, tz = _tangent(rows, bodies, k, v, along, flat)
    nx, ny, nz = rows[k, NX], rows[k, NY], rows[k, NZ]
    ax, ay, az = centre(ball, agents, f, a)
    bx, by, bz = centre(ball, agents, f, b)
    for p in range(found[k, COUNT]):
        at = POINT + PLACE * p
        rx, ry, rz = new[k, at], new[k, at + 1], new[k, at + 2]
        dx = ax + rx - bx - new[k, at + 3]
        dy = ay + ry - by - new[k, at + 4]
        dz = az + rz - bz - new[k, at + 5]
        ux, uy, uz = tx, ty, tz
        first = RUBS + p * found[k, WAYS] * RUB
        for q in range(first, first + found[k, WAYS] * RUB, RUB):
            rows[k, q + TX], rows[k, q + TY], rows[k, q + TZ] = ux, uy, uz
            inverse = rows[k, INV_A] + rows[k, INV_B]
            if a == BALL:
                lx, ly, lz = ry * uz - rz * uy, rz * ux - rx * uz, rx * uy - ry * ux
                rows[k, q + LX], rows[k, q + LY], rows[k, q + LZ] = lx, ly, lz
                inverse += (lx * lx + ly * ly + lz * lz) / BALL_INERTIA
            rows[k, q + STIFF] = FRICTION_RELAXATION / inverse
            rows[k, q + DRIFT] = (dx * ux + dy * uy + dz * uz) / DT
            rows[k, q + RUBBED] = 0.0
            ux, uy, uz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx


@inlined
def _arrange(bodies: Ints, n: int, found: Ints, order: Ints) -> None:
    """The order in which contacts are solved: pairs of bodies as found, then the scene's, the oldest grip first."""
    for k in range(n):
        at = k
        if bodies[k, 1] >= SCENE:
            while at > 0 and bodies[order[at - 1], 1] >= SCENE and found[order[at - 1], AGE] > found[k, AGE]:
                order[at] = order[at - 1]
                at -= 1
        order[at] = k


@inlined
def _apply(rows: Floats, k: int, a: int, b: int, v: Floats, dx: float, dy: float, dz: float, impulse: float) -> None:
    to_a = impulse * rows[k, INV_A]
    v[a, 0] += to_a * dx
    v[a, 1] += to_a * dy
    v[a, 2] += to_a * dz
    if b < SCENE:
        to_b = impulse * rows[k, INV_B]
        v[b, 0] -= to_b * dx
        v[b, 1] -= to_b * dy
        v[b, 2] -= to_b * dz


@inlined
def _push(rows: Floats, k: int, a: int, b: int, v: Floats, wanted: int) -> float:
    """One impulse along the normal towards the speed in column `wanted`; returns its size."""
    nx, ny, nz = rows[k, NX], rows[k, NY], rows[k, NZ]
    along = v[a, 0] * nx + v[a, 1] * ny + v[a, 2] * nz
    if b < SCENE:
        along -= v[b, 0] * nx + v[b, 1] * ny + v[b, 2] * nz
    change: float = max((rows[k, wanted] - along) * rows[k, MASS], -rows[k, PUSH])
    rows[k, PUSH] += change
    _apply(rows, k, a, b, v, nx, ny, nz, change)
    return abs(change)


@inlined
def _rub(
    rows: Floats, k: int, q: int, a: int, b: int, v: Floats, w: Floats, friction: float, undo: bool
) -> tuple[float, bool]:
    """One impulse of the rub at column q: (its size, whether the contact slips there)."""
    tx, ty, tz = rows[k, q + TX], rows[k, q + TY], rows[k, q + TZ]
    speed = v[a, 0] * tx + v[a, 1] * ty + v[a, 2] * tz
    if b < SCENE:
        speed -= v[b, 0] * tx + v[b, 1] * ty + v[b, 2] * tz
    if a == BALL:
        speed += w[0] * rows[k, q + LX] + w[1] * rows[k, q + LY] + w[2] * rows[k, q + LZ]
    if undo:
        speed += rows[k, q + DRIFT]
    most = friction * rows[k, PUSH]
    wanted = rows[k, q + RUBBED] - speed * rows[k, q + STIFF]
    total = min(max(wanted, -most), most)
    change = total - rows[k, q + RUBBED]
    rows[k, q + RUBBED] = total
    _apply(rows, k, a, b, v, tx, ty, tz, change)
    if a == BALL:
        w[0] += change * rows[k, q + LX] / BALL_INERTIA
        w[1] += change * rows[k, q + LY] / BALL_INERTIA
        w[2] += change * rows[k, q + LZ] / BALL_INERTIA
    return abs(change), abs(wanted) > most * SLIP


@compiled
def _iterate(
    rows: Floats,
    bodies: Ints,
    n: int,
    v: Floats,
    w: Floats,
    position: bool,
    friction: bool,
    found: Ints,
    slipped: Bools,
    order: Ints,
) -> float:
    """One iteration over all contacts; returns the largest change of an impulse."""
    largest = 0.0
    for at in range(n):
        k = order[at]
        a, b = bodies[k, 0], bodies[k, 1]
        largest = max(largest, _push(rows, k, a, b, v, BIASED if position else UNBIASED))
        if friction and found[k, COUNT] > 0:
            slipped[k] = False
            share = FRICTION / found[k, COUNT] if GRIPS_SHARE_FRICTION else FRICTION
            for q in range(RUBS, RUBS + found[k, COUNT] * found[k, WAYS] * RUB, RUB):
                change, slips = _rub(rows, k, q, a, b, v, w, share, position)
                largest = max(largest, change)
                slipped[k] |= slips
    return largest


@compiled
def solve(
    ball: Floats,
    agents: Floats,
    f: int,
    rows: Floats,
    bodies: Ints,
    n: int,
    v: Floats,
    w: Floats,
    motion: Floats,
    spin: Floats,
    new: Floats,
    found: Ints,
    slipped: Bools,
    order: Ints,
) -> None:
    """Settle the n contacts: v (5, 3) and w (3,) become the velocities kept, motion and spin those that move."""
    flat = w[0] == 0.0 and w[2] == 0.0
    for k in range(n):
        flat &= rows[k, NY] == 0.0
    for k in range(n):
        along = _normal(rows, bodies, k, v)
        _rubs(ball, agents, f, rows, bodies, k, v, along, flat, new, found)
    _arrange(bodies, n, found, order)
    frictionless = max(POSITION_ITERATIONS - FRICTION_POSITION_ITERATIONS, 0)
    for _ in range(frictionless):
        if _iterate(rows, bodies, n, v, w, True, False, found, slipped, order) < SETTLED:
            break
    for _ in range(POSITION_ITERATIONS - frictionless):
        _iterate(rows, bodies, n, v, w, True, True, found, slipped, order)
    for axis in range(3):
        spin[axis] = w[axis]
        for body in range(5):
            motion[body, axis] = v[body, axis]
    for _ in range(VELOCITY_ITERATIONS):
        if _iterate(rows, bodies, n, v, w, False, True, found, slipped, order) < SETTLED:
            break
