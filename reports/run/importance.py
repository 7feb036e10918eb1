"""What mattered, how sure that is, and where in its range each hyperparameter's good values lie."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from reports.formatting import short_keys
from search_spaces.keys import known

DOCUMENTED = {path.rsplit(".", 1)[-1]: key.typical for path, key in known("poca").items() if key.typical} | {
    "play_against_latest_model_ratio": (0.0, 1.0)  # all that there is
}
"""A key's last part to the range that ML-Agents documents as typical."""
FEWEST_TRIALS = 16
TRIALS_PER_HOLE = 2
FOLDS = 4
TREES = 60
SHUFFLES = 5
WIDE = 20  # highest / lowest value from which a range is drawn in logarithms


def needed(parameters: int) -> int:
    """Rated trials from which importance is computed: below, a forest reads noise."""
    return max(FEWEST_TRIALS, TRIALS_PER_HOLE * parameters)


@dataclass(frozen=True)
class Importance:
    """Permutation importance on trials the forest had not seen, in Elo."""

    key: str
    loss: float
    """How many Elo worse the forest predicts when this column is shuffled."""
    spread: float
    """Half of its 95 % interval over the folds (Student's), Elo; uncorrected for the number of columns."""


@dataclass(frozen=True)
class Importances:
    """The outcome: importances, or why there are none."""

    trials: int
    needed: int
    rows: tuple[Importance, ...]
    error: float
    """Mean absolute error of the forest on unseen trials, Elo."""
    naive: float
    """The same of always predicting the mean."""
    gain: float = math.nan
    """How much less the forest errs, Elo: the lower end of the 95 % interval over the trials."""

    @property
    def enough(self) -> bool:
        """Whether there are trials enough to say anything."""
        return self.trials >= self.needed

    @property
    def trusted(self) -> bool:
        """Whether the forest knows anything at all: only then do its importances mean something."""
        return self.enough and self.gain > 0


def parameters(params: pd.DataFrame) -> list[str]:
    """Names of the open parameters that took more than one value."""
    return [str(c) for c in params.columns if c not in ("trial", "elo", "rung") and params[c].nunique() > 1]


def matters(params: pd.DataFrame, seed: int = 0) -> Importances:
    """Fit and question a random forest on (parameters → Elo), if there are trials enough. Same frame, same answer."""
    keys = parameters(params)
    count, least = len(params), needed(len(keys))
    if count < least or not keys:
        return Importances(count, least, (), math.nan, math.nan)
    table = np.column_stack([_codes(params[key]) for key in keys])
    errors, naive, losses = _questioned(table, params["elo"].to_numpy(float), seed)
    gains = naive - errors
    gain = float(gains.mean() - _student(count) * gains.std(ddof=1) / math.sqrt(count))
    spread = _student(FOLDS) * losses.std(axis=0, ddof=1) / math.sqrt(FOLDS)
    rows = [Importance(key, *map(float, pair)) for key, *pair in zip(keys, losses.mean(axis=0), spread, strict=True)]
    rows.sort(key=lambda row: -row.loss)
    return Importances(count, least, tuple(rows), float(errors.mean()), float(naive.mean()), gain)


def _student(count: int) -> float:
    """Half a 95 % interval of a mean of `count` values, in its standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, 0.975))


def _questioned(table: np.ndarray, elo: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each unseen trial's error, the same of guessing the mean, and losses [fold, parameter], all in Elo."""
    from sklearn.ensemble import RandomForestRegressor  # a second's import that small runs never pay
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    errors, naive, losses = [], [], []
    for seen, unseen in KFold(FOLDS, shuffle=True, random_state=seed).split(table):
        forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=seed).fit(table[seen], elo[seen])
        errors += list(np.abs(forest.predict(table[unseen]) - elo[unseen]))
        naive += list(np.abs(elo[seen].mean() - elo[unseen]))
        asked = permutation_importance(
            forest,
            table[unseen],
            elo[unseen],
            scoring="neg_mean_absolute_error",
            n_repeats=SHUFFLES,
            random_state=seed,
        )
        losses.append(asked.importances_mean)
    return np.array(errors), np.array(naive), np.array(losses)


def _codes(column: pd.Series) -> np.ndarray:
    """A column as numbers: positive wide ranges in logarithms, words by their order of appearance, absent as −1."""
    if not _numeric(column):
        return pd.factorize(column.astype(str).where(column.notna()))[0].astype(float)
    values = column.astype(float)
    scaled = values.map(math.log) if _wide(values) else values
    return scaled.fillna(-1.0).to_numpy()


def _numeric(column: pd.Series) -> bool:
    found = column.dropna()
    return all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in found)


