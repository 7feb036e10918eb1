"""A sweep of a space written here, its trials as a data frame, and its best policy against the house baseline.

Run it as `python -m sweep.examples.sweep_from_python [STEPS] [OUT] [TRIALS]`: minutes with its 60,000 steps.
"""

import sys
import tempfile
from pathlib import Path

import sweep

SPACE = """
sweep:
  fields: 32
  rating_matches: 40
  fresh_matches: 40
  shared: {hyperparameters: {batch_size: 512, buffer_size: 2048}, network_settings: {hidden_units: 64, num_layers: 2}}
behaviors:
  SoccerTwos:
    trainer_type: poca
    hyperparameters: {batch_size: 512, buffer_size: 2048, learning_rate: {log_float: [2e-4, 2e-3]}}
    network_settings: {hidden_units: 64, num_layers: 2}
    reward_signals: {extrinsic: {gamma: {float: [0.97, 0.995]}}}
"""


def main(steps: int = 60_000, out: str = "runs/from-python", trials: int = 3) -> None:
    """Train some configurations, the course's first; print what came of them."""
    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "rates.yaml"
        space.write_text(SPACE)
        run = sweep.run(space, trials=trials, steps=steps, scheduler="none", final_seeds=0, out=out)
    print(run.trials()[["trial", "elo", "low", "high", "hyperparameters.learning_rate"]].to_string(index=False))
    best = run.best()
    result = sweep.play(best.policy, "house", matches=40)
    print(f"trial {best.trial} against house: {result.elo:+.0f} Elo [{result.low:+.0f}, {result.high:+.0f}]")
    print(f"all of it: {run.report()}")


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, str, int), sys.argv[1:], strict=False)))
