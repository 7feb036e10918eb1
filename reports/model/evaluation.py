"""What a policy was proven by, as `evaluation.json` has it."""

from collections.abc import Mapping
from dataclasses import dataclass

from trials.results import BySide, TestResult

FORMAT = "evaluation-1"


@dataclass(frozen=True)
class PolicyFile:
    """The very file that was played and is uploaded."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Opponent:
    """Whom the headline is against."""

    name: str
    sha256: str
    called: str = ""
    """As a command takes it; a file is called by its name alone."""


@dataclass(frozen=True, kw_only=True)
class Against:
    """Fresh matches of the policy against one opponent."""

    opponent: str
    matches: int
    wins: int
    draws: int
    losses: int
    by_side: BySide
    elo: float
    """Of the policy minus that of the opponent."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    seed: int
    mean_decisions: float
    entropy: float
    """Nats of the policy's actions, mean over visited states."""


@dataclass(frozen=True, kw_only=True)
class TestAgainst(TestResult):
    """A sequential test of the policy against one opponent."""

    opponent: str
    seed: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All that was played for one attempt at a promotion."""

    format: str = FORMAT
    policy: PolicyFile
    environment: str
    kick_off: str
    attempt: int
    """From 1."""
    baseline: Opponent
    ratings: list[Against]
    """The baseline's first."""
    tests: list[TestAgainst]
    commands: list[str]
    """That play all of it again."""
    logs: list[str]
    """Names of the files that hold every match."""
    evaluated_with: dict[str, str]
    """Package to version, of what played."""
    versions: Mapping[str, str]
    """Package to version, of what trained."""
