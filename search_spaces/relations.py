"""Relations between keys over a whole space, by interval arithmetic that knows which parameters are derived."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from search_spaces import keys
from search_spaces.parameters import Derived, is_number
from search_spaces.space import Space
from search_spaces.text import get, show

STEP_KEYS = (
    "self_play.save_steps",
    "self_play.team_change",
    "self_play.swap_steps",
    "checkpoint_interval",
    "summary_freq",
)
"""Keys counted in trainer steps that are scaled where the budget is small (`search_spaces/scaling.py`)."""


@dataclass(frozen=True)
class Interval:
    """Lowest and highest value that a space allows."""

    low: float
    high: float

    def times(self, other: "Interval") -> "Interval":
        """The interval of products."""
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends))

    def over(self, other: "Interval") -> "Interval":
        """The quotient; whole line where `other` holds 0."""
        if other.low <= 0 <= other.high:
            return Interval(-math.inf, math.inf)
        return self.times(Interval(1 / other.high, 1 / other.low))

    def __str__(self) -> str:
        return show(self.low) if self.low == self.high else f"{show(self.low)} to {show(self.high)}"


@dataclass(frozen=True)
class Relation:
    """`more` must be at least `factor` x `less` in every trial."""

    more: str
    less: str
    factor: float
    why: str
    mend: str

    @property
    def rule(self) -> str:
        """The relation as a sentence's end: `must be at least ...`."""
        return f"must be at least {'' if self.factor == 1 else f'{self.factor:g} x '}{self.less}"


_BUFFER, _BATCH = "hyperparameters.buffer_size", "hyperparameters.batch_size"
_SAVE, _TEAM, _SWAP = STEP_KEYS[:3]
_DERIVE = f"derive it, {{multiple_of: {_BATCH}, by: {{choice: [5, 10]}}}}"

REQUIRED = (
    Relation(_BUFFER, _BATCH, 1, "an update needs a whole batch", _DERIVE),
    Relation(
        _TEAM,
        _SAVE,
        1,
        "a team must save before it hands over",
        f"derive it, {{multiple_of: {_SAVE}, by: {{int: [4, 10]}}}}",
    ),
    Relation(
        _TEAM,
        _SWAP,
        1,
        "else opponents never change",
        f"derive {_SWAP}, {{ratio_of: {_TEAM}, by: {{float: [0.01, 1]}}}}",
    ),
    Relation(
        _BATCH, "network_settings.memory.sequence_length", 1, "mlagents refuses it", "raise one or lower the other"
    ),
    Relation("max_steps", _TEAM, 2, "both teams must have learned once", f"lower {_TEAM} or give more steps"),
    Relation(
        "max_steps",
        "checkpoint_interval",
        1,
        "else there is no checkpoint",
        "lower checkpoint_interval or give more steps",
    ),
)
"""What a trial cannot do without; refused where no trial of the space could hold it."""

ADVISED = (
    Relation(_BUFFER, _BATCH, 4, "fewer than 4 minibatches an update", _DERIVE),
    Relation(_TEAM, _SAVE, 4, "documented: 4 to 10 x", f"derive it, {{multiple_of: {_SAVE}, by: {{int: [4, 10]}}}}"),
)


@dataclass(frozen=True)
class Ranges:
    """What values the keys below the behavior can take, at a budget of `steps` and with step keys times `factor`."""

    space: Space
    steps: int
    factor: float = 1.0

    def of(self, path: str) -> Interval | None:
        """Range of the key at `path`, mlagents' default where it is absent; None where it is no number."""
        bare = self._unscaled(path)
        if path == "max_steps":
            return Interval(self.steps, self.steps)
        return bare.times(Interval(self.factor, self.factor)) if bare and path in STEP_KEYS else bare

    def ratio(self, a: str, b: str) -> Interval | None:
        """Range of a / b; derived parameters move together."""
        from_a, from_b = self._way(a), self._way(b)
        common = next((path for path in from_a if path in from_b), None)
        if common is not None:
            return self._factor(from_a, common).over(self._factor(from_b, common))
        above, below = self.of(a), self.of(b)
        return above.over(below) if above and below else None

    def named(self, path: str) -> bool:
        """Whether the file decides the key at `path`."""
        return path in self.space.parameters or named(self.space.trainer, path)

    def verdict(self, relation: Relation) -> Literal["holds", "may fail", "cannot hold"]:
        """What the ranges say of a relation, before anything is proposed."""
        if not (self.named(relation.more) and self.named(relation.less)):
            return "holds"
        ratio = self.ratio(relation.more, relation.less)
        if ratio is None or ratio.low >= relation.factor * (1 - 1e-9):
            return "holds"
        return "may fail" if ratio.high >= relation.factor * (1 - 1e-9) else "cannot hold"

    def _unscaled(self, path: str) -> Interval | None:
        parameter = self.space.parameters.get(path)
        if isinstance(parameter, Derived):
            base = self._unscaled(parameter.of)
            return base.times(_extent(parameter.by.extremes)) if base else None
        if parameter is not None:
            return _extent(parameter.extremes) if all(is_number(value) for value in parameter.extremes) else None
        value = get(self.space.trainer, path)
        value = default(self.space.trainer, path) if value is None else value
        return Interval(value, value) if is_number(value) else None

    def _way(self, path: str) -> list[str]:
        """`path`, what it is derived from, what that is derived from, ..."""
        way = [path]
        while isinstance(parameter := self.space.parameters.get(way[-1]), Derived):
            way.append(parameter.of)
        return way

    def _factor(self, way: list[str], end: str) -> Interval:
        """Product of the factors on the way to `end`, and of the scale where only one end is a step key."""
        product = Interval(1, 1)
        for path in way[: way.index(end)]:
            parameter = self.space.parameters[path]
            if isinstance(parameter, Derived):
                product = product.times(_extent(parameter.by.extremes))
        scaled = (self.factor if way[0] in STEP_KEYS else 1) / (self.factor if end in STEP_KEYS else 1)
        return product.times(Interval(scaled, scaled))


def named(trainer: Mapping[str, Any], path: str) -> bool:
    """Whether somebody decides the key at `path`: a default, written out or not, makes no file impossible."""
    value = get(trainer, path)
    if path == "max_steps" or value is None:
        return value is not None or path == "max_steps"
    if path == _TEAM and named(trainer, _SAVE):
        return True
    return bool(value != default(trainer, path))


def default(trainer: Mapping[str, Any], path: str) -> Any:
    """What mlagents takes where `path` is absent; None where no relation speaks of it or its section is absent."""
    section = path.rsplit(".", 1)[0]
    if section in ("self_play", "network_settings.memory") and get(trainer, section) is None:
        return None
    if path == _TEAM:
        saved = get(trainer, _SAVE)
        saved = default(trainer, _SAVE) if saved is None else saved
        return 5 * saved if is_number(saved) else None
    key = keys.known(trainer.get("trainer_type")).get(path)
    return key.default if key else None


def _extent(values: tuple[Any, ...]) -> Interval:
    return Interval(min(values), max(values))
