"""mlagents' message classes on the compiled protobuf; no other module here touches mlagents' generated ones."""

from trials.soccer.executable import message_finder, stand_ins

stand_ins.put()
message_finder.put()

from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto  # noqa: E402

__all__ = ["UnityMessageProto"]
