"""The settings of one sweep: one frozen dataclass, a unit on every number."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import psutil
import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from search_spaces import keys, owners
from search_spaces.space import Space
from sweep.models import typed
from sweep.ways import Objectives, Sampler, Scheduler, check_search
from trials.arena.games.game import WonBy
from trials.errors import SetupError, UsageError, reason
from trials.folder import written_whole
from trials.learner.process import must_be_installed

Count = Annotated[int, Field(ge=1, le=keys.MOST)]
MIN_STEPS = 1000
TRIAL_MEMORY_GIB = 1.5
"""What a trainer and its worker take together, GiB; measured at 1.3 with 32 fields."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Settings:
    """How a sweep is run; the space's `sweep:` section gives defaults, the command line overrides."""

    space: str
    """Name of a shipped space or path of a YAML."""
    out: Path
    """Folder of the run, `runs/NAME`."""
    trials: Count = 8
    """Trials in all, trial 0 (the course's configuration) included."""
    slots: Count | None = None
    """Trials at the same time; None: as many as the CPUs of the machine or cluster hold, wherever the sweep goes on."""
    steps: Annotated[int, Field(ge=MIN_STEPS, le=10**12)] = 5_000_000
    """Budget of a trial in trainer steps (decisions of the learning team's agents)."""
    fields: Annotated[int, Field(ge=1, le=4096)] = 8
    """Fields in each trial's environment."""
    baseline: str = "house"
    """What the headline is measured against: `house`, another built-in player, an ONNX file, or a Hub id."""
    yardstick: tuple[str, ...] = ()
    """More policies of another game than SoccerTwos that its trials are rated on, as a baseline is named."""
    won_by: WonBy | None = None
    """Of another game: whose rewards decide a match; None: the group's where there are groups, else the agent's."""
    env: str = "embedded"
    """What trains: `embedded`, the environment this product carries, or the path of an ML-Agents executable."""
    trainer: str | None = None
    """Path of another environment's `mlagents-learn` (a conda environment's, say) that trains in `env`'s executable."""
    num_envs: Annotated[int, Field(ge=1, le=256)] = 1
    """Executables of a trial, side by side, `fields` in each; the embedded environment is one."""
    torch_device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] | None = None
    """`cpu`, `cuda` or `cuda:N`; None: CUDA where the trial has a GPU that torch can use."""
    stall_seconds: Annotated[float, Field(ge=10, le=86_400)] = 300.0
    """A trainer that makes no step for so long is taken to hang, and goes on from its last checkpoint."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of proposals, trainers, environments and matches."""
    cpus_per_trial: Annotated[float, Field(gt=0, le=4096)] = 1.0
    gpus_per_trial: Annotated[float, Field(ge=0, le=4096)] = 0.0
    """May be a fraction: several trials share a GPU."""
    threads: Count = 1
    """CPU threads of a trainer."""
    sampler: Sampler = "tpe"
    """Who proposes (sweep/search/samplers.py)."""
    scheduler: Scheduler = "asha"
    """Who is stopped at a rung (sweep/driver/schedulers.py); none: every trial trains its whole budget."""
    objectives: Objectives = "elo"
    """What proposals aim at: match Elo, or Elo and cost (seconds of training per million trainer steps) at once."""
    startup_trials: Count = 10
    """Trials before the sampler proposes; until then proposals are random."""
    first_rung: Annotated[float, Field(ge=0.01, le=1)] = 1 / 3
    """Share of the budget at which trials are first rated and compared."""
    reduction_factor: Annotated[float, Field(ge=1.1, le=1000)] = 3.0
    """ASHA keeps the best 1/reduction_factor at a rung."""
    rating_matches: Annotated[int, Field(ge=8, le=keys.MOST)] = 200
    """Matches against the ladder at each rung."""
    fresh_matches: Annotated[int, Field(ge=8, le=keys.MOST)] = 400
    """Matches of each headline number, played after the choice is made."""
    final_seeds: Annotated[int, Field(ge=0, le=100)] = 3
    """Fresh training seeds that finalists and the course's configuration are retrained on, after tuning; 0: none."""
    finalists: Count = 2
    """Configurations besides the course's that are, the best in tuning."""
    max_failure_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    """A sweep stops when more than this share of its first four or more trials failed."""
    storage: str | None = None
    """Where the machines of a cluster keep the run, NAME below it: a path all of them see, or s3://bucket/prefix; None:
    the run's own folder, which all of them must see then."""
    ray_address: str | None = None
    """Of a Ray cluster; None starts Ray on this machine, on loopback."""

    @property
    def executable(self) -> str | None:
        """Absolute path of the executable that trains; None: the embedded environment does."""
        return None if self.env == "embedded" else str(Path(os.path.expanduser(self.env)).resolve())

    def located(self) -> "Settings":
        """With absolute paths of the programs that it names: a run goes on from any folder."""
        trainer = None if self.trainer is None else str(Path(os.path.expanduser(self.trainer)).absolute())
        return replace(self, env=self.executable or self.env, trainer=trainer)

    def training_seed(self, number: int) -> int:
        """Of trainer and environment, the `number`th of the sweep's own: below 2**31, as numpy and Unity take them."""
        return (1000 * self.seed + number) % 2**31

    @property
    def bar(self) -> str:
        """What a trial that is stopped at a rung stayed below."""
        return f"the best 1/{self.reduction_factor:g}" if self.scheduler == "asha" else "the running median"

    @property
    def rungs(self) -> tuple[int, ...]:
        """Steps at which candidates are rated, ascending, the last the whole budget."""
        steps, rungs = self.steps * self.first_rung, []
        while steps < self.steps * 0.999:
            rungs.append(round(steps))
            steps *= self.reduction_factor
        return (*rungs, self.steps)


