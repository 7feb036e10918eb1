"""Whole short trainings with mlagents' slow parts replaced come to the very files that mlagents comes to as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import twice_trained
from twice_trained import NAMES

Found = dict[str, dict[str, Any]]
COMES_AND_GOES = ["agents that come, go, or decide at different times"]
SAID = {
    "memory": ["a network with memory"],
    "ppo with memory": ["a network with memory"],
    "curiosity": ["reward signals: curiosity"],
    "rnd": ["reward signals: rnd"],
    "sac": ["a trainer that is neither PPO nor POCA"],
    "deterministic": ["a deterministic policy"],
    "continuous": ["continuous actions"],
    "ppo continuous": ["continuous actions"],
    "hybrid": ["continuous actions"],
    "new ids": COMES_AND_GOES,
    "late deaths": COMES_AND_GOES,
    "late deaths, ppo": COMES_AND_GOES,
    "late deaths apart": COMES_AND_GOES,
    "late deaths, long horizon": COMES_AND_GOES,
    "single deaths": COMES_AND_GOES,
}
FAST = ("ppo", "memory", "hybrid", "late deaths", "quick", "ends backwards", "over the wire")


def start(kind: str, folder: Path, names: tuple[str, ...]) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    root = Path(__file__).parents[3]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, twice_trained.__file__, kind, str(folder), *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | threads | {"PYTHONHASHSEED": "0", "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests/support'}"},
    )


def end(process: "subprocess.Popen[str]") -> Found:
    out, err = process.communicate(timeout=1500)
    assert process.returncode == 0, err[-3000:]
    found: Found = json.loads(out.splitlines()[-1])
    return found


def differing(stock: Found, ours: Found) -> dict[str, list[str]]:
    """Names of trainings to the files and summaries in which they differ."""
    found = {}
    for name, training in stock.items():
        one, other = training["results"], ours[name]["results"]
        assert sum(file.endswith(".onnx") for file in one) >= 2, name
        found[name] = [file for file in sorted(one | other) if one.get(file) != other.get(file)]
    return {name: files for name, files in found.items() if files}


def test_the_same_files_come_out(tmp_path: Path) -> None:
    trainings = [start(kind, tmp_path / kind, FAST) for kind in ("stock", "ours")]
    stock, ours = [end(training) for training in trainings]
    assert differing(stock, ours) == {}
    assert {name: ours[name]["said"] for name in FAST} == {name: SAID.get(name, []) for name in FAST}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_same_files_come_out_of_every_kind_of_training(tmp_path: Path) -> None:
    """And mlagents as it is repeats itself, and goes on from what ours left."""
    again = ("poca", "late deaths")
    stock, ours = [end(t) for t in [start(kind, tmp_path / kind, NAMES) for kind in ("stock", "ours")]]
    print("\ntraining, files, equal, the log says that mlagents' own code goes on for")
    for name in NAMES:
        equal = "yes" if not differing({name: stock[name]}, ours) else "NO"
        print(f"{name:<28} {len(stock[name]['results']):>2} {equal:<4} {', '.join(ours[name]['said'])}")
    assert differing(stock, ours) == {}
    assert {name: ours[name]["said"] for name in NAMES} == {name: SAID.get(name, []) for name in NAMES}
    repeated, _ = [
        end(t) for t in (start("stock", tmp_path / "again", again), start("ours", tmp_path / "mixed", ("begun",)))
    ]
    assert differing({name: stock[name] for name in again}, repeated) == {}
    mixed = end(start("stock", tmp_path / "mixed", ("gone on",)))
    assert differing({"gone on": stock["gone on"]}, mixed) == {}
