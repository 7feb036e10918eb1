"""Values of the command line: whole numbers within bounds, finite ones, words with a suggestion for a misspelt one."""

import math
from typing import Any

import click

from sweep.matches.conditions import Whole
from trials.errors import did_you_mean

YEAR = 365 * 86400.0


class Finite(click.FloatRange):
    """A float, never NaN or infinite, which click's own ranges let pass: nothing is below or above NaN."""

    name = "float"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises click.BadParameter."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"it must be a finite number, but got {value}", param, ctx)
        return number

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()


class Count(click.IntRange):
    """A whole number within the bounds that the Python API has too."""

    name = "integer"

    def __init__(self, bounds: Whole) -> None:
        super().__init__(bounds.low, bounds.high)
        self.bounds = bounds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises click.BadParameter."""
        number = click.INT.convert(value, param, ctx)
        if fault := self.bounds.fault(number):
            self.fail(f"it {fault}", param, ctx)
        return int(number)

    def _describe_range(self) -> str:
        return f"{self.bounds.low:,} to {self.bounds.high:,}{', even' if self.bounds.even else ''}"


class Choice(click.Choice[str]):
    """One of a few words; a misspelt one is told the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click.BadParameter."""
        if value not in self.choices:
            near = did_you_mean(str(value), self.choices) or "name one"
            self.fail(f"it must be one of {', '.join(self.choices)}, but got {value}; {near}", param, ctx)
        return str(super().convert(value, param, ctx))


ELO = Finite(-10_000, 10_000)
ELO_OF_A_TEST = Finite(-1000, 1000)
SECONDS = Finite(0, YEAR, min_open=True)
PROBABILITY = Finite(0, 0.5, min_open=True, max_open=True)
