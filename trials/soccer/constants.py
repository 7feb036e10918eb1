"""Every number of the game with its unit and source, and the variants that Unity's sources leave open.

Sources: AgentSoccer.cs, SoccerEnvController.cs and SoccerBallController.cs (scripts), SoccerFieldTwos.prefab (prefab),
DynamicsManager.asset and TimeManager.asset (project settings) of Unity ML-Agents, releases 20 and 21; the PhysX 4.1
source (PhysX) where the engine decides.
"""

from typing import Final

import numpy as np

VERSION: Final = "soccer-1"
"""Changes when the game's behaviour changes, never for speed or tidiness; the history is in SPEC.md."""

# --- outcome of a field ---
RUNNING: Final = 0
BLUE_SCORED: Final = 1
PURPLE_SCORED: Final = 2
TIMEOUT: Final = 3

# --- variants: what the sources leave open, selectable here and nowhere else ---
KICK_FROM_POST_STEP_POSITION: Final = True
"""The kick points from the agent's position after the physics step (True) or before it (False) to the contact point."""
CONTACT_POINT_ON_BALL: Final = True
"""The point where ball and agent touch, at which the kick is aimed, lies on the surface of the ball (True) or of the
agent: they differ by the overlap. The recordings have it on the ball."""
GRIPS_SHARE_FRICTION: Final = True
"""Two grip points of a contact share its friction (True, PhysX's improved patch friction, on in the recordings) or each
has all of it (Unity's project settings)."""
POSITION_ITERATIONS: Final = 12  # project settings; the scene's override says 6, but may not reach existing bodies
VELOCITY_ITERATIONS: Final = 12  # project settings; the scene's override says 1

# --- time ---
DT: Final = 0.02  # s, TimeManager
DECISION_PERIOD: Final = 5  # physics steps, DecisionRequester
MAX_STEPS: Final = 5000  # physics steps, prefab, MaxEnvironmentSteps

# --- bodies: 0 Blue, 1 Blue(1), 2 Purple, 3 Purple(1), 4 the ball; centres stay 0.5 m above the ground ---
AGENTS: Final = 4
BALL: Final = 4
CENTRE_HEIGHT: Final = 0.5  # m, prefab; vertical motion is frozen
AGENT_RADIUS: Final = 0.5  # m, prefab, sphere collider
AGENT_MASS: Final = 50.0  # kg, prefab
AGENT_DRAG: Final = 3.0  # 1/s, prefab
BALL_RADIUS: Final = 0.6241719  # m, prefab, 41.6114616 * 0.015
BALL_MASS: Final = 3.0  # kg, prefab
BALL_DRAG: Final = 1.0  # 1/s, prefab
BALL_ANGULAR_DRAG: Final = 1.0  # 1/s, prefab
BALL_INERTIA: Final = 0.4 * BALL_MASS * BALL_RADIUS**2  # kg m2, solid sphere
MAX_ANGULAR_SPEED: Final = 7.0  # rad/s, project settings; applied before the solver

# --- contact ---
FRICTION: Final = 0.6  # every pair that can carry load: ball, agents, walls, nets, goal floors
BALL_RESTITUTION: Final = 0.8  # material Bouncy, combine maximum; 0 where no ball takes part
BOUNCE_THRESHOLD: Final = 2.0  # m/s, project settings: slower contacts do not bounce
CONTACT_DISTANCE: Final = 0.02  # m, twice the contact offset 0.01: closer pairs are in contact
PUSH_OUT_SHARE: Final = 0.8  # share of an overlap removed in a step, PhysX
PUSH_OUT_SPEED: Final = 10.0  # m/s, project settings, maximum depenetration velocity
FRICTION_RELAXATION: Final = 0.8  # PhysX, contact preparation
FRICTION_POSITION_ITERATIONS: Final = 3  # friction joins in the last so many position iterations, PhysX
FRICTION_GAP: Final = 0.004  # m, a contact wider than this does not grip, PhysX 0.04 at the recordings' length scale
GRIP_DISTANCE: Final = 0.0025  # m along the normal that a grip survives, PhysX 0.025 at the recordings' length scale
GRIP_NORMAL: Final = 0.999  # cosine of the turn of a normal that a grip survives, PhysX
GRIP_POINT: Final = 1e-4  # m from its first point at which a contact grips at a second, PhysX
CCD_SHARE: Final = 0.75  # sweep where a step's motion along the normal exceeds this share of radius + half thickness
CCD_MARGIN: Final = 0.0075  # m beyond that share; between what the recordings sweep and what they let pass

