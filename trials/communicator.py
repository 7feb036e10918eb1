"""mlagents' end of the wire to an executable, on which a silence counts as trials.stint counts, not by the clock.

It also sees within half a second that the other end has died; mlagents looks every tenth of its timeout.
Source: mlagents_envs 1.1.0 `rpc_communicator.py` (poll_for_timeout).
"""

import os
from collections.abc import Callable
from typing import Any

from mlagents_envs.exception import UnityTimeOutException
from mlagents_envs.rpc_communicator import RpcCommunicator

from trials.soccer.executable.protobuf import UnityMessageProto
from trials.stint import Stint

POLL_S = 0.5
"""How often to look whether the executable lives while an answer is awaited, seconds."""


class PatientCommunicator(RpcCommunicator):  # type: ignore[misc]  # mlagents_envs has no types
    """The communicator of an environment whose executable this process, or one below it, has started."""

    def initialize(self, inputs: Any, poll_callback: Callable[[], None] | None = None) -> Any:
        """As RpcCommunicator.initialize, which waits for the second message without a limit."""
        self.poll_for_timeout(poll_callback)
        introduction = self.unity_to_external.parent_conn.recv()
        message = UnityMessageProto()
        message.header.status = 200
        message.unity_input.CopyFrom(inputs)
        self.unity_to_external.parent_conn.send(message)
        self.poll_for_timeout(poll_callback)
        self.unity_to_external.parent_conn.recv()
        return introduction.unity_output

    def poll_for_timeout(self, poll_callback: Callable[[], None] | None = None) -> None:
        """Wait for a message. Raises UnityTimeOutException, and whatever `poll_callback` does each POLL_S."""
        pipe = self.unity_to_external.parent_conn
        if pipe.poll(POLL_S):
            return
        stint = Stint(os.getpid())  # the executable is below this process, which waits for it alone
        while not pipe.poll(POLL_S):
            if poll_callback is not None:
                poll_callback()
            if stint.seconds > self.timeout_wait:
                raise UnityTimeOutException(
                    f"The Unity environment took too long to respond: more than {self.timeout_wait:g} s of work"
                )
