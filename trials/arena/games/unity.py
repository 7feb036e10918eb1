"""An ML-Agents environment as a game: two teams of one behavior, or of one each, the policies of both ours.

What differs from the embedded fields: episodes follow each other by themselves, and nobody can say how one begins. So a
kick-off only acknowledges that a field's next episode has begun, the two matches of a pair share no kick-off, and a
field whose episode is already under way plays it to its end first, which counts for nothing (`VOID`).

A team is a group of ML-Agents' (`MultiAgentGroup`), or an agent without one. Who won: the team with more points, the
sum over the episode of its group's rewards, or of its agents' own, or of both, as `won_by` says; as many are a draw.
Or the game says it, by ML-Agents' StatsRecorder under WORD, as an episode ends: above 0 team 0 won, below it team 1.
That names no field, so there must be one alone.
Sources: ML-Agents `SoccerEnvController.cs` (both groups of a field are made one after the other, and end together),
`MultiAgentGroupIdCounter.cs`, `Agent.cs` (an agent has a new id in every episode, a group keeps its own).
"""

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from mlagents_envs.base_env import ActionTuple, BaseEnv
from numpy.typing import NDArray

from trials.arena.games import specs
from trials.arena.games.game import VOID, WonBy
from trials.arena.games.soccer import SOCCER
from trials.errors import LostTrial, SetupError
from trials.soccer.constants import BLUE_SCORED, PURPLE_SCORED, RUNNING, TIMEOUT

if TYPE_CHECKING:  # importing it takes mends that are executable.py's
    from mlagents_envs.side_channel.stats_side_channel import StatsSideChannel

WORD = "won"
"""Under which a game tells its result: `Academy.Instance.StatsRecorder.Add("won", 1)`."""
MESSAGES_MOST = 1000
"""Messages in a row in which nobody is to decide: each field may end in one of its own, so many, but not for ever."""


