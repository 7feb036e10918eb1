"""A player's face: observations in, log-probabilities of actions out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
ROWS = 16
"""Players are always asked about a multiple of this many rows: onnxruntime's last bits depend on the row count where a
matrix's size is not a multiple of its vector width, and 16 rows make every matrix such a multiple."""


def padded(rows: int) -> int:
    """The next multiple of ROWS."""
    return -(-rows // ROWS) * ROWS


class Player(Protocol):
    """Answers observations with log-probabilities of actions; keeps nothing between calls but what `memory` carries."""

    @property
    def name(self) -> str:
        """What a reader sees: `random`, or a file's stem."""

    @property
    def id(self) -> str:
        """What a record keeps: the sha256 of the ONNX file, or a built-in player's name."""

    @property
    def memory(self) -> int:
        """Floats of memory per body, 0 for most."""

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        """Fill `log_probabilities` (rows, 9), three normalised branches of three, for `observations` (rows, 336).

        So in SoccerTwos; in another game rows and answers are as wide as its `Behavior` says, and hold what it says.
        Rows are a multiple of ROWS and must not influence each other. `memory` (rows, `self.memory`) is 0 at kick-off
        and is updated in place. Raises BadPolicy.
        """
