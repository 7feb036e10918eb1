"""What this machine can run, and what to do about what it cannot."""

import contextlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.markup import escape
from rich.table import Table

from trials import stint
from trials.errors import SweepError
from trials.ports import PortLease

MIN_DISK_GIB = 2.0
MIN_MEMORY_GIB = 2.0


@dataclass(frozen=True)
class Tried:
    """One thing that was tried."""

    name: str
    ok: bool
    found: str
    mend: str
    """What to do; empty where it is well."""


def examine(env: str | None = None) -> list[Tried]:
    """Try everything a sweep needs, one after the other, and the executable `env`; no failure hides the next check."""
    checks = [_try(name, check, mend) for name, check, mend in CHECKS]
    if env is not None:
        checks.append(_try("executable", lambda: _executable(env), EXECUTABLE_MEND))
    return checks


def table(checks: list[Tried]) -> Table:
    """The checks for a terminal."""
    shown = Table(box=None, pad_edge=False)
    for name in ("", "check", "found", "fix"):
        shown.add_column(name, overflow="fold")
    for check in checks:
        shown.add_row("[green]ok[/]" if check.ok else "[red]no[/]", check.name, escape(check.found), escape(check.mend))
    return shown


def _try(name: str, check: Callable[[], str], mend: str) -> Tried:
    try:
        return Tried(name, True, check(), "")
    except (SweepError, OSError, ImportError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        text = str(error).splitlines()
        return Tried(name, False, text[-1] if text else type(error).__name__, mend)


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        raise RuntimeError(f"python {platform.python_version()}")
    return f"{platform.python_version()}, {platform.system()} {platform.machine()}"


def _torch() -> str:
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU only"
    return f"torch {torch.__version__}, {device}"


def _trainer() -> str:
    """A trainer's process as a trial starts it: mlagents imports, takes the course's YAML, exports an ONNX."""
    code = "from trials.learner import smoke; smoke.main()"
    return _said(code, 180, "the trainer's process failed")


def _said(code: str, seconds: float, failed: str) -> str:
    """The last line that a Python of its own prints for `code`. Raises RuntimeError with its last words."""
    done = stint.run([sys.executable, "-c", code], seconds)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or [failed])[-1])
    return done.stdout.strip().splitlines()[-1]


def _arena() -> str:
    from sweep.matches import conditions, play

    result = play.play("house", "random", 16, conditions.Conditions())
    return f"house against random {result.wins}-{result.draws}-{result.losses}, {result.environment}"


def _ray() -> str:
    from sweep.cluster import temporary

    code = (
        "import os; os.environ['RAY_USAGE_STATS_ENABLED']='0'; import ray;"
        "ray.init(address='local', num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level='ERROR',"
        f" _node_ip_address='127.0.0.1', _temp_dir={temporary.folder()!r}); "
        "print(ray.get(ray.remote(lambda: ray.__version__).remote()))"
    )
    return f"ray {_said(code, 120, 'Ray did not start')} started and ran a task"


def _executable(env: str) -> str:
    """Start it, shake hands, and play a few matches in it; the house in SoccerTwos, which knows what it must see."""
    from sweep.matches import conditions, play
    from trials.arena.games.soccer import SOCCER

    asked = conditions.Conditions(env=Path(env))
    asked.check()
    with asked.game() as game:
        player = "house" if game.behavior.name == SOCCER.name else "still"
    result = play.play(player, "random", 4, asked)
    return (
        f"starts, speaks ML-Agents' protocol, {result.matches} matches at {result.decisions_per_second:,.0f}"
        f" decision steps/s, {result.environment}"
    )


def _memory() -> str:
    free = psutil.virtual_memory().available / 2**30
    if free < MIN_MEMORY_GIB:
        raise RuntimeError(f"{free:.1f} GiB free")
    return f"{free:.1f} GiB free, {psutil.cpu_count()} cores"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    if free < MIN_DISK_GIB:
        raise RuntimeError(f"{free:.1f} GiB free in this folder")
    return f"{free:.1f} GiB free in this folder"


def _ports() -> str:
    with contextlib.ExitStack() as held:
        ports = [held.enter_context(PortLease()).port for _ in range(16)]
    return f"{len(ports)} ports from {ports[0]} leased"


def _gpu() -> str:
    """Whether torch and the driver agree; none at all is well, the CPU trains."""
    import torch

    if torch.cuda.is_available():
        value = float(torch.ones(8, device="cuda").sum())
        return f"{torch.cuda.get_device_name(0)}, {torch.cuda.device_count()} in all, {value:g} computed"
    words = ["nvidia-smi", "-L"]
    if shutil.which(words[0]) and not subprocess.run(words, capture_output=True, check=False).returncode:
        raise RuntimeError(f"a GPU is there, but torch {torch.__version__} does not use it")
    return "none; trials train on the CPU"


EXECUTABLE_MEND = "run it by hand with --mlagents-port 5005 -logFile - to see more; `chmod +x` it"
CHECKS: tuple[tuple[str, Callable[[], str], str], ...] = (
    ("python", _python, "install Python 3.11 to 3.14 and `make clean-env sweep`"),
    ("memory", _memory, f"a trial needs about {MIN_MEMORY_GIB:g} GiB: close something or lower --slots"),
    ("disk", _disk, f"a sweep needs about {MIN_DISK_GIB:g} GiB: remove old folders of runs/"),
    ("torch", _torch, "`make torch` installs it again; TORCH=cu130 make torch takes a CUDA build"),
    ("trainer", _trainer, "`make clean-env sweep` builds the environment again from the lock"),
    ("arena", _arena, "the checkout is not whole: `git status`, then `make clean-env sweep`"),
    ("ports", _ports, "end what listens between ports 20000 and 29999, or remove stale locks it names"),
    ("gpu", _gpu, "`make torch TORCH=auto` takes the CUDA build; compare `nvidia-smi`'s driver with the build's CUDA"),
    ("ray", _ray, "look for an older Ray (`ray stop`), for /dev/shm being full, and whether TMPDIR can be written"),
)
