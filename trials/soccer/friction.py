"""Friction that holds: a contact keeps the points where it gripped until it slips, as PhysX's friction patches do.

While a contact neither slips nor turns, the drift of its bodies since it gripped is pushed back, so that a body
pressed to a wall comes to rest. Without this, every step would leave a little of the sliding it should have stopped.
"""

from math import cos, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from trials.soccer.collide import ARM, GAP, NX, NY, NZ, SCENE
from trials.soccer.compiled import Floats, Ints, compiled, inlined
from trials.soccer.constants import BALL, CENTRE_HEIGHT, FRICTION_GAP, GRIP_DISTANCE, GRIP_NORMAL, GRIP_POINT

HELD = 16  # contacts of a field that can hold at a time
POINTS = 2  # of a contact
# Columns of a held contact: its normal as the first and as the second body carry it; then for each point its place
# from the first body's centre and from the second's (for the scene: from the origin).
NORMAL_A, NORMAL_B, POINT, PLACE = 0, 3, 6, 6
HELD_COLUMNS = POINT + PLACE * POINTS
# Columns of who holds: first body (NONE ends the list), second body, number of points, directions of friction a point,
# and the place in the list, oldest grip first.
FIRST, SECOND, COUNT, WAYS, AGE = 0, 1, 2, 3, 4
GRIP_COLUMNS = 5
NONE = -1


@compiled
def _rotate(held: Floats, f: int, j: int, at: int, wx: float, wy: float, wz: float) -> None:
    """Turn the vector at column `at` by the rotation vector w (rad)."""
    angle = sqrt(wx * wx + wy * wy + wz * wz)
    if angle == 0.0:
        return
    ux, uy, uz = wx / angle, wy / angle, wz / angle
    c, s = cos(angle), sin(angle)
    x, y, z = held[f, j, at], held[f, j, at + 1], held[f, j, at + 2]
    along = (ux * x + uy * y + uz * z) * (1.0 - c)
    held[f, j, at] = c * x + s * (uy * z - uz * y) + along * ux
    held[f, j, at + 1] = c * y + s * (uz * x - ux * z) + along * uy
    held[f, j, at + 2] = c * z + s * (ux * y - uy * x) + along * uz


@compiled
def roll(held: Floats, grips: Ints, f: int, wx: float, wy: float, wz: float) -> None:
    """The ball turned by the rotation vector w: what it carries of held contacts, always as first body, turns too."""
    for j in range(HELD):
        if grips[f, j, FIRST] == NONE:
            break
        if grips[f, j, FIRST] == BALL:
            _rotate(held, f, j, NORMAL_A, wx, wy, wz)
            for p in range(grips[f, j, COUNT]):
                _rotate(held, f, j, POINT + PLACE * p, wx, wy, wz)


@inlined
def centre(ball: Floats, agents: Floats, f: int, body: int) -> tuple[float, float, float]:
    """Where a body is, (x, y, z); for the scene the origin."""
    if body == BALL:
        x, y, z = ball[f, 0], CENTRE_HEIGHT, ball[f, 1]
    elif body < SCENE:
        x, y, z = agents[f, body, 0], CENTRE_HEIGHT, agents[f, body, 1]
    else:
        x, y, z = 0.0, 0.0, 0.0
    return x, y, z


@compiled
def _find(held: Floats, grips: Ints, f: int, a: int, b: int, n: tuple[float, ...], apart: tuple[float, ...]) -> int:
    """The held contact of bodies a and b that still holds at normal n with their centres `apart`, or NONE."""
    for j in range(HELD):
        if grips[f, j, FIRST] == NONE:
            return NONE
        if grips[f, j, FIRST] == a and grips[f, j, SECOND] == b:
            turned, now = 0.0, 0.0
            for c in range(3):
                turned += held[f, j, NORMAL_A + c] * held[f, j, NORMAL_B + c]
                now += held[f, j, NORMAL_A + c] * n[c]
            if turned <= GRIP_NORMAL or now < GRIP_NORMAL:
                return NONE
            for p in range(grips[f, j, COUNT]):
                at, lifted = POINT + PLACE * p, 0.0
                for c in range(3):
                    lifted += (apart[c] + held[f, j, at + c] - held[f, j, at + 3 + c]) * held[f, j, NORMAL_A + c]
                if abs(lifted) >= GRIP_DISTANCE:
                    return NONE
            return j
    return NONE


@compiled
def grip(
    ball: Floats,
    agents: Floats,
    held: Floats,
    grips: Ints,
    f: int,
    rows: Floats,
    bodies: Ints,
    k: int,
    new: Floats,
    found: Ints,
) -> None:
    """Fill row k of `new` and `found` with the points at which contact k grips: held ones, and where it touches."""
    a, b = bodies[k, 0], bodies[k, 1]
    nx, ny, nz = rows[k, NX], rows[k, NY], rows[k, NZ]
    ax, ay, az = centre(ball, agents, f, a)
    bx, by, bz = centre(ball, agents, f, b)
    j = _find(held, grips, f, a, b, (nx, ny, nz), (ax - bx, ay - by, az - bz))
    points = 0
    if j != NONE:
        points = grips[f, j, COUNT]
        for c in range(HELD_COLUMNS):
            new[k, c] = held[f, j, c]
    else:
        new[k, NORMAL_A], new[k, NORMAL_A + 1], new[k, NORMAL_A + 2] = nx, ny, nz
        new[k, NORMAL_B], new[k, NORMAL_B + 1], new[k, NORMAL_B + 2] = nx, ny, nz
    if points < POINTS and rows[k, GAP] < FRICTION_GAP:
        rx, ry, rz = -rows[k, ARM] * nx, -rows[k, ARM] * ny, -rows[k, ARM] * nz
        square = 1.0
        if points == 1:
            square = (rx - new[k, POINT]) ** 2 + (ry - new[k, POINT + 1]) ** 2 + (rz - new[k, POINT + 2]) ** 2
        if square > GRIP_POINT * GRIP_POINT:
            at = POINT + PLACE * points
            new[k, at], new[k, at + 1], new[k, at + 2] = rx, ry, rz
            new[k, at + 3], new[k, at + 4], new[k, at + 5] = ax + rx - bx, ay + ry - by, az + rz - bz
            points += 1
    found[k, FIRST], found[k, SECOND], found[k, COUNT] = a, b, points
    found[k, AGE] = HELD if j == NONE else j


@inlined
def keep(
    held: Floats, grips: Ints, f: int, n: int, new: Floats, found: Ints, slipped: NDArray[np.bool_], order: Ints
) -> None:
    """Remember the contacts that gripped and did not slip, in the order in which they were solved."""
    j = 0
    for at in range(n):
        k = order[at]
        if found[k, COUNT] > 0 and not slipped[k] and j < HELD:
            for c in range(GRIP_COLUMNS):
                grips[f, j, c] = found[k, c]
            for c in range(HELD_COLUMNS):
                held[f, j, c] = new[k, c]
            j += 1
    if j < HELD:
        grips[f, j, FIRST] = NONE
