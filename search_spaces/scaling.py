"""Step-based keys at a small budget: one factor for all trials of a sweep, the course's ratios kept."""

import copy
import sys
from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import Any

from search_spaces import keys
from search_spaces.fill import course, put, render
from search_spaces.parameters import is_number
from search_spaces.relations import Ranges, default, named
from search_spaces.space import DEFAULT_STEPS, Space, load
from search_spaces.text import flatten, get, show
from trials.records import Value

REFERENCE = 1_000_000
"""Steps from which nothing is scaled: four of the course's team changes (250,000), two turns for each team."""

_SAVE, _TEAM, _SWAP = "self_play.save_steps", "self_play.team_change", "self_play.swap_steps"
_BUFFER, _BATCH = "hyperparameters.buffer_size", "hyperparameters.batch_size"
_SEQUENCE = "network_settings.memory.sequence_length"
BATCHES = 10
"""Of a buffer that nobody names, where mlagents' default holds no whole batch: as many as its defaults hold."""

Changes = Mapping[str, tuple[Value | None, Value | None]]
"""Dotted path below the behavior, or from the top, to (value before or the course's, effective value), None: absent."""


def reference(space: Space) -> int:
    """Steps from which nothing is scaled in a sweep of `space`.

    REFERENCE (in another game than SoccerTwos nothing), or more where a team change of the space can be longer than
    half of it, so that in every trial each team has its turn; a file without parameters is trained as written at its
    own max_steps, which are mlagents' where it names none.
    """
    longest = [turn.high for part in space.each if (turn := Ranges(part, REFERENCE).of(_TEAM))]
    least = REFERENCE if space.behavior == keys.BEHAVIOR else 1
    needed = max(least, *(2 * round(min(turn, sys.maxsize)) for turn in longest), 0)  # too large: refused elsewhere
    own: Any = space.trainer.get("max_steps")
    return needed if space.parameters else min(needed, max(1, int(own)) if is_number(own) else DEFAULT_STEPS)


def course_reference(space: Space) -> int:
    """The same for trial 0."""
    return max(REFERENCE, reference(space)) if space.behavior == keys.BEHAVIOR else reference(space)


def scale(config: Mapping[str, Any], steps: int, reference: int = REFERENCE) -> tuple[dict[str, Any], Changes]:
    """`config` at a budget of `steps`: max_steps set, and step-based keys times min(1, steps / reference).

    Use the same reference for all trials of a sweep, trial 0 included: `reference(space)`. Whole numbers of at least 1;
    a team_change that is a multiple of save_steps stays that multiple, and swap_steps the same share of team_change.
    What mlagents would take for a key that nobody names is fitted to what is named: a checkpoint and two team changes
    within the budget, a buffer of whole batches, sequences within a batch. Also returned: what changed, path below the
    behavior to (before, after).
    """
    scaled = copy.deepcopy(dict(config))
    changes: dict[str, tuple[Value | None, Value | None]] = {}
    for behavior, trainer in scaled["behaviors"].items():
        new: dict[str, int] = {"max_steps": steps}
        share = min(Fraction(1), Fraction(steps, reference))
        if share < 1:
            new |= {key: max(1, round(_own(trainer, key) * share)) for key in ("checkpoint_interval", "summary_freq")}
        if trainer.get("self_play") is not None:
            played = _self_play(trainer, share, steps)
            new |= {key: value for key, value in played.items() if share < 1 or value != _own(trainer, key)}
        new |= _fitted(trainer, new)
        before = f"{behavior}." if len(scaled["behaviors"]) > 1 else ""
        changes |= {
            f"{before}{key}": (get(trainer, key), value) for key, value in new.items() if get(trainer, key) != value
        }
        for key, value in new.items():
            put(trainer, key, value)
    return scaled, changes


def against_course(space: Space, steps: int) -> Changes:
    """Every key where the configuration shared by all trials (trial 0's, scaled) differs from course.yaml."""
    config, _ = scale(course(space), steps, course_reference(space))
    theirs = render(load("course"), {}) if space.behavior == keys.BEHAVIOR else course(space)
    before, after = _flat(theirs), _flat(config)
    paths = [*before, *(path for path in after if path not in before)]
    return {path: (before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)}


def _flat(config: Mapping[str, Any]) -> dict[str, Value]:
    """Path to value: below the behavior bare (of several after its name), elsewhere from the top; null is absent, a
    list is text."""
    top = {name: section for name, section in config.items() if name != "behaviors"}
    below = config["behaviors"]
    flat = flatten({**(below if len(below) > 1 else next(iter(below.values()))), **top})
    return {
        path: show(value) if isinstance(value, list) else value for path, value in flat.items() if value is not None
    }


def _fitted(trainer: Mapping[str, Any], new: Mapping[str, int]) -> dict[str, int]:
    """Defaults that would make a trial impossible, in the nearest way that does not."""
    found: dict[str, int] = {}
    batch, interval = _own(trainer, _BATCH), new.get("checkpoint_interval", _own(trainer, "checkpoint_interval"))
    if not named(trainer, "checkpoint_interval") and interval > new["max_steps"]:
        found["checkpoint_interval"] = new["max_steps"]
    if not named(trainer, _BUFFER) and _own(trainer, _BUFFER) < batch:
        found[_BUFFER] = BATCHES * batch
    if (
        get(trainer, "network_settings.memory") is not None
        and not named(trainer, _SEQUENCE)
        and _own(trainer, _SEQUENCE) > batch
    ):
        found[_SEQUENCE] = batch
    return found


def _self_play(trainer: Mapping[str, Any], share: Fraction, steps: int) -> dict[str, int]:
    """Rounded down, so that two team changes still fit into the budget where they did."""
    save, team, swap = (_own(trainer, key) for key in (_SAVE, _TEAM, _SWAP))
    new_save = max(1, floor(save * share))
    new_team = new_save * (team // save) if team % save == 0 else max(new_save, floor(team * share))
    if not named(trainer, _TEAM):
        new_team = max(new_save, min(new_team, steps // 2))
    return {_SAVE: new_save, _TEAM: new_team, _SWAP: max(1, round(new_team * swap / team))}


def _own(trainer: Mapping[str, Any], key: str) -> int:
    """The configuration's value, or mlagents' default."""
    value = get(trainer, key)
    return int(default(trainer, key) if value is None else value)
