"""A player that answers every observation alike."""

import numpy as np

from trials.arena.players.player import Floats


class Constant:
    """`log_probabilities`: of each branch's three actions."""

    memory = 0

    def __init__(self, name: str, log_probabilities: list[float]) -> None:
        self.name = self.id = name
        self._answer = np.array(log_probabilities * 3, np.float32)

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        log_probabilities[:] = self._answer
