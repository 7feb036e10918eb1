"""The yardstick of a game that has no ladder: still, random, the baseline and whatever policies a sweep is given beside
it (earlier winners, say), rated among themselves as it begins.

It is a ladder of a run's own, in its folder: trials are rated on it as SoccerTwos' are on the installed one, in the
executable that trains them, and nobody joins while it runs: then ratings would not be comparable. Its players' mean
stands at 1200.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from trials.arena.games.game import Game
from trials.arena.players import load as players
from trials.arena.players.baseline import find
from trials.arena.players.player import Player
from trials.arena.ratings import ladder, ladder_file
from trials.arena.ratings.ladder import LadderPlayers, Rated
from trials.arena.ratings.ladder_file import Ladder
from trials.folder import RunFolder
from trials.records import YARDSTICK

PAIRS = 100
"""Of each pairing."""
BUILT_IN = ("still", "random")


def fit(game: Game, policies: Sequence[str], seed: int) -> Ladder:
    """Play `policies`, as `players.load` takes them, and the built-in players of `game` against each other."""
    load = partial(players.load, behavior=game.behavior)
    standing = [load(name) for name in dict.fromkeys((*BUILT_IN, *policies))]
    made = ladder.fit(standing, PAIRS, seed, game=game)
    digest = sha256(repr((made.rungs, made.pairings)).encode()).hexdigest()
    return replace(made, version=f"{YARDSTICK}{digest[:12]}")


def rater(run: RunFolder, baseline: str, executable: str | None, matches: int) -> Callable[[Path, int], Rated]:
    """As `ladder.rater`: on the run's own yardstick in `executable`, where it has one. Raises BadPolicy, SetupError."""
    if executable is None or not run.yardstick.is_file():
        return ladder.rater(baseline, matches)
    fitted = ladder_file.read(run.yardstick)
    kept = {rung.name: find(run, rung.id) for rung in fitted.rungs if rung.name not in BUILT_IN}

    def load(name: str, game: Game) -> Player:
        """A rung, which is called by its name, from the run's own copy."""
        return players.load(name if name in BUILT_IN else kept[name] or baseline, game.behavior)

    def rated(candidate: Path, seed: int) -> Rated:
        from trials.arena.games import executable as executables  # here, because gRPC takes its time

        won_by = executables.won_by_of(fitted.environment)
        with executables.opened(Path(executable), seed=seed % 2**31, won_by=won_by) as game:
            opponents = LadderPlayers(fitted, partial(load, game=game), game)
            return ladder.rate(players.load(candidate, game.behavior), matches, seed, opponents=opponents, game=game)

    return rated
