"""Which game an ONNX export by ML-Agents is of: what it shows and takes, told where that is another than is played."""

import math

from onnx import ModelProto, TensorProto, ValueInfoProto, numpy_helper

from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players import onnx_external

FORWARD, BACKWARD, ALL = 264, 72, 336  # floats of an observation: 11 and 3 rays x 8 x 3 stacks, and both
BRANCHES = ACTIONS = 3  # three branches of three actions


def width(value: ValueInfoProto) -> int:
    """Columns of a [rows, columns] float tensor, 0 where it is anything else."""
    tensor = value.type.tensor_type
    dims = tensor.shape.dim
    return dims[1].dim_value if len(dims) == 2 and tensor.elem_type == TensorProto.FLOAT else 0


def also(model: ModelProto, behavior: Behavior) -> str:
    """Which other game that is, behind a colon; empty where nothing tells."""
    return f": {told}" if (told := _game(model, behavior)) else ""


def origin(model: ModelProto, behavior: Behavior) -> str:
    """What to do with a graph that has not this game's face."""
    told = _game(model, behavior)
    return f"it was trained for another game: {told}" if told else onnx_external.EXPORT


def _game(model: ModelProto, behavior: Behavior) -> str:
    """What the game of an export by ML-Agents shows and takes; empty of other programs' graphs."""
    outputs = {o.name: o for o in model.graph.output}
    if "version_number" not in outputs:
        return ""
    own = {t.name for t in model.graph.initializer} | {"action_masks", "recurrent_in"}
    seen = [f"{i.name[:60]} ({shape(i)})" for i in model.graph.input if i.name not in own]
    masked = next((width(i) for i in model.graph.input if i.name == "action_masks"), 0)
    sizes = _branches(model)
    acts = []
    if "continuous_actions" in outputs:
        acts.append(f"continuous_actions ({shape(outputs['continuous_actions'])})")
    if "discrete_actions" in outputs or sizes or masked:
        acts.append(f"discrete actions ({' + '.join(map(str, sizes)) or masked or 'of an unknown number'})")
    if not acts:
        acts = [f"{name[:60]} ({shape(o)})" for name, o in outputs.items() if name in ("action", "actions")]
    ours = f"where the game is {behavior}"
    if behavior == SOCCER:
        ours = (
            f"where SoccerTwos shows {FORWARD} and {BACKWARD} floats, or {ALL}, and takes discrete actions"
            f" ({' + '.join([str(ACTIONS)] * BRANCHES)})"
        )
    return (
        f"ML-Agents exported it from one that shows {', '.join(seen[:6]) or 'nothing'} and takes"
        f" {' and '.join(acts) or 'nothing'}, {ours}"
    )


def shape(value: ValueInfoProto) -> str:
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
