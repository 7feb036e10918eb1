"""What the executable says, and what it reads of the answers: the messages of ML-Agents' wire.

Source: ML-Agents 1.1.0 `mlagents_envs/environment.py` and `rpc_utils.py`; on Unity's side
`Runtime/Communicator/GrpcExtensions.cs` and `RpcCommunicator.cs` of package 3.0.0-exp.1.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from mlagents_envs.base_env import ActionTuple, BaseEnv, BehaviorSpec, DecisionSteps, ObservationSpec, TerminalSteps
from numpy.typing import NDArray

from trials.errors import SetupError
from trials.soccer.executable import channels
from trials.soccer.executable.protobuf import UnityMessageProto

COMMUNICATION_VERSION = "1.5.0"
"""Of the protocol; both ends accept any other with the same first number."""
PACKAGE_VERSION = "3.0.0-exp.1"
"""The Unity package whose part this plays; the trainer only logs it."""
OK, CLOSE = 200, 400
"""The header's status: go on, or the end of the session."""
RESET, QUIT = 1, 2
"""Commands; anything else is a step."""
CAPABILITIES = (
    "baseRLCapabilities",
    "concatenatedPngObservations",
    "compressedChannelMapping",
    "hybridActions",
    "trainingAnalytics",
    "variableLengthObservation",
    "multiAgentGroups",
)
DIMENSION_NONE = 1
"""No structure that a network could use along an observation's one dimension."""


def introduction() -> Any:
    """The first message: who this is, and what it can."""
    message = empty(OK)
    about = message.unity_output.rl_initialization_output
    about.name = "AcademySingleton"
    about.communication_version = COMMUNICATION_VERSION
    about.package_version = PACKAGE_VERSION
    for name in CAPABILITIES:
        setattr(about.capabilities, name, True)
    return message


def state(env: BaseEnv, with_specs: bool) -> Any:
    """Every agent's steps, terminal ones first; `with_specs`, in the first such message, also what behaviors expect."""
    message = empty(OK)
    output = message.unity_output
    output.rl_output.side_channel = channels.stats(getattr(env, "stats", {}))
    for name, spec in env.behavior_specs.items():
        decisions, terminals = env.get_steps(name)
        agents = output.rl_output.agentInfos[name].value
        _add(agents, spec, terminals, terminals.interrupted)
        _add(agents, spec, decisions, None)
        if with_specs:
            brain = output.rl_initialization_output.brain_parameters.add(brain_name=name, is_training=True)
            brain.action_spec.num_continuous_actions = spec.action_spec.continuous_size
            brain.action_spec.num_discrete_actions = spec.action_spec.discrete_size
            brain.action_spec.discrete_branch_sizes.extend(spec.action_spec.discrete_branches)
    return message


def check_version(theirs: str) -> None:
    """Raises SetupError where the trainer's protocol has another first number than ours."""
    if theirs.split(".")[0] != COMMUNICATION_VERSION.split(".")[0]:
        raise SetupError(
            f"the trainer's communication version must fit {COMMUNICATION_VERSION}, but is {theirs or 'not told'};"
            " train with mlagents 1.1.0"
        )


def act(env: BaseEnv, actions: Mapping[str, Any]) -> None:
    """Give the deciding agents their actions, in the order they were sent; those of a behavior left out stand still.

    Raises SetupError where there are not as many for each of them as the behavior takes, and
    `mlagents_envs.exception.UnityActionException` for an unknown behavior or values that it does not take."""
    for name, given in actions.items():
        asking = len(env.get_steps(name)[0])
        takes = env.behavior_specs[name].action_spec
        discrete = [tuple(action.discrete_actions) for action in given.value]
        continuous = [tuple(action.continuous_actions) for action in given.value]
        for rows, size, kind in (
            (discrete, takes.discrete_size, "discrete"),
            (continuous, takes.continuous_size, "continuous"),
        ):
            if len(rows) != asking or any(len(row) != size for row in rows):
                raise SetupError(
                    f"{asking} agents of {name} must get {size} {kind} actions each, but {len(rows)} got"
                    f" {sorted({len(row) for row in rows})}; train with mlagents 1.1.0"
                )
        env.set_actions(
            name,
            ActionTuple(
                continuous=np.array(continuous, np.float32).reshape(asking, takes.continuous_size),
                discrete=np.array(discrete, np.int32).reshape(asking, takes.discrete_size),
            ),
        )


def empty(status: int) -> Any:
    """A message without content."""
    message = UnityMessageProto()
    message.header.status = status
    return message


def _add(
    agents: Any, spec: BehaviorSpec, steps: DecisionSteps | TerminalSteps, interrupted: NDArray[np.bool_] | None
) -> None:
    """Append one AgentInfoProto a row of `steps`; `interrupted` is None for decisions. No mask: nothing is masked."""
    if not len(steps):
        return
    seen = _observations(spec.observation_specs, steps.obs)
    columns = zip(
        steps.agent_id.tolist(),
        steps.group_id.tolist(),
        steps.reward.tolist(),
        steps.group_reward.tolist(),
        [False] * len(steps) if interrupted is None else interrupted.tolist(),
        strict=True,
    )
    done = interrupted is not None
    masks = [] if done or not steps.action_mask else steps.action_mask
    masked = np.concatenate(masks, axis=1).tolist() if any(mask.any() for mask in masks) else None
    for row, (agent, group, reward, group_reward, cut_short) in enumerate(columns):
        agents.add(
            id=agent,
            group_id=group,
            reward=reward,
            group_reward=group_reward,
            done=done,
            max_step_reached=cut_short,
            action_mask=masked[row] if masked else (),
        ).MergeFromString(seen[row].tobytes())


def _observations(specs: Sequence[ObservationSpec], values: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """(agents, bytes): the serialized observations of each agent, the numbers laid between what never changes.

    A float at a time would cost more than the game itself."""
    parts = []
    for spec, numbers in zip(specs, values, strict=True):
        head, tail = _around(spec.name, spec.shape[0])
        n = len(numbers)
        raw = np.ascontiguousarray(numbers, "<f4").view(np.uint8)
        parts += [np.broadcast_to(head, (n, len(head))), raw, np.broadcast_to(tail, (n, len(tail)))]
    return np.concatenate(parts, axis=1)


@cache
def _around(name: str, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What protobuf writes before and behind the numbers of an observation, cut from a sample it wrote itself."""
    sample = UnityMessageProto().unity_output.rl_output.agentInfos[name].value.add()
    observation = sample.observations.add(shape=[size], dimension_properties=[DIMENSION_NONE], name=name)
    numbers = np.full(size, np.pi, "<f4")
    observation.float_data.data.extend(numbers.tolist())
    head, _, tail = sample.SerializeToString().partition(numbers.tobytes())
    return np.frombuffer(head, np.uint8), np.frombuffer(tail, np.uint8)
