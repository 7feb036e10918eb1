"""Policies of other behaviors than SoccerTwos': real exports of mlagents, played as their specs say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from trials.arena.games.game import Behavior, of_roles
from trials.arena.games.soccer import SOCCER
from trials.arena.players import load as players
from trials.arena.players.onnx_policy import OnnxPolicy
from trials.arena.players.player import ROWS
from trials.arena.players.sandbox import vet
from trials.errors import BadPolicy
from trials.learner import compat

pytestmark = pytest.mark.filterwarnings("ignore")  # of mlagents' imports and of torch's exporter

MOVES = Behavior(name="Moves", observations=(8,), continuous=2)
BOTH = Behavior(name="Both", observations=(5, 5, 3), branches=(3, 2), continuous=2, masked=True)
ONE = Behavior(name="One", observations=(4,), branches=(5,), masked=True, team=3)
ALL = {"moves": MOVES, "both": BOTH, "one": ONE}


def export(behavior: Behavior, path: Path, memory: bool = False, squashed: bool = False) -> Path:
    """A policy without training, exported by mlagents itself; `squashed` as SAC has it."""
    compat.apply()
    import torch
    from mlagents.trainers.policy.torch_policy import TorchPolicy
    from mlagents.trainers.settings import NetworkSettings
    from mlagents.trainers.torch_entities.model_serialization import ModelSerializer
    from mlagents.trainers.torch_entities.networks import SimpleActor
    from mlagents_envs.base_env import ActionSpec, BehaviorSpec, DimensionProperty, ObservationSpec, ObservationType

    torch.manual_seed(3)
    seen = [
        ObservationSpec((size,), (DimensionProperty.NONE,), ObservationType.DEFAULT, f"o{at}")
        for at, size in enumerate(behavior.observations)
    ]
    spec = BehaviorSpec(seen, ActionSpec(behavior.continuous, behavior.branches))
    remembered = NetworkSettings.MemorySettings(sequence_length=4, memory_size=16) if memory else None
    network = NetworkSettings(hidden_units=16, num_layers=1, memory=remembered)
    actor = {"conditional_sigma": squashed, "tanh_squash": squashed}
    ModelSerializer(TorchPolicy(0, spec, network, SimpleActor, actor)).export_policy_model(str(path.with_suffix("")))
    return path


def rows(behavior: Behavior, noise: float = 0.0) -> np.ndarray:
    made = np.random.default_rng(1).normal(size=(ROWS, behavior.row)).astype(np.float32)
    if behavior.masked:
        made[:, behavior.sight - behavior.discrete : behavior.sight] = 1
    made[:, behavior.sight :] = noise
    return made


def asked(player: OnnxPolicy, seen: np.ndarray) -> np.ndarray:
    answers = np.zeros((len(seen), player._behavior.answer), np.float32)
    player.decide(seen, np.zeros((len(seen), player.memory), np.float32), answers)
    return answers


@pytest.mark.parametrize(("squashed", "memory"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("name", ALL)
def test_answers_are_those_of_the_file(name: str, squashed: bool, memory: bool, tmp_path: Path) -> None:
    behavior = ALL[name]
    path = export(behavior, tmp_path / "policy.onnx", memory, squashed)
    player, seen = OnnxPolicy(path, behavior), rows(behavior)
    assert player.memory == (16 if memory else 0)
    ends = np.cumsum((0, *behavior.observations))
    feed = {f"obs_{k}": seen[:, ends[k] : ends[k + 1]] for k in range(len(behavior.observations))}
    if behavior.branches:
        feed["action_masks"] = seen[:, behavior.sight - behavior.discrete : behavior.sight]
    if memory:
        feed["recurrent_in"] = np.zeros((len(seen), 1, 16), np.float32)
    session = ort.InferenceSession(str(path))
    outputs = [o.name for o in session.get_outputs()]
    theirs = dict(zip(outputs, session.run(None, feed), strict=True))
    answers = asked(player, seen)
    if behavior.continuous:
        wanted = theirs["deterministic_continuous_actions"]  # SAC's is exported before it is squashed
        np.testing.assert_allclose(answers[:, behavior.discrete :], np.tanh(wanted) if squashed else wanted, atol=1e-5)
    at = 0
    for branch, size in enumerate(behavior.branches):
        part = answers[:, at : at + size]
        np.testing.assert_allclose(np.exp(part).sum(axis=1), 1, atol=1e-4)
        assert (part.argmax(axis=1) == theirs["deterministic_discrete_actions"][:, branch]).all()
        at += size


def test_noise_moves_continuous_actions_and_masks_forbid(tmp_path: Path) -> None:
    player = OnnxPolicy(export(BOTH, tmp_path / "policy.onnx"), BOTH)
    calm, moved = asked(player, rows(BOTH)), asked(player, rows(BOTH, noise=1.0))
    np.testing.assert_array_equal(calm[:, :5], moved[:, :5])
    assert (moved[:, 5:] > calm[:, 5:]).all()
    masked = rows(BOTH)
    masked[:, 13:18] = [1, 0, 1, 1, 0]
    chances = np.exp(asked(player, masked)[:, :5])
    assert chances[:, [1, 4]].max() < 1e-5
    assert (asked(player, masked)[:, 5:] == calm[:, 5:]).all()


@pytest.fixture(scope="module")
def moves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(MOVES, tmp_path_factory.mktemp("moves") / "policy.onnx")


@pytest.mark.parametrize(
    ("mine", "line"),
    [
        (
            Behavior(name="X", observations=(9,), continuous=2),
            "behavior, X, 1 a team, which shows 9 numbers",
        ),
        (
            Behavior(name="X", observations=(8,), continuous=3),
            "must give continuous_actions [rows, 3], but",
        ),
        (Behavior(name="X", observations=(8,), branches=(2,), masked=True), "must take action_masks [rows, 2], but"),
        (Behavior(name="X", observations=(4, 4), continuous=2), "but policy.onnx sees obs_0 (8); it was trained for"),
        (SOCCER, "must take action_masks [rows, 9], but policy.onnx does not; it was trained for another game"),
    ],
)
def test_a_policy_of_another_behavior_is_refused(mine: Behavior, line: str, moves: Path) -> None:
    with pytest.raises(BadPolicy) as refusal:
        OnnxPolicy(moves, mine)
    assert line in str(refusal.value)


def test_another_process_knows_the_behavior(moves: Path) -> None:
    vet(moves, MOVES)
    with pytest.raises(BadPolicy, match="behavior, Both, 1 a team, which shows 5"):
        vet(moves, replace(BOTH, branches=()))


def test_a_graph_that_draws_in_its_own_way_is_refused(moves: Path, tmp_path: Path) -> None:
    path = tmp_path / "policy.onnx"
    model: Any = onnx.load(moves)
    (sampler,) = [node for node in model.graph.node if node.op_type == "RandomNormalLike"]
    sampler.attribute.append(onnx.helper.make_attribute("scale", 3.0))
    onnx.save(model, path)
    with pytest.raises(BadPolicy, match="must draw its continuous actions at once"):
        OnnxPolicy(path, MOVES)


def test_a_folder_plays_each_teams_behavior_with_its_own_policy(tmp_path: Path) -> None:
    whole = of_roles(BOTH, MOVES)
    for behavior, memory in ((BOTH, True), (MOVES, False)):
        export(behavior, tmp_path / f"{behavior.name}.onnx", memory)
    player = players.load(tmp_path, whole)
    assert player.name == tmp_path.name and player.memory == 16
    teams = np.arange(2 * ROWS) % 3  # 0: of nobody
    seen = np.zeros((2 * ROWS, whole.row), np.float32)
    seen[:, :13], seen[:, 13:21], seen[:, 21] = rows(BOTH)[0, :13], rows(MOVES)[0, :8], teams
    seen[:, 22:27] = 1
    answers, memory = np.full((2 * ROWS, whole.answer), 9, np.float32), np.zeros((2 * ROWS, 16), np.float32)
    player.decide(seen, memory, answers)
    both, moves = (asked(OnnxPolicy(tmp_path / f"{each.name}.onnx", each), rows(each))[0] for each in (BOTH, MOVES))
    nothing = np.float32([0, -np.inf, -np.inf, 0, -np.inf, 0, 0, 0, 0])
    for team, row in zip(teams, answers, strict=True):
        wanted = nothing.copy()
        if team == 1:
            wanted[[0, 1, 2, 3, 4, 5, 6]] = both
        elif team == 2:
            wanted[7:] = moves
        np.testing.assert_allclose(row, wanted, atol=1e-6)
    assert memory[teams == 1].any() and not memory[teams != 1].any()


def test_a_folder_without_one_of_them_is_refused(tmp_path: Path) -> None:
    export(BOTH, tmp_path / "Both.onnx")
    with pytest.raises(BadPolicy, match=r"must be a folder with Both.onnx and Moves.onnx, but .* is none; name one"):
        players.load(tmp_path, of_roles(BOTH, MOVES))
    player = players.load("random", of_roles(BOTH, MOVES))
    assert (player.name, player.id, player.memory) == ("random", "random", 0)
