"""The embedded SoccerTwos as a game."""

from collections.abc import Callable
from dataclasses import dataclass

from trials.arena.games import game
from trials.arena.games.game import Behavior
from trials.soccer.constants import AGENTS, BACK_SIZE, FORWARD_SIZE, VERSION

SOCCER = Behavior(
    name="SoccerTwos", observations=(FORWARD_SIZE, BACK_SIZE), branches=(3, 3, 3), team=AGENTS // 2, masked=False
)
"""Nothing is ever masked in it."""


def embedded(n: int) -> game.Fields:
    """n fields of this product's own SoccerTwos."""
    from trials.soccer.game import Fields  # here, because numba takes its time

    return Fields(n)


@dataclass(frozen=True)
class SoccerTwos:
    """The game that this product carries, on fields that `build` makes, the embedded ones by default."""

    build: Callable[[int], game.Fields] = embedded
    behavior = SOCCER
    version = VERSION

    def fields(self, most: int) -> game.Fields:
        """As `Game.fields`."""
        return self.build(most)


EMBEDDED = SoccerTwos()
