"""The rules: what an action does, one physics step, kicks, goals, time."""

from math import cos, sin, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trials.soccer import walls
from trials.soccer.collide import ARM, MOST_CONTACTS, NX, NZ, REACH_AGENT, REACH_BALL, pairs, scene
from trials.soccer.compiled import Floats, Ints, compiled, inlined
from trials.soccer.constants import (
    AGENT_DRAG,
    AGENT_RADIUS,
    AGENTS,
    BALL,
    BALL_ANGULAR_DRAG,
    BALL_DRAG,
    BALL_RADIUS,
    BALL_RESTITUTION,
    BLUE_GOAL,
    BLUE_SCORED,
    CCD_MARGIN,
    CCD_SHARE,
    DECISION_PERIOD,
    DT,
    KICK_FROM_POST_STEP_POSITION,
    KICK_SPEED,
    MAX_ANGULAR_SPEED,
    MAX_STEPS,
    PURPLE_SCORED,
    RUN_IMPULSE,
    RUNNING,
    STRAFE_IMPULSE,
    TIMEOUT,
    TURN,
)
from trials.soccer.friction import FIRST, GRIP_COLUMNS, HELD, HELD_COLUMNS, NONE, grip, keep, roll
from trials.soccer.solver import ROW, solve

Actions = NDArray[np.int8]

# Columns of a field's ball and agents.
X, Z, VX, VZ = 0, 1, 2, 3  # m, m/s
WX, WY, WZ, KICK_X, KICK_Z = 4, 5, 6, 7, 8  # ball: spin (rad/s), and the kick waiting for the next step (m/s)
YAW, SIN, COS = 4, 5, 6  # agents: heading (rad, 0 looks along +z, +pi/2 along +x), and its sine and cosine
BALL_COLUMNS, AGENT_COLUMNS = 9, 7

KEEP_AGENT, KEEP_BALL, KEEP_SPIN = 1.0 - AGENT_DRAG * DT, 1.0 - BALL_DRAG * DT, 1.0 - BALL_ANGULAR_DRAG * DT
TURN_SIN, TURN_COS = sin(TURN), cos(TURN)


class State(NamedTuple):
    """n fields. Everything that a field's future depends on, and what its last decision step brought."""

    ball: Floats  # (n, 9)
    agents: Floats  # (n, 4, 7)
    held: Floats  # (n, HELD, HELD_COLUMNS), see friction.py
    grips: Ints  # (n, HELD, GRIP_COLUMNS)
    touching: Ints  # (n,) bit i: agent i touches the ball
    timer: NDArray[np.int32]  # (n,) physics steps of the episode
    outcome: NDArray[np.int8]  # (n,)
    decisions: NDArray[np.int32]  # (n,) decision steps of the episode
    gone: Ints  # (n,) physics steps of the last decision step that belonged to the episode
    touches: NDArray[np.int32]  # (n, 4) ball contacts begun in it


class Scratch(NamedTuple):
    """Room to work in, for one thread."""

    rows: Floats  # a row for each contact
    bodies: Ints  # the two bodies of each
    v: Floats  # (5, 3) velocities, and those that move
    motion: Floats
    w: Floats  # (3,) the ball's spin, and that which turns it
    spin: Floats
    before: Floats  # (4, 2) where the agents were
    new: Floats  # grips of each contact, who holds them, and whether they slipped
    found: Ints
    slipped: NDArray[np.bool_]
    order: Ints  # in which contacts are solved


def state(n: int) -> State:
    """The state of `n` fields, before any kick-off."""
    return State(
        ball=np.zeros((n, BALL_COLUMNS)),
        agents=np.zeros((n, AGENTS, AGENT_COLUMNS)),
        held=np.zeros((n, HELD, HELD_COLUMNS)),
        grips=np.full((n, HELD, GRIP_COLUMNS), NONE, np.int64),
        touching=np.zeros(n, np.int64),
        timer=np.zeros(n, np.int32),
        outcome=np.zeros(n, np.int8),
        decisions=np.zeros(n, np.int32),
        gone=np.zeros(n, np.int64),
        touches=np.zeros((n, AGENTS), np.int32),
    )


def scratch() -> Scratch:
    """Working arrays of the solver, made once."""
    return Scratch(
        rows=np.zeros((MOST_CONTACTS, ROW)),
        bodies=np.zeros((MOST_CONTACTS, 2), np.int64),
        v=np.zeros((AGENTS + 1, 3)),
        motion=np.zeros((AGENTS + 1, 3)),
        w=np.zeros(3),
        spin=np.zeros(3),
        before=np.zeros((AGENTS, 2)),
        new=np.zeros((MOST_CONTACTS, HELD_COLUMNS)),
        found=np.zeros((MOST_CONTACTS, GRIP_COLUMNS), np.int64),
        slipped=np.zeros(MOST_CONTACTS, np.bool_),
        order=np.zeros(MOST_CONTACTS, np.int64),
    )


