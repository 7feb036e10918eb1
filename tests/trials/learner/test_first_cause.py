"""What went wrong first is what is told, and only what another start may mend is the machine's: the real trainer."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pydantic import TypeAdapter

from trials.errors import BadTrial, LostTrial
from trials.folder import TrialFolder
from trials.learner import launcher, process, trainer_log
from trials.records import TrialSpec

SMALL = {
    "trainer_type": "poca",
    "hyperparameters": {"batch_size": 64, "buffer_size": 256},
    "network_settings": {"hidden_units": 32, "num_layers": 1},
    "self_play": {"save_steps": 50000, "team_change": 200000},
    "time_horizon": 16,
}
FAILING = """
import sys
from pathlib import Path
from trials.learner import compat; compat.apply()
from mlagents.trainers.poca.trainer import POCATrainer
def update(self): raise {error}
POCATrainer._update_policy = update
from trials.learner import launcher
launcher.exit_now(launcher.process.run(launcher.main, Path(sys.argv[1])))
"""
FROM_GPU = """
import sys, torch
torch.serialization.register_package(0, lambda storage: "cuda:0", lambda storage, place: None)
torch.save(torch.load(sys.argv[1], weights_only=True), sys.argv[2])
"""
WITH_GPU = """
import os, sys, torch
from pathlib import Path
torch.cuda.is_available = lambda: os.environ.get("CUDA_VISIBLE_DEVICES") != ""  # as torch does where there is one
from trials.learner import launcher
launcher.exit_now(launcher.process.run(launcher.main, Path(sys.argv[1])))
"""
DENORMAL = """
import sys, torch
from pathlib import Path
from trials.learner import compat, launcher
compat.apply()
from mlagents.trainers import learn
learn.run_cli = lambda options: print("times one:", float(torch.tensor([1e-40]) * 1.0))
launcher.exit_now(launcher.process.run(launcher.main, Path(sys.argv[1])))
"""


def folder(path: Path, steps: int = 1000, device: str | None = None, **more: Any) -> TrialFolder:
    files = TrialFolder(path)
    path.mkdir(exist_ok=True)
    config = {"behaviors": {"SoccerTwos": SMALL | {"max_steps": steps} | more}}
    given = dict(number=0, origin="fixed", params={}, config=config, seed=1, steps=steps, fields=2, threads=1)
    spec = TrialSpec(**given, rungs=(steps,), device=device)  # type: ignore[arg-type]
    files.candidates.mkdir(exist_ok=True)
    files.spec.write_bytes(TypeAdapter(TrialSpec).dump_json(spec))
    files.trainer_yaml.write_text(yaml.safe_dump(config))
    return files


def train(files: TrialFolder, *python: str, timeout: float = 240) -> tuple[int, str]:
    """Exit status, and the one line that ledger and report have."""
    words = python or ("-m", process.LAUNCHER)
    with files.log.open("w") as log:
        done = subprocess.run(
            [sys.executable, *words, str(files.path)],
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=timeout,
        )
    return done.returncode, trainer_log.cause(done.returncode, trainer_log.tail(files))


def test_a_missing_file_is_named_and_is_the_trials_own_fault(tmp_path: Path) -> None:
    gone = tmp_path / "no.demo"
    status, reason = train(folder(tmp_path / "run", behavioral_cloning={"demo_path": str(gone)}))
    assert reason == f"trial: FileNotFoundError: The demonstration file or directory {gone} does not exist."
    assert status == process.TRIAL_EXIT


@pytest.mark.parametrize(
    ("threaded", "error", "status", "reason"),
    [
        (True, 'ValueError("update")', process.TRIAL_EXIT, "trial: ValueError: update"),
        (False, 'OSError(5, "input")', process.MACHINE_EXIT, "machine: OSError: [Errno 5] input"),
    ],
)
def test_a_failing_update_ends_the_training_even_in_a_thread_of_its_own(
    threaded: bool, error: str, status: int, reason: str, tmp_path: Path
) -> None:
    files = folder(tmp_path / "run", 50_000, threaded=threaded)
    assert train(files, "-c", FAILING.format(error=error)) == (status, reason)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError("Unable to allocate 2.00 GiB for an array"), LostTrial),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), LostTrial),
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), LostTrial),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), LostTrial),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), BadTrial),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 120960000000 bytes"),
            BadTrial,
        ),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), BadTrial),
    ],
)
def test_a_shortage_is_the_machines(error: Exception, kind: type, tmp_path: Path) -> None:
    found = launcher._whose(error, TrialFolder(tmp_path))
    assert type(found) is kind and str(found) == f"{type(error).__name__}: {error}"


def test_a_checkpoint_of_a_gpu_begins_a_trial_and_never_comes_back_in_its_later_lives(tmp_path: Path) -> None:
    first = folder(tmp_path / "first")
    assert train(first) == (0, "the trainer's process ended with status 0")
    old = tmp_path / "old.pt"
    checkpoint = next(first.results.glob("*/checkpoint.pt"))
    subprocess.run([sys.executable, "-c", FROM_GPU, str(checkpoint), str(old)], check=True)
    second = folder(tmp_path / "second", init_path=str(old))
    assert train(second)[0] == 0
    assert f"Initializing from {old}." in second.log.read_text()
    assert "Failed to load" not in second.log.read_text()
    assert train(folder(second.path, 2000, init_path=str(old)))[0] == 0
    assert "Initializing from" not in (later := second.log.read_text()) and "Resuming from" in later


def test_a_trial_on_the_cpu_trains_beside_a_gpu(tmp_path: Path) -> None:
    files = folder(tmp_path / "run", 300, device="cpu")
    assert train(files, "-c", WITH_GPU) == (0, "the trainer's process ended with status 0")


def test_numbers_that_slow_a_processor_down_count_as_nothing(tmp_path: Path) -> None:
    files = folder(tmp_path / "run")
    assert train(files, "-c", DENORMAL)[0] == 0 and "times one: 0.0" in files.log.read_text()
