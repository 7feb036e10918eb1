"""What a configuration is worth, as a random function of the hyperparameters of `soccertwos`, and the trials it makes.

Where the shape comes from. Trainings of this game by this trainer at 2 million steps (one seed each) gave match Elo
1179, 1269, 1056 and 827 at batch sizes 512, 1024, 2048 and 4096, and 824, 1056 and 1252 at learning rates 1e-5, 3e-4
and 1e-3: hence a batch size with a best place and 440 Elo to lose, and a learning rate that is worth 430 up to some
place. That it then falls off a cliff, that larger batches move that place up and bear more epochs, that early in
training higher rates look better, and that window and ratio of the opponents act together, are ML-Agents' documentation
and common knowledge; how strong each is is drawn anew in every world, and some hyperparameters are drawn to do nothing.
A trial's strengths at the first rung and at the end then correlate by some 0.7.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from simulation import Sweep, apart, grown

from search_spaces import Space, parameter_name, propose
from search_spaces.parameters import Choice, Derived, Float, Int
from trials.records import TrialSpec, Value

SHAPED = ("learning_rate", "batch_size", "num_epoch", "window", "play_against_latest_model_ratio")
"""Keys with a term of their own; every other has a parabola, or does nothing."""
IDLE = 0.4
"""Chance that another key does nothing."""
DRAWS = 2000


@dataclass(frozen=True)
class Landscape:
    """One world: places and weights (Elo) of the terms, and the scale that spreads random configurations as asked."""

    space: Space
    place: Mapping[str, float]
    weight: Mapping[str, float]
    scale: float = 1.0
    mean: float = 0.0
    """Worth of random configurations."""

    def worth(self, params: Mapping[str, Value], share: float = 1.0) -> float:
        """Elo at the whole budget below the best configuration there is; 0 is best. `share`: as it looks earlier."""
        at = places(self.space, params)
        best, weight = self.place, self.weight
        batch, epochs = at["batch_size"], at["num_epoch"]
        rate = min(0.97, best["learning_rate"] + 0.25 * (batch - 0.33) - 0.1 * (epochs - 0.2)) + 0.08 * math.log(
            1 / share, 3
        )
        over = at["learning_rate"] - rate
        lost = weight["learning_rate"] * (over / 0.8) ** 2 + weight["cliff"] * min(
            1.0, max(0.0, over - best["cliff"]) / 0.1
        )
        grid = [(third / 3 - best["batch_size"]) ** 2 for third in range(4)]
        lost += weight["batch_size"] * ((batch - best["batch_size"]) ** 2 - min(grid)) / 0.55
        lost += weight["num_epoch"] * (epochs - best["num_epoch"] - 0.3 * (batch - 0.33)) ** 2
        opponents = at["play_against_latest_model_ratio"] - best["play_against_latest_model_ratio"]
        lost += weight["window"] * (opponents + 0.4 * (at["window"] - 0.5)) ** 2
        for key, value in at.items():
            if key not in SHAPED:
                lost += weight[key] * _parabola(self.space, key, value, best[key])
        return -self.scale * lost


def draw(space: Space, spread: float, rng: np.random.Generator) -> Landscape:
    """A world in which random configurations have a standard deviation of `spread` Elo."""
    keys = [*places(space, random_params(space, rng))]
    place = {key: float(rng.uniform(0.1, 0.9)) for key in keys}
    place["learning_rate"] = float(np.clip(rng.normal(0.75, 0.12), 0.4, 0.95))
    place["cliff"] = float(rng.uniform(0.05, 0.2))  # above the best learning rate
    place["batch_size"] = float(np.clip(rng.normal(0.27, 0.2), 0, 1))
    place["num_epoch"] = float(rng.uniform(0.1, 0.5))
    place["play_against_latest_model_ratio"] = float(rng.uniform(0.3, 0.7))
    weight = {key: 0.0 if rng.random() < IDLE else 150 * float(rng.lognormal(0, 0.5)) for key in keys}
    weight |= {"learning_rate": 430.0, "cliff": 600.0, "batch_size": 440.0, "num_epoch": 200.0, "window": 200.0}
    weight |= {key: weight[key] * float(rng.lognormal(0, 0.4)) for key in ("cliff", *SHAPED)}
    raw = Landscape(space, place, weight)
    sample = np.array([raw.worth(random_params(space, rng)) for _ in range(DRAWS)])
    scale = spread / float(sample.std())
    return Landscape(space, place, weight, scale, float(sample.mean()) * scale)


@dataclass(frozen=True)
class Trials:
    """Trainings in a world: one number has one luck of the seed and of the matches, whatever is tried under it."""

    world: Landscape
    sweep: Sweep
    seed: int

    def elo(self, spec: TrialSpec, rung: int) -> float:
        """What matches say at a rung."""
        rng = np.random.default_rng([self.seed, spec.number])
        worth = self.world.worth(spec.params)
        final = worth - self.world.mean + self.sweep.seed_spread * rng.standard_normal()
        strengths = grown(self.sweep, np.array(final), rng)
        luck = self.sweep.error(self.sweep.matches) * rng.standard_normal(len(strengths))
        share = rung / spec.steps
        early = apart(share) * (self.world.worth(spec.params, share) - worth)
        return 1200.0 + float((strengths + luck)[spec.rungs.index(rung)]) + early

    def seconds(self, spec: TrialSpec) -> float:
        """A trial takes the longer the more it updates and the larger its network is, in any unit."""
        units, epochs = (
            float(spec.params["network_settings.hidden_units"]),
            float(spec.params["hyperparameters.num_epoch"]),
        )
        return (1 + 0.1 * epochs * units / 256) * float(
            np.random.default_rng([self.seed, spec.number, 1]).uniform(0.9, 1.1)
        )


def random_params(space: Space, rng: np.random.Generator) -> dict[str, Value]:
    """A configuration drawn as Optuna's random sampler draws."""
    return propose(space, _Dice(rng))  # type: ignore[arg-type]


class _Dice:
    """A trial that suggests at random."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return (
            float(np.exp(self._rng.uniform(np.log(low), np.log(high)))) if log else float(self._rng.uniform(low, high))
        )

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(low + step * self._rng.integers((high - low) // step + 1))

    def suggest_categorical(self, name: str, choices: tuple[Value, ...], /) -> Value:
        return choices[int(self._rng.integers(len(choices)))]


def places(space: Space, params: Mapping[str, Value]) -> dict[str, float]:
    """Where each parameter stands in its range, 0 to 1, by the last part of its key."""
    return {
        path.rsplit(".", 1)[-1]: _place(
            parameter.by if isinstance(parameter, Derived) else parameter, params[parameter_name(path, parameter)]
        )
        for path, parameter in space.parameters.items()
    }


def _place(parameter: Float | Int | Choice, value: Value) -> float:
    if isinstance(parameter, Choice):
        return parameter.options.index(value) / max(1, len(parameter.options) - 1)
    low, high, x = float(parameter.low), float(parameter.high), float(value)
    return math.log(x / low) / math.log(high / low) if parameter.log else (x - low) / (high - low)


def _parabola(space: Space, key: str, value: float, best: float) -> float:
    """0 at the best place; among choices at the best of them."""
    parameter = next(parameter for path, parameter in space.parameters.items() if path.rsplit(".", 1)[-1] == key)
    part = parameter.by if isinstance(parameter, Derived) else parameter
    steps = len(part.options) - 1 if isinstance(part, Choice) else 0
    least = min(((step / steps - best) ** 2 for step in range(steps + 1)), default=0.0) if steps else 0.0
    return (value - best) ** 2 - least
