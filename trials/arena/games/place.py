"""Where matches are played: in the embedded game, or in an executable that runs for so long."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trials.arena.games.game import Game, WonBy
from trials.arena.games.soccer import EMBEDDED


@contextmanager
def game_of(env: Path | None = None, seed: int = 0, won_by: WonBy | None = None) -> Iterator[Game]:
    """The game that is played: the embedded one, or that of the executable `env`, which runs for so long.

    Raises SetupError, and from what happens inside LostTrial.
    """
    if env is None:
        yield EMBEDDED
        return
    from trials.arena.games import executable  # here, because gRPC takes its time

    with executable.opened(env, seed=seed, won_by=won_by) as game:
        yield game