@inlined
def _steer(agents: Floats, actions: Actions, f: int, v: Floats) -> None:
    """Apply the actions: push along the old heading, then turn. Strafing replaces running. Velocities go to v."""
    for i in range(AGENTS):
        run, strafe, turn = actions[f, i, 0], actions[f, i, 1], actions[f, i, 2]
        vx, vz = agents[f, i, VX], agents[f, i, VZ]
        s, c = agents[f, i, SIN], agents[f, i, COS]
        if strafe != 0:
            push = STRAFE_IMPULSE if strafe == 1 else -STRAFE_IMPULSE
            vx, vz = vx + push * c, vz - push * s
        elif run != 0:
            push = RUN_IMPULSE if run == 1 else -RUN_IMPULSE
            vx, vz = vx + push * s, vz + push * c
        if turn != 0:
            by = -1.0 if turn == 1 else 1.0
            agents[f, i, YAW] += by * TURN
            agents[f, i, SIN], agents[f, i, COS] = s * TURN_COS + by * c * TURN_SIN, c * TURN_COS - by * s * TURN_SIN
        v[i, 0], v[i, 1], v[i, 2] = vx * KEEP_AGENT, 0.0, vz * KEEP_AGENT


@inlined
def _release(ball: Floats, f: int, v: Floats, w: Floats) -> None:
    """The ball's velocity and spin at the start of a step, with the kick that waited, damped; into v and w."""
    v[BALL, 0], v[BALL, 1] = (ball[f, VX] + ball[f, KICK_X]) * KEEP_BALL, 0.0
    v[BALL, 2] = (ball[f, VZ] + ball[f, KICK_Z]) * KEEP_BALL
    ball[f, KICK_X], ball[f, KICK_Z] = 0.0, 0.0
    wx, wy, wz = ball[f, WX] * KEEP_SPIN, ball[f, WY] * KEEP_SPIN, ball[f, WZ] * KEEP_SPIN
    square = wx * wx + wy * wy + wz * wz
    if square > MAX_ANGULAR_SPEED * MAX_ANGULAR_SPEED:
        scale = MAX_ANGULAR_SPEED / sqrt(square)
        wx, wy, wz = wx * scale, wy * scale, wz * scale
    w[0], w[1], w[2] = wx, wy, wz


@inlined
def _travel(
    x: float, z: float, dx: float, dz: float, vx: float, vz: float, radius: float, restitution: float
) -> tuple[float, float, float, float]:
    """Where a body ends that moves by (dx, dz): a fast one is stopped at what it would have passed through.

    The rest of its step is lost, and it bounces without friction or spin. Returns (x, z, vx, vz)."""
    square = dx * dx + dz * dz
    if square >= (CCD_SHARE * radius) ** 2 and not walls.inside(x + dx, z + dz, radius):
        length = sqrt(square)
        ux, uz = dx / length, dz / length
        first, nx, nz = length, 0.0, 0.0
        for k in range(walls.BOXES):
            t, mx, mz = walls.sweep(k, x, z, ux, uz, radius, 0.0)
            if t < first and -(dx * mx + dz * mz) >= CCD_SHARE * (radius + walls.THIN[k]) + CCD_MARGIN:
                first, nx, nz = t, mx, mz
        along = min(vx * nx + vz * nz, 0.0)
        vx, vz = vx - (1.0 + restitution) * along * nx, vz - (1.0 + restitution) * along * nz
        dx, dz = first * ux, first * uz
    return x + dx, z + dz, vx, vz


@inlined
def _move(ball: Floats, agents: Floats, f: int, v: Floats, w: Floats, motion: Floats) -> None:
    for i in range(AGENTS):
        dx, dz = motion[i, 0] * DT, motion[i, 2] * DT
        agents[f, i, X], agents[f, i, Z], agents[f, i, VX], agents[f, i, VZ] = _travel(
            agents[f, i, X], agents[f, i, Z], dx, dz, v[i, 0], v[i, 2], AGENT_RADIUS, 0.0
        )
    dx, dz = motion[BALL, 0] * DT, motion[BALL, 2] * DT
    ball[f, X], ball[f, Z], ball[f, VX], ball[f, VZ] = _travel(
        ball[f, X], ball[f, Z], dx, dz, v[BALL, 0], v[BALL, 2], BALL_RADIUS, BALL_RESTITUTION
    )
    ball[f, WX], ball[f, WY], ball[f, WZ] = w[0], w[1], w[2]


