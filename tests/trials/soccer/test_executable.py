"""The executable as a trainer meets it: through mlagents' own UnityEnvironment, or its end of the wire alone."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psutil
import pytest
from mlagents_envs import env_utils
from mlagents_envs.base_env import ActionTuple, BaseEnv
from mlagents_envs.exception import UnityCommunicatorStoppedException
from patience import communicate, now, survivors

from trials.errors import SetupError
from trials.soccer.env import BEHAVIORS, SoccerEnv
from trials.soccer.executable import channels, messages
from trials.soccer.executable.__main__ import FIELDS_MOST
from trials.soccer.executable.launcher import install
from trials.soccer.executable.protobuf import UnityMessageProto

with warnings.catch_warnings():  # mlagents_envs imports distutils, and compares versions with it
    warnings.simplefilter("ignore")
    from mlagents_envs.environment import UnityEnvironment
    from mlagents_envs.rpc_communicator import RpcCommunicator
    from mlagents_envs.side_channel.engine_configuration_channel import EngineConfigurationChannel
    from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel
    from mlagents_envs.side_channel.raw_bytes_channel import RawBytesChannel
    from mlagents_envs.side_channel.side_channel_manager import SideChannelManager
    from mlagents_envs.side_channel.stats_side_channel import StatsSideChannel

pytestmark = pytest.mark.filterwarnings("ignore:distutils")

BLUE, PURPLE = BEHAVIORS
GONE_S = 6.0
"""How soon the executable must be gone once its trainer is, seconds."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("with space") / "SoccerTwos.x86_64")


@contextmanager
def started(path: Path, **settings: Any) -> Iterator[UnityEnvironment]:
    env = UnityEnvironment(str(path), base_port=free_port(), **{"timeout_wait": 600} | settings)  # by the clock
    try:
        yield env
    finally:
        if env._loaded:
            env.close()


def play(env: BaseEnv, actions: np.ndarray) -> None:
    """One step; actions (2, agents of a team, 3)."""
    for name, given in zip(BEHAVIORS, actions, strict=True):
        env.set_actions(name, ActionTuple(discrete=given))
    env.step()


def same(wire: BaseEnv, embedded: BaseEnv) -> int:
    """Compare all that a trainer sees now, bit for bit; the number of terminal steps."""
    ended = 0
    for name in BEHAVIORS:
        for ours, theirs in zip(embedded.get_steps(name), wire.get_steps(name), strict=True):
            assert len(ours) == len(theirs)
            for field in ("agent_id", "group_id", "reward", "group_reward"):
                np.testing.assert_array_equal(getattr(theirs, field), getattr(ours, field), field)
            for a, b in zip(ours.obs, theirs.obs, strict=True):
                assert (a.dtype, a.shape) == (b.dtype, b.shape)
                assert a.tobytes() == b.tobytes()
        decisions, terminals = wire.get_steps(name)
        for mask in decisions.action_mask:
            assert mask.shape == (len(decisions), 3)
            assert not mask.any()
        np.testing.assert_array_equal(terminals.interrupted, embedded.get_steps(name)[1].interrupted)
        ended += len(terminals)
    return ended


# ---------------------------------------------------------------------------------------------- the same game


def test_the_wire_plays_as_the_embedded_environment_does(launcher: Path) -> None:
    parameters, rng = EnvironmentParametersChannel(), np.random.default_rng(1)
    parameters.set_float_parameter("ball_touch", 0.7)
    embedded = SoccerEnv(8, seed=11)
    embedded.set_parameter("ball_touch", lambda: 0.7)
    ended, rewarded = 0, 0.0
    with started(launcher, seed=11, side_channels=[parameters]) as wire:
        for steps in (100, 400, 1):
            wire.reset()
            embedded.reset()
            same(wire, embedded)
            for _ in range(steps):
                actions = rng.choice(3, (2, 16, 3), p=(0.1, 0.7, 0.2)).astype(np.int32)
                actions[:, :, 1] *= rng.random((2, 16)) < 0.1  # mostly straight ahead, so that goals fall
                play(wire, actions)
                play(embedded, actions)
                ended += same(wire, embedded)
                rewarded += abs(wire.get_steps(BLUE)[0].reward).sum()
        assert list(wire.behavior_specs) == list(BEHAVIORS)
        for name in BEHAVIORS:
            assert wire.behavior_specs[name] == embedded.behavior_specs[name]
    assert ended >= 4
    assert rewarded > 0


