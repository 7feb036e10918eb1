"""A trainer in a nutshell, for `sweep doctor`: import mlagents as a trial does, build a network, export it."""

import tempfile
from pathlib import Path

from trials.learner import compat


def main() -> None:
    """Print one line about what worked; raises whatever failed."""
    compat.apply()
    import mlagents.trainers
    import onnx
    from mlagents.trainers.policy.torch_policy import TorchPolicy
    from mlagents.trainers.settings import NetworkSettings
    from mlagents.trainers.torch_entities.model_serialization import ModelSerializer
    from mlagents.trainers.torch_entities.networks import SimpleActor

    from trials.soccer.env import SoccerEnv

    env = SoccerEnv(fields=1, seed=0)
    env.reset()
    spec = next(iter(env.behavior_specs.values()))
    policy = TorchPolicy(
        0, spec, NetworkSettings(hidden_units=512), SimpleActor, {"conditional_sigma": False, "tanh_squash": False}
    )
    with tempfile.TemporaryDirectory() as folder:
        ModelSerializer(policy).export_policy_model(f"{folder}/SoccerTwos")
        path = Path(folder) / "SoccerTwos.onnx"
        onnx.checker.check_model(onnx.load(str(path)))
        size = path.stat().st_size
    print(f"mlagents {mlagents.trainers.__version__}, ONNX export of {size:,} bytes")  # noqa: T201
