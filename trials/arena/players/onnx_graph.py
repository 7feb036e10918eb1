"""An ONNX export's rewiring to one face: a behavior's rows in, its answers out, its samplers cut off.

An export by ML-Agents draws its actions inside the graph, and onnxruntime's samplers are neither independent between
the branches nor between two sessions of a process. So the samplers are cut off, and every convention (API version 2 and
3, in SoccerTwos one observation of 336 or two of 264 and 72, recurrent or not) comes out with the same inputs and
outputs, of a row and an answer as in trials.arena.games.game.Behavior:

    rows [rows, row], action_masks [rows, actions] (where a behavior masks none), memory [rows, 1, M] (recurrent graphs)
        -> answers [rows, answer], memory_out [rows, 1, M]
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players import onnx_external, onnx_face, onnx_limits
from trials.arena.players.onnx_fusion import fuse
from trials.errors import BadPolicy

ROWS, MASKS, MEMORY = "arena/observations", "arena/action_masks", "arena/memory"
ANSWERS, MEMORY_OUT = "arena/log_probabilities", "arena/memory_out"

MAX_MEMORY = 4_096  # floats of recurrent state per agent; ML-Agents' default is 128
OPSETS = range(7, 24)


def rewire(
    data: bytes, name: str, others: Mapping[str, bytes] | None = None, behavior: Behavior = SOCCER
) -> tuple[bytes, int]:
    """Check the bytes of an ONNX file and give its graph the arena's face. Raises BadPolicy, one line naming `name`.

    `others` are the files beside it (trials.arena.players.onnx_external). Returns the graph, and the floats of
    recurrent state per agent, 0 where there is none.
    """
    model = _parse(data, name)
    _take_in(model, others or {}, name)
    graph = model.graph
    held = {t.name for t in graph.initializer}
    inputs = {i.name: i for i in graph.input if i.name not in held}
    columns = onnx_face.columns(model, inputs, behavior, name)
    memory = _memory(inputs, {o.name for o in graph.output}, name)
    parts = onnx_face.answers(model, behavior, name)
    drawn = onnx_face.noise(model, behavior, name)
    columns |= {tensor: (behavior.sight, behavior.row) for tensor in drawn}
    own = [node for node in graph.node if drawn.isdisjoint(node.output)]
    kept = _needed(own, {*parts, *(["recurrent_out"] if memory else [])})
    opset = _opset(model, name)
    nodes = [
        *onnx_face.slices(columns, ROWS, behavior.row, opset),
        *([helper.make_node("Identity", [MASKS], ["action_masks"])] if asks_masks(behavior) else []),
        *([helper.make_node("Identity", [MEMORY], ["recurrent_in"])] if memory else []),
        *kept,
        helper.make_node("Concat", parts, [ANSWERS], axis=1),
        *([helper.make_node("Identity", ["recurrent_out"], [MEMORY_OUT])] if memory else []),
    ]
    onnx_limits.refuse_strangers(kept, _used(graph.initializer, nodes), name)
    nodes, constants = fuse(nodes, list(graph.initializer), ROWS, behavior.row, opset)
    constants = _used(constants, nodes)
    onnx_limits.bound_cost(_assemble(model, nodes, constants, memory, behavior, onnx_limits.TRIAL_ROWS), name)
    return bytes(_assemble(model, nodes, constants, memory, behavior, "rows").SerializeToString()), memory


def asks_masks(behavior: Behavior) -> bool:
    """Whether a graph has masks as an input of its own: its behavior never masks anything."""
    return bool(behavior.branches) and not behavior.masked


def _parse(data: bytes, name: str) -> ModelProto:
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as error:
        raise BadPolicy(
            f"{name} must be a whole ONNX file, but it cannot be read as one ({error}); download it again", "file"
        ) from None
    if not model.graph.node or not model.graph.output:
        raise BadPolicy(f"{name} must be a whole ONNX file, but it holds no graph; download it again", "file")
    onnx_limits.refuse_odd(model, name)
    return model


def is_whole(data: bytes) -> bool:
    """Whether the bytes of an ONNX file are all there; numbers that it keeps beside it aside."""
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError):
        return False
    return bool(model.graph.output and model.opset_import)


def single(path: Path) -> bytes:
    """An ONNX file with the numbers that it keeps beside it, as one file. Raises BadPolicy, OSError."""
    data = path.read_bytes()
    if not (others := onnx_external.read(path, data)):
        return data
    model = _parse(data, path.name)
    _take_in(model, others, path.name)
    return bytes(model.SerializeToString())


def _take_in(model: ModelProto, others: Mapping[str, bytes], name: str) -> None:
    """Put numbers from other files into the graph's own tensors. Raises BadPolicy."""
    attributes = [attribute for node in model.graph.node for attribute in node.attribute]
    tensors = [*model.graph.initializer, *(a.t for a in attributes if a.HasField("t"))]
    taken = 0
    for tensor in [*tensors, *(tensor for a in attributes for tensor in a.tensors)]:
        if tensor.data_location != TensorProto.EXTERNAL and not tensor.external_data:
            continue
        told = {entry.key: entry.value for entry in tensor.external_data}
        whole = others.get(told.get("location", ""), b"")
        begin, size = _number(told.get("offset", "0")), _number(told.get("length", ""), len(whole))
        size = size if "length" in told else len(whole) - begin
        taken += size
        if not 0 <= begin <= begin + size <= len(whole) or not size or taken > onnx_external.MAX_BYTES:
            raise BadPolicy(
                f"a policy must hold its own numbers, or have them beside it, but {name} keeps them in another file,"
                f" {told.get('location', '')[:80]!r}, which is not whole ({len(whole)} bytes); export it as one file",
                "file",
            )
        tensor.raw_data = whole[begin : begin + size]
        tensor.ClearField("external_data")
        tensor.data_location = TensorProto.DEFAULT


