"""Matches: numbered, paired, the same whatever the fields, and every one counted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from constant import Constant

from trials.arena.games.soccer import SoccerTwos
from trials.arena.matches.match import play
from trials.arena.players import load as players
from trials.arena.players.onnx_policy import OnnxPolicy
from trials.errors import BadPolicy
from trials.records import MatchRecord


def mean(records: list[MatchRecord]) -> float:
    return float(np.mean([record.result for record in records]))


def test_matches_are_numbered_and_teams_exchanged(tug: Any, weak: Constant, strong: Constant) -> None:
    records = play(weak, strong, 20, 5, fields=7, game=SoccerTwos(tug)).records
    assert [r.number for r in records] == list(range(40))
    assert all(r.pair == r.number // 2 and r.a_team == r.number % 2 for r in records)
    assert {(r.a, r.b, r.seed, r.environment) for r in records} == {("weak", "strong", 5, "soccer-1")}
    assert all(1 <= r.decisions <= tug.LIMIT for r in records)
    assert mean(records) < 0.4


@pytest.mark.parametrize("fields", [1, 3, 16, 64, 200])
def test_results_do_not_depend_on_the_fields(fields: int, tug: Any, weak: Constant, strong: Constant) -> None:
    wanted = play(weak, strong, 50, 5, fields=33, game=SoccerTwos(tug))
    got = play(weak, strong, 50, 5, fields=fields, game=SoccerTwos(tug))
    assert got.records == wanted.records
    assert got.entropy == wanted.entropy
    assert got.uncounted == wanted.uncounted == []


def test_a_schedule_can_be_played_in_parts(tug: Any, weak: Constant, strong: Constant) -> None:
    whole = play(weak, strong, 30, 5, game=SoccerTwos(tug)).records
    parts = [play(weak, strong, n, 5, first=f, game=SoccerTwos(tug)).records for f, n in ((0, 12), (12, 18))]
    assert parts[0] + parts[1] == whole
    assert play(weak, strong, 30, 6, game=SoccerTwos(tug)).records != whole


def test_both_matches_of_a_pair_have_one_kick_off(weak: Constant, tug: Any) -> None:
    seen: list[tuple[int, ...]] = []

    class Watched(tug):  # type: ignore[misc]
        def kick_off(self, seeds: Any, which: Any = None) -> None:
            seen.append(tuple(seeds.tolist()))
            super().kick_off(seeds, which)

    play(weak, weak, 8, 5, fields=16, game=SoccerTwos(Watched))
    assert seen[0][0::2] == seen[0][1::2]
    assert len(set(seen[0])) == 8


def test_a_player_and_itself_play_matches_that_are_no_copies(tug: Any, weak: Constant) -> None:
    records = play(weak, weak, 200, 5, game=SoccerTwos(tug)).records
    first, second = records[0::2], records[1::2]
    assert np.mean([x.decisions == y.decisions for x, y in zip(first, second, strict=True)]) < 0.9
    assert abs(mean(records) - 0.5) < 0.1


def test_a_stop_ends_at_a_pair_and_the_rest_is_not_counted(tug: Any, weak: Constant, strong: Constant) -> None:
    whole = play(weak, strong, 60, 5, fields=16, game=SoccerTwos(tug))
    seen: list[int] = []

    def stop(pair: Any) -> bool:
        seen.extend(record.number for record in pair)
        return len(seen) == 20

    for fields in (2, 16, 120):
        seen.clear()
        stopped = play(weak, strong, 60, 5, fields=fields, stop=stop, game=SoccerTwos(tug))
        assert all(record.sequential for record in stopped.records + stopped.uncounted)
        assert [replace(record, sequential=False) for record in stopped.records] == whole.records[:20]
        assert [match.number for match in stopped.uncounted] == list(range(20, 20 + len(stopped.uncounted)))
        assert seen == list(range(20))
        assert 0 <= len(stopped.uncounted) <= fields + 20


def test_counting_the_first_to_finish_is_biased_and_the_arena_is_not(tug: Any) -> None:
    """One that moves at times against one that stands still: wins come early, draws at the end."""
    lazy, still = Constant("lazy", [float(x) for x in np.log([0.95, 0.05, 1e-9])]), players.load("still")
    slots, wanted = 200, 100
    everything = play(lazy, still, 2000, 5, fields=slots, game=SoccerTwos(tug)).records
    truth = mean(everything)
    assert 0.2 < np.mean([r.result == 0.5 for r in everything]) < 0.8

    finish = np.zeros(slots)  # what a race over the same matches would have counted
    ends: list[tuple[float, float]] = []
    for record in everything[: 2 * slots]:
        slot = int(finish.argmin())
        finish[slot] += record.decisions
        ends.append((finish[slot], record.result))
    first_to_finish = np.mean([result for _, result in sorted(ends)[:wanted]])

    error = np.std([r.result for r in everything]) / np.sqrt(wanted)
    counted = play(lazy, still, wanted // 2, 5, fields=slots, game=SoccerTwos(tug)).records
    assert len(counted) == wanted and counted == everything[:wanted]
    assert first_to_finish - truth > 3 * error
    assert abs(mean(counted) - truth) < 3 * error


def test_entropies_are_the_players_own(tug: Any, weak: Constant, strong: Constant) -> None:
    played = play(players.load("still"), players.load("random"), 5, 1, game=SoccerTwos(tug))
    np.testing.assert_allclose(played.entropy, (0, 3 * np.log(3)), rtol=1e-6)
    p = np.array([0.45, 0.55, 1e-6])
    np.testing.assert_allclose(
        play(strong, weak, 5, 1, game=SoccerTwos(tug)).entropy[0], -3 * (p * np.log(p)).sum(), rtol=1e-4
    )


def test_deterministic_play_takes_the_likeliest_actions(tug: Any, weak: Constant, strong: Constant) -> None:
    sampled = play(strong, weak, 50, 5, game=SoccerTwos(tug))
    sure = play(strong, weak, 50, 5, deterministic=True, game=SoccerTwos(tug))
    assert mean(sure.records) == 1 > mean(sampled.records)
    assert sure.entropy[0] == pytest.approx(sampled.entropy[0])


def test_progress_and_effort_are_told(tug: Any, weak: Constant) -> None:
    told: list[tuple[int, int]] = []
    played = play(weak, weak, 10, 5, fields=4, on_progress=lambda *now: told.append(now), game=SoccerTwos(tug))
    assert told == sorted(told) and told[-1] == (20, 20)
    assert played.decisions == sum(record.decisions for record in played.records)
    assert played.seconds > 0


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"fields": 0}, {"seed": -1}, {"seed": 2**64}, {"first": -1}])
def test_nonsense_is_refused(wrong: dict[str, int], tug: Any, weak: Constant) -> None:
    with pytest.raises(ValueError, match="must be"):
        play(weak, weak, **{"pairs": 1, "seed": 1, "game": SoccerTwos(tug)} | wrong)


def test_a_policy_that_fails_in_play_is_named(tug: Any, weak: Constant) -> None:
    class Late(Constant):
        calls = 0

        def decide(self, observations: Any, memory: Any, log_probabilities: Any) -> None:
            super().decide(observations, memory, log_probabilities)
            self.calls += 1
            if self.calls > 3:
                log_probabilities[2] = np.nan

    with pytest.raises(BadPolicy, match=r"late gave .*nan.* at decision 3"):
        play(weak, Late("late", [-np.log(3)] * 3), 5, 1, game=SoccerTwos(tug))


def test_memory_belongs_to_a_body_and_begins_empty(tug: Any, weak: Constant) -> None:
    class Counting(Constant):
        memory = 1

        def decide(self, observations: Any, memory: Any, log_probabilities: Any) -> None:
            super().decide(observations, memory, log_probabilities)
            counts.append(memory[0, 0])
            memory += 1

    counts: list[float] = []
    played = play(Counting("counting", [-np.log(3)] * 3), weak, 3, 1, fields=1, game=SoccerTwos(tug))
    lengths = [record.decisions for record in played.records]
    assert counts == [float(k) for length in lengths for k in range(length)]


@pytest.mark.parametrize("fields", [1, 5, 64])
def test_soccer_matches_are_the_same_bit_for_bit(fields: int, export: Any, saved: Any) -> None:
    recurrent = OnnxPolicy(saved(export(memory=6).model()))
    chaser = players.load("chaser")
    wanted = play(recurrent, chaser, 12, 3, fields=24)
    got = play(recurrent, chaser, 12, 3, fields=fields)
    assert got.records == wanted.records
    assert got.entropy == wanted.entropy


def test_a_trained_policy_beats_an_untrained_one(real: Callable[[str], Path]) -> None:
    trained, untrained = players.load(real("unity_official")), players.load(real("ilia_00000k"))
    played = play(trained, untrained, 20, 1)
    assert mean(played.records) > 0.8
    assert played.entropy[0] < 2 < 3.29 < played.entropy[1]
    assert play(trained, untrained, 20, 1, fields=9).records == played.records


@pytest.mark.parametrize("goals", (2, 3))
def test_a_match_of_several_goals_goes_on_until_one_side_has_them(
    goals: int, tug: Any, weak: Constant, strong: Constant
) -> None:
    wanted = play(weak, strong, 60, 5, goals=goals, fields=120, game=SoccerTwos(tug)).records
    assert play(weak, strong, 60, 5, goals=goals, fields=7, game=SoccerTwos(tug)).records == wanted
    single = play(weak, strong, 60, 5, game=SoccerTwos(tug)).records
    for one, many in zip(single, wanted, strict=True):
        most, least = max(many.goals_a, many.goals_b), min(many.goals_a, many.goals_b)
        assert many.to_goals == goals and least < goals and most <= goals
        assert many.result == (0.5 if most == least else float(many.goals_a > many.goals_b))
        assert many.decisions > one.decisions  # the first episode is the very match to one goal, then play goes on
        assert most == goals or many.decisions >= tug.LIMIT * (2 * goals - 1 - most - least)  # the rest timed out
    assert mean(wanted) < mean(single) < 0.5  # more goals tell the players better apart


def test_a_timeout_in_a_match_of_several_goals_is_an_episode_without_one(tug: Any) -> None:
    still = players.load("still")
    for record in play(still, still, 3, 1, goals=2, game=SoccerTwos(tug)).records:
        assert (record.goals_a, record.goals_b, record.result, record.decisions) == (0, 0, 0.5, 3 * tug.LIMIT)


def test_episodes_of_a_match_begin_differently_and_alike_for_both_of_a_pair(weak: Constant, tug: Any) -> None:
    seen: dict[int, list[int]] = {}

    class Watched(tug):  # type: ignore[misc]
        def kick_off(self, seeds: Any, which: Any = None) -> None:
            for seed, field in zip(seeds.tolist(), which.tolist(), strict=True):
                seen.setdefault(field, []).append(seed)
            super().kick_off(seeds, which)

    play(weak, weak, 4, 1, goals=2, fields=8, game=SoccerTwos(Watched))
    for blue, purple in ((0, 1), (2, 3), (4, 5), (6, 7)):
        both = min(len(seen[blue]), len(seen[purple]))
        assert both >= 2 and seen[blue][:both] == seen[purple][:both]
    assert len({seed for seeds in seen.values() for seed in seeds}) == sum(
        max(len(seen[field]), len(seen[field + 1])) for field in (0, 2, 4, 6)
    )
