"""A small real trial: what it trains, and matches enough to rate what it exports."""

from pathlib import Path
from typing import Any

import yaml
from real_sweep import SPACE

from trials.arena.matches import match
from trials.arena.players import load as players
from trials.arena.ratings.elo import direct
from trials.arena.ratings.ladder import Rated
from trials.records import TrialSpec


def spec_of(steps: int, **more: Any) -> TrialSpec:
    """Some thousand steps a few seconds; `more` are the spec's fields, and `behavior` keys of its behavior."""
    config = yaml.safe_load(SPACE)
    behavior = config["behaviors"]["SoccerTwos"]
    behavior["hyperparameters"] |= {"learning_rate": 3e-4, "num_epoch": 3}
    behavior |= {"max_steps": steps, "summary_freq": 1000} | more.pop("behavior", {})
    config = {key: config[key] for key in ("behaviors", "environment_parameters")}
    given = dict(number=0, origin="fixed", params={}, config=config, seed=1, steps=steps, fields=4, threads=1)
    return TrialSpec(**{**given, "rungs": (steps,), **more})  # type: ignore[arg-type]


def rated(path: Path, seed: int) -> Rated:
    """By one pair against a player that stands still."""
    played = match.play(players.load(path), players.load("still"), 1, seed)
    rating = direct(played.records, "still")
    return Rated(rating=rating, records=played.records, baseline=None, names={})
