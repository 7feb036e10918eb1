"""What a training costs: against mlagents as it was, against stock mlagents over the wire, side by side, by threads.

Printed as ratios of runs that alternate, never asserted: `make bench`. Steps are learning-team steps, mlagents' own. A
machine that others use makes seconds unsteady; processor seconds of the trainer's process are the steadier figure.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import timed_training
import yaml

from trials.ports import PortLease
from trials.soccer.executable.launcher import install

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
ROOT = Path(__file__).parents[3]
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))
COURSE = "course's network (512 x 2, batch 2048, 8 fields)"
SMALL = {
    "64 x 2, batch 512, 32 fields": (64, 32, 60_000),
    "128 x 2, batch 512, 32 fields": (128, 32, 60_000),
    "64 x 2, batch 512, 8 fields": (64, 8, 30_000),
}
TRAININGS = SMALL | {COURSE: (512, 8, 45_000)}


def configuration(hidden: int, steps: int) -> dict[str, Any]:
    """The course's; with another network also quick's batch, buffer and help."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "search_spaces" / "course.yaml").read_text())
    behavior = config["behaviors"]["SoccerTwos"]
    behavior["max_steps"] = steps
    if hidden != 512:
        behavior["network_settings"]["hidden_units"] = hidden
        behavior["hyperparameters"] |= {"batch_size": 512, "buffer_size": 5120}
        config["environment_parameters"] = {"ball_touch": 1}
    return config


def start(folder: Path, kind: str, hidden: int, fields: int, steps: int, threads: int = 1) -> "subprocess.Popen[str]":
    folder.mkdir()
    config = configuration(hidden, steps)
    spec = {"number": 0, "origin": "fixed", "params": {}, "config": config, "seed": 3, "steps": steps}
    spec |= {"fields": fields, "threads": threads, "rungs": [steps], "device": "cpu"}
    (folder / "spec.json").write_text(json.dumps(spec))
    (folder / "trainer.yaml").write_text(yaml.safe_dump(config))
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return subprocess.Popen(
        [sys.executable, timed_training.__file__, str(folder), kind, str(threads)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | limits | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)},
    )


