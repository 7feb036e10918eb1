"""A name, path, run or Hub id of a model becomes a local file and its sha256, before anything starts.

A run is its folder or a name below runs/, and stands for the policy it carries on; RUN:TRIAL is a trial's, and
RUN:TRIAL@STEPS that trial's at a checkpoint. A Hub id is USER/NAME, USER/NAME@REVISION (a branch, tag or commit), and
either with :file.onnx behind it. What exists here under a name is what is meant; only otherwise is the Hub asked.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweep import runs
from trials import ledger, policies
from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players import baseline
from trials.arena.players.load import BUILT_IN, EARLIER, HOUSE, LADDER, files_of, load
from trials.arena.players.onnx_external import copy, digest_of
from trials.arena.players.sandbox import vet
from trials.errors import BadPolicy, SetupError, UsageError, did_you_mean
from trials.folder import RunFolder

_OF_RUN = re.compile(r"(?P<run>.+?)(?::(?P<trial>\d{1,9})(?:@(?P<steps>\d{1,15}))?)?", re.S)

_HUB_ID = re.compile(
    r"(?P<repo>[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*?)(?:@(?P<revision>[\w./-]+))?"
    r"(?::(?P<file>(?:[\w-][\w. -]*/)*[\w-][\w. -]*\.onnx))?"
)


@dataclass(frozen=True)
class Model:
    """A player that is known to be there."""

    name: str
    """What tables show: a built-in's name, a file's stem, RUN:TRIAL or a Hub id."""
    load: str
    """What `trials.arena.players.load.load` takes: a built-in's name or an absolute path."""
    sha256: str
    """Of the file; a built-in without one has its name here."""
    revision: str = ""
    """Of a model from the Hub: the commit it is from, 40 hex digits."""

    @property
    def pinned(self) -> str:
        """The Hub id that is this very model for ever; empty: it is not from there."""
        repo, colon, file = self.name.partition(":")
        return f"{repo}@{self.revision}{colon}{file}" if self.revision else ""


def resolve(text: str, behavior: Behavior = SOCCER) -> Model:
    """The model named by `text`, a file tried out in a process of its own as a policy of `behavior`.

    Raises BadPolicy where there is none, and HubError, a SetupError, where the Hub has none or cannot be asked.
    """
    if behavior != SOCCER and text in (*BUILT_IN, *EARLIER):
        load(text, behavior)
    if text == HOUSE.stem or text in EARLIER:
        return Model(text, text, digest_of(LADDER / f"{text}.onnx"))
    if text in BUILT_IN:
        return Model(text, text, text)
    if (own := of_a_run(text)) is not None:
        tried(Path(own.load), behavior)
        return own
    if (found := _hub_id(text)) is not None:
        return _from_hub(text, found, behavior)
    path = Path(os.path.expanduser(text))
    if not (path.exists() if behavior.roles else path.is_file()):
        raise UsageError(_no_model(text))
    tried(path, behavior)
    if behavior.roles:
        return Model(path.stem, str(path.absolute()), load(str(path), behavior).id)
    name = path.stem if path.stem not in (*BUILT_IN, *EARLIER) else path.name  # those names are the house's own
    return Model(name, str(path.parent.resolve() / path.name), digest_of(path))


def tried(path: Path, behavior: Behavior) -> None:
    """Try out a policy: of two behaviors a folder's, or a file that plays both teams. Raises BadPolicy."""
    for file, role in zip(files_of(path, behavior), behavior.roles or (behavior,), strict=True):
        vet(file, role)


def of_a_run(text: str) -> Model | None:
    """The model that a word names in a run, its file not tried out; None where it names no run.

    Raises UsageError where the run has no such trial or checkpoint, SetupError where it has no policy yet.
    """
    found = _OF_RUN.fullmatch(text)
    if found is None or os.path.isfile(os.path.expanduser(text)) or (run := runs.called(found["run"])) is None:
        return None
    trial, steps = (int(found[part]) if found[part] else None for part in ("trial", "steps"))
    number, path = policies.file_of(run, ledger.read(run.ledger), trial, steps)
    name = f"{run.path.resolve().name}:{number}" + (f"@{steps}" if steps is not None else "")
    return Model(name, str(path.absolute()), digest_of(path))


