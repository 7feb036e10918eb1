"""A finished run as a sweep leaves it, with a policy that plays: the house baseline on its way, as if a trial's own."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml

from search_spaces import course, load
from trials import ledger
from trials.arena.players.load import LADDER
from trials.events import Event, FreshRated, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder
from trials.records import Candidate, Rating, Side, TrialSpec, Verdict

STEPS = 300_512
BEGAN = 1_700_000_000.0


def rating(elo: float, seed: int = 7) -> Rating:
    side = Side(wins=30, draws=5, losses=15)
    return Rating(elo=elo, low=elo - 40, high=elo + 40, wins=60, draws=10, losses=30, as_blue=side, as_purple=side,
                  by_opponent={"house": side}, ladder="direct", environment="soccer-1", seed=seed)  # fmt: skip


def config() -> dict[str, Any]:
    whole = course(load("course"))
    whole["behaviors"]["SoccerTwos"]["max_steps"] = 300_000
    return dict(whole)


def resolved(results: str) -> dict[str, Any]:
    """As mlagents leaves a configuration, with what is the machine's; its defaults are left out here."""
    return {
        **config(),
        "env_settings": {"env_path": f"{results}/SoccerTwos.x86_64", "base_port": 6100, "seed": 101},
        "checkpoint_settings": {"run_id": "mlagents", "force": True, "results_dir": results},
        "torch_settings": {"device": "cuda:0"},
    }


def make(path: Path, policy: Path = LADDER / "house-1500k.onnx", trials: int = 2, **more: Any) -> RunFolder:
    """A run of `trials` trials; the last is the best, chosen and rated afresh. `more`: of its first event."""
    run = RunFolder(path)
    run.trials.mkdir(parents=True)
    run.settings.write_text(yaml.safe_dump({"space": "course", "out": str(path), "seed": 1, "final_seeds": 0}))
    events: list[Event] = [began(path.name, trials, **more)]
    for number in range(trials):
        events += trial(run, number, policy)
    best = next(event for event in reversed(events) if isinstance(event, TrialRated)).candidate
    sprt = Verdict(elo0=0, elo1=50, llr=3.1, lower=-2.94, upper=2.94, verdict="accepted", pairs=60)
    fresh = FreshRated(time=BEGAN + 900, candidate=best, role="winner", baseline=rating(-35, 8), random=rating(410, 9),
                       random_sprt=sprt, against_course=rating(12, 10) if trials > 1 else None)  # fmt: skip
    end = SweepEnded(time=BEGAN + 999, state="complete", reason="", seconds=999, idle_share=0.05)
    for event in (*events, fresh, end):
        ledger.append(run.ledger, event)
    return run


def began(name: str, trials: int, **more: Any) -> SweepBegan:
    house = hashlib.sha256((LADDER / "house.onnx").read_bytes()).hexdigest()
    plain = dict(time=BEGAN, name=name, command="sweep run course --trials 2 --seed 1", space="course", trials=trials,
                 space_yaml="behaviors: {}\n", slots=1, steps=300_000, fields=8, seed=1, rungs=(100_000, 300_000),
                 reduction_factor=3.0, startup_trials=4, baseline="house", baseline_sha256=house, ladder="ladder-3",
                 environment="soccer-1", scaled={"max_steps": (5_000_000, 300_000)},
                 versions={"python": "3.11.9", "mlagents": "1.1.0", "torch": "2.13.0"}, host={"cores": 2})  # fmt: skip
    return SweepBegan(**(plain | more))  # type: ignore[arg-type]


def trial(run: RunFolder, number: int, policy: Path) -> list[Event]:
    files = run.trial(number)
    spec = TrialSpec(number=number, origin="course" if number == 0 else "sampled", config=config(), seed=100 + number,
                     params={} if number == 0 else {"hyperparameters.learning_rate": 3e-4}, steps=300_000, fields=8,
                     threads=1, rungs=(300_000,))  # fmt: skip
    data = policy.read_bytes()
    mine = Candidate(trial=number, steps=STEPS, path=f"trials/{number:04d}/candidates/SoccerTwos-{STEPS}.onnx",
                     sha256=hashlib.sha256(data).hexdigest())  # fmt: skip
    files.candidates.mkdir(parents=True)
    (run.path / mine.path).write_bytes(data)
    leave(run, number)
    ended = TrialEnded(time=BEGAN + 500 + number, trial=number, state="complete", reason="", log_tail="", steps=STEPS,
                       train_seconds=400, process_seconds=410, began=BEGAN + 5, slot=0, candidate=mine)  # fmt: skip
    score = replace(rating(1100 + 20 * number), ladder="ladder-3")
    return [
        TrialBegan(time=BEGAN + 1 + number, spec=spec),
        TrialRated(time=BEGAN + 450, candidate=mine, rung=300_000, rating=score, seconds=3),
        ended,
    ]


def leave(run: RunFolder, number: int) -> None:
    """What mlagents and its hooks leave of a training."""
    files = run.trial(number)
    behavior = files.results / "SoccerTwos"
    behavior.mkdir(parents=True)
    state = {"Policy": {"w": torch.randn(32, 32)}, "global_step": {"step": torch.tensor([STEPS])}}
    torch.save(state, behavior / f"SoccerTwos-{STEPS}.pt")
    shutil.copyfile(behavior / f"SoccerTwos-{STEPS}.pt", behavior / "checkpoint.pt")
    (behavior / "events.out.tfevents.1700000000.cw-workstation-7.311.0").write_bytes(b"cw-workstation-7")
    (files.results / "configuration.yaml").write_text(yaml.safe_dump(resolved(str(files.path))))
    files.training_status.parent.mkdir()
    point = {"steps": STEPS, "file_path": f"{behavior}/SoccerTwos-{STEPS}.onnx", "reward": 0.5, "creation_time": BEGAN,
             "auxillary_file_paths": [f"{behavior}/SoccerTwos-{STEPS}.pt"]}  # fmt: skip
    status = {"SoccerTwos": {"checkpoints": [point], "elo": 1234.5, "final_checkpoint": point},
              "metadata": {"stats_format_version": "0.3.0", "mlagents_version": "1.1.0"}}  # fmt: skip
    files.training_status.write_text(json.dumps(status))
    (files.results / "run_logs" / "timers.json").write_text(json.dumps({"total": 410.0, "metadata": str(files.path)}))
    lines = [{"step": 6000 * k, "time": BEGAN + k, "seconds": k, "Self-play/ELO": 1200.0 + k} for k in range(1, 51)]
    files.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
