"""A policy's decision for all its agents, as the few torch calls that it comes down to.

Stands for TorchPolicy.get_action and evaluate (mlagents 1.1.0 `trainers/policy/torch_policy.py`) with what they call:
SimpleActor.get_action_and_stats, ActionModel, MultiCategoricalDistribution, CategoricalDistInstance. The same kernels
see tensors of the same shape and layout in the same order, draws included, without a module object around each; terms
that masks of no effect would multiply by 1 or add as 0 are left out. Other networks take mlagents' own way.
"""

from typing import Any

import numpy as np
from mlagents.torch_utils import default_device, torch
from mlagents.trainers.action_info import ActionInfo
from mlagents.trainers.policy.torch_policy import TorchPolicy
from mlagents.trainers.torch_entities.action_log_probs import LogProbsTuple
from mlagents.trainers.torch_entities.distributions import EPSILON
from mlagents.trainers.torch_entities.encoders import VectorInput
from mlagents.trainers.torch_entities.layers import LinearEncoder, Swish
from mlagents.trainers.torch_entities.networks import SharedActorCritic, SimpleActor
from mlagents_envs.base_env import ActionTuple

from trials.learner.fast import scope

_get_action = TorchPolicy.get_action


def unknown(policy: Any) -> str | None:
    """Why a policy's network is evaluated by mlagents' own code; None if it is not."""
    actor = policy.actor
    if type(actor) not in (SimpleActor, SharedActorCritic):
        return f"a network of type {type(actor).__name__}"
    if policy.use_recurrent:
        return "a network with memory"
    spec, encoder = actor.action_spec, actor.network_body.observation_encoder
    if spec.continuous_size or not spec.discrete_size:
        return "continuous actions"
    if actor.action_model._deterministic:
        return "a deterministic policy"
    if any(type(processor) is not VectorInput for processor in encoder.processors):
        return "observations that are no vectors"
    if type(actor.network_body._body_endoder) is not LinearEncoder:
        return "a goal that conditions the network"
    if default_device().type != "cpu":
        return "a GPU"
    return None if draws_alike() else f"the way torch {torch.__version__} draws"


def get_action(self: Any, decision_requests: Any, worker_id: int = 0) -> Any:
    """TorchPolicy.get_action."""
    known = self.__dict__.get("known")
    if known is None:
        reason = unknown(self)
        if reason is not None:
            scope.say(reason)
        known = self.known = reason is None
    if not known or len(decision_requests) == 0:
        return _get_action(self, decision_requests, worker_id)
    outputs = evaluate(self.actor, decision_requests)
    return ActionInfo(
        action=outputs["action"],
        env_action=outputs["env_action"],
        outputs=outputs,
        agent_ids=decision_requests.agent_id.tolist(),
    )


def evaluate(actor: Any, steps: Any) -> dict[str, Any]:
    """TorchPolicy.evaluate for discrete actions: what is done, its log-probabilities and the entropy, (n, ...) each."""
    with torch.no_grad():
        body = actor.network_body
        inputs = [p(torch.as_tensor(obs)) for p, obs in zip(body.processors, steps.obs, strict=True)]
        x = torch.cat(inputs, dim=1)
        for layer in body._body_endoder.layers:
            if type(layer) is Swish:
                x = torch.sigmoid(x).mul_(x)
            else:
                x = torch.nn.functional.linear(x, layer.weight, layer.bias)
        branches = actor.action_model._discrete_distribution.branches
        actions, chosen, entropies = [], [], []
        for branch, allowed in zip(branches, _masks(steps, branches), strict=True):
            logits = torch.nn.functional.linear(x, branch.weight, branch.bias)
            if allowed is not None:
                logits = logits * allowed - 1e8 * (-1.0 * allowed + 1.0)
            probs = torch.softmax(logits, dim=-1)
            action = draw(probs)
            actions.append(action)
            chosen.append(torch.log(probs.gather(1, action).squeeze(1) + EPSILON))
            entropies.append(-torch.sum(probs * torch.log(probs + EPSILON), dim=-1).unsqueeze(-1))
        discrete = torch.cat(actions, dim=1).numpy()
        log_probs = torch.stack(chosen, dim=-1).numpy()
        if not np.isfinite(log_probs).all():  # multinomial says so in its own words
            torch.multinomial(torch.full((1, 2), torch.nan), 1)
        return {
            "action": ActionTuple(discrete=discrete),
            "env_action": ActionTuple(discrete=discrete),
            "log_probs": LogProbsTuple(discrete=log_probs),
            "entropy": torch.sum(torch.cat(entropies, dim=1), dim=1).numpy(),
        }


def draw(probs: Any) -> Any:
    """torch.multinomial(probs, 1), (n, k) to (n, 1): the exponential race that it runs, without its checks."""
    race = torch.empty_like(probs).exponential_(1)
    return torch.div(probs, race, out=race).argmax(-1, keepdim=True)


def draws_alike() -> bool:
    """Whether `draw` is multinomial in this torch: the same places, and the generator left in the same state."""
    kept = torch.get_rng_state()
    try:
        probs = torch.softmax(torch.randn(500, 3), dim=-1)
        before = torch.get_rng_state()
        expected, state = torch.multinomial(probs, 1), torch.get_rng_state()
        torch.set_rng_state(before)
        return bool(torch.equal(draw(probs), expected) and torch.equal(torch.get_rng_state(), state))
    finally:
        torch.set_rng_state(kept)


def _masks(steps: Any, branches: Any) -> list[Any]:
    """What is allowed in each branch, float32 as mlagents' multiplication makes it; None where all is."""
    if steps.action_mask is None:
        return [None] * len(branches)
    return [torch.as_tensor(1 - mask) if np.any(mask) else None for mask in steps.action_mask]
