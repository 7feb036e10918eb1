"""What the suggested next space is worth in simulated worlds: what random configurations of it lose, and of the old.

`python tests/support/narrowing.py` prints the table; the worlds are landscape.py's.
"""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pandas as pd
from landscape import Landscape, draw, random_params

from reports.run.importance import matters
from reports.run.next_space import suggested
from search_spaces import Space, from_text, load
from search_spaces.text import get

NOISE = 44.0  # Elo: another training seed (40) and 400 matches (17)
BEST_OF = 16
BLOCKS = 40


def world(spread: float, seed: int) -> tuple[Landscape, np.random.Generator]:
    rng = np.random.default_rng([seed, int(spread)])
    return draw(load("soccertwos"), spread, rng), rng


def narrowed(land: Landscape, trials: int, rng: np.random.Generator) -> tuple[Space, int]:
    """The space suggested after so many random trials, and how many of its parameters were rewritten."""
    tried = [random_params(land.space, rng) for _ in range(trials)]
    elo = [1200 + land.worth(each) - land.mean + NOISE * rng.standard_normal() for each in tried]
    params = pd.DataFrame(
        [{"trial": n, "elo": e, "rung": 1, **t} for n, (t, e) in enumerate(zip(tried, elo, strict=True))]
    )
    asked = SimpleNamespace(space_yaml=land.space.text, space="soccertwos", steps=5_000_000, fields=8)
    found = suggested(SimpleNamespace(question=asked), params, matters(params))  # type: ignore[arg-type]
    assert found is not None
    return from_text(found.yaml, "soccertwos"), len(found.changes)


def lost(land: Landscape, space: Space, rng: np.random.Generator) -> tuple[float, float]:
    """Elo below the old space's best: of a random configuration, and of the best of sixteen."""
    fixed = {path: get(space.trainer, path) for path in land.space.parameters if path not in space.parameters}
    worth = np.array([land.worth(fixed | random_params(space, rng)) for _ in range(BEST_OF * BLOCKS)])
    return -float(worth.mean()), -float(worth.reshape(-1, BEST_OF).max(axis=1).mean())


def table(worlds: int = 20, spreads: Sequence[float] = (60.0, 180.0), counts: Sequence[int] = (32, 64, 128)) -> str:
    lines = ["spread trials | random: old -> new | best of 16: old -> new | gain +- 95 % | parameters rewritten, of 15"]
    for spread in spreads:
        for count in counts:
            rows = []
            for seed in range(worlds):
                land, rng = world(spread, seed)
                space, changed = narrowed(land, count, rng)
                rows.append((*lost(land, land.space, rng), *lost(land, space, rng), changed))
            old, old16, new, new16, changed = np.array(rows).mean(axis=0)
            gain = np.array([row[1] - row[3] for row in rows])
            half = 2 * gain.std(ddof=1) / np.sqrt(worlds)
            lines.append(
                f"{spread:6.0f} {count:6d} | {old:11.0f} -> {new:3.0f} | {old16:14.0f} -> {new16:4.0f} "
                f"| {gain.mean():+4.0f} +- {half:2.0f}   | {changed:.1f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
