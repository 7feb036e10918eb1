"""ML-Agents' conventions: which of an export's inputs and outputs are what, and whether they fit a behavior."""

import math
from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.errors import BadPolicy

FORWARD, BACKWARD, ALL = 264, 72, 336  # floats of an observation: 11 and 3 rays x 8 x 3 stacks, and both
SLICES = {FORWARD: (0, FORWARD), BACKWARD: (FORWARD, ALL), ALL: (0, ALL)}
HARMLESS_AFTER_SAMPLING = frozenset(("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"))


def _width(value: ValueInfoProto) -> int:
    """Columns of a [rows, columns] float tensor, 0 where it is anything else."""
    tensor = value.type.tensor_type
    dims = tensor.shape.dim
    return dims[1].dim_value if len(dims) == 2 and tensor.elem_type == TensorProto.FLOAT else 0


def columns(
    model: ModelProto, inputs: dict[str, ValueInfoProto], behavior: Behavior, name: str
) -> dict[str, tuple[int, int]]:
    """Inputs of a graph, and which columns of a behavior's row each is. Raises BadPolicy where they do not fit."""
    masks = inputs.get("action_masks", ValueInfoProto())
    if behavior.branches and _width(masks) != behavior.discrete:
        raise BadPolicy(
            f"a policy must take action_masks [rows, {behavior.discrete}], but {name} does not;"
            f" {_origin(model, behavior)}"
        )
    widths = {n: _width(v) for n, v in inputs.items() if n not in ("action_masks", "recurrent_in")}
    if behavior == SOCCER:
        return _soccer(model, widths, name)
    wanted = {f"obs_{number}": width for number, width in enumerate(behavior.observations)}
    if widths != wanted:
        seen = ", ".join(f"{n} ({_shape(inputs[n])})" for n in list(widths)[:4]) or "nothing"
        raise BadPolicy(
            f"a policy must be of the game's behavior, {behavior}, but {name} sees {seen}; it was trained for another"
            " game"
        )
    ends = np.cumsum(behavior.observations).tolist()
    found = {n: (end - width, end) for (n, width), end in zip(wanted.items(), ends, strict=True)}
    return found | ({"action_masks": (ends[-1], behavior.sight)} if behavior.masked and behavior.branches else {})


def _soccer(model: ModelProto, widths: dict[str, int], name: str) -> dict[str, tuple[int, int]]:
    """Columns of observations told apart by their width: forks of ML-Agents order them differently."""
    if sorted(widths.values()) not in ([ALL], [FORWARD], [BACKWARD], [BACKWARD, FORWARD]):
        seen = ", ".join(f"{n} ({w or 'not a float matrix'})" for n, w in list(widths.items())[:4]) or "nothing"
        raise BadPolicy(
            f"a SoccerTwos policy must see {FORWARD} and {BACKWARD} floats, {ALL}, or {FORWARD} alone, but {name} sees"
            f" {seen}; it was trained for another game{_also(model)}"
        )
    return {n: SLICES[width] for n, width in widths.items()}


def _also(model: ModelProto, behavior: Behavior = SOCCER) -> str:
    return f": {told}" if (told := _game(model, behavior)) else ""


def _origin(model: ModelProto, behavior: Behavior) -> str:
    """What to do with a graph that has not this game's face."""
    told = _game(model, behavior)
    return f"it was trained for another game: {told}" if told else "export it with ML-Agents"


def _game(model: ModelProto, behavior: Behavior) -> str:
    """What the game of an export by ML-Agents shows and takes; empty of other programs' graphs."""
    outputs = {o.name: o for o in model.graph.output}
    if "version_number" not in outputs:
        return ""
    own = {t.name for t in model.graph.initializer} | {"action_masks", "recurrent_in"}
    seen = [f"{i.name[:60]} ({_shape(i)})" for i in model.graph.input if i.name not in own]
    masked = next((_width(i) for i in model.graph.input if i.name == "action_masks"), 0)
    sizes = _branches(model)
    acts = []
    if "continuous_actions" in outputs:
        acts.append(f"continuous_actions ({_shape(outputs['continuous_actions'])})")
    if "discrete_actions" in outputs or sizes or masked:
        acts.append(f"discrete actions ({' + '.join(map(str, sizes)) or masked or 'of an unknown number'})")
    if not acts:
        acts = [f"{name[:60]} ({_shape(o)})" for name, o in outputs.items() if name in ("action", "actions")]
    ours = f"where the game is {behavior}"
    if behavior == SOCCER:
        ours = (
            f"where SoccerTwos shows {FORWARD} and {BACKWARD} floats, or {ALL}, and takes discrete actions"
            f" ({' + '.join(map(str, SOCCER.branches))})"
        )
    return (
        f"ML-Agents exported it from one that shows {', '.join(seen[:6]) or 'nothing'} and takes"
        f" {' and '.join(acts) or 'nothing'}, {ours}"
    )


