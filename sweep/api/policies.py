"""A policy and the game from Python: ask a model for actions, step SoccerTwos as ML-Agents' `BaseEnv`."""

from collections.abc import Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from trials.arena.players.player import Player
    from trials.soccer.env import SoccerEnv


class Policy:
    """A model that is asked for actions, as `load_policy` gives it. Recurrent ones remember from call to call."""

    def __init__(self, player: "Player", seed: int) -> None:
        import numpy as np

        self.name = player.name
        self._player = player
        self._random = np.random.default_rng(seed)
        self.reset()

    def reset(self) -> None:
        """Forget what was seen, as at a kick-off."""
        self._memory: NDArray[np.float32] | None = None

    def act(self, observations: "ArrayLike | Sequence[ArrayLike]", deterministic: bool = False) -> "NDArray[np.int32]":
        """Actions (n, 3), each 0, 1 or 2 (forward, sideways, rotation), for what n agents see, drawn or the likeliest.

        observations: (n, 336), or the two arrays (n, 264) and (n, 72) of an ML-Agents `DecisionSteps.obs`, in either
        order. Row i is one agent from call to call, until `reset` or another n. Raises SetupError for other shapes and
        for what is no number, BadPolicy.
        """
        import numpy as np

        from trials.arena.players.player import ROWS

        seen = _observed(observations)
        n = len(seen)
        if self._memory is None or len(self._memory) != n:
            self._memory = np.zeros((n, self._player.memory), np.float32)
        more = -n % ROWS  # rows that a Player is asked about beside these
        seen, memory = (np.pad(rows, ((0, more), (0, 0))) for rows in (seen, self._memory))
        answers = np.empty((n + more, 9), np.float32)
        self._player.decide(seen, memory, answers)
        self._memory = memory[:n]
        odds = np.exp(answers[:n].astype(np.float64)).reshape(n, 3, 3)
        if deterministic:
            return np.asarray(odds.argmax(axis=2), np.int32)
        below = odds.cumsum(axis=2)
        drawn = self._random.random((n, 3, 1)) * below[:, :, -1:]
        return np.asarray((below <= drawn).sum(axis=2), np.int32)


def _observed(observations: Any) -> "NDArray[np.float32]":
    import numpy as np

    from trials.errors import SetupError

    parts = observations if isinstance(observations, list | tuple) and len(observations) == 2 else [observations]
    try:
        arrays = sorted((np.asarray(part, np.float32) for part in parts), key=lambda each: -each.shape[-1])
        seen = np.concatenate(arrays, axis=1)
    except (ValueError, TypeError, IndexError):
        arrays, seen = [], np.empty(0, np.float32)
    if [each.shape[1:] for each in arrays] not in ([(336,)], [(264,), (72,)]):
        came = " and ".join(str(getattr(part, "shape", None) or type(part).__name__) for part in parts)
        raise SetupError(f"observations must be (n, 336), or (n, 264) and (n, 72), but got {came}; give them so")
    if not np.isfinite(seen).all():
        raise SetupError("observations must be finite numbers, but got some that are not; look where they come from")
    return seen


def load_policy(model: "str | PathLike[str]", *, seed: int = 0) -> Policy:
    """A model that answers observations with actions, named as for `play`; `seed` is of the actions it draws.

    Raises BadPolicy, SetupError.

    >>> policy = sweep.load_policy("house")
    >>> actions = policy.act(decision_steps.obs)
    """
    from sweep import models
    from sweep.matches.conditions import SEED
    from trials.arena.players.load import load

    SEED.must("seed", seed)
    return Policy(load(models.resolve(fspath(model)).load), seed)


def environment(fields: int = 8, seed: int = 0, *, ball_touch: float = 0.0) -> "SoccerEnv":
    """SoccerTwos as ML-Agents' `BaseEnv`: `fields` matches of 2 v 2 side by side, behaviors `SoccerTwos?team=0`, `…=1`.

    A team's 2 * fields agents see (2 * fields, 264) and (2 * fields, 72); an `ActionTuple` has (2 * fields, 3) discrete
    actions, each 0, 1 or 2. ball_touch: 0.2 of it rewards each touch of the ball.

    >>> env = sweep.environment(fields=1)
    >>> env.reset()
    >>> decision_steps, terminal_steps = env.get_steps("SoccerTwos?team=0")
    >>> env.set_actions("SoccerTwos?team=0", ActionTuple(discrete=policy.act(decision_steps.obs)))
    >>> env.step()
    """
    from sweep.matches.conditions import FIELDS, SEED
    from trials.soccer.env import SoccerEnv

    FIELDS.must("fields", fields)
    SEED.must("seed", seed)
    made = SoccerEnv(fields, seed)
    made.set_parameter("ball_touch", lambda: ball_touch)
    return made
