"""A space: a trainer YAML with parameters and a `sweep` section, read from a file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from search_spaces import keys
from search_spaces.formats import must_be_current
from search_spaces.parameters import (
    BadParameter,
    Derived,
    Parameter,
    is_number,
    is_parameter,
    merged,
    parse,
    show_any,
)
from search_spaces.text import flatten, get, plain, read, show
from trials.errors import SpaceError, UsageError, did_you_mean

_FOLDER = Path(__file__).parent
_OLD = ("curriculum", "parameter_randomization")
"""Sections of older releases, which wrote them empty too."""
SHIPPED = tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))
"""Names that `load` knows without a path."""


DEFAULT_STEPS = 500_000
"""What mlagents takes for max_steps (mlagents/trainers/settings.py, TrainerSettings)."""


@dataclass(frozen=True, kw_only=True)
class SweepDefaults:
    """The `sweep` section: how the file's author runs it; the command line overrides, None is not said."""

    trials: int | None = None
    slots: int | None = None
    """Trials at once."""
    steps: int | None = None
    """Budget of a trial in trainer steps."""
    fields: int | None = None
    threads: int | None = None
    """CPU threads of a trainer."""
    sampler: str | None = None
    """Who proposes."""
    scheduler: str | None = None
    """Who is stopped at a rung."""
    objectives: str | None = None
    """`elo`, or `elo,cost`."""
    startup_trials: int | None = None
    """Random proposals before the sampler takes over."""
    first_rung: float | None = None
    """Where trials are first rated and pruned, as a share of steps, above 0 and up to 1."""
    reduction_factor: float | None = None
    """One in so many goes on past a rung."""
    rating_matches: int | None = None
    """Matches a rung is rated by."""
    fresh_matches: int | None = None
    """Matches the winner is rated by in the end."""
    final_seeds: int | None = None
    """Fresh training seeds that finalists and the course's configuration are retrained on; 0: none."""
    finalists: int | None = None
    """Configurations besides the course's that are."""
    shared: Mapping[str, Any] = field(default_factory=dict)
    """Values that replace the course's in trial 0: keys below the behavior, and top-level sections."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """A trainer YAML, with or without parameters."""

    name: str
    file: str
    """File name for messages, `quick.yaml`."""
    text: str
    behavior: str
    """The behavior's name; of several the first's."""
    tree: Mapping[str, Any]
    """The whole file, parameters as written; `default_settings` is folded into the behavior, as mlagents would."""
    parameters: Mapping[str, Parameter]
    """Dotted path below the behavior (`hyperparameters.learning_rate`) to parameter, in the file's order. Of several
    behaviors the path begins with the behavior's name, but for what `default_settings` says for all."""
    sweep: SweepDefaults
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    """Dotted path from the file's top to line number."""
    folder: Path = field(default=Path(), compare=False)
    """Where the file lies: its paths begin there."""
    behaviors: tuple[str, ...] = ()
    """Names of all behaviors of the file."""
    parts: tuple["Space", ...] = ()
    """Of several behaviors, the space of each."""

    @property
    def each(self) -> tuple["Space", ...]:
        """The space of each behavior: this one, where there is one."""
        return self.parts or (self,)

    def at(self, path: str) -> tuple["Space", str]:
        """The behavior's space that a parameter is of, the first's where all share it, and its path below there."""
        for part in self.parts:
            if path.startswith(f"{part.behavior}."):
                return part, path.removeprefix(f"{part.behavior}.")
        return next(part for part in self.each if path in part.parameters and self.called(part, path) == path), path

    def called(self, part: "Space", path: str) -> str:
        """What a parameter of one behavior's space is called here."""
        prefixed = f"{part.behavior}.{path}"
        return prefixed if prefixed in self.parameters else path

    def beside(self, path: str) -> Path:
        """A path that the file names, from the file's own folder."""
        return self.folder / os.path.expanduser(path)

    @property
    def trainer(self) -> Mapping[str, Any]:
        """What stands below the behavior."""
        below: Mapping[str, Any] = self.tree["behaviors"][self.behavior]
        return below

    @property
    def budget(self) -> int:
        """Steps of a trial where nobody says otherwise: `sweep.steps`, else the file's max_steps, else mlagents'."""
        own = self.trainer.get("max_steps")
        return self.sweep.steps or (int(own) if own is not None and is_number(own) else DEFAULT_STEPS)

    def where(self, path: str) -> str:
        """File and line of a path below the behavior or from the top, for messages; of what it stands in, where the
        file does not write it."""
        while path:
            for top in (f"behaviors.{self.behavior}.{path}", f"default_settings.{path}", path):
                if top in self.lines:
                    return f"{self.file}:{self.lines[top]}"
            path = path.rpartition(".")[0]
        return self.file

    def error(self, path: str, rule: str, came: Any, mend: str) -> SpaceError:
        """A SpaceError of one line: the rule, what came, what to do."""
        return SpaceError(f"{path} {rule}, but got {show_any(came)} in {self.where(path)}; {mend}")


