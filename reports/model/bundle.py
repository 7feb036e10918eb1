"""A trial's files → the folder that goes to the Hub: the policy, what resuming takes, curves, report, all scrubbed."""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from reports.hub.names import SOCCER_TWOS, Names
from reports.model import leaks, tfevents
from reports.model.leaks import Leak, Private
from reports.run.sections import plain
from trials.arena.players import onnx_external
from trials.errors import SetupError, SpaceError
from trials.events import Event, SweepBegan, SweepEnded, TrialBegan, TrialEnded, TrialResumed, WarmStarted
from trials.folder import RunFolder
from trials.inputs import located, named
from trials.records import Candidate, TrialSpec

CARD, CONFIGURATION, CONFIG = "README.md", "configuration.yaml", "config.json"
FREE: Mapping[type[Event], Sequence[str]] = {
    SweepBegan: ("name", "command", "space_yaml"),
    WarmStarted: ("run", "reason"),
    TrialResumed: ("reason",),
    TrialEnded: ("reason", "log_tail"),
    SweepEnded: ("reason",),
}
"""Events' fields with texts from logs and command lines."""
STATUS, REPORT, EVALUATION = "run_logs/training_status.json", "report.html", "evaluation.json"


@dataclass(frozen=True)
class Product:
    """The policy that is to be promoted."""

    run: RunFolder
    spec: TrialSpec
    candidate: Candidate
    own_choice: bool
    """Whether the run itself carries on this policy; False: a person named its trial."""

    @property
    def names(self) -> Names:
        """After the behavior that was trained, or the first of two."""
        return self.each[0]

    @property
    def each(self) -> tuple[Names, ...]:
        """After each behavior that was trained."""
        return tuple(map(Names, self.spec.behaviors))

    def policy_in(self, folder: Path) -> Path:
        """What plays, of a folder with the files: a policy, or the folder itself with one of each behavior."""
        return folder if len(self.each) > 1 else folder / self.names.onnx


@dataclass(frozen=True)
class Contents:
    """What was put into the folder."""

    sha256: str
    """Of the policy."""
    resumable: bool
    """Whether the checkpoint of this very policy is among the files."""
    notes: tuple[str, ...]
    """What is missing or was changed, and what that costs: for the card."""
    configuration: Mapping[str, Any]


def fill(product: Product, events: Sequence[Event], private: Private, into: Path) -> Contents:
    """Put everything but the card and the evaluation into the folder. Raises SetupError where the policy is not there.

    Sources: mlagents 1.1.0 `trainers/learn.py`, `trainers/training_status.py`; what `mlagents-load-from-hf` and
    `mlagents-learn --resume` need is the checkpoint, its status and the configuration.
    """
    notes = [
        f"The training of {behavior} began from a checkpoint, {name}, which is not among the files."
        for behavior, name in begun_from(product.spec).items()
    ]
    sha256 = _policies(product, private, into, notes)
    configuration = _configuration(product, notes)
    (into / CONFIGURATION).write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
    (into / CONFIG).write_text(json.dumps(configuration), encoding="utf-8")
    resumable = _checkpoints(product, into, notes)
    files = product.run.trial(product.candidate.trial)
    if tfevents.write(files.metrics, product.candidate.steps, into / product.names.behavior) is None:
        notes.append("The trainer left no summaries, so there are no training curves here.")
    (into / REPORT).write_text(_report(product.run, events, private), encoding="utf-8")
    return Contents(sha256, resumable, tuple(notes), configuration)


def begun_from(spec: TrialSpec) -> dict[str, str]:
    """Behavior to the name of the checkpoint that its training began from, where its space names one (init_path)."""
    behaviors = spec.config["behaviors"].items()
    return {name: Path(str(trainer["init_path"])).name for name, trainer in behaviors if trainer.get("init_path")}


def hashes(folder: Path) -> dict[str, str]:
    """Every file below the folder, by name, to its sha256."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def leaking(folder: Path, private: Private, seen: Collection[str] = ()) -> list[Leak]:
    """What must not leave, in any file of the folder or its name, but for those that were `seen` before."""
    from reports import html
    from reports.run import figures

    known = (figures.bundle(), *(html.asset(name) for name in ("packed.js", "report.js", "report.css")))
    return [
        leak
        for name in sorted(set(hashes(folder)) - set(seen))
        for leak in leaks.find(name, (folder / name).read_bytes(), private, known if name.endswith(".html") else ())
    ]


# --- the files ---------------------------------------------------------------------------------------------------


def _policies(product: Product, private: Private, into: Path, notes: list[str]) -> str:
    """Copy the policy, of each behavior where there are two, if it is what the ledger knows; its sha256."""
    source = product.run.path / product.candidate.path
    if not source.exists():
        raise SetupError(
            f"a promotion needs its policy, but {product.candidate.path} of {product.run.path} is not there; if it was"
            " removed, promote another trial (--trial N)"
        )
    if onnx_external.digest_of(source) != product.candidate.sha256:
        raise SetupError(
            f"a policy must be the file that was rated, sha256 {product.candidate.sha256[:12]}, but"
            f" {product.candidate.path} is another; promote another trial (--trial N)"
        )
    for names in product.each:
        data = (source / names.onnx if source.is_dir() else source).read_bytes()
        if leaks.find(names.onnx, data, private) and (bare := _bare(data)) != data:
            data = bare
            bared = "Texts that no runtime reads (doc strings, metadata) were taken out of the ONNX file."
            notes += [bared] if bared not in notes else []
        (into / names.onnx).write_bytes(data)
    return onnx_external.digest_of(product.policy_in(into))


def _bare(data: bytes) -> bytes:
    """The ONNX file without the texts that no runtime reads."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError):
        return data
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input):
        part.ClearField("doc_string")
    del model.metadata_props[:]
    model.ClearField("producer_name")
    return bytes(model.SerializeToString())


