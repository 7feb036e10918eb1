"""Drawn actions: the published generator, the right frequencies, independent branches, entropies."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trials.arena.matches.sampling import draw, kick_offs, normals, philox


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # known answers of Random123, philox4x32 with 10 rounds
        ([0, 0, 0, 0], 0, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, 2**64 - 1, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            0x299F31D0A4093822,
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_the_generator_is_philox(counter: list[int], key: int, words: list[int]) -> None:
    got = np.zeros((1, 4), np.uint64)
    philox(np.array([counter], np.uint64), np.uint64(key), got)
    assert got[0].tolist() == words


THREE = np.array([3, 3, 3])


class Table:
    """The arguments of `draw` for n fields whose rows all have the same probabilities."""

    def __init__(self, n: int, probabilities: list[list[float]]) -> None:
        with np.errstate(divide="ignore"):
            row = np.log(np.array(probabilities, np.float32)).reshape(9)
        self.log_p = np.tile(row, (2 * n, 1))
        self.slots, self.teams = np.arange(n), np.zeros(n, np.int8)
        self.matches, self.decisions = np.arange(n), np.zeros(n, np.int32)
        self.actions, self.entropy = np.zeros((n, 4, 3), np.int8), np.zeros(n)

    def draw(self, seed: int = 1, greedy: bool = False) -> NDArray[np.int8]:
        state = (self.slots, self.teams, self.matches, self.decisions)
        assert draw(self.log_p, *state, np.uint64(seed), greedy, THREE, self.actions, self.entropy) == -1
        return self.actions


UNEVEN = [[0.2, 0.3, 0.5], [0.7, 0.1, 0.2], [0.0, 0.25, 0.75]]


def test_joint_frequencies_are_the_products_of_the_branches() -> None:
    n = 60_000
    drawn = Table(n, UNEVEN).draw()[:, :2].reshape(-1, 3).astype(int)
    joint = np.bincount(drawn @ [9, 3, 1], minlength=27).reshape(3, 3, 3) / len(drawn)
    wanted = np.einsum("i,j,k->ijk", *np.array(UNEVEN))
    z = (joint - wanted)[wanted > 0] / np.sqrt(wanted * (1 - wanted) / len(drawn))[wanted > 0]
    assert np.abs(z).max() < 4.5
    assert joint[wanted == 0].sum() == 0


def test_bodies_matches_decisions_and_seeds_have_streams_of_their_own() -> None:
    n = 20_000
    table = Table(n, [[1 / 3] * 3] * 3)
    first = table.draw().copy()
    table.teams[:] = 1
    assert (first[:, 2:] == 0).all()
    both = table.draw().copy()
    table.teams[:], table.decisions[:] = 0, 1
    later = table.draw()[:, :2].copy()
    table.decisions[:] = 0
    other = table.draw(seed=2)[:, :2]
    for x, y in (
        (first[:, 0], first[:, 1]),
        (both[:, 0], both[:, 2]),
        (first[:, :2], later),
        (first[:, :2], other),
        (first[:-1, :2], first[1:, :2]),
    ):
        same = float((x == y).mean())
        assert abs(same - 1 / 3) < 4.5 * np.sqrt(2 / 9 / x.size)


def test_greedy_takes_the_likeliest_and_the_first_of_equals() -> None:
    table = Table(4, [[0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [0.3, 0.4, 0.3]])
    assert (table.draw(greedy=True)[:, :2] == [2, 0, 1]).all()


def test_entropies_add_up_in_nats() -> None:
    table = Table(3, [[1 / 3] * 3, [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    table.draw()
    table.draw()
    np.testing.assert_allclose(table.entropy, 2 * 2 * (np.log(3) + np.log(2)), rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.3, -5.0])
def test_a_row_that_is_no_distribution_is_pointed_at(value: float) -> None:
    table = Table(3, UNEVEN)
    table.log_p[4, 4] = value
    state = (table.slots, table.teams, table.matches, table.decisions)
    row = draw(table.log_p, *state, np.uint64(1), False, THREE, table.actions, table.entropy)
    assert row == 4


def test_any_branches_and_continuous_actions() -> None:
    n, branches = 40_000, np.array([2, 5, 3, 2, 4, 3])  # more than one block of random words
    uniform = np.concatenate([np.full(size, -np.log(size)) for size in branches])
    answers = np.tile(np.concatenate([uniform, [0.25, -1.5]]).astype(np.float32), (3 * n, 1))
    actions, entropy = np.zeros((n, 6, 8), np.float32), np.zeros(n)
    state = (np.arange(n), np.ones(n, np.int8), np.arange(n), np.zeros(n, np.int32), np.uint64(1))
    assert draw(answers, *state, False, branches, actions, entropy) == -1
    drawn = actions[:, 3:].reshape(-1, 8)
    for k, size in enumerate(branches):
        share = np.bincount(drawn[:, k].astype(int), minlength=size) / len(drawn)
        assert np.abs(share - 1 / size).max() < 4.5 * np.sqrt(1 / size / len(drawn))
    assert np.abs(np.corrcoef(drawn[:, :6].T) - np.eye(6)).max() < 0.02
    assert (drawn[:, 6:] == [0.25, -1.5]).all()
    assert (actions[:, :3] == 0).all()
    np.testing.assert_allclose(entropy, 3 * np.log(branches).sum(), rtol=1e-5)
    answers[7, -1] = np.nan
    assert draw(answers, *state, False, branches, actions, entropy) == 7


def test_normal_numbers_are_normal_and_independent() -> None:
    n = 30_000
    rows = np.zeros((2 * n, 3), np.float32)
    normals(np.arange(n), np.zeros(n, np.int8), np.arange(n), np.zeros(n, np.int32), np.uint64(1), 2, rows)
    assert np.abs(rows.mean(axis=0)).max() < 4.5 / np.sqrt(2 * n)
    assert np.abs(rows.std(axis=0) - 1).max() < 4.5 / np.sqrt(4 * n)
    assert np.abs((np.abs(rows) < 1).mean(axis=0) - 0.6827).max() < 0.01
    assert np.abs(np.corrcoef(rows.T) - np.eye(3)).max() < 0.02
    assert np.abs(np.corrcoef(rows[0::2, 0], rows[1::2, 0])[0, 1]) < 0.03


def test_kick_offs_are_a_function_of_seed_and_pair() -> None:
    seeds = kick_offs(7, np.arange(1000))
    assert len(set(seeds.tolist())) == 1000
    assert (kick_offs(7, np.arange(990, 1000)) == seeds[990:]).all()
    assert not set(kick_offs(8, np.arange(1000)).tolist()) & set(seeds.tolist())
