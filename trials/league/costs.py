"""What a match between two players will cost: how long it lasts by what was played, and seconds a step.

A goal ends a match, and a model that scores often ends its matches soon, whoever it meets. So each player has a rate of
goals that it scores a decision step, over all that it played, and two end a match at the sum of theirs, cut at the time
limit. Where two have met, what they played is mixed in.
"""

from collections.abc import Sequence

import numpy as np

from trials.arena.pairs import Reals
from trials.league.tally import Tally

LIMIT = 1000  # decision steps of an episode
PRIOR_STEPS = 500.0  # of play at everybody's rate, which a newcomer is taken to have behind it
PRIOR_MATCHES = 8.0  # of a pairing, which the model is worth
USUAL = 1 / 200  # goals of a player a decision step where nobody has played
SECONDS_A_STEP = 1 / 6000  # of one core, until it is measured
SETUP = 0.1  # seconds to load two policies that are not at hand


def lengths(players: Sequence[str], tally: Tally) -> Reals:
    """Expected decision steps of a match between each two of `players`, (n, n)."""
    number = {player: at for at, player in enumerate(players)}
    known = [(number[a], number[b], of) for (a, b), of in tally.items() if a in number and b in number and of.decisions]
    goals, steps = np.zeros(len(players)), np.zeros(len(players))
    for a, b, of in known:
        for at, scored in zip((a, b), of.goals, strict=True):
            goals[at] += scored
            steps[at] += of.decisions
    usual = goals.sum() / steps.sum() if goals.any() else USUAL
    rates = (goals + usual * PRIOR_STEPS) / (steps + PRIOR_STEPS)
    together = rates[:, None] + rates[None, :]
    expected = -np.expm1(-together * LIMIT) / together
    for a, b, of in known:
        mixed = (of.decisions + PRIOR_MATCHES * expected[a, b]) / (of.matches + PRIOR_MATCHES)
        expected[a, b] = expected[b, a] = mixed
    return np.asarray(expected, np.float64)
