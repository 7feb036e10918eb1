"""Matches to look at: played as any others, then every physics step once more from the actions that were taken."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trials.arena.games.soccer import SoccerTwos
from trials.arena.matches.match import Played, play
from trials.arena.players.player import Player
from trials.records import MatchRecord
from trials.soccer import kickoff, rules
from trials.soccer.constants import AGENTS, DECISION_PERIOD, OBSERVATION_SIZE, TIMEOUT, VERSION
from trials.soccer.game import Fields


@dataclass(frozen=True)
class Touch:
    """A contact of an agent with the ball that began."""

    step: int
    """Physics step, 1 is the first of the match."""
    agent: int
    """0 Blue, 1 Blue(1), 2 Purple, 3 Purple(1)."""
    kicked: bool
    """The agent ran forward, so that it kicked."""


@dataclass(frozen=True)
class Replay:
    """A match with the place of every body: frame 0 is the kick-off, frame k what stood after k physics steps."""

    record: MatchRecord
    outcome: int
    """BLUE_SCORED, PURPLE_SCORED or TIMEOUT."""
    ball: NDArray[np.float64]
    """(frames, 2): x, z (m)."""
    agents: NDArray[np.float64]
    """(frames, 4, 3): x, z (m), yaw (rad, 0 looks along +z, +pi/2 along +x); Blue, Blue(1), Purple, Purple(1)."""
    actions: NDArray[np.int8]
    """(decisions, 4, 3): run, strafe, turn, each held for 5 physics steps."""
    touches: tuple[Touch, ...]


def record(
    a: Player, b: Player, pairs: int, seed: int, *, first: int = 0, deterministic: bool = False
) -> tuple[Played, tuple[Replay, ...]]:
    """`match.play` with a replay of every match; the records are those of the same call of `play`. Raises BadPolicy.

    All matches run side by side: meant for a few, such as a pair that a rating played (`first`, `seed`)."""
    tape = _Tape(2 * pairs)
    played = play(
        a, b, pairs, seed, first=first, fields=2 * pairs, deterministic=deterministic, game=SoccerTwos(lambda _: tape)
    )
    return played, tuple(tape.replay(field, match) for field, match in enumerate(played.records))


class _Tape:
    """Fields that keep the seed each was kicked off with and all actions: everything that a match depends on."""

    def __init__(self, n: int) -> None:
        self.n, self._fields = n, Fields(n)
        self._seeds = np.zeros(n, np.uint64)
        self._actions: list[NDArray[np.int8]] = []

    def kick_off(self, seeds: NDArray[np.uint64], which: NDArray[np.intp] | None = None) -> None:
        self._seeds[slice(None) if which is None else which] = seeds
        self._fields.kick_off(seeds, which)

    def observe(self, which: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        return self._fields.observe(which)

    def advance(self, actions: NDArray[np.int8]) -> NDArray[np.int8]:
        self._actions.append(actions.copy())
        return self._fields.advance(actions)

    def replay(self, field: int, match: MatchRecord) -> Replay:
        outcome = int(self._fields.outcome[field])
        steps = int(self._fields.timer[field]) - (outcome == TIMEOUT)  # the clock runs out before that step's physics
        actions = np.stack([every[field] for every in self._actions[: match.decisions]])
        ball, agents, touches = _retake(self._seeds[field], actions, steps)
        return Replay(match, outcome, ball, agents, actions, touches)


def _retake(
    seed: np.uint64, actions: NDArray[np.int8], steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[Touch, ...]]:
    """Play `steps` physics steps from a kick-off; returns ball (steps + 1, 2), agents (steps + 1, 4, 3), touches."""
    state, scratch = rules.state(1), rules.scratch()
    field, once = np.zeros(1, np.intp), np.ones(1, np.int64)
    ball, agents = np.empty((steps + 1, 2)), np.empty((steps + 1, AGENTS, 3))
    touches: list[Touch] = []
    kickoff.kick_off(state, field, np.array([seed], np.uint64), np.zeros((1, AGENTS, OBSERVATION_SIZE), np.float32))
    for step in range(steps + 1):
        if step:
            taken = actions[(step - 1) // DECISION_PERIOD]
            state.touches[0] = 0
            rules.idle(state, field, once, taken[None], scratch)
            touches += [Touch(step, int(i), bool(taken[i, 0] == 1)) for i in np.flatnonzero(state.touches[0])]
        ball[step] = state.ball[0, : rules.Z + 1]
        agents[step] = state.agents[0][:, [rules.X, rules.Z, rules.YAW]]
    return ball, agents, tuple(touches)


def again(a: Player, b: Player, match: MatchRecord) -> Replay | None:
    """That match with the place of every body; None where it does not come out here as it did then.

    So it is in another environment, with other players, in matches of several goals, and where another machine's last
    bits gave another action. Raises BadPolicy.
    """
    if match.environment != VERSION or match.to_goals != 1 or (a.id, b.id) != (match.a, match.b):
        return None
    _, both = record(a, b, 1, match.seed, first=match.pair, deterministic=match.deterministic)
    found = next((one for one in both if one.record.number == match.number), None)
    if found is None or replace(found.record, sequential=match.sequential, time=match.time) != match:
        return None
    return found
