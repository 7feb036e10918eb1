"""Matches in pairs: numbered before they start, teams exchanged within a pair, counted in their numbers' order.

Fields run side by side and short matches finish first, so a count of the first to finish favours whoever wins quickly.
Here every match that started counts, unless the caller's `stop` ended the schedule at an earlier pair.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trials.arena.games.game import VOID, Behavior, Fields, Game
from trials.arena.games.soccer import EMBEDDED
from trials.arena.matches.sampling import draw, gather, kick_offs, normals
from trials.arena.matches.schedule import Schedule, Stop
from trials.arena.players.player import Player, padded
from trials.errors import BadPolicy
from trials.records import MatchRecord, ScheduledMatch
from trials.soccer.constants import BLUE_SCORED, PURPLE_SCORED, RUNNING

FIELDS = 256
"""Fields side by side: batches of 512 rows for each player, where onnxruntime's rate no longer rises."""

STOPPING_FIELDS = 32
"""The same where a `stop` may end the schedule: matches behind that pair are played in vain, and are the fewer."""

Progress = Callable[[int, int], None]
"""Told the matches finished and the matches planned."""


@dataclass(frozen=True)
class Played:
    """What came of `play`."""

    records: list[MatchRecord]
    """Two a pair, in the order of their numbers."""
    entropy: tuple[float, float]
    """Of a and b: nats, mean over the states their bodies visited in the counted matches (played by several cores, in
    the chunks that hold those), of their discrete actions; in SoccerTwos 3.296 is uniform."""
    uncounted: list[ScheduledMatch]
    """Matches that had started behind the pair at which `stop` ended the schedule, whatever came of them."""
    decisions: int
    """Decision steps of a field, counted and uncounted."""
    seconds: float


def play(
    a: Player,
    b: Player,
    pairs: int,
    seed: int,
    *,
    first: int = 0,
    fields: int | None = None,
    deterministic: bool = False,
    goals: int = 1,
    stop: Stop | None = None,
    on_progress: Progress | None = None,
    game: Game = EMBEDDED,
    records: list[MatchRecord] | None = None,
) -> Played:
    """Play pairs `first` to `first + pairs - 1` of the schedule `seed` (0 to 2**64 - 1) between a and b.

    Pair p is matches 2p (a is blue) and 2p + 1 (a is purple) from one kick-off drawn from (seed, p); each body of each
    match draws its actions from a stream of its own. A match is one episode, to the first goal or the timeout, a draw;
    with `goals` N it is won by the first to score N, or after 2N - 1 episodes by who has scored more. The records
    depend on the players, `seed`, the pair numbers, `goals` and `deterministic` (the likeliest action instead of a
    drawn one), not on `fields`, the most that are played side by side. In a `game` that takes no seeds
    (`trials.arena.games.unity`) a pair's matches share no kick-off, and no match can be played again. The players must
    be of the game's behavior. `records`, an empty list, is filled as pairs are counted, for whoever wants them even if
    something ends this early. Raises BadPolicy, and what the game raises.
    """
    if fields is None:
        fields = FIELDS if stop is None else STOPPING_FIELDS
    if min(pairs, fields, goals) < 1 or first < 0 or not 0 <= seed < 2**64:
        raise ValueError(
            "pairs, fields and goals must be positive and 0 <= seed < 2**64,"
            f" but got {pairs=}, {fields=}, {goals=}, {first=}, {seed=}"
        )
    began = time.perf_counter()
    hall = _Hall((a, b), game.behavior, game.fields(min(fields, 2 * pairs)), seed, deterministic, goals)
    beginning = ScheduledMatch(
        number=2 * first,
        pair=first,
        a=a.id,
        b=b.id,
        a_team=0,
        seed=seed,
        environment=game.version,
        deterministic=deterministic,
        to_goals=goals,
        sequential=stop is not None,
    )
    schedule = Schedule(beginning, pairs, game.behavior.teams, stop, records if records is not None else [])
    hall.start(schedule, hall.slots)
    while hall.slots.size and not schedule.stopped:
        ended = hall.restart(hall.step())
        if ended.size:
            hall.hand_in(schedule, ended)
            hall.start(schedule, ended)
            if on_progress is not None:
                on_progress(schedule.finished, 2 * pairs)
    return Played(
        records=schedule.records,
        entropy=schedule.mean_entropy(),
        uncounted=schedule.uncounted(),
        decisions=hall.decided,
        seconds=time.perf_counter() - began,
    )


class _Seat:
    """Where a player sits: its bodies' rows, memories and entropies, allocated once."""

    def __init__(self, player: Player, behavior: Behavior, fields: int) -> None:
        rows = padded(behavior.team * fields)
        self.player = player
        self.teams = np.zeros(fields, np.int8)
        self.entropy = np.zeros(fields)
        self.memory = np.zeros((fields, behavior.team, player.memory), np.float32)
        self.observations = np.zeros((rows, behavior.row), np.float32)
        self._memories = np.zeros((rows, player.memory), np.float32)
        self._answers = np.zeros((rows, behavior.answer), np.float32)

    def decide(self, slots: NDArray[np.intp]) -> NDArray[np.float32]:
        """Answers for this player's bodies on `slots`, a row each, from as many of `observations`."""
        rows = self.memory.shape[1] * len(slots)
        whole = padded(rows)  # what lies between is from an earlier step: finite, and thrown away
        if self.player.memory:
            self._memories[:rows] = self.memory[slots].reshape(rows, -1)
        self.player.decide(self.observations[:whole], self._memories[:whole], self._answers[:whole])
        if self.player.memory:
            self.memory[slots] = self._memories[:rows].reshape(len(slots), -1, self.player.memory)
        return self._answers[:rows]


