"""What matchmaking by information is worth: matches and seconds to the same precision as `closest`, in simulation."""

import pytest
from league_sim import Pool, compared, until

from trials.league.planning import RoundTerms


def test_information_takes_fewer_seconds_than_closest_to_the_same_precision() -> None:
    found = compared(24, 60.0, seed=1, most=400.0)
    assert found["information"].seconds < 0.9 * found["closest"].seconds
    assert found["information"].reached <= 60 and found["information"].covered >= 0.7


@pytest.mark.slow
@pytest.mark.parametrize(("n", "half"), [(60, 40.0), (200, 40.0), (200, 25.0)])
def test_the_comparison_at_length(n: int, half: float, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(n, half, most=30_000.0)
    with capsys.disabled():
        print(f"\n{n} models, every 95 % interval ± {half:g} Elo or less")
        for way, c in found.items():
            print(
                f"  {way:<12}{c.matches:>9,} matches {c.seconds:>7,.0f} core seconds {c.rounds:>4} plans,"
                f" median ± {c.half:.1f}, widest ± {c.reached:.1f}, truth inside {100 * c.covered:.0f} %"
            )
    assert found["information"].seconds < found["closest"].seconds


@pytest.mark.slow
def test_choosing_who_meets_does_not_stretch_the_ratings_of_a_large_pool() -> None:
    """Without what is known of the pool they are 4 % too far apart in these three, and in nine others 6.5 %."""
    pools = [until(Pool(120, seed, weak=0.0), RoundTerms(half=40.0), 40.0, 1.0, most=30_000.0) for seed in (1, 2, 3)]
    assert abs(sum(pool.stretched for pool in pools) / len(pools)) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("weak", (0.0, 0.3))
def test_the_intervals_of_large_leagues_hold_the_truth(weak: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Over two dozen pools: within one the errors go together, so one alone says little."""
    pools = [compared(200, 40.0, seed=seed, most=30_000.0, weak=weak) for seed in range(1, 25)]
    for way in ("information", "closest"):
        held = [pool[way].covered for pool in pools]
        with capsys.disabled():
            ends = f"{100 * min(held):.0f} to {100 * max(held):.0f} %"
            print(
                f"\n{way}, {100 * weak:.0f} % weak: the truth inside {100 * sum(held) / len(held):.1f} %"
                f" over {len(held)} pools of 200, {ends}"
            )
        assert sum(held) / len(held) >= 0.93


@pytest.mark.slow
def test_what_an_hour_on_two_cores_buys_for_200_models(capsys: pytest.CaptureFixture[str]) -> None:
    cost = until(Pool(200), RoundTerms(half=1.0, pairs=64), 1.0, 1.0, most=2 * 3600)
    with capsys.disabled():
        print(f"\n200 models: {cost.matches:,} matches, median ± {cost.half:.1f}, widest ± {cost.reached:.1f}")
    assert cost.reached < 25 and cost.covered >= 0.85