# --- what an agent can do ---
RUN_IMPULSE: Final = 2.0  # m/s a physics step forward or back, SoccerSettings.agentRunSpeed
STRAFE_IMPULSE: Final = 0.6  # m/s a physics step sideways, 0.3 of the above
TURN: Final = np.deg2rad(2.0)  # rad a physics step, 100 deg/s
KICK_SPEED: Final = 2000.0 / BALL_MASS * DT  # m/s, force 2000 N for one physics step
TOUCH_REWARD: Final = 0.2  # times the environment parameter ball_touch

# --- kick-off, SoccerEnvController.ResetScene ---
START_X: Final = 8.19  # m, blue at -, purple at +
START_X_SPREAD: Final = 5.0  # m, uniform, either way
START_Z: Final = 1.2  # m, first agent of a team at +, second at -
START_YAW: Final = (np.deg2rad(80.0), np.deg2rad(100.0))  # rad, uniform; the sign is the team's
BALL_SPREAD: Final = 2.5  # m, uniform, either way, in x and z

# --- the ring: upright boxes, prefab; x, z, size along own x, size along own z (m), yaw (degrees) ---
WALL, BLUE_GOAL, PURPLE_GOAL = 0, 1, 2
RING: Final = (
    (0.0, 7.738426, 31.0, 0.460708, 0.0, WALL),
    (-0.000033, -7.738426, 31.0, 0.460708, 180.000241, WALL),
    (14.46, 6.41, 4.8, 0.460708, 60.0, WALL),
    (-14.46, 6.41, 4.8, 0.460708, -60.0, WALL),
    (-14.460027, -6.409939, 4.8, 0.460708, -119.999759, WALL),
    (14.459973, -6.410061, 4.8, 0.460708, 120.000241, WALL),
    (-16.499998, -4.2, 2.000002, 0.1, 0.0, BLUE_GOAL),
    (-16.499998, 4.2, 2.000002, 0.1, 0.0, BLUE_GOAL),
    (-17.436311, 0.0, 0.127375, 8.3, 0.0, BLUE_GOAL),
    (16.469998, -4.2, 2.000005, 0.1, 0.0, PURPLE_GOAL),
    (16.469998, 4.2, 2.000005, 0.1, 0.0, PURPLE_GOAL),
    (17.406, 0.0, 0.1, 8.3, 0.0, PURPLE_GOAL),
)
WALLS: Final = 6  # the first so many of the ring are walls, the rest are nets
GOAL_FLOOR_X: Final = 16.5  # m, centre of the goal floors, top at height 0
GOAL_FLOOR_HALF: Final = (1.0, 4.25)  # m, half size along x and z

# --- sensors, prefab: sphere casts at height 1 m, 0.5 m above the centres of the bodies ---
RAY_LENGTH: Final = 20.0  # m
RAY_RADIUS: Final = 0.5  # m
RAY_RISE: Final = 0.5  # m above the centres of the bodies
FORWARD_RAYS: Final = (90, 78, 102, 66, 114, 54, 126, 42, 138, 30, 150)  # degrees, 90 is ahead, less is to the right
BACK_RAYS: Final = (270, 225, 315)  # degrees: behind, behind left, behind right
TAGS: Final = 6  # one-hot: ball, own goal, opponent's goal, wall, teammate, opponent
RAY_FLOATS: Final = TAGS + 2  # then: 1 if nothing was hit, and the distance as a share of the ray's length
STACKS: Final = 3  # oldest first
FORWARD_SIZE: Final = len(FORWARD_RAYS) * RAY_FLOATS * STACKS
BACK_SIZE: Final = len(BACK_RAYS) * RAY_FLOATS * STACKS
OBSERVATION_SIZE: Final = FORWARD_SIZE + BACK_SIZE
