"""Everyone plays everyone, and all are rated jointly: `sweep tournament`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any

from sweep import models, runs
from sweep.matches.conditions import PAIRS, Conditions
from sweep.matches.play import bar
from sweep.matches.rate import anchor_of, summary
from sweep.models import Model
from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.matches import log
from trials.arena.matches.pool import MatchPool, Task
from trials.arena.players.load import BUILT_IN
from trials.errors import BadPolicy, SetupError, SweepError, UsageError
from trials.records import MatchRecord
from trials.results import TournamentResult


def entrants(words: Sequence[str], cores: int, behavior: Behavior = SOCCER) -> list[Model]:
    """The models named by `words`, each once, every file of a folder one of them, under names of their own.

    All are tried out before anything is played. Raises BadPolicy with a line for each that cannot play.
    """
    named = [file for word in words for file in (_files(word) if not behavior.roles else [word])]

    def resolved(word: str) -> Model | SweepError:
        try:
            return models.resolve(word, behavior)
        except (BadPolicy, SetupError) as error:
            return error

    with ThreadPoolExecutor(cores) as threads:  # each file is tried in a process of its own
        found = list(threads.map(resolved, named))
    bad = [answer for answer in found if isinstance(answer, SweepError)]
    if bad:
        raise (UsageError if all(isinstance(one, UsageError) for one in bad) else BadPolicy)("\n".join(map(str, bad)))
    good = [answer for answer in found if isinstance(answer, Model)]
    unique = {model.sha256: model for model in reversed(good)}
    if len(unique) < 2:
        raise UsageError(
            f"a tournament needs two different models, but got {len(unique)}; name more, or a folder of them"
        )
    if len(unique) < len(good):
        twice = next(a.name + " and " + b.name for a, b in combinations(good, 2) if a.sha256 == b.sha256)
        raise UsageError(f"the models of a tournament must differ, but {twice} are the same file; name it once")
    return models.told_apart(good)


def _files(word: str) -> list[str]:
    """A folder's models, or the word itself; a run's folder is a model."""
    if word in BUILT_IN or not Path(word).is_dir() or not word or runs.called(word) is not None:
        return [word]
    found = [str(path) for path in sorted(Path(word).glob("*.onnx"))]
    if not found:
        raise UsageError(f"a folder of models must hold .onnx files, but {word} has none; name another")
    return found


def play(
    words: Sequence[str],
    pairs: int,
    how: Conditions,
    *,
    baseline: str | None = None,
    progress: bool = False,
) -> TournamentResult:
    """Play every pairing of the models named by `words` `pairs` times and rate all jointly.

    `baseline` names the player at 1200; by default the house, if it plays. The pairings that were over when something
    goes wrong, Ctrl+C included, are in the log. Raises BadPolicy, SetupError, LostTrial.
    """
    PAIRS.must("pairs", pairs)
    how.check()
    conditions: Any = {"seed": how.seed, "deterministic": how.deterministic, "goals": how.goals}
    records: list[MatchRecord] = []
    names: dict[str, str] = {}
    decisions, began = 0, perf_counter()
    try:
        with how.game() as game:
            players = entrants(words, how.cores, game.behavior)
            names |= {model.sha256: model.name for model in players}
            anchor = anchor_of(names, baseline)
            tasks = [
                Task(a=a.load, b=b.load, ids=(a.sha256, b.sha256), first=number * pairs, pairs=pairs, **conditions)
                for number, (a, b) in enumerate(combinations(players, 2))
            ]
            began = perf_counter()
            with MatchPool(how.cores, game) as pool, bar(progress, "playing", 2 * pairs * len(tasks)) as tell:
                for played in pool.results(tasks):
                    records += played.records
                    decisions += played.decisions
                    if tell is not None:
                        tell(len(records), 2 * pairs * len(tasks))
    finally:
        if how.log_to is not None and records:
            log.write(how.log_to, records, names)
    seconds = perf_counter() - began
    return TournamentResult(
        **vars(summary(records, names, anchor)),
        pairs=pairs,
        seed=how.seed,
        cores=how.cores,
        kick_off=how.kick_off,
        seconds=round(seconds, 2),
        matches_per_second=round(len(records) / seconds, 2),
        decisions_per_second=round(decisions / seconds, 1),
    )
