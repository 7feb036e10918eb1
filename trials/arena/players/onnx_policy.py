"""An ONNX policy as a player, sampled outside its graph; the only module that imports onnxruntime."""

import os
from pathlib import Path

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it sends events to Microsoft by default; read when it is imported

import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import (
    EPFail,
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    RuntimeException,
)
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NotImplementedByOrt

from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players import onnx_external, onnx_graph
from trials.arena.players.onnx_external import EXPORT, MAX_BYTES
from trials.arena.players.player import ROWS, Floats
from trials.errors import BadPolicy, reason

MAX_ROWS = 1024  # of one run: bounds memory, and larger batches are no faster
_ERRORS = (EPFail, Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplementedByOrt, RuntimeException)


class OnnxPolicy:
    """An ONNX file, checked and loaded: a Player. One thread; a row gives the same bits whatever is beside it."""

    def __init__(self, path: Path, behavior: Behavior = SOCCER) -> None:
        """Read, check, load and try the file as a policy of `behavior`. Raises BadPolicy."""
        data = _read(path)
        others = onnx_external.read(path, data)
        model, self.memory = onnx_graph.rewire(data, path.name, others, behavior)
        self.path = path
        self.name = path.stem
        self.id = onnx_external.digest(data, others)
        self._behavior = behavior
        self._masks = np.ones((MAX_ROWS, behavior.discrete), np.float32) if onnx_graph.asks_masks(behavior) else None
        self._session = _session(model, path.name)
        self._try()

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        """As Player.decide. Raises BadPolicy where onnxruntime cannot run the graph on these rows."""
        rows = len(observations)
        if rows % ROWS:
            raise ValueError(f"rows must be a multiple of {ROWS}, but got {rows}; pad them")
        for start in range(0, rows, MAX_ROWS):
            part = slice(start, min(start + MAX_ROWS, rows))
            self._run(observations[part], memory[part], log_probabilities[part])

    def _run(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        feed = {onnx_graph.ROWS: observations}
        if self._masks is not None:
            feed[onnx_graph.MASKS] = self._masks[: len(observations)]
        if self.memory:
            feed[onnx_graph.MEMORY] = memory[:, None, :]
        try:
            answer, *rest = self._session.run(None, feed)
            np.copyto(log_probabilities, answer)
            if self.memory:
                np.copyto(memory, rest[0][:, 0, :])
        except (*_ERRORS, ValueError, IndexError) as error:  # the latter two: a shape that the graph did not promise
            raise BadPolicy(
                f"a policy must run on a batch of observations, but {self.path.name} does not ({reason(error)});"
                f" {EXPORT}"
            ) from None

    def _try(self) -> None:
        """Play nothing yet, but see that answers are probabilities and that rows do not influence each other."""
        mine = self._behavior
        observations = np.random.Generator(np.random.Philox(1)).random((2 * ROWS, mine.row), np.float32)
        observations[: ROWS // 2] = 0
        if mine.masked:
            observations[:, mine.sight - mine.discrete : mine.sight] = 1
        answers = []
        for batch in (observations, observations[::-1].copy()):
            answers.append(np.empty((2 * ROWS, mine.answer), np.float32))
            self.decide(batch, np.zeros((2 * ROWS, self.memory), np.float32), answers[-1])
        with np.errstate(over="ignore"):
            for answer in answers:
                np.exp(answer[:, : mine.discrete], out=answer[:, : mine.discrete])
        branches = np.split(answers[0][:, : mine.discrete], np.cumsum(mine.branches)[:-1].astype(int), axis=1)
        sums = np.array([branch.sum(axis=1) for branch in branches])
        if mine.branches and not np.allclose(sums, 1, atol=1e-3):
            rule = "a policy's actions must have probabilities that sum to 1"
            if np.isnan(sums).any():
                raise BadPolicy(f"{rule}, but {self.path.name} gives NaN; train again with a lower learning_rate")
            worst = sums.flat[np.abs(sums - 1).argmax()]
            raise BadPolicy(f"{rule}, but {self.path.name} gives {worst:.3g}; {EXPORT}", "spaces")
        if not np.isfinite(answers[0]).all():
            rule = "a policy's continuous actions must be finite"
            raise BadPolicy(f"{rule}, but {self.path.name} gives others; train again with a lower learning_rate")
        if not np.allclose(answers[0], answers[1][::-1], atol=1e-3):
            raise BadPolicy(
                f"a policy must look at one agent's observation at a time, but {self.path.name} mixes the batch;"
                f" {EXPORT}"
            )


def _read(path: Path) -> bytes:
    """The whole file, if it is one and of a policy's size."""
    if not path.is_file():
        raise BadPolicy(
            f"a policy must be a file, but {path} is not there; name an ONNX file, or still, random, chaser, house",
            "file",
        )
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise BadPolicy(
            f"a policy must be at most {MAX_BYTES >> 20} MiB, but {path.name} has {size >> 20} MiB; name the one that"
            " was trained",
            "file",
        )
    if not (data := onnx_external.whole(path, path.name)):
        raise BadPolicy(f"a policy must be an ONNX file, but {path.name} is empty; download it again", "file")
    return data


def _session(model: bytes, name: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # what it would log is raised as well
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except (*_ERRORS, ValueError, RuntimeError) as error:
        raise BadPolicy(
            f"onnxruntime must be able to load a policy, but refuses {name} ({reason(error)}); {EXPORT}"
        ) from None
