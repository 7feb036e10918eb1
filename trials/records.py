"""The nouns of a sweep, frozen: what was asked, what was played, what came out, each number with its unit.

What a ledger says with them is in `trials/events.py`.
"""

from collections.abc import Mapping
from dataclasses import field
from math import isnan
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

Value = bool | int | float | str
YARDSTICK = "yardstick-"
"""How the version of a run's own ladder begins (trials/arena/ratings/yardstick.py)."""
State = Literal["running", "complete", "pruned", "failed", "stopped"]
"""`stopped`: the user ended the sweep while the trial ran; what it had exported is kept."""

NORMAL_95 = 1.959963984540054
"""Half a 95 % interval in standard errors of a normal distribution."""
CONFIG = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


def _number(value: float) -> float:
    if isnan(value):
        raise ValueError("it must be a number, but is NaN")
    return value


Finite = Annotated[float, Field(allow_inf_nan=False)]
Number = Annotated[float, AfterValidator(_number)]
"""May be infinite, as the end of an interval that has none."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class TrialSpec:
    """Everything a trial is made of; the same spec gives the same training up to the trainer's own nondeterminism."""

    number: int
    origin: Literal["course", "sampled", "fixed", "extended", "final"]
    """course: trial 0, the course's configuration; sampled: proposed by Optuna; fixed: a space without parameters;
    extended: a finished trial, trained further; final: a finalist's configuration, retrained on a fresh seed."""
    params: Mapping[str, Value]
    """Parameter (path below the behavior, `hyperparameters.learning_rate`) to value; empty where nothing is open."""
    config: Mapping[str, Any]
    """The trainer YAML as mlagents reads it, complete, with every parameter filled and every key scaled."""
    seed: int
    """Seed of trainer and environment."""
    steps: int
    """Budget in trainer steps: decisions of the learning team's agents, ML-Agents' `max_steps`."""
    fields: int
    """Fields (2 v 2 matches) in the environment of this trial; a hidden hyperparameter, hence stamped here."""
    threads: int
    """CPU threads of the trainer."""
    rungs: tuple[int, ...]
    """Steps at which the policy is exported and rated, ascending; the last is `steps`."""
    executable: str | None = None
    """Path of the ML-Agents executable that trains it; None: the embedded environment."""
    trainer: str | None = None
    """Path of another environment's `mlagents-learn` that trains it in the executable; None: the product's own."""
    num_envs: int = 1
    """Executables that train it side by side, `fields` in each."""
    device: str | None = None
    """torch's device, `cpu`, `cuda` or `cuda:0`; None: CUDA where torch sees a GPU."""
    parent: int | None = None
    """The trial whose last checkpoint this one began from."""
    configuration: int | None = None
    """Of a final trial: the trial whose configuration it is."""
    stall_seconds: Finite = 300.0
    """A trainer that has had so much time (trials.stint) without a step is taken to hang."""

    @property
    def all_fields(self) -> int:
        """Fields in all of its environments."""
        return self.fields * self.num_envs

    @property
    def behavior(self) -> str:
        """Name of the behavior that it trains; of two behaviors, the first."""
        return self.behaviors[0]

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names of the behaviors that it trains, in the configuration's order."""
        return tuple(map(str, self.config["behaviors"]))

    @property
    def called(self) -> str:
        """What people are told: the trial's number; of a final trial its configuration's, and its seed."""
        return (
            f"trial {self.number}" if self.configuration is None else f"trial {self.configuration} (seed {self.seed})"
        )


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Candidate:
    """A policy a trial exported."""

    trial: int
    steps: int
    path: str
    """Relative to the run's folder: an ONNX file, of two behaviors a folder with a file of each."""
    sha256: str
    """Of the file; of a folder, that of all its files (trials/arena/players/onnx_external.py)."""

    @property
    def name(self) -> str:
        """What match logs call it."""
        return f"trial {self.trial} at {self.steps}"


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Training:
    """How the life of one trainer's process went."""

    fault: Literal["none", "trial", "machine", "setup"]
    """Whose fault the end was (trials/errors.py); none: trained to the end, or stopped on request."""
    reason: str
    """One line; empty where nothing went wrong."""
    log_tail: str
    """Last lines of the trainer's log; empty where nothing went wrong."""
    steps: int
    """Trainer steps reached."""
    began: Finite
    """Unix seconds at which the process started."""
    train_seconds: Finite
    """From the first trainer step to the last."""
    process_seconds: Finite
    """Life of the process."""
    candidate: Candidate | None
    """The last policy it exported."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class ScheduledMatch:
    """One match between players a and b, as it was numbered before play began."""

    number: int
    """Position in the schedule, fixed before play starts; the two matches of pair p are 2p and 2p + 1."""
    pair: int
    a: str
    """sha256 of the ONNX file, or the name of a built-in player (`still`, `random`, `chaser`)."""
    b: str
    a_team: Literal[0, 1]
    """Team of player a: 0 blue (defends -x), 1 purple."""
    seed: int
    environment: str
    """Version of the environment's SPEC, `soccer-1`; `unity-` and 12 hex digits for an executable's files."""
    deterministic: bool = False
    """Whether both took the likeliest action of each branch; by default actions are drawn, as Unity does."""
    to_goals: int = 1
    """The side that first has so many goals wins; after 2 * to_goals - 1 episodes the one that has more."""
    sequential: bool = False
    """Whether a sequential test said when to stop: such matches carry its verdict, but no estimate may rest on them."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class MatchRecord(ScheduledMatch):
    """A match that was played to its end and counts."""

    result: Finite
    """Of a: won 1, drawn 0.5, lost 0."""
    goals_a: int
    goals_b: int
    decisions: int
    """Decision steps played, 1 to 1000 an episode."""
    time: Finite = field(compare=False)
    """Unix seconds at which it was counted: no part of what was played, hence of no comparison."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Side:
    """Results of one player on one side."""

    wins: int
    draws: int
    losses: int

    @property
    def matches(self) -> int:
        """How many were counted."""
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """Wins and half the draws, as a share of the matches, of which there must be some."""
        return (self.wins + self.draws / 2) / self.matches


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Rating:
    """A policy's strength from matches, on the logistic Elo scale (400 points: odds of 10)."""

    elo: Number
    """Against the ladder: the house baseline stands at 1200. Against one opponent: the difference, 0 is equal."""
    low: Number
    """Lower end of the 95 % interval."""
    high: Number
    wins: int
    draws: int
    losses: int
    as_blue: Side
    as_purple: Side
    by_opponent: Mapping[str, Side]
    """Opponent's name (`random`, `house`, a file's stem) to results against it."""
    ladder: str
    """Version of the ladder, `ladder-3`, or `direct` for matches against one opponent. Ratings of different ladders
    or environments are never compared."""
    environment: str
    seed: int

    @property
    def matches(self) -> int:
        """How many were counted."""
        return self.wins + self.draws + self.losses

    @property
    def error(self) -> float:
        """Standard error from the matches, Elo; infinite where an end of the interval is open."""
        return (self.high - self.low) / (2 * NORMAL_95)


@dataclass(frozen=True)
class Estimate:
    """An Elo, or a difference of two, over training seeds, with its 95 % interval."""

    elo: float
    low: float | None
    """None where a side has one seed only: then nothing says how far seeds scatter."""
    high: float | None
    seeds: int
    """Of the side that has fewer."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Verdict:
    """A sequential probability ratio test on pairs."""

    elo0: Number
    elo1: Number
    llr: Number
    lower: Number
    upper: Number
    verdict: Literal["accepted", "rejected", "undecided"]
    """accepted: at least elo1 is believed; rejected: at most elo0 is believed."""
    pairs: int
