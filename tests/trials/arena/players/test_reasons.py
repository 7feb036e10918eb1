"""Why a policy cannot play is said whole: a library's own words, and whose game a foreign one is."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sweep.league import scan, sources
from sweep.promotion import verify
from trials import stint
from trials.arena.players import sandbox
from trials.arena.players.load import LADDER
from trials.arena.players.onnx_policy import OnnxPolicy
from trials.errors import BadPolicy, reason
from trials.league import reader
from trials.league.folder import LeagueFolder, playing
from trials.league.store import Store

OURS = "where SoccerTwos shows 264 and 72 floats, or 336, and takes discrete actions (3 + 3 + 3)"


def newer(path: Path) -> Path:
    """The house, by an ONNX of years to come."""
    model = onnx.load(LADDER / "house-750k.onnx")
    model.ir_version = 99
    path.write_bytes(model.SerializeToString())
    return path


def test_onnxruntimes_own_reason_is_told_to_its_end_wherever_a_policy_is_refused(tmp_path: Path) -> None:
    path = newer(tmp_path / "SoccerTwos.onnx")
    said = r"Unsupported model IR version: 99, max supported IR version: \d+"
    for tried in (OnnxPolicy, sandbox.vet):
        with pytest.raises(BadPolicy, match=said):
            tried(path)
    (check,) = (c for c in verify.verify(str(path), None, 0, 1, False).checks if c.status == "no")
    assert "max supported IR version" in check.found
    league = LeagueFolder(tmp_path / "league")
    with playing(league):
        notes = scan.scan(Store(league), [sources.source(str(path))], 1).notes
    assert "max supported IR version" in notes[0]
    assert "max supported IR version" in reader.opened(league.path).refused[0].line


def test_a_process_that_dies_of_a_policy_leaves_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "terminate called after throwing an instance of 'std::bad_alloc'\n" + "x" * 300 + "\n  what():  the cause\n"
    died = subprocess.CompletedProcess([], -6, "", words)
    monkeypatch.setattr(stint, "run", lambda *_, **__: died)
    path = newer(tmp_path / "x.onnx")
    with pytest.raises(BadPolicy, match=r"\(terminate called .* what\(\): the cause\)"):
        sandbox.vet(path)


def test_of_a_very_long_reason_head_and_tail_are_kept() -> None:
    told = reason("first cause " + "x" * 9000 + " last cause", 200)
    assert told.startswith("first cause") and told.endswith("last cause") and len(told) < 210
    assert reason("a\n  b") == "a b" and reason(ValueError()) == "ValueError"


def game(path: Path, shown: dict[str, list[int]], masks: int, branches: list[int], continuous: int) -> Path:
    """An export of another of ML-Agents' games, as far as anybody looks."""

    def value(name: str, *shape: Any, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [value(name, "batch", *shape) for name, shape in shown.items()]
    inputs += [value("action_masks", "batch", masks)] if masks else []
    outputs = [value("version_number", 1), value("memory_size", 1)]
    constants = [numpy_helper.from_array(np.float32([3.0]), "version_number.1")]
    nodes = [helper.make_node("Identity", ["version_number.1"], ["version_number"])]
    if branches:
        outputs += [value("discrete_actions", "batch", len(branches)), value("discrete_action_output_shape", 1, 2)]
        constants.append(numpy_helper.from_array(np.float32([branches]), "discrete_act_size_vector"))
    if continuous:
        outputs += [value("continuous_actions", "batch", continuous)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, ir_version=6, opset_imports=[helper.make_opsetid("", 9)]), path)
    return path


@pytest.mark.parametrize(
    ("shown", "masks", "branches", "continuous", "told"),
    [
        ({"obs_0": [8]}, 0, [], 2, "shows obs_0 (8) and takes continuous_actions (2)"),  # 3DBall
        ({"obs_0": [56], "obs_1": [172]}, 5, [5], 0, "shows obs_0 (56), obs_1 (172) and takes discrete actions (5)"),
        ({"obs_0": [84, 84, 3]}, 9, [3, 3, 3], 0, "shows obs_0 (84 x 84 x 3) and takes discrete actions (3 + 3 + 3)"),
        ({"obs_0": [264], "obs_1": [72]}, 0, [], 3, "shows obs_0 (264), obs_1 (72) and takes continuous_actions (3)"),
        ({"obs_0": [126]}, 2, [2], 3, "takes continuous_actions (3) and discrete actions (2)"),  # a hybrid
        ({"obs_0": [264], "obs_1": [72]}, 9, [], 4, "takes continuous_actions (4) and discrete actions (9)"),
    ],
)
def test_a_policy_of_another_game_is_told_whose_it_is(
    shown: dict[str, list[int]], masks: int, branches: list[int], continuous: int, told: str, tmp_path: Path
) -> None:
    path = game(tmp_path / "SoccerTwos.onnx", shown, masks, branches, continuous)
    with pytest.raises(BadPolicy) as refused:
        OnnxPolicy(path)
    assert told in str(refused.value) and OURS in str(refused.value)
    assert "another game" in str(refused.value) and "export it with ML-Agents" not in str(refused.value)


def test_whose_a_policy_of_another_game_is_is_told_where_it_is_verified(tmp_path: Path) -> None:
    path = game(tmp_path / "SoccerTwos.onnx", {"obs_0": [8]}, 0, [], 2)
    checks = {check.name: check for check in verify.verify(str(path), None, 0, 1, False).checks}
    assert checks["spaces"].status == "no" and OURS in checks["spaces"].found


def test_a_graph_of_another_program_is_told_who_exports_one(tmp_path: Path) -> None:
    path = game(tmp_path / "x.onnx", {"x": [8]}, 0, [], 2)
    model = onnx.load(path)
    del model.graph.output[0]
    onnx.save(model, path)
    with pytest.raises(BadPolicy, match=r"must take action_masks .* export it with ML-Agents"):
        OnnxPolicy(path)
