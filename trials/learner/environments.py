"""Where one training's experience comes from: the embedded environment, or an ML-Agents executable behind its wire.

Both run under mlagents' manager of one environment in the trainer's own process, instead of the one that forks a worker
for each: no pipe, one process to stop, and a wish to stop is seen between two steps.
Sources: mlagents 1.1.0 `trainers/learn.py` (run_training), `trainers/simple_env_manager.py`,
`trainers/subprocess_env_manager.py` (worker).
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from mlagents.trainers import learn
from mlagents.trainers.env_manager import EnvironmentStep
from mlagents.trainers.simple_env_manager import SimpleEnvManager
from mlagents_envs.base_env import BaseEnv
from mlagents_envs.exception import UnityException, UnityTimeOutException
from mlagents_envs.side_channel.engine_configuration_channel import EngineConfig, EngineConfigurationChannel
from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel
from mlagents_envs.side_channel.stats_side_channel import StatsSideChannel

from trials.communicator import PatientCommunicator
from trials.errors import SetupError, reason
from trials.records import TrialSpec
from trials.soccer.env import SoccerEnv
from trials.soccer.executable import channels


class Stop(Protocol):
    """Keeps what went wrong first, and raises when the training is to end."""

    first: Exception | None

    def check(self) -> None:
        """Raise KeyboardInterrupt, or what went wrong."""


def install(spec: TrialSpec, stop: Stop) -> None:
    """Let mlagents' run_training in this process take its experience from where `spec` says."""
    if spec.executable is None:
        learn.create_environment_factory = lambda *_: None

    def manager(factory: Any, options: Any, _: int) -> Manager:
        if spec.executable is None:
            env = SoccerEnv(fields=spec.fields, seed=spec.seed)
            return Manager(env, ParameterChannel(env), stop)
        return _over_the_wire(factory, options, spec.executable, stop)

    learn.SubprocessEnvManager = manager


def _over_the_wire(factory: Any, options: Any, path: str, stop: Stop) -> "Manager":
    """The executable started and greeted. Raises SetupError where that cannot work on any machine, else Unity's own."""
    engine, parameters = EngineConfigurationChannel(), EnvironmentParametersChannel()
    asked = options.engine_settings
    engine.set_configuration(EngineConfig(**{name: getattr(asked, name) for name in EngineConfig._fields}))
    learn.UnityEnvironment._get_communicator = staticmethod(PatientCommunicator)
    try:
        return Manager(factory(0, [engine, parameters, StatsSideChannel()]), parameters, stop)
    except UnityTimeOutException:
        raise  # a slow machine may be faster the next time
    except UnityException as error:
        raise SetupError(
            f"the executable must start and speak ML-Agents' protocol, but {path} did not"
            f" ({reason(error)}); try `sweep doctor --env {path}`"
        ) from error


class Manager(SimpleEnvManager):  # type: ignore[misc]
    """mlagents' one-process manager, which also looks for a wish to stop before each step.

    Unity sends an episode's end in a message of its own, in which nobody is to decide: no action goes out then.
    """

    def __init__(self, env: BaseEnv, channel: EnvironmentParametersChannel, stop: Stop) -> None:
        super().__init__(env, channel)
        self.previous_step: EnvironmentStep = EnvironmentStep.empty(0)
        self._stop = stop

    def _step(self) -> list[EnvironmentStep]:
        self._stop.check()
        self.previous_all_action_info = self._take_step(self.previous_step)
        for behavior, action in self.previous_all_action_info.items():
            if len(action.agent_ids) > 0:
                self.env.set_actions(behavior, action.env_action)
        self.env.step()
        self.previous_step = EnvironmentStep(self._generate_all_results(), 0, self.previous_all_action_info, {})
        return [self.previous_step]


class ParameterChannel(EnvironmentParametersChannel):  # type: ignore[misc]
    """Hands the YAML's environment_parameters to the environment directly, samplers as functions of no argument."""

    def __init__(self, env: SoccerEnv) -> None:
        super().__init__()
        self._set: Callable[[str, Callable[[], float]], None] = env.set_parameter

    def set_float_parameter(self, key: str, value: float) -> None:
        """As `EnvironmentParametersChannel.set_float_parameter`."""
        self._set(key, lambda: value)

    def set_uniform_sampler_parameters(self, key: str, min_value: float, max_value: float, seed: int) -> None:
        """As `EnvironmentParametersChannel.set_uniform_sampler_parameters`."""
        rng = np.random.default_rng(seed)
        self._set(key, lambda: float(rng.uniform(min_value, max_value)))

    def set_gaussian_sampler_parameters(self, key: str, mean: float, st_dev: float, seed: int) -> None:
        """As `EnvironmentParametersChannel.set_gaussian_sampler_parameters`."""
        rng = np.random.default_rng(seed)
        self._set(key, lambda: float(rng.normal(mean, st_dev)))

    def set_multirangeuniform_sampler_parameters(
        self, key: str, intervals: list[tuple[float, float]], seed: int
    ) -> None:
        """As `EnvironmentParametersChannel.set_multirangeuniform_sampler_parameters`."""
        self._set(key, channels.of_ranges(np.random.default_rng(seed), intervals))
