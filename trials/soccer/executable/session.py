"""One session with a trainer: introduced, then told to reset and to step until either side ends it."""

import contextlib
import logging
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

import grpc  # type: ignore[import-untyped]
from mlagents_envs.exception import UnityActionException

from trials.errors import LostTrial, SetupError
from trials.soccer.env import SoccerEnv
from trials.soccer.executable import channels, messages
from trials.soccer.executable.protobuf import UnityMessageProto

EXCHANGE = "/communicator_objects.UnityToExternalProto/Exchange"
CONNECT_S = 5.0
"""How long to look for the trainer's server, which listens before it starts an executable, seconds."""
BUSY_S = 60.0
"""How long it may take to answer where it listens, seconds: its machine may be busy."""
FAREWELL_S = 0.5
"""How long a last message may take, seconds; its answer may never come, and is not needed."""

log = logging.getLogger("trials.soccer.executable")


class Trainer:
    """Owns the connection to the server that a trainer keeps on a port of this machine."""

    def __init__(self, port: int) -> None:
        """Raises SetupError where nobody listens."""
        # A proxy of the environment is not for this machine's own ports.
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{port}",
            options=(
                ("grpc.enable_http_proxy", 0),
                ("grpc.max_receive_message_length", -1),
                ("grpc.initial_reconnect_backoff_ms", 200),
            ),
        )
        self._exchange = self._channel.unary_unary(
            EXCHANGE,
            request_serializer=UnityMessageProto.SerializeToString,
            response_deserializer=UnityMessageProto.FromString,
        )
        self._open = True
        ready = grpc.channel_ready_future(self._channel)
        if not (_within(ready, CONNECT_S) or (_listens(port) and _within(ready, BUSY_S))):
            self._channel.close()
            raise SetupError(
                f"a trainer must listen on port {port}, but nobody answers there; start one first, or name its"
                " port with --mlagents-port"
            )

    def exchange(self, message: Any) -> Any | None:
        """The trainer's answer, however long it thinks; None where it ended the session. Raises LostTrial."""
        try:
            answer = self._exchange(message)
        except grpc.RpcError as error:
            self._open = False
            if _was_stopped(error):
                return None
            raise LostTrial(
                f"the trainer must stay while its environment runs, but the connection broke ({error.details()});"
                " see the trainer's own output"
            ) from None
        self._open = answer.header.status == messages.OK
        return answer if self._open else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Say farewell if the trainer still listens: without it, it would wait for the next message until it tires."""
        if self._open:
            with contextlib.suppress(grpc.RpcError):
                self._exchange(messages.empty(messages.CLOSE), timeout=FAREWELL_S)
        self._channel.close()


def _within(ready: Any, seconds: float) -> bool:
    """Whether a channel is ready in time."""
    with contextlib.suppress(grpc.FutureTimeoutError):
        ready.result(timeout=seconds)
        return True
    return False


def _listens(port: int) -> bool:
    """Whether a connection is taken, which the kernel does even for a server that gets no processor."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S).close()
    except OSError:
        return False
    return True


def _was_stopped(error: Any) -> bool:
    """Whether mlagents closed its server, which may overtake its last answer; a killed trainer's socket just closes."""
    stopped = error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)
    return stopped or "Cancelling all calls" in (error.details() or "")


class Served(Protocol):
    """What can be spoken for: an ML-Agents `BaseEnv` that knows its environment parameters."""

    parameters: tuple[str, ...]

    def set_parameter(self, name: str, sample: Callable[[], float]) -> None:
        """Draw the parameter `name` so at each reset from now on."""

    def reset(self) -> None:
        """As `BaseEnv.reset`."""

    def step(self) -> None:
        """As `BaseEnv.step`."""


def serve(trainer: Trainer, fields: int, build: Callable[[int, int], Served] = SoccerEnv) -> None:
    """Play `fields` fields of a game for the trainer until it ends the session; `build` takes fields and seed.

    Raises SetupError for a trainer of another protocol, LostTrial if it goes away."""
    answer = trainer.exchange(messages.introduction())
    if answer is None:
        return
    given = answer.unity_input.rl_initialization_input
    messages.check_version(given.communication_version)
    if isinstance(build, type) and issubclass(build, SoccerEnv):
        _compile()
    env = build(fields, given.seed)
    log.info(
        "connected to mlagents %s, communication version %s: %d fields, seed %d",
        given.package_version,
        given.communication_version,
        fields,
        given.seed,
    )
    answer = trainer.exchange(messages.empty(messages.OK))  # answered with the first reset
    with_specs = True
    while answer is not None and _obey(env, answer.unity_input.rl_input):
        answer = trainer.exchange(messages.state(env, with_specs))
        with_specs = False
    log.info("the trainer ended the session")


def _obey(env: Any, order: Any) -> bool:
    """Side channels first, then the command, as in Unity; whether to go on."""
    for name, sample in channels.parameters(order.side_channel):
        if name in env.parameters:
            env.set_parameter(name, sample)
        else:  # a Unity build would keep it in a table nobody reads
            game, known = next(iter(env.behavior_specs)).partition("?")[0], " and ".join(env.parameters)
            log.warning("%s reads %s; %s is without effect", game, known or "none", name)
    if order.command == messages.QUIT:
        return False
    if order.command == messages.RESET:
        env.reset()
        return True
    try:
        messages.act(env, order.agent_actions)
    except UnityActionException as error:
        raise SetupError(str(error)) from error
    env.step()
    return True


def _compile() -> None:
    """Compile the game where the trainer waits without a limit: between its first answer and our second message."""
    env = SoccerEnv(1)
    env.reset()
    env.step()
