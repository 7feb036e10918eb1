"""What comes from the Hub: a repository's files, its policy, models by their tag; pinned to a commit, and cached."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from shutil import copyfile

import huggingface_hub as hf
from huggingface_hub import errors
from huggingface_hub.utils._validators import validate_repo_id

from reports.hub.client import asked, reading
from reports.hub.errors import HubAway, HubError
from trials.arena.players import onnx_external
from trials.errors import BadPolicy

TAG = "ML-Agents-SoccerTwos"
"""Of every SoccerTwos model that the course's tools have put there."""
ONNX = "SoccerTwos.onnx"
"""A repository's policy where nothing else is said: what `mlagents-learn` exports and AI vs AI asked for."""
MODEL_BYTES = 80 << 20
"""What trials/arena/players/onnx_policy.py takes at most, known before a byte is downloaded."""
FOLDER_BYTES = 2 << 30
"""A repository that `mlagents-push-to-hf` filled has 185 MB."""
LFS = b"version https://git-lfs"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPO = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*", re.ASCII)
_KINDS = ("models", "datasets", "spaces", "kernels", "buckets")


@dataclass(frozen=True)
class Version:
    """A repository as it was at one commit, for ever."""

    repo: str
    """`USER/NAME`."""
    revision: str
    """The commit, 40 hex digits."""


@dataclass(frozen=True)
class Remote:
    """What a repository holds at one commit."""

    version: Version
    files: tuple[str, ...]
    tags: tuple[str, ...]
    private: bool = False


@dataclass(frozen=True)
class HubModel:
    """A policy of a repository, here."""

    version: Version
    file: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class File:
    """A file as a repository lists it."""

    size: int
    blob: str
    """Git's sha1 of it, or of the pointer to it."""
    sha256: str | None
    """Of a large file; None: the repository does not say."""


def named(repo: str) -> str:
    """The same, if it is USER/NAME as the Hub takes it. Raises HubError."""
    try:
        validate_repo_id(repo)
        why = "" if _REPO.fullmatch(repo) and len(repo) <= 96 else "letters, digits, '-', '_' and '.', 96 in all"
        why = "a user's name comes first" if repo.split("/")[0].lower() in _KINDS else why
        why = "it cannot end with '.git'" if repo.lower().endswith(".git") else why
    except errors.HFValidationError as error:
        why = str(error).split(": '")[0]
    if why:
        raise HubError(
            f"a repository must be named USER/NAME, as on the Hub, but got {repo[:80]!r} ({why}); correct it"
        )
    return repo


def remote(repo: str, revision: str | None = None) -> Remote:
    """A repository's files and tags at a revision (a branch, tag or commit), now. Raises HubError."""
    found = asked(lambda api: api.model_info(named(repo), revision=revision), "read", repo, reading())
    files = tuple(sorted(sibling.rfilename for sibling in found.siblings or ()))
    return Remote(Version(repo, str(found.sha)), files, tuple(found.tags or ()), bool(found.private))


def listed(tag: str = TAG, limit: int | None = None) -> Iterator[Version]:
    """The Hub's models with that tag, each at its current commit, at most `limit`. Raises HubError."""
    found = asked(
        lambda api: list(api.list_models(filter=tag, expand=["sha"], limit=limit)),
        "list",
        f"models of {tag}",
        reading(),
    )
    yield from (Version(one.id, one.sha) for one in found if one.sha)


def version(repo: str, revision: str | None = None) -> Version:
    """The commit that a revision is now; without network a commit itself, or what it was last. Raises HubError."""
    named(repo)
    if revision is not None and _COMMIT.fullmatch(revision):
        return Version(repo, revision)
    try:
        now = asked(lambda api: api.resolve_revision(repo, revision=revision), "read", repo, reading())
    except HubAway as away:
        try:
            now = hf.HfApi().resolve_revision(repo, revision=revision, local_files_only=True)
        except errors.RevisionResolutionError:
            raise away from None
    return Version(repo, now.resolved)  # as text it is what was asked for


