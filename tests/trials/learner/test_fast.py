"""Each replaced part of mlagents beside the part it stands for, on the same numbers, to the bit."""

import subprocess
import sys

import pytest

BEGIN = """
import sys, warnings
warnings.simplefilter("ignore")
from trials.learner import compat; compat.apply()
import numpy as np
import torch; torch.set_num_threads(1)
"""

SHUFFLE = """
from mlagents.trainers.buffer import AgentBuffer, BufferKey
from trials.learner.fast import shuffle

def filled():
    buffer = AgentBuffer()
    for i in range(101):
        buffer[BufferKey.ENVIRONMENT_REWARDS].append(np.float32(i))
        buffer[BufferKey.MASKS].append(np.full(3, i), padding_value=1)
    return buffer

for length in (1, 4):
    for keys in (None, [BufferKey.MASKS]):
        stock, ours = filled(), filled()
        np.random.seed(5); shuffle._shuffle(stock, length, keys)
        np.random.seed(5); shuffle.shuffle(ours, length, keys)
        for key in (BufferKey.ENVIRONMENT_REWARDS, BufferKey.MASKS):
            assert np.array_equal(np.array(stock[key]), np.array(ours[key])), (length, key)
            assert type(ours[key]) is type(stock[key]) and ours[key].padding_value == stock[key].padding_value
    assert not np.array_equal(np.array(ours[BufferKey.MASKS]), np.array(filled()[BufferKey.MASKS]))
"""

BUFFER = """
from mlagents.trainers.buffer import AgentBuffer, BufferKey, ObservationKeyPrefix
from trials.learner.fast import buffers; AgentBuffer.resequence_and_append = buffers.append
from trials.learner.fast.buffers import ColumnBuffer
from trials.learner.fast.columns import Column, Mates

OBS, MATE, REWARD = (ObservationKeyPrefix.OBSERVATION, 0), (ObservationKeyPrefix.GROUP_OBSERVATION, 0), BufferKey.MASKS
rng = np.random.default_rng(3)

def trajectory(n, mates):
    obs, rewards = rng.random((n, 4), np.float32), rng.random(n, np.float32)
    others = rng.random((mates, n, 4), np.float32)
    columns, lists = ColumnBuffer(), AgentBuffer()
    columns._fields[OBS] = Column(n, lambda: obs)
    columns._fields[MATE] = Mates([Column(n, lambda m=m: others[m]) for m in range(mates)], n)
    columns[REWARD].extend(rewards)
    for i in range(n):
        lists[OBS].append(obs[i]); lists[MATE].append([other[i] for other in others]); lists[REWARD].append(rewards[i])
    return columns, lists

def check(ours, stock):
    assert ours.num_experiences == stock.num_experiences and ours.check_length([OBS, MATE, REWARD])
    for key in (OBS, REWARD):
        assert np.asanyarray(ours[key]).tobytes() == np.asanyarray(stock[key]).tobytes()
        assert np.asanyarray(ours[key][2:7]).tobytes() == np.asanyarray(stock[key][2:7]).tobytes()
        assert ours[key].to_ndarray().tobytes() == stock[key].to_ndarray().tobytes()
        assert np.array(ours[key].get_batch()).tobytes() == np.array(stock[key].get_batch()).tobytes()
        assert np.array(ours[key].get_batch(2, 3)).tobytes() == np.array(stock[key].get_batch(2, 3)).tobytes()
    one, other = ours[MATE].padded_to_batch(pad_value=np.nan), stock[MATE].padded_to_batch(pad_value=np.nan)
    assert len(one) == len(other) and all(a.tobytes() == b.tobytes() for a, b in zip(one, other))
    one, other = ([np.concatenate(each).tolist() for each in buffer[MATE] if each] for buffer in (ours, stock))
    assert one == other

def fill(pairs, stock_last=False):
    ours, stock = ColumnBuffer(), AgentBuffer()
    for place, (columns, lists) in enumerate(pairs):
        source = lists if stock_last and place == len(pairs) - 1 else columns
        source.resequence_and_append(ours, training_length=1)
        lists.resequence_and_append(stock, training_length=1)
    return ours, stock

for mates in (0, 1, 2):
    for stock_last in (False, True):
        ours, stock = fill([trajectory(n, mates) for n in (7, 1, 20)], stock_last)
        assert ours.columnar != stock_last
        check(ours, stock)
        for epoch in range(3):
            np.random.seed(epoch); ours.shuffle(1)
            after = np.random.get_state()[1:3]
            np.random.seed(epoch); stock.shuffle(1)
            assert after[1] == np.random.get_state()[2] and (after[0] == np.random.get_state()[1]).all()
            check(ours.make_mini_batch(5, 21), stock.make_mini_batch(5, 21))
        check(ours, stock)
        np.random.seed(9); ours.shuffle(4)
        np.random.seed(9); stock.shuffle(4)
        check(ours, stock)
        ours.reset_agent(); stock.reset_agent()
        assert ours.num_experiences == stock.num_experiences == 0
        columns, lists = trajectory(9, mates)
        columns.resequence_and_append(ours); lists.resequence_and_append(stock)
        check(ours, stock)
    one, other = ours[MATE].get_batch(), stock[MATE].get_batch()
    assert [np.concatenate(each).tolist() for each in one if each] == [np.concatenate(e).tolist() for e in other if e]
ours, stock = fill([trajectory(5, 1), trajectory(6, 2)])  # groups of two sizes: lists, padded as mlagents does
assert not ours.columnar
check(ours, stock)
"""

