"""The leaderboard: places follow from history and roster alone, ties are ties, provisional is marked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trials.arena.ratings import bradley_terry
from trials.arena.ratings.pentanomial import PAIR_SCORES, REGULARISER
from trials.league.leaderboard import FEW, places, rate
from trials.league.pairings import Pairing, Sum
from trials.league.roster import Change, Entry, Key, Offer, called, departures, entries
from trials.records import NORMAL_95


def summed(outcomes: Sequence[float], following: int = 1) -> Sum:
    """Pairs by outcome."""
    counts = np.asarray(outcomes, np.float64)
    wins, draws, losses = counts @ [0, 0, 1, 1, 2], counts @ [0, 1, 0, 1, 0], counts @ [2, 1, 1, 0, 0]
    return Sum(counts, int(wins), int(draws), int(losses), (0, 0), 100, following)


def entry(name: str, sha: str, revision: str = "1") -> Entry:
    return Entry(name=name, revision=revision, source="here", sha256=sha, since=0.0, state="playing")


def roster(*those: Entry) -> dict[Key, Entry]:
    return {each.key: each for each in those}


def playing(of: Mapping[Key, Entry]) -> set[str]:
    return {each.player for each in of.values() if each.state == "playing"}


def entered(name: str, sha: str, source: str, revision: str = "") -> Change:
    return Change(what="entered", name=name, revision=revision or sha, time=0, sha256=sha, source=source)


def test_ties_share_a_rank_and_a_clear_gap_does_not() -> None:
    table = {
        ("a", "b"): summed([5, 5, 20, 5, 5]),
        ("a", "c"): summed([0, 0, 2, 8, 60]),
        ("b", "c"): summed([0, 0, 2, 8, 60]),
    }
    found = places(rate(table), table, roster(entry("x/a", "a"), entry("x/b", "b"), entry("x/c", "c")), {})
    assert [(p.name, p.rank, p.tied) for p in found] in (
        [("x/a", 1, True), ("x/b", 1, True), ("x/c", 3, False)],
        [("x/b", 1, True), ("x/a", 1, True), ("x/c", 3, False)],
    )
    assert all(p.low < p.elo < p.high and p.provisional == "" for p in found)


def test_few_games_and_no_connection_are_marked_and_have_no_rank() -> None:
    table = {
        ("a", "b"): summed([10, 5, 10, 5, 10]),
        ("b", "c"): summed([10, 5, 10, 5, 10]),
        ("d", "e"): summed([10, 5, 10, 5, 10]),
        ("a", "f"): summed([1, 0, 0, 0, 1]),
    }
    ids = "abcdefg"
    found = places(rate(table, ids), table, roster(*(entry(f"x/{id_}", id_) for id_ in ids)), {})
    said = {p.model: (p.provisional, p.rank is None) for p in found}
    assert said == {
        **dict.fromkeys("abc", ("", False)),
        **dict.fromkeys("de", ("not connected", True)),
        **dict.fromkeys("fg", ("few games", True)),
    }
    games = {p.model: p.games for p in found}
    assert games["f"] == 4 < FEW and games["g"] == 0


def test_one_file_under_two_names_is_one_player_on_two_lines() -> None:
    table = {("a", "b"): summed([5, 5, 20, 5, 5])}
    twice = roster(entry("first/course", "a"), entry("fork/course", "a"), entry("x/b", "b"))
    found = {p.name: p for p in places(rate(table), table, twice, {"a": 1300.0})}
    one, fork = found["first/course"], found["fork/course"]
    assert (one.same_as, fork.same_as) == ("", "first/course")
    assert replace(one, name="", same_as="") == replace(fork, name="", same_as="") and fork.ai_vs_ai == 1300
    assert not one.tied or found["x/b"].rank == one.rank  # a fork is no other model to be tied with


def test_who_is_gone_keeps_matches_and_loses_the_rank() -> None:
    table = {("a", "b"): summed([0, 0, 10, 10, 20]), ("b", "c"): summed([0, 0, 10, 10, 20])}
    changes = [entered(f"x/{i}", i, "s", "1") for i in "abc"]
    gone = Change(what="gone", name="x/a", revision="1", time=1)
    found = places(rate(table), table, entries([*changes, gone]), {})
    assert [(p.model, p.rank, p.state) for p in found] == [
        ("a", None, "gone"),
        ("b", 1, "playing"),
        ("c", 2, "playing"),
    ]
    assert found[0].games == 80


def test_a_changed_revision_is_a_new_entry_and_the_old_one_goes() -> None:
    first = entered("x/m", "a" * 64, "s", "1")
    before = entries([first])
    now = [Offer(name="x/m", revision="2", source="s")]
    changes = departures(before, now, (), 5.0)
    assert [(c.what, c.revision) for c in changes] == [("gone", "1")]
    after = entries([first, *changes, entered("x/m", "b" * 64, "s", "2")])
    assert [e.state for e in after.values()] == ["gone", "playing"] and playing(after) == {"b" * 16}
    assert departures(before, [], ["s"], 5.0) == []  # a source that does not answer says nothing of its models
    back = departures(after, [*now, Offer(name="x/m", revision="1", source="s")], (), 7.0)
    assert [(c.what, c.revision) for c in back] == [("back", "1")]


def test_models_of_one_name_from_different_places_are_told_apart() -> None:
    found = entries([entered("m/x", "a" * 64, "/a/m/x.onnx"), entered("m/x", "b" * 64, "/b/m/x.onnx")])
    assert list(called(found).values()) == ["m/x", "m/x~bbbbbb"] and len(playing(found)) == 2
    table = {("a" * 16, "b" * 16): summed([5, 5, 20, 5, 5])}
    shown = places(rate(table), table, found, {})
    assert {(p.name, p.player[0], p.state) for p in shown} == {("m/x", "a", "playing"), ("m/x~bbbbbb", "b", "playing")}
    here = [Offer(name="m/x", revision="b" * 64, source="/b/m/x.onnx")]
    (gone,) = departures(found, here, (), 1.0)
    assert (gone.what, gone.source) == ("gone", "/a/m/x.onnx")
    alone = entries([*map(entered, ["m/x"] * 2, ["a" * 64, "b" * 64], ["/a/m/x.onnx", "/b/m/x.onnx"]), gone])
    assert list(called(alone).values()) == ["m/x", "m/x"]  # who has gone keeps its name, and takes none


def test_one_file_in_two_places_stays_when_one_of_them_goes_and_is_one_line() -> None:
    both = [entered("m/x", "a" * 64, "/a"), entered("m/x", "a" * 64, "/b"), entered("m/y", "c" * 64, "/b")]
    left = [Offer(name="m/x", revision="a" * 64, source="/b"), Offer(name="m/y", revision="c" * 64, source="/b")]
    after = entries([*both, *departures(entries(both), left, (), 1.0)])
    assert [(e.source, e.state) for e in after.values()] == [("/a", "gone"), ("/b", "playing"), ("/b", "playing")]
    table = {("a" * 16, "c" * 16): summed([5, 5, 20, 5, 5])}
    assert {(p.name, p.state) for p in places(rate(table), table, after, {})} == {
        ("m/x", "playing"),
        ("m/y", "playing"),
    }


def test_a_repository_that_lost_one_tag_is_looked_for_under_the_other() -> None:
    before = [entered("u/x", "a" * 64, "hub:A", "1")]
    (moved,) = departures(entries(before), [Offer(name="u/x", revision="1", source="hub:B")], (), 1.0)
    (entry,) = entries([*before, moved]).values()
    assert (entry.source, entry.state, entry.sha256) == ("hub:B", "playing", "a" * 64)


def test_lines_of_earlier_versions_say_who_went_by_name_and_revision_alone() -> None:
    gone = Change(what="gone", name="m/x", revision="a" * 64, time=1)
    (entry,) = entries([entered("m/x", "a" * 64, "/a"), gone]).values()
    assert entry.state == "gone"


TABLES = st.lists(st.tuples(*(st.integers(0, 20) for _ in range(5))), min_size=3, max_size=15)


@settings(max_examples=40)
@given(TABLES)
def test_ranks_never_contradict_ratings_or_certainty(drawn: list[tuple[int, ...]]) -> None:
    ids = "abcdef"
    table: dict[Pairing, Sum] = {
        pair: summed([count + 3 for count in counts]) for pair, counts in zip(combinations(ids, 2), drawn, strict=False)
    }
    rated = rate(table)
    found = [p for p in places(rated, table, roster(*(entry(f"x/{i}", i) for i in ids)), {}) if p.rank is not None]
    assert all(one.rank <= two.rank for one, two in pairwise(found))  # type: ignore[operator]
    at = {player: number for number, player in enumerate(rated.players)}
    for above, below in combinations(found, 2):
        i, j = at[above.player], at[below.player]
        c = rated.fit.covariance
        sure = above.elo - below.elo > NORMAL_95 * np.sqrt(c[i, i] + c[j, j] - 2 * c[i, j])
        first = above.rank == 1 + found.index(above)  # of its rank
        assert not first or sure == (below.rank != above.rank) or below.rank > above.rank  # type: ignore[operator]
        assert not (sure and first) or above.rank < below.rank  # type: ignore[operator]
    for place, one in enumerate(found):  # 1, 2, 2, 4: a rank counts all above it
        assert one.rank == 1 + sum(other.rank < one.rank for other in found)  # type: ignore[operator]
        assert (
            one.rank is not None and one.rank <= 1 + place and one.tied == (sum(o.rank == one.rank for o in found) > 1)
        )


@settings(max_examples=25)
@given(TABLES, st.integers(4, 6))
def test_the_joint_fit_is_that_of_its_definition(drawn: list[tuple[int, ...]], n: int) -> None:
    table = dict(zip(combinations(range(n), 2), (np.array(counts, float) for counts in drawn), strict=False))
    fit = bradley_terry.fit(range(n), table)
    design = np.zeros((len(table), n))
    for row, (a, b) in enumerate(table):
        design[row, a], design[row, b] = 1, -1
    counts = np.array(list(table.values()))
    p = 1 / (1 + 10 ** (-(design @ fit.ratings) / 400))
    prior = np.eye(n) / (bradley_terry.PRIOR_SD * bradley_terry.PER_ELO) ** 2
    weight = 2 * counts.sum(axis=1) * p * (1 - p)
    inverse = np.linalg.inv(design.T @ np.diag(weight) @ design + prior)
    kept = counts + (weight * np.diag(design @ inverse @ design.T))[:, None] * REGULARISER
    slope = design.T @ (2 * (kept @ PAIR_SCORES - kept.sum(axis=1) * p)) - prior @ (fit.ratings * bradley_terry.PER_ELO)
    assert slope == pytest.approx(np.zeros(n), abs=1e-8)
    spread = (kept * (2 * (PAIR_SCORES - p[:, None])) ** 2).sum(axis=1)
    covariance = inverse @ (design.T @ np.diag(spread) @ design + prior) @ inverse / bradley_terry.PER_ELO**2
    assert fit.covariance == pytest.approx(covariance, rel=1e-6, abs=1e-6)
    again = bradley_terry.fit(range(n), table, start=fit.ratings + 50)
    assert again.ratings == pytest.approx(fit.ratings, abs=1e-6)
