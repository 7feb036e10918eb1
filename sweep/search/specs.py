"""A proposal as a complete trial: a function of a sweep's settings and its space."""

from collections.abc import Callable, Mapping

from search_spaces import Space, check_config, course, reference, render, scale
from search_spaces.keys import BEHAVIOR
from sweep.settings import Settings
from trials.records import TrialSpec, Value

Render = Callable[[int, Mapping[str, Value]], TrialSpec]
"""A proposal (number, parameters) as a complete spec. Raises BadTrial where a relation between keys does not hold."""


def renderer(settings: Settings, space: Space) -> Render:
    """A function from a proposal to a complete spec, every trial's step-based keys scaled by the same factor."""

    factor_from = reference(space)
    alone = not space.parameters and space.behavior == BEHAVIOR  # such a file may be the course's own
    theirs = scale(course(space), settings.steps, factor_from)[0] if alone else None

    def spec(number: int, params: Mapping[str, Value]) -> TrialSpec:
        first = number == 0 and bool(space.parameters)
        config, _ = scale(course(space) if first else render(space, params), settings.steps, factor_from)
        check_config(config, None if first else space)
        return TrialSpec(
            number=number,
            origin="course" if first or config == theirs else "sampled" if space.parameters else "fixed",
            params=dict(params),
            config=config,
            seed=settings.training_seed(number),
            steps=settings.steps,
            fields=settings.fields,
            threads=settings.threads,
            rungs=settings.rungs,
            executable=settings.executable,
            trainer=settings.located().trainer,
            num_envs=settings.num_envs,
            device=settings.torch_device,
            stall_seconds=settings.stall_seconds,
        )

    return spec