DECISION = """
from mlagents.trainers.settings import NetworkSettings
from mlagents.trainers.policy.torch_policy import TorchPolicy
from mlagents.trainers.torch_entities.networks import SimpleActor
from trials.learner.fast import inference
from trials.soccer.env import SoccerEnv, BEHAVIORS

for hidden, fields, normalize, masked in ((64, 32, False, False), (512, 8, False, False), (16, 1, True, True)):
    env = SoccerEnv(fields=fields, seed=0); env.reset()
    torch.manual_seed(1)
    settings = NetworkSettings(hidden_units=hidden, normalize=normalize)
    kinds = {"conditional_sigma": False, "tanh_squash": False}
    policy = TorchPolicy(0, env.behavior_specs[BEHAVIORS[0]], settings, SimpleActor, kinds)
    for seed in range(60):
        steps = env.get_steps(BEHAVIORS[0])[0]
        if masked:
            steps.action_mask = [np.random.default_rng(seed + b).random((len(steps), 3)) < 0.3 for b in range(3)]
            for mask in steps.action_mask: mask[:, 1] = False
        torch.manual_seed(seed); stock = inference._get_action(policy, steps); state = torch.get_rng_state()
        torch.manual_seed(seed); ours = inference.get_action(policy, steps)
        assert policy.known and torch.equal(state, torch.get_rng_state())
        assert ours.agent_ids == stock.agent_ids and ours.outputs.keys() == stock.outputs.keys()
        pairs = [(ours.outputs["entropy"], stock.outputs["entropy"])]
        for name in ("action", "env_action", "log_probs"):
            one, other = ours.outputs[name], stock.outputs[name]
            assert type(one) is type(other)
            pairs += [(one.continuous, other.continuous), (one.discrete, other.discrete)]
        for one, other in pairs:
            assert one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        for name in BEHAVIORS: env.set_actions(name, ours.env_action)
        env.step()
with torch.no_grad():
    next(iter(policy.actor.parameters()))[:] = float("nan")
    for parameter in policy.actor.network_body.parameters(): parameter[:] = float("nan")
try: inference.get_action(policy, steps)
except RuntimeError as error: assert "probability tensor contains either" in str(error), error
else: raise SystemExit("a policy of NaN must raise what mlagents raises")
"""