class UnityGame:
    """All fields of `env`, which it resets; `fields` lends them to one `match.play` after the other.

    Field i has the i-th group of each team by id, or the i-th agent; every end that is played checks it. A team's first
    body is the agent with the lowest id of the episode, so the order of agents in a message means nothing.
    """

    def __init__(
        self, env: BaseEnv, version: str, won_by: WonBy | None = None, said: "StatsSideChannel | None" = None
    ) -> None:
        """`version` is what matches here are stamped with; `won_by` by default the group's rewards where there are
        groups, else the agent's; `stats` hears what is `said`. Raises SetupError where it is no such game."""
        self.version, self._env = version, env
        self._said, self._word = said if won_by == "stats" else None, math.nan
        env.reset()
        self._await_agents()
        self._names = specs.teams(env.behavior_specs)
        self._teams = [_Team(name, env.get_steps(name)[0], won_by) for name in self._names]
        one, other = self._teams
        if one.total != other.total:
            raise SetupError(
                f"both teams must be on as many fields, but there are {one.total} of {self._names[0]} and {other.total}"
                f" of {self._names[1]}; {specs.MEND}"
            )
        self.behavior, self._order = specs.behavior(env.behavior_specs, self._names, (one.size, other.size))
        self._parts = [specs.Part.of(self.behavior, side, team.size) for side, team in enumerate(self._teams)]
        self.n = self.total = one.total
        if won_by == "stats" and self.total > 1:
            raise SetupError(
                f"a game that says itself who won must be on one field, but there are {self.total}; --won-by group or"
                " agents"
            )
        self._seen = specs.nothing_seen(self.behavior, self._parts, self.total)
        self._points = np.zeros((2, self.total))
        self._fresh = np.ones(self.total, bool)
        self._stale = np.zeros(self.total, bool)
        self._look()

    def fields(self, most: int) -> Self:
        """These fields, at most `most` of them: the first `n`. The others play on, their agents standing still."""
        self.n = min(most, self.total)
        return self

    def kick_off(self, seeds: NDArray[np.uint64], which: NDArray[np.intp] | None = None) -> None:
        """Acknowledge the episodes that begin on fields `which`, all if None; `seeds` are without effect."""
        at = np.arange(self.n) if which is None else which
        self._stale[at] = ~self._fresh[at]

    def observe(self, which: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """(n, 2 * team, sight) float32, as `Fields.observe`; of all fields, whichever are asked for."""
        return self._seen[: self.n]

    def advance(self, actions: NDArray[Any]) -> NDArray[np.int8]:
        """As `Fields.advance`; VOID where an episode ended that was under way when its field was kicked off.

        Raises SetupError where an end is none of the game's, LostTrial, and mlagents' own exceptions."""
        for name, team, part in zip(self._names, self._teams, self._parts, strict=True):
            given = np.zeros((self.total, team.size, actions.shape[2]), actions.dtype)
            given[: self.n] = actions[:, part.bodies]
            sent = np.empty((self.total * team.size, actions.shape[2]), actions.dtype)
            sent[team.order] = given.reshape(len(sent), -1)
            discrete, continuous = sent[:, part.branches].astype(np.int32), sent[:, part.continuous].astype(np.float32)
            self._env.set_actions(name, ActionTuple(continuous=continuous, discrete=discrete))
        self._step()
        outcomes = self._await_decisions()
        self._look()
        self._fresh = outcomes != RUNNING
        outcomes[self._fresh & self._stale] = VOID
        return outcomes[: self.n]

    def _step(self) -> None:
        try:
            self._env.step()
            if self._said is not None and (told := self._said.get_and_reset_stats().get(WORD)):
                self._word = told[-1][0]
        except RuntimeError as error:  # mlagents_envs rpc_utils, _raise_on_nan_and_inf
            raise LostTrial(f"an executable must send finite numbers, but: {error}; run it again") from error

    def _await_agents(self) -> None:
        """Take messages until somebody is to decide; in the first of them are all."""
        for _ in range(MESSAGES_MOST):
            if any(len(self._env.get_steps(name)[0]) for name in self._env.behavior_specs):
                return
            self._step()
        raise SetupError(
            f"an executable must have agents that decide, but none came in {MESSAGES_MOST} steps; {specs.MEND}"
        )

    def _await_decisions(self) -> NDArray[np.int8]:
        """Take messages until all are to decide: Unity sends ends in messages of their own. Outcomes (total,)."""
        ended = np.zeros((2, self.total), bool)
        interrupted = np.zeros(self.total, bool)
        # Points of episodes that began meanwhile. In SoccerTwos they are a second reward for the goal before, of a ball
        # that touched two goals' boxes at once (trials/soccer/SPEC.md), and nobody's.
        later = np.zeros((2, self.total))
        whole = sum(team.size for team in self._teams) * self.total
        for _ in range(MESSAGES_MOST):
            asking = 0
            for side, (name, team) in enumerate(zip(self._names, self._teams, strict=True)):
                decisions, ends = self._env.get_steps(name)
                asking += len(decisions)
                if len(ends):
                    at = team.ended(ends)
                    _add(self._points[side], at, team.reward(ends), team.size)
                    ended[side, at], interrupted[at] = True, ends.interrupted
                if len(decisions):
                    at = team.fields(decisions)
                    reward, over = team.reward(decisions), ended[side, at]
                    _add(later[side], at[over], reward[over], team.size)
                    _add(self._points[side], at[~over], reward[~over], team.size)
            if asking == whole:
                outcomes = self._outcomes(ended, interrupted)
                self._points[:, ended[0]] = 0 if self.behavior == SOCCER else later[:, ended[0]]
                return outcomes
            if asking:
                raise SetupError(
                    f"all {whole} agents must decide together, but {asking} did; {specs.MEND}, whose agents all decide"
                    " at the same steps and end with their team"
                )
            self._step()
        raise LostTrial(f"agents must decide again, but none did in {MESSAGES_MOST} messages; run it again")

    def _look(self) -> None:
        """Put what everyone is shown in its field's and its body's place."""
        for side, (name, team, part) in enumerate(zip(self._names, self._teams, self._parts, strict=True)):
            steps = self._env.get_steps(name)[0]
            team.arrange(steps)
            shown = np.concatenate([steps.obs[sensor] for sensor in self._order[side]], axis=1)
            self._put(shown, team, part.bodies, part.seen)
            if part.role.masked:
                masks = steps.action_mask or [np.zeros((len(steps), size), bool) for size in part.role.branches]
                allowed = np.concatenate([~np.asarray(mask, bool) for mask in masks], axis=1)
                self._put(allowed, team, part.bodies, part.masks)

    def _put(self, rows: NDArray[Any], team: "_Team", bodies: slice, numbers: slice) -> None:
        """Rows of a team's agents, in the order of its message, into `numbers` of its `bodies`."""
        self._seen[:, bodies, numbers] = rows[team.order].reshape(self.total, team.size, -1)

    def _outcomes(self, ended: NDArray[np.bool_], interrupted: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Outcomes (total,) of ends (2, total) by the teams' points."""
        alone = np.flatnonzero(ended[0] != ended[1])
        if alone.size:
            raise SetupError(
                "the groups of a field must end together and be numbered in the fields' order, but of the groups"
                f" in place {int(alone[0]) + 1} of each team only one ended; {specs.MEND}"
            )
        if self._said is not None and ended[0, 0]:
            if math.isnan(self._word):
                raise SetupError(
                    f'an episode must end with a word on who won, StatsRecorder.Add("{WORD}", 1), -1 or 0, but none'
                    " came; add it to the game, or --won-by group or agents"
                )
            self._points[:, 0], self._word = (self._word, 0), math.nan
        blue, purple = self._points
        unclear = np.flatnonzero(ended[0] & ~interrupted & ~(blue * purple < 0))
        if unclear.size and self.behavior == SOCCER and self._said is None:
            raise SetupError(
                "an episode must end by a goal, rewarding one team and punishing the other, or by a timeout, but one"
                f" ended with group rewards {blue[unclear[0]]:g} and {purple[unclear[0]]:g}; name an executable of"
                " SoccerTwos"
            )
        won = np.where(blue > purple, BLUE_SCORED, PURPLE_SCORED)
        won = np.where(np.isclose(blue, purple, rtol=0, atol=1e-6), TIMEOUT, won)
        return np.where(ended[0], won, RUNNING).astype(np.int8)


class _Team:
    """Which rows of a team's messages are whose: its groups, or its agents without one, in the fields' order."""

    def __init__(self, name: str, steps: Any, won_by: WonBy | None) -> None:
        """`steps`: the first in which all are to decide."""
        groups = np.asarray(steps.group_id)  # mlagents has a list
        self.name, self.grouped = name, bool(len(groups)) and bool(groups.min() > 0)
        self._known, sizes = np.unique(groups if self.grouped else np.asarray(steps.agent_id), return_counts=True)
        if len(set(sizes.tolist())) != 1 or (groups.min() <= 0 < groups.max()):
            raise SetupError(
                f"{name} must play in groups of as many agents each, or all without, but has {len(groups)} agents in"
                f" groups of {sorted(set(sizes.tolist())) or 'none'}; {specs.MEND}"
            )
        self.total, self.size = len(self._known), int(sizes[0])
        self._won_by: WonBy = won_by or ("group" if self.grouped else "agents")
        if self._won_by in ("group", "both") and not self.grouped:
            raise SetupError(
                f"a game that is won by its groups' rewards must have groups, but {name} has none; --won-by agents"
            )
        self.order: NDArray[np.intp] = np.zeros(len(groups), np.intp)
        self._waiting: list[int] = []

    def reward(self, steps: Any) -> NDArray[np.float32]:
        """What a row says of its team's points; their mean over the team's rows is meant, since a group's reward stands
        in the row of each of its agents, and an agent's own in one."""
        group: NDArray[np.float32] = steps.group_reward
        own: NDArray[np.float32] = steps.reward * self.size
        return group if self._won_by == "group" else own if self._won_by == "agents" else group + own

    def ended(self, ends: Any) -> NDArray[np.intp]:
        """The fields of terminal rows; an agent without a group comes back under a new id."""
        at = self._at(ends)
        if not self.grouped:
            self._waiting += at.tolist()
        return at

    def fields(self, steps: Any) -> NDArray[np.intp]:
        """The fields of rows that are to decide."""
        if not self.grouped:  # new ids are given in the order in which episodes ended
            new = sorted(set(steps.agent_id.tolist()) - set(self._known.tolist()))
            returned = set(self._known.tolist()) & set(steps.agent_id.tolist())
            places = [field for field in self._waiting if int(self._known[field]) not in returned]
            if len(new) == len(places):
                self._known[places] = new
            self._waiting = []
        return self._at(steps)

    def arrange(self, steps: Any) -> None:
        """Note the order in which a message that all are in shows the fields and, in each, the bodies by their ids."""
        at = self._at(steps)
        self.order = np.lexsort((steps.agent_id, at))
        if not np.array_equal(at[self.order], np.repeat(np.arange(self.total), self.size)):
            raise SetupError(
                f"the groups of {self.name} must stay {self.size} agents each, but they changed; {specs.MEND}"
            )

    def _at(self, steps: Any) -> NDArray[np.intp]:
        ids = np.asarray(steps.group_id if self.grouped else steps.agent_id)
        sorter = np.argsort(self._known)
        at: NDArray[np.intp] = sorter[np.minimum(np.searchsorted(self._known, ids, sorter=sorter), self.total - 1)]
        strange = sorted(set(ids[self._known[at] != ids].tolist()))
        if strange:
            what = "groups" if self.grouped else "agents"
            raise SetupError(f"a field's {what} must stay, but new ones came: {strange}; {specs.MEND}")
        return at


def _add(points: NDArray[np.float64], at: NDArray[np.intp], reward: NDArray[np.float32], size: int) -> None:
    """Add each field's reward, which stands in the rows of all its `size` agents."""
    np.add.at(points, at, reward / np.float64(size))