def load(name_or_path: str | Path) -> Space:
    """A shipped space by name (`quick`, `soccertwos`, `course`), else a file. Raises UsageError where that is not
    there, SpaceError where it is no space."""
    path = _FOLDER / f"{name_or_path}.yaml" if str(name_or_path) in SHIPPED else Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SpaceError(f"{path.name} must be a text file in UTF-8, but it is not; save it as UTF-8") from None
    except OSError as error:
        known = ", ".join(SHIPPED)
        reason = (error.strerror or type(error).__name__).lower()
        beside = [str(file) for file in (*path.parent.glob("*.yaml"), *path.parent.glob("*.yml"))]
        near = did_you_mean(str(name_or_path), [*SHIPPED, *beside])
        raise UsageError(
            f"a search space must be one of {known} or a YAML file, but got {name_or_path} ({reason});"
            f" {near or 'check the name'}"
        ) from None
    return replace(from_text(text, path.stem, path.name), folder=path.absolute().parent)


def from_text(text: str, name: str, file: str | None = None) -> Space:
    """A space from a file's text, as a ledger keeps it; `file` is what messages call it. SpaceError as in `load`."""
    file = file or f"{name}.yaml"
    text = plain(text)
    tree, lines = read(text, file)
    return build(tree, name=name, file=file, text=text, lines=lines)


def build(
    tree: Mapping[str, Any], *, name: str, file: str, text: str = "", lines: Mapping[str, int] | None = None
) -> Space:
    """A space from a parsed tree; SpaceError for a missing behavior, a bad parameter or a bad `sweep` section."""
    must_be_current(tree, file, lines or {})
    if tree.get("behaviors") is None and tree.get("default_settings"):
        tree = {**tree, "behaviors": {keys.BEHAVIOR: {}}}  # mlagents takes them for every behavior
    behaviors = _behaviors(tree, file)
    shared = _section(tree, "default_settings", file)
    whole = {key: value for key, value in tree.items() if key not in ("default_settings", *_OLD)}
    whole["behaviors"] = {behavior: merged(shared, tree["behaviors"][behavior]) for behavior in behaviors}
    bare = Space(
        name=name,
        file=file,
        text=text,
        behavior=behaviors[0],
        behaviors=behaviors,
        tree=whole,
        parameters={},
        sweep=SweepDefaults(),
        lines=lines or {},
    )
    bare = replace(bare, sweep=_sweep(bare))
    parts = tuple(_part(bare, behavior) for behavior in behaviors)
    if len(parts) == 1:
        return parts[0]
    found: dict[str, Parameter] = {}
    for part in parts:
        for path, parameter in part.parameters.items():
            for_all = get(shared, path) is not None and get(tree["behaviors"][part.behavior], path) is None
            found[path if for_all else f"{part.behavior}.{path}"] = parameter
    return replace(bare, parameters=found, parts=parts)