def _no_model(text: str) -> str:
    """What a word could have meant."""
    path, there = Path(os.path.expanduser(text)), runs.names()
    folder = bool(text) and path.is_dir()  # Path("") is the folder one is in
    if folder or (path.is_symlink() and not path.exists()):
        what = "a folder" if folder else f"a link to {os.readlink(path)}, which is not there"
        return f"a model must be an ONNX file, a run or a Hub id, but {text!r} is {what}; name a file"
    beside = [str(path.parent / file.name) for file in path.parent.glob("*.onnx")] if path.parent.is_dir() else []
    word, colon, trial = text.partition(":")
    if word in there:
        return f"a run's trial must be RUN:TRIAL or RUN:TRIAL@STEPS, but got {text!r}; {word} alone is its best policy"
    near = did_you_mean(text, [*BUILT_IN, *EARLIER, *beside, *(name + colon + trial for name in there)])
    return (
        f"a model must be an ONNX file or one of {', '.join(BUILT_IN)}, a run (RUN, RUN:TRIAL, RUN:TRIAL@STEPS) or a"
        f" Hub id (USER/NAME), but {text!r} is none of them; "
        + (near or f"check the path ({runs.RUNS}/ has {', '.join(there[-5:]) or 'no run'})")
    )


def on_hub(text: str) -> bool:
    """Whether a word means a model on the Hub: it is an id, and nothing here has that name."""
    return _hub_id(text) is not None


def named_on_hub(text: str) -> str:
    """What tables call the model of a Hub id, of whatever revision; empty where the word is none."""
    found = _hub_id(text)
    return _name_on_hub(found) if found is not None else ""


def _name_on_hub(found: re.Match[str]) -> str:
    return found["repo"] + (f":{found['file']}" if found["file"] else "")


def _hub_id(text: str) -> re.Match[str] | None:
    found = _HUB_ID.fullmatch(text)
    here = found is None or found["repo"].endswith(".onnx") or os.path.lexists(os.path.expanduser(text))
    return None if here else found


def typed(text: str) -> str:
    """A model as a person types it: a file's folder left out."""
    return text if on_hub(text) else Path(text).name


def stem(model: Model) -> str:
    """What its player is called once it is `kept`: of a Hub id without its user."""
    return Path(model.name.removesuffix(".onnx")).name


def kept(model: Model, run: RunFolder) -> Model:
    """The same model, its file copied into the run's folder: whoever goes on with the run needs nothing else."""
    if not Path(model.load).is_absolute():
        return model
    name = model.name.removesuffix(".onnx")
    path = run.baseline / (name if Path(model.load).is_dir() else f"{name}.onnx")
    copy(Path(model.load), path)
    return replace(model, load=str(path.absolute()))


def of_run(run: RunFolder, text: str, digest: str, behavior: Behavior = SOCCER) -> Model:
    """The baseline of a run, which its settings call `text`: its copy in the run's folder, else what `resolve` finds.

    Raises SetupError where that has not the sha256 it had, as well as what `resolve` raises. An empty digest: a ledger
    that does not say.
    """
    path = baseline.find(run, digest)
    if path is not None and path.is_relative_to(run.baseline):
        name = path.relative_to(run.baseline).as_posix()
        plain = name.removesuffix(".onnx")
        return Model(name if plain in (*BUILT_IN, *EARLIER) else plain, str(path.absolute()), digest)
    if path is not None and path.parent == LADDER:
        text = path.stem  # the house that the run began with may be an earlier one by now
    found = resolve(text, behavior)
    if digest and found.sha256 != digest:
        raise SetupError(
            f"a run's baseline must be what it was, sha256 {digest[:12]}, but {found.name} has {found.sha256[:12]} now;"
            " put that file back (`sweep promote --baseline house` measures against another)"
        )
    return found


def _from_hub(text: str, found: re.Match[str], behavior: Behavior) -> Model:
    """Downloaded, if it is not in the cache, and tried out as any stranger's file."""
    from reports import hub  # here, because its client takes its time

    try:
        model = hub.model(found["repo"], found["revision"], found["file"])
    except hub.HubError as error:
        raise type(error)(f"no file here is called {text}, and as a Hub id: {error}") from None
    try:
        vet(model.path, behavior)
    except BadPolicy as error:
        raise BadPolicy(f"{text} on the Hub: {error}", error.about) from None
    return Model(_name_on_hub(found), str(model.path.absolute()), model.sha256, model.version.revision)


def told_apart(among: Sequence[Model]) -> list[Model]:
    """The same models under names of their own: of like names each gets its innermost folder that differs from all."""
    named = [replace(model, name=_own_name(model, among)) for model in among]
    return [
        replace(model, name=f"{model.name}~{model.sha256[:6]}")
        if any(other.name == model.name and other.sha256 != model.sha256 for other in named)
        else model
        for model in named
    ]


def _own_name(model: Model, among: Sequence[Model]) -> str:
    """`SoccerTwos-200512`, or `0007/SoccerTwos-200512`."""
    others = [Path(other.load) for other in among if other.name == model.name and other.sha256 != model.sha256]
    if not others:
        return model.name
    if model.revision:
        return f"{model.name}@{model.revision[:7]}"
    path = Path(model.load)
    for folder, *theirs in zip(path.parents, *(other.parents for other in others), strict=False):
        if folder.name not in {their.name for their in theirs}:
            return f"{folder.name}/{model.name}"
    return f"{model.name}~{model.sha256[:6]}"
