"""A league's matches as columns, read from its history (trials.league.history) or one that AI vs AI published."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from trials.arena.ratings import ai_vs_ai
from trials.errors import SetupError, reason
from trials.league import history

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """A history's matches in its order, as columns of equal length; -1 where AI vs AI's files do not say."""

    models: tuple[str, ...]
    """Every name, `author/name`."""
    model1: Ints
    """Which of `models`."""
    model2: Ints
    players: tuple[str, ...]
    """Every player; in AI vs AI's files a model's name."""
    player1: Ints
    """Which of `players`."""
    player2: Ints
    environments: tuple[str, ...]
    environment: Ints
    timestamp: Ints
    halves: Ints
    """Twice the result of player 1."""
    round: Ints
    seed: Ints
    pair: Ints
    side1: Ints
    """Of player 1: 0 blue, 1 purple."""
    goals1: Ints
    goals2: Ints
    decisions: Ints

    def __len__(self) -> int:
        return len(self.timestamp)

    def where(self, kept: NDArray[Any]) -> "Matches":
        """The matches that `kept`, a mask or places, selects."""
        chosen = {name: value[kept] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return Matches(**vars(self) | chosen)

    @property
    def names(self) -> dict[str, str]:
        """Player to the name it had last."""
        players = np.concatenate([self.player1, self.player2])
        models = np.concatenate([self.model1, self.model2])
        _, last = np.unique(players[::-1], return_index=True)
        at = len(players) - 1 - last
        return {self.players[p]: self.models[m] for p, m in zip(players[at].tolist(), models[at].tolist(), strict=True)}

    def of_environment(self, name: str) -> "Matches":
        """Those played under one version of the rules."""
        at = self.environments.index(name) if name in self.environments else -2
        return self.where(self.environment == at)


_NONE: Ints = np.zeros(0, np.int64)
NOTHING = Matches((), _NONE, _NONE, (), _NONE, _NONE, (), *(_NONE,) * 10)
"""No matches."""


def read(path: Path) -> Matches:
    """Read a league's history, or one as AI vs AI publishes it; a match that is there twice counts once.

    What is not yet whole at the end of a file that is being written is left out. Raises SetupError.
    """
    data = history.whole(history.tidied(path)[0])
    header = history.COLUMNS if history.is_own(data) else ai_vs_ai.HISTORY
    table = _table(data, header, path) if data.count(b"\n") > 1 else None
    return _once(_matches(table, header, path))


def _table(data: bytes, header: tuple[str, ...], path: Path) -> Any:
    text = pa.dictionary(pa.int32(), pa.string())
    words = ("model1", "model2", "player1", "player2", "side1", "environment")
    types = {name: text if name in words else pa.int64() for name in header} | {"result": pa.float64()}
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            convert_options=pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[""]),
        )
    except pa.ArrowException as error:
        raise SetupError(
            f"every line of a history must be a match, but in {path}: {reason(error)}; fix the line"
        ) from None


def _matches(table: Any, header: tuple[str, ...], path: Path) -> Matches:
    if table is None:
        return NOTHING
    numbers = {
        name: _ints(table, name) for name in ("timestamp", "round", "seed", "pair", "goals1", "goals2", "decisions")
    }
    halves = np.round(2 * table["result"].to_numpy(zero_copy_only=False), 6)
    if not np.isin(halves, (0, 1, 2)).all() or (numbers["timestamp"] < 0).any():
        row = int(np.flatnonzero(~np.isin(halves, (0, 1, 2)) | (numbers["timestamp"] < 0))[0]) + 2
        raise SetupError(
            f"a match must have a timestamp and a result of 1.0, 0.5 or 0.0, but line {row} of {path} has not;"
            " fix the line"
        )
    models, (one, two) = _coded(table, "model1", "model2")
    if header == history.COLUMNS:
        players, (first, second) = _coded(table, "player1", "player2")
        environments, (environment,) = _coded(table, "environment")
        names, (side,) = _coded(table, "side1")
        side = np.array([history.SIDES.index(name) if name in history.SIDES else -1 for name in names], np.int64)[side]
    else:
        players, first, second, environments = models, one, two, (ai_vs_ai.ENVIRONMENT,)
        environment, side = np.zeros(len(halves), np.int64), np.full(len(halves), -1)
    return Matches(
        models=models,
        model1=one,
        model2=two,
        players=players,
        player1=first,
        player2=second,
        environments=environments,
        environment=environment,
        halves=halves.astype(np.int64),
        side1=side,
        **numbers,
    )


def _ints(table: Any, name: str) -> Ints:
    if name not in table.column_names:
        return np.full(len(table), -1, np.int64)
    return np.asarray(table[name].fill_null(-1).to_numpy(), np.int64)


def _coded(table: Any, *names: str) -> tuple[tuple[str, ...], list[Ints]]:
    """Words of the columns together, each once, sorted, and which of them each row has, column by column."""
    chunks = [chunk for name in names for chunk in table[name].chunks]
    column = pa.concat_arrays(pa.chunked_array(chunks).unify_dictionaries().chunks)
    found = column.dictionary.to_pylist()
    words = sorted({*found})
    place = {word: at for at, word in enumerate(words)}
    codes = np.array([place[word] for word in found], np.int64)[column.indices.to_numpy(zero_copy_only=False)]
    return tuple(words), np.split(codes, len(names))


def _once(matches: Matches) -> Matches:
    """Without matches that are there again, as after two copies of a history were put together."""
    known = matches.pair >= 0
    if not known.any():
        return matches
    key = np.zeros(int(known.sum()), np.int64)
    columns = (matches.player1, matches.player2, matches.environment, matches.seed, matches.pair, matches.side1)
    for column in columns:  # numbered anew at each step, so that the product stays small
        values, place = np.unique(column[known], return_inverse=True)
        _, key = np.unique(key * len(values) + place, return_inverse=True)
    _, first = np.unique(key, return_index=True)
    kept = ~known
    kept[np.flatnonzero(known)[first]] = True
    return matches if kept.all() else matches.where(kept)
