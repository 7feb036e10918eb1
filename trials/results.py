"""What matches came to: typed, and as `--json` prints it (`plain`)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trials.records import Side

JSON_NAMES = {"low": "elo_low", "high": "elo_high"}


def plain(result: Any) -> dict[str, Any]:
    """A result as plain values; the ends of an Elo's interval are `elo_low` and `elo_high` there."""
    return asdict(result, dict_factory=lambda items: {JSON_NAMES.get(key, key): value for key, value in items})


@dataclass(frozen=True)
class BySide:
    """Results of one player on either side."""

    blue: "Side"
    purple: "Side"


@dataclass(frozen=True)
class OfBoth:
    """A number of each player."""

    a: float
    b: float


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """What a sequential test said, and the matches that decided it."""

    __test__ = False  # for pytest, which collects classes of this name
    elo0: float
    elo1: float
    llr: float
    lower: float
    upper: float
    verdict: str
    pairs: int
    alpha: float
    beta: float
    max_pairs: int
    matches: int
    wins: int
    """Of a."""
    draws: int
    losses: int
    pentanomial: list[int]
    """Pairs that scored 0, 0.25, 0.5, 0.75 and 1 for a."""
    uncounted: int
    """Matches that were under way when it was decided."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class PlayResult:
    """What came of the matches of model a against model b; with a test, of those behind it."""

    a: str
    b: str
    a_sha256: str
    b_sha256: str
    matches: int
    wins: int
    """Of a."""
    draws: int
    losses: int
    by_side: BySide
    """Results of a as blue and as purple."""
    goals: OfBoth
    to_goals: int
    """Goals that won a match."""
    deterministic: bool
    elo: float | None
    """Elo of a minus that of b, logistic scale; a draw is half a win. None: a test was all that was asked for."""
    low: float | None
    """Lower end of the 95 % interval of `elo`."""
    high: float | None
    mean_decisions: float
    """Decision steps a match."""
    median_decisions: float
    entropy: OfBoth
    """Nats of the action distributions, mean over visited states."""
    seconds: float
    matches_per_second: float
    decisions_per_second: float
    environment: str
    """Version of the environment's rules, or of the executable."""
    sprt: TestResult | None
    seed: int
    cores: int
    kick_off: str
    """`shared by a pair`, or `not controlled` in an executable, where the matches of a pair have none in common."""


@dataclass(frozen=True)
class SideGap:
    """Score as blue minus score as purple, and the ends of its 95 % interval."""

    score: float
    score_low: float
    score_high: float

    @property
    def clear(self) -> bool:
        """Whether one side is better beyond the interval."""
        return not self.score_low <= 0 <= self.score_high


@dataclass(frozen=True, kw_only=True)
class RatedModel:
    """One player of matches that were rated jointly."""

    model: str
    elo: float
    low: float
    high: float
    matches: int
    wins: int
    draws: int
    losses: int
    tier: int | None
    ai_vs_ai_elo: float
    """As the Hugging Face leaderboard would have had it, from the matches in their order."""
    sha256: str
    by_side: BySide | None
    """None: the matches did not say who played where."""
    blue_minus_purple: SideGap | None


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Results of one player against another, and what they alone say of the Elo between them."""

    wins: int
    draws: int
    losses: int
    score: float
    elo: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class RateResult:
    """What matches say of their players."""

    ratings: list[RatedModel]
    """The strongest first."""
    cross_table: Mapping[str, Mapping[str, Pairing]]
    """By model and opponent."""
    circles: list[list[str]]
    """Players of whom each beats the next, and the last the first, beyond their 95 % intervals."""
    anchor: str | None
    """The player at 1200; None: the mean stands there."""
    matches: int
    environment: str
    notes: list[str]
    """What was left out of published histories."""


@dataclass(frozen=True, kw_only=True)
class TournamentResult(RateResult):
    """What a tournament says of its players, and what it cost."""

    pairs: int
    """Of every pairing."""
    seed: int
    cores: int
    kick_off: str
    seconds: float
    matches_per_second: float
    decisions_per_second: float


@dataclass(frozen=True)
class WatchedMatch:
    """A match on a page of replays."""

    number: int
    a_team: str
    """Side of player a, `blue` or `purple`."""
    result: float
    """1, 0.5 or 0 for a."""
    decisions: int


@dataclass(frozen=True, kw_only=True)
class WatchResult:
    """A page of replays that was written."""

    page: str
    bytes: int
    a: str
    b: str
    a_sha256: str
    b_sha256: str
    score: str
    matches: list[WatchedMatch]
    seed: int
    environment: str
