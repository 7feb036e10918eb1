"""The nouns of a sweep, frozen: what was asked, what was played, what came out, each number with its unit.

The ledger (`trials/ledger.py`) is a list of the `Event`s at the end of this file, one JSON object a line.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Value = bool | int | float | str
State = Literal["running", "complete", "pruned", "failed", "stopped"]
"""`stopped`: the user ended the sweep while the trial ran; what it had exported is kept."""

_CONFIG = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class TrialSpec:
    """Everything a trial is made of; the same spec gives the same training up to the trainer's own nondeterminism."""

    number: int
    origin: Literal["course", "sampled", "fixed", "extended", "final"]
    """course: trial 0, the course's configuration; sampled: proposed by Optuna; fixed: a space without holes; extended:
    a finished trial, trained further; final: a finalist's configuration, trained anew on a fresh seed."""
    params: Mapping[str, Value]
    """Hole (dotted path below the behavior, `hyperparameters.learning_rate`) to value; empty where nothing is open."""
    config: Mapping[str, Any]
    """The trainer YAML as mlagents reads it, complete, with every hole filled and every key scaled."""
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
    device: str | None = None
    """torch's device, `cpu`, `cuda` or `cuda:0`; None: CUDA where torch sees a GPU."""
    parent: int | None = None
    """The trial whose last checkpoint this one began from."""
    configuration: int | None = None
    """Of a final trial: the trial whose configuration it is."""
    stall_seconds: float = 300.0
    """A trainer that makes no step for so long is taken to hang."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Candidate:
    """A policy a trial exported."""

    trial: int
    steps: int
    path: str
    """Relative to the run's folder."""
    sha256: str

    @property
    def name(self) -> str:
        """What match logs call it."""
        return f"trial {self.trial} at {self.steps}"


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
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
    began: float
    """Unix seconds at which the process started."""
    train_seconds: float
    """From the first trainer step to the last."""
    process_seconds: float
    """Life of the process."""
    candidate: Candidate | None
    """The last policy it exported."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
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


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class MatchRecord(ScheduledMatch):
    """A match that was played to its end and counts."""

    result: float
    """Of a: won 1, drawn 0.5, lost 0."""
    goals_a: int
    goals_b: int
    decisions: int
    """Decision steps played, 1 to 1000 an episode."""
    time: float = field(compare=False)
    """Unix seconds at which it was counted: no part of what was played, hence of no comparison."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Side:
    """Results of one player on one side."""

    wins: int
    draws: int
    losses: int


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Rating:
    """A policy's strength from matches, on the logistic Elo scale (400 points: odds of 10)."""

    elo: float
    """Against the ladder: the house baseline stands at 1200. Against one opponent: the difference, 0 is equal."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    wins: int
    draws: int
    losses: int
    as_blue: Side
    as_purple: Side
    by_opponent: Mapping[str, Side]
    """Opponent's name (`random`, `house`, a file's stem) to results against it."""
    ladder: str
    """Version of the ladder, `ladder-2`, or `direct` for matches against one opponent. Ratings of different ladders
    or environments are never compared."""
    environment: str
    seed: int

    @property
    def matches(self) -> int:
        return self.wins + self.draws + self.losses

    def __repr__(self) -> str:
        return f"<Rating {self.elo:+.0f} [{self.low:.0f}, {self.high:.0f}] {self.wins}-{self.draws}-{self.losses}>"


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Verdict:
    """A sequential probability ratio test on pairs."""

    elo0: float
    elo1: float
    llr: float
    lower: float
    upper: float
    verdict: Literal["accepted", "rejected", "undecided"]
    """accepted: at least elo1 is believed; rejected: at most elo0 is believed."""
    pairs: int


# --- the ledger's events -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class SweepBegan:
    """The first line of a ledger: the question, and what it was asked with."""

    event: Literal["sweep"] = "sweep"
    time: float
    """Unix seconds, as in every event."""
    name: str
    command: str
    """What a person types to run it again."""
    space: str
    """Name of the space, `quick`."""
    space_yaml: str
    """The space's text, holes and all."""
    trials: int
    slots: int
    steps: int
    fields: int
    seed: int
    rungs: tuple[int, ...]
    reduction_factor: float
    startup_trials: int
    """Trials before the sampler takes over from random proposals."""
    sampler: Literal["tpe", "gp", "random"] = "tpe"
    scheduler: Literal["asha", "median", "none"] = "asha"
    objectives: Literal["elo", "elo,cost"] = "elo"
    """What proposals aim at: match Elo alone, or also seconds of training per million trainer steps."""
    final_seeds: int = 0
    """Fresh training seeds that finalists and the course's configuration are trained anew on, after tuning; 0: none."""
    finalists: int = 0
    """Configurations besides the course's that are."""
    baseline: str
    """Name of the baseline, `house` or a file's stem."""
    baseline_sha256: str
    ladder: str
    environment: str
    scaled: Mapping[str, tuple[Value | None, Value | None]]
    """Every key where the configuration all trials share differs from the course's: dotted path to (course's value,
    effective value), None where absent."""
    versions: Mapping[str, str]
    """Package to version: python, mlagents, torch, ray, optuna, onnxruntime, this product."""
    host: Mapping[str, Value]
    """Facts without names or paths: cores, memory_gib, platform, gpus."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Observation:
    """One trial of another run, as a warm start takes it over."""

    trial: int
    """Its number there."""
    params: Mapping[str, Value]
    """In this sweep's own holes."""
    elo: Mapping[int, float]
    """Rung to match Elo, as it was rated there."""
    state: Literal["complete", "pruned"]


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class WarmStarted:
    """What the sweep took over from another run before its first trial; everything of it that is ever needed again."""

    event: Literal["warm"] = "warm"
    time: float
    run: str
    """Name of the other run."""
    ledger_sha256: str
    """Of its ledger's file, as it was read."""
    told: tuple[Observation, ...] = ()
    """Told to the study as they are: their Elo is the very quantity that this sweep measures."""
    first: tuple[Observation, ...] = ()
    """Proposed first, right after trial 0, and evaluated anew; best first."""
    reason: str = ""
    """Why they are evaluated anew; empty where they are told."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class TrialBegan:
    """A trial was proposed and handed to a worker."""

    event: Literal["trial"] = "trial"
    time: float
    spec: TrialSpec


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class TrialResumed:
    """A trial's trainer or worker died through no fault of the trial, and it goes on."""

    event: Literal["resumed"] = "resumed"
    time: float
    trial: int
    reason: str
    """What died, and of what."""
    reached: int
    """Trainer steps the dead trainer had reached, as far as is known."""
    resumed: int
    """Trainer steps of the checkpoint it goes on from, 0 where there was none. Ghost windows begin anew: mlagents does
    not save them."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class TrialRated:
    """A trial reached a rung, exported, and was rated on the ladder: a tuning number, used for choosing."""

    event: Literal["rated"] = "rated"
    time: float
    candidate: Candidate
    rung: int
    """The step the rung stands at; the candidate's own steps may be a few more."""
    rating: Rating
    baseline: Rating | None = None
    """Directly against a baseline that is no rung of the ladder, an Elo difference."""
    seconds: float
    """Spent playing."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class TrialEnded:
    """A trial is over."""

    event: Literal["ended"] = "ended"
    time: float
    trial: int
    state: State
    reason: str
    """One line; for a failure: what failed and what to do."""
    log_tail: str
    """Last lines of the trainer's log, only for failures."""
    steps: int
    """Trainer steps reached."""
    train_seconds: float
    """From the first trainer step to the last."""
    process_seconds: float
    """Life of the trainer's process."""
    began: float
    """Unix seconds at which the trainer's process started; 0 where it never did."""
    slot: int
    """Which slot of the sweep, 0 to slots - 1."""
    candidate: Candidate | None


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class FinalsBegan:
    """Tuning is over and finalists are chosen: each is trained anew on each of the seeds."""

    event: Literal["finals"] = "finals"
    time: float
    configurations: tuple[int, ...]
    """Numbers of the trials whose configurations they are, best in tuning first, the course's last."""
    course: int | None
    """The one among them that is the course's; None: the space has no course beside it."""
    seeds: tuple[int, ...]
    """Training seeds, the same for all, that no trial of tuning had."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class RetrainedRated:
    """A retrained policy played matches of its own: by these the best seed of a configuration is known."""

    event: Literal["retrained"] = "retrained"
    time: float
    candidate: Candidate
    configuration: int
    seed: int
    """Its training seed."""
    baseline: Rating
    """Directly against the baseline: Elo difference."""
    random: Rating
    """Directly against random play: Elo difference."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class CourseMet:
    """A finalist's retrained policy directly against one of the course's: what configurations are chosen by."""

    event: Literal["met"] = "met"
    time: float
    candidate: Candidate
    course: Candidate
    rating: Rating
    """Elo of the finalist's policy less that of the course's."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class FreshRated:
    """Matches played after the choice was made, on seeds not used for choosing: the headline numbers."""

    event: Literal["fresh"] = "fresh"
    time: float
    candidate: Candidate
    role: Literal["winner", "course"]
    baseline: Rating
    """Directly against the baseline: Elo difference."""
    random: Rating
    """Directly against random play: Elo difference."""
    random_sprt: Verdict
    """Better than random play by 50 Elo? SPRT [0, 50]."""
    against_course: Rating | None
    """Winner directly against the course's policy, where both exist and are of different configurations."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class SweepEnded:
    """The last line of a ledger whose driver lived to write it."""

    event: Literal["end"] = "end"
    time: float
    state: Literal["complete", "interrupted", "failed"]
    reason: str
    seconds: float
    idle_share: float
    """Share of slot time, from the first trial's start to the last trial's end, in which the slot had no trainer
    process, 0 to 1."""


Event = Annotated[
    SweepBegan
    | WarmStarted
    | TrialBegan
    | TrialResumed
    | TrialRated
    | TrialEnded
    | FinalsBegan
    | RetrainedRated
    | CourseMet
    | FreshRated
    | SweepEnded,
    Field(discriminator="event"),
]
