from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import played
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials.arena.ratings import ai_vs_ai, elo, standings
from trials.errors import SetupError
from trials.records import MatchRecord

Records = Callable[..., list[MatchRecord]]


def between(records: Records, a: str, b: str, counts: tuple[int, ...], first: int = 0) -> list[MatchRecord]:
    return [replace(record, a=a) for record in records(counts, b, first)]


CIRCLE = (10, 0, 10, 0, 60)


@pytest.fixture
def circle(records: Records) -> list[MatchRecord]:
    """Rock beats scissors beats paper beats rock, each clearly; all three beat the well."""
    pairings = [("rock", "scissors"), ("scissors", "paper"), ("paper", "rock")]
    made = [record for a, b in pairings for record in between(records, a, b, CIRCLE)]
    return made + [
        record for a in ("paper", "rock", "scissors") for record in between(records, "well", a, (70, 0, 0, 0, 10))
    ]


def test_a_circle_is_one_tier_and_is_shown(circle: list[MatchRecord]) -> None:
    table = standings.table(circle)
    assert {standing.id: standing.tier for standing in table.standings} == {
        "paper": 1,
        "rock": 1,
        "scissors": 1,
        "well": 2,
    }
    (found,) = table.circles
    turned = found.index("rock")
    assert (found * 2)[turned : turned + 3] == ("rock", "scissors", "paper")
    equal = [standing.elo for standing in table.standings[:3]]
    assert max(equal) - min(equal) < 1e-6 and table.standings[3].id == "well"
    assert np.mean([standing.elo for standing in table.standings]) == pytest.approx(1200)


def test_where_not_all_have_met_nobody_has_a_tier(circle: list[MatchRecord]) -> None:
    some = [record for record in circle if {record.a, record.b} != {"well", "rock"}]
    assert {standing.tier for standing in standings.table(some).standings} == {None}


def test_a_circle_within_its_intervals_is_none(records: Records) -> None:
    pairings = [("rock", "scissors"), ("scissors", "paper"), ("paper", "rock")]
    table = standings.table([r for a, b in pairings for r in between(records, a, b, (10, 0, 10, 0, 12))])
    assert table.circles == () and {standing.tier for standing in table.standings} == {1}


def test_the_anchor_stands_and_nothing_else_does(circle: list[MatchRecord]) -> None:
    table = standings.table(circle, "well")
    well = next(standing for standing in table.standings if standing.id == "well")
    assert (well.elo, well.low, well.high) == (1200, 1200, 1200)
    assert all(standing.low < standing.elo < standing.high for standing in table.standings if standing.id != "well")
    with pytest.raises(SetupError, match="baseline must be among the players, but fountain is not"):
        standings.table(circle, "fountain")


def test_the_cross_table_is_the_direct_rating_from_both_sides(circle: list[MatchRecord]) -> None:
    cross = standings.table(circle).cross
    own = [record for record in circle if (record.a, record.b) == ("rock", "scissors")]
    direct = elo.direct(own, "scissors")
    there, back = cross["rock", "scissors"], cross["scissors", "rock"]
    assert (there.elo, there.low, there.high) == (direct.elo, direct.low, direct.high)
    assert (back.elo, back.low, back.high) == pytest.approx((-direct.elo, -direct.high, -direct.low))
    assert there.result.score + back.result.score == 1
    assert (there.result.wins, there.result.draws, there.result.losses) == (direct.wins, direct.draws, direct.losses)


@given(st.randoms(use_true_random=False))
def test_the_order_and_the_side_of_telling_do_not_matter(random: Any) -> None:
    records = _game(random)
    told = [_turned(record) if random.random() < 0.5 else record for record in random.sample(records, len(records))]
    one, other = standings.table(records), standings.table(told)
    assert [standing.id for standing in one.standings] == [standing.id for standing in other.standings]
    for mine, same in zip(one.standings, other.standings, strict=True):
        assert (mine.elo, mine.low, mine.high) == pytest.approx((same.elo, same.low, same.high))
        assert (mine.total, mine.tier) == (same.total, same.tier)
        assert mine.sides is not None and same.sides is not None
        assert (mine.sides.blue, mine.sides.purple) == (same.sides.blue, same.sides.purple)
        assert mine.sides.gap == pytest.approx(same.sides.gap) and mine.sides.low == pytest.approx(same.sides.low)


def _game(random: Any) -> list[MatchRecord]:
    made = []
    for pairing, (a, b) in enumerate((("p", "q"), ("q", "r"), ("p", "r"))):
        for number in range(2 * random.randint(1, 4)):
            points = random.choice((0.0, 0.5, 1.0))
            made.append(played.record(100 * pairing + number, points, a=a, b=b))
    return made


