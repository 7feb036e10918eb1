"""Where one training's experience comes from: the embedded environment, or ML-Agents executables behind their wires.

All run under one manager in the trainer's own process, instead of mlagents' that forks a worker for each: no pipe, one
process to stop, and a wish to stop is seen between two steps. Several executables step together, each in a thread of
its own, so experience comes in the same order every time; mlagents takes it as it comes.
Sources: mlagents 1.1.0 `trainers/learn.py` (run_training), `trainers/simple_env_manager.py`,
`trainers/subprocess_env_manager.py` (worker).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple, Protocol

import numpy as np
from mlagents.trainers import learn
from mlagents.trainers.action_info import ActionInfo
from mlagents.trainers.env_manager import EnvironmentStep, EnvManager
from mlagents.trainers.settings import ParameterRandomizationSettings
from mlagents_envs.base_env import BaseEnv, BehaviorSpec
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
            return Manager([Environment(env, ParameterChannel(env))], stop)
        learn.UnityEnvironment._get_communicator = staticmethod(PatientCommunicator)
        with ExitStack() as started:  # one after the other: the kernel ends each with the thread that started it
            environments = []
            for worker in range(spec.num_envs):
                environments.append(_over_the_wire(factory, worker, options, spec.executable))
                started.callback(environments[-1].env.close)
            started.pop_all()
        return Manager(environments, stop)

    learn.SubprocessEnvManager = manager


class Environment(NamedTuple):
    """One environment, and what goes to it and comes from it beside steps."""

    env: BaseEnv
    parameters: EnvironmentParametersChannel
    stats: StatsSideChannel | None = None


def _over_the_wire(factory: Any, worker: int, options: Any, path: str) -> Environment:
    """An executable started and greeted, on the port of its number. Raises SetupError where that cannot work on any
    machine, else Unity's own."""
    engine, parameters, said = EngineConfigurationChannel(), EnvironmentParametersChannel(), StatsSideChannel()
    asked = options.engine_settings
    engine.set_configuration(EngineConfig(**{name: getattr(asked, name) for name in EngineConfig._fields}))
    try:
        return Environment(factory(worker, [engine, parameters, said]), parameters, said)
    except UnityTimeOutException:
        raise  # a slow machine may be faster the next time
    except UnityException as error:
        raise SetupError(
            f"the executable must start and speak ML-Agents' protocol, but {path} did not"
            f" ({reason(error)}); try `sweep doctor --env {path}`"
        ) from error


class Manager(EnvManager):  # type: ignore[misc]
    """Environments that step together, and a wish to stop that is looked for before each step.

    Unity sends an episode's end in a message of its own, in which nobody is to decide: no action goes out then.
    """

    def __init__(self, environments: Sequence[Environment], stop: Stop) -> None:
        super().__init__()
        self._environments, self._stop = environments, stop
        self._last: list[EnvironmentStep] = []
        self._threads = ThreadPoolExecutor(len(environments)) if len(environments) > 1 else None
        self._map: Callable[..., Any] = map if self._threads is None else self._threads.map

    def _step(self) -> list[EnvironmentStep]:
        self._stop.check()
        actions = [
            {
                name: self.policies[name].get_action(steps[0], worker)
                for name, steps in last.current_all_step_result.items()
            }
            for worker, last in enumerate(self._last)
        ]
        self._last = list(self._map(_stepped, range(len(actions)), self._environments, actions))
        return self._last

    def _reset_env(self, config: Mapping[str, Any] | None = None) -> list[EnvironmentStep]:
        self.set_env_parameters(config)
        self._last = list(self._map(_begun, range(len(self._environments)), self._environments))
        return self._last

    def set_env_parameters(self, config: Mapping[str, Any] | None = None) -> None:
        """As `EnvManager.set_env_parameters`: the same to each environment."""
        for name, value in (config or {}).items():
            for each in self._environments:
                if isinstance(value, float):
                    each.parameters.set_float_parameter(name, value)
                elif isinstance(value, ParameterRandomizationSettings):
                    value.apply(name, each.parameters)

    @property
    def training_behaviors(self) -> Mapping[str, BehaviorSpec]:
        """As `EnvManager.training_behaviors`: of all, since a build may show a behavior sooner than another does."""
        return {name: spec for each in self._environments for name, spec in each.env.behavior_specs.items()}

    def close(self) -> None:
        """End all of them, when none is in a step any more."""
        if self._threads is not None:
            self._threads.shutdown()
        with ExitStack() as closing:  # each, even if another's end fails
            for each in self._environments:
                closing.callback(each.env.close)


def _stepped(worker: int, one: Environment, actions: dict[str, ActionInfo]) -> EnvironmentStep:
    for behavior, action in actions.items():
        if len(action.agent_ids) > 0:
            one.env.set_actions(behavior, action.env_action)
    one.env.step()
    said = one.stats.get_and_reset_stats() if one.stats else {}
    return EnvironmentStep(_results(one.env), worker, actions, said)


def _begun(worker: int, one: Environment) -> EnvironmentStep:
    one.env.reset()
    return EnvironmentStep(_results(one.env), worker, {}, {})


def _results(env: BaseEnv) -> dict[str, Any]:
    return {behavior: env.get_steps(behavior) for behavior in env.behavior_specs}


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
