"""What a ledger's lines say, frozen: one event each, a JSON object with the field `event`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from trials.records import CONFIG, Candidate, Finite, Number, Rating, State, TrialSpec, Value, Verdict


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class SweepBegan:
    """The first line of a ledger: the question, and what it was asked with."""

    event: Literal["sweep"] = "sweep"
    time: Finite
    """Unix seconds, as in every event."""
    name: str
    command: str
    """What a person types to run it again."""
    space: str
    """Name of the space, `quick`."""
    space_yaml: str
    """The space's text, parameters and all."""
    trials: int
    slots: int
    steps: int
    fields: int
    seed: int
    rungs: tuple[int, ...]
    reduction_factor: Finite
    startup_trials: int
    """Trials before the sampler takes over from random proposals."""
    sampler: Literal["tpe", "gp", "random"] = "tpe"
    scheduler: Literal["asha", "median", "none"] = "asha"
    objectives: Literal["elo", "elo,cost"] = "elo"
    """What proposals aim at: match Elo alone, or also seconds of training per million trainer steps."""
    final_seeds: int = 0
    """Fresh training seeds that finalists and the course's configuration are retrained on, after tuning; 0: none."""
    finalists: int = 0
    """Configurations besides the course's that are."""
    baseline: str
    """Name of the baseline, `house`, a file's stem or a Hub id."""
    baseline_sha256: str
    baseline_revision: str = ""
    """The commit of a baseline from the Hub; empty: it is not from there."""
    ladder: str
    environment: str
    scaled: Mapping[str, tuple[Value | None, Value | None]]
    """Every key where the configuration all trials share differs from the course's: dotted path to (course's value,
    effective value), None where absent."""
    versions: Mapping[str, str]
    """Package to version: python, mlagents, torch, ray, optuna, onnxruntime, this product."""
    host: Mapping[str, Value]
    """Facts without names or paths: cores, memory_gib, platform, gpus."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Observation:
    """One trial of another run, as a warm start takes it over."""

    trial: int
    """Its number there."""
    params: Mapping[str, Value]
    """In this sweep's own parameters."""
    elo: Mapping[int, Number]
    """Rung to match Elo, as it was rated there."""
    state: Literal["complete", "pruned"]


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class WarmStarted:
    """What the sweep took over from another run before its first trial; everything of it that is ever needed again."""

    event: Literal["warm"] = "warm"
    time: Finite
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


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class TrialBegan:
    """A trial was proposed and handed to a worker."""

    event: Literal["trial"] = "trial"
    time: Finite
    spec: TrialSpec


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class TrialResumed:
    """A trial's trainer or worker died through no fault of the trial, and it goes on."""

    event: Literal["resumed"] = "resumed"
    time: Finite
    trial: int
    reason: str
    """What died, and of what."""
    reached: int
    """Trainer steps the dead trainer had reached, as far as is known."""
    resumed: int
    """Trainer steps of the checkpoint it goes on from, 0 where there was none. Ghost windows begin anew: mlagents does
    not save them."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class TrialRated:
    """A trial reached a rung, exported, and was rated on the ladder: a tuning number, used for choosing."""

    event: Literal["rated"] = "rated"
    time: Finite
    candidate: Candidate
    rung: int
    """The step the rung stands at; the candidate's own steps may be a few more."""
    rating: Rating
    baseline: Rating | None = None
    """Directly against a baseline that is no rung of the ladder, an Elo difference."""
    seconds: Finite
    """Spent playing."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class TrialEnded:
    """A trial is over."""

    event: Literal["ended"] = "ended"
    time: Finite
    trial: int
    state: State
    reason: str
    """One line; for a failure: what failed and what to do."""
    log_tail: str
    """Last lines of the trainer's log, only for failures."""
    steps: int
    """Trainer steps reached."""
    train_seconds: Finite
    """From the first trainer step to the last."""
    process_seconds: Finite
    """Life of the trainer's process."""
    began: Finite
    """Unix seconds at which the trainer's process started; 0 where it never did."""
    slot: int
    """Which slot of the sweep, 0 to slots - 1."""
    candidate: Candidate | None


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class FinalsBegan:
    """Tuning is over and finalists are chosen: each is retrained on each of the seeds. Without any configuration: no
    finals are wanted any more."""

    event: Literal["finals"] = "finals"
    time: Finite
    configurations: tuple[int, ...]
    """Numbers of the trials whose configurations they are, best in tuning first, the course's last."""
    course: int | None
    """The one among them that is the course's; None: the space has no course beside it."""
    seeds: tuple[int, ...]
    """Training seeds, the same for all, that no trial of tuning had."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class RetrainedRated:
    """A retrained policy played matches of its own: by these the best seed of a configuration is known."""

    event: Literal["retrained"] = "retrained"
    time: Finite
    candidate: Candidate
    configuration: int
    seed: int
    """Its training seed."""
    baseline: Rating
    """Directly against the baseline: Elo difference."""
    random: Rating
    """Directly against random play: Elo difference."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class CourseMet:
    """A finalist's retrained policy directly against one of the course's: what configurations are chosen by."""

    event: Literal["met"] = "met"
    time: Finite
    candidate: Candidate
    course: Candidate
    rating: Rating
    """Elo of the finalist's policy less that of the course's."""


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class FreshRated:
    """Matches played after the choice was made, on seeds not used for choosing: the headline numbers."""

    event: Literal["fresh"] = "fresh"
    time: Finite
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


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Promoted:
    """A policy went to the Hugging Face Hub, after fresh matches of its own."""

    event: Literal["promoted"] = "promoted"
    time: Finite
    candidate: Candidate
    repo: str
    """`USER/NAME`."""
    commit: str
    url: str
    """Of the repository, or of the pull request."""
    sha256: str
    """Of the policy as it was uploaded: the candidate's, unless texts had to be taken out of it."""
    baseline: str
    """Whom the Elo difference is to."""
    elo: Number
    low: Number
    """Lower end of the 95 % interval."""
    high: Number
    matches: int
    forced: bool
    """Whether the gate was overruled."""

    @property
    def proposed(self) -> bool:
        """Whether it went into a pull request, which somebody has still to merge."""
        return "/discussions/" in self.url


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class SweepEnded:
    """The last line of a ledger whose driver lived to write it."""

    event: Literal["end"] = "end"
    time: Finite
    state: Literal["complete", "interrupted", "failed"]
    reason: str
    seconds: Finite
    idle_share: Finite
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
    | Promoted
    | SweepEnded,
    Field(discriminator="event"),
]