class _Hall:
    """The fields and who plays on them: slot i is field i, and a match keeps its slot until it ends."""

    def __init__(
        self,
        players: tuple[Player, Player],
        behavior: Behavior,
        world: Fields,
        seed: int,
        greedy: bool,
        goals: int,
    ) -> None:
        fields = world.n
        self.seats = tuple(_Seat(p, behavior, fields) for p in players)
        self.slots: NDArray[np.intp] = np.arange(fields)
        self.decided = 0
        self._world, self._behavior = world, behavior
        self._branches = np.array(behavior.branches, np.intp)
        self._seed, self._greedy, self._to_goals = np.uint64(seed), greedy, goals
        self._position = np.zeros(fields, np.int64)
        self._number = np.zeros(fields, np.int64)
        self._decisions = np.zeros(fields, np.int32)
        self._episode = np.zeros(fields, np.int64)
        self._goals = np.zeros((fields, 2), np.int32)
        acts = len(behavior.branches) + behavior.continuous
        kind: type[np.number[Any]] = np.float32 if behavior.continuous else np.int8
        self._actions = np.zeros((fields, 2 * behavior.team, acts), kind)
        self._outcomes = np.zeros(fields, np.int8)

    def start(self, schedule: Schedule, free: NDArray[np.intp]) -> None:
        """Kick off the schedule's next matches on `free` slots; slots that get none are closed."""
        positions = schedule.take(len(free))
        which, closed = free[: len(positions)], free[len(positions) :]
        if which.size:
            self._position[which] = positions
            self._number[which] = positions + schedule.offset
            for other, seat in enumerate(self.seats):  # b sits where a does not
                seat.teams[which] = (self._number[which] + other) % 2
            self._begin(which)
        if closed.size:
            self.slots = np.setdiff1d(self.slots, closed)

    def _begin(self, which: NDArray[np.intp]) -> None:
        """The first episode of the matches on slots `which`, at nothing all."""
        self._decisions[which] = self._episode[which] = 0
        self._goals[which] = 0
        for seat in self.seats:
            seat.entropy[which] = 0
        self._kick_off(which)

    def _kick_off(self, which: NDArray[np.intp]) -> None:
        for seat in self.seats:
            seat.memory[which] = 0
        self._world.kick_off(kick_offs(int(self._seed), self._number[which] // 2, self._episode[which]), which)

    def restart(self, ended: NDArray[np.intp]) -> NDArray[np.intp]:
        """Note the goals of episodes that ended, begin the next ones. Returns the slots whose matches are over."""
        void = self._outcomes[ended] == VOID
        if void.any():
            self._begin(ended[void])
            ended = ended[~void]
        self._goals[ended, 0] += self._outcomes[ended] == BLUE_SCORED
        self._goals[ended, 1] += self._outcomes[ended] == PURPLE_SCORED
        self._episode[ended] += 1
        over = (self._goals[ended].max(axis=1) >= self._to_goals) | (self._episode[ended] >= 2 * self._to_goals - 1)
        if not over.all():
            self._kick_off(ended[~over])
        matches: NDArray[np.intp] = ended[over]
        return matches

    def step(self) -> NDArray[np.intp]:
        """One decision of everyone on the open slots. Returns the slots whose episodes ended by it."""
        observations = self._world.observe(None if len(self.slots) == len(self._number) else self.slots)
        for seat in self.seats:
            gather(observations, self.slots, seat.teams, seat.observations)
            state = (self.slots, seat.teams, self._number, self._decisions, self._seed)
            if self._behavior.continuous and not self._greedy:
                normals(*state, self._behavior.team, seat.observations[:, self._behavior.sight :])
            answers = seat.decide(self.slots)
            bad = draw(answers, *state, self._greedy, self._branches, self._actions, seat.entropy)
            if bad >= 0:
                more = ", and continuous actions that are numbers" if self._behavior.continuous else ""
                raise BadPolicy(
                    f"a policy's actions must have probabilities that sum to 1{more}, but {seat.player.name} gave"
                    f" {answers[bad].tolist()} at decision {self._decisions[self.slots[bad // self._behavior.team]]} of"
                    " a match"
                )
        self._outcomes[:] = self._world.advance(self._actions)
        self._decisions[self.slots] += 1
        self.decided += len(self.slots)
        ended: NDArray[np.intp] = self.slots[self._outcomes[self.slots] != RUNNING]
        return ended

    def hand_in(self, schedule: Schedule, ended: NDArray[np.intp]) -> None:
        """Tell the schedule what came of the matches on the slots `ended`."""
        entropy = np.stack([seat.entropy[ended] for seat in self.seats], axis=1)
        schedule.finish(self._position[ended], self._goals[ended], self._decisions[ended], entropy)
