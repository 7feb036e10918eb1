"""Which policy of a run is to be promoted: the one it carries on, or a trial's."""

from collections.abc import Sequence

from reports.model.bundle import Product
from trials import policies, run_state
from trials.errors import SetupError, UsageError
from trials.events import Event, TrialBegan
from trials.folder import RunFolder


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
        raise UsageError(
            f"--trial must be one of the run's, 0 to {max(specs, default=0)}, but got {trial}; see `sweep status`"
        )
    mine = policies.of_trial(events, trial)
    if mine is None:
        raise UsageError(f"--trial must have exported a policy, but trial {trial} has none; name another")
    return Product(run, specs[trial], mine, mine == own)
