"""Policies: every convention gives the same log-probabilities, and every bad file its line."""

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trials.arena.players import onnx_face, onnx_graph, onnx_limits
from trials.arena.players.onnx_policy import MAX_BYTES, OnnxPolicy
from trials.arena.players.player import ROWS
from trials.errors import BadPolicy

Save = Callable[[bytes | onnx.ModelProto], Path]

CONVENTIONS: dict[str, dict[str, Any]] = {
    "api 3": {},
    "api 3, back rays first": {"observations": {"obs_0": 72, "obs_1": 264}},
    "api 3, forward rays only": {"observations": {"obs_0": 264}},
    "api 3, recurrent": {"memory": 6},
    "api 2": {"observations": {"vector_observation": 336}, "api": 2},
    "api 3, opset 17": {"opset": 17},
}


def answers(policy: OnnxPolicy, observations: np.ndarray, memory: np.ndarray | None = None) -> np.ndarray:
    out = np.empty((len(observations), 9), np.float32)
    policy.decide(observations, np.zeros((len(out), policy.memory), np.float32) if memory is None else memory, out)
    return out


def looks(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, 336), np.float32)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_gives_what_its_own_graph_computes(name: str, export: Any, saved: Save) -> None:
    spec = export(**CONVENTIONS[name])
    model = spec.model()
    policy = OnnxPolicy(saved(model))
    seen = looks(32)
    memory = np.random.default_rng(1).random((32, spec.memory), np.float32)
    own = onnx.ModelProto()
    own.CopyFrom(model)
    del own.graph.output[:]
    wanted = ["log0", "log1", "log2", *(["recurrent_out"] if spec.memory else [])]
    own.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in wanted)
    feed = {"action_masks": np.ones((32, 9), np.float32)}
    for observation, width in spec.observations.items():
        start, end = onnx_face.SLICES[width]
        feed[observation] = seen[:, start:end].copy()
    if spec.memory:
        feed["recurrent_in"] = memory[:, None].copy()
    *logs, rest = [*ort.InferenceSession(own.SerializeToString()).run(wanted, feed), None]
    got = answers(policy, seen, memory)
    np.testing.assert_allclose(got, np.concatenate(logs[:3], axis=1), atol=2e-6)
    np.testing.assert_allclose(np.exp(got).reshape(-1, 3, 3).sum(axis=2), 1, atol=1e-5)
    if spec.memory:
        np.testing.assert_allclose(memory, logs[3][:, 0], atol=2e-6)
    assert rest is None and policy.memory == spec.memory


def test_a_policy_is_its_file(export: Any, saved: Save) -> None:
    path = saved(export().model())
    policy = OnnxPolicy(path)
    assert policy.id == hashlib.sha256(path.read_bytes()).hexdigest()
    assert policy.name == "policy"


def test_a_row_has_the_same_bits_in_every_batch(export: Any, saved: Save) -> None:
    policy = OnnxPolicy(saved(export(memory=6).model()))
    seen, memory = looks(4 * ROWS), looks(4 * ROWS, 3)[:, :6].copy()
    whole_memory = memory.copy()
    whole = answers(policy, seen, whole_memory)
    for rows in (ROWS, 2 * ROWS, 3 * ROWS):
        part = memory[-rows:].copy()
        assert (answers(policy, seen[-rows:].copy(), part) == whole[-rows:]).all()
        assert (part == whole_memory[-rows:]).all()
    with pytest.raises(ValueError, match=f"multiple of {ROWS}"):
        answers(policy, seen[:5])


@pytest.mark.parametrize(
    ("how", "heads", "slices"),
    [
        ({}, 1, 3),  # obs_0 and obs_1 joined again: the observation stays whole; the masks are sliced
        ({"observations": {"obs_0": 72, "obs_1": 264}}, 1, 5),  # joined the other way round
        ({"observations": {"obs_0": 264}}, 1, 4),
        ({"opset": 17}, 3, 5),  # another face of the operators: left alone
    ],
)
def test_heads_are_joined_and_observations_left_whole(
    how: dict[str, Any], heads: int, slices: int, export: Any
) -> None:
    made = onnx.load_model_from_string(onnx_graph.rewire(export(**how).model().SerializeToString(), "policy")[0])
    operators = [n.op_type for n in made.graph.node]
    assert operators.count("Gemm") == 1 + heads
    assert operators.count("Slice") == slices
    assert "Multinomial" not in operators


def node(model: onnx.ModelProto, output: str) -> onnx.NodeProto:
    return next(n for n in model.graph.node if output in n.output)


def insert(model: onnx.ModelProto, before: str, *made: onnx.NodeProto) -> None:
    at = list(model.graph.node).index(node(model, before))
    for new in reversed(made):
        model.graph.node.insert(at, new)