def _number(text: str, other: int = -1) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else other


def _opset(model: ModelProto, name: str) -> int:
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if len(versions) != 1 or versions[0] not in OPSETS:
        raise BadPolicy(
            f"a policy's opset must be {OPSETS[0]} to {OPSETS[-1]}, but {name} has {versions or 'none'};"
            f" {onnx_external.EXPORT}",
            "file",
        )
    return int(versions[0])


def _memory(inputs: dict[str, ValueInfoProto], outputs: set[str], name: str) -> int:
    if "recurrent_in" not in inputs:
        return 0
    dims = [d.dim_value for d in inputs["recurrent_in"].type.tensor_type.shape.dim]
    if len(dims) != 3 or dims[1] != 1 or not 0 < dims[2] <= MAX_MEMORY or "recurrent_out" not in outputs:
        raise BadPolicy(
            f"a recurrent policy must map recurrent_in [rows, 1, at most {MAX_MEMORY}] to recurrent_out, but {name} has"
            f" {dims}; {onnx_external.EXPORT}",
            "spaces",
        )
    return int(dims[2])


def _needed(nodes: Iterable[NodeProto], wanted: set[str]) -> list[NodeProto]:
    """The nodes that `wanted` depends on, in the file's order, which ONNX requires to be topological."""
    kept = []
    wanted = set(wanted)
    for node in reversed(list(nodes)):
        if not wanted.isdisjoint(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]


def _used(tensors: Iterable[TensorProto], nodes: list[NodeProto]) -> list[TensorProto]:
    names = {name for node in nodes for name in node.input}
    return [tensor for tensor in tensors if tensor.name in names]


def _assemble(
    model: ModelProto,
    nodes: list[NodeProto],
    constants: list[TensorProto],
    memory: int,
    behavior: Behavior,
    rows: int | str,
) -> ModelProto:
    def face(*tensors: tuple[str, list[int], bool]) -> list[ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, *width])
            for name, width, there in tensors
            if there
        ]

    graph = helper.make_graph(
        nodes,
        "policy",
        face(
            (ROWS, [behavior.row], True),
            (MASKS, [behavior.discrete], asks_masks(behavior)),
            (MEMORY, [1, memory], bool(memory)),
        ),
        face((ANSWERS, [behavior.answer], True), (MEMORY_OUT, [1, memory], bool(memory))),
        constants,
    )
    opsets = [o for o in model.opset_import if o.domain in ("", "ai.onnx")]
    return helper.make_model(graph, ir_version=model.ir_version, opset_imports=opsets)
