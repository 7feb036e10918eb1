"""A recorded match is the match: the same record, from the same kick-off, by the same steps."""

import numpy as np
import pytest

from trials.arena.matches import match, replay
from trials.arena.matches.replay import Replay
from trials.arena.matches.sampling import kick_offs
from trials.arena.players import load as players
from trials.records import MatchRecord
from trials.soccer.constants import BLUE_SCORED, DECISION_PERIOD, MAX_STEPS, PURPLE_SCORED, TIMEOUT
from trials.soccer.game import Fields

SEED = 11


@pytest.fixture(scope="module")
def chased() -> tuple[match.Played, tuple[Replay, ...]]:
    return replay.record(players.load("chaser"), players.load("random"), 3, SEED)


def test_records_are_those_of_the_match_unrecorded(chased: tuple[match.Played, tuple[Replay, ...]]) -> None:
    played, replays = chased
    plain = match.play(players.load("chaser"), players.load("random"), 3, SEED)
    assert played.records == plain.records == [each.record for each in replays]
    assert played.entropy == plain.entropy


def test_one_pair_of_a_schedule_is_recorded_alone(chased: tuple[match.Played, tuple[Replay, ...]]) -> None:
    _, replays = chased
    _, alone = replay.record(players.load("chaser"), players.load("random"), 1, SEED, first=2)
    assert [each.record for each in alone] == [each.record for each in replays[4:]]
    assert np.array_equal(alone[1].ball, replays[5].ball) and np.array_equal(alone[1].agents, replays[5].agents)


def test_frames_begin_at_the_kick_off_and_end_where_the_match_did(
    chased: tuple[match.Played, tuple[Replay, ...]],
) -> None:
    fields = Fields(1)
    for each in chased[1]:
        seed = kick_offs(SEED, np.array([each.record.pair]))
        fields.kick_off(seed)
        assert np.array_equal(each.ball[0], fields.ball[0, :2])
        assert np.array_equal(each.agents[0], fields.agents[0][:, [0, 1, 4]])
        touches = np.zeros(4, np.int64)
        for actions in each.actions:
            fields.advance(actions[None])
            touches += fields.touches[0]
        assert fields.outcome[0] == each.outcome
        assert np.array_equal(each.ball[-1], fields.ball[0, :2])  # bit for bit, all the way
        assert np.array_equal(each.agents[-1], fields.agents[0][:, [0, 1, 4]])
        assert np.bincount([touch.agent for touch in each.touches], minlength=4).tolist() == touches.tolist()


def test_there_is_a_frame_for_every_physics_step(chased: tuple[match.Played, tuple[Replay, ...]]) -> None:
    for each in chased[1]:
        steps, decisions = len(each.ball) - 1, each.record.decisions
        assert len(each.agents) == steps + 1 and len(each.actions) == decisions
        assert DECISION_PERIOD * (decisions - 1) < steps <= DECISION_PERIOD * decisions
        assert _result(each.record, each.outcome) == each.record.result
        for touch in each.touches:
            near = np.hypot(*(each.ball[touch.step - 1] - each.agents[touch.step - 1, touch.agent, :2]))
            assert near < 1.15  # m, radii and contact distance
            assert touch.kicked == (each.actions[(touch.step - 1) // DECISION_PERIOD, touch.agent, 0] == 1)


def test_a_draw_has_the_whole_clock() -> None:
    _, (first, _) = replay.record(players.load("still"), players.load("still"), 1, 0)
    assert first.outcome == TIMEOUT and first.record.result == 0.5
    assert len(first.ball) == MAX_STEPS  # the clock is read before the last step's physics
    assert np.array_equal(first.ball[0], first.ball[-1]) and not first.touches


def _result(record: MatchRecord, outcome: int) -> float:
    return {TIMEOUT: 0.5, BLUE_SCORED: 1.0 - record.a_team, PURPLE_SCORED: float(record.a_team)}[outcome]