def _turned(record: MatchRecord) -> MatchRecord:
    return replace(
        record,
        a=record.b,
        b=record.a,
        a_team=1 - record.a_team,
        result=1 - record.result,
        goals_a=record.goals_b,
        goals_b=record.goals_a,
    )


def test_sides_are_told_per_model(records: Records) -> None:
    """One who wins as blue and loses as purple against everyone; the others show the reverse against it alone."""
    made = []
    for b in ("x", "y"):
        for record in between(records, "lopsided", b, (0, 0, 40, 0, 0)):
            made.append(replace(record, result=float(record.a_team == 0)))
    made += between(records, "x", "y", (10, 0, 20, 0, 10))
    found = {standing.id: standing for standing in standings.table(made).standings}
    sides = found["lopsided"].sides
    assert sides is not None and sides.gap > 0.97 and 0.9 < sides.low < sides.gap < sides.high == 1
    assert (sides.blue.wins, sides.blue.losses, sides.purple.wins, sides.purple.losses) == (80, 0, 0, 80)
    assert found["lopsided"].elo == pytest.approx(found["x"].elo, abs=1)
    level = found["x"].sides
    assert level is not None and level.low < level.gap < level.high


def test_one_sided_disconnected_and_lonely_tables_are_finite_and_unsure(records: Records) -> None:
    apart = between(records, "p", "q", (0, 0, 0, 0, 50)) + between(records, "r", "s", (0, 0, 0, 0, 50))
    found = {standing.id: standing for standing in standings.table(apart, "q").standings}
    assert all(np.isfinite([s.elo, s.low, s.high]).all() for s in found.values())
    assert found["p"].low > 1200
    assert found["r"].high - found["r"].low > 2000  # nothing connects it with the anchor
    alone = standings.table(between(records, "p", "p", (5, 0, 5, 0, 5)))
    assert [(s.id, s.elo, s.total.matches) for s in alone.standings] == [("p", 1200, 0)] and alone.cross == {}
    drawn = {s.id: s for s in standings.table(between(records, "p", "q", (0, 0, 30, 0, 0))).standings}
    assert drawn["p"].elo == drawn["q"].elo == 1200 and drawn["p"].low < 1200 < drawn["p"].high


def test_a_tests_own_matches_are_left_out(records: Records) -> None:
    deciding = [replace(r, sequential=True) for r in between(records, "p", "q", (0, 0, 0, 0, 9))]
    fresh = between(records, "p", "q", (5, 0, 5, 0, 5), first=100)
    assert standings.table(deciding + fresh).standings == standings.table(fresh).standings
    with pytest.raises(SetupError, match="number was fixed before play"):
        standings.table(deciding)


def test_what_cannot_be_rated_together_is_refused(records: Records) -> None:
    made = between(records, "p", "q", (5, 0, 5, 0, 5))
    other = [replace(record, deterministic=True) for record in between(records, "p", "r", (1, 0, 0, 0, 1))]
    with pytest.raises(SetupError, match="played alike, but there are soccer-1, to 1 goals; soccer-1, deterministic"):
        standings.table(made + other)
    with pytest.raises(SetupError, match="rate each match once"):
        standings.table(made + made)
    with pytest.raises(SetupError, match="rate each match once"):
        standings.table(made[:-1])
    twice = [
        replace(record, environment="unity-1", decisions=record.decisions + run) for record in made for run in (0, 1)
    ]
    with pytest.raises(SetupError, match="play a second time with another --seed"):
        standings.table(twice)


def test_schedules_of_several_seeds_are_added(records: Records) -> None:
    made = between(records, "p", "q", (5, 0, 5, 0, 9))
    again = [replace(record, seed=2) for record in made]
    one, two = standings.table(made).standings[0], standings.table(made + again).standings[0]
    assert two.total.matches == 2 * one.total.matches
    assert two.high - two.low == pytest.approx((one.high - one.low) / np.sqrt(2), rel=0.05)


def test_a_published_history_is_rated_without_sides() -> None:
    rows = [ai_vs_ai.Row("a/x", "b/y", 100 + k, float(k % 4 > 0)) for k in range(40)]
    rows += [ai_vs_ai.Row("b/y", "a/x", 200 + k, 0.5) for k in range(40)]
    table = standings.published(rows)
    assert [(s.id, s.total.matches, s.sides) for s in table.standings] == [("a/x", 80, None), ("b/y", 80, None)]
    assert (table.standings[0].total.wins, table.standings[0].total.draws, table.standings[0].total.losses) == (
        30,
        40,
        10,
    )
    assert table.cross["a/x", "b/y"].result.score == 50 / 80
    assert table.standings[0].elo - table.standings[1].elo == pytest.approx(400 * np.log10(50 / 30), rel=0.02)
    with pytest.raises(SetupError, match="the history has none"):
        standings.published([])
