"""Numbers of the command line: finite ones, within bounds; every option that takes one has its type from here."""

import math
from typing import Any

import click

YEAR = 365 * 86400.0


class Finite(click.FloatRange):
    """A float, never NaN or infinite, which click's own ranges let pass: nothing is below or above NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises click.BadParameter."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"it must be a finite number, but got {value}", param, ctx)
        return number


ELO = Finite(-10_000, 10_000)
ELO_OF_A_TEST = Finite(-1000, 1000)
SECONDS = Finite(0, YEAR, min_open=True)
PROBABILITY = Finite(0, 0.5, min_open=True, max_open=True)
