"""The agent processor on arrays: all agents of a behavior at once, a trajectory when an agent's is complete.

Stands for AgentManager of mlagents 1.1.0 `trainers/agent_processor.py`. What it knows: the same agents decide together
at every message, or none does; whole groups of one size end together; observations are vectors. The first message that
is otherwise hands everything over to mlagents' own code, once and for all, with the state that it would have then.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from mlagents.trainers.agent_processor import AgentManager
from mlagents.trainers.behavior_id_utils import BehaviorIdentifiers, get_global_agent_id, get_global_group_id
from mlagents.trainers.ghost.trainer import GhostTrainer
from mlagents.trainers.stats import StatsReporter, StatsWriter
from mlagents.trainers.trajectory import AgentExperience, AgentStatus
from mlagents_envs.base_env import ActionTuple
from mlagents_envs.side_channel.stats_side_channel import StatsAggregationMethod
from numpy.typing import NDArray

from trials.learner.fast import scope
from trials.learner.fast.rows import Group, Rows, Store
from trials.learner.fast.trajectories import ColumnTrajectory, Counted, Cut, Experiences


class Agents:
    """What the processor remembers of each agent between two messages: one array of truth values a question.

    Rows of one group always have the same answers, because groups begin and end together."""

    def __init__(self, decision: Any, worker_id: int, most: int, branches: int) -> None:
        self.group = Group(decision.agent_id, decision.group_id)
        self.worker = worker_id
        n = len(decision.agent_id)
        self.names = [get_global_agent_id(worker_id, agent) for agent in self.group.listed]
        self.every: Rows = np.arange(n)
        self.store = Store(n, most)
        self.decided = np.zeros(n, bool)
        """It has a decision step, the latest: AgentProcessor._last_step_result."""
        self.acted = np.zeros(n, bool)
        """It has an action, the latest: AgentProcessor._last_take_action_outputs."""
        self.known = np.zeros(n, bool)
        """It had an experience in this episode: AgentProcessor._experience_buffers."""
        self.steps = np.zeros(n, np.intp)
        self.previous = np.zeros((n, branches), np.int32)
        self.decision: Any = None
        self.outputs: dict[str, Any] = {}
        self.last: tuple[Any, dict[str, Any], Any, Rows] | None = None
        """The latest experience of each group: decision, outputs, what followed, rows."""

    def forget(self, rows: Any) -> None:
        """AgentProcessor._clean_agent_data."""
        self.store.length[rows] = 0
        for answers in (self.decided, self.acted, self.known):
            answers[rows] = False
        self.steps[rows] = 0
        self.previous[rows] = 0


class ColumnManager(AgentManager):  # type: ignore[misc]
    """An AgentManager on arrays, until it meets what it does not know."""

    def __init__(self, policy: Any, behavior_id: str, stats_reporter: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(policy, behavior_id, stats_reporter, *arguments, **options)
        self._agents: Agents | None = None
        brain = BehaviorIdentifiers.from_name_behavior_id(behavior_id).brain_name
        self._given_up = not scope.brains.get(brain, False)
        if brain not in scope.brains:
            scope.say("a trainer that is neither PPO nor POCA")
        self._wanted = True

    def add_experiences(self, decision_steps: Any, terminal_steps: Any, worker_id: int, previous_action: Any) -> None:
        """As `AgentProcessor.add_experiences`."""
        if not self._given_up:
            if self._agents is None and len(decision_steps):
                branches = self.policy.behavior_spec.action_spec.discrete_size
                self._agents = Agents(decision_steps, worker_id, self._max_trajectory_length, branches)
            reason = self._unknown(decision_steps, terminal_steps, worker_id, previous_action)
            if reason is None:
                self._add(decision_steps, terminal_steps, previous_action)
                return
            self._give_up(reason)
        super().add_experiences(decision_steps, terminal_steps, worker_id, previous_action)

    def end_episode(self) -> None:
        """As `AgentProcessor.end_episode`."""
        if self._given_up or self._agents is None:
            super().end_episode()
        else:
            self._agents.forget(self._agents.known.copy())
            self._agents.store.clear()

    def _unknown(self, decision: Any, terminal: Any, worker_id: int, action: Any) -> str | None:
        """Why these steps are not what the class knows; None if they are."""
        agents = self._agents
        if agents is None:
            return "experiences before the first decision" if len(terminal) or len(action.agent_ids) else None
        group = agents.group
        if worker_id != agents.worker:
            return "several environments"
        if group.size == 0 or len(group.row) != len(group.ids):
            return "groups of different sizes"
        if any(obs.ndim != 2 for obs in decision.obs):
            return "observations that are no vectors"
        if len(decision) and not (
            np.array_equal(decision.agent_id, group.ids) and np.array_equal(decision.group_id, group.groups)
        ):
            return "agents that come, go, or decide at different times"
        if len(action.agent_ids) and (
            action.agent_ids != group.listed or not {"action", "log_probs"} <= action.outputs.keys()
        ):
            return "actions of some agents only"
        if len(terminal):
            rows = [group.row.get(int(agent), -1) for agent in terminal.agent_id]
            if min(rows) < 0 or not group.whole(np.array(rows)):
                return "agents that end before their group does"
            if not np.array_equal(terminal.group_id, group.groups[rows]):
                return "agents that change their group"
        return None

    def _add(self, decision: Any, terminal: Any, action: Any) -> None:
        """AgentProcessor.add_experiences, in its order."""
        agents = self._agents
        if agents is None:
            return
        if "entropy" in action.outputs:
            add_all(self._stats_reporter, "Policy/Entropy", action.outputs["entropy"])
        self._wanted = getattr(self.trajectory_queue, "wanted", lambda: True)()
        if len(action.agent_ids):
            agents.acted |= agents.decided
            agents.outputs = action.outputs
        if len(terminal):
            rows = np.array([agents.group.row[int(agent)] for agent in terminal.agent_id])
            self._finish(agents, terminal, rows)
        if len(decision):
            self._go_on(agents, decision)
        if len(action.agent_ids):  # mlagents stores the first agent's action for each
            agents.previous[agents.decided] = action.outputs["action"].discrete[0]

    def _finish(self, agents: Agents, terminal: Any, rows: Rows) -> None:
        at = np.flatnonzero(agents.decided[rows] & agents.acted[rows])
        if not len(at):
            return
        rows = rows[at]
        place = dict(zip(rows.tolist(), at.tolist(), strict=True))
        self._lay(agents, rows, terminal.reward[at], terminal.group_reward[at], True)
        self._cut(agents, rows, terminal, place.__getitem__)
        for row in rows.tolist():
            self._stats_reporter.add_stat("Environment/Episode Length", int(agents.steps[row]))
        agents.forget(rows)

    def _go_on(self, agents: Agents, decision: Any) -> None:
        going = agents.decided & agents.acted
        if going.any():
            rows = agents.every if going.all() else np.flatnonzero(going)
            self._lay(agents, rows, decision.reward[rows], decision.group_reward[rows], False)
            agents.last = (agents.decision, agents.outputs, decision, rows)
            agents.steps[rows] += 1
            full = rows[agents.store.length[rows] >= self._max_trajectory_length]
            if len(full):
                self._cut(agents, full, decision, lambda row: row)
                agents.store.length[full] = 0
        agents.decision = decision
        agents.decided[:] = True

    def _lay(self, agents: Agents, rows: Rows, reward: Any, group_reward: Any, done: bool) -> None:
        """One experience for each of `rows`: the latest decision and action, and what came of it."""
        agents.known[rows] = True
        if not self._wanted:
            agents.store.length[rows] += 1
            return
        decision, outputs = agents.decision, agents.outputs
        taken, log_probs = outputs["action"], outputs["log_probs"]
        values = [
            *decision.obs,
            *(taken.continuous, taken.discrete, log_probs.continuous, log_probs.discrete),
        ]
        values = values if rows is agents.every else [value[rows] for value in values]
        values += [agents.previous[rows], reward, group_reward, np.full(len(rows), done)]
        if decision.action_mask is not None:
            values.append(np.concatenate(decision.action_mask, axis=1)[rows])
        agents.store.lay(rows, values)

    def _cut(self, agents: Agents, rows: Rows, following: Any, place: Callable[[int], int]) -> None:
        """Send the trajectories of `rows` on; `following` has what each agent sees next, at place(row)."""
        cuts: dict[int, Cut] = {}
        for row in rows.tolist():
            mates = agents.group.mates[row]
            if not self._wanted:
                steps: Any = Counted(int(agents.store.length[row]))
                trajectory = ColumnTrajectory(agents.names[row], self._behavior_id, steps, _NOTHING, [], [], [])
            else:
                for one in (row, *mates):
                    if one not in cuts:
                        cuts[one] = self._cut_out(agents, one, following, place(one))
                others = [cuts[mate] for mate in mates]
                trajectory = ColumnTrajectory(
                    agents.names[row],
                    self._behavior_id,
                    Experiences(cuts[row], others, self.policy.behavior_spec.action_spec.discrete_branches),
                    cuts[row],
                    others,
                    [obs[place(row)] for obs in following.obs],
                    [[obs[place(mate)] for obs in following.obs] for mate in mates],
                )
            for queue in self._trajectory_queues:
                queue.put(trajectory)

    @staticmethod
    def _cut_out(agents: Agents, row: int, following: Any, at: int) -> Cut:
        interrupted = bool(following.interrupted[at]) if hasattr(following, "interrupted") else False
        decision = agents.decision
        return agents.store.cut(row, len(decision.obs), decision.action_mask is not None, interrupted)

    def _give_up(self, reason: str) -> None:
        """Leave all to mlagents' own code, with the dictionaries that it would have now."""
        scope.say(reason)
        self._given_up = True
        agents, self._agents = self._agents, None
        if agents is None:
            return
        for row, name in enumerate(agents.names):
            if agents.known[row]:
                self._experience_buffers[name] = self._listed(agents, row)
            if agents.decided[row]:
                self._last_step_result[name] = (agents.decision[agents.group.ids[row]], row)
            if agents.acted[row]:
                self._last_take_action_outputs[name] = agents.outputs
            if agents.steps[row]:
                self._episode_steps[name] = int(agents.steps[row])
            if agents.decided[row] and agents.outputs:
                self.policy.previous_action_dict[name] = agents.previous[row].copy()
        if agents.last is not None:
            self._tell_mates(agents, *agents.last)

    def _listed(self, agents: Agents, row: int) -> list[AgentExperience | None]:
        if not self._wanted:
            return [None] * int(agents.store.length[row])  # counted, never looked at
        if not agents.store.length[row]:
            return []
        mates = [self._cut_out(agents, mate, agents.decision, mate) for mate in agents.group.mates[row]]
        own = self._cut_out(agents, row, agents.decision, row)
        return list(Experiences(own, mates, self.policy.behavior_spec.action_spec.discrete_branches))

    def _tell_mates(self, agents: Agents, decision: Any, outputs: Any, following: Any, rows: Rows) -> None:
        """AgentProcessor._add_group_status_and_obs for the latest experiences."""
        taken = outputs["action"]
        for row in (row for row in rows.tolist() if agents.group.groups[row] > 0 and agents.acted[row]):
            group = get_global_group_id(agents.worker, agents.group.groups[row])
            self._group_status[group][agents.names[row]] = AgentStatus(
                [obs[row] for obs in decision.obs],
                following.reward[row],
                ActionTuple(continuous=taken.continuous[row], discrete=taken.discrete[row]),
                False,
            )
            self._current_group_obs[group][agents.names[row]] = [obs[row] for obs in following.obs]


