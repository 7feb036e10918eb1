"""Who owns each of mlagents' run options in a trainer YAML: the space, a setting of the sweep, or the sweep alone.

A published run's configuration.yaml, and the config.json that `mlagents-push-to-hf` makes of it, hold all of them. What
would steer a trial past the sweep (where it writes, what it goes on from, whether it trains at all) never reaches
mlagents. A value that is mlagents' own default says nothing, since such files write every default out.
Source of names and defaults: mlagents 1.1.0, trainers/settings.py (RunOptions) and trainers/cli_utils.py.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from search_spaces import keys
from search_spaces.keys import Key
from search_spaces.space import Space
from search_spaces.text import get, show
from trials.errors import SetupError
from trials.records import Value


@dataclass(frozen=True)
class Owned:
    """One option of mlagents."""

    owner: Literal["space", "build", "setting", "sweep", "refused"]
    """space: kept; build: kept, and read by an ML-Agents executable alone; setting: taken over as the sweep's setting
    that means the same; sweep: left out with a note, since a sweep has its own; refused: before anything starts."""
    default: Any = None
    """mlagents' own."""
    setting: str = ""
    """Name of the sweep's setting (`sweep/settings.py`) that takes it over."""
    why: str = ""
    """Of what is left out: what a sweep decides there."""


_NAMED = "a sweep names its trials' folders"
_GOES_ON = "a trial goes on from its own checkpoint alone"
_TRAINS = "a sweep trains"
_PORTS = "a trial has ports of its own"
_PATIENCE = "--stall-seconds decides that"
_UNSEEN = "executables run without graphics"
_IDLE = "an executable alone reads that (--env)"
_SPACE = Owned("space")

OWNERS: Mapping[str, Owned] = {
    "behaviors": _SPACE,
    "default_settings": _SPACE,
    "environment_parameters": _SPACE,
    "debug": Owned("space", False),
    "torch_settings.device": Owned("setting", setting="torch_device"),
    "env_settings.env_path": Owned("setting", setting="env"),
    "env_settings.num_areas": Owned("setting", 1, setting="fields"),
    "env_settings.num_envs": Owned("setting", 1, setting="num_envs"),
    "env_settings.seed": Owned("setting", -1, setting="seed"),
    "env_settings.env_args": Owned("build"),
    "env_settings.base_port": Owned("sweep", 5005, why=_PORTS),
    "env_settings.timeout_wait": Owned("sweep", 60, why=_PATIENCE),
    "env_settings.max_lifetime_restarts": Owned("sweep", 10, why=_PATIENCE),
    "env_settings.restarts_rate_limit_n": Owned("sweep", 1, why=_PATIENCE),
    "env_settings.restarts_rate_limit_period_s": Owned("sweep", 60, why=_PATIENCE),
    "engine_settings.width": Owned("build", 84),
    "engine_settings.height": Owned("build", 84),
    "engine_settings.quality_level": Owned("build", 5),
    "engine_settings.time_scale": Owned("build", 20),
    "engine_settings.target_frame_rate": Owned("build", -1),
    "engine_settings.capture_frame_rate": Owned("build", 60),
    "engine_settings.no_graphics": Owned("sweep", False, why=_UNSEEN),
    "engine_settings.no_graphics_monitor": Owned("sweep", False, why=_UNSEEN),
    "checkpoint_settings.run_id": Owned("sweep", "ppo", why=_NAMED),
    "checkpoint_settings.results_dir": Owned("sweep", "results", why=_NAMED),
    "checkpoint_settings.force": Owned("sweep", False, why=_NAMED),
    "checkpoint_settings.resume": Owned("sweep", False, why=_GOES_ON),
    "checkpoint_settings.load_model": Owned("sweep", False, why=_GOES_ON),
    "checkpoint_settings.initialize_from": Owned("refused", why=_GOES_ON),
    "checkpoint_settings.train_model": Owned("sweep", False, why=_TRAINS),
    "checkpoint_settings.inference": Owned("sweep", False, why=_TRAINS),
}
"""Dotted path to its owner; a section stands for all that is below it. The keys below a behavior are the space's."""

Find = Callable[[Path], Path]
"""The executable that mlagents starts for a path; SetupError where there is none that may be started."""
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