def end(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = process.communicate()
    assert process.returncode == 0, err[-2000:]
    said: dict[str, Any] = json.loads(out.splitlines()[-1])
    return said | {"rate": said["steps"] / said["seconds"], "cpu_rate": said["steps"] / said["cpu"]}


def spread(values: list[float], form: str = ".2f") -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_against_mlagents_as_it_was(name: str, tmp_path: Path) -> None:
    """`before`: mlagents with its shuffle replaced and nothing else."""
    pairs = []
    for pair in range(PAIRS):
        order = ("before", "ours") if pair % 2 else ("ours", "before")
        pairs.append({kind: end(start(tmp_path / f"{kind}{pair}", kind, *TRAININGS[name])) for kind in order})
        assert pairs[-1]["ours"]["exported"] == pairs[-1]["before"]["exported"] != []
    print(f"\n{name}: steps a processor second, steps a second, seconds and processor seconds to the first step, MiB")
    for kind in ("before", "ours"):
        columns = [("cpu_rate", ",.0f"), ("rate", ",.0f"), ("start", ".1f"), ("start_cpu", ".1f"), ("memory", ",.0f")]
        print(f"{kind:>8}  " + "  ".join(spread([pair[kind][key] for pair in pairs], form) for key, form in columns))
    for key, words in (("cpu_rate", "a processor second"), ("rate", "a second")):
        print(f"   ratio of steps {words}: {spread([pair['ours'][key] / pair['before'][key] for pair in pairs])}")


@pytest.mark.parametrize("name", ["64 x 2, batch 512, 8 fields", COURSE])
def test_a_training_against_stock_mlagents_over_the_wire(name: str, tmp_path: Path) -> None:
    """The same game as an executable under an untouched mlagents-learn, as its user has it."""
    stock = os.environ.get("STOCK_MLAGENTS")
    if not stock:
        pytest.skip("STOCK_MLAGENTS is not set: name the mlagents-learn of a Python 3.10 with mlagents 1.1.0 in it")
    hidden, fields, steps = TRAININGS[name]
    game = install(tmp_path / "SoccerTwos.x86_64")
    config = configuration(hidden, steps)
    config["behaviors"]["SoccerTwos"]["summary_freq"] = max(1000, steps // 20)
    (tmp_path / "stock.yaml").write_text(yaml.safe_dump(config))
    ratios = []
    for pair in range(PAIRS):
        ours = end(start(tmp_path / f"ours{pair}", "ours", hidden, fields, steps))["rate"]
        theirs = stock_rate([stock, str(tmp_path / "stock.yaml"), f"--env={game}"], fields, tmp_path / f"stock{pair}")
        ratios.append((ours / theirs, ours, theirs))
    ratio, ours, theirs = (list(each) for each in zip(*ratios, strict=True))
    print(f"\n{name}: steps a second, embedded {spread(ours, ',.0f')}, stock over the wire {spread(theirs, ',.0f')}")
    print(f"   ratio: {spread(ratio)}")


def stock_rate(command: list[str], fields: int, results: Path) -> float:
    """Steps a second between the first tenth and the last summary that an mlagents-learn prints."""
    words = ["--no-graphics", f"--results-dir={results}", "--seed=3", "--torch-device=cpu"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with PortLease() as lease:
        done = subprocess.run(
            [*command, *words, f"--base-port={lease.port}", "--env-args", "--fields", str(fields)],
            capture_output=True,
            text=True,
            check=False,
            env=clean | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.findall(r"Step: (\d+)\. Time Elapsed: ([\d.]+) s", done.stdout + done.stderr)
    points = [(int(step), float(seconds)) for step, seconds in found]
    first = next(point for point in points if point[0] >= points[-1][0] * 0.1)
    return (points[-1][0] - first[0]) / (points[-1][1] - first[1])


@pytest.mark.parametrize("name", ["64 x 2, batch 512, 32 fields", COURSE])
def test_trainings_side_by_side(name: str, tmp_path: Path) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    kept = []
    for pair in range(PAIRS):
        single = end(start(tmp_path / f"single{pair}", "ours", *TRAININGS[name]))
        both = [start(tmp_path / f"both{pair}-{slot}", "ours", *TRAININGS[name]) for slot in range(cores)]
        kept += [(found["rate"] / single["rate"], found["cpu_rate"] / single["cpu_rate"]) for found in map(end, both)]
    print(f"\n{name}: {cores} trainings side by side on {cores} cores keep of a single one's speed, each")
    print(
        f"   steps a second {spread([one for one, _ in kept])}, a processor second {spread([two for _, two in kept])}"
    )


def test_threads(tmp_path: Path) -> None:
    cores = os.cpu_count() or 1
    numbers = [threads for threads in (1, 2, 4) if threads <= cores]
    rates: dict[int, list[float]] = {threads: [] for threads in numbers}
    for pair in range(PAIRS):
        for threads in numbers:
            folder = tmp_path / f"{threads}-{pair}"
            rates[threads].append(end(start(folder, "ours", *TRAININGS[COURSE], threads=threads))["rate"])
    print(f"\n{COURSE}: threads, steps a second, to one thread")
    for threads in numbers:
        ratio = [many / one for many, one in zip(rates[threads], rates[1], strict=True)]
        print(f"{threads:>4} {spread(rates[threads], ',.0f')} {spread(ratio)}")


def test_where_the_start_goes(tmp_path: Path) -> None:
    """Seconds until each module of the trainer's process is imported, the heaviest first."""
    code = "from trials.learner import compat\ncompat.apply()\nimport trials.learner.hooks"
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line]
    heavy = sorted(
        ((int(total), name) for _, total, name in rows[1:] if len(name) - len(name.lstrip()) <= 3), reverse=True
    )
    print(f"\nimports of a trainer: {time.perf_counter() - began:.1f} s in all")
    for total, name in heavy[:8]:
        print(f"{total / 1e6:>7.2f} s {name.strip()}")
