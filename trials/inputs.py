"""Files that a trial's configuration names, kept in its run: which they are, and where they lie on this machine."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

PATHS = {
    "init_path": ".pt",
    "behavioral_cloning.demo_path": ".demo",
    "reward_signals.gail.demo_path": ".demo",
}
"""Keys below a behavior that name a file, and how its name ends; a folder of demonstrations may stand for one."""
INPUTS = "inputs"
"""The run's folder for them."""


def located(config: Mapping[str, Any], run: Path) -> dict[str, Any]:
    """A trial's configuration with the run's files where they lie on this machine."""
    found = deepcopy(dict(config))
    for section, key in named(found):
        section[key] = str(run / str(section[key]))
    return found


def needed(config: Mapping[str, Any]) -> list[str]:
    """What a trial's configuration names in its run."""
    return [str(section[key]) for section, key in named(config)]


def named(config: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Sections that name a file, each with the key that does."""
    for trainer in config["behaviors"].values():
        for path in PATHS:
            *outer, key = path.split(".")
            section = trainer
            for name in outer:
                section = section.get(name) if isinstance(section, dict) else None
            if isinstance(section, dict) and section.get(key) is not None:
                yield section, key
