"""Matches in an ML-Agents environment: the embedded game behind its face, that face distorted, and real executables."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import bad_executables
import numpy as np
import psutil
import pytest
from mlagents_envs.base_env import (
    ActionSpec,
    ActionTuple,
    BaseEnv,
    BehaviorSpec,
    DecisionSteps,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
    TerminalSteps,
)
from placed import put
from real_sweep import json_of, run_sweep

from trials.arena.games import executable
from trials.arena.games.game import VOID
from trials.arena.games.unity import UnityGame
from trials.arena.matches import match
from trials.arena.players import load as players
from trials.arena.ratings import elo, ladder_file
from trials.errors import LostTrial, SetupError
from trials.records import MatchRecord
from trials.soccer.constants import BLUE_SCORED, PURPLE_SCORED, TIMEOUT
from trials.soccer.env import BEHAVIORS, SoccerEnv
from trials.soccer.executable.launcher import install
from trials.soccer.game import Fields

STILL = np.zeros((8, 4, 3), np.int8)


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("a build") / "SoccerTwos.x86_64")


def played(unity: UnityGame, pairs: int, a: str = "house", b: str = "random", **terms: Any) -> list[MatchRecord]:
    return match.play(players.load(a), players.load(b), pairs, 3, game=unity, **terms).records


def alike(records: list[MatchRecord]) -> list[MatchRecord]:
    return [replace(record, environment="", time=0) for record in records]


def score(records: list[MatchRecord], a_team: int | None = None) -> float:
    return float(np.mean([record.result for record in records if a_team in (None, record.a_team)]))


class Distorted(BaseEnv):  # type: ignore[misc]  # mlagents_envs has no types
    """SoccerEnv as another build may show it: purple first, back rays first, agents in any order, new ids in every
    episode, groups with any ids, ends in messages of their own."""

    def __init__(self, fields: int, seed: int) -> None:
        self.env = SoccerEnv(fields, seed)
        self.rng = np.random.default_rng(7)
        self.episodes, self.held = 0, False
        self.orders: dict[str, Any] = {}

    @property
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        return {
            name.replace("SoccerTwos", "Ball"): spec._replace(observation_specs=spec.observation_specs[::-1])
            for name, spec in reversed(list(self.env.behavior_specs.items()))
        }

    def reset(self) -> None:
        self.env.reset()
        self._shuffle()

    def step(self) -> None:
        if self.held:
            self.held = False
        else:
            self.env.step()
            self.held = self._ended()
            self.episodes += self.held
        self._shuffle()

    def _ended(self) -> bool:
        return len(self.env.get_steps(BEHAVIORS[0])[1]) > 0

    def _shuffle(self) -> None:
        for name in BEHAVIORS:
            self.orders[name] = self.rng.permutation(len(self.env.get_steps(name)[0]))

    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        name = behavior_name.replace("Ball", "SoccerTwos")
        spec = self.behavior_specs[behavior_name]
        decisions, ends = self.env.get_steps(name)
        if self.held:
            mixed = self.rng.permutation(len(ends))
            groups = [int(1000 + 3 * group) for group in ends.group_id[mixed]]
            theirs = TerminalSteps(
                [seen[mixed] for seen in ends.obs[::-1]],
                ends.reward[mixed],
                ends.interrupted[mixed],
                ends.agent_id[mixed],
                groups,
                ends.group_reward[mixed],
            )
            return DecisionSteps.empty(spec), theirs
        order = self.orders[name]
        ours = DecisionSteps(
            [seen[order] for seen in decisions.obs[::-1]],
            decisions.reward[order],
            decisions.agent_id[order] + 100 * self.episodes,
            decisions.action_mask,
            [int(1000 + 3 * group) for group in decisions.group_id[order]],  # a list, as mlagents has it
            decisions.group_reward[order],
        )
        return ours, TerminalSteps.empty(spec)

    def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
        name = behavior_name.replace("Ball", "SoccerTwos")
        sorted_ = np.empty_like(action.discrete)
        sorted_[self.orders[name]] = action.discrete
        self.env.set_actions(name, ActionTuple(discrete=sorted_))

    def set_action_for_agent(self, behavior_name: str, agent_id: int, action: ActionTuple) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.env.close()


# ---------------------------------------------------------------------------------------------- fields of any build


def test_observations_actions_and_outcomes_are_those_of_the_fields_behind() -> None:
    env, alone, rng = SoccerEnv(8, seed=5), Fields(8), np.random.default_rng(1)
    fields = UnityGame(env, "unity-x")
    corners = [[x, z, 0, 0, 0] for x in (-5, 5) for z in (-3, 3)]
    for each in (env._fields, alone):
        for field in range(8):  # the ball flies to one goal or the other
            put(each, field, [0, 0, 30 if field % 2 else -30, 0, 0, 0, 0, 0, 0], corners)
    fields.kick_off(np.zeros(8, np.uint64))
    for _ in range(12):
        actions = rng.integers(0, 3, (8, 4, 3)).astype(np.int8)
        wanted = alone.advance(actions).copy()
        assert fields.advance(actions).tolist() == wanted.tolist()
        np.testing.assert_array_equal(fields.observe(), env._fields._seen)
        if wanted.any():
            break
        np.testing.assert_array_equal(env._fields.agents, alone.agents)
    assert wanted.tolist() == [PURPLE_SCORED, BLUE_SCORED] * 4
    assert (fields.observe().shape, fields.observe().dtype) == ((8, 4, 336), np.float32)


def test_results_do_not_depend_on_how_a_build_orders_and_numbers() -> None:
    plain = played(UnityGame(SoccerEnv(8, seed=4), "unity-x"), 20)
    distorted = Distorted(8, seed=4)
    assert alike(played(UnityGame(distorted, "unity-y"), 20)) == alike(plain)
    assert distorted.episodes >= 20
    assert {record.environment for record in plain} == {"unity-x"}


def test_a_timeout_is_a_draw() -> None:
    (first, second) = played(UnityGame(SoccerEnv(2, seed=1), "unity-x"), 1, "still", "still")
    assert (first.result, first.decisions, second.result, second.decisions) == (0.5, 1000, 0.5, 1000)


def test_sides_alternate_and_results_are_the_sides() -> None:
    records = played(UnityGame(SoccerEnv(8, seed=2), "unity-x"), 30, "random", "house")
    assert [record.a_team for record in records] == [0, 1] * 30
    assert [record.number for record in records] == list(range(60))
    assert score(records, 0) < 0.3
    assert score(records, 1) < 0.3


def test_an_episode_under_way_at_the_kick_off_is_void() -> None:
    fields = UnityGame(SoccerEnv(8, seed=6), "unity-x")
    fields.kick_off(np.zeros(8, np.uint64))
    actions = np.full((8, 4, 3), 0, np.int8)
    actions[:, :2, 0] = 1  # blue runs ahead
    fields.advance(actions)
    late = np.array([1, 3])
    fields.kick_off(np.zeros(2, np.uint64), late)
    fields._env._fields.timer[:] = 4998
    assert fields.advance(actions).tolist() == [VOID if field in late else TIMEOUT for field in range(8)]
    fields.kick_off(np.zeros(8, np.uint64))
    fields.advance(actions)
    fields._env._fields.timer[:] = 4998
    assert fields.advance(actions).tolist() == [TIMEOUT] * 8


class Watched(SoccerEnv):
    """Notes every episode: the step it began at, and its decisions."""

    def __init__(self, fields: int, seed: int) -> None:
        super().__init__(fields, seed)
        self.now, self.began, self.episodes = 0, np.zeros(fields, int), []

    def step(self) -> None:
        super().step()
        self.now += 1
        for field in {int(agent) // 4 for agent in self.get_steps(BEHAVIORS[0])[1].agent_id}:
            self.episodes.append((int(self.began[field]), self.now - int(self.began[field])))
            self.began[field] = self.now


def test_only_whole_episodes_that_began_in_a_play_count_in_it() -> None:
    env = Watched(4, seed=3)
    fields = UnityGame(env, "unity-x")
    played(fields, 3)
    middle = env.now
    assert (env.began != middle).any()  # something is under way
    records = played(fields, 6)
    whole = [length for began, length in env.episodes if began >= middle]
    for record in records:
        whole.remove(record.decisions)  # raises where there is none


def test_a_match_to_two_goals_begins_at_nothing_all() -> None:
    env = Watched(4, seed=3)
    fields = UnityGame(env, "unity-x")
    played(fields, 3)
    middle = env.now
    records = played(fields, 6, goals=2)
    whole = sorted((began, length) for began, length in env.episodes if began >= middle)
    assert sum(record.decisions for record in records) <= sum(length for _, length in whole)
    assert all(2 <= record.goals_a + record.goals_b <= 3 for record in records)


def test_it_has_as_many_fields_as_it_has() -> None:
    fields = UnityGame(SoccerEnv(3, seed=3), "unity-x")
    assert fields.total == 3
    assert len(played(fields, 5, fields=100)) == 10
    assert len(played(fields, 1)) == 2
    assert fields.n == 2
    assert fields.observe().shape == (2, 4, 336)


# ---------------------------------------------------------------------------------------------- what is refused


def spec(
    widths: tuple[int, ...] = (264, 72), branches: tuple[int, ...] = (3, 3, 3), continuous: int = 0
) -> BehaviorSpec:
    seen = [ObservationSpec((w,), (DimensionProperty.NONE,), ObservationType.DEFAULT, "rays") for w in widths]
    return BehaviorSpec(seen, ActionSpec(continuous, branches))


def picture() -> BehaviorSpec:
    seen = ObservationSpec((84, 84, 3), (DimensionProperty.NONE,) * 3, ObservationType.DEFAULT, "camera")
    return BehaviorSpec([seen], ActionSpec(0, (3,)))


class Odd(SoccerEnv):
    """SoccerEnv whose face is changed before the arena sees it."""

    specs: Mapping[str, BehaviorSpec] | None = None
    grouped = staticmethod(lambda team, groups: groups)

    @property
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        return self.specs or super().behavior_specs

    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        team = int(behavior_name[-1])
        decisions, ends = super().get_steps(f"SoccerTwos?team={team}")
        groups = self.grouped(team, decisions.group_id)
        changed = DecisionSteps(
            decisions.obs, decisions.reward, decisions.agent_id, None, groups, decisions.group_reward
        )
        return changed, ends


@pytest.mark.parametrize(
    ("specs", "line"),
    [
        ({"SoccerTwos?team=0": spec()}, "two teams, 0 and 1, of one behavior each, but there are SoccerTwos?team=0;"),
        ({"Goalie?team=0": spec(), "Striker?team=2": spec()}, "but there are Goalie?team=0, Striker?team=2;"),
        ({"SoccerTwos?team=0": spec((336,)), "SoccerTwos?team=1": spec()}, "2 a team, which shows 336 numbers"),
        ({"SoccerTwos?team=0": spec(), "SoccerTwos?team=1": spec((72, 72))}, "2 a team, which shows 72 + 72"),
        ({"SoccerTwos?team=0": spec(branches=(3, 3)), "SoccerTwos?team=1": spec()}, "discrete actions (3 + 3), and"),
        ({"SoccerTwos?team=0": spec(continuous=2), "SoccerTwos?team=1": spec()}, "(3 + 3 + 3) and 2 continuous"),
        ({"X?team=0": picture(), "X?team=1": picture()}, "vectors or rays, but observes 84x84x3;"),
        ({"X?team=0": spec(branches=()), "X?team=1": spec(branches=())}, "X?team=0 must have actions, at most 127 a"),
    ],
)  # fmt: skip
def test_what_no_game_is_is_refused(specs: dict[str, BehaviorSpec], line: str) -> None:
    env = Odd(2)
    env.specs = specs
    with pytest.raises(SetupError) as refusal:
        UnityGame(env, "unity-x")
    assert line in str(refusal.value)


@pytest.mark.parametrize(
    ("grouped", "line"),
    [
        (
            lambda team, groups: np.array([1, 1, 1, 2]),
            "as many agents each, or all without, but has 4 agents",
        ),
        (
            lambda team, groups: np.array([0, 0, 1, 1]),
            "as many agents each, or all without, but has 4 agents",
        ),
        (
            lambda team, groups: groups if team else 0 * groups + 1,
            "but there are 1 of SoccerTwos?team=0 and 2 of SoccerTwos?team=1;",
        ),
    ],
)
def test_uneven_teams_are_refused(grouped: Any, line: str) -> None:
    env = Odd(2)
    env.grouped = grouped
    with pytest.raises(SetupError) as refusal:
        UnityGame(env, "unity-x")
    assert line in str(refusal.value)


def test_groups_that_do_not_end_together_are_told_at_the_first_end() -> None:
    env = SoccerEnv(2)
    env._groups[1] = env._groups[1][::-1].copy()  # field 0's purple group comes second
    fields = UnityGame(env, "unity-x")
    env._fields.timer[0] = 4998
    with pytest.raises(SetupError, match="must end together and be numbered in the fields' order"):
        fields.advance(STILL[:2])


def test_an_end_without_a_reward_is_refused() -> None:
    class Silent(SoccerEnv):
        def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
            decisions, ends = super().get_steps(behavior_name)
            return decisions, TerminalSteps(
                ends.obs, ends.reward, ends.interrupted & False, ends.agent_id, ends.group_id, ends.group_reward
            )

    env = Silent(2)
    fields = UnityGame(env, "unity-x")
    env._fields.timer[1] = 4998
    with pytest.raises(SetupError, match=r"must end by a goal, .* but one ended with group rewards 0 and 0;"):
        fields.advance(STILL[:2])


def test_a_second_reward_of_a_goal_that_comes_with_the_next_episode_is_nobodys() -> None:
    class TwoBoxes(SoccerEnv):
        def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
            decisions, ends = super().get_steps(behavior_name)
            again = decisions.group_reward.copy()
            for group, reward, cut in zip(ends.group_id, ends.group_reward, ends.interrupted, strict=True):
                again[decisions.group_id == group] -= 0 if cut else np.sign(reward)
            groups = decisions.obs, decisions.reward, decisions.agent_id, decisions.action_mask, decisions.group_id
            return DecisionSteps(*groups, again), ends

    records = played(UnityGame(TwoBoxes(4, 5), "unity-x"), 8, "house", "chaser")
    assert alike(records) == alike(played(UnityGame(SoccerEnv(4, 5), "unity-x"), 8, "house", "chaser"))
    assert {record.result for record in records} >= {0.0, 1.0}


def test_the_ladder_takes_no_matches_of_an_executable() -> None:
    fields = UnityGame(SoccerEnv(8, seed=4), "unity-0123456789ab")
    records = played(fields, 4, "chaser", "random")
    with pytest.raises(SetupError, match=r"ratings of different environments are never compared.*unity-0123456789ab"):
        elo.on_ladder(records, ladder_file.read())


# ---------------------------------------------------------------------------------------------- executables


def below() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.fixture
def nothing_left() -> Iterator[None]:
    before = below()
    yield
    assert below() <= before


@pytest.mark.usefixtures("nothing_left")
def test_matches_through_the_wire_are_those_of_the_environment_behind_it(launcher: Path, tmp_path: Path) -> None:
    wanted = played(UnityGame(SoccerEnv(8, seed=9), ""), 30)
    for path in (launcher, bad_executables.write(tmp_path, "apart")):
        with executable.opened(path, seed=9) as fields:
            records = played(fields, 30)
        assert alike(records) == alike(wanted)
        assert {record.environment for record in records} == {executable.version(path)}
    assert score(wanted, 0) > 0.75
    assert score(wanted, 1) > 0.75
    embedded = match.play(players.load("house"), players.load("random"), 30, 3).records
    assert abs(score(embedded) - score(wanted)) < 0.2  # three standard errors
    lengths = [np.mean([record.decisions for record in records]) for records in (embedded, wanted)]
    assert 0.5 < lengths[0] / lengths[1] < 2


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("exits", "ended (exit status 1)"),
        ("forbidden", "--env must be executable, but"),
        ("foreign", "speaks another version of the protocol (Python API: 1.5.0, Unity API: 2.0.0)"),
        ("garbage", "cannot be started ("),
        ("missing", "there is none at"),
        ("silent", "did not answer within 2 s"),
    ],
)
def test_what_cannot_play_is_refused_in_one_line(kind: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.x86_64"
    if kind in bad_executables.KINDS:
        path = bad_executables.write(tmp_path, kind)
    elif kind != "missing":
        path.write_bytes(b"\x7fELF no" if kind == "garbage" else b"#!/bin/sh\nexec sleep 60\n")
        path.chmod(0o755)
    timeout = 2 if kind == "silent" else 60
    with pytest.raises(SetupError) as refusal, executable.opened(path, timeout_s=timeout):
        pass
    assert line in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("kind", "line"), [("crashes", "ended (exit status -9 (SIGKILL))"), ("hangs", "within 3 s")])
def test_one_that_dies_or_falls_silent_in_play_is_lost(kind: str, line: str, tmp_path: Path) -> None:
    path = bad_executables.write(tmp_path, kind, steps=5)
    with pytest.raises(LostTrial) as loss, executable.opened(path, timeout_s=3) as fields:
        played(fields, 4)
    assert line in str(loss.value)
    assert "\n" not in str(loss.value)


@pytest.mark.usefixtures("nothing_left")
def test_it_is_gone_after_an_exception(launcher: Path) -> None:
    before = below()
    with pytest.raises(ZeroDivisionError), executable.opened(launcher) as fields:
        (pid,) = below() - before
        fields.advance(STILL)
        raise ZeroDivisionError
    assert not psutil.pid_exists(pid)


@pytest.mark.usefixtures("nothing_left")
def test_two_play_at_once(launcher: Path) -> None:
    with executable.opened(launcher, seed=1) as one, executable.opened(launcher, seed=1) as two:
        assert alike(played(one, 2)) == alike(played(two, 2))


def test_its_version_is_of_everything_that_is_played(tmp_path: Path) -> None:
    """Unity's executable is the same in every build of one engine; what differs lies beside it."""
    game = tmp_path / "Soccer.x86_64"
    game.write_bytes(b"player")
    first = executable.version(game)
    assert first == "unity-cdb59355f3ba"  # of the file alone, as sha256sum says
    (tmp_path / "Soccer_Data" / "Managed").mkdir(parents=True)
    (tmp_path / "Soccer_Data" / "Managed" / "Assembly-CSharp.dll").write_bytes(b"rules")
    second = executable.version(game)
    (tmp_path / "UnityPlayer.so").write_bytes(b"engine")
    third = executable.version(game)
    (tmp_path / "notes.txt").write_bytes(b"of no consequence")
    (timers := tmp_path / "Soccer_Data" / "ML-Agents" / "Timers").mkdir(parents=True)
    (timers / "SoccerTwos_timers.json").write_text("{}")  # ML-Agents' own, whenever the build ends
    assert len({first, second, third, executable.version(game)}) == 3


