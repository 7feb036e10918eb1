"""Other games than SoccerTwos: paddles of ours, in this process and over the wire, played by the same matches."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddles
import pytest
from mlagents_envs.base_env import ActionTuple, TerminalSteps
from real_sweep import json_of, run_sweep

from trials.arena.games import executable
from trials.arena.games.game import VOID, Behavior, of_roles
from trials.arena.games.unity import UnityGame
from trials.arena.matches import match
from trials.arena.players import load as players
from trials.arena.players.roles import Roles
from trials.arena.players.scripted import Unskilled
from trials.errors import BadPolicy, SetupError
from trials.soccer.constants import BLUE_SCORED, PURPLE_SCORED, RUNNING, TIMEOUT

PAYING = [kind for kind in paddles.GAMES if kind != "told"]
"""Games whose rewards say who won."""


class Keeper(Unskilled):
    """Goes where the ball is: it reads ball and own place from its sight, and lets other paddles be."""

    def __init__(self, behavior: Behavior) -> None:
        super().__init__("still", behavior)
        self.name = self.id = "keeper"

    @staticmethod
    def of(behavior: Behavior) -> Any:
        return (
            Roles("keeper", "keeper", [Keeper(role) for role in behavior.roles], behavior)
            if behavior.roles
            else Keeper(behavior)
        )

    def decide(self, observations: Any, memory: Any, log_probabilities: Any) -> None:
        super().decide(observations, memory, log_probabilities)
        log_probabilities[:, -1] = np.clip((observations[:, 0] - observations[:, 4]) / paddles.STEP, -1, 1)


def played(game: UnityGame, pairs: int, **terms: Any) -> match.Played:
    return match.play(Keeper.of(game.behavior), players.load("still", game.behavior), pairs, 3, game=game, **terms)


@pytest.mark.parametrize("kind", PAYING)
def test_a_game_is_what_its_specs_say(kind: str) -> None:
    game = UnityGame(paddles.GAMES[kind](3), "unity-x")
    wanted = {
        "paddles": Behavior(name="", observations=(6,), continuous=1),
        "doubles": Behavior(name="", observations=(4, 2), branches=(3,), continuous=1, masked=True, team=2),
    }
    wanted["uneven"] = of_roles(wanted["doubles"], replace(wanted["paddles"], observations=(4, 2)))
    assert (game.behavior, game.total) == (wanted[kind], 3)
    assert game.observe().shape == (3, 2 * game.behavior.team, game.behavior.sight)


@pytest.mark.parametrize("kind", PAYING)
def test_who_goes_where_the_ball_is_wins_on_either_side(kind: str) -> None:
    records = played(UnityGame(paddles.GAMES[kind](8, 3), "unity-x"), 20).records
    assert [record.a_team for record in records] == [0, 1] * 20
    for side in (0, 1):
        assert np.mean([record.result for record in records if record.a_team == side]) > 0.85
    assert {record.environment for record in records} == {"unity-x"}


@pytest.mark.parametrize("kind", PAYING)
def test_matches_over_the_wire_are_those_of_the_game_behind_it(kind: str, tmp_path: Path) -> None:
    def alike(game: UnityGame) -> Any:
        behavior = game.behavior
        random = [players.load("random", behavior) for _ in (0, 1)]
        done = match.play(*random, 8, 5, game=game)
        return behavior, [(r.result, r.goals_a, r.decisions) for r in done.records], done.entropy

    with executable.opened(paddles.write(tmp_path, kind), seed=4) as game:
        assert alike(game) == alike(UnityGame(paddles.GAMES[kind](8, 4), "unity-x"))


def test_outcomes_are_the_points_of_the_episode() -> None:
    game = UnityGame(paddles.Paddles(4, 1), "unity-x")
    env: Any = game._env
    game.kick_off(np.zeros(4, np.uint64))
    still = np.zeros((4, 2, 1), np.float32)
    env._ball[:] = [[0.9, -0.98, 0, -0.06], [0.9, 0.98, 0, 0.06], [0, 0, 0, 0], [0, 0, 0, 0]]
    env._time[2] = paddles.MOST - 1
    assert game.advance(still).tolist() == [PURPLE_SCORED, BLUE_SCORED, TIMEOUT, RUNNING]
    game.kick_off(np.zeros(2, np.uint64), np.array([0, 3]))  # on the last one an episode is under way
    env._ball[[0, 3]] = [0.9, -0.98, 0, -0.06]
    assert game.advance(still).tolist() == [PURPLE_SCORED, RUNNING, RUNNING, VOID]


def test_agents_under_new_ids_stay_on_their_field() -> None:
    class Marked(paddles.Paddles):
        """Shows its field in place of the ball."""

        def _seen(self, team: int, which: np.ndarray) -> list[np.ndarray]:
            (rows,) = super()._seen(team, which)
            rows[:, 0] = which
            return [rows]

    game = UnityGame(Marked(6, 1), "unity-x")
    rng = np.random.default_rng(2)
    for _ in range(300):
        game.kick_off(np.zeros(6, np.uint64))
        game.advance(rng.uniform(-1, 1, (6, 2, 1)).astype(np.float32))
        np.testing.assert_array_equal(game.observe()[:, :, 0], np.repeat(np.arange(6), 2).reshape(6, 2))


def test_rewards_along_the_way_count() -> None:
    class Generous(paddles.Paddles):
        """Rewards team 1 with 3 at each decision, and team 0 with 1 at the end, whoever lost."""

        def get_steps(self, behavior_name: str) -> Any:
            decisions, ends = super().get_steps(behavior_name)
            team = int(behavior_name[-1])
            decisions.reward = np.full(len(decisions), 3.0 * team, np.float32)
            return decisions, TerminalSteps(
                ends.obs,
                ends.reward * 0 + (1 - team),
                ends.interrupted,
                ends.agent_id,
                ends.group_id,
                ends.group_reward,
            )

    records = played(UnityGame(Generous(4, 1), "unity-x"), 4).records
    assert [record.result for record in records] == [0.0, 1.0] * 4


class Paid(paddles.Two):
    """Beside the group's end, each agent of team 1 is paid for every decision."""

    def get_steps(self, behavior_name: str) -> Any:
        decisions, ends = super().get_steps(behavior_name)
        decisions.reward = np.full(len(decisions), 2.0 * int(behavior_name[-1]), np.float32)
        return decisions, ends