def _shape(value: ValueInfoProto) -> str:
    """Sizes behind the first, which is the batch's."""
    dims = value.type.tensor_type.shape.dim[1:]
    return " x ".join(str(d.dim_value) if d.dim_value else "?" for d in dims[:6]) or "one number"


def _branches(model: ModelProto) -> list[int]:
    """Sizes of the discrete branches, where an export says them."""
    names = ("discrete_action_output_shape", "discrete_act_size_vector")
    told = next((tensor for tensor in model.graph.initializer if tensor.name in names), None)
    if told is None or not 0 < math.prod(told.dims) <= 64 or told.data_location == TensorProto.EXTERNAL:
        return []
    try:
        return [int(size) for size in numpy_helper.to_array(told).ravel()]
    except (ValueError, TypeError, OverflowError):
        return []


def answers(model: ModelProto, behavior: Behavior, name: str) -> list[str]:
    """Tensors that side by side are a behavior's answer. Raises BadPolicy where the graph has none."""
    outputs = {o.name: o for o in model.graph.output}
    parts = _log_probabilities(model, outputs, behavior, name) if behavior.branches else []
    if behavior.continuous:
        output = outputs.get("continuous_actions")
        if output is None or _width(output) != behavior.continuous:
            raise BadPolicy(
                f"a policy must give continuous_actions [rows, {behavior.continuous}], but {name} does not;"
                f" {_origin(model, behavior)}"
            )
        parts.append(output.name)
    return parts


def noise(model: ModelProto, behavior: Behavior, name: str) -> set[str]:
    """The tensor that a graph draws from the normal distribution for its continuous actions; none: it draws nothing."""
    drawn = [node for node in model.graph.node if node.op_type == "RandomNormalLike"] if behavior.continuous else []
    if len(drawn) > 1 or any(a.name in ("mean", "scale", "seed") for node in drawn for a in node.attribute if a.f):
        odd = [a.name for node in drawn for a in node.attribute]
        raise BadPolicy(
            f"a policy must draw its continuous actions at once, as ML-Agents exports them, but {name} draws"
            f" {len(drawn)} times, with {', '.join(odd) or 'nothing'} set; export it with ML-Agents"
        )
    return {output for node in drawn for output in node.output}


def _log_probabilities(
    model: ModelProto, outputs: dict[str, ValueInfoProto], behavior: Behavior, name: str
) -> list[str]:
    """Tensors that side by side are the log-probabilities: what feeds the samplers (API 3), or the output (2)."""
    made_by = {tensor: node for node in model.graph.node for tensor in node.output}
    output = outputs.get("discrete_actions")
    if output is None:
        raise BadPolicy(
            f"a {behavior.name} policy must give discrete_actions, but {name} gives {', '.join(list(outputs)[:5])};"
            f" {_origin(model, behavior)}"
        )
    if _width(output) == behavior.discrete:
        return [output.name]
    joined = _before(made_by, output.name)
    samplers = [_before(made_by, i) for i in joined.input] if joined is not None and joined.op_type == "Concat" else []
    count = len(behavior.branches)
    if len(samplers) != count or not all(s is not None and s.op_type == "Multinomial" for s in samplers):
        raise BadPolicy(
            f"discrete_actions must join {count} samplers, one a branch, or be log-probabilities, but in {name} it"
            " is neither; export it with ML-Agents"
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


def slices(columns: dict[str, tuple[int, int]], whole: str, width: int, opset: int) -> Iterator[NodeProto]:
    """Nodes that cut tensors out of the columns of `whole`."""
    for number, (name, (start, end)) in enumerate(columns.items()):
        if (start, end) == (0, width):
            yield helper.make_node("Identity", [whole], [name])
        elif opset < 10:
            yield helper.make_node("Slice", [whole], [name], axes=[1], starts=[start], ends=[end])
        else:
            bounds = {f"arena/{what}{number}": v for what, v in (("start", start), ("end", end), ("axis", 1))}
            for tensor, value in bounds.items():
                constant = helper.make_tensor(tensor, TensorProto.INT64, [1], [value])
                yield helper.make_node("Constant", [], [tensor], value=constant)
            yield helper.make_node("Slice", [whole, *bounds], [name])
