"""Adam's step for all parameters at once, and without the compiler that torch imports for it (seconds of each start).

Stands for torch.optim.Adam.step (torch 2.x `optim/adam.py`, _single_tensor_adam) as mlagents 1.1.0 makes it, with no
option but a learning rate: the same operations a parameter, in one call for all. State and options are Adam's own, so
a checkpoint is what it was.
"""

import functools
import sys
from typing import Any

from mlagents.torch_utils import torch

_step = torch.optim.Adam.step


@functools.wraps(_step)
def step(self: Any, closure: Any = None) -> Any:
    """Adam.step."""
    plain = closure is None and not self._optimizer_step_pre_hooks and not self._optimizer_step_post_hooks
    if not plain or not all(known(group) for group in self.param_groups):
        return _step(self, closure)
    with torch.no_grad():
        for group in self.param_groups:
            _step_of(self, group)
    return None


step.__dict__["hooked"] = True  # by torch's profiler, whose hook costs as much as a small step


def known(group: dict[str, Any]) -> bool:
    """Whether a group of parameters has Adam's defaults but for its rate, and lies on the CPU."""
    odd = ("weight_decay", "amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused")
    return (
        not any(group.get(option) for option in odd)
        and isinstance(group["lr"], float)
        and all(parameter.device.type == "cpu" for parameter in group["params"])
    )


def _step_of(optimizer: Any, group: dict[str, Any]) -> None:
    parameters: list[Any] = []
    grads: list[Any] = []
    means: list[Any] = []
    squares: list[Any] = []
    steps: list[Any] = []
    optimizer._init_group(group, parameters, grads, means, squares, [], steps)
    if not parameters:
        return
    beta1, beta2 = group["betas"]
    torch._foreach_add_(steps, 1)
    torch._foreach_lerp_(means, grads, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
    counts = [count.item() for count in steps]
    spreads = torch._foreach_sqrt(squares)
    torch._foreach_div_(spreads, [(1 - beta2**count) ** 0.5 for count in counts])
    torch._foreach_add_(spreads, group["eps"])
    torch._foreach_addcdiv_(parameters, means, spreads, [-(group["lr"] / (1 - beta1**count)) for count in counts])


def without_compiler() -> None:
    """Let torch.optim's methods run as they are: torch would import its compiler to leave them alone."""
    if "torch._dynamo" in sys.modules:
        return
    for kind in (torch.optim.Optimizer, torch.optim.Adam):
        for method in vars(kind).values():
            plain = getattr(method, "__wrapped__", None)
            if plain is not None and getattr(method, "__qualname__", "") == getattr(plain, "__qualname__", None):
                plain.__dict__.setdefault("__dynamo_disable", plain)
