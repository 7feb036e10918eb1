"""Rating a candidate on the ladder of fixed rungs, and the recipe that fits the ladder.

    python -m trials.arena.ratings.ladder fit --pairs 1000      plays every pairing and writes ladder/ladder.json whole

A candidate's rating depends on its own matches and the ladder's constants alone: it never moves because another
candidate arrived, and ratings on one version of the ladder can be compared. Matches go where they tell most: to the
rung nearest to the current estimate, which at first says that the candidate plays at random.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from trials.arena.games.game import Game
from trials.arena.games.soccer import EMBEDDED
from trials.arena.matches.match import play
from trials.arena.players import load as players
from trials.arena.players.load import EARLIER
from trials.arena.players.player import Player
from trials.arena.ratings import bradley_terry, ladder_file
from trials.arena.ratings.elo import direct, on_ladder
from trials.arena.ratings.ladder_file import MEND, Ladder, LadderPlayer, Pairing
from trials.arena.ratings.pentanomial import outcomes
from trials.errors import SetupError, SweepError, UsageError
from trials.records import NORMAL_95, MatchRecord, Rating

VERSION = "ladder-3"
ANCHOR, ANCHOR_RATING = "house", 1200.0
PLAYERS = ("still", "random", "chaser", *EARLIER, "house")
START = "random"
STAGES = (0.125, 0.25, 0.5, 1.0)
"""Shares of the pairs after which the opponent is chosen anew."""


@dataclass(frozen=True)
class Rated:
    """A candidate's rating and the matches it rests on."""

    rating: Rating
    records: list[MatchRecord]
    """Every match that was started: the ladder's, then the baseline's."""
    baseline: Rating | None
    """Directly against the extra opponent, an Elo difference; no part of the ladder's number."""
    names: Mapping[str, str]
    """Of everyone there was to meet: id in the records to name."""


class LadderPlayers:
    """The ladder with its players at hand, checked to be the ones that were fitted."""

    def __init__(self, ladder: Ladder, load: Callable[[str], Player] = players.load, game: Game = EMBEDDED) -> None:
        """Load every rung. Raises SetupError where environment or files are not those of the ladder."""
        if ladder.environment != game.version:
            raise SetupError(
                f"a ladder must be of the installed environment {game.version}, but {ladder.version} is of"
                f" {ladder.environment}; {MEND}"
            )
        self.ladder = ladder
        self.players = tuple(load(rung.name) for rung in ladder.rungs)
        for rung, player in zip(ladder.rungs, self.players, strict=True):
            if player.id != rung.id:
                raise SetupError(
                    f"the rung {rung.name} of {ladder.version} must have sha256 {rung.id[:12]}, but the installed one"
                    f" has {player.id[:12]}; {MEND}"
                )

    def nearest(self, elo: float) -> Player:
        """The rung at the least distance from a rating, the weaker of equals."""
        return self.players[int(np.argmin(np.abs(self.ladder.ratings - elo)))]

    @property
    def start(self) -> float:
        """The rating a candidate is assumed to have before it has played."""
        return next((r.rating for r in self.ladder.rungs if r.name == START), float(self.ladder.ratings.min()))


