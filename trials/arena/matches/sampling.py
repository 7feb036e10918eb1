"""Drawing actions: a random stream of its own for every body of every match, compiled.

The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011): a
pure function from a key and a counter to 128 bits. The key is the seed; the counter says what the number is for, so a
draw depends on nothing else: not on how many fields run, not on which finishes first.
"""

from typing import Any

import numpy as np
from numpy import uint64
from numpy.typing import NDArray

from trials.soccer.compiled import compiled

Word = np.uint64
KICK_OFF = 4  # where an action's counter has its body's stream, a kick-off's has this
NORMAL = 1 << 30  # added to a body's stream for its continuous actions
BLOCK = 1 << 16  # and for each further four numbers of a decision


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
    """Copy what the bodies of `teams[slot]` see (n, bodies, numbers) on each of `slots` to the front of `rows`."""
    team, numbers = observations.shape[1] // 2, observations.shape[2]
    for i in range(len(slots)):
        slot = slots[i]
        body = team * teams[slot]
        for mate in range(team):
            rows[team * i + mate, :numbers] = observations[slot, body + mate]


@compiled
def _words(match: int, body: int, decision: int, shift: int, seed: Word) -> tuple[Word, Word, Word, Word]:
    """The random words of a body's decision; no body has the kick-offs' stream."""
    number = uint64(match)
    stream = body + (body >= KICK_OFF) + shift
    return _philox(number & uint64(0xFFFFFFFF), number >> uint64(32), uint64(stream), uint64(decision), seed)


@compiled
def normals(
    slots: NDArray[np.intp],
    teams: NDArray[np.int8],
    matches: NDArray[np.int64],
    decisions: NDArray[np.int32],
    seed: Word,
    team: int,
    rows: NDArray[np.float32],
) -> None:
    """Fill the first `team` rows a slot with numbers from the standard normal distribution (Box and Muller 1958)."""
    for i in range(team * len(slots)):
        slot = slots[i // team]
        body = team * teams[slot] + i % team
        for k in range(rows.shape[1]):
            words = _words(matches[slot], body, decisions[slot], NORMAL + BLOCK * (k // 2), seed)
            radius = np.sqrt(-2.0 * np.log((words[0] + 0.5) / 4294967296.0))
            angle = 2.0 * np.pi * (words[1] + 0.5) / 4294967296.0
            rows[i, k] = radius * (np.cos(angle) if k % 2 == 0 else np.sin(angle))


@compiled
def draw(
    answers: NDArray[np.float32],
    slots: NDArray[np.intp],
    teams: NDArray[np.int8],
    matches: NDArray[np.int64],
    decisions: NDArray[np.int32],
    seed: Word,
    greedy: bool,
    branches: NDArray[np.intp],
    actions: NDArray[Any],
    entropy: NDArray[np.float64],
) -> int:
    """Draw the actions of one player's bodies by inverse distribution and add their entropies, nats, to `entropy` (n,).

    `answers` has a row for each body of a team on each of `slots`: log-probabilities of all `branches`, then continuous
    actions, which are taken as they are; `teams`, `matches` (numbers in the schedule) and `decisions` are per field,
    (n,); `actions` (n, bodies, branches and continuous) is written. `greedy` takes the likeliest action of each branch,
    the first of equals. Returns the first row whose probabilities do not sum to 1 within 0.01, or that has a continuous
    action which is no number, or -1.
    """
    team, count = actions.shape[1] // 2, len(branches)
    p = np.empty(answers.shape[1])
    for i in range(team * len(slots)):
        slot = slots[i // team]
        body = team * teams[slot] + i % team
        words = _words(matches[slot], body, decisions[slot], 0, seed)
        at = 0
        for branch in range(count):
            if branch and branch % 4 == 0:
                words = _words(matches[slot], body, decisions[slot], BLOCK * (branch // 4), seed)
            total, spread = 0.0, 0.0
            likeliest = last = 0
            for k in range(branches[branch]):
                chance = answers[i, at + k]
                p[k] = np.exp(np.float64(chance))
                total += p[k]
                if p[k] > 0:
                    spread += p[k] * chance
                    last = k
                if p[k] > p[likeliest]:
                    likeliest = k
            if not 0.99 < total < 1.01:
                return i
            entropy[slot] -= spread
            action = likeliest
            if not greedy:
                u = (words[branch % 4] + 0.5) / 4294967296.0 * total
                action, reached = 0, p[0]
                while u >= reached and action < last:
                    action += 1
                    reached += p[action]
            actions[slot, body, branch] = action
            at += branches[branch]
        for k in range(answers.shape[1] - at):
            if not np.isfinite(answers[i, at + k]):
                return i
            actions[slot, body, count + k] = answers[i, at + k]
    return -1