def _part(bare: Space, behavior: str) -> Space:
    """The space of one behavior of the file."""
    tree = {**bare.tree, "behaviors": {behavior: bare.tree["behaviors"][behavior]}}
    one = replace(bare, behavior=behavior, tree=tree)
    space = replace(one, parameters=_parameters(one, one.trainer, ""))
    for path in space.parameters:
        _follow(space, path)
    return space


def _behaviors(tree: Mapping[str, Any], file: str) -> tuple[str, ...]:
    behaviors = _section(tree, "behaviors", file)
    if not behaviors or (keys.BEHAVIOR in behaviors and len(behaviors) > 1):
        near = [name for name in tree if name not in keys.TOP and keys.nearest(str(name), keys.TOP) == "behaviors"]
        mend = f"did you mean behaviors where {near[0]} stands?" if near else "see course.yaml"
        raise SpaceError(
            f"behaviors must hold exactly one behavior, {keys.BEHAVIOR}, "
            f"but got {', '.join(map(str, behaviors)) or 'none'} in {file}; {mend}"
        )
    for name, section in behaviors.items():
        if not isinstance(name, str):
            raise SpaceError(f"a behavior's name must be text, but got {name} in {file}; write it in quotes")
        if not isinstance(section, Mapping):
            raise SpaceError(f"behaviors.{name} must be a section, but got {show(section)} in {file}; see course.yaml")
    return tuple(behaviors)


def _section(tree: Mapping[str, Any], name: str, file: str) -> Mapping[str, Any]:
    section = tree.get(name)
    if section is not None and not isinstance(section, Mapping):
        raise SpaceError(f"{name} must be a section, but got {show(section)} in {file}; see course.yaml")
    return section or {}


def _parameters(space: Space, node: Mapping[str, Any], path: str) -> dict[str, Parameter]:
    """Every parameter below `node`, in the file's order."""
    found: dict[str, Parameter] = {}
    for name, value in node.items():
        here = f"{path}.{name}" if path else str(name)
        if is_parameter(value):
            try:
                found[here] = parse(value)
            except BadParameter as error:
                raise space.error(here, error.rule, value, error.mend) from None
        elif isinstance(value, Mapping):
            found |= _parameters(space, value, here)
    return found


def _follow(space: Space, path: str) -> None:
    """Walk from a parameter to what it is derived from, and on; SpaceError in a circle and where the way ends at no
    number."""
    way = [path]
    while isinstance(parameter := space.parameters.get(way[-1]), Derived):
        way.append(parameter.of)
        if parameter.of in way[:-1]:
            raise space.error(path, "must not be derived from itself", " -> ".join(way), "write one of them as a range")
        if parameter.of not in space.parameters and not is_number(get(space.trainer, parameter.of)):
            numbers = [*space.parameters, *(name for name, value in flatten(space.trainer).items() if is_number(value))]
            near = keys.nearest(parameter.of, [name for name in numbers if name not in way])
            mend = f"did you mean {near}?" if near else "write that key below the behavior first"
            raise space.error(way[-2], "must be derived from a number or parameter of the same file", parameter, mend)


def _sweep(space: Space) -> SweepDefaults:
    section = _section(space.tree, "sweep", space.file)
    values: dict[str, Any] = {}
    for name, value in section.items():
        if name == "shared":
            continue
        key = keys.SWEEP.get(str(name))
        if key is None:
            near = keys.nearest(str(name), [*keys.SWEEP, "shared"])
            raise space.error("sweep", "must hold keys that a sweep knows", name, _meant(near, keys.SWEEP))
        fault = key.fault(value)
        if fault:
            raise space.error(f"sweep.{name}", fault, value, "edit that line")
        values[str(name)] = key.settled(value)
    shared = section.get("shared") or {}
    if not isinstance(shared, Mapping):
        raise space.error("sweep.shared", "must be a section", shared, "write it as in quick.yaml")
    return SweepDefaults(**values, shared=shared)


def _meant(near: str | None, known: Mapping[str, Any]) -> str:
    return f"did you mean {near}?" if near else f"known are {', '.join(known)}"
