"""A proposal as a complete trial: a function of a sweep's settings and its space."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search_spaces import Space, check_config, course, reference, render, scale
from sweep.search import study as studies
from sweep.settings import Settings
from trials.errors import BadTrial, SetupError
from trials.records import TrialSpec, Value

MAX_PASSED_OVER = 100
"""Proposals in a row that may break a relation before the sweep gives up."""

Render = Callable[[int, dict[str, Value]], TrialSpec]
"""A proposal (number, parameters) as a complete spec."""


def renderer(settings: Settings, space: Space) -> Any:
    """A function from a proposal to a complete spec, every trial's step-based keys scaled by the same factor."""

    factor_from = reference(space)

    def spec(number: int, params: Mapping[str, Value]) -> TrialSpec:
        first = number == 0 and bool(space.parameters)
        config, _ = scale(course(space) if first else render(space, params), settings.steps, factor_from)
        check_config(config, None if first else space)
        return TrialSpec(
            number=number,
            origin="course" if first or space.name == "course" else "sampled" if space.parameters else "fixed",
            params=dict(params),
            config=config,
            seed=settings.training_seed(number),
            steps=settings.steps,
            fields=settings.fields,
            threads=settings.threads,
            rungs=settings.rungs,
            executable=settings.executable,
            trainer=None if settings.trainer is None else str(Path(settings.trainer).expanduser().absolute()),
            device=settings.torch_device,
            stall_seconds=settings.stall_seconds,
        )

    return spec


def proposed(study: studies.Study, space: Space, fill: Render) -> tuple[studies.Proposal, TrialSpec]:
    """A proposal that keeps every relation between keys; one that does not is told to the study and passed over.

    Raises SetupError where too many in a row do not.
    """
    for _ in range(MAX_PASSED_OVER):
        proposal, params = studies.propose(study, space)
        try:
            return proposal, fill(studies.number_of(study, proposal), params)
        except BadTrial as error:
            refused = error
            studies.tell(study, proposal, [], "failed")
    raise SetupError(f"proposals must keep the space's relations, but {MAX_PASSED_OVER} in a row did not: {refused}")
