"""How matches are played, for the command line and Python alike: what may be asked for, in which bounds, and where."""

import contextlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING

from trials.errors import UsageError, of_option

if TYPE_CHECKING:
    from trials.arena.games.game import Game, WonBy


@dataclass(frozen=True)
class Whole:
    """Bounds of a whole number, both included."""

    low: int
    high: int
    even: bool = False
    """Matches come in pairs, one from each side."""

    def fault(self, value: object) -> str:
        """What is wrong with a value, `must be 1 to 100, but got 0; ...`; empty where nothing is."""
        mend, whole = "give another number", None
        with contextlib.suppress(TypeError):
            whole = index(value) if not isinstance(value, bool) else None  # type: ignore[arg-type]
        if whole is not None and self.low <= whole <= self.high:
            if not (self.even and whole % 2):
                return ""
            mend = f"a pair is a match from each side: say {whole - 1} or {whole + 1}"
        even = "an even number, " if self.even else ""
        return f"must be {even}{self.low:,} to {self.high:,}, but got {value}; {mend}"

    def must(self, name: str, value: object) -> None:
        """Raise UsageError for a value outside."""
        if fault := self.fault(value):
            raise UsageError(f"{name} {fault}")


MATCHES = Whole(2, 1_000_000, even=True)
WATCHED = Whole(2, 100, even=True)
PROVING = Whole(8, 1_000_000, even=True)
"""Matches of an estimate that a policy is promoted by."""
PAIRS = Whole(1, 100_000)
SEED = Whole(0, 2**31 - 1)
GOALS = Whole(1, 100)
CORES = Whole(1, 1024)
FIELDS = Whole(1, 4096)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How matches are played. Raises UsageError where a number is out of its bounds."""

    seed: int = 0
    deterministic: bool = False
    """The likeliest actions instead of drawn ones."""
    goals: int = 1
    """Goals that win a match."""
    cores: int = 1
    """CPU cores that play. With more than one a script must call it below `if __name__ == "__main__":`, because every
    worker begins by importing the script (Python's multiprocessing, "spawn")."""
    log_to: Path | None = None
    """A new file for every match, .parquet or .csv."""
    env: Path | None = None
    """An ML-Agents executable to play in; None: the embedded game."""
    won_by: "WonBy | None" = None
    """Whose rewards are a team's points there; None: its group's where there are groups, else its agent's."""

    def __post_init__(self) -> None:
        for name, bounds in (("seed", SEED), ("goals", GOALS), ("cores", CORES)):
            bounds.must(name, getattr(self, name))

    @property
    def kick_off(self) -> str:
        """How the matches of a pair begin."""
        return "shared by a pair" if self.env is None else "not controlled"

    def check(self) -> None:
        """Raise SetupError where matches cannot be played so, or their log not be written, before anything is."""
        if self.log_to is not None:
            from trials.arena.matches import log  # here, because pyarrow takes its time

            with of_option("--log"):
                log.check(self.log_to)
        if self.env is None:
            if self.won_by is not None:
                raise UsageError("--won-by is of an executable, but there is no --env; leave it out")
            return
        if self.cores > 1:
            raise UsageError(
                f"--env plays on one core, the executable's, but got --cores {self.cores}; leave --cores out"
            )
        from trials.arena.games import executable  # here, because gRPC takes its time

        executable.find(self.env)

    def game(self) -> "AbstractContextManager[Game]":
        """What is played: as `trials.arena.games.place.game_of`."""
        from trials.arena.games.place import game_of  # here, because numba takes its time

        return game_of(self.env, self.seed, self.won_by)
