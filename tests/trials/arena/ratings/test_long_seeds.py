"""How often intervals over training seeds hold the truth, simulated at length; the table with -s."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import t

from trials.arena.ratings import seed_intervals

pytestmark = pytest.mark.slow
RUNS = 40_000
ERROR = {200: 24.7, 400: 17.4}
"""Matches to the standard error of a policy's Elo without draws (simulation.half_width)."""


def test_intervals_over_seeds_hold_the_truth_as_often_as_they_say() -> None:
    """One configuration, and two that met in all pairings; beside them differences by seed, which assume pairing."""
    rng = np.random.default_rng(1)
    print(f"\n95 % intervals over N training seeds, {RUNS} replications: share that holds the truth, median ± Elo")
    print(
        "rho: correlation of two configurations' policies of one seed; uneven: the other's seeds scatter by a quarter"
    )
    heads = ("one mean", "two, Welch", "by seed", "rho 0.5: Welch", "by seed", "uneven: Welch")
    print(f"{'N':>2}{'seed sd':>9}{'matches':>9}" + "".join(f"{head:>18}" for head in heads))
    for n, spread, matches in product((2, 3, 5), (0, 20, 40, 80), (200, 400)):
        error = ERROR[matches]
        own = spread * rng.standard_normal((RUNS, n)) + error * rng.standard_normal((RUNS, n))
        cells = [seed_intervals.mean_of(own, np.full(own.shape, error))]
        for rho, ratio in ((0.0, 1.0), (0.5, 1.0), (0.0, 0.25)):
            common = np.sqrt(rho) * rng.standard_normal((RUNS, n))
            mine, theirs = (
                scale * spread * (common + np.sqrt(1 - rho) * rng.standard_normal((RUNS, n))) for scale in (1, ratio)
            )
            share = error * n**0.5  # the matches of a policy are shared among n opponents
            met = mine[:, :, None] - theirs[:, None, :] + share * rng.standard_normal((RUNS, n, n))
            cells.append(seed_intervals.between(met, np.full(met.shape, share)))
            if ratio == 1:
                pairs = met.mean(2) + met.mean(1)  # a[k] - b[k], up to a constant that their mean has not
                cells.append((met.mean((1, 2)), t.ppf(0.975, n - 1) * pairs.std(1, ddof=1) / n**0.5))
        shares = [float((abs(mean) <= half).mean()) for mean, half in cells]
        told = (f"{share:.3f} ± {np.median(half):.0f}" for share, (_, half) in zip(shares, cells, strict=True))
        print(f"{n:>2}{spread:>9}{matches:>9}" + "".join(f"{text:>18}" for text in told))
        assert min(shares[at] for at in (0, 1, 3, 5)) > 0.943
        if n == 3:
            assert np.median(cells[1][1]) < np.median(cells[2][1])  # pairing by seed costs where seeds share nothing
