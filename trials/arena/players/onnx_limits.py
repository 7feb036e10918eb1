"""Whether a graph may be run at all: its operators, its numbers and its cost, told before anything runs.

A file from the internet is untrusted. It is run only if it is made of the operators below, has no control flow, and
needs bounded memory and time by its shapes. Numbers kept in other files are in it by then
(trials.arena.players.onnx_external). What merely reading a file may cost
is bounded by its size, and for a stranger's file by trials.arena.players.sandbox.
"""

import math
from collections.abc import Iterator

from onnx import ModelProto, NodeProto, TensorProto, shape_inference

from trials.arena.players.onnx_external import EXPORT
from trials.errors import BadPolicy, reason

MAX_NODES = 2_000  # ML-Agents writes 30 to 100
MAX_PARAMETERS = 16_000_000  # numbers in the file; the course's network has 439,000
MAX_FLOATS = 1 << 17  # intermediate floats per row: 0.5 MiB
MAX_PRODUCTS = 1 << 25  # multiplications per row, 64 times the course's network
TRIAL_ROWS = 16  # rows at which the cost is worked out

# fmt: off
OPERATORS = frozenset((
    "Add", "Div", "Mul", "Sub", "Sum", "Mean", "Max", "Min", "Pow", "Sqrt", "Reciprocal", "Abs", "Neg", "Sign",
    "Floor", "Ceil", "Round", "Clip", "Exp", "Log", "Erf", "And", "Or", "Not", "Equal", "Greater", "Less", "Where",
    "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Gelu", "Mish",
    "Softplus", "Softsign", "Softmax", "LogSoftmax", "BatchNormalization", "LayerNormalization", "Dropout",
    "Gemm", "MatMul", "LSTM", "GRU", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum",
    "Cast", "Concat", "Constant", "Flatten", "Gather", "Identity", "Reshape", "Shape", "Slice", "Split", "Squeeze",
    "Transpose", "Unsqueeze",
))
# fmt: on


def refuse_odd(model: ModelProto, name: str) -> None:
    """Refuse a model that is too large to look into, damaged, or brings functions of its own. Raises BadPolicy."""
    if len(model.graph.node) > MAX_NODES:
        raise BadPolicy(
            f"a policy's graph must have at most {MAX_NODES} nodes, but {name} has {len(model.graph.node)}; {EXPORT}"
        )
    if not all(isinstance(text, str) for text in _names(model)):
        raise BadPolicy(
            f"{name} must be a whole ONNX file, but it holds names that are not text; download it again", "file"
        )
    if not all(node.output and (node.input or node.op_type == "Constant") for node in model.graph.node):
        raise BadPolicy(
            f"a policy's operators must have inputs and outputs, but {name} has one without; download it again", "file"
        )
    if model.functions:
        raise BadPolicy(f"a policy must use ordinary ONNX operators, but {name} brings functions of its own; {EXPORT}")


def _names(model: ModelProto) -> Iterator[object]:
    """Every name in a graph; those of a damaged file may be bytes that are no text."""
    graph = model.graph
    for node in graph.node:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output, *(a.name for a in node.attribute))
    for value in (*graph.input, *graph.output):
        yield value.name
        yield from (d.dim_param for d in value.type.tensor_type.shape.dim)
    yield from (tensor.name for tensor in graph.initializer)
    yield from (opset.domain for opset in model.opset_import)


def refuse_strangers(nodes: list[NodeProto], constants: list[TensorProto], name: str) -> None:
    """Refuse operators that are no arithmetic, graphs in graphs, and too many numbers. Raises BadPolicy."""
    tensors = list(constants)
    for node in nodes:
        if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
            operator = f"{node.domain}::{node.op_type}".removeprefix("::")
            raise BadPolicy(
                f"a policy must be made of ordinary arithmetic, but {name} uses the operator {operator[:60]}; {EXPORT}"
            )
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs or attribute.HasField("sparse_tensor"):
                raise BadPolicy(
                    f"a policy must be a plain graph, but {name} nests graphs or sparse tensors in {node.op_type};"
                    f" {EXPORT}"
                )
            tensors += [attribute.t, *attribute.tensors]
    parameters = sum(math.prod(t.dims) for t in tensors)
    if parameters > MAX_PARAMETERS or any(d < 0 for t in tensors for d in t.dims):
        raise BadPolicy(
            f"a policy must have at most {MAX_PARAMETERS:,} parameters, but {name} has {parameters:,}; use a smaller"
            " network"
        )


def bound_cost(model: ModelProto, name: str) -> None:
    """Refuse a graph that would need much memory or time, or whose need cannot be told. Raises BadPolicy."""
    try:
        shapes = _shapes(model)
        if _counted_from_the_front(model, shapes):
            shapes = _shapes(model)
    except (shape_inference.InferenceError, ValueError) as error:
        raise BadPolicy(
            f"the shapes in a policy must fit each other, but those of {name} do not ({reason(error, 280)}); {EXPORT}"
        ) from None
    floats = products = 0
    for node in model.graph.node:
        unknown = [t for t in node.output if t and t not in shapes]
        if unknown:
            raise BadPolicy(
                f"a policy's cost must be known before it runs, but {name} hides the shape of {unknown[0][:60]};"
                f" {EXPORT}"
            )
        floats += sum(math.prod(shapes[t]) for t in node.output if t)
        products += _products(node, shapes)
    if floats > MAX_FLOATS * TRIAL_ROWS or products > MAX_PRODUCTS * TRIAL_ROWS:
        raise BadPolicy(
            f"a policy must need at most {MAX_FLOATS:,} floats and {MAX_PRODUCTS:,} products an observation, but {name}"
            f" needs {floats // TRIAL_ROWS:,} and {products // TRIAL_ROWS:,}; use a smaller network"
        )


def _shapes(model: ModelProto) -> dict[str, list[int]]:
    """Every tensor's shape that onnx can infer; it believes nothing the file says about the tensors between."""
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = {t.name: list(t.dims) for t in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims):
            shapes[value.name] = [d.dim_value for d in dims]
    return shapes


def _counted_from_the_front(model: ModelProto, shapes: dict[str, list[int]]) -> bool:
    """Turn axes counted from the back, which onnx cannot infer before opset 11 but torch writes around an LSTM."""
    changed = False
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Concat" and attribute.name == "axis" and attribute.i < 0 and node.input[0] in shapes:
                attribute.i += len(shapes[node.input[0]])
                changed = True
    return changed


def _products(node: NodeProto, shapes: dict[str, list[int]]) -> int:
    """Multiplications of a node, an upper bound."""
    size = sum(math.prod(shapes[t]) for t in node.output if t)
    if node.op_type in ("Gemm", "MatMul"):
        return size * max(shapes[node.input[0]], default=1)
    if node.op_type in ("LSTM", "GRU"):
        sequence, batch = shapes[node.input[0]][:2]
        return sequence * batch * sum(math.prod(shapes[t]) for t in node.input[1:3])
    return size
