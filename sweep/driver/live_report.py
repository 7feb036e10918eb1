"""A report that is written again as the sweep goes on, until it ends."""

import time
from collections.abc import Callable

from reports.run import page
from trials import ledger, run_state
from trials.folder import RunFolder

EVERY = 10.0
"""Seconds between two readings of the page, at least."""
SHARE = 5.0
"""A report is written at most one part in so many of the time, however large it has become."""


def follow(run: RunFolder, say: Callable[[str], None], every: float = EVERY) -> None:
    """Write the report whenever the run has more to tell; the page reads itself again meanwhile.

    Returns when the sweep has ended, or at Ctrl+C; the last page is left without a clock. A sweep whose driver died
    is waited for: `sweep resume` goes on with it. Raises SetupError where there is no readable ledger.
    """
    seen: object = None
    took = 0.0
    try:
        while True:
            told = _heard(run)
            if told != seen:
                began = time.monotonic()
                ended = run_state.end_of(ledger.read(run.ledger)) is not None
                path = page.build(run, refresh=None if ended else max(every, SHARE * took))
                took = time.monotonic() - began
                if seen is None or ended:
                    say(str(path) if ended else f"{path}: open it; it follows the sweep until that ends, or Ctrl+C")
                if ended:
                    return
                seen = told
            time.sleep(max(every, SHARE * took) if took else every)
    except KeyboardInterrupt:
        page.build(run)


def _heard(run: RunFolder) -> tuple[tuple[str, int], ...]:
    """Size of everything a report is made of: it only grows."""
    files = [run.ledger, *sorted(run.trials.glob(f"*/{run.trial(0).metrics.name}"))]
    return tuple((str(path), path.stat().st_size) for path in files if path.exists())
