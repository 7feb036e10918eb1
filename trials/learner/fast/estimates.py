"""A trajectory's values without the graph that nobody differentiates.

Stands for get_trajectory_and_baseline_value_estimates (mlagents 1.1.0 `trainers/poca/optimizer_torch.py`) and
get_trajectory_value_estimates (`trainers/optimizer/torch_optimizer.py`), whose last critic pass records one. An LSTM
takes another kernel where no gradient is asked for, with other bits, so networks with memory keep it.
"""

import functools
from collections.abc import Callable
from typing import Any

from mlagents.torch_utils import torch


def ungraphed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method of an optimizer, run without a graph where its policy has no memory."""

    @functools.wraps(function)
    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        if self.policy.use_recurrent:
            return function(self, *arguments, **options)
        with torch.no_grad():
            return function(self, *arguments, **options)

    return call
