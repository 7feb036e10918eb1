"""An ONNX export's rewiring to one face: observations in, log-probabilities out, its samplers cut off.

An export by ML-Agents draws its actions inside the graph, and onnxruntime's samplers are neither independent between
the three branches nor between two sessions of a process. So the samplers are cut off, and every convention (API
version 2 and 3, one observation of 336 or two of 264 and 72, recurrent or not) comes out with the same inputs and
outputs:

    observations [rows, 336], action_masks [rows, 9], memory [rows, 1, M] (recurrent graphs only)
        -> log_probabilities [rows, 9], memory_out [rows, 1, M]
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from trials.arena.players import onnx_external, onnx_game, onnx_limits
from trials.arena.players.onnx_fusion import fuse
from trials.arena.players.onnx_game import ALL, BACKWARD, BRANCHES, FORWARD, MASK_WIDTH
from trials.errors import BadPolicy

OBSERVATIONS, MASKS, MEMORY = "arena/observations", "arena/action_masks", "arena/memory"
LOG_PROBABILITIES, MEMORY_OUT = "arena/log_probabilities", "arena/memory_out"

SLICES = {FORWARD: (0, FORWARD), BACKWARD: (FORWARD, ALL), ALL: (0, ALL)}

MAX_MEMORY = 4_096  # floats of recurrent state per agent; ML-Agents' default is 128
OPSETS = range(7, 24)

HARMLESS_AFTER_SAMPLING = frozenset(("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"))


@dataclass(frozen=True)
class Rewired:
    """A graph with the arena's inputs and outputs."""

    model: bytes
    memory: int
    """Floats of recurrent state per agent, 0 where there is none."""


def rewire(data: bytes, name: str, others: Mapping[str, bytes] | None = None) -> Rewired:
    """Check the bytes of an ONNX file and give its graph the arena's face. Raises BadPolicy, one line naming `name`.

    `others` are the files beside it (trials.arena.players.onnx_external).
    """
    model = _parse(data, name)
    _take_in(model, others or {}, name)
    graph = model.graph
    held = {t.name for t in graph.initializer}
    inputs = {i.name: i for i in graph.input if i.name not in held}
    observed = _observations(model, inputs, name)
    memory = _memory(inputs, {o.name for o in graph.output}, name)
    branches = _log_probabilities(model, name)
    kept = _needed(graph.node, {*branches, *(["recurrent_out"] if memory else [])})
    opset = _opset(model, name)
    nodes = [
        *_slices(observed, opset),
        helper.make_node("Identity", [MASKS], ["action_masks"]),
        *([helper.make_node("Identity", [MEMORY], ["recurrent_in"])] if memory else []),
        *kept,
        helper.make_node("Concat", branches, [LOG_PROBABILITIES], axis=1),
        *([helper.make_node("Identity", ["recurrent_out"], [MEMORY_OUT])] if memory else []),
    ]
    onnx_limits.refuse_strangers(kept, _used(graph.initializer, nodes), name)
    nodes, constants = fuse(nodes, list(graph.initializer), OBSERVATIONS, ALL, opset)
    constants = _used(constants, nodes)
    onnx_limits.bound_cost(_assemble(model, nodes, constants, memory, onnx_limits.TRIAL_ROWS), name)
    return Rewired(_assemble(model, nodes, constants, memory, "rows").SerializeToString(), memory)


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


def _observations(model: ModelProto, inputs: dict[str, ValueInfoProto], name: str) -> dict[str, int]:
    """Observation inputs by name and width. Told apart by width: forks of ML-Agents order them differently."""
    if onnx_game.width(inputs.get("action_masks", ValueInfoProto())) != MASK_WIDTH:
        raise BadPolicy(
            f"a policy must take action_masks [rows, {MASK_WIDTH}], but {name} does not; {onnx_game.origin(model)}",
            "spaces",
        )
    widths = {n: onnx_game.width(v) for n, v in inputs.items() if n not in ("action_masks", "recurrent_in")}
    if sorted(widths.values()) not in ([ALL], [FORWARD], [BACKWARD], [BACKWARD, FORWARD]):
        seen = ", ".join(f"{n} ({w or 'not a float matrix'})" for n, w in list(widths.items())[:4]) or "nothing"
        raise BadPolicy(
            f"a SoccerTwos policy must see {FORWARD} and {BACKWARD} floats, {ALL}, or {FORWARD} alone, but {name} sees"
            f" {seen}; it was trained for another game{onnx_game.also(model)}",
            "spaces",
        )
    return widths


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


