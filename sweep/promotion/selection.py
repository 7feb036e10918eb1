"""Which policy of a run is to be promoted: the one it carries on, or a trial's."""

from collections.abc import Sequence

from reports.model.bundle import Product
from trials import run_state
from trials.errors import SetupError
from trials.events import Event, TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder
from trials.records import Candidate


def product_of(run: RunFolder, events: Sequence[Event], trial: int | None) -> Product:
    """The policy that the run carries on, or that of a trial. Raises SetupError."""
    own = run_state.carried_on(events)
    specs = {event.spec.number: event.spec for event in events if isinstance(event, TrialBegan)}
    if trial is None:
        if own is None:
            raise SetupError(
                f"a promotion needs a trial that was trained for the whole budget, but {run.path} has none; name one:"
                " --trial N, see `sweep status`"
            )
        return Product(run, specs[own.trial], own, True)
    if trial not in specs:
        raise SetupError(
            f"--trial must be one of the run's, 0 to {max(specs, default=0)}, but got {trial}; see `sweep status`"
        )
    mine = own if own is not None and own.trial == trial else _last(events, trial)
    if mine is None:
        raise SetupError(f"--trial must have exported a policy, but trial {trial} has none; name another")
    return Product(run, specs[trial], mine, own is not None and mine == own)


def _last(events: Sequence[Event], trial: int) -> Candidate | None:
    """A trial's policy: the last that was rated, else the last that it exported."""
    rated = [e.candidate for e in events if isinstance(e, TrialRated) and e.candidate.trial == trial]
    ended = [e.candidate for e in events if isinstance(e, TrialEnded) and e.trial == trial and e.candidate is not None]
    return rated[-1] if rated else ended[-1] if ended else None