def test_the_largest_message_fits_what_mlagents_takes() -> None:
    env = SoccerEnv(FIELDS_MOST)
    env.reset()
    env._fields.timer[:] = 4998  # all end at once
    env.step()
    assert len(env.get_steps(BLUE)[1]) == 2 * FIELDS_MOST
    message = messages.state(env, with_specs=True)
    assert len(message.SerializeToString()) < 4 * 1024 * 1024  # gRPC's default
    agents = message.unity_output.rl_output.agentInfos[PURPLE].value
    assert all(agent.done == agent.max_step_reached for agent in agents)  # a timeout is an interruption


# ---------------------------------------------------------------------------------------------- side channels


def test_every_side_channel_is_taken_and_none_is_answered(launcher: Path, tmp_path: Path) -> None:
    parameters, engine, stats = EnvironmentParametersChannel(), EngineConfigurationChannel(), StatsSideChannel()
    unknown = RawBytesChannel(UUID(int=7))
    engine.set_configuration_parameters(width=84, height=84, quality_level=5, time_scale=20.0)
    unknown.send_raw_data(b"whatever")
    parameters.set_float_parameter("gravity", 3.0)
    parameters.set_float_parameter("ball_scale", 2.0)
    channel_list = [parameters, engine, stats, unknown]
    with started(launcher, side_channels=channel_list, log_folder=str(tmp_path), no_graphics=True) as env:
        env.reset()
        for _ in range(3):
            env.step()
        assert stats.get_and_reset_stats() == {}
        assert unknown.get_and_clear_received_messages() == []
        assert env.academy_capabilities.multiAgentGroups
        assert env.academy_capabilities.trainingAnalytics
    log = (tmp_path / "Player-0.log").read_text()
    assert "connected to mlagents 1.1.0, communication version 1.5.0: 8 fields, seed 0" in log
    assert "SoccerTwos reads ball_touch and gravity; ball_scale is without effect" in log
    assert "the trainer ended the session" in log


def sent(*messages_of: Callable[[EnvironmentParametersChannel], None]) -> bytes:
    """What mlagents sends for these calls."""
    channel, engine = EnvironmentParametersChannel(), EngineConfigurationChannel()
    engine.set_configuration_parameters(time_scale=20.0)
    for call in messages_of:
        call(channel)
    return bytes(SideChannelManager([engine, channel]).generate_side_channel_messages())


def test_parameters_are_read_as_mlagents_writes_them() -> None:
    data = sent(
        lambda c: c.set_float_parameter("constant", 0.1),
        lambda c: c.set_uniform_sampler_parameters("uniform", 2.0, 3.0, 1),
        lambda c: c.set_gaussian_sampler_parameters("gaussian", 5.0, 0.5, 2),
        lambda c: c.set_multirangeuniform_sampler_parameters("ranges", [(0.0, 1.0), (10.0, 13.0)], 3),
    )
    given = dict(channels.parameters(data))
    assert list(given) == ["constant", "uniform", "gaussian", "ranges"]
    assert given["constant"]() == float(np.float32(0.1))
    rng = np.random.default_rng(1)
    assert [given["uniform"]() for _ in range(5)] == [rng.uniform(2.0, 3.0) for _ in range(5)]
    rng = np.random.default_rng(2)
    assert [given["gaussian"]() for _ in range(5)] == [rng.normal(5.0, 0.5) for _ in range(5)]
    ranges = np.array([given["ranges"]() for _ in range(4000)])
    high = ranges >= 10
    assert abs(high.mean() - 0.75) < 0.03
    assert ranges[~high].max() <= 1
    assert ranges.max() <= 13
    assert dict(channels.parameters(b"")) == {}


