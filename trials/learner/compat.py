"""Fixes that let mlagents 1.1.0 run on a current Python; applied only inside a trainer's own process.

Each fix names what breaks without it. Call `apply()` before the first import of mlagents.
"""

import functools
import importlib.metadata
import json
import warnings
from types import SimpleNamespace
from typing import Any

from trials.soccer.executable import message_finder, stand_ins


@functools.cache
def apply() -> None:
    """Apply every fix once; safe to call again."""
    stand_ins.put()
    _settings_converter()
    _numpy_names()
    message_finder.put()
    _classic_onnx_export()
    _numpy_scalars_as_json()
    _sums_in_double()
    _plugins_by_group()


def _settings_converter() -> None:
    """mlagents' settings.py writes a field's value by the value's own class, as cattr did before cattrs 22.1;
    since then the declared class counts, and a trainer's hyperparameters would lose those that only POCA has.
    """
    import cattrs

    converter = cattrs.BaseConverter(detailed_validation=False)  # else a typo comes out as a group of exceptions
    names = ("structure", "unstructure", "register_structure_hook", "register_structure_hook_func")
    held = {name: getattr(converter, name) for name in (*names, "register_unstructure_hook")}
    stand_ins.module("cattr", **held)


def _numpy_names() -> None:
    """mlagents' buffer.py and agent_action.py use np.float and np.long, gone since numpy 1.24."""
    import numpy as np

    for name, kind in (("float", float), ("long", np.int64)):
        if name not in np.__dict__:
            setattr(np, name, kind)


def _classic_onnx_export() -> None:
    """torch >= 2.9 exports through dynamo by default, which wants onnxscript and writes another graph than Unity's."""
    import torch

    warnings.filterwarnings("ignore", message="You are using the legacy TorchScript-based ONNX export")
    torch.onnx.export = functools.partial(torch.onnx.export, dynamo=False)


def _numpy_scalars_as_json() -> None:
    """mlagents' training_status.json holds ghost Elo and rewards as numpy's scalars, and json knows none of numpy 2."""
    import numpy as np

    default = json.JSONEncoder.default

    def plain(self: json.JSONEncoder, o: Any) -> Any:
        return o.item() if isinstance(o, np.generic) else default(self, o)

    json.JSONEncoder.default = plain  # type: ignore[method-assign]


def _plugins_by_group() -> None:
    """mlagents' plugins/*.py look for a group in entry_points(), which is a mapping no more from Python 3.12 on."""
    from mlagents import plugins
    from mlagents.plugins import stats_writer, trainer_type

    def entry_points() -> dict[str, tuple[importlib.metadata.EntryPoint, ...]]:
        groups = (plugins.ML_AGENTS_TRAINER_TYPE, plugins.ML_AGENTS_STATS_WRITER)
        found = {group: tuple(importlib.metadata.entry_points(group=group)) for group in groups}
        return {group: points for group, points in found.items() if points}

    for module in (stats_writer, trainer_type):
        module.importlib_metadata = SimpleNamespace(entry_points=entry_points)


def _sums_in_double() -> None:
    """mlagents was written for numpy 1, where a float times a float32 scalar is a double; from numpy 2 on (NEP 50) it
    is a float32, and returns, advantages and the rewards of group mates would end in other bits (`trainers/trainer/
    trainer_utils.py`, `torch_entities/components/reward_providers/extrinsic_reward_provider.py`). Summaries' episode
    rewards stay float32 sums.
    """
    import mlagents.trainers.poca.trainer as poca
    import numpy as np
    from mlagents.trainers.torch_entities.components.reward_providers import extrinsic_reward_provider
    from mlagents.trainers.trainer import trainer_utils

    poca.lambda_return = lambda_return
    extrinsic_reward_provider.sum = lambda rewards: sum(map(float, rewards))
    discount = trainer_utils.discount_rewards

    def discount_rewards(r: Any, gamma: float = 0.99, value_next: float = 0.0) -> Any:
        return discount(r.astype(np.float64), gamma, value_next).astype(r.dtype)

    trainer_utils.discount_rewards = discount_rewards


def lambda_return(r: Any, value_estimates: Any, gamma: float = 0.99, lambd: float = 0.8, value_next: Any = 0.0) -> Any:
    """TD(lambda) targets, float32 of shape (steps,): rewards `r`, critic's estimates, and that of the state after them.

    As mlagents 1.1.0 `trainers/trainer/trainer_utils.py` under numpy 1.26, bit for bit. `value_next` may be an array of
    one value, as the POCA trainer hands it over; numpy 2.4 puts none into a place of `returns`.
    """
    import numpy as np

    returns = np.zeros_like(r)
    last = np.asarray(value_next).item()
    returns[-1] = r[-1] + np.float32(gamma) * np.float32(last)
    for t in reversed(range(r.size - 1)):
        returns[t] = (
            gamma * lambd * float(returns[t + 1]) + float(r[t]) + (1 - lambd) * gamma * float(value_estimates[t + 1])
        )
    return returns
