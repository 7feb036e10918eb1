"""Does a sweep find better configurations? Simulated sweeps of `soccertwos`, regret against compute (`make bench`)."""

from pathlib import Path

import numpy as np
import pytest
from landscape import Landscape, draw, random_params
from regret import BUDGETS, SPREADS, WAYS, Line, compare, simulate, table, write

from search_spaces import load

WORLDS = 24


@pytest.fixture(scope="module")
def world() -> Landscape:
    return draw(load("soccertwos"), 60.0, np.random.default_rng(1))


def test_no_configuration_is_worth_more_than_the_best(world: Landscape) -> None:
    rng = np.random.default_rng(2)
    worth = np.array([world.worth(random_params(world.space, rng)) for _ in range(500)])
    assert (worth <= 1e-9).all() and 50 < worth.std() < 72 and abs(worth.mean() - world.mean) < 15


def test_a_sweep_simulated_is_repeatable(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    one, two = (simulate(60.0, 2, "tpe", "asha", 3, tmp_path / name, steps=100_000) for name in "ab")
    assert one == two and one.trials > BUDGETS[-1] and all(regret >= 0 for regret in one.regret)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_compute_buys_strength_and_learning_proposals_lose_nothing_to_chance(tmp_path: Path) -> None:
    """All four ways on 2 and 8 slots. What is asserted is what the worlds show beyond their luck, no more."""
    lines = compare(range(WORLDS))
    write(lines, tmp_path / "regret.csv")
    print(table(lines), f"\ncurves: {tmp_path / 'regret.csv'}")
    assert len(lines) == WORLDS * len(SPREADS) * 2 * len(WAYS)
    assert len((tmp_path / "regret.csv").read_text().splitlines()) == 1 + len(lines) * len(BUDGETS)
    for spread in SPREADS:
        for way in WAYS:
            first, last = by_world(lines, spread, 0, [way]), by_world(lines, spread, -1, [way])
            assert surely_above(first - last), (spread, way)
        chance = by_world(lines, spread, -1, [way for way in WAYS if way[0] == "random"])
        learnt = by_world(lines, spread, -1, [way for way in WAYS if way[0] == "tpe"])
        assert not surely_above(learnt - chance), spread


def by_world(lines: list[Line], spread: float, at: int, ways: list[tuple[str, str]]) -> np.ndarray:
    """Regret at one of BUDGETS, those ways and both numbers of slots together, by world."""
    mine = [line for line in lines if line.spread == spread and (line.sampler, line.scheduler) in ways]
    return np.array([np.mean([line.regret[at] for line in mine if line.seed == seed]) for seed in range(WORLDS)])


def surely_above(values: np.ndarray) -> bool:
    """Whether the mean lies more than two standard errors above 0."""
    return bool(values.mean() > 2 * values.std(ddof=1) / len(values) ** 0.5)
