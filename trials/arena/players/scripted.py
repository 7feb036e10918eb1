"""Players without a network: standing still, random play, and a script that chases the ball."""

import numpy as np
from numpy.typing import NDArray

from trials.arena.games.game import Behavior
from trials.arena.players.player import Floats

_RAY = 8  # floats a ray: one-hot of 6 tags, miss flag, distance / 20 m
BALL, OWN_GOAL, GOAL = 0, 1, 2  # of the tags
_NEWEST = slice(2 * 88, 3 * 88)  # of the forward sensor's three stacked frames
_NEWEST_BACK = slice(264 + 2 * 24, 264 + 3 * 24)
_FRONT = np.array([0, 12, -12, 24, -24, 36, -36, 48, -48, 60, -60], np.float32)  # degrees, + is right
_BACK = np.array([180, -135, 135], np.float32)


class Unskilled:
    """`still` and `random` in any game: of its sight they heed the masks alone.

    Still takes the first action that is allowed, and 0 of the continuous ones; random draws evenly from all that are,
    and from -1 to 1."""

    memory = 0

    def __init__(self, name: str, behavior: Behavior) -> None:
        self.name = self.id = name
        self._behavior = behavior
        ends = np.cumsum((0, *behavior.branches)).tolist()
        self._branches = [slice(*ends[k : k + 2]) for k in range(len(behavior.branches))]

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        """As `Player.decide`."""
        mine = self._behavior
        allowed = np.ones((1, mine.discrete), np.float32)  # alike for every row
        if mine.masked:
            allowed = observations[:, mine.sight - mine.discrete : mine.sight]
        with np.errstate(divide="ignore", invalid="ignore"):
            for branch in self._branches:
                chances = allowed[:, branch]
                if self.name == "still":
                    chances = np.eye(chances.shape[1], dtype=np.float32)[chances.argmax(axis=1)]
                log_probabilities[:, branch] = np.log(chances / chances.sum(axis=1, keepdims=True))
        if self.name == "still":
            log_probabilities[:, mine.discrete :] = 0
        elif mine.continuous:
            from scipy.special import erf  # here, because scipy takes its time

            log_probabilities[:, mine.discrete :] = erf(observations[:, mine.sight :] / np.sqrt(np.float32(2)))


class Chaser:
    """A script that runs at the ball it sees, and first walks round it where that would be a run at its own goal.

    It reads its own newest rays and nothing else: near the ball it sidesteps until ball and opponents' goal are in
    line, farther off it aims past the ball on the side away from that goal, and where it sees no ball it turns right.
    It takes the intended action of each branch nine times in ten, so that it does not stay wedged against a wall or
    another chaser.
    """

    name = id = "chaser"
    memory = 0

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        """As `Player.decide`."""
        log_probabilities[:] = np.log(np.float32(0.05))
        every = np.arange(len(observations))
        for branch, action in enumerate(_chase(observations)):
            log_probabilities[every, 3 * branch + action] = np.log(np.float32(0.9))


def _chase(observations: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Run (1 forward), sidestep (1 right, 2 left) and turn (1 left, 2 right): one action a row each."""
    front = observations[:, _NEWEST].reshape(-1, 11, _RAY)
    back = observations[:, _NEWEST_BACK].reshape(-1, 3, _RAY)
    ball, behind = _bearing(front[:, :, BALL], _FRONT), _bearing(back[:, :, BALL], _BACK)
    own, goal = _bearing(front[:, :, OWN_GOAL], _FRONT), _bearing(front[:, :, GOAL], _FRONT)
    distance = np.where(front[:, :, BALL] > 0, front[:, :, 7] * 20, np.inf).min(axis=1)
    past_goal, past_own = ball - goal, ball - own  # degrees, NaN where either is unseen, and then no comparison holds

    near = distance < 8
    to_own = np.isnan(goal) & ~np.isnan(past_own)
    right = near & ((to_own & (past_own <= 0)) | (past_goal > 15))
    left = near & ((to_own & (past_own > 0)) | (past_goal < -15))
    around = np.where(to_own, np.where(past_own > 0, -25, 25), np.nan_to_num(np.clip(past_goal / 2, -25, 25)))
    aim = np.where(near, ball, ball + around)
    aim = np.where(np.isnan(ball), np.where(np.isnan(behind), 180, behind), aim)
    run = ~(right | left) & (np.abs(aim) <= 30)
    turn = np.where(np.abs(aim) <= 6, 0, np.where(aim > 0, 2, 1))
    return run.astype(np.intp), np.where(right, 1, np.where(left, 2, 0)), turn


def _bearing(hits: Floats, angles: Floats) -> Floats:
    """Mean angle of the rays that hit, degrees, + to the right; NaN where none did."""
    count = hits.sum(axis=1)
    return np.where(count > 0, hits @ angles / np.maximum(count, 1), np.float32(np.nan))