@pytest.mark.parametrize("cut", [1, 10, 22, 30])
def test_torn_side_channels_are_refused(cut: int) -> None:
    data = bytes(sent(lambda c: c.set_float_parameter("ball_touch", 1.0)))
    assert len(list(channels.parameters(data))) == 1
    with pytest.raises(SetupError, match=r"the side channel must hold what mlagents 1\.1\.0 writes, but"):
        list(channels.parameters(data[:-cut]))


def test_a_sampler_nobody_knows_is_refused() -> None:
    data = bytearray(sent(lambda c: c.set_uniform_sampler_parameters("ball_touch", 0.0, 1.0, 1)))
    data[-12:-8] = (9).to_bytes(4, "little")
    with pytest.raises(SetupError, match="sampler 9"):
        list(channels.parameters(bytes(data)))


# ---------------------------------------------------------------------------------------------- beginnings and ends


def run(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "trials.soccer.executable", *arguments], stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], seconds: float = 20.0) -> tuple[int, str]:
    """Exit status and stderr."""
    try:
        errors = communicate(process, seconds)[1]
    finally:
        process.kill()
    return process.returncode, errors


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["--mlagents-port", "{free}", "-nographics"], 1, "a trainer must listen on port {free}, but nobody answers"),
        ([], 2, "one of the arguments --mlagents-port --install is required"),
        (["--mlagents-port", "no"], 2, "must be a whole number from 1 to 65535, but got no;"),
        (["--mlagents-port", "{free}", "--fields", "257"], 2, "must be a whole number from 1 to 256, but got 257;"),
        (["--install", "/dev/null/SoccerTwos"], 1, "the launcher must be written to /dev/null/SoccerTwos, but"),
    ],
)
def test_a_bad_start_says_one_line(arguments: list[str], status: int, line: str) -> None:
    free = str(free_port())
    code, errors = ended(run(*(a.replace("{free}", free) for a in arguments)))
    assert code == status
    assert errors.startswith("SoccerTwos: ")
    assert line.replace("{free}", free) in errors
    assert errors.count("\n") == 1


class Server:
    """The trainer's end of the wire, mlagents' own, one message at a time."""

    def __init__(self) -> None:
        self.port = free_port()
        self._communicator = RpcCommunicator(0, self.port, 20)
        self._line = self._communicator.unity_to_external.parent_conn

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._communicator.close()

    def hear(self) -> Any:
        assert self._line.poll(20)
        return self._line.recv()

    def say(self, status: int = 200) -> Any:
        """A message for the caller to fill and give to `send`."""
        message = UnityMessageProto()
        message.header.status = status
        return message

    def send(self, message: Any) -> None:
        self._line.send(message)

    def introduce(self, version: str = "1.5.0", seed: int = 3) -> Any:
        heard, answer = self.hear(), self.say()
        start = answer.unity_input.rl_initialization_input
        start.communication_version, start.package_version, start.seed = version, "1.1.0", seed
        self.send(answer)
        return heard

    def order(self, command: int, **actions: list[list[int]]) -> Any:
        message = self.say()
        message.unity_input.rl_input.command = command
        for team, rows in actions.items():
            for row in rows:
                name = f"SoccerTwos?team={team[-1]}"
                message.unity_input.rl_input.agent_actions[name].value.add(discrete_actions=row)
        return message


