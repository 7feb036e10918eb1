"""What must hold before a sweep starts: its space, baseline, executable, trainer, device and folder."""

import os
from pathlib import Path

from search_spaces import Space, check, load
from sweep import models
from sweep.settings import Settings, build
from trials.arena.players.load import load as load_player
from trials.errors import SetupError, UsageError, of_option
from trials.folder import RunFolder


def prepare(settings: Settings) -> tuple[Space, models.Model]:
    """The space and the baseline, checked. Raises SpaceError, BadPolicy or SetupError."""
    space = load(settings.space)
    check(space, settings.steps, settings.fields)
    if settings.executable is not None:
        build(Path(settings.executable))
    if settings.trainer is not None:
        if settings.executable is None:
            raise UsageError("--trainer must be given an executable to train in, but there is no --env; name one")
        _must_run(Path(settings.trainer))
    with of_option("--baseline"):
        baseline = models.resolve(settings.baseline)
        load_player(baseline.load)
    return space, baseline


def _must_run(trainer: Path) -> None:
    """Raise SetupError where it is no program; whether it is an mlagents-learn its first start tells."""
    mend = "name an environment's bin/mlagents-learn"
    if not trainer.is_file():
        raise UsageError(f"--trainer must be an mlagents-learn, but {trainer} is not there; {mend}")
    if not os.access(trainer, os.X_OK):
        raise SetupError(f"--trainer must be executable, but {trainer} is not; run `chmod +x {trainer}`, or {mend}")


def device(settings: Settings) -> list[tuple[str, str]]:
    """The device that this machine's torch must have; none where another machine's, or another torch, trains."""
    elsewhere = settings.ray_address or settings.trainer or settings.torch_device is None
    return [] if elsewhere else [("device", str(settings.torch_device))]


def asked(settings: Settings, space: Space) -> str:
    """What is about to begin, in a line."""
    where = "the embedded SoccerTwos" if settings.executable is None else Path(settings.executable).name
    trials = f"{settings.trials} trials" if settings.trials > 1 else "1 trial"
    slots = f", {settings.slots} at a time" if settings.slots and settings.trials > 1 else ""
    return f"{space.name}: {trials} of {settings.steps:,} steps{slots}, in {where}, {settings.fields} fields each"


def must_be_new(run: RunFolder) -> None:
    """A sweep never writes over another."""
    if run.ledger.exists():
        raise SetupError(
            f"--out must name a new folder, but {run.path} holds a sweep already; give another name or remove it"
        )
