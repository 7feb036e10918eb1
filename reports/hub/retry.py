"""How long a request to the Hub is tried again: what passes by itself is waited for, within a bound, and no longer."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trials.errors import SetupError

T = TypeVar("T")
VARIABLE = "SWEEP_HUB_SECONDS"


@dataclass(frozen=True)
class Patience:
    """How long to go on."""

    seconds: float = 300.0
    """From the first try to the last."""
    first: float = 1.0
    """Wait before the second try, seconds; each further wait is twice the one before."""
    longest: float = 30.0
    """Of those waits, seconds; a Retry-After may be longer."""
    answer: float = 60.0
    """How long one request may be silent, seconds."""
    connect: float = 10.0
    """How long a connection may take to open, seconds."""
    away: int = 1_000_000
    """Tries where no connection opens at all; few where there is something else to fall back on."""


class Again(Exception):
    """What passes by itself: too many requests, a server that is overloaded, a connection that broke."""

    def __init__(self, reason: str, after: float | None = None, away: bool = False) -> None:
        """`after`: seconds that the server asks for; `away`: no connection opened."""
        super().__init__(reason)
        self.reason, self.after, self.away = reason, after, away


def patience() -> Patience:
    """As SWEEP_HUB_SECONDS says, or five minutes. Raises SetupError."""
    given = os.environ.get(VARIABLE, "")
    try:
        seconds = float(given or Patience.seconds)
        if not 0 <= seconds <= 86_400:
            raise ValueError
    except ValueError:
        raise SetupError(f"{VARIABLE} must be seconds, 0 to 86400, but got {given!r}; correct it") from None
    return Patience(seconds=seconds, first=min(1.0, seconds / 10), answer=max(1.0, min(60.0, seconds)))


def patiently(
    do: Callable[[], T],
    how: Patience,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What `do` returns, once it does not raise Again; the last Again where `how` is used up."""
    deadline, wait, tries = clock() + how.seconds, how.first, 0
    while True:
        try:
            return do()
        except Again as again:
            tries += 1
            pause = wait if again.after is None else max(again.after, how.first)
            if (again.away and tries >= how.away) or clock() + pause > deadline:
                raise
        sleep(pause)
        wait = min(2 * wait, how.longest)