@contextmanager
def playing(*arguments: str) -> Iterator[tuple[Server, subprocess.Popen[str]]]:
    """An executable of one field that was told to reset, and whose first state was heard."""
    with Server() as server:
        process = run("--mlagents-port", str(server.port), "--fields", "1", *arguments)
        try:
            server.introduce()
            assert not server.hear().HasField("unity_output")
            server.send(server.order(messages.RESET))
            server.hear()
            yield server, process
        finally:
            process.kill()
            process.communicate()


def test_the_handshake_is_unitys() -> None:
    with Server() as server:
        process = run("--mlagents-port", str(server.port), "--fields", "1", "-batchmode", "--whatever", "Unity takes")
        try:
            first = server.introduce()
            about = first.unity_output.rl_initialization_output
            assert (first.header.status, about.name) == (200, "AcademySingleton")
            assert (about.communication_version, about.package_version) == ("1.5.0", "3.0.0-exp.1")
            assert all(getattr(about.capabilities, f.name) for f in about.capabilities.DESCRIPTOR.fields)
            assert not first.unity_output.HasField("rl_output")
            assert not server.hear().HasField("unity_output")
            server.send(server.order(messages.RESET))
            state = server.hear().unity_output
            brains = state.rl_initialization_output.brain_parameters
            assert [(b.brain_name, b.is_training) for b in brains] == [(BLUE, True), (PURPLE, True)]
            assert [list(b.action_spec.discrete_branch_sizes) for b in brains] == [[3, 3, 3]] * 2
            agent = state.rl_output.agentInfos[PURPLE].value[1]
            assert (agent.id, agent.group_id, agent.done, list(agent.action_mask)) == (3, 2, False, [])
            for seen, (name, size) in zip(agent.observations, (("", 264), ("Reverse", 72)), strict=True):
                assert seen.name == f"StackingSensor_size3_PurpleRayPerceptionSensor{name}"
                assert (list(seen.shape), list(seen.dimension_properties)) == ([size], [1])
                assert (seen.compression_type, seen.observation_type, len(seen.float_data.data)) == (0, 0, size)
            server.send(server.order(0, team0=[[1, 0, 0]] * 2))  # purple left out: it stands still
            again = server.hear().unity_output
            assert not again.HasField("rl_initialization_output")
            assert sorted(again.rl_output.agentInfos) == [BLUE, PURPLE]
            assert len(again.rl_output.side_channel) == 0
            server.send(server.order(messages.QUIT))
            assert ended(process) == (0, "")
        finally:
            process.kill()


def test_a_trainer_of_another_protocol_is_refused() -> None:
    with Server() as server:
        process = run("--mlagents-port", str(server.port))
        server.introduce(version="2.0.0")
        assert server.hear().header.status == 400
        status, errors = ended(process)
        assert status == 1
        assert errors == (
            "SoccerTwos: the trainer's communication version must fit 1.5.0, but is 2.0.0; train with mlagents 1.1.0\n"
        )


@pytest.mark.parametrize(
    ("actions", "line"),
    [
        ({"team0": [[1, 0]] * 2}, "2 agents of SoccerTwos?team=0 must get 3 discrete actions each, but 2 got [2];"),
        ({"team0": [[0, 0, 3]] * 2}, "an action of SoccerTwos?team=0 must be 0, 1 or 2, but got 0..3"),
        ({"team1": [[0, 0, 0]]}, "2 agents of SoccerTwos?team=1 must get 3 discrete actions each, but 1 got [3];"),
        ({"team5": [[0, 0, 0]]}, "a behavior must be one of SoccerTwos?team=0, SoccerTwos?team=1, but got"),
    ],
)
def test_impossible_actions_end_the_session_with_a_line(actions: dict[str, list[list[int]]], line: str) -> None:
    with playing() as (server, process):
        server.send(server.order(0, **actions))
        assert server.hear().header.status == 400
        status, errors = ended(process)
        assert status == 1
        assert line in errors
        assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_farewell(number: signal.Signals, tmp_path: Path) -> None:
    with playing("-logFile", str(tmp_path / "new" / "player.log")) as (server, process):
        process.send_signal(number)
        assert server.hear().header.status == 400
        assert ended(process) == (0, "")
        assert number.name in (tmp_path / "new" / "player.log").read_text()


