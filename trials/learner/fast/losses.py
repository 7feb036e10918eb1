"""The terms of an update that mlagents computes in long ways: probabilities of what was done, entropies, masked means.

Stands for parts of mlagents 1.1.0 `trainers/torch_entities/`: ActionModel.evaluate (`action_model.py`), which works out
log-probabilities that only SAC asks for, too; CategoricalDistInstance.pdf (`distributions.py`), which picks n numbers
out of an n x n matrix; ModelUtils.masked_mean and actions_to_onehot (`utils.py`). Here they are picked at once; what
is computed comes of the same kernels in the same order, and so do the gradients.
"""

from typing import Any

from mlagents.torch_utils import torch
from mlagents.trainers.torch_entities.action_log_probs import ActionLogProbs
from mlagents.trainers.torch_entities.action_model import ActionModel
from mlagents.trainers.torch_entities.distributions import EPSILON

_evaluate = ActionModel.evaluate


def evaluate(self: Any, inputs: Any, masks: Any, actions: Any) -> tuple[Any, Any]:
    """ActionModel.evaluate for discrete actions: log-probabilities of `actions` and entropies (n,)."""
    if self._continuous_distribution is not None:
        return _evaluate(self, inputs, masks, actions)  # type: ignore[no-any-return]
    distribution = self._discrete_distribution
    all_logits = [branch(inputs) for branch in distribution.branches]
    if not bool((masks == 1).all()):  # else they multiply by 1 and take 0 away
        allowed = distribution._split_masks(masks)
        all_logits = [distribution._mask_branch(logits, mask) for logits, mask in zip(all_logits, allowed, strict=True)]
    probs = [torch.softmax(logits, dim=-1) for logits in all_logits]
    log_probs, entropies = [], []
    for action, each in zip(actions.discrete_list, probs, strict=True):
        done = each.gather(1, action.flatten().long().unsqueeze(-1)).squeeze(-1)
        log_probs.append(torch.log(done + EPSILON))
        entropies.append(-torch.sum(each * torch.log(each + EPSILON), dim=-1).unsqueeze(-1))
    return ActionLogProbs(None, log_probs, None), torch.sum(torch.cat(entropies, dim=1), dim=1)


def masked_mean(tensor: Any, masks: Any) -> Any:
    """ModelUtils.masked_mean: the mean of what `masks` leaves, with the order of the axes turned as a tuple."""
    if tensor.ndim == 0:
        return (tensor * masks).sum() / torch.clamp((torch.ones_like(tensor) * masks).float().sum(), min=1.0)
    turned = tensor.permute(*range(tensor.ndim - 1, -1, -1))
    return (turned * masks).sum() / torch.clamp((torch.ones_like(turned) * masks).float().sum(), min=1.0)


def actions_to_onehot(discrete_actions: Any, action_size: list[int]) -> list[Any]:
    """ModelUtils.actions_to_onehot: (n, branches) to one (n, size) of 0 and 1 a branch."""
    return [
        (discrete_actions[:, i].long().unsqueeze(-1) == torch.arange(size)).float()
        for i, size in enumerate(action_size)
    ]
