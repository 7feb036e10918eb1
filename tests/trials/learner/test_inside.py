"""What runs inside the trainer's process, tried in one: mlagents needs mends that this process must not have."""

import subprocess
import sys
from pathlib import Path

CODE = """
from trials.learner import compat; compat.apply(); compat.apply()
import json
import numpy as np
from google.protobuf.internal import api_implementation
assert api_implementation.Type() == "upb", api_implementation.Type()
import mlagents_envs.environment
from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto
from mlagents_envs.communicator_objects.observation_pb2 import ObservationProto, DEFAULT, NONE
message = UnityMessageProto()
agent = message.unity_output.rl_output.agentInfos["SoccerTwos?team=0"].value.add()
agent.observations.add(shape=[264], compression_type=NONE, observation_type=DEFAULT).float_data.data.extend([0.5] * 264)
again = UnityMessageProto.FromString(message.SerializeToString())
assert again == message and len(again.SerializeToString()) > 1000

assert json.loads(json.dumps({"elo": np.float32(1.5), "step": np.int64(3)})) == {"elo": 1.5, "step": 3}

from trials.learner.environments import ParameterChannel
class Env:
    def __init__(self): self.set = {}
    def set_parameter(self, name, sample): self.set[name] = sample
env = Env(); channel = ParameterChannel(env)
channel.set_float_parameter("constant", 0.25)
channel.set_uniform_sampler_parameters("uniform", 2.0, 3.0, 1)
channel.set_gaussian_sampler_parameters("gaussian", 5.0, 0.5, 2)
channel.set_multirangeuniform_sampler_parameters("ranges", [(0.0, 1.0), (10.0, 13.0)], 3)
draw = {name: np.array([sample() for _ in range(4000)]) for name, sample in env.set.items()}
assert (draw["constant"] == 0.25).all()
assert draw["uniform"].min() >= 2 and draw["uniform"].max() <= 3 and abs(draw["uniform"].mean() - 2.5) < 0.02
assert abs(draw["gaussian"].mean() - 5) < 0.05 and abs(draw["gaussian"].std() - 0.5) < 0.05
high = draw["ranges"] >= 10
assert abs(high.mean() - 0.75) < 0.03 and draw["ranges"][~high].max() <= 1
print("same")
"""


def test_messages_numbers_and_parameters_are_as_mlagents_needs_them() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("same"), done.stderr


def test_the_export_check_stops_a_training_before_its_first_step(tmp_path: Path) -> None:
    code = """
import types
import torch
from trials.learner import compat; compat.apply()
def broken(*arguments, **options): raise RuntimeError("No module named 'onnxscript'")
torch.onnx.export = broken
from trials.learner.hooks import _export_first
from mlagents.trainers.model_saver.torch_model_saver import TorchModelSaver
_export_first()
from mlagents.trainers.policy.torch_policy import TorchPolicy
from mlagents.trainers.settings import NetworkSettings
from mlagents.trainers.torch_entities.networks import SimpleActor
from trials.soccer.env import SoccerEnv
from trials.errors import SetupError
env = SoccerEnv(fields=1, seed=0); env.reset()
spec = next(iter(env.behavior_specs.values()))
policy = TorchPolicy(0, spec, NetworkSettings(), SimpleActor, {"conditional_sigma": False, "tanh_squash": False})
try:
    TorchModelSaver(types.SimpleNamespace(init_path=None, keep_checkpoints=1), "unused").register(policy)
except SetupError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "the ONNX export must work before training starts, but it raised RuntimeError: No module" in done.stdout