@pytest.mark.parametrize("overtaken", [False, True])
def test_a_trainer_that_closes_is_an_end_without_fault(overtaken: bool) -> None:
    with playing() as (server, process):
        if overtaken:  # the server stops before its last answer is out
            server._communicator.server.stop(False)
        else:
            server.send(server.say(status=400))
        assert ended(process) == (0, "")


def test_mlagents_hears_at_once_that_it_ended(launcher: Path) -> None:
    with started(launcher, additional_args=["--fields", "1"]) as env:
        env.reset()
        process = env._process
        process.terminate()
        began = now()
        with pytest.raises(UnityCommunicatorStoppedException):
            env.step()
        assert now() - began < 5
        env.close()
        assert process.returncode == 0


TRAINER = """
import os, sys, time, warnings
path, port, manner = sys.argv[1:]
if manner == "worker" and os.fork():  # as mlagents-learn: the environment is a fork's
    time.sleep(60)
    os._exit(0)
warnings.simplefilter("ignore")
import trials.soccer.executable.protobuf
from mlagents_envs.environment import UnityEnvironment
env = UnityEnvironment(path, base_port=int(port), additional_args=["--fields", "1"])
env.reset(); env.step()
other = os.fork() if manner == "forked" else os.getpid()
if other == 0:
    time.sleep(60)  # holds the connection open
    os._exit(0)
print(env._process.pid, other, flush=True)
while manner == "busy":
    env.step()
time.sleep(60)
os._exit(0)
"""


@pytest.mark.parametrize("manner", ["idle", "busy", "forked", "worker"])
def test_it_ends_soon_after_its_trainer_was_killed(launcher: Path, manner: str) -> None:
    trainer = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(launcher), str(free_port()), manner],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert trainer.stdout is not None
    pid, other = (int(word) for word in trainer.stdout.readline().split())
    process = psutil.Process(pid)
    try:
        assert process.is_running()
        trainer.kill()
        trainer.wait()
        assert survivors([process], GONE_S) == [], f"still there {GONE_S} s after its trainer"
    except psutil.NoSuchProcess:
        pass
    finally:
        trainer.stdout.close()
        for left in {pid, other} - {trainer.pid}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)


# ---------------------------------------------------------------------------------------------- the launcher


def test_a_launcher_is_an_executable_that_mlagents_finds(tmp_path: Path) -> None:
    for folder, name in (("a", "SoccerTwos.x86_64"), ("b", "SoccerTwos"), ("c/d", "Soccer.x86")):
        path = install(tmp_path / folder / name, fields=5)
        assert path.stat().st_mode & 0o777 == 0o755
        assert env_utils.validate_environment_path(str(path)) == str(path)
        assert path.read_text().endswith(' -I -m trials.soccer.executable --fields 5 "$@"\n')
        assert [p.name for p in path.parent.iterdir()] == [path.name]
        assert "--fields" not in install(path).read_text()


def test_a_real_build_is_never_replaced(tmp_path: Path) -> None:
    build = tmp_path / "SoccerTwos.x86_64"
    build.write_bytes(b"\x7fELF\xff" * 2000)
    with pytest.raises(SetupError, match="replace nothing but a launcher"):
        install(build)
    assert build.read_bytes() == b"\x7fELF\xff" * 2000


def test_a_bundle_on_a_mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_utils, "get_platform", lambda: "darwin")
    path = install(tmp_path / "SoccerTwos.app")
    assert path == tmp_path / "SoccerTwos.app" / "Contents" / "MacOS" / "SoccerTwos"
    with pytest.raises(SetupError, match=r"on macOS end it in \.app"):
        install(tmp_path / "SoccerTwos.x86_64")