def tree(api: hf.HfApi, at: Version) -> dict[str, File]:
    """Every file of a repository at a commit. Raises what `asked` understands."""
    return {
        one.path: File(one.size, one.blob_id, one.lfs.sha256 if one.lfs else None)
        for one in api.list_repo_tree(at.repo, recursive=True, revision=at.revision)
        if isinstance(one, hf.RepoFile)
    }


def fetched(
    which: Version | str,
    revision: str | None = None,
    patterns: Iterable[str] | None = None,
    into: Path | None = None,
    limit: int = FOLDER_BYTES,
) -> Path:
    """A folder with a repository's files, or those that match `patterns`, if they are `limit` bytes at most.

    It is in huggingface_hub's cache and not to be changed, or `into`, where the files are copied. Without network it
    is what the cache has, if that is whole. Raises HubError.
    """
    at = which if isinstance(which, Version) else version(which, revision)
    wanted = None if patterns is None else list(patterns)

    def download(api: hf.HfApi) -> Path:
        listing = tree(api, at)
        names = _matching(listing, wanted)
        size = sum(listing[name].size for name in names)
        if size > limit:
            raise HubError(
                f"what is fetched of {at.repo} must have at most {limit >> 20} MiB, but has {size >> 20} MiB in"
                f" {len(names)} files; name fewer of them"
            )
        return Path(api.snapshot_download(at.repo, revision=at.revision, allow_patterns=wanted))

    try:
        folder = asked(download, "read", at.repo, reading())
    except HubAway:
        here = _cached(at, wanted)
        if here is None:
            raise
        folder = here
    if into is None:
        return folder
    inside = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    for name in _matching(inside, wanted):
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        copyfile(folder / name, into / name)
    return into


def _matching(names: Iterable[str], patterns: list[str] | None) -> list[str]:
    return [name for name in names if patterns is None or any(fnmatch(name, pattern) for pattern in patterns)]


def model(repo: str, revision: str | None = None, file: str | None = None) -> HubModel:
    """A repository's policy: its root SoccerTwos.onnx, else its only root .onnx, or `file`. Raises HubError.

    Only that file is downloaded, and only if it is small enough. What is in the cache is not asked for again: a commit
    (`revision`) that is there needs no network, and without network a branch is what it was last.
    """
    if file is not None and (file.startswith("/") or {"", ".", ".."} & set(file.split("/"))):
        raise HubError(f"a model's file must be a path in its repository, but got {file[:80]!r}; correct it")
    at = version(repo, revision)
    here = _cached_model(at, file)
    if here is not None:
        return here

    def download(api: hf.HfApi) -> HubModel:
        listing = tree(api, at)
        name = _chosen(at, listing, file)
        size = listing[name].size
        if size > MODEL_BYTES:
            raise HubError(
                f"a policy must have at most {MODEL_BYTES >> 20} MiB, but {name} of {repo} has {size >> 20} MiB; it was"
                " not downloaded"
            )
        path = _arrived(api, at, listing, name)
        others = _beside(at, name, path)
        if lacking := [other for other in others if other not in listing]:
            raise HubError(
                f"a policy must be there with all its files, but {name} of {repo} keeps its numbers in {lacking[0]},"
                " which is not in the repository; name another model"
            )
        if (size := size + sum(listing[other].size for other in others)) > MODEL_BYTES:
            raise HubError(
                f"a policy must have at most {MODEL_BYTES >> 20} MiB, but {name} of {repo} and what is beside it have"
                f" {size >> 20} MiB; they were not downloaded"
            )
        for other in others:
            _arrived(api, at, listing, other)
        return _model(at, name, path)

    return asked(download, "read", repo, reading())


