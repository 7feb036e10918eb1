"""Every file name of a league, written once, and the lock that lets one process at a time play it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trials.errors import UsageError
from trials.folder import Below, only_one


@dataclass(frozen=True)
class LeagueFolder:
    """Files of one league. The first three are appended to and are the truth; the others follow from them."""

    path: Path

    history = Below("soccer_history.csv")
    """Every match, a line each: AI vs AI's four columns, then the league's own (trials/league/history.py)."""
    roster = Below("models.jsonl")
    """Who entered, went, came back or was refused, a JSON object a line (trials/league/roster.py)."""
    rounds = Below("rounds.jsonl")
    """What each finished round was and cost, a JSON object a line."""
    leaderboard = Below("leaderboard.json")
    """The leaderboard as JSON, written whole at the end of every round."""
    leaderboard_csv = Below("leaderboard.csv")
    """The same as a table."""
    elo = Below("soccer_elo.csv")
    """AI vs AI's own Elo in AI vs AI's own format."""
    lock = Below(".playing")
    """Held by the one process that plays."""

    def published(self) -> list[Path]:
        """What a dataset holds, as far as it is there."""
        every = (self.history, self.roster, self.rounds, self.leaderboard, self.leaderboard_csv, self.elo)
        return [path for path in every if path.is_file()]


def must_be_there(league: LeagueFolder) -> None:
    """Raise UsageError where the folder holds no league."""
    if not league.history.is_file() and not league.roster.is_file():
        raise UsageError(
            f"a league's folder must hold {league.history.name} or {league.roster.name}, but {league.path} has neither;"
            " name one that `sweep league run` made"
        )


@contextmanager
def playing(league: LeagueFolder) -> Iterator[None]:
    """Be the one process that plays this league, in a folder that is made if need be. Raises SetupError."""
    league.path.mkdir(parents=True, exist_ok=True)
    refusal = (
        f"a league is played by one process at a time, but another plays {league.path}; wait for its end, or stop it"
    )
    with only_one(league.lock, refusal):
        yield