# ---------------------------------------------------------------------------------------------- the command line


def test_play_in_an_executable(launcher: Path, tmp_path: Path) -> None:
    log = tmp_path / "matches.csv"
    words = ("play", "house", "random", "--env", str(launcher), "--matches", "8", "--log", str(log))
    found: Any = json_of(run_sweep(*words, "--json"))
    assert found["matches"] == 8
    assert found["wins"] >= 5
    assert all(sum(side.values()) == 4 for side in found["by_side"].values())
    assert found["environment"] == executable.version(launcher)
    assert found["kick_off"] == "not controlled"
    assert executable.version(launcher) in log.read_text()
    assert "kick-offs not controlled" in run_sweep(*words[:-2]).stdout


def test_a_tournament_in_an_executable(launcher: Path) -> None:
    words = ("tournament", "house", "random", "chaser", "--env", str(launcher), "--pairs", "4", "--json")
    found: Any = json_of(run_sweep(*words))
    assert found["matches"] == 24
    assert (found["environment"], found["kick_off"]) == (executable.version(launcher), "not controlled")
    assert len(found["ratings"]) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("play", "house", "random", "--env", "none.x86_64"), "there is none at none.x86_64"),
        (("play", "house", "random", "--env", "x", "--cores", "2"), "--env plays on one core, the executable's, but"),
        (("tournament", "house", "random", "--env", "x", "--cores", "2"), "--env plays on one core, the executable's"),
    ],
)
def test_the_command_line_refuses_in_one_line(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = run_sweep(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("sweep: ") and message in line


def test_embedded_is_a_name_for_no_executable() -> None:
    done = run_sweep("play", "chaser", "still", "--env", "embedded", "--matches", "2", "--json")
    assert json.loads(done.stdout)["environment"] == "soccer-1"
