"""The critic's attention where every group mate is there: without masks that multiply by 1, and with fewer passes.

Stands for MultiAgentNetworkBody.forward (mlagents 1.1.0 `trainers/torch_entities/networks.py`), with
ResidualSelfAttention, MultiHeadAttention (`attention.py`) and LayerNorm (`layers.py`) in it. A missing mate is NaN in
mlagents' batches; where there is none its masks are 0, so their products and sums change no bit and are left out.
"""

from typing import Any

from mlagents.torch_utils import torch
from mlagents.trainers.torch_entities.networks import MultiAgentNetworkBody

_forward = MultiAgentNetworkBody.forward


def forward(
    self: Any, obs_only: Any, obs: Any, actions: Any, memories: Any = None, sequence_length: int = 1
) -> tuple[Any, Any]:
    """MultiAgentNetworkBody.forward: what the critic makes of (n, ...) observations of `obs_only` and `obs`."""
    agents = [*obs, *obs_only]
    if torch.stack([each[0].flatten(start_dim=1)[:, 0] for each in agents], dim=1).isnan().any():
        return _forward(self, obs_only, obs, actions, memories, sequence_length)  # type: ignore[no-any-return]
    entities = []
    if obs:
        branches = self.action_spec.discrete_branches
        seen_and_done = [
            torch.cat([self.observation_encoder(inputs), action.to_flat(branches)], dim=1)
            for inputs, action in zip(obs, actions, strict=False)
        ]
        entities.append(self.obs_action_encoder(None, torch.stack(seen_and_done, dim=1)))
    if obs_only:
        seen = [self.observation_encoder(inputs) for inputs in obs_only]
        entities.append(self.obs_encoder(None, torch.stack(seen, dim=1)))
    encoding = self.linear_encoder(attend(self.self_attn, torch.cat(entities, dim=1)))
    if self.use_lstm:
        encoding = encoding.reshape([-1, sequence_length, self.h_size])
        encoding, memories = self.lstm(encoding, memories)
        encoding = encoding.reshape([-1, self.m_size // 2])
    return torch.cat([encoding, _size(self, len(agents)).expand(len(encoding), 1)], dim=1), memories


def _size(body: Any, agents: int) -> Any:
    """(1, 1): the group's size, scaled as the body does, which remembers the largest that it saw."""
    count = torch.full((1, 1), float(agents))
    if agents > body._current_max_agents:
        body._current_max_agents = torch.nn.Parameter(torch.as_tensor(count.item()), requires_grad=False)
    return count * 2.0 / body._current_max_agents - 1


def attend(self: Any, entities: Any) -> Any:
    """ResidualSelfAttention.forward without masks: (n, agents, size) to (n, size)."""
    inputs = Norm.apply(entities)
    query, key, value = self.fc_q(inputs), self.fc_k(inputs), self.fc_v(inputs)
    heads, number = self.attention, inputs.shape[1]
    shape = (-1, number, heads.n_heads, heads.head_size)
    query = query.reshape(shape).permute(0, 2, 1, 3)
    key = key.sub(1).add_(1).reshape(shape).permute(0, 2, 3, 1)  # mlagents does so, which rounds
    value = value.reshape(shape).permute(0, 2, 1, 3)
    weights = torch.softmax(torch.matmul(query, key) / heads.embedding_size**0.5, dim=3)
    heard = torch.matmul(weights, value).permute(0, 2, 1, 3).reshape(-1, number, heads.embedding_size)
    output = Norm.apply(self.fc_out(heard) + inputs)
    mates = torch.full((1, 1), float(number)) + self.EPSILON
    return torch.sum(output, dim=1) / mates


class Norm(torch.autograd.Function):  # type: ignore[misc]
    """LayerNorm.forward with its gradient: the operations of autograd in its order, without a copy for each."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        """(..., size): x less its mean, over its spread."""
        centred = x - torch.mean(x, dim=-1, keepdim=True)
        spread = torch.sqrt(torch.mean(centred**2, dim=-1, keepdim=True) + 1e-5)
        out = centred / spread
        ctx.save_for_backward(centred, spread, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        """The gradient of x: by way of the quotient, of the spread and of the mean, added up in this order."""
        centred, spread, out = ctx.saved_tensors
        size = centred.shape[-1]
        work = out / spread
        of_spread = work.mul_(grad).sum(-1, keepdim=True).neg_()
        of_square = of_spread / (2 * spread) / size
        direct = torch.div(grad, spread, out=work)
        of_mean = direct.sum(-1, keepdim=True).neg_()
        by_spread = centred * (2 * of_square)
        of_mean += by_spread.sum(-1, keepdim=True).neg_()
        return direct.add_(by_spread).add_(of_mean / size)