def _configuration(product: Product, notes: list[str]) -> dict[str, Any]:
    """What mlagents resolved the trial's configuration to, without what is this machine's."""
    from trials.learner.process import check_with_mlagents

    path = product.run.trial(product.spec.number).results / CONFIGURATION
    try:
        made = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        made = None
    if not _is_of(made, product):
        notes.append("The trainer left no configuration; this one is the trial's, resolved again by mlagents.")
        made = plain(product.spec.config) | {"env_settings": {"seed": product.spec.seed}}
    made = portable(made, "+".join(product.spec.behaviors))
    try:
        return check_with_mlagents(made)
    except SpaceError as error:
        raise SetupError(f"a configuration must be one that mlagents takes, but it says: {error}") from None


def _is_of(made: Any, product: Product) -> bool:
    """Whether a resolved configuration is the trial's: its behaviors, and every value that its spec gives them."""
    mine = plain(located(product.spec.config, product.run.path))["behaviors"]
    theirs = made.get("behaviors") if isinstance(made, dict) else None
    return isinstance(theirs, dict) and set(theirs) == set(mine) and _within(mine, theirs)


def _within(part: Any, whole: Any) -> bool:
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _within(part[key], whole[key]) for key in part)
    return bool(part == whole)


def portable(configuration: Mapping[str, Any], called: str = SOCCER_TWOS.behavior) -> dict[str, Any]:
    """A resolved configuration as another machine takes it: no paths (of demonstrations their files' names), no device,
    no way of having been started.

    called: what a training of it is, after its behavior.
    """
    made = deepcopy(dict(configuration))
    for section, key in named(made):
        section[key] = None if key == "init_path" else Path(str(section[key])).name
    made["env_settings"] = (made.get("env_settings") or {}) | {"env_path": None, "env_args": None, "base_port": 5005}
    made["env_settings"].pop("num_envs", None)  # which takes an executable
    made["checkpoint_settings"] = {"run_id": called, "results_dir": "results"}
    made["torch_settings"] = {"device": None}
    return made


def _checkpoints(product: Product, into: Path, notes: list[str]) -> bool:
    """Copy the checkpoint of this very policy, of each behavior where there are two, and its status, if they are there.
    Behaviors that learn in turns are at steps of their own, so of two only the last ones are known to be these."""
    from trials.learner.checkpoints import CURRENT, steps_of

    files, steps = product.run.trial(product.candidate.trial), product.candidate.steps
    found: dict[Names, tuple[Path, int]] = {}
    several = len(product.each) > 1
    for names in product.each:
        for name in (CURRENT,) if several else (f"{names.behavior}-{steps}.pt", CURRENT):
            path = files.results / names.behavior / name
            reached = steps_of(path) if path.is_file() else None
            if reached is not None and (several or reached == steps):
                found.setdefault(names, (path, reached))
    if len(found) < len(product.each) or min(reached for _, reached in found.values()) != steps:
        notes.append(
            f"The checkpoint at {steps:,} steps is gone (mlagents keeps the last few only): this policy can be played,"
            " but not trained further from here."
        )
        return False
    try:
        status = json.loads(files.training_status.read_bytes())
    except (OSError, ValueError):
        status = {}
        notes.append("The trainer's status is gone: a resumed training starts its ghost Elo again.")
    for names, (source, reached) in found.items():
        (into / names.checkpoint).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, into / names.checkpoint)
        status = status_of(status, reached, names)
    (into / STATUS).parent.mkdir(parents=True, exist_ok=True)
    (into / STATUS).write_text(json.dumps(status, indent=4), encoding="utf-8")
    return True


def status_of(status: Mapping[str, Any], steps: int, names: Names = SOCCER_TWOS) -> dict[str, Any]:
    """mlagents' training status with a behavior's one checkpoint that is uploaded, under the name it has there."""
    made = deepcopy(dict(status))
    behavior = made.get(names.behavior)
    if isinstance(behavior, dict):
        known = [one for one in behavior.get("checkpoints") or [] if one.get("steps") == steps]
        # mlagents deletes the oldest of them when it makes new ones, wherever it is started
        behavior["checkpoints"] = []
        behavior.pop("final_checkpoint", None)
        if known:
            there = {"file_path": names.onnx, "auxillary_file_paths": [names.checkpoint]}
            behavior["final_checkpoint"] = known[-1] | there
    return made


def _report(run: RunFolder, events: Sequence[Event], private: Private) -> str:
    """The run's page, from events whose free texts are scrubbed."""
    from reports.run import metrics, page
    from trials import run_state

    clean = [scrubbed(event, private) for event in events]
    numbers = [trial.number for trial in run_state.run_of(run.name, clean).trials]
    curves = metrics.curves(run, numbers)
    return page.render(run_state.run_of(leaks.scrubbed(run.name, private), clean, metrics.reached(curves)), curves)


def scrubbed(event: Event, private: Private) -> Event:
    """The event with its texts from logs and command lines scrubbed."""
    if isinstance(event, TrialBegan):
        programs = {"executable": event.spec.executable, "trainer": event.spec.trainer}
        names: dict[str, Any] = {key: Path(path).name for key, path in programs.items() if path is not None}
        return replace(event, spec=replace(event.spec, **names))
    texts: dict[str, Any] = {key: leaks.scrubbed(getattr(event, key), private) for key in FREE.get(type(event), ())}
    return replace(event, **texts)
