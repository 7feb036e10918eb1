"""A field without physics, and small policies exported as ML-Agents exports them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
from constant import Constant
from numpy.typing import NDArray
from onnx import TensorProto, helper
from played import record

from trials.records import MatchRecord
from trials.soccer.constants import BLUE_SCORED, PURPLE_SCORED, RUNNING, TIMEOUT

POLICIES = Path(__file__).parents[4] / "shared" / "policies"


class Tug:
    """Tug of war: who runs forward pulls, chance pushes; at +1 blue has scored, at -1 purple; 60 decisions are a draw.

    A field's course depends on its seed and its own actions alone. What bodies see: the rope's place, from their side.
    """

    LIMIT = 60

    def __init__(self, n: int) -> None:
        self.n = n
        self.seeds = np.zeros(n, np.uint64)
        self.rope = np.zeros(n)
        self.decisions = np.zeros(n, np.int64)
        self.outcome = np.full(n, TIMEOUT, np.int8)

    def kick_off(self, seeds: NDArray[np.uint64], which: NDArray[np.intp] | None = None) -> None:
        fields = np.arange(len(self.seeds)) if which is None else which
        self.seeds[fields], self.rope[fields] = seeds, 0
        self.decisions[fields], self.outcome[fields] = 0, RUNNING

    def observe(self, which: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        seen = np.zeros((len(self.seeds), 4, 336), np.float32)
        seen[:, :2, 0] = self.rope[:, None]
        seen[:, 2:, 0] = -self.rope[:, None]
        return seen

    def advance(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        pull = (actions[:, :2, 0] == 1).sum(axis=1) - (actions[:, 2:, 0] == 1).sum(axis=1)
        z = (self.seeds + (self.decisions + 1).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) * np.uint64(
            0xBF58476D1CE4E5B9
        )
        z ^= z >> np.uint64(29)
        chance = (z >> np.uint64(11)).astype(np.float64) / 2**53 - 0.5
        on = self.outcome == RUNNING
        self.rope[on] += (0.15 * pull + 0.1 * chance)[on]
        self.decisions[on] += 1
        over = np.where(self.decisions >= self.LIMIT, TIMEOUT, RUNNING)
        over = np.where(self.rope >= 1, BLUE_SCORED, np.where(self.rope <= -1, PURPLE_SCORED, over))
        self.outcome[on] = over[on]
        return self.outcome


@pytest.fixture(scope="session")
def tug() -> type[Tug]:
    return Tug


def runner(name: str, forward: float) -> Constant:
    """A player that runs forward with that probability."""
    log_p = np.log([1 - forward - 1e-6, forward, 1e-6])
    return Constant(name, [float(x) for x in log_p])


@pytest.fixture
def weak() -> Constant:
    return runner("weak", 0.4)


@pytest.fixture
def strong() -> Constant:
    return runner("strong", 0.55)


@dataclass
class Export:
    """A graph as ML-Agents writes it: one layer, three heads; every convention, and every way to spoil it."""

    observations: dict[str, int] = field(default_factory=lambda: {"obs_0": 264, "obs_1": 72})
    api: int = 3
    masks: int = 9
    memory: int = 0
    opset: int = 9

    def graph(self) -> onnx.GraphProto:
        make, rng = helper.make_node, np.random.default_rng(7)
        width = sum(self.observations.values())

        def weights(name: str, *shape: int) -> onnx.TensorProto:
            values = rng.normal(0, 0.3, shape).astype(np.float32)
            return onnx.numpy_helper.from_array(values, name)

        hidden = 8
        constants = [weights("w", hidden, width), weights("b", hidden)]
        nodes = [make("Concat", list(self.observations), ["seen"], axis=1)]
        nodes += [make("Gemm", ["seen", "w", "b"], ["z"], transB=1), make("Tanh", ["z"], ["h0"])]
        if self.memory:
            constants.append(onnx.numpy_helper.from_array(np.array([-1, self.memory]), "flat"))
            constants += [weights("wm", hidden, self.memory), weights("bm", hidden), weights("wo", self.memory, hidden)]
            constants += [
                weights("bo", self.memory),
                onnx.numpy_helper.from_array(np.array([-1, 1, self.memory]), "row"),
            ]
            nodes += [
                make("Reshape", ["recurrent_in", "flat"], ["m"]),
                make("Gemm", ["m", "wm", "bm"], ["hm"], transB=1),
                make("Add", ["h0", "hm"], ["h"]),
                make("Gemm", ["h", "wo", "bo"], ["mo"], transB=1),
                make("Reshape", ["mo", "row"], ["recurrent_out"]),
            ]
        else:
            nodes.append(make("Identity", ["h0"], ["h"]))
        for k in range(3):
            constants += [weights(f"w{k}", 3, hidden), weights(f"b{k}", 3)]
            nodes += [
                self._mask(k, constants),
                make("Gemm", ["h", f"w{k}", f"b{k}"], [f"logit{k}"], transB=1),
                make("Mul", [f"logit{k}", f"mask{k}"], [f"masked{k}"]),
                make("Softmax", [f"masked{k}"], [f"p{k}"], axis=1),
                make("Log", [f"p{k}"], [f"log{k}"]),
            ]
            if self.api == 3:
                nodes.append(make("Multinomial", [f"log{k}"], [f"drawn{k}"], dtype=TensorProto.INT64, sample_size=1))
        parts = [f"log{k}" if self.api == 2 else f"drawn{k}" for k in range(3)]
        nodes.append(make("Concat", parts, ["discrete_actions"], axis=1))
        return helper.make_graph(nodes, "export", self._inputs(), self._outputs(), constants)

    def _mask(self, k: int, constants: list[onnx.TensorProto]) -> onnx.NodeProto:
        """A branch's three masks; the operator's face changed with opset 10."""
        if self.opset < 10:
            return helper.make_node("Slice", ["action_masks"], [f"mask{k}"], axes=[1], starts=[3 * k], ends=[3 * k + 3])
        bounds = {f"start{k}": 3 * k, f"end{k}": 3 * k + 3, f"axis{k}": 1}
        constants += [onnx.numpy_helper.from_array(np.array([v]), n) for n, v in bounds.items()]
        return helper.make_node("Slice", ["action_masks", *bounds], [f"mask{k}"])

    def _inputs(self) -> list[onnx.ValueInfoProto]:
        given = {**self.observations, **({"action_masks": self.masks} if self.masks else {})}
        inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", w]) for n, w in given.items()]
        if self.memory:
            inputs.append(helper.make_tensor_value_info("recurrent_in", TensorProto.FLOAT, ["batch", 1, self.memory]))
        return inputs

    def _outputs(self) -> list[onnx.ValueInfoProto]:
        kind, width = (TensorProto.FLOAT, 9) if self.api == 2 else (TensorProto.INT64, 3)
        outputs = [helper.make_tensor_value_info("discrete_actions", kind, ["batch", width])]
        if self.memory:
            outputs.append(helper.make_tensor_value_info("recurrent_out", TensorProto.FLOAT, ["batch", 1, self.memory]))
        return outputs

    def model(self) -> onnx.ModelProto:
        return helper.make_model(self.graph(), ir_version=6, opset_imports=[helper.make_opsetid("", self.opset)])


@pytest.fixture
def export() -> type[Export]:
    return Export


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes | onnx.ModelProto], Path]:
    """Write bytes or a model to `policy.onnx`."""

    def save(what: bytes | onnx.ModelProto) -> Path:
        path = tmp_path / "policy.onnx"
        path.write_bytes(what if isinstance(what, bytes) else what.SerializeToString())
        return path

    return save


@pytest.fixture
def real() -> Callable[[str], Path]:
    """The path of a real policy; a test that needs one is skipped, by name, where it is not there."""

    def find(name: str) -> Path:
        path = POLICIES / f"{name}.onnx"
        if not path.is_file():
            pytest.skip(f"the real policy {name}.onnx is not in {POLICIES}")
        return path

    return find


@pytest.fixture
def records() -> Callable[..., list[MatchRecord]]:
    """Match records from pair outcomes: counts of pairs that scored 0, 0.25, 0.5, 0.75 and 1 for a."""
    halves = ((0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (1.0, 0.5), (1.0, 1.0))

    def make(counts: tuple[int, ...], b: str = "b", first: int = 0) -> list[MatchRecord]:
        made: list[MatchRecord] = []
        for outcome, count in enumerate(counts):
            for _ in range(count):
                pair = first + len(made) // 2
                made += [record(2 * pair + k, halves[outcome][k], b=b) for k in (0, 1)]
        return made

    return make
