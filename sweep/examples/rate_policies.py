"""Policies play each other, every match is logged, and all are rated jointly from the logs.

Run it as `python -m sweep.examples.rate_policies MODEL MODEL... [--matches N]`: ONNX files, Hub ids, built-in players.
"""

import argparse
import itertools
import tempfile
from pathlib import Path

import sweep


def main() -> None:
    """Play every pair of the models, then print the ratings and who beat whom."""
    parser = argparse.ArgumentParser(description="Rate policies by matches of each against each.")
    parser.add_argument("models", nargs="*", default=["house", "chaser", "random"])
    parser.add_argument("--matches", type=int, default=100, help="of every pair")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        logs = []
        for number, (a, b) in enumerate(itertools.combinations(given.models, 2)):
            logs.append(Path(folder) / f"{number}.parquet")
            result = sweep.play(a, b, matches=given.matches, log=logs[-1])
            print(f"{result.a} against {result.b}: {result.wins}-{result.draws}-{result.losses}")
        ratings = sweep.rate(*logs)
    print(ratings.table[["model", "elo", "low", "high", "matches"]].round().to_string(index=False))
    print(ratings.cross_table.round(2).to_string())


if __name__ == "__main__":
    main()
