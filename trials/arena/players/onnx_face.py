"""ML-Agents' conventions: which of an export's inputs and outputs are what, and whether they fit a behavior."""

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players.onnx_external import EXPORT
from trials.arena.players.onnx_game import ALL, BACKWARD, FORWARD, also, origin, shape, width
from trials.errors import BadPolicy

SLICES = {FORWARD: (0, FORWARD), BACKWARD: (FORWARD, ALL), ALL: (0, ALL)}
HARMLESS_AFTER_SAMPLING = frozenset(("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"))


def columns(
    model: ModelProto, inputs: dict[str, ValueInfoProto], behavior: Behavior, name: str
) -> dict[str, tuple[int, int]]:
    """Inputs of a graph, and which columns of a behavior's row each is. Raises BadPolicy where they do not fit."""
    masks = inputs.get("action_masks", ValueInfoProto())
    if behavior.branches and width(masks) != behavior.discrete:
        raise BadPolicy(
            f"a policy must take action_masks [rows, {behavior.discrete}], but {name} does not;"
            f" {origin(model, behavior)}",
            "spaces",
        )
    widths = {n: width(v) for n, v in inputs.items() if n not in ("action_masks", "recurrent_in")}
    if behavior == SOCCER:
        return _soccer(model, widths, name)
    wanted = {f"obs_{number}": width for number, width in enumerate(behavior.observations)}
    if widths != wanted:
        seen = ", ".join(f"{n} ({shape(inputs[n])})" for n in list(widths)[:4]) or "nothing"
        raise BadPolicy(
            f"a policy must be of the game's behavior, {behavior}, but {name} sees {seen}; it was trained for another"
            " game",
            "spaces",
        )
    ends = np.cumsum(behavior.observations).tolist()
    found = {n: (end - width, end) for (n, width), end in zip(wanted.items(), ends, strict=True)}
    return found | ({"action_masks": (ends[-1], behavior.sight)} if behavior.masked and behavior.branches else {})


def _soccer(model: ModelProto, widths: dict[str, int], name: str) -> dict[str, tuple[int, int]]:
    """Columns of observations told apart by their width: forks of ML-Agents order them differently."""
    if sorted(widths.values()) not in ([ALL], [FORWARD], [BACKWARD, FORWARD]):
        seen = ", ".join(f"{n} ({w or 'not a float matrix'})" for n, w in list(widths.items())[:4]) or "nothing"
        raise BadPolicy(
            f"a SoccerTwos policy must see {FORWARD} and {BACKWARD} floats, {ALL}, or {FORWARD} alone, but {name} sees"
            f" {seen}; it was trained for another game{also(model, SOCCER)}",
            "spaces",
        )
    return {n: SLICES[width] for n, width in widths.items()}


def answers(model: ModelProto, behavior: Behavior, name: str) -> list[str]:
    """Tensors that side by side are a behavior's answer. Raises BadPolicy where the graph has none."""
    outputs = {o.name: o for o in model.graph.output}
    parts = _log_probabilities(model, outputs, behavior, name) if behavior.branches else []
    if behavior.continuous:
        output = outputs.get("continuous_actions")
        if output is None or width(output) != behavior.continuous:
            raise BadPolicy(
                f"a policy must give continuous_actions [rows, {behavior.continuous}], but {name} does not;"
                f" {origin(model, behavior)}",
                "spaces",
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
            f" {len(drawn)} times, with {', '.join(odd) or 'nothing'} set; {EXPORT}",
            "spaces",
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
            f" {origin(model, behavior)}",
            "spaces",
        )
    if width(output) == behavior.discrete:
        return [output.name]
    joined = _before(made_by, output.name)
    samplers = [_before(made_by, i) for i in joined.input] if joined is not None and joined.op_type == "Concat" else []
    count = len(behavior.branches)
    if len(samplers) != count or not all(s is not None and s.op_type == "Multinomial" for s in samplers):
        raise BadPolicy(
            f"discrete_actions must join {count} samplers, one a branch, or be log-probabilities, but in {name} it"
            f" is neither; {EXPORT}",
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