_EMPTY: NDArray[Any] = np.zeros(1)
_NOTHING = Cut([], _EMPTY, _EMPTY, _EMPTY, _EMPTY, None, _EMPTY, _EMPTY, _EMPTY, _EMPTY, False)


def add_all(reporter: Any, key: str, values: Iterable[Any]) -> None:
    """reporter.add_stat(key, value) for each of `values`: the list that a summary's mean is taken of gets the same."""
    with StatsReporter.lock:
        if any(type(writer).on_add_stat is not StatsWriter.on_add_stat for writer in StatsReporter.writers):
            for value in values:
                reporter.add_stat(key, value)
            return
        StatsReporter.stats_dict[reporter.category][key].extend(values)
        StatsReporter.stats_aggregation[reporter.category][key] = StatsAggregationMethod.AVERAGE


_subscribe = GhostTrainer.subscribe_trajectory_queue


def subscribe(self: Any, trajectory_queue: Any) -> None:
    """GhostTrainer.subscribe_trajectory_queue, and let the queue say whether its team learns.

    The team changes only together with a reset that drops every experience, so nothing half kept is ever learned from.
    Of a team that does not learn GhostTrainer.advance takes the number of experiences alone. Where several trainers
    play each other, they learn of a change at different times: then everything is kept."""
    _subscribe(self, trajectory_queue)
    team = self._name_to_parsed_behavior_id[trajectory_queue.behavior_id].team_id

    def wanted() -> bool:
        trainers = {id(trainer) for trainer in self.controller._ghost_trainers.values()}
        return len(trainers) > 1 or self.controller.get_learning_team == team

    trajectory_queue.wanted = wanted
