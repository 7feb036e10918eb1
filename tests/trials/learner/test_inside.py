"""What runs inside the trainer's process, tried in one: mlagents needs mends that this process must not have."""

import os
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


TOGETHER = """
import sys
from trials.learner import compat; compat.apply()
from types import SimpleNamespace
import numpy as np
from paddles import Paddles
from mlagents.trainers.action_info import ActionInfo
from mlagents_envs.base_env import ActionTuple
from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel
from trials.learner.environments import Environment, Manager

class Court(Paddles):
    def __init__(self, fields, seed):
        super().__init__(fields, seed)
        self.given, self.ended, self.broken = [], False, False
    def set_actions(self, name, action):
        self.given.append(float(action.continuous[0, 0]))
        super().set_actions(name, action)
    def step(self):
        if self.broken: raise ValueError("its own end")
        super().step()
    def close(self):
        self.ended = True
        if self.broken: raise ValueError("no end either")

class Policy:
    def get_action(self, decisions, worker):
        action = ActionTuple(np.full((len(decisions), 1), worker / 10, np.float32))
        return ActionInfo(action, action, {}, list(decisions.agent_id))

class Said:
    def __init__(self, word): self.word = word
    def get_and_reset_stats(self): return {self.word: [(1.0, 0)]}

asked = SimpleNamespace(first=None, checks=0)
asked.check = lambda: setattr(asked, "checks", asked.checks + 1)
courts = [Court(2 + at, at) for at in range(3)]
manager = Manager(
    [Environment(court, EnvironmentParametersChannel(), Said(str(at))) for at, court in enumerate(courts)], asked
)
specs = dict(courts[0].behavior_specs)
assert dict(manager.training_behaviors) == specs
courts[0]._specs, whole = {}, courts[0]._specs  # one that has not shown its behaviors yet
assert dict(manager.training_behaviors) == specs
courts[0]._specs = whole
for name in courts[0].behavior_specs: manager.policies[name] = Policy()
begun = manager._reset_env({"ball_speed": 0.06})
assert [step.worker_id for step in begun] == [0, 1, 2]
for _ in range(5):
    steps = manager._step()
    assert [step.worker_id for step in steps] == [0, 1, 2]
    assert [[*step.environment_stats] for step in steps] == [["0"], ["1"], ["2"]]
    assert [len(step.current_all_step_result["Paddles?team=1"][0]) for step in steps] == [2, 3, 4]
assert [court.given for court in courts] == [[0.0] * 10, [np.float32(0.1)] * 10, [np.float32(0.2)] * 10]
assert asked.checks == 5
courts[1].broken = True
for end, words in ((manager._step, "its own end"), (manager.close, "no end either")):
    try:
        end()
    except ValueError as error:
        assert str(error) == words
    else:
        raise AssertionError(words)
assert all(court.ended for court in courts)
print("together")
"""


def test_several_environments_step_together_each_with_its_own_actions() -> None:
    support = Path(__file__).parents[2] / "support"
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(support)},
    )
    assert done.stdout.strip().endswith("together"), done.stderr


WATCHED = """
import json, resource, signal, sys, types
from pathlib import Path
from trials.learner import compat; compat.apply()
import torch
from mlagents.trainers.ghost.trainer import GhostTrainer
from mlagents.trainers.poca.optimizer_torch import TorchPOCAOptimizer
from mlagents.trainers.trainer.rl_trainer import RLTrainer
from trials.folder import TrialFolder
from trials.learner import checkpoints, hooks, progress

files = TrialFolder(Path(sys.argv[1]))
told = progress.Progress(files, 7, 0.0)

# an update takes its time: after each minibatch the trainer says that it lives
TorchPOCAOptimizer.update = lambda self, batch, n: {"loss": batch}
hooks._live_in_updates(told)
before = progress.read(files)
assert TorchPOCAOptimizer.update(None, 3.0, 1) == {"loss": 3.0}
now = progress.read(files)
assert now.time > before.time and now.step == before.step == 7

# a checkpoint brings its status along, the ghost Elo of the moment in it
RLTrainer._checkpoint = lambda self: "made"
hooks._keep_status(files)
ghost = GhostTrainer.__new__(GhostTrainer)
ghost.brain_name, ghost.policy_elos = "SoccerTwos", [1200.0, 1210.0]
GhostTrainer.change_current_elo(ghost, 3.5)
assert RLTrainer._checkpoint(None) == "made"
assert json.loads(files.training_status.read_text())["SoccerTwos"]["elo"] == 1213.5

# a trainer that was killed behind a rung's checkpoint, before its export: the next one exports at once
spec = types.SimpleNamespace(rungs=(100, 200, 400), behaviors=("SoccerTwos",))
saved = []
trainer = types.SimpleNamespace(brain_name="SoccerTwos", get_step=103, _checkpoint=lambda: saved.append(103))
RLTrainer._maybe_save_model = lambda self, step: None
hooks._checkpoint_at_rungs(files, spec, 103, told)
RLTrainer._maybe_save_model(trainer, 104)
RLTrainer._maybe_save_model(trainer, 105)
assert saved == [103], saved
files.candidates.mkdir()
(files.candidates / "SoccerTwos-103.onnx").touch()
RLTrainer._maybe_save_model = lambda self, step: None
hooks._checkpoint_at_rungs(files, spec, 103, told)
RLTrainer._maybe_save_model(trainer, 104)
assert saved == [103], saved

# a disk or quota that is full is the system's word, whoever writes
checkpoints.save_whole()
path = Path(sys.argv[1]) / "checkpoint.pt"
torch.save({"w": torch.ones(3)}, str(path))
kept = path.read_bytes()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    torch.save({"w": torch.ones(30_000)}, str(path))
except OSError as error:
    assert path.read_bytes() == kept
    print("done")
"""


def test_a_training_says_keeps_and_exports_what_a_kill_must_not_take(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED, tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("done"), done.stderr