def _wide(values: pd.Series) -> bool:
    low, high = values.min(), values.max()
    return bool(low > 0 and high / low >= WIDE)


# --- where the good values lie -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Strip:
    """The values one parameter took, each at a place from 0 to 1 along its axis."""

    key: str
    ends: tuple[str, str]
    places: tuple[tuple[int, float, bool], ...]
    """Trial, place, and whether the trial is among the good."""
    documented: tuple[float, float] | None
    """Where the documented range begins and ends on the same axis, cut to it."""
    outside: bool
    """Whether any good value lies outside the documented range."""
    note: str


def good(params: pd.DataFrame) -> set[int]:
    """The best quarter of the ranked trials, three at least."""
    best = params.nlargest(max(3, len(params) // 4), "elo")
    return {int(trial) for trial in best["trial"]}


def strips(params: pd.DataFrame) -> tuple[Strip, ...]:
    """One strip a parameter. Empty below four trials: nothing is `good` among three."""
    if len(params) < 4:
        return ()
    best = good(params)
    return tuple(_strip(key, params.loc[params[key].notna(), ["trial", key]], best) for key in parameters(params))


def elo_strip(params: pd.DataFrame) -> Strip:
    """The same of what came out, match Elo, in its own scale."""
    return replace(_strip("elo", params[["trial", "elo"]], good(params)), key="match Elo")


def lines(rows: Sequence[Strip], params: pd.DataFrame) -> dict[int, list[tuple[int, float, str]]]:
    """Trial to its points on the strips, one above the other: the strip's number, the place on it, and its words."""
    said = params.rename(columns={"elo": "match Elo"}).set_index("trial")
    names = short_keys(row.key for row in rows)
    found: dict[int, list[tuple[int, float, str]]] = {int(trial): [] for trial in params["trial"]}
    for at, row in enumerate(rows):
        for trial, place, _ in row.places:
            value: Any = said.at[trial, row.key]
            words = number(float(value)) if _numeric(pd.Series([value])) else str(value)
            found[trial].append((at, place, f"{names[row.key]} {words}"))
    return found


def _strip(key: str, values: pd.DataFrame, best: set[int]) -> Strip:
    column = values[key]
    trials = [int(t) for t in values["trial"]]
    if not _numeric(column):
        words = sorted({str(v) for v in column})
        places = [words.index(str(v)) / max(1, len(words) - 1) for v in column]
        dots = _dots(trials, places, best)
        return Strip(key, (words[0], words[-1]), dots, None, False, " · ".join(words) if len(words) > 2 else "")
    numbers = column.astype(float)
    low, high = float(numbers.min()), float(numbers.max())
    documented = None if " / " in key else DOCUMENTED.get(key.rsplit(".", 1)[-1])  # a quotient has no such range
    scale = math.log if _wide(numbers) else float
    place = _placer(scale(low), scale(high))
    dots = _dots(trials, [place(scale(v)) for v in numbers], best)
    beyond = [v for t, v in zip(trials, numbers, strict=True) if t in best and not _within(v, documented)]
    band = _band(documented, low, high, lambda v: place(scale(v))) if documented else None
    return Strip(key, (number(low), number(high)), dots, band, bool(beyond), "")


def _dots(trials: list[int], places: list[float], best: set[int]) -> tuple[tuple[int, float, bool], ...]:
    """Equal values stand side by side, the good first, so that none hides another."""
    order = sorted(range(len(trials)), key=lambda i: (places[i], trials[i] not in best, trials[i]))
    dots: list[tuple[int, float, bool]] = []
    for place, same in groupby(order, key=lambda i: places[i]):
        crowd = list(same)
        gap = min(0.008, 0.1 / len(crowd))
        left = min(max(0.0, place - gap * (len(crowd) - 1) / 2), 1 - gap * (len(crowd) - 1))
        dots += [(trials[i], left + gap * nth, trials[i] in best) for nth, i in enumerate(crowd)]
    return tuple(dots)


def _placer(low: float, high: float) -> Callable[[float], float]:
    return lambda value: (value - low) / (high - low) if high > low else 0.5


def _within(value: float, ends: tuple[float, float] | None) -> bool:
    return ends is None or ends[0] <= value <= ends[1]


def _band(
    ends: tuple[float, float], low: float, high: float, place: Callable[[float], float]
) -> tuple[float, float] | None:
    a, b = max(ends[0], low), min(ends[1], high)
    return (place(a), place(b)) if a <= b else None


def number(value: float) -> str:
    """Short and readable: 0.0003, 2,048, 1,147, 1.2e-05."""
    if (float(value).is_integer() or abs(value) >= 999.5) and abs(value) < 1e15:
        return f"{round(value):,}"
    return f"{value:.3g}"
