"""Regret against compute in simulated sweeps of `soccertwos`: `python tests/support/regret.py --seeds 80 --csv it.csv`.

Every sweep is the product's own controller, Optuna study and Ray scheduler on asynchronous slots; only the trainings
are formulas (landscape.py) and time is simulated. Regret is what the configuration chosen so far, by the best tuning
number of a whole training, is truly worth below the best one in the space, Elo. All ways meet the same worlds and
luck.
"""

import argparse
import csv
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from landscape import Landscape, Trials, draw
from simulated import drive
from simulation import NORMAL_95, Sweep

from search_spaces import Space, load
from sweep import settings
from sweep.driver.controller import Controller
from sweep.search import specs
from sweep.search import study as studies
from trials.folder import RunFolder

WAYS = (("tpe", "asha"), ("tpe", "none"), ("random", "asha"), ("random", "none"))
BUDGETS = (4, 8, 16, 24, 32)
"""Trainer steps, in whole trainings, at which regret is read."""
SPREADS = (60.0, 180.0)
"""Of random configurations, Elo: as simulation assumes, and as the single trainings (landscape.py) suggest."""


@dataclass(frozen=True)
class Line:
    """One simulated sweep."""

    spread: float
    slots: int
    sampler: str
    scheduler: str
    seed: int
    regret: tuple[float, ...]
    """At each of BUDGETS."""
    trials: int


def simulate(spread: float, slots: int, sampler: str, scheduler: str, seed: int, folder: Path, **more: object) -> Line:
    """One sweep; `more` are settings."""
    space = _space()
    given = {"out": folder, "slots": slots, "trials": 1000, "sampler": sampler, "scheduler": scheduler, "seed": seed}
    made = settings.of_space("soccertwos", space, given | more)
    controller = Controller(made, space, RunFolder(folder), specs.renderer(made, space), "house")
    model = Sweep(spread=spread, first_rung=made.first_rung, reduction_factor=made.reduction_factor,
                  matches=made.rating_matches)  # fmt: skip
    world = _world(spread, seed)
    trials = Trials(world, model, seed)
    found = drive(controller, trials.elo, trials.seconds, BUDGETS[-1] * made.steps)
    whole = [reached for reached in found if reached.rung == made.steps]
    regrets = []
    for budget in BUDGETS:
        over = [reached for reached in whole if reached.spent <= budget * made.steps]
        best = max(over, key=lambda reached: reached.elo).spec.params if over else studies.course_params(space)
        regrets.append(-world.worth(best))
    return Line(
        spread, slots, sampler, scheduler, seed, tuple(regrets), len({reached.spec.number for reached in found})
    )


@cache
def _space() -> Space:
    return load("soccertwos")


@cache
def _world(spread: float, seed: int) -> Landscape:
    return draw(_space(), spread, np.random.default_rng([seed, 5]))


def table(lines: Sequence[Line]) -> str:
    """Mean regret with its 95 % interval, and the paired difference from random without pruning."""
    out = []
    for spread, slots in sorted({(line.spread, line.slots) for line in lines}):
        here = [line for line in lines if (line.spread, line.slots) == (spread, slots)]
        plain = {line.seed: line.regret for line in here if (line.sampler, line.scheduler) == ("random", "none")}
        out.append(
            f"\nconfigurations sd {spread:g} Elo, {slots} slots, {len(plain)} worlds: regret, Elo, at whole trainings"
        )
        out.append(
            f"{'':>16}" + "".join(f"{budget:>14}" for budget in BUDGETS) + f"{'less than random':>22}{'trials':>9}"
        )
        for way in dict.fromkeys((line.sampler, line.scheduler) for line in here):
            rows = [line for line in here if (line.sampler, line.scheduler) == way]
            values = np.array([line.regret for line in rows])
            cells = "".join(f"{_mean(values[:, at]):>14}" for at in range(len(BUDGETS)))
            gain = _mean(np.array([plain[line.seed][-1] - line.regret[-1] for line in rows])) if plain else ""
            out.append(f"{' + '.join(way):>16}{cells}{gain:>22}{np.mean([line.trials for line in rows]):>9.0f}")
    return "\n".join(out) + "\n"


def _mean(values: np.ndarray) -> str:
    half = NORMAL_95 * values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{values.mean():.0f} ± {half:.0f}"


def write(lines: Sequence[Line], path: Path) -> None:
    """The curves: a row for each sweep and budget."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["spread", "slots", "sampler", "scheduler", "seed", "trainings", "regret"])
        for line in lines:
            for budget, regret in zip(BUDGETS, line.regret, strict=True):
                rows.writerow(
                    [line.spread, line.slots, line.sampler, line.scheduler, line.seed, budget, f"{regret:.2f}"]
                )


def compare(seeds: Sequence[int], spreads: Sequence[float] = SPREADS, slots: Sequence[int] = (2, 8),
            ways: Sequence[tuple[str, str]] = WAYS, **more: object) -> list[Line]:  # fmt: skip
    """Every way in every world."""
    lines = []
    for seed in seeds:
        for spread in spreads:
            for count in slots:
                for sampler, scheduler in ways:
                    with tempfile.TemporaryDirectory(dir=_quick()) as folder:
                        lines.append(simulate(spread, count, sampler, scheduler, seed, Path(folder), **more))
    return lines


def _quick() -> str | None:
    """A folder in memory where there is one: ledgers wait for the disk at every line."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> None:
    """The command line; the curves are written after every world."""
    parser = argparse.ArgumentParser(description="Simulated sweeps.")
    parser.add_argument("--seeds", type=int, default=20, help="worlds")
    parser.add_argument("--first", type=int, default=0, help="the first world's seed")
    parser.add_argument("--spread", type=float, action="append")
    parser.add_argument("--slots", type=int, action="append")
    parser.add_argument("--way", action="append", metavar="SAMPLER+SCHEDULER")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=NUMBER")
    given = parser.parse_args()
    pairs = [word.partition("=") for word in given.set]
    more = {name: float(value) if "." in value else int(value) for name, _, value in pairs}
    ways = [tuple(word.split("+")) for word in given.way] if given.way else WAYS
    lines: list[Line] = []
    for seed in range(given.first, given.first + given.seeds):
        lines += compare([seed], given.spread or SPREADS, given.slots or (2, 8), ways, **more)
        if given.csv:
            write(lines, given.csv)
    sys.stdout.write(table(lines))


if __name__ == "__main__":
    main()