def _log_probabilities(model: ModelProto, name: str) -> list[str]:
    """Tensors that side by side are the nine log-probabilities: what feeds the samplers (API 3), or the output (2)."""
    outputs = {o.name: o for o in model.graph.output}
    made_by = {tensor: node for node in model.graph.node for tensor in node.output}
    output = outputs.get("discrete_actions")
    if output is None:
        raise BadPolicy(
            f"a SoccerTwos policy must give discrete_actions, but {name} gives {', '.join(list(outputs)[:5])};"
            f" {onnx_game.origin(model)}",
            "spaces",
        )
    if onnx_game.width(output) == MASK_WIDTH:
        return [output.name]
    joined = _before(made_by, output.name)
    samplers = [_before(made_by, i) for i in joined.input] if joined is not None and joined.op_type == "Concat" else []
    if len(samplers) != BRANCHES or not all(s is not None and s.op_type == "Multinomial" for s in samplers):
        raise BadPolicy(
            f"discrete_actions must join {BRANCHES} samplers, one a branch, or be log-probabilities, but in {name} it"
            f" is neither; {onnx_external.EXPORT}",
            "spaces",
        )
    return [s.input[0] for s in samplers if s is not None]


def _before(made_by: dict[str, NodeProto], tensor: str) -> NodeProto | None:
    """The node that made a tensor, looking through what only changes type or shape."""
    node = made_by.get(tensor)
    for _ in range(8):
        if node is None or node.op_type not in HARMLESS_AFTER_SAMPLING or not node.input:
            return node
        node = made_by.get(node.input[0])
    return None


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


def _slices(observed: dict[str, int], opset: int) -> Iterator[NodeProto]:
    """Nodes that cut each observation input out of the 336 columns."""
    for number, (name, width) in enumerate(observed.items()):
        start, end = SLICES[width]
        if width == ALL:
            yield helper.make_node("Identity", [OBSERVATIONS], [name])
        elif opset < 10:
            yield helper.make_node("Slice", [OBSERVATIONS], [name], axes=[1], starts=[start], ends=[end])
        else:
            bounds = {f"arena/{what}{number}": v for what, v in (("start", start), ("end", end), ("axis", 1))}
            for tensor, value in bounds.items():
                constant = helper.make_tensor(tensor, TensorProto.INT64, [1], [value])
                yield helper.make_node("Constant", [], [tensor], value=constant)
            yield helper.make_node("Slice", [OBSERVATIONS, *bounds], [name])


def _assemble(
    model: ModelProto, nodes: list[NodeProto], constants: list[TensorProto], memory: int, rows: int | str
) -> ModelProto:
    def face(names: list[str], widths: list[list[int]]) -> list[ValueInfoProto]:
        return [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [rows, *w])
            for n, w in zip(names, widths, strict=True)
            if memory or n not in (MEMORY, MEMORY_OUT)
        ]

    graph = helper.make_graph(
        nodes,
        "policy",
        face([OBSERVATIONS, MASKS, MEMORY], [[ALL], [MASK_WIDTH], [1, memory]]),
        face([LOG_PROBABILITIES, MEMORY_OUT], [[MASK_WIDTH], [1, memory]]),
        constants,
    )
    opsets = [o for o in model.opset_import if o.domain in ("", "ai.onnx")]
    return helper.make_model(graph, ir_version=model.ir_version, opset_imports=opsets)
