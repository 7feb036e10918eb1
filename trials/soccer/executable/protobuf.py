"""mlagents' message classes on the compiled protobuf; no other module here touches mlagents' generated ones."""

import sys

from google.protobuf.internal import api_implementation

from trials.soccer.executable import stand_ins
from trials.soccer.executable.message_finder import MessageFinder

stand_ins.put()
if not any(isinstance(finder, MessageFinder) for finder in sys.meta_path):
    sys.meta_path.insert(0, MessageFinder())

from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto  # noqa: E402

__all__ = ["UnityMessageProto", "compiled"]


def compiled() -> bool:
    """Whether protobuf runs compiled; in pure Python a message costs some thirty times as much."""
    return bool(api_implementation.Type() != "python")
