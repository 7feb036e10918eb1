"""The environment as a trainer meets it."""

import numpy as np
import pytest
from mlagents_envs.base_env import ActionTuple
from mlagents_envs.exception import UnityActionException
from placed import put

from trials.errors import SpaceError
from trials.soccer.env import BEHAVIORS, SoccerEnv
from trials.soccer.game import Fields

BLUE, PURPLE = BEHAVIORS


def play(env: SoccerEnv, rng: np.random.Generator) -> None:
    for name in BEHAVIORS:
        asking = len(env.get_steps(name)[0])
        env.set_actions(name, ActionTuple(discrete=rng.integers(0, 3, (asking, 3), np.int32)))
    env.step()


def score(env: SoccerEnv, field: int, x: float = 14.9) -> None:
    """Let the ball of a field roll into a goal, one decision from now at the latest."""
    env._fields.agents[field, :, :4] = [[-8, 6, 0, 0], [-8, -6, 0, 0], [8, 6, 0, 0], [8, -6, 0, 0]]
    env._fields.ball[field] = [x, 0, np.sign(x) * 10, 0, 0, 0, 0, 0, 0]


def test_specs_are_those_of_unitys_build() -> None:
    env = SoccerEnv(2)
    assert list(env.behavior_specs) == ["SoccerTwos?team=0", "SoccerTwos?team=1"]
    for name, colour in zip(BEHAVIORS, ("Blue", "Purple"), strict=True):
        spec = env.behavior_specs[name]
        assert [(o.name, o.shape) for o in spec.observation_specs] == [
            (f"StackingSensor_size3_{colour}RayPerceptionSensor", (264,)),
            (f"StackingSensor_size3_{colour}RayPerceptionSensorReverse", (72,)),
        ]
        assert spec.action_spec.discrete_branches == (3, 3, 3)
        assert spec.action_spec.continuous_size == 0
    assert env.academy_capabilities is None


def test_everyone_decides_at_once_with_ids_groups_and_no_masks() -> None:
    env = SoccerEnv(2)
    assert len(env.get_steps(BLUE)[0]) == 0
    env.reset()
    blue, ended = env.get_steps(BLUE)
    purple, _ = env.get_steps(PURPLE)
    assert len(ended) == 0
    assert blue.agent_id.tolist() == [0, 1, 4, 5]
    assert purple.agent_id.tolist() == [2, 3, 6, 7]
    assert blue.group_id.tolist() == [1, 1, 3, 3]
    assert purple.group_id.tolist() == [2, 2, 4, 4]
    assert [(o.shape, o.dtype) for o in blue.obs] == [((4, 264), np.float32), ((4, 72), np.float32)]
    assert [mask.shape for mask in blue.action_mask] == [(4, 3)] * 3
    assert not any(mask.any() for mask in blue.action_mask)
    assert blue.reward.dtype == blue.group_reward.dtype == np.float32
    first = blue.obs[0].copy()
    play(env, np.random.default_rng(0))
    np.testing.assert_array_equal(blue.obs[0], first)  # the trainer keeps what it was given


@pytest.mark.parametrize("fields", [1, 3])
def test_it_plays_as_the_game_does(fields: int) -> None:
    env, game = SoccerEnv(fields, seed=5), Fields(fields)
    env.reset()
    for f in range(fields):
        put(game, f, env._fields.ball[f], env._fields.agents[f, :, :5])
    rng = np.random.default_rng(1)
    for _ in range(10):
        seen = game.observe()
        blue, purple = env.get_steps(BLUE)[0], env.get_steps(PURPLE)[0]
        np.testing.assert_array_equal(np.hstack(blue.obs), seen[:, :2].reshape(-1, 336))
        np.testing.assert_array_equal(np.hstack(purple.obs), seen[:, 2:].reshape(-1, 336))
        actions = rng.integers(0, 3, (fields, 4, 3), np.int32)
        env.set_actions(BLUE, ActionTuple(discrete=actions[:, :2].reshape(-1, 3)))
        env.set_actions(PURPLE, ActionTuple(discrete=actions[:, 2:].reshape(-1, 3)))
        env.step()
        game.advance(actions)


