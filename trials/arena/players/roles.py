"""A player of a game whose teams are of two behaviors: a policy for each, asked about the bodies of its own team."""

from collections.abc import Sequence

import numpy as np

from trials.arena.games.game import Behavior
from trials.arena.players.player import Floats, Player, padded


class Roles:
    """Two players as one; what a body's team does not have is left at the first action, and at 0."""

    def __init__(self, name: str, identity: str, players: Sequence[Player], behavior: Behavior) -> None:
        """`players` are of `behavior.roles`, in that order; `identity` is what both together are known by."""
        self.name, self.id, self._players, self._behavior = name, identity, tuple(players), behavior
        self.memory = max(player.memory for player in players)
        self._rest = np.concatenate(
            [np.where(np.arange(size) == 0, 0, -np.inf) for size in behavior.branches] + [np.zeros(behavior.continuous)]
        ).astype(np.float32)

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        """As `Player.decide`. Raises BadPolicy."""
        whole = self._behavior
        log_probabilities[:] = self._rest
        seen, masks, normal = 0, sum(whole.observations), whole.sight
        branch, continuous = 0, whole.discrete
        team = observations[:, masks - 1]
        for number, (role, player) in enumerate(zip(whole.roles, self._players, strict=True), 1):
            rows = np.flatnonzero(team == number)
            width = sum(role.observations)
            parts = [observations[:, seen : seen + width]]
            if role.masked:
                parts.append(observations[:, masks : masks + role.discrete])
            parts.append(observations[:, normal : normal + role.continuous])
            asked = np.zeros((padded(len(rows)), role.row), np.float32)
            asked[: len(rows)] = np.concatenate(parts, axis=1)[rows]
            if role.masked:
                asked[len(rows) :, width : width + role.discrete] = 1
            kept = np.zeros((len(asked), player.memory), np.float32)
            kept[: len(rows)] = memory[rows, : player.memory]
            answers = np.zeros((len(asked), role.answer), np.float32)
            if len(rows):
                player.decide(asked, kept, answers)
            log_probabilities[rows, branch : branch + role.discrete] = answers[: len(rows), : role.discrete]
            log_probabilities[rows, continuous : continuous + role.continuous] = answers[: len(rows), role.discrete :]
            memory[rows, : player.memory] = kept[: len(rows)]
            seen, masks, normal = seen + width, masks + role.discrete, normal + role.continuous
            branch, continuous = branch + role.discrete, continuous + role.continuous