def _arrived(api: hf.HfApi, at: Version, listing: Mapping[str, File], name: str) -> Path:
    """One file, downloaded or from the cache, just as the Hub lists it."""
    exactly = re.sub(r"([*?[])", r"[\1]", name)
    path = Path(api.snapshot_download(at.repo, revision=at.revision, allow_patterns=exactly)) / name
    data = path.read_bytes()
    if listing[name].sha256 not in (None, hashlib.sha256(data).hexdigest()):
        pointer = data.startswith(onnx_external.LFS)
        path.resolve().unlink()  # the cache would give it again
        what = "a Git LFS pointer came instead" if pointer else "did not"
        raise HubError(f"a file must arrive as the Hub has it, but {name} of {at.repo} {what}; try again")
    return path


def _beside(at: Version, name: str, path: Path) -> list[str]:
    """Names in the repository of the files that an ONNX file keeps numbers in. Raises HubError."""
    try:
        return [
            (PurePosixPath(name).parent / other).as_posix() for other in onnx_external.beside(path, path.read_bytes())
        ]
    except BadPolicy as error:
        raise HubError(f"{error} ({at.repo})") from None


def _chosen(at: Version, listing: Iterable[str], file: str | None) -> str:
    """The policy among a repository's files. Raises HubError with those that there are."""
    policies = sorted(name for name in listing if name.lower().endswith(".onnx"))
    if file is not None and file in policies:
        return file
    root = [name for name in policies if "/" not in name]
    if file is None and (ONNX in root or len(root) == 1):
        return ONNX if ONNX in root else root[0]
    there = ", ".join(policies[:6]) + (", …" if len(policies) > 6 else "") or "no .onnx file at all"
    at_ = f"{at.repo} at {at.revision[:7]}"
    if file is not None:
        raise HubError(f"a model must be in its repository, but {at_} has no {file}: it has {there}; name another")
    if policies:
        raise HubError(
            f"a repository must have a root {ONNX} or one root .onnx file, but {at_} has {there}; name one:"
            f" {at.repo}:{policies[0]}"
        )
    raise HubError(f"a model's repository must hold an ONNX file, but {at_} has {there}; name another repository")


def _cached(at: Version, wanted: list[str] | None, ignored: str | None = None) -> Path | None:
    """The folder of a commit in the cache, if all that is wanted is there."""
    try:
        return Path(
            hf.snapshot_download(
                at.repo, revision=at.revision, allow_patterns=wanted, ignore_patterns=ignored, local_files_only=True
            )
        )
    except errors.LocalEntryNotFoundError:
        return None


def _cached_model(at: Version, file: str | None) -> HubModel | None:
    """The policy of a commit in the cache; which one it is, if nobody says so, the cached listing tells."""
    found = hf.try_to_load_from_cache(at.repo, file or ONNX, revision=at.revision)
    if isinstance(found, str):
        return _if_whole(at, file or ONNX, Path(found))
    folder = _cached(at, ["*.onnx"], "*/*") if file is None else None
    root = sorted(folder.glob("*.onnx")) if folder is not None and _lists(folder) else []
    return _if_whole(at, root[0].name, root[0]) if len(root) == 1 else None


def _if_whole(at: Version, name: str, path: Path) -> HubModel | None:
    """A model from the cache, if what it keeps beside it is there too."""
    return _model(at, name, path) if all(file.is_file() for file in onnx_external.files(path)) else None


def _lists(folder: Path) -> bool:
    """Whether huggingface_hub has the listing of that snapshot: without it, it takes any folder for a whole one."""
    return (folder.parent.parent / "trees" / f"{folder.name}.json").is_file()


def _model(at: Version, name: str, path: Path) -> HubModel:
    data = path.read_bytes()
    if data.startswith(LFS):
        raise HubError(
            f"a policy must be the file itself, but {name} of {at.repo} is a Git LFS pointer to it ({len(data)} bytes),"
            " uploaded in its place; name another revision or repository"
        )
    return HubModel(at, name, path, onnx_external.digest_of(path))
