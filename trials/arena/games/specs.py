"""What an executable's BehaviorSpecs say of its game: two teams, what they see and do, and where that stands in rows.

Sources: mlagents_envs 1.1.0 `base_env.py`; a behavior's full name is `NAME?team=N`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from mlagents_envs.base_env import BehaviorSpec
from numpy.typing import NDArray

from trials.arena.games.game import Behavior, of_roles
from trials.arena.games.soccer import SOCCER
from trials.errors import SetupError

BRANCH_MOST = 127
MEND = "name an executable of two teams"


def teams(specs: Mapping[str, BehaviorSpec]) -> tuple[str, str]:
    """The full names of what team 0 and team 1 play: one behavior, or one each. Raises SetupError."""
    found = {match[2]: name for name in specs if (match := re.fullmatch(r"(.*)\?team=(\d+)", name))}
    if len(specs) != 2 or found.keys() != {"0", "1"}:
        raise SetupError(
            f"there must be two teams, 0 and 1, of one behavior each, but there are {', '.join(specs)}; {MEND}"
        )
    return found["0"], found["1"]


def behavior(
    specs: Mapping[str, BehaviorSpec], names: tuple[str, str], sizes: tuple[int, int]
) -> tuple[Behavior, tuple[list[int], list[int]]]:
    """What both teams see and do, and each one's order of sensors: in SoccerTwos forward rays, then back."""
    one, other = (_of(name, specs[name], size) for name, size in zip(names, sizes, strict=True))
    orders = [list(range(len(each.observations))) for each in (one, other)]
    if all(sorted(each.observations) == sorted(SOCCER.observations) for each in (one, other)):
        orders = [[each.observations.index(width) for width in SOCCER.observations] for each in (one, other)]
        one, other = (replace(each, observations=SOCCER.observations) for each in (one, other))
    if one.name == other.name and replace(one, team=other.team) != other:
        raise SetupError(f"both teams of a behavior must be of one kind, but there are {one}, and {other}; {MEND}")
    if (one.name, one) != (other.name, other):
        return of_roles(one, other), (orders[0], orders[1])
    return SOCCER if one == replace(SOCCER, masked=True) else one, (orders[0], orders[1])


def _of(name: str, spec: BehaviorSpec, team: int) -> Behavior:
    """One team's behavior in ML-Agents' words. Raises SetupError for what the arena does not play."""
    shapes = [tuple(each.shape) for each in spec.observation_specs]
    if not shapes or any(len(shape) != 1 for shape in shapes):
        seen = ", ".join("x".join(map(str, shape)) for shape in shapes)
        raise SetupError(
            f"{name} must observe vectors or rays, but observes {seen or 'nothing'};"
            " images and lists of varying length are not played yet"
        )
    branches, continuous = tuple(spec.action_spec.discrete_branches), int(spec.action_spec.continuous_size)
    if max(branches, default=1) > BRANCH_MOST or not (branches or continuous):
        raise SetupError(
            f"{name} must have actions, at most {BRANCH_MOST} a branch, but has branches of {list(branches)}; {MEND}"
        )
    return Behavior(
        name=name.partition("?")[0],
        observations=tuple(shape[0] for shape in shapes),
        branches=branches,
        continuous=continuous,
        masked=bool(branches),
        team=team,
    )


@dataclass(frozen=True)
class Part:
    """What is one team's in a game's rows: all of its bodies' where both teams are of one behavior."""

    role: Behavior
    bodies: slice
    seen: slice
    """Observations, among what a body is shown."""
    masks: slice
    branches: slice
    """Discrete actions, among a body's."""
    continuous: slice

    @classmethod
    def of(cls, whole: Behavior, side: int, size: int) -> Self:
        """That of team `side`, of `size` agents, in rows of `whole`."""
        role = whole.roles[side] if whole.roles else whole
        before = whole.roles[:side]  # what stands before it
        seen = sum(sum(each.observations) for each in before)
        masks = sum(whole.observations) + sum(each.discrete for each in before)
        branch = sum(len(each.branches) for each in before)
        continuous = len(whole.branches) + sum(each.continuous for each in before)
        return cls(
            role,
            slice(whole.team * side, whole.team * side + size),
            slice(seen, seen + sum(role.observations)),
            slice(masks, masks + role.discrete),
            slice(branch, branch + len(role.branches)),
            slice(continuous, continuous + role.continuous),
        )


def nothing_seen(whole: Behavior, parts: Sequence[Part], fields: int) -> NDArray[np.float32]:
    """Rows (fields, bodies, sight) of a game in which everything is 0 and allowed, and of two behaviors each body's."""
    rows = np.zeros((fields, 2 * whole.team, whole.sight), np.float32)
    rows[:, :, sum(whole.observations) :] = 1
    for side, part in enumerate(parts if whole.roles else ()):
        rows[:, part.bodies, sum(whole.observations) - 1] = side + 1
    return rows
