"""What choosing the best of n does to its number, and what remains of the number once that is taken off.

    python tests/support/simulated_choice.py --trials 16 --matches 200 --spread 60 --seeds 1000

simulates sweeps (simulation has the model) and tells how far match noise misleads the pruning and the choice,
and what the chosen policy's number says: the tuning number, the shrunk one, and fresh matches.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray
from simulation import NORMAL_95, Sweep, World, curves, half_width, reached

from trials.arena.ratings.pentanomial import Reals, expected
from trials.arena.ratings.shrinkage import shrunk


@dataclass(frozen=True)
class Mean:
    """Over simulated sweeps, with its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ± {NORMAL_95 * self.error:.1f}"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to choose: what it costs and loses, and what the chosen policy's numbers say; Elo, the mean trial at 0."""

    name: str
    steps: float
    """Trained, as a share of every trial's whole budget."""
    finalists: float
    """Trials that were trained for the whole budget."""
    missed: float
    """Share of sweeps in which the truly strongest trial was not among those."""
    lost: Mean
    """True strength of the strongest of all trials, less that of the chosen."""
    tuning: Mean
    """The number it was chosen by."""
    true: Mean
    shrunk: Mean
    """The tuning number, shrunk among those of all finalists."""
    fresh: Mean
    """From fresh matches."""
    again: Mean
    """True strength to be expected if its configuration is trained again, with another seed."""
    tuning_bias: Mean
    """Tuning number less the truth, sweep by sweep; so the other two."""
    shrunk_bias: Mean
    fresh_bias: Mean


def ways(sweep: Sweep, runs: int, seed: int) -> tuple[Way, ...]:
    """Simulate `runs` sweeps, each decided in five ways on the same learning curves and match errors.

    All trials trained, by exact strengths and by matches; pruned by ASHA, by exact strengths and by matches; and as
    many steps as that took, spent on fewer trials without pruning.
    """
    rng = np.random.default_rng(seed)
    world = curves(sweep, runs, rng)
    exact, factor = world.strengths, sweep.reduction_factor
    seen = exact + sweep.error(sweep.matches) * rng.standard_normal(exact.shape)
    fresh = sweep.error(sweep.fresh_matches) * rng.standard_normal(runs)
    everyone = np.full(exact.shape[:2], len(sweep.rungs))
    halved = _decided("ASHA, matches", sweep, world, seen, reached(seen, factor), fresh)
    fewer = np.where(np.arange(sweep.trials) < max(1, round(halved.steps * sweep.trials)), everyone, 0)
    return (
        _decided("all trained, exact", sweep, world, exact, everyone, fresh),
        _decided("all trained, matches", sweep, world, seen, everyone, fresh),
        _decided("ASHA, exact", sweep, world, exact, reached(exact, factor), fresh),
        halved,
        _decided("fewer trials, matches", sweep, world, seen, fewer, fresh),
    )


def _decided(name: str, sweep: Sweep, world: World, seen: Reals, last: NDArray[np.intp], fresh: Reals) -> Way:
    """Choose the best `seen` among the trials trained to their `last` rung, the whole budget."""
    final, whole, rows = world.strengths[..., -1], last == len(sweep.rungs), np.arange(len(seen))
    chosen = np.where(whole, seen[..., -1], -np.inf).argmax(axis=1)
    tuning, true = seen[rows, chosen, -1], final[rows, chosen]
    worth = tuning.copy()
    if seen is not world.strengths:
        error = sweep.error(sweep.matches)
        for row, among in enumerate(whole):
            values, _ = shrunk(seen[row, among, -1], np.full(among.sum(), error))
            worth[row] = values[among[: chosen[row]].sum()]
    return Way(
        name=name,
        steps=float(np.array([0.0, *sweep.rungs])[last].mean()),
        finalists=float(whole.sum(axis=1).mean()),
        missed=1 - float(whole[rows, final.argmax(axis=1)].mean()),
        lost=_mean(final.max(axis=1) - true),
        tuning=_mean(tuning),
        true=_mean(true),
        shrunk=_mean(worth),
        fresh=_mean(true + fresh),
        again=_mean(world.configurations[rows, chosen]),
        tuning_bias=_mean(tuning - true),
        shrunk_bias=_mean(worth - true),
        fresh_bias=_mean(fresh),
    )


def _mean(values: Reals) -> Mean:
    return Mean(float(values.mean()), float(values.std() / len(values) ** 0.5))


DRAWS = (0.0, 0.5, 0.9)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python tests/support/simulated_choice.py", description="Sweeps, simulated.")
    for term in fields(Sweep):
        kind = int if isinstance(term.default, int) else float
        parser.add_argument("--" + term.name.replace("_", "-"), type=kind, default=term.default, help="%(default)s")
    parser.add_argument("--seeds", type=int, default=1000, help="simulated sweeps (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulation")
    parser.add_argument("--json", action="store_true", help="one object in place of the tables")
    given = parser.parse_args(arguments)
    try:
        if given.seeds < 2:
            raise ValueError(f"at least 2 sweeps must be simulated, but got {given.seeds}")
        sweep = Sweep(**{term.name: getattr(given, term.name) for term in fields(Sweep)})
        found = ways(sweep, given.seeds, given.seed)
    except ValueError as error:
        parser.error(str(error))
    most = 2 * float(min(expected(sweep.gap), expected(-sweep.gap)))  # draws that the gap's score leaves room for
    widths = {
        number: {draws: half_width(number, draws, sweep.gap) for draws in DRAWS if draws <= most}
        for number in (sweep.matches, sweep.fresh_matches)
    }
    if given.json:
        told = {"sweep": asdict(sweep), "half_widths": widths, "ways": [asdict(way) for way in found]}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        sys.stdout.write(_text(widths, found))
    return 0


def _text(widths: dict[int, dict[float, float]], found: Sequence[Way]) -> str:
    lines = ["What matches buy: half the 95 % interval, Elo, by share of draws"]
    for number, row in widths.items():
        lines.append(f"{number:>8} matches" + "".join(f"   {draws:.0%} ± {width:.1f}" for draws, width in row.items()))
    lines += ["", "What the choice loses, Elo (means ± 95 %)"]
    heads = ("steps", "finalists", "missed", "lost", "trained again")
    lines.append(f"{'':>22}" + "".join(f"{head:>14}" for head in heads))
    for way in found:
        cells = (f"{way.steps:.0%}", f"{way.finalists:.1f}", f"{way.missed:.1%}", way.lost, way.again)
        lines.append(f"{way.name:>22}" + "".join(f"{cell!s:>14}" for cell in cells))
    lines += ["", "What the chosen policy's numbers say, Elo above the mean trial, and how far that is from the truth"]
    lines.append(f"{'':>22}{'truth':>14}" + "".join(f"{head:>24}" for head in ("tuning", "shrunk", "fresh")))
    for way in found:
        said = ((way.tuning, way.tuning_bias), (way.shrunk, way.shrunk_bias), (way.fresh, way.fresh_bias))
        texts = (f"{number.value:.1f} ({bias.value:+.1f} ± {NORMAL_95 * bias.error:.1f})" for number, bias in said)
        lines.append(f"{way.name:>22}{way.true!s:>14}" + "".join(f"{text:>24}" for text in texts))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