_SETTINGS: TypeAdapter[Settings] = TypeAdapter(Settings)


def make(**values: object) -> Settings:
    """Settings from what was given (None: not given). Raises UsageError with the rule, what came and what to do."""
    given = {name: value for name, value in values.items() if value is not None}
    check_search(given)
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        option = "--" + name.replace("_", "-")
        rule = first["msg"][:1].lower() + first["msg"][1:]
        raise UsageError(f"{option}: {rule}, but got {first['input']!r}; give another value") from None


def read(path: Path) -> Settings:
    """The settings a run began with, or was widened to. Raises SetupError."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):  # a run from before there were finals has none
            found = {"final_seeds": 0} | found
        return _SETTINGS.validate_python(found)
    except (OSError, UnicodeDecodeError, ValidationError, yaml.YAMLError) as error:
        raise SetupError(
            f"a run must hold its settings, but {path} cannot be read ({reason(error)});"
            " was it written by another version?"
        ) from None


def write(settings: Settings, path: Path) -> None:
    """Write them whole, for `read` and for people."""
    with written_whole(path) as temporary:
        temporary.write_text(yaml.safe_dump(_SETTINGS.dump_python(settings, mode="json"), sort_keys=False))


def build(path: Path) -> Path:
    """The executable that mlagents would start for `path`. Raises SetupError where none may be started."""
    must_be_installed()
    from trials.arena.games import executable

    return executable.find(path)


def of_space(name: str, space: Space, given: Mapping[str, object]) -> Settings:
    """Settings of a sweep over `space`: what it gives under mlagents' names, its own `sweep:` section, then what was
    `given` (None: not given). Raises SetupError, SpaceError."""
    if given.get("steps") is None and space.sweep.steps is None and space.budget < MIN_STEPS:
        raise space.error("max_steps", f"must be at least {MIN_STEPS}", space.budget, "raise it, or say --steps")
    values: dict[str, object] = {
        "steps": space.budget,
        **owners.taken(space, build if given.get("env") is None else None),
    }
    if not space.parameters:
        values["trials"] = 1
    values |= {
        key.name: getattr(space.sweep, key.name)
        for key in fields(space.sweep)
        if key.name != "shared" and getattr(space.sweep, key.name) is not None
    }
    if space.behavior != keys.BEHAVIOR:
        values["baseline"] = "random"  # the house plays SoccerTwos alone
    if (given.get("env") or values.get("env", "embedded")) == "embedded":
        values.pop("num_envs", None)  # the file's is for its executable
    values |= {key: value for key, value in given.items() if value is not None}
    return make(space=name, **values)


def slots_of(settings: Settings, space: Space) -> int | None:
    """Trials at the same time: as many as were asked for, else as this machine holds, whichever of those that a sweep
    had; None: as its cluster holds."""
    if settings.slots is not None or settings.ray_address is not None:
        return settings.slots
    finals = settings.final_seeds * (1 + settings.finalists if space.parameters else 1)
    return min(local_slots(settings.cpus_per_trial), max(settings.trials, finals))


def command(space: str, given: Mapping[str, object], warm_start: str | None = None) -> str:
    """The command that asks for such a sweep (None: not given), as a person would type it.

    The folder and the cluster's address are left to the next run, and no path of this machine is shown.
    """
    words = [space if "/" not in space else Path(space).name]
    for name, value in ({**given, "warm_start": warm_start}).items():
        if value is not None and name not in ("out", "storage", "ray_address"):
            if name == "baseline":
                value = typed(str(value))
            elif name in ("env", "trainer"):
                value = Path(str(value)).name
            elif name == "yardstick" and isinstance(value, Sequence):
                words += [word for player in value for word in ("--yardstick", typed(str(player)))]
                continue
            words += ["--" + name.replace("_", "-"), str(value)]
    return shlex.join(["sweep", "run", *words])


def local_slots(cores: float) -> int:
    """Trials of so many `cores`, one at least, that this machine runs at the same time, as far as memory reaches."""
    memory = psutil.virtual_memory().available / 2**30
    return max(1, min(int((psutil.cpu_count() or 1) / max(1.0, cores)), int(memory / TRIAL_MEMORY_GIB)))
