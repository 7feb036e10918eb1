"""The course's last step for any model: tag, name, spaces, playable, and a few matches; `sweep verify`."""

import math
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from reports.hub.names import SOCCER_TWOS
from reports.model import checks
from reports.model import files as model_files
from reports.model.checks import Check
from reports.model.files import ModelFiles
from sweep import models
from sweep.matches import play
from sweep.matches.conditions import Conditions
from sweep.runs import names as run_names
from trials.arena.players import onnx_external
from trials.errors import SweepError, UsageError, did_you_mean

UNIFORM = 3 * math.log(3)
"""Nats of the three branches when every action is as likely as any other: an untrained policy's."""
NEAR = 0.001
"""Nats from there within which a policy is as it began: first weights put an export 0.0001 to 0.0005 away."""
WANTED = ["README.md", "configuration.yaml", "config.json", "run_logs/*.json"]
"""What is looked at of a repository, beside the ONNX files at its root."""
STYLE = {"ok": "[green]pass[/]", "advice": "[yellow]warn[/]", "no": "[red]fail[/]", "unknown": "[dim]?[/]"}
"""What a person is shown of a check's status."""


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what was found."""

    model: str
    revision: str | None
    """Commit of a repository."""
    ok: bool
    """Nothing is as it must not be."""
    checks: list[Check]


def verify(what: str, revision: str | None, pairs: int, cores: int, progress: bool) -> Verified:
    """Look at a repository (`USER/NAME`), a run's policy, a folder or an ONNX file; play `pairs` against two built-ins.

    Raises SetupError where there is nothing to look at, HubError.
    """
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        subject, version = _subject(what, revision, Path(scratch))
        found = checks.examine(subject)
        policy = model_files.policy_of(subject)
        sound = any(check.name == "plays" and check.status == "ok" for check in found)
        if pairs and policy is not None and sound:
            found += _matches(policy, pairs, cores, progress)
        return Verified(what, version, not checks.broken(found), found)


def _subject(what: str, revision: str | None, scratch: Path) -> tuple[ModelFiles, str | None]:
    """The model's files here, and the commit they are of."""
    if (found := _local(what)) is not None:
        if revision is not None:
            raise UsageError(f"--revision is of a repository on the Hub, but {what} is on this machine; leave it out")
        return found, None
    what, _, at = what.partition("@")
    if at and revision is not None:
        raise UsageError(f"a revision must be given once, but got @{at} and --revision {revision}; leave one out")
    if what.count("/") != 1 or what.startswith((".", "/")):
        raise UsageError(
            f"a model must be USER/NAME on the Hub, a run, a folder or an ONNX file, but {what!r} is none;"
            f" {did_you_mean(what, run_names()) or 'correct it'}"
        )
    from reports import hub

    there = hub.remote(what, revision or at or None)
    policies = [name for name in there.files if name.lower().endswith(".onnx") and "/" not in name]
    folder = hub.fetched(there.version, patterns=[*policies, *WANTED], into=scratch)
    policy = model_files.policy_of(model_files.of_folder(folder))
    if policy is not None and (others := [file.name for file in onnx_external.files(policy)]):
        hub.fetched(there.version, patterns=others, into=scratch, limit=onnx_external.MAX_BYTES)
    return replace(model_files.of_folder(folder), names=list(there.files), tags=there.tags), there.version.revision


def _local(what: str) -> ModelFiles | None:
    """A run's policy, a folder or a file; None where the Hub is meant."""
    if (own := models.of_a_run(what)) is not None:
        return model_files.of_file(Path(own.load), SOCCER_TWOS.onnx)  # its name is the trial's
    path = Path(os.path.expanduser(what))
    if path.is_dir():
        return model_files.of_folder(path)
    if not path.is_file() and what.lower().endswith(".onnx"):
        raise UsageError(f"a model must be there, but {what} is not; name USER/NAME, a folder or an ONNX file")
    return model_files.of_file(path) if path.is_file() else None


def _matches(policy: Path, pairs: int, cores: int, progress: bool) -> list[Check]:
    """Against random play and the house; too few matches for more than an impression."""
    found: list[Check] = []
    for seed, (opponent, name) in enumerate((("random", "against random play"), ("house", "against the house"))):
        try:
            how = Conditions(seed=seed, cores=cores)
            played = play.play(str(policy), opponent, 2 * pairs, how, progress=progress)
        except SweepError as error:
            return [*found, Check(name, "no", str(error), "train again")]
        said = (
            f"{played.wins}-{played.draws}-{played.losses}, Elo {played.elo:+.0f}"
            f" [{played.low:+.0f}, {played.high:+.0f}]"
        )
        entropy = played.entropy.a
        if opponent == "random" and not entropy <= UNIFORM - NEAR:  # NaN passes no gate
            mend = "train it: no step was learned from, or it is the wrong file"
            found.append(Check(name, "no", f"{said}; its actions are as good as random ({entropy:.2f} nats)", mend))
        elif opponent == "random" and not (played.high or 0) >= 0:
            found.append(Check(name, "advice", f"{said}: worse than random play", "train it longer"))
        else:
            found.append(Check(name, "ok", said))
    return found


def table(found: Verified) -> Table:
    """The checks for a terminal."""
    at = f" at {found.revision[:7]}" if found.revision else ""
    shown = Table(title=escape(f"{found.model}{at}: {'passed' if found.ok else 'failed'}"), title_justify="left")
    for name in ("", "check", "found", "fix"):
        shown.add_column(name, overflow="fold")
    for check in found.checks:
        shown.add_row(STYLE[check.status], check.name, escape(check.found), escape(check.mend))
    return shown
