"""Where a league's models come from: the Hub by tag, folders, runs, files, built-ins.

A model is a file, or of a game of two behaviors a folder with both policies.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reports import hub
from sweep import models
from sweep.league import runs
from sweep.runs import names as run_names
from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players import onnx_external
from trials.arena.players.load import BUILT_IN, EARLIER
from trials.errors import UsageError, did_you_mean, reason
from trials.folder import RunFolder
from trials.league import roster
from trials.league.roster import BUILT_IN as OWN
from trials.league.roster import HUB, Offer
from trials.league.round import Playable

Tell = Callable[[str], object]
"""Told of what is passed over, a line each."""


class Source(Protocol):
    """Has models. Both methods raise OSError or a SweepError where it does not answer."""

    @property
    def word(self) -> str:
        """As a person may name it from anywhere."""

    @property
    def strange(self) -> bool:
        """Whether its files must be tried in a process of their own first."""

    def offers(self, tell: Tell) -> list[Offer]:
        """What it has at this moment; nothing is downloaded. One file that cannot be read is told and passed over."""

    def fetch(self, offer: Offer) -> Playable:
        """The file of one of its offers, old ones included as far as it still has them."""


@dataclass
class Files:
    """Models by name, hashed again only where their files changed."""

    word: str
    strange: bool
    listing: Callable[[], Iterator[tuple[str, Path]]]

    def __post_init__(self) -> None:
        self._known: dict[tuple[tuple[Path, int, int], ...], str] = {}
        self._parts: dict[Path, tuple[Path, ...]] = {}
        """Of a model, all that it is made of."""
        self._at: dict[tuple[str, str], Path] = {}

    def offers(self, tell: Tell) -> list[Offer]:
        """Every file, its sha256 the revision. Raises OSError where none can be read."""
        at: dict[tuple[str, str], Path] = {}
        unread: dict[str, OSError] = {}
        for name, path in self.listing():
            try:
                at[name, self._hash(path)] = path
            except OSError as error:
                unread[name] = error
        self._at = at  # whole: another thread may fetch meanwhile
        if unread and not at:
            raise next(iter(unread.values()))
        for name, why in unread.items():
            tell(f"{name} of {self.word} cannot be read: {reason(why)}")
        return [Offer(name=name, revision=revision, source=self.word) for name, revision in at]

    def fetch(self, offer: Offer) -> Playable:
        """The file, if it is as it was offered."""
        path = self._at.get((offer.name, offer.revision))
        if path is None:
            raise FileNotFoundError(f"{offer.name} is no longer in {self.word}")
        return Playable(str(path), offer.revision)

    def _hash(self, path: Path) -> str:
        files = self._parts.get(path, (path,))
        key = tuple((file, *_state(file)) for file in files)
        if key not in self._known:
            inside = sorted(path.glob("*.onnx")) if path.is_dir() else []
            files = (path, *inside, *(other for each in inside or [path] for other in onnx_external.files(each)))
            self._parts[path] = files
            key = tuple((file, *_state(file)) for file in files)
            self._known[key] = onnx_external.digest_of(path)
        return self._known[key]


def _state(file: Path) -> tuple[int, int]:
    """What changes with a file."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


@dataclass(frozen=True)
class BuiltIn:
    """One built-in player."""

    word: str
    strange: bool = False

    def offers(self, tell: Tell) -> list[Offer]:
        """Itself; the revision is its file's sha256, or its name."""
        return [Offer(name=OWN + self.word, revision=models.resolve(self.word).sha256, source=self.word)]

    def fetch(self, offer: Offer) -> Playable:
        """As trials.arena.players.load knows it."""
        return Playable(self.word, models.resolve(self.word).sha256)


@dataclass(frozen=True)
class Tagged:
    """The Hub's models with a tag."""

    tag: str
    strange: bool = True

    @property
    def word(self) -> str:
        """How a person names the source."""
        return HUB + self.tag

    def offers(self, tell: Tell) -> list[Offer]:
        """Every repository at its current commit."""
        return [Offer(name=found.repo, revision=found.revision, source=self.word) for found in hub.listed(self.tag)]

    def fetch(self, offer: Offer) -> Playable:
        """Its policy, from the cache if that has the commit."""
        found = hub.model(offer.name, offer.revision)
        return Playable(str(found.path), found.sha256)


def earlier(word: str, behavior: Behavior = SOCCER) -> Source:
    """A source as the roster of a league names it: where it is gone it does not answer, and is asked again."""
    return _named(word, behavior) or Files(word, True, lambda: _back(word, behavior))


def _back(word: str, behavior: Behavior) -> Iterator[tuple[str, Path]]:
    """The files of a source that was gone. Raises FileNotFoundError where it still is."""
    found = _named(word, behavior)
    if not isinstance(found, Files):
        raise FileNotFoundError("it is no longer there")
    return found.listing()


def typed(word: str, behavior: Behavior = SOCCER) -> Source:
    """The source that a person named, a run as sweep.league.runs.kept_as has it. Raises UsageError for what is none."""
    return source((None if word in (*BUILT_IN, *EARLIER) else runs.kept_as(word)) or word, behavior)


def source(word: str, behavior: Behavior = SOCCER) -> Source:
    """The source that a roster names, a run alone being all its candidates. Raises UsageError for what is none."""
    if word and (found := _named(word, behavior)) is not None:
        return found
    there = [*BUILT_IN, *EARLIER, *run_names()]
    near = did_you_mean(word, there + [path.name for path in Path().glob("*.onnx")])
    raise UsageError(
        f"a league's models come from {HUB}TAG, a folder, a run, an .onnx file or one of {', '.join(BUILT_IN)}, but"
        f" {word!r} is none of them; {near or 'check the path'}"
    )


def _named(word: str, behavior: Behavior) -> Source | None:
    if word in (*BUILT_IN, *EARLIER):
        return BuiltIn(word)
    if word.startswith(HUB):
        return Tagged(word.removeprefix(HUB))
    whole = word if Path(word).exists() else roster.origin(word)
    path, which = Path(os.path.expanduser(whole)).absolute(), word.removeprefix(whole)
    if RunFolder(path).ledger.is_file():
        return Files(f"{path}{which}", False, lambda: runs.candidates(RunFolder(path), which))
    if path.is_dir() and not which:
        return Files(str(path), True, lambda: _folder(path, behavior))
    if path.suffix == ".onnx" and not which:
        return Files(str(path), True, lambda: iter([(f"{path.parent.name or 'local'}/{path.stem}", path)]))
    return None


def _folder(path: Path, behavior: Behavior) -> Iterator[tuple[str, Path]]:
    """Every ONNX file below a folder, `FOLDER/name` or `FOLDER/sub/name`; of two behaviors every folder with both."""
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not there")
    names = {role.name for role in behavior.roles}
    if len(names) > 1:
        for folder in sorted({file.parent for file in path.rglob("*.onnx")}):
            if all((folder / f"{name}.onnx").is_file() for name in names):
                below = folder.relative_to(path).as_posix()
                alone = f"{path.parent.name or 'local'}/{path.name}"
                yield _text(alone if below == "." else f"{path.name}/{below}"), folder
        return
    for file in sorted(path.rglob("*.onnx")):
        if not os.path.isdir(file):  # a link to nothing is told, not passed over
            name = file.relative_to(path).with_suffix("").as_posix()
            yield _text(f"{path.name or 'local'}/{name}"), file


def _text(name: str) -> str:
    """A file's name as text that can be written down, whatever bytes it is made of."""
    return name.encode(errors="backslashreplace").decode()