@pytest.mark.parametrize(("won_by", "score"), [(None, 0.9), ("group", 0.9), ("agents", 0.5), ("both", 0.5)])
def test_who_wins_is_by_whose_rewards_that_is_said(won_by: Any, score: float) -> None:
    records = played(UnityGame(Paid(8, 3), "unity-x", won_by), 20).records
    found = [np.mean([record.result for record in records if record.a_team == side]) for side in (0, 1)]
    if score == 0.5:  # whoever is on team 1
        assert found == [0.0, 1.0]
    else:
        assert min(found) > 0.85


def test_an_executable_is_stamped_with_whose_rewards_decide(tmp_path: Path) -> None:
    path = paddles.write(tmp_path, "doubles")
    assert executable.stamp(path, None) == executable.version(path)
    for won_by in ("group", "agents", "both", "stats"):
        assert executable.won_by_of(executable.stamp(path, won_by)) == won_by
    assert executable.won_by_of(executable.version(path)) is None
    with executable.opened(path, won_by="both") as game:
        assert game.version == f"{executable.version(path)}-by-both"
    alone = paddles.write(tmp_path)
    with (
        pytest.raises(SetupError, match=r"must have groups, but Paddles\?team=0 has none"),
        executable.opened(alone, won_by="group"),
    ):
        pass


def test_a_game_may_say_itself_who_won(tmp_path: Path) -> None:
    with executable.opened(paddles.write(tmp_path, "told"), won_by="stats") as game:
        records = played(game, 12).records
    assert np.mean([record.result for record in records]) > 0.85
    with executable.opened(paddles.write(tmp_path, "told")) as game:  # whose rewards say nothing
        assert {record.result for record in played(game, 2).records} == {0.5}
    with pytest.raises(SetupError, match=r'must end with a word on who won, StatsRecorder.Add\("won", 1\), -1 or 0'):
        played(UnityGame(paddles.Paddles(1), "unity-x", "stats", executable.StatsSideChannel()), 2)
    with pytest.raises(SetupError, match="must be on one field, but there are 8"):
        UnityGame(paddles.Paddles(8), "unity-x", "stats", executable.StatsSideChannel())


def test_masked_actions_are_never_drawn() -> None:
    class Strict(paddles.Two):
        masked = 0

        def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
            (mask,) = self.get_steps(behavior_name)[0].action_mask
            taken = mask[np.arange(len(mask)), action.discrete[:, 0]]
            assert not taken.any()
            self.masked += int(mask.sum())
            super().set_actions(behavior_name, action)

    env = Strict(8, 1)
    game = UnityGame(env, "unity-x")
    random = players.load("random", game.behavior)
    match.play(random, random, 20, 1, game=game)
    assert env.masked > 20


def test_random_players_draw_evenly_and_alike_whatever_the_fields() -> None:
    class Noted(paddles.Paddles):
        moves: list[float]

        def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
            self.moves += action.continuous[:, 0].tolist()
            super().set_actions(behavior_name, action)

    env = Noted(8, 1)
    env.moves = []
    game = UnityGame(env, "unity-x")
    random = players.load("random", game.behavior)
    match.play(random, random, 40, 1, game=game)
    moves = np.array(env.moves)
    assert len(set(env.moves)) > 0.9 * len(moves) > 1000
    assert abs(moves.mean()) < 4 * np.sqrt(1 / 3 / len(moves))
    share = np.histogram(moves, 8, (-1, 1))[0] / len(moves)
    assert np.abs(share - 1 / 8).max() < 5 * np.sqrt(1 / 8 / len(moves))


@pytest.mark.parametrize("name", ["chaser", "house", "house-750k"])
def test_soccers_players_play_soccer_alone(name: str) -> None:
    behavior = UnityGame(paddles.Paddles(1), "unity-x").behavior
    with pytest.raises(SetupError, match=f"{name} plays SoccerTwos alone, but the game is Paddles, 1 a team, which"):
        players.load(name, behavior)
    with pytest.raises(BadPolicy, match=r"must be of the game's behavior, Paddles, .*, but house.onnx sees obs_0"):
        players.load(players.HOUSE, behavior)


def test_play_and_tournament_take_any_game(tmp_path: Path) -> None:
    env = paddles.write(tmp_path)
    words = ("random", "still", "--env", str(env), "--json")
    found: Any = json_of(run_sweep("play", *words, "--matches", "12", "--log", str(tmp_path / "all.csv")))
    assert (found["matches"], found["environment"]) == (12, executable.version(env))
    assert executable.version(env) in (tmp_path / "all.csv").read_text()
    found = json_of(run_sweep("tournament", *words, "--pairs", "4"))
    assert found["matches"] == 8
    done = run_sweep("play", "house", "random", "--env", str(env))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "house plays SoccerTwos alone" in done.stderr
    uneven = paddles.write(tmp_path, "uneven")
    found = json_of(run_sweep("play", "random", "still", "--env", str(uneven), "--matches", "12", "--json"))
    assert found["matches"] == 12
    done = run_sweep("play", str(tmp_path), "random", "--env", str(uneven))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "must be a folder with Pair.onnx and Single.onnx" in done.stderr
