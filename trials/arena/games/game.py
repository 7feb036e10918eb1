"""A game's face: what its agents see and do, how many there are a team, and fields to kick off, observe and advance.

A game is two teams, of one behavior or of two (`Behavior.roles`). Nothing above this face knows whether it is the
embedded SoccerTwos or an ML-Agents executable.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

VOID = 4
"""The outcome of an episode that was under way when its field was kicked off: it counts for nothing. The others are
those of `trials.soccer.constants`, RUNNING, BLUE_SCORED (team 0 won), PURPLE_SCORED (team 1) and TIMEOUT (a draw)."""
UNITY = "unity-"
"""How the version of an executable begins."""
WonBy = Literal["group", "agents", "both", "stats"]
"""Whose rewards are a team's points; `stats`: the game itself says who won."""


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """What an agent sees and does: ML-Agents' BehaviorSpec, of vectors alone, and how many agents are a team.

    A body's row for its player is what it sees, then, where actions may be masked, a 1 for each discrete action that
    is allowed, then a number from the standard normal distribution for each continuous action. The answer to it is
    the log-probabilities of each branch's actions, then the continuous actions.
    """

    name: str = field(compare=False)
    """As in a trainer's YAML, `SoccerTwos`."""
    observations: tuple[int, ...]
    """Numbers of each sensor, in the executable's order."""
    branches: tuple[int, ...] = ()
    """Actions of each discrete branch."""
    continuous: int = 0
    """Continuous actions, -1 to 1."""
    masked: bool = False
    team: int = 1
    """Agents of a team."""
    roles: "tuple[Behavior, ...]" = ()
    """The behaviors of team 0 and team 1, where these differ, and this one is made of both (`of_roles`)."""

    @property
    def teams(self) -> tuple[int, int]:
        """Agents of team 0 and of team 1."""
        one, other = self.roles or (self, self)
        return one.team, other.team

    @property
    def discrete(self) -> int:
        """Discrete actions of all branches."""
        return sum(self.branches)

    @property
    def sight(self) -> int:
        """Numbers a body is shown: what it sees, and its masks."""
        return sum(self.observations) + self.discrete * self.masked

    @property
    def row(self) -> int:
        """Numbers in a player's row."""
        return self.sight + self.continuous

    @property
    def answer(self) -> int:
        """Numbers in a player's answer."""
        return self.discrete + self.continuous

    def __str__(self) -> str:
        if self.roles:
            return " against ".join(map(str, self.roles))
        seen = " + ".join(map(str, self.observations)) or "nothing"
        acts = [f"discrete actions ({' + '.join(map(str, self.branches))})"] if self.branches else []
        acts += [f"{self.continuous} continuous action{'s' * (self.continuous > 1)}"] if self.continuous else []
        return (
            f"{self.name}, {self.team} a team, which shows {seen} numbers and takes {' and '.join(acts) or 'nothing'}"
        )


def of_roles(one: Behavior, other: Behavior) -> Behavior:
    """Both teams' behaviors as one: what they see and do behind each other, of which a body has its own team's part.

    The last of what a body sees is its team plus 1, and 0 of nobody: the smaller team is filled up with such.
    """
    return Behavior(
        name=f"{one.name}+{other.name}",
        observations=(*one.observations, *other.observations, 1),
        branches=one.branches + other.branches,
        continuous=one.continuous + other.continuous,
        masked=one.masked or other.masked,
        team=max(one.team, other.team),
        roles=(one, other),
    )


class Fields(Protocol):
    """n fields of a game side by side; each has one match at a time, of one or more episodes."""

    n: int

    def kick_off(self, seeds: NDArray[np.uint64], which: NDArray[np.intp] | None = None) -> None:
        """Begin an episode on fields `which`, all if None; which[i] from seeds[i], where the game can be told how."""

    def observe(self, which: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """What bodies are shown (n, 2 * team, sight), team 0 first; once a decision. The next call may overwrite it."""

    def advance(self, actions: NDArray[Any]) -> NDArray[np.int8]:
        """Play one decision step; outcomes (n,) of those whose episode ended by it, RUNNING of the others.

        `actions` (n, 2 * team, branches + continuous) has the chosen action of each branch, then the continuous ones;
        int8 where there are none of these, else float32."""


class Game(Protocol):
    """A game that matches can be played in."""

    @property
    def behavior(self) -> Behavior:
        """Of both teams."""

    @property
    def version(self) -> str:
        """What its matches are stamped with: matches of different stamps are never compared."""

    def fields(self, most: int) -> Fields:
        """Fields for one schedule of matches, at most `most`."""
