"""Find the hyperparameters that make self-play agents win: sweeps, matches and policies of SoccerTwos, from Python.

The command line does the same and more (`sweep -h`). A sweep, its best policy, and what it is worth:

>>> import sweep
>>> run = sweep.run("quick", trials=4, steps=100_000, final_seeds=0)
>>> run.ranking()
>>> sweep.play(run.best().policy, "house")

Importing this imports no torch, Ray, Optuna or pandas, and does nothing. Every refusal is a SweepError of one line.
"""

from sweep.api.matches import Ratings, play, rate, watch
from sweep.api.policies import Policy, environment, load_policy
from sweep.api.runs import Best, Run, open_run, run
from trials.errors import SweepError
from trials.results import PlayResult

__all__ = [
    "Best",
    "PlayResult",
    "Policy",
    "Ratings",
    "Run",
    "SweepError",
    "environment",
    "load_policy",
    "open_run",
    "play",
    "rate",
    "run",
    "watch",
]