@pytest.mark.parametrize(("x", "winner"), [(14.9, BLUE), (-14.9, PURPLE)])
def test_a_goal_ends_one_fields_episode_and_rewards_its_groups(x: float, winner: str) -> None:
    env = SoccerEnv(2)
    env.reset()
    score(env, 1, x)
    env.step()
    loser = PURPLE if winner == BLUE else BLUE
    for name, reward in ((winner, 1 - 2 / 5000), (loser, -1.0)):
        decisions, ended = env.get_steps(name)
        assert len(decisions) == 4
        assert ended.agent_id.tolist() == decisions.agent_id[2:].tolist()
        assert ended.group_id.tolist() == decisions.group_id[2:].tolist()
        assert not ended.interrupted.any()
        np.testing.assert_allclose(ended.group_reward, reward, rtol=1e-6)
        assert not ended.reward.any()
        assert not decisions.group_reward.any()
        # the terminal observation is of the old episode, the decision's of the new: its older stacks are empty
        assert ended.obs[0][:, 88:176].any()
        assert not decisions.obs[0][2:, :176].any()
        assert decisions.obs[0][:2, 88:176].any()
    # the goal fell in the second physics step: the next episode is three steps old at its first decision
    assert env._fields.timer.tolist() == [5, 3]
    env.step()
    assert len(env.get_steps(BLUE)[1]) == 0


def test_a_timeout_is_an_interruption_without_group_reward() -> None:
    env = SoccerEnv(1)
    env.reset()
    env._fields.timer[0] = 4998
    env.step()
    decisions, ended = env.get_steps(BLUE)
    assert ended.interrupted.all()
    assert not ended.group_reward.any()
    assert len(decisions) == 2
    assert env._fields.timer[0] == 3


def test_ball_touch_rewards_each_touch_and_is_read_when_an_episode_begins() -> None:
    env = SoccerEnv(1)
    asked: list[float] = []

    def sample() -> float:
        asked.append(float(len(asked)))
        return asked[-1]

    env.set_parameter("ball_touch", sample)
    env.set_parameter("gravity", lambda: 3.0)
    env.reset()
    assert asked == [0.0, 1.0, 2.0, 3.0]
    agents = [[-8, 6, 0, 0, 1.5], [-1.2, 0, 5, 0, np.pi / 2], [8, 6, 0, 0, -1.5], [8, -6, 0, 0, -1.5]]
    put(env._fields, 0, np.zeros(9), agents)
    env.step()
    np.testing.assert_allclose(env.get_steps(BLUE)[0].reward, [0.0, 0.2])
    env.step()
    assert not env.get_steps(BLUE)[0].reward.any()
    score(env, 0)
    env.step()
    assert len(asked) == 8


def test_an_unknown_environment_parameter_is_refused_by_name() -> None:
    with pytest.raises(SpaceError, match="must be one of ball_touch, gravity, but got ball_scale"):
        SoccerEnv(1).set_parameter("ball_scale", lambda: 1.0)


def test_a_later_reset_leaves_the_scene_as_it_is() -> None:
    env = SoccerEnv(1)
    env.reset()
    play(env, np.random.default_rng(0))
    ball, agents = env._fields.ball.copy(), env._fields.agents.copy()
    env.reset()
    np.testing.assert_array_equal(env._fields.ball, ball)
    np.testing.assert_array_equal(env._fields.agents, agents)
    assert len(env.get_steps(BLUE)[0]) == 2


def test_the_same_seed_gives_the_same_games_and_another_seed_others() -> None:
    def course(seed: int) -> list[float]:
        env, rng, seen = SoccerEnv(2, seed), np.random.default_rng(0), []
        env.reset()
        for _ in range(200):
            play(env, rng)
            seen.append(float(env.get_steps(PURPLE)[0].obs[0].sum()))
        env.close()
        return seen

    assert course(1) == course(1)
    assert course(1) != course(2)


def test_one_agent_can_be_given_its_action_alone() -> None:
    env = SoccerEnv(2)
    env.reset()
    before = env._fields.agents[:, :, 4].copy()
    env.set_action_for_agent(PURPLE, 7, ActionTuple(discrete=np.array([[0, 0, 2]], np.int32)))
    env.step()
    turned = np.rad2deg(env._fields.agents[:, :, 4] - before)
    np.testing.assert_allclose(turned, [[0, 0, 0, 0], [0, 0, 0, 10]], atol=1e-9)


def test_invalid_calls_are_refused_by_name() -> None:
    env = SoccerEnv(1)
    env.reset()
    three = ActionTuple(discrete=np.full((2, 3), 3, np.int32))
    with pytest.raises(UnityActionException, match=r"team=0 must be 0, 1 or 2, but got 3\.\.3"):
        env.set_actions(BLUE, three)
    with pytest.raises(UnityActionException, match=r"input of dimension \(2, 0\)"):
        env.set_actions(BLUE, ActionTuple(discrete=np.zeros((3, 3), np.int32)))
    with pytest.raises(UnityActionException, match=r"must be one of SoccerTwos\?team=0"):
        env.get_steps("Walker")
    with pytest.raises(UnityActionException, match="but got 2"):
        env.set_action_for_agent(BLUE, 2, ActionTuple(discrete=np.zeros((1, 3), np.int32)))