def rate(
    candidate: Player,
    matches: int,
    seed: int,
    *,
    opponents: LadderPlayers | None = None,
    baseline: Player | None = None,
    baseline_matches: int = 0,
    game: Game = EMBEDDED,
) -> Rated:
    """Play `matches` (whole pairs, at least one) on the ladder, and `baseline_matches` against an extra opponent.

    The stages, their opponents and every match are a function of candidate, ladder and seed. `opponents` is the
    installed ladder by default. Raises BadPolicy where the candidate cannot be played, SetupError where the ladder
    cannot.
    """
    hall = opponents or LadderPlayers(ladder_file.read())
    pairs = max(1, matches // 2)
    extra = baseline_matches // 2 if baseline is not None else 0
    records: list[MatchRecord] = []
    elo = hall.start
    for share in STAGES:
        done = len(records) // 2
        count = round(share * pairs) - done
        if count > 0:
            records += play(candidate, hall.nearest(elo), count, seed, first=done, game=game).records
            rating = on_ladder(records, hall.ladder)
            elo = rating.elo
    against = []
    if baseline is not None and extra:
        against = play(candidate, baseline, extra, seed, first=pairs, game=game).records
    return Rated(
        rating=rating,
        records=records + against,
        baseline=direct(against, baseline.name) if baseline is not None and against else None,
        names={player.id: player.name for player in (*hall.players, *([baseline] if baseline is not None else []))},
    )


def rater(baseline: str, matches: int) -> Callable[[Path, int], Rated]:
    """A function that rates a candidate (ONNX path, seed) by `matches` on the installed ladder.

    Where `baseline`, as `players.load` names it, is no rung, a quarter as many are played against it. Raises BadPolicy,
    SetupError.
    """
    opponents = LadderPlayers(ladder_file.read())
    extra: Player | None = players.load(baseline)
    if extra is not None and extra.id in {rung.id for rung in opponents.ladder.rungs}:
        extra = None  # its matches are the ladder's already

    def rated(candidate: Path, seed: int) -> Rated:
        mine = players.load(candidate)
        return rate(mine, matches, seed, opponents=opponents, baseline=extra, baseline_matches=matches // 4)

    return rated


def fit(
    competitors: Sequence[Player],
    pairs: int,
    seed: int,
    *,
    on_pairing: Callable[[Pairing], None] | None = None,
    game: Game = EMBEDDED,
) -> Ladder:
    """Play every pairing `pairs` times and fit all ratings jointly: `house` stands at 1200, or else the mean does."""
    names = [player.name for player in competitors]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"the players of a ladder must have names of their own, but {twice} is there twice; rename one"
        )
    pairings = []
    for number, (a, b) in enumerate(combinations(competitors, 2)):
        played = play(a, b, pairs, seed, first=number * pairs, game=game)
        counted = [int(c) for c in outcomes(played.records)]
        pairings.append(
            Pairing(a=a.name, b=b.name, outcomes=(counted[0], counted[1], counted[2], counted[3], counted[4]))
        )
        if on_pairing is not None:
            on_pairing(pairings[-1])
    anchor = names.index(ANCHOR) if ANCHOR in names else None
    table = {(p.a, p.b): p.outcomes for p in pairings}
    fitted = bradley_terry.fit(names, table).anchored(anchor, ANCHOR_RATING)
    order = np.argsort(fitted.ratings, kind="stable")
    return Ladder(
        version=VERSION,
        environment=game.version,
        anchor=None if anchor is None else ANCHOR,
        rungs=tuple(_player(competitors[i], float(fitted.ratings[i])) for i in order),
        covariance=tuple(tuple(round(float(fitted.covariance[i, j]), 4) for j in order) for i in order),
        pairings=tuple(pairings),
        seed=seed,
    )


def _player(player: Player, rating: float) -> LadderPlayer:
    return LadderPlayer(
        name=player.name, rating=round(rating, 2), sha256=None if player.id == player.name else player.id
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m trials.arena.ratings.ladder", description="The ladder of fixed rungs."
    )
    fitting = parser.add_subparsers(dest="verb", required=True).add_parser(
        "fit", help="play every pairing, write the ladder"
    )
    fitting.add_argument("--pairs", type=int, default=1000, help="of each pairing (default 1000)")
    fitting.add_argument("--seed", type=int, default=1)
    fitting.add_argument("--out", type=Path, default=ladder_file.INSTALLED)
    given = parser.parse_args(arguments)
    if given.pairs < 1 or given.seed < 0:
        parser.error(f"--pairs must be 1 or more and --seed 0 or more, but got {given.pairs} and {given.seed}")
    try:
        ladder = fit([players.load(name) for name in PLAYERS], given.pairs, given.seed, on_pairing=_say)
        ladder_file.write(ladder, given.out)
    except SweepError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for rung, variance in zip(ladder.rungs, np.diag(np.array(ladder.covariance)), strict=True):
        sys.stdout.write(f"{rung.name:>10} {rung.rating:7.1f} ± {NORMAL_95 * variance**0.5:.1f}\n")
    return 0


def _say(pairing: Pairing) -> None:
    sys.stdout.write(f"{pairing.a} - {pairing.b}: {pairing.outcomes}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