def test_a_path_that_mlagents_looks_past_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"must find the launcher by its path, but at .* finds nothing"):
        install(tmp_path / "my.apps" / "SoccerTwos.x86_64")
    assert not (tmp_path / "my.apps" / "SoccerTwos.x86_64").exists()


# ---------------------------------------------------------------------------------------------- trainers

SMALL = """
behaviors:
  SoccerTwos:
    trainer_type: poca
    hyperparameters: {batch_size: 256, buffer_size: 1024}
    network_settings: {hidden_units: 32, num_layers: 1}
    max_steps: %d
    time_horizon: 50
    summary_freq: 1000
    self_play: {save_steps: 1000, team_change: 2000, swap_steps: 500, window: 3}
environment_parameters:
  ball_touch: 1.0
"""


def test_stock_mlagents_trains_on_it(launcher: Path, tmp_path: Path) -> None:
    stock = os.environ.get("STOCK_MLAGENTS")
    if not stock:
        pytest.skip("STOCK_MLAGENTS is not set: name the mlagents-learn of a Python 3.10 with mlagents 1.1.0 in it")
    config = tmp_path / "small.yaml"
    config.write_text(SMALL % 3000)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [
            *[stock, str(config), f"--env={launcher}", "--run-id=stock", f"--results-dir={tmp_path}", "--no-graphics"],
            *[f"--base-port={free_port()}", "--seed=4", "--env-args", "--fields", "4"],
        ],
        capture_output=True,
        text=True,
        check=False,
        env=clean,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Connected to Unity environment with package version 3.0.0-exp.1" in done.stdout + done.stderr
    assert (tmp_path / "stock" / "SoccerTwos.onnx").stat().st_size > 10_000
    assert ": 4 fields, seed 4" in (tmp_path / "stock" / "run_logs" / "Player-0.log").read_text()


STEPS = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import trials.soccer.executable.protobuf
from mlagents_envs.base_env import ActionTuple
from mlagents_envs.environment import UnityEnvironment
from trials.soccer.env import BEHAVIORS, SoccerEnv
path, port, fields, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
env = UnityEnvironment(path, base_port=port, additional_args=["--fields", str(fields)]) if path else SoccerEnv(fields)
rng = np.random.default_rng(0)
env.reset()
for step in range(steps + 10):
    if step == 10:
        began = time.perf_counter()
    for name in BEHAVIORS:
        asking = len(env.get_steps(name)[0])
        env.set_actions(name, ActionTuple(discrete=rng.integers(0, 3, (asking, 3), np.int32)))
    env.step()
print(2 * fields * steps / (time.perf_counter() - began))
env.close()
"""


@pytest.mark.slow
def test_speed_of_the_wire(launcher: Path, tmp_path: Path) -> None:
    """Learning-team steps a second of the environment alone: embedded, through the wire, and through it with protobuf
    in pure Python at both ends, as where no compiled protobuf of mlagents' own bounds exists."""
    unmended = tmp_path / "unmended.x86_64"
    unmended.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trials.soccer.executable "$@"\n')
    unmended.chmod(0o755)
    python = os.environ | {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    ways = {
        "embedded": ("", os.environ),
        "wire": (str(launcher), os.environ),
        "wire, pure Python": (str(unmended), python),
    }
    for fields in (8, 32):
        rate = {}
        for name, (path, environment) in ways.items():
            steps = "20" if environment is python else "400"
            done = subprocess.run(
                [sys.executable, "-c", STEPS, path, str(free_port()), str(fields), steps],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            assert done.returncode == 0, done.stderr[-2000:]
            rate[name] = float(done.stdout.split()[-1])
        numbers = ", ".join(f"{name} {value:,.0f} ({value / rate['wire']:.2f})" for name, value in rate.items())
        print(f"\nenvironment alone, {fields} fields: learning-team steps/s (to the wire's): {numbers}")
        assert rate["wire"] > 2 * rate["wire, pure Python"]
