"""A repository on the Hub: its name, its files at one commit, fetched within a bound and cached."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from shutil import copyfile

import huggingface_hub as hf
from huggingface_hub import errors
from huggingface_hub.utils._validators import validate_repo_id

from reports.hub.client import asked, reading
from reports.hub.errors import HubAway, HubError
from trials.errors import UsageError

FOLDER_BYTES = 2 << 30
"""A repository that `mlagents-push-to-hf` filled has 185 MB."""
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


@dataclass(frozen=True)
class File:
    """A file as a repository lists it."""

    size: int
    blob: str
    """Git's sha1 of it, or of the pointer to it."""
    sha256: str | None
    """Of a large file; None: the repository does not say."""


def named(repo: str) -> str:
    """The same, if it is USER/NAME as the Hub takes it. Raises UsageError."""
    try:
        validate_repo_id(repo)
        form = "letters, digits, '-', '_' and '.', 96 in all" if "/" in repo else "it has no /"
        why = "" if _REPO.fullmatch(repo) and len(repo) <= 96 else form
        why = "a user's name comes first" if repo.split("/")[0].lower() in _KINDS else why
        why = "it cannot end with '.git'" if repo.lower().endswith(".git") else why
    except errors.HFValidationError as error:
        why = str(error).split(": '")[0]
    if why:
        raise UsageError(
            f"a repository must be named USER/NAME, as on the Hub, but got {repo[:80]!r} ({why}); correct it"
        )
    return repo


def remote(repo: str, revision: str | None = None) -> Remote:
    """A repository's files and tags at a revision (a branch, tag or commit), now. Raises HubError."""
    found = asked(lambda api: api.model_info(named(repo), revision=revision), "read", repo, reading())
    files = tuple(sorted(sibling.rfilename for sibling in found.siblings or ()))
    return Remote(Version(repo, str(found.sha)), files, tuple(found.tags or ()))


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
    at: Version, patterns: Iterable[str] | None = None, into: Path | None = None, limit: int = FOLDER_BYTES
) -> Path:
    """A folder with a repository's files, or those that match `patterns`, if they are `limit` bytes at most.

    It is in huggingface_hub's cache and not to be changed, or `into`, where the files are copied. Without network it
    is what the cache has, if that is whole. Raises HubError.
    """
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
        here = cached(at, wanted)
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


def cached(at: Version, wanted: list[str] | None, ignored: str | None = None) -> Path | None:
    """The folder of a commit in the cache, if all that is wanted is there."""
    try:
        return Path(
            hf.snapshot_download(
                at.repo, revision=at.revision, allow_patterns=wanted, ignore_patterns=ignored, local_files_only=True
            )
        )
    except errors.LocalEntryNotFoundError:
        return None
