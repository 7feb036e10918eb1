"""Who meets whom: opponents close in rating, as AI vs AI drew them, or those whose matches tell the leaderboard most.

By information: with C the covariance of the ratings and x = e_a - e_b, matches of information w between a and b leave
C - C x x'C / (1/w + x'C x), so the variances in the leaderboard fall by |S C x|^2 / (1/w + x'C x) together, where S
takes ratings to those that the leaderboard shows. The pairing that takes most away a second is next, with those nearly
as good that share no player with it; the covariance is brought up to them, and so on. A match is worth p (1 - p), taken
over what is not yet known of p (MacKay, The evidence framework applied to classification networks, Neural Computation
1992).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from trials.arena.ratings.bradley_terry import PER_ELO, Places, shift_to
from trials.arena.ratings.pentanomial import Reals
from trials.league.leaderboard import FEW
from trials.records import NORMAL_95

NEAREST = 10
"""Opponents are drawn from so many of the closest in rating."""
MOST = 500.0
"""Largest difference of two who meet, on AI vs AI's scale; 400 points of classic Elo."""
NEARLY = 0.7
"""Of the best pairing's gain a second: as good as it for being played at the same time."""


def closest(ratings: Mapping[str, float], waited: Mapping[str, int], random: Random) -> list[tuple[str, str]]:
    """AI vs AI's queue: each model meets at most one other, drawn from the NEAREST still queued within MOST.

    The queue is shuffled, those who have `waited` more rounds in front. Whoever has nobody within MOST in the whole
    pool meets the nearest there is, since it would never play otherwise. The odd one out rests, and who found all near
    enough taken.
    """
    queue = sorted(ratings)
    random.shuffle(queue)
    queue.sort(key=lambda player: -waited.get(player, 0))
    pairings = []
    while queue:
        player = queue.pop(0)
        apart = {other: abs(rating - ratings[player]) for other, rating in ratings.items() if other != player}
        near = sorted(queue, key=lambda other: apart[other])[:NEAREST]
        able = [other for other in near if apart[other] <= MOST]
        if near and not able and min(apart.values()) > MOST:
            able = near[:1]
        if able:
            opponent = random.choice(able)
            queue.remove(opponent)
            pairings.append((player, opponent))
    return pairings


@dataclass(frozen=True)
class Known:
    """What there is to choose by, in the order of n players."""

    ratings: Reals
    """(n,), Elo."""
    covariance: Reals
    """(n, n), Elo squared, as trials.arena.ratings.bradley_terry.fit has it."""
    anchor: int | None
    """Whose rating the leaderboard fixes; None: the mean's."""
    games: NDArray[np.int64]
    """(n,), matches played."""


def informative(
    known: Known, half: float, seconds: Reals, allowed: NDArray[np.bool_], matches: NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    """Pairings as places, the most telling a second first, each once; it ends when nobody needs a match.

    `seconds` (n, n) is what the `matches` (n, n) of a pairing cost; only `allowed` (n, n) pairings are proposed, and
    only where at least one of the two needs matches, with what was proposed before taken as played: it has fewer than
    FEW, or its 95 % interval is wider than `half`, Elo, to either side.
    """
    n = len(known.ratings)
    covariance, shift = known.covariance.copy(), shift_to(known.anchor, n)
    weights = matches * _worth(known.ratings, covariance) * PER_ELO**2
    still = np.triu(allowed | allowed.T, 1)
    games = known.games.copy()
    while True:
        shown = shift @ covariance
        halves = NORMAL_95 * np.sqrt(np.einsum("ij,ij->i", shown, shift).clip(0))
        needs = (halves > half) | (games < FEW)
        useful = still & (needs[:, None] | needs[None, :])
        if not useful.any():
            return
        gain = _differences(shown.T @ shown) / (1 / weights + _differences(covariance)) / seconds
        a, b = _apart(np.where(useful, gain, 0.0))
        if not a.size:
            return
        yield from zip(a.tolist(), b.tolist(), strict=True)
        still[a, b] = False
        games[a] += matches[a, b]
        games[b] += matches[a, b]
        moved = covariance[:, a] - covariance[:, b]
        inner = np.diag(1 / weights[a, b]) + moved[a] - moved[b]
        covariance -= moved @ np.linalg.solve(inner, moved.T)


def telling(known: Known) -> Reals:
    """Matches (n, n) after which what two tell of each other's difference is 4 times as sure as it was before.

    More of them at once say little for what they cost while so little is known: newcomers need few.
    """
    a_match = _worth(known.ratings, known.covariance) * PER_ELO**2
    return np.asarray(3 / (a_match * _differences(known.covariance)), np.float64)


def _apart(gain: Reals) -> tuple[Places, Places]:
    """The pairing of the greatest gain and others nearly as good, no player in two of them."""
    n = len(gain)
    flat = gain.ravel()
    order = np.argpartition(flat, -min(4 * n, n * n))[-min(4 * n, n * n) :]
    order = order[np.argsort(-flat[order], kind="stable")]
    busy, chosen = np.zeros(n, bool), []
    for at in order[flat[order] >= max(NEARLY * gain.max(), 1e-300)]:
        a, b = divmod(int(at), n)
        if not (busy[a] or busy[b]):
            busy[[a, b]] = True
            chosen.append((a, b))
        if len(chosen) >= max(1, n // 8):
            break
    found = np.array(chosen, np.intp).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _differences(of: Reals) -> Reals:
    """x' of x for every two places, (n, n)."""
    diagonal = np.diag(of)
    return np.asarray((diagonal[:, None] + diagonal[None, :] - 2 * of).clip(1e-12), np.float64)


def _worth(ratings: Reals, covariance: Reals) -> Reals:
    """Expected p (1 - p) of a match between every two, over what is not known of their difference, (n, n)."""
    logit = (ratings[:, None] - ratings[None, :]) * PER_ELO
    wide = np.sqrt(1 + np.pi / 8 * _differences(covariance) * PER_ELO**2)
    p = 1 / (1 + np.exp(-logit / wide))
    return np.asarray((p * (1 - p) / wide).clip(1e-9), np.float64)