UPDATE = """
import copy
from mlagents.trainers.torch_entities import layers
from mlagents.trainers.torch_entities.action_model import ActionModel
from mlagents.trainers.torch_entities.agent_action import AgentAction
from mlagents.trainers.torch_entities.utils import ModelUtils
from mlagents.trainers.torch_entities.networks import MultiAgentNetworkBody
from mlagents.trainers.settings import NetworkSettings
from mlagents_envs.base_env import ActionSpec
from trials.learner.fast import adam, attention, losses
from trials.soccer.env import SoccerEnv, BEHAVIORS

stock_mean, stock_hot = ModelUtils.masked_mean, ModelUtils.actions_to_onehot
torch.manual_seed(0)
def same(one, other):
    return one.shape == other.shape and one.detach().numpy().tobytes() == other.detach().numpy().tobytes()

norm = layers.LayerNorm()
for shape in ((512, 2, 64), (300, 2, 512), (7, 3, 16), (64, 1, 128)):
    x = torch.randn(shape) * 3 + 1
    for weight in (torch.randn(shape), torch.randn(shape[0], 1, shape[2]).expand(shape)):
        one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        a, b = attention.Norm.apply(one), norm(other)
        (a * weight).sum().backward(); (b * weight).sum().backward()
        assert same(a, b) and same(one.grad, other.grad), shape

for n in (1, 512, 999):
    mask, values = torch.rand(n) < 0.8, torch.randn(n, 3)
    for tensor in (values, values[:, 0], torch.tensor(2.5)):
        assert same(losses.masked_mean(tensor, mask), stock_mean(tensor, mask))
    actions = torch.randint(0, 3, (n, 3))
    sizes = [3, 3, 4]
    assert all(map(same, losses.actions_to_onehot(actions, sizes), stock_hot(actions, sizes)))

model = ActionModel(16, ActionSpec(0, (3, 4)))
for n, masked in ((1, False), (512, False), (512, True)):
    inputs, done = torch.randn(n, 16), AgentAction(None, [torch.randint(0, 3, (n,)), torch.randint(0, 4, (n,))])
    masks = (torch.rand(n, 7) < 0.7).float() if masked else torch.ones(n, 7)
    grads = []
    for evaluate in (losses._evaluate, losses.evaluate):
        leaf = inputs.clone().requires_grad_(); model.zero_grad()
        log_probs, entropy = evaluate(model, leaf, masks, done)
        (log_probs.flatten().sum(1) * entropy).sum().backward()
        grads.append([log_probs.flatten(), entropy, leaf.grad, *(p.grad for p in model.parameters())])
    assert all(same(one, other) for one, other in zip(*grads)), (n, masked)

env = SoccerEnv(fields=1, seed=0); spec = env.behavior_specs[BEHAVIORS[0]]
for mates, missing in ((1, False), (2, False), (0, False), (2, True)):
    body = MultiAgentNetworkBody(spec.observation_specs, NetworkSettings(hidden_units=64), spec.action_spec)
    for n in (1, 3, 512):
        seen = [[torch.randn(n, 264), torch.randn(n, 72)] for _ in range(mates + 1)]
        if missing: seen[2][0][0] = float("nan"); seen[2][1][0] = float("nan")
        did = [AgentAction(torch.zeros(n, 0), [torch.randint(0, 3, (n,)) for _ in range(3)]) for _ in range(mates)]
        for only, others, actions in ((seen, [], []), (seen[:1], seen[1:], did)):
            found = []
            for forward in (attention._forward, attention.forward):
                one = copy.deepcopy(body); out, _ = forward(one, only, others, actions)
                (out * torch.arange(out.shape[1])).sum().backward()
                grads = [p.grad for p in one.parameters() if p.grad is not None]
                found.append([out, one._current_max_agents.data, *grads])
            assert len(found[0]) == len(found[1]) and all(same(a, b) for a, b in zip(*found)), (mates, missing, n)

shapes = [(64, 336), (64,), (3, 64), (1,), ()]
start = [torch.randn(shape) for shape in shapes]
found = []
for step in (adam._step, adam.step):
    parameters = [torch.nn.Parameter(value.clone()) for value in start] + [torch.nn.Parameter(torch.ones(2))]
    optimizer = torch.optim.Adam(parameters, lr=1e-3); generator = torch.Generator().manual_seed(4)
    for turn in range(30):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 - turn / 40)
        optimizer.zero_grad()
        for parameter in parameters[:-1]: parameter.grad = torch.randn(parameter.shape, generator=generator)
        step(optimizer)
    found.append((parameters, optimizer.state_dict()))
assert all(same(one, other) for one, other in zip(found[0][0], found[1][0]))
one, other = found[0][1], found[1][1]
assert one["param_groups"] == other["param_groups"] and one["state"].keys() == other["state"].keys()
for key, state in one["state"].items():
    assert state.keys() == other["state"][key].keys() and all(same(state[k], other["state"][key][k]) for k in state)
assert not adam.known(one["param_groups"][0] | {"params": [], "weight_decay": 0.1})
"""

START = """
from trials.learner.fast import table; table.install()
import torch
layer = torch.nn.Linear(2, 2); optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
layer(torch.ones(1, 2)).sum().backward(); optimizer.step(); optimizer.zero_grad()
state = optimizer.state_dict(); optimizer.load_state_dict(state)
assert "torch._dynamo" not in sys.modules, "the compiler was imported"
"""


@pytest.mark.parametrize(
    "code", [SHUFFLE + BUFFER + DECISION + UPDATE, START], ids=["parts", "start without a compiler"]
)
def test_a_part_is_what_it_stands_for(code: str) -> None:
    words = [sys.executable, "-c", BEGIN + code + "print('same')"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("same"), done.stderr
