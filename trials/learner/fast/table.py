"""What is replaced in mlagents 1.1.0, in one table; a part's module says what it stands for and why no bit differs."""

from typing import Any

from mlagents.torch_utils import torch
from mlagents.trainers import trainer_controller
from mlagents.trainers.buffer import AgentBuffer
from mlagents.trainers.ghost.trainer import GhostTrainer
from mlagents.trainers.optimizer.torch_optimizer import TorchOptimizer
from mlagents.trainers.poca.optimizer_torch import TorchPOCAOptimizer
from mlagents.trainers.policy.torch_policy import TorchPolicy
from mlagents.trainers.torch_entities.action_model import ActionModel
from mlagents.trainers.torch_entities.networks import MultiAgentNetworkBody
from mlagents.trainers.torch_entities.utils import ModelUtils
from mlagents.trainers.trainer.on_policy_trainer import OnPolicyTrainer

from trials.learner.fast import adam, attention, buffers, estimates, inference, losses, processor, scope, shuffle

REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (AgentBuffer, "shuffle", shuffle.shuffle),
    (AgentBuffer, "resequence_and_append", buffers.append),
    (OnPolicyTrainer, "__init__", scope.init),
    (trainer_controller, "AgentManager", processor.ColumnManager),
    (GhostTrainer, "subscribe_trajectory_queue", processor.subscribe),
    (TorchPolicy, "get_action", inference.get_action),
    *(
        (optimizer, name, estimates.ungraphed(getattr(optimizer, name)))
        for optimizer, name in (
            (TorchOptimizer, "get_trajectory_value_estimates"),
            (TorchPOCAOptimizer, "get_trajectory_and_baseline_value_estimates"),
        )
    ),
    (ActionModel, "evaluate", losses.evaluate),
    (ModelUtils, "masked_mean", staticmethod(losses.masked_mean)),
    (ModelUtils, "actions_to_onehot", staticmethod(losses.actions_to_onehot)),
    (MultiAgentNetworkBody, "forward", attention.forward),
    (torch.optim.Adam, "step", adam.step),
)
"""Whose, which attribute, and what stands in its place."""


def install() -> None:
    """Replace all of them in this process; to be called before mlagents makes its trainers."""
    adam.without_compiler()
    for owner, name, part in REPLACED:
        setattr(owner, name, part)