def kept(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a trainer configuration reaches mlagents: the space's own, but for its `sweep`."""
    found: dict[str, Any] = {}
    for name, section in config.items():
        if name == "sweep":
            continue
        if name in OWNERS:
            found[name] = section
        elif isinstance(section, Mapping):
            below = {key: value for key, value in section.items() if _owner(f"{name}.{key}") in ("space", "build")}
            found |= {name: below} if below else {}
    return found


def _owner(path: str) -> str:
    return OWNERS[path].owner if path in OWNERS else "space"


def taken(space: Space, find: Find | None) -> dict[str, Value]:
    """The sweep's settings that the file gives under mlagents' names: `torch_device`, `env`, `seed` and the like.

    find: for its env_path, which is taken from the file's own folder; None: that is not asked for. SpaceError, one
    line, for what must not start: a device that is none, an executable that is not there, another run to begin from.
    """
    _must_begin_anew(space)
    values = {owned.setting: (path, value) for path, owned, value in _said(space) if owned.setting}
    if "torch_device" in values and not _DEVICE.fullmatch(str(values["torch_device"][1])):
        path, value = values["torch_device"]
        raise space.error(path, "must be cpu, cuda or cuda:N", value, "write one of them, or take that line out")
    found: dict[str, Value] = {name: value for name, (_, value) in values.items() if name != "env"}
    if "env" in values and find is not None:
        path, value = values["env"]
        try:
            found["env"] = str(find(space.beside(str(value))).absolute())
        except SetupError as error:
            mend = f"{str(error).rpartition('; ')[2]}, or run with --env embedded, the game that this product carries"
            raise space.error(path, "must be an ML-Agents executable (from the file's folder)", value, mend) from None
    return found


def notes(space: Space, settings: Mapping[str, Any], find: Find) -> list[str]:
    """What of the file's run options became what, one line each kind; `settings`: the sweep's, by their names."""
    said = list(_said(space))
    left: dict[str, list[str]] = {}
    for path, owned, _ in said:
        idle = owned.owner == "build" and settings.get("env", "embedded") == "embedded"
        if owned.owner in ("sweep", "refused") or idle:
            left.setdefault(_IDLE if idle else owned.why, []).append(path)
    lines = [
        f"{space.file}: {_over(space, path, owned, value, settings, find)}"
        for path, owned, value in said
        if owned.setting
    ]
    if left:
        parts = "; ".join(f"{', '.join(paths)}: {why}" for why, paths in left.items())
        lines.append(f"{space.file}: left out are {parts}")
    return lines


def _over(space: Space, path: str, owned: Owned, value: Any, settings: Mapping[str, Any], find: Find) -> str:
    """How a setting stands to what the file says of it."""
    now, option = settings.get(owned.setting), "--" + owned.setting.replace("_", "-")
    own = now == value or str(now) == str(value)
    if owned.setting == "env":
        with contextlib.suppress(SetupError):
            own = Path(str(now)).absolute() == find(space.beside(str(value))).absolute()
    if own:
        return f"{path} {show(value)} is taken as {option}"
    shown = Path(str(now)).name if owned.setting == "env" else now
    return f"{path} {show(value)} gives way to {option} {shown}"


def _said(space: Space) -> Iterator[tuple[str, Owned, Any]]:
    """Every run option of the file that is not mlagents' default."""
    for path, owned in OWNERS.items():
        section, _, name = path.partition(".")
        value = get(space.tree, path) if name else None
        if value is None or value == owned.default:
            continue
        key = keys.TOP[section]
        if isinstance(key, Mapping) and isinstance(leaf := key[name], Key) and (fault := leaf.fault(value)):
            raise space.error(path, fault, value, "edit that line")
        yield path, owned, value


def _must_begin_anew(space: Space) -> None:
    """SpaceError where the file begins from another run; beside `resume` mlagents itself passes that over."""
    path = "checkpoint_settings.initialize_from"
    name = get(space.tree, path)
    if name is None or get(space.tree, "checkpoint_settings.resume"):
        return
    results = get(space.tree, "checkpoint_settings.results_dir") or "results"
    mend = f"write init_path: {results}/{name}/{space.behavior}/checkpoint.pt below {space.behavior}, or take it out"
    raise space.error(path, "must be left to the trials, which have folders of their own", name, mend)
