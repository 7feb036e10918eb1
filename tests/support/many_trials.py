"""A sweep of many trials through the real tuner, its trainings and ratings stand-ins, and what each trial cost it.

`python tests/support/many_trials.py FOLDER TRIALS SLOTS` sweeps the real space (search_spaces/soccertwos.yaml) with
real Ray, controller, study and ledger, and prints a JSON object a line, one for every EVERY trials that ended: what
the driver had used by then. The workers' trainer is `stand_in`; a rating is drawn instead of played.
"""

import json
import os
import random
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import ray
from rich.console import Console

from search_spaces import load
from sweep import settings
from sweep.cluster import worker
from sweep.driver import run, tuner
from sweep.driver.controller import Controller
from trials.arena.matches import match
from trials.arena.players import load as players
from trials.arena.ratings.elo import direct
from trials.arena.ratings.ladder import Rated
from trials.events import Event, TrialEnded
from trials.records import TrialSpec
from trials.trial import Trial

STEPS = 100_000
EVERY = 25
"""Trials between two looks."""
WORKERS = "workers"
"""Folder in the run where every process that began a trial leaves its id."""


class Actor(worker.TrialActor):
    """The worker with a stand-in trainer and drawn ratings."""

    def _begin(self) -> dict[str, Any]:
        (self._place.run.path / WORKERS / str(os.getpid())).touch()
        self._trial = Trial(self._spec, self._place.run, drawn, "stand_in")
        return {}


PLAYED: list[Any] = []


def drawn(path: Path, seed: int) -> Rated:
    """A rating with an Elo drawn from the seed, on one pair that was really played."""
    if not PLAYED:
        PLAYED.extend(match.play(players.load("random"), players.load("still"), 1, 0).records)
    elo = random.Random(seed).gauss(1000, 100)
    played = [replace(record, a=sha256(path.read_bytes()).hexdigest()) for record in PLAYED]
    rating = replace(direct(played, "still"), elo=elo, low=elo - 50, high=elo + 50)
    return Rated(rating=rating, records=played, baseline=None, names={"still": "still"})


class Costs:
    """What the driver has used, looked at whenever a trial has ended."""

    def __init__(self, controller: Controller) -> None:
        self._controller, self._began = controller, time.monotonic()
        self._proposing, self._driver, self._looking = 0.0, psutil.Process(), 0.0
        propose = controller.propose

        def timed(trial_id: str) -> TrialSpec:
            began = time.monotonic()
            try:
                return propose(trial_id)
            finally:
                self._proposing += time.monotonic() - began

        controller.propose = timed  # type: ignore[method-assign]
        controller.listeners.append(self)

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialEnded) and len(self._controller.over) % EVERY == 0:
            began = self._cpu()
            print(json.dumps(self.now()), flush=True)
            self._looking += self._cpu() - began

    def _cpu(self) -> float:
        spent = self._driver.cpu_times()
        return spent.user + spent.system

    def now(self) -> dict[str, float]:
        """Trials over, seconds since the first proposal, and what is in use; sizes are of disk blocks."""
        session = Path(ray._private.worker.global_worker.node.get_session_dir_path())
        run = self._controller.run.path
        files, size = folder(run)
        tune_files, tune_size = folder(run / "ray")
        ray_files, ray_size = folder(session)
        return {
            "trials": len(self._controller.over),
            "seconds": time.monotonic() - self._began,
            "cpu_seconds": self._cpu() - self._looking,
            "propose_seconds": self._proposing,
            "rss_mib": self._driver.memory_info().rss / 2**20,
            "tree_rss_mib": sum(p.memory_info().rss for p in alive(self._driver)) / 2**20,
            "processes": len(self._driver.children(recursive=True)),
            "run_files": files,
            "run_mib": size / 2**20,
            "tune_files": tune_files,
            "tune_mib": tune_size / 2**20,
            "session_files": ray_files,
            "session_mib": ray_size / 2**20,
            "workers": len(os.listdir(run / WORKERS)),
            "study_mib": self._controller.run.study.stat().st_size / 2**20,
            "ledger_mib": self._controller.run.ledger.stat().st_size / 2**20,
        }


def alive(process: psutil.Process) -> list[psutil.Process]:
    return [process, *(child for child in process.children(recursive=True) if child.is_running())]


def folder(path: Path) -> tuple[int, int]:
    """(files, bytes on disk) below a folder that others write."""
    files = size = 0
    for at, _, names in os.walk(path):
        for name in names:
            try:
                size += os.lstat(os.path.join(at, name)).st_blocks * 512
                files += 1
            except OSError:
                continue
    return files, size


def main(out: Path, trials: int, slots: int) -> int:
    """Sweep, and print the costs; the exit status of `sweep run`."""
    here = str(Path(__file__).parent)
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # of Ray's workers
    space = load("soccertwos")
    given = {"out": out, "trials": trials, "slots": slots, "steps": STEPS, "cpus_per_trial": 0.25}
    made = settings.of_space("soccertwos", space, given | {"fresh_matches": 8, "final_seeds": 0})
    conduct = tuner.conduct

    def watched(controller: Controller, session: tuner.Session) -> None:
        (controller.run.path / WORKERS).mkdir(exist_ok=True)
        Costs(controller)
        conduct(controller, session)

    tuner.TrialActor, tuner.conduct = Actor, watched
    return run.sweep(made, "many_trials", Console(file=sys.stderr))


if __name__ == "__main__":
    from many_trials import main as imported  # by its name, which Ray's workers find too

    sys.exit(imported(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
