"""Drawing actions: a random stream of its own for every body of every match, compiled, without allocation.

The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011): a
pure function from a key and a counter to 128 bits. The key is the seed; the counter says what the number is for, so a
draw depends on nothing else: not on how many fields run, not on which finishes first.
"""

import numpy as np
from numpy import uint64
from numpy.typing import NDArray

from trials.soccer.compiled import compiled

Word = np.uint64
BODIES = 4
KICK_OFF = BODIES  # where an action's counter has its body, a kick-off's has this


@compiled
def _philox(c0: Word, c1: Word, c2: Word, c3: Word, key: Word) -> tuple[Word, Word, Word, Word]:
    """Four words below 2**32 for a counter of four words below 2**32 and a key of 64 bits."""
    low = uint64(0xFFFFFFFF)
    half = uint64(32)
    k0, k1 = key & low, key >> half
    for _ in range(10):
        p0 = uint64(0xD2511F53) * c0
        p1 = uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ k0, p1 & low, (p0 >> half) ^ c3 ^ k1, p0 & low
        k0, k1 = (k0 + uint64(0x9E3779B9)) & low, (k1 + uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


@compiled
def philox(counters: NDArray[Word], key: Word, words: NDArray[Word]) -> None:
    """Philox4x32-10: fill `words` (n, 4), each below 2**32, from `counters` (n, 4), each below 2**32."""
    for i in range(len(counters)):
        c = counters[i]
        words[i] = _philox(c[0], c[1], c[2], c[3], key)


def kick_offs(seed: int, pairs: NDArray[np.int64], episodes: NDArray[np.int64] | int = 0) -> NDArray[Word]:
    """Seeds of the kick-offs of pairs (n,), each in its episode (n,) or all in one; shape (n,)."""
    counters = np.zeros((len(pairs), 4), Word)
    number = pairs.astype(Word)
    counters[:, 0], counters[:, 1], counters[:, 2] = number & Word(0xFFFFFFFF), number >> Word(32), KICK_OFF
    counters[:, 3] = episodes
    words = np.empty_like(counters)
    philox(counters, Word(seed), words)
    return words[:, 0] << Word(32) | words[:, 1]


@compiled
def gather(
    observations: NDArray[np.float32], slots: NDArray[np.intp], teams: NDArray[np.int8], rows: NDArray[np.float32]
) -> None:
    """Copy what the two bodies of `teams[slot]` see (n, 4, 336) on each of `slots` to `rows`, two a slot."""
    for i in range(len(slots)):
        slot = slots[i]
        body = 2 * teams[slot]
        rows[2 * i] = observations[slot, body]
        rows[2 * i + 1] = observations[slot, body + 1]


@compiled
def draw(
    log_probabilities: NDArray[np.float32],
    slots: NDArray[np.intp],
    teams: NDArray[np.int8],
    matches: NDArray[np.int64],
    decisions: NDArray[np.int32],
    seed: Word,
    greedy: bool,
    actions: NDArray[np.int8],
    entropy: NDArray[np.float64],
) -> int:
    """Draw the actions of one player's bodies by inverse distribution and add their entropies, nats, to `entropy` (n,).

    `log_probabilities` has two rows for each of `slots`; `teams`, `matches` (numbers in the schedule) and `decisions`
    are per field, (n,); `actions` (n, 4, 3) is written. `greedy` takes the likeliest action of each branch, the first
    of equals. Returns the first row whose probabilities do not sum to 1 within 0.01, or -1.
    """
    half = uint64(32)
    for i in range(2 * len(slots)):
        slot = slots[i // 2]
        body = 2 * teams[slot] + i % 2
        match = uint64(matches[slot])
        words = _philox(match & uint64(0xFFFFFFFF), match >> half, uint64(body), uint64(decisions[slot]), seed)
        for branch in range(3):
            l0, l1, l2 = log_probabilities[i, 3 * branch : 3 * branch + 3]
            p0, p1, p2 = np.exp(np.float64(l0)), np.exp(np.float64(l1)), np.exp(np.float64(l2))
            total = p0 + p1 + p2
            if not 0.99 < total < 1.01:
                return i
            entropy[slot] -= (p0 * l0 if p0 > 0 else 0.0) + (p1 * l1 if p1 > 0 else 0.0) + (p2 * l2 if p2 > 0 else 0.0)
            if greedy:
                action = 2 if p2 > p0 and p2 > p1 else 1 if p1 > p0 else 0
            else:
                u = (words[branch] + 0.5) / 4294967296.0 * total
                action = 0 if u < p0 else 1 if u < p0 + p1 or p2 == 0.0 else 2
            actions[slot, body, branch] = action
    return -1