def renamed(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "continuous_actions"


def without_samplers(model: onnx.ModelProto) -> None:
    for k in range(3):
        node(model, f"drawn{k}").op_type = "ArgMax"


def custom(model: onnx.ModelProto) -> None:
    node(model, "h0").op_type, node(model, "h0").domain = "Evil", "com.evil"
    model.opset_import.append(helper.make_opsetid("com.evil", 1))


def random_inside(model: onnx.ModelProto) -> None:
    node(model, "h0").op_type = "RandomNormalLike"


def endless(model: onnx.ModelProto) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [], [])
    model.graph.node.remove(node(model, "h0"))
    insert(model, "h", helper.make_node("Loop", ["z", "z"], ["h0"], body=body))


def nested(model: onnx.ModelProto) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "body", [], [])
    node(model, "h0").attribute.append(helper.make_attribute("body", body))


def functions(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("f", "Tanh", ["x"], ["y"], [], [helper.make_opsetid("", 9)]))


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")


def bomb(model: onnx.ModelProto) -> None:
    """A row plus a column of 30,000 each: 3.6 GB out of a quarter of a megabyte."""
    for name, shape in (("row", (1, 30_000)), ("column", (30_000, 1))):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(shape, np.float32), name))
    insert(
        model,
        "h0",
        helper.make_node("Add", ["row", "column"], ["huge"]),
        helper.make_node("ReduceMax", ["huge"], ["most"], keepdims=0),
        helper.make_node("Add", ["z", "most"], ["zz"]),
    )
    node(model, "h0").input[0] = "zz"


def hollow(model: onnx.ModelProto) -> None:
    """A tensor that says it is huge and holds nothing."""
    tensor = model.graph.initializer[0]
    tensor.dims[0], tensor.raw_data = 1 << 40, b""


def deep(model: onnx.ModelProto) -> None:
    model.graph.node.extend(helper.make_node("Relu", ["h"], [f"r{i}"]) for i in range(onnx_limits.MAX_NODES))


def misfit(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.zeros((8, 300), np.float32), "w"))


def cyclic(model: onnx.ModelProto) -> None:
    node(model, "h0").input[0] = "h"


def not_a_number(model: onnx.ModelProto) -> None:
    tensor = next(t for t in model.graph.initializer if t.name == "b1")
    tensor.raw_data = np.full(3, np.nan, np.float32).tobytes()


def unnormalised(model: onnx.ModelProto) -> None:
    node(model, "log1").op_type = "Identity"


def mixing(model: onnx.ModelProto) -> None:
    insert(
        model,
        "p1",
        helper.make_node("Slice", ["logit0"], ["first"], axes=[0], starts=[0], ends=[1]),
        helper.make_node("Add", ["masked1", "first"], ["mixed"]),
    )
    node(model, "p1").input[0] = "mixed"


ABOUT = {
    **dict.fromkeys(("old opset", "external data"), "file"),
    **dict.fromkeys(("other actions", "no samplers", "not normalised"), "spaces"),
}
"""Of what a refusal is, else: "file" of BAD_BYTES, "spaces" of BAD_EXPORT, "plays" of BAD_EDIT."""
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1763021\n"

BAD_BYTES = {
    "empty": (b"", "is empty"),
    "LFS pointer": (LFS, "Git LFS pointer"),
    "a web page": (b"<!doctype html><html>not found</html>", "whole ONNX file"),
    "no graph": (onnx.ModelProto(ir_version=6).SerializeToString(), "holds no graph"),
}
BAD_EXPORT: dict[str, tuple[dict[str, Any], str]] = {
    "wrong width": ({"observations": {"obs_0": 20}}, r"sees obs_0 \(20\); it was trained for another game"),
    "a width twice": ({"observations": {"obs_0": 264, "obs_1": 264}}, r"sees obs_0 \(264\), obs_1 \(264\)"),
    "back rays alone": ({"observations": {"obs_0": 72}}, r"sees obs_0 \(72\)"),
    "another sensor": ({"observations": {"obs_0": 3, "obs_1": 264, "obs_2": 72}}, r"sees obs_0 \(3\)"),
    "no masks": ({"masks": 0}, r"must take action_masks \[rows, 9\]"),
    "other masks": ({"masks": 12}, r"must take action_masks \[rows, 9\]"),
    "wild memory": ({"memory": 5000}, "must map recurrent_in"),
    "old opset": ({"opset": 5}, r"opset must be 7 to 23, but policy.onnx has \[5\]"),
}
BAD_EDIT: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "other actions": (renamed, "must give discrete_actions, but policy.onnx gives continuous_actions"),
    "no samplers": (without_samplers, "must join 3 samplers"),
    "custom operator": (custom, "uses the operator com.evil::Evil"),
    "random numbers inside": (random_inside, "uses the operator RandomNormalLike"),
    "endless loop": (endless, "uses the operator Loop"),
    "nested graph": (nested, "nests graphs"),
    "functions": (functions, "functions of its own"),
    "external data": (external, "in another file"),
    "memory bomb": (bomb, "at most 131,072 floats"),
    "hollow tensor": (hollow, "at most 16,000,000 parameters"),
    "deep": (deep, "at most 2000 nodes"),
    "shapes that do not fit": (misfit, "must run on a batch"),
    "a cycle": (cyclic, "must fit|must be known|refuses"),
    "NaN": (not_a_number, "sum to 1, but policy.onnx gives NaN"),
    "not normalised": (unnormalised, "sum to 1"),
    "mixes the batch": (mixing, "mixes the batch"),
}