@inlined
def _kick(ball: Floats, f: int, dx: float, dz: float) -> None:
    """A kick in the direction (dx, dz), felt by the ball in the next step."""
    length = sqrt(dx * dx + dz * dz)
    if length > 1e-5:
        ball[f, KICK_X] += KICK_SPEED * dx / length
        ball[f, KICK_Z] += KICK_SPEED * dz / length


@inlined
def _touch(state: State, f: int, between: int, bx: float, bz: float, actions: Actions, scratch: Scratch) -> None:
    """Count the agents' contacts with the ball that begin; of those, who runs forward kicks.

    `between`: number of contacts among bodies. (bx, bz): where the ball was when they were found."""
    rows, agents, touched = scratch.rows, state.agents, 0
    for k in range(between):
        if scratch.bodies[k, 0] != BALL:
            continue
        i = scratch.bodies[k, 1]
        touched |= 1 << i
        if state.touching[f] >> i & 1:
            continue
        state.touches[f, i] += 1
        if actions[f, i, 0] == 1:
            px, pz = bx - rows[k, ARM] * rows[k, NX], bz - rows[k, ARM] * rows[k, NZ]
            if KICK_FROM_POST_STEP_POSITION:
                _kick(state.ball, f, px - agents[f, i, X], pz - agents[f, i, Z])
            else:
                _kick(state.ball, f, px - scratch.before[i, 0], pz - scratch.before[i, 1])
    state.touching[f] = touched


@inlined
def physics_step(state: State, actions: Actions, f: int, scratch: Scratch) -> int:
    """One step of field f under its actions; returns the outcome a goal gives, else RUNNING."""
    ball, agents, held, grips = state.ball, state.agents, state.held, state.grips
    rows, bodies, v, w, motion, spin = scratch.rows, scratch.bodies, scratch.v, scratch.w, scratch.motion, scratch.spin
    new, found, slipped = scratch.new, scratch.found, scratch.slipped
    _steer(agents, actions, f, v)
    _release(ball, f, v, w)
    n = pairs(ball, agents, f, rows, bodies)
    between = n
    for i in range(AGENTS):
        scratch.before[i, 0], scratch.before[i, 1] = agents[f, i, X], agents[f, i, Z]
        if not walls.inside(agents[f, i, X], agents[f, i, Z], REACH_AGENT):
            n, _ = scene(i, agents[f, i, X], agents[f, i, Z], n, rows, bodies)
    bx, bz, goal = ball[f, X], ball[f, Z], 0
    if not walls.inside(bx, bz, REACH_BALL):
        n, goal = scene(BALL, bx, bz, n, rows, bodies)
    if n > 0:
        for k in range(n):
            grip(ball, agents, held, grips, f, rows, bodies, k, new, found)
        solve(ball, agents, f, rows, bodies, n, v, w, motion, spin, new, found, slipped, scratch.order)
        keep(held, grips, f, n, new, found, slipped, scratch.order)
        roll(held, grips, f, spin[0] * DT, spin[1] * DT, spin[2] * DT)
        _move(ball, agents, f, v, w, motion)
    else:
        grips[f, 0, FIRST] = NONE
        _move(ball, agents, f, v, w, v)
    _touch(state, f, between, bx, bz, actions, scratch)
    if goal == 0:
        return RUNNING
    return PURPLE_SCORED if goal == BLUE_GOAL else BLUE_SCORED


@compiled
def advance(state: State, actions: Actions, scratch: Scratch) -> None:
    """One decision step of every field that still runs."""
    for f in range(len(state.timer)):
        if state.outcome[f] != RUNNING:
            continue
        state.decisions[f] += 1
        state.gone[f] = 0
        state.touches[f] = 0
        while state.gone[f] < DECISION_PERIOD and state.outcome[f] == RUNNING:
            state.gone[f] += 1
            state.timer[f] += 1
            if state.timer[f] >= MAX_STEPS:  # the clock is read before the physics
                state.outcome[f] = TIMEOUT
            else:
                state.outcome[f] = physics_step(state, actions, f, scratch)


@compiled
def idle(state: State, which: NDArray[np.intp], steps: Ints, still: Actions, scratch: Scratch) -> None:
    """Physics steps without actions: steps[i] of them in field which[i]; touches add to those counted."""
    for at in range(len(which)):
        for _ in range(steps[at]):
            state.timer[which[at]] += 1
            physics_step(state, still, which[at], scratch)
