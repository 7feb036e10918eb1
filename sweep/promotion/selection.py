"""Which run and which of its policies are to be promoted: the newest that was completed, and what it carries on."""

from collections.abc import Callable, Sequence
from pathlib import Path

from reports.model.bundle import Product
from sweep.models import RUNS
from trials import ledger, policies, run_state
from trials.errors import SetupError, SweepError, UsageError
from trials.events import Event, TrialBegan
from trials.folder import RunFolder


def newest(runs: Path = RUNS, tell: Callable[[str], object] = lambda note: None) -> RunFolder:
    """The run in the folder that was completed last; `tell` is told of those whose ledgers cannot be read.

    Raises SetupError where none was.
    """
    found: list[tuple[float, RunFolder]] = []
    odd: list[str] = []
    for path in sorted(runs.glob("*/ledger.jsonl")):
        try:
            end = run_state.end_of(ledger.read(path))
        except (SweepError, OSError) as error:
            odd.append(f"{path.parent.name} ({error})")
            continue
        if end is not None and end.state == "complete":
            found.append((end.time, RunFolder(path.parent)))
    if odd:
        others = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
        tell(f"passed over, because its ledger cannot be read: {odd[0]}{others}")
    if not found:
        raise SetupError(
            f"a promotion needs a finished run, but {runs} has none; `make sweep` makes one, `sweep resume` ends one,"
            " or name the run"
        )
    return max(found, key=lambda pair: pair[0])[1]


def product_of(run: RunFolder, events: Sequence[Event], trial: int | None) -> Product:
    """The policy that the run carries on, or that of a trial. Raises SetupError."""
    own = policies.best(events)
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
