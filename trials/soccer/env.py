"""The ML-Agents face of the game: the `BaseEnv` that a trainer takes for a Unity build of SoccerTwos."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from mlagents_envs.base_env import (
    ActionSpec,
    ActionTuple,
    BaseEnv,
    BehaviorMapping,
    BehaviorSpec,
    DecisionSteps,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
    TerminalSteps,
)
from mlagents_envs.exception import UnityActionException
from numpy.typing import NDArray

from trials.errors import SpaceError
from trials.soccer.constants import (
    AGENTS,
    BACK_SIZE,
    BLUE_SCORED,
    DECISION_PERIOD,
    FORWARD_SIZE,
    MAX_STEPS,
    PURPLE_SCORED,
    TIMEOUT,
    TOUCH_REWARD,
)
from trials.soccer.game import Fields

T = TypeVar("T", bound=np.generic)

BEHAVIORS = ("SoccerTwos?team=0", "SoccerTwos?team=1")
PARAMETERS = ("ball_touch", "gravity")
TEAM = AGENTS // 2
ACTIONS = ActionSpec.create_discrete((3, 3, 3))


def _spec(colour: str) -> BehaviorSpec:
    sensors = ((f"{colour}RayPerceptionSensor", FORWARD_SIZE), (f"{colour}RayPerceptionSensorReverse", BACK_SIZE))
    return BehaviorSpec(
        [
            ObservationSpec((size,), (DimensionProperty.NONE,), ObservationType.DEFAULT, f"StackingSensor_size3_{name}")
            for name, size in sensors
        ],
        ACTIONS,
    )


class SoccerEnv(BaseEnv):  # type: ignore[misc]  # mlagents_envs has no types
    """`fields` matches of four agents each; agent 4 * field + i, groups 2 * field + 1 (blue) and + 2 (purple).

    All agents decide together, every fifth physics step of a global count. A field whose episode ends in between is
    kicked off at once and idles until then; its terminal steps come with the decision steps of its next episode.
    """

    parameters = PARAMETERS
    academy_capabilities = None  # nothing that a Unity package would have to negotiate

    def __init__(self, fields: int = 8, seed: int = 0) -> None:
        self._fields = Fields(fields)
        self._seed = np.array([seed * 0xD1342543DE82EF95 % 2**64], np.uint64)
        self._episode = np.zeros(fields, np.uint64)
        self._actions = np.zeros((fields, AGENTS, 3), np.int8)
        self._ball_touch = np.zeros((fields, AGENTS), np.float32)
        self._samples: dict[str, Callable[[], float]] = {}
        self._specs: Mapping[str, BehaviorSpec] = BehaviorMapping(
            {BEHAVIORS[0]: _spec("Blue"), BEHAVIORS[1]: _spec("Purple")}
        )
        self._ids = [self._team(np.arange(fields * AGENTS, dtype=np.int32).reshape(fields, AGENTS), t) for t in (0, 1)]
        self._groups = [ids // AGENTS * 2 + 1 + team for team, ids in enumerate(self._ids)]
        self._unmasked = [np.zeros((fields * TEAM, 3), bool) for _ in range(3)]
        self._no_reward = np.zeros(fields * TEAM, np.float32)
        self._nothing = [TerminalSteps.empty(self._specs[name]) for name in BEHAVIORS]
        self._steps = [
            (DecisionSteps.empty(spec), TerminalSteps.empty(spec)) for spec in (self._specs[name] for name in BEHAVIORS)
        ]
        self._began = False

    @property
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        """As `BaseEnv.behavior_specs`."""
        return self._specs

    def set_parameter(self, name: str, sample: Callable[[], float]) -> None:
        """Set an environment parameter; `sample` is called for each agent at the beginning of each of its episodes.

        `ball_touch`: 0.2 of it rewards each touch of the ball. `gravity`: taken, and without effect in the plane."""
        if name not in PARAMETERS:
            raise SpaceError(
                f"an environment parameter of SoccerTwos must be one of {', '.join(PARAMETERS)}, but got {name};"
                " edit environment_parameters"
            )
        self._samples[name] = sample

    def reset(self) -> None:
        """As Unity's: kicks off once, and later only begins the agents' episodes anew where they stand."""
        every = np.arange(self._fields.n)
        if self._began:
            self._begin_episodes(every)
        else:
            self._kick_off(every)
            self._began = True
        self._actions[:] = 0
        self._decide(self._nothing)

    def step(self) -> None:
        """As `BaseEnv.step`."""
        if not self._began:
            self.reset()
            return
        ended = np.flatnonzero(self._fields.advance(self._actions))
        terminal = self._nothing
        if len(ended):
            terminal = self._terminate(ended)
            wait = DECISION_PERIOD - self._fields.gone[ended]
            self._kick_off(ended)
            self._fields.idle(ended, wait)
        self._actions[:] = 0
        self._decide(terminal)

    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        """As `BaseEnv.get_steps`."""
        return self._steps[self._index(behavior_name)]

    def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
        """As `BaseEnv.set_actions`."""
        team = self._index(behavior_name)
        asking = len(self._steps[team][0])
        discrete = ACTIONS._validate_action(action, asking, behavior_name).discrete
        if asking:
            self._refuse(discrete, behavior_name)
            self._actions[:, team * TEAM : (team + 1) * TEAM] = discrete.reshape(-1, TEAM, 3)

    def set_action_for_agent(self, behavior_name: str, agent_id: int, action: ActionTuple) -> None:
        """As `BaseEnv.set_action_for_agent`."""
        team = self._index(behavior_name)
        if agent_id not in self._steps[team][0]:
            raise UnityActionException(
                f"agent_id must be one that asks for a decision of {behavior_name}, but got {agent_id}"
            )
        discrete = ACTIONS._validate_action(action, 1, behavior_name).discrete
        self._refuse(discrete, behavior_name)
        self._actions[agent_id // AGENTS, agent_id % AGENTS] = discrete[0]

    def close(self) -> None:
        """Nothing is held that would need it."""

    def _index(self, behavior_name: str) -> int:
        if behavior_name not in BEHAVIORS:
            raise UnityActionException(f"a behavior must be one of {', '.join(BEHAVIORS)}, but got {behavior_name}")
        return BEHAVIORS.index(behavior_name)

    @staticmethod
    def _refuse(discrete: NDArray[np.int32], behavior_name: str) -> None:
        if discrete.min() < 0 or discrete.max() > 2:
            raise UnityActionException(
                f"an action of {behavior_name} must be 0, 1 or 2, but got {discrete.min()}..{discrete.max()}"
            )

    def _kick_off(self, which: NDArray[np.intp]) -> None:
        self._episode[which] += np.uint64(1)
        # Odd multipliers keep the seeds of fields, episodes and environments apart; the generator mixes them.
        seeds = (
            self._seed
            + which.astype(np.uint64) * np.uint64(0xAF251AF3B0F025B5)
            + self._episode[which] * np.uint64(0x2545F4914F6CDD1D)
        )
        self._fields.kick_off(seeds, which)
        self._begin_episodes(which)

    def _begin_episodes(self, which: NDArray[np.intp]) -> None:
        sample = self._samples.get("ball_touch")
        if sample is not None:
            self._ball_touch[which] = [[sample() for _ in range(AGENTS)] for _ in which]

    def _terminate(self, ended: NDArray[np.intp]) -> list[TerminalSteps]:
        """The terminal steps of the fields `ended`, with what their agents see where the episode left them."""
        fields = self._fields
        outcome = fields.outcome[ended]
        seen = fields.observe(ended)[ended]
        reward = self._rewards()[ended]
        score = (1.0 - fields.timer[ended] / MAX_STEPS).astype(np.float32)
        steps = []
        for team, scored in enumerate((BLUE_SCORED, PURPLE_SCORED)):
            group = np.where(outcome == TIMEOUT, 0.0, np.where(outcome == scored, score, -1.0)).astype(np.float32)
            at = (ended[:, None] * TEAM + np.arange(TEAM)).ravel()
            steps.append(
                TerminalSteps(
                    obs=self._split(seen, team),
                    reward=self._team(reward, team),
                    interrupted=np.repeat(outcome == TIMEOUT, TEAM),
                    agent_id=self._ids[team][at],
                    group_id=self._groups[team][at],
                    group_reward=np.repeat(group, TEAM),
                )
            )
        return steps

    def _decide(self, terminal: list[TerminalSteps]) -> None:
        """Look, and put every agent's decision step beside the terminal steps."""
        seen, reward = self._fields.observe(), self._rewards()
        self._steps = [
            (
                DecisionSteps(
                    obs=self._split(seen, team),
                    reward=self._team(reward, team),
                    agent_id=self._ids[team],
                    action_mask=self._unmasked,
                    group_id=self._groups[team],
                    group_reward=self._no_reward,
                ),
                terminal[team],
            )
            for team in (0, 1)
        ]

    def _rewards(self) -> NDArray[np.float32]:
        """(fields, 4): what the touches since the last decision are worth."""
        return np.float32(TOUCH_REWARD) * self._ball_touch * self._fields.touches.astype(np.float32)

    @staticmethod
    def _split(seen: NDArray[np.float32], team: int) -> list[NDArray[np.float32]]:
        """The two observations of a team, (2 * fields, 264) and (2 * fields, 72), copied: the trainer keeps them."""
        own = seen[:, team * TEAM : (team + 1) * TEAM]
        return [
            own[:, :, :FORWARD_SIZE].copy().reshape(-1, FORWARD_SIZE),
            own[:, :, FORWARD_SIZE:].copy().reshape(-1, BACK_SIZE),
        ]

    @staticmethod
    def _team(values: NDArray[T], team: int) -> NDArray[T]:
        return values[:, team * TEAM : (team + 1) * TEAM].reshape(-1)
