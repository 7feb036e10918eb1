"""What is allowed but worth saying: values outside documented ranges, and relations that some trials may break."""

from collections.abc import Iterator

from search_spaces import keys
from search_spaces.parameters import Derived, is_number
from search_spaces.relations import ADVISED, REQUIRED, Interval, Ranges, Relation
from search_spaces.scaling import BATCHES, reference
from search_spaces.space import Space
from search_spaces.text import flatten, get, show

_AGENTS = 2
"""Agents of the learning team in one field."""


def notes(space: Space, steps: int | None = None, fields: int | None = None) -> list[str]:
    """One line for each thing a reader of the results should know; `space` has passed `check`.

    steps, fields: of a trial; without them the file's own budget, and 8 fields, Unity's.
    """
    budget = steps or space.budget
    fields = fields or space.sweep.fields or 8
    factor = min(1.0, budget / reference(space))
    said: list[str] = []
    for part in space.each:
        ranges, whose = Ranges(part, budget, factor), f"{part.behavior}: " if space.parts else ""
        found = (*_untypical(part), *_loose(ranges), *_self_play(ranges), *_buffer(ranges, fields))
        said += [f"{whose}{note}" for note in found]
    return [*said, *(_unshared(space) if space.behavior == keys.BEHAVIOR else ())]


def _untypical(space: Space) -> Iterator[str]:
    written = Ranges(space, space.budget)
    for path, key in keys.known(space.trainer.get("trainer_type")).items():
        reach = written.of(path) if path in space.parameters or is_number(get(space.trainer, path)) else None
        if key.typical and reach and (reach.low < key.typical[0] or reach.high > key.typical[1]):
            verb = "is" if reach.low == reach.high else "spans"
            yield f"{path} {verb} {reach}; documented as typical: {Interval(*key.typical)}"
    for path in ("self_play.initial_elo", "keep_checkpoints"):
        if path in space.parameters:
            yield f"{path} is a parameter, but changes nothing that matches measure"


def _loose(ranges: Ranges) -> Iterator[str]:
    for relation in REQUIRED:
        if ranges.verdict(relation) == "may fail":
            yield (
                f"{relation.more} {relation.rule} ({relation.why}); some proposals break that and count as failed: "
                f"{relation.mend}"
            )
    for relation in ADVISED:
        if ranges.verdict(relation) != "holds" and not _refused(ranges, relation):
            yield f"{relation.more} is best at least {relation.factor:g} x {relation.less} ({relation.why})"


def _refused(ranges: Ranges, advised: Relation) -> bool:
    """Whether the same two keys already break what is required."""
    return any(
        (relation.more, relation.less) == (advised.more, advised.less) and ranges.verdict(relation) != "holds"
        for relation in REQUIRED
    )


def _self_play(ranges: Ranges) -> Iterator[str]:
    trainer = ranges.space.trainer
    if trainer.get("self_play") is None:
        yield "no self_play section: both teams are trained at once and there are no past opponents"
        return
    many = ranges.ratio("self_play.team_change", "self_play.save_steps")
    if many and many.high > 10 * (1 + 1e-9):
        yield f"self_play.team_change is {many} x self_play.save_steps; documented: 4 to 10 x"
    save, window = ranges.of("self_play.save_steps"), ranges.of("self_play.window")
    if save and window and save.high * window.high > ranges.steps:
        reach = save.high * window.high
        yield f"self_play.window x save_steps reaches {show(reach)} of {ranges.steps} steps: the window may never fill"
    if trainer.get("threaded"):
        yield "threaded is true; the documentation advises false with self-play"


def _buffer(ranges: Ranges, fields: int) -> Iterator[str]:
    space = ranges.space
    buffer, batch = ranges.of("hyperparameters.buffer_size"), ranges.of("hyperparameters.batch_size")
    if buffer and batch and not ranges.named("hyperparameters.buffer_size") and batch.high > buffer.low:
        yield (
            f"hyperparameters.batch_size reaches {show(batch.high)}, more than mlagents' default buffer_size of"
            f" {show(buffer.low)} holds: {BATCHES} x batch_size is taken for it there"
        )
        return
    parameter = space.parameters.get("hyperparameters.buffer_size")
    whole = (
        isinstance(parameter, Derived)
        and parameter.kind == "multiple_of"
        and parameter.of == "hyperparameters.batch_size"
    )
    if buffer and batch and not whole:
        fixed = buffer.low == buffer.high and batch.low == batch.high
        if not fixed or buffer.low % batch.low:
            yield "hyperparameters.buffer_size is not always a multiple of batch_size: mlagents drops the remainder"
    if buffer and buffer.high >= ranges.steps:
        yield f"hyperparameters.buffer_size reaches {show(buffer.high)} of {ranges.steps} steps: there may be no update"
    horizon = ranges.of("time_horizon")
    each = buffer.low / (_AGENTS * fields) if buffer else 0
    if horizon and buffer and horizon.high > each:
        yield (
            f"time_horizon reaches {show(horizon.high)}; a buffer of {show(buffer.low)} holds {each:.0f} decisions"
            f" of each of {_AGENTS * fields} learning agents, so long trajectories span several updates"
        )


def _unshared(space: Space) -> Iterator[str]:
    if not space.parameters or space.behavior != keys.BEHAVIOR:
        return  # the file itself is what is trained
    for path, value in flatten(space.tree.get("environment_parameters") or {}, "environment_parameters").items():
        if get(space.sweep.shared, path) is None:
            yield f"{path} {show(value)} is not in sweep.shared: trial 0 trains without it"
