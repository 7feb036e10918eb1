"""The summaries of a trainer that runs none of our code, from the TensorBoard event files that it writes.

Source: mlagents 1.1.0 `trainers/stats.py` (TensorboardWriter): a file for each behavior, flushed after each statistic.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = "*/events.out.tfevents.*"


class EventFiles:
    """Owns the readers of the event files that one start of a trainer writes below `results`."""

    def __init__(self, results: Path, after: int) -> None:
        """What is there already is an earlier start's; `after`: the step up to which summaries are known from those."""
        self._results, self._told = results, after
        self._old = set(results.glob(FILES))
        self._readers: dict[Path, Any] = {}
        self._newest: tuple[int, set[str]] = (0, set())
        self.step = 0
        """Of the newest summary, whole or not."""

    def new(self, ended: bool) -> Iterator[tuple[int, dict[str, float]]]:
        """Whole summaries not told before: (step, statistic: mean), fewest steps first.

        Until its trainer has `ended` the newest counts as whole once a second look finds no more statistics in it.
        """
        found: dict[int, dict[str, float]] = {}
        for path in sorted({*self._results.glob(FILES)} - self._old):
            for step, name, value in self._untold(path):
                found.setdefault(step, {})[name] = value
        before, self._newest = self._newest, (self.step, set(found.get(self.step, ())))
        whole = ended or before == self._newest
        for step in sorted(found):
            if step < self.step or whole:
                self._told = step
                yield step, found[step]

    def _untold(self, path: Path) -> Iterator[tuple[int, str, float]]:
        """Step, statistic and mean of all that is in a file and was not told."""
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        if path not in self._readers:
            self._readers[path] = EventAccumulator(str(path), size_guidance={"scalars": 0})
        reader = self._readers[path].Reload()  # reads on where it stopped, in mid-record too
        for name in reader.Tags()["scalars"]:
            for event in reversed(reader.Scalars(name)):
                self.step = max(self.step, event.step)
                if event.step <= self._told:
                    break
                yield event.step, name, float(event.value)