def bad(case: str, export: Any) -> tuple[bytes | onnx.ModelProto, str]:
    if case in BAD_BYTES:
        return BAD_BYTES[case]
    if case in BAD_EXPORT:
        how, line = BAD_EXPORT[case]
        return export(**how).model(), line
    model = export().model()
    edit, line = BAD_EDIT[case]
    edit(model)
    return model, line


@pytest.mark.parametrize("case", [*BAD_BYTES, *BAD_EXPORT, *BAD_EDIT])
def test_a_bad_file_gets_one_line_in_bounded_time(case: str, export: Any, saved: Save) -> None:
    what, line = bad(case, export)
    path = saved(what)
    began = time.process_time()
    with pytest.raises(BadPolicy, match=line) as caught:
        OnnxPolicy(path)
    assert time.process_time() - began < 5
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert "policy.onnx" in str(caught.value)
    rest = "file" if case in BAD_BYTES else "spaces" if case in BAD_EXPORT else "plays"
    assert caught.value.about == ABOUT.get(case, rest)
    assert ("learning_rate" in str(caught.value)) == (case == "NaN") and "; " in str(caught.value)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(share: float, export: Any, saved: Save) -> None:
    data = export().model().SerializeToString()
    with pytest.raises(BadPolicy, match=r"policy\.onnx"):
        OnnxPolicy(saved(data[: int(share * len(data))]))


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_plays(at: int, byte: int, export: Any, saved: Save) -> None:
    data = bytearray(export().model().SerializeToString())
    data[at % len(data)] = byte
    with contextlib.suppress(BadPolicy):
        OnnxPolicy(saved(bytes(data)))


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match="is not there"):
        OnnxPolicy(tmp_path / "none.onnx")
    with pytest.raises(BadPolicy, match="is not there"):
        OnnxPolicy(tmp_path)
    large = tmp_path / "large.onnx"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + (1 << 20))  # sparse
    with pytest.raises(BadPolicy, match="at most 80 MiB"):
        OnnxPolicy(large)


def test_the_arena_does_not_load_onnxruntime_until_a_policy_does() -> None:
    code = (
        "import sys, trials.arena.ratings.ladder, trials.arena.matches.match, trials.arena.players.load as "
        "p; p.load('random');"
        " sys.exit(any(m in sys.modules for m in ('onnxruntime', 'onnx', 'torch', 'mlagents')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


REAL = {
    "unity_official": 0,
    "ilia_00000k": 0,
    "ilia_ppo_00052k": 0,
    "sorin_net_small": 0,
    "sorin_sac": 0,
    "fwd_sorin_24M": 0,
    "frakw_r1_05649k": 0,
    "aw3v3_lstm_01696k": 256,
}


@pytest.mark.parametrize("name", REAL)
def test_a_real_policy_is_what_its_own_graph_says(name: str, real: Callable[[str], Path]) -> None:
    path = real(name)
    policy = OnnxPolicy(path)
    assert policy.memory == REAL[name]
    seen = looks(16 * ROWS)
    got = answers(policy, seen)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed = {}
    for entry in session.get_inputs():
        if entry.name == "action_masks":
            feed[entry.name] = np.ones((len(seen), 9), np.float32)
        elif entry.name == "recurrent_in":
            feed[entry.name] = np.zeros((len(seen), 1, policy.memory), np.float32)
        else:
            start, end = onnx_face.SLICES[entry.shape[1]]
            feed[entry.name] = seen[:, start:end].copy()
    if "deterministic_discrete_actions" in {o.name for o in session.get_outputs()}:
        (best,) = session.run(["deterministic_discrete_actions"], feed)
        assert (got.reshape(-1, 3, 3).argmax(axis=2) == best).all()
    else:
        (log_p,) = session.run(["discrete_actions"], feed)
        np.testing.assert_allclose(got, log_p, atol=1e-5)
    for rows in (ROWS, 5 * ROWS):  # bit for bit
        assert (answers(policy, seen[-rows:].copy()) == got[-rows:]).all()


def test_onnxruntime_keeps_no_telemetry(tmp_path: Path) -> None:
    """Its identifier and its queue of events would lie in the user's cache."""
    code = "import sys; from trials.arena.players import load as players; players.load('house')"
    clean = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environ = clean | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)
    assert not list(tmp_path.rglob("Microsoft*"))
