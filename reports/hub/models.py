"""Models on the Hub: those of a tag, and a repository's policy with all its files, as it was at one commit."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import huggingface_hub as hf

from reports.hub.client import asked, reading
from reports.hub.errors import HubError
from reports.hub.names import SOCCER_TWOS
from reports.hub.repository import File, Version, cached, tree, version
from trials.arena.players import onnx_external
from trials.arena.players.onnx_external import MAX_BYTES
from trials.errors import BadPolicy

ONNX = SOCCER_TWOS.onnx
"""A repository's policy where nothing else is said."""


@dataclass(frozen=True)
class HubModel:
    """A policy of a repository, here."""

    version: Version
    file: str
    path: Path
    sha256: str


def listed(tag: str = SOCCER_TWOS.tag) -> Iterator[Version]:
    """The Hub's models with that tag, each at its current commit. Raises HubError."""
    found = asked(lambda api: list(api.list_models(filter=tag, expand=["sha"])), "list", f"models of {tag}", reading())
    yield from (Version(one.id, one.sha) for one in found if one.sha)


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
        _must_be_small(listing[name].size, f"{name} of {repo} has", "it was")
        path = _arrived(api, at, listing, name)
        others = _beside(at, name, path)
        if lacking := [other for other in others if other not in listing]:
            raise HubError(
                f"a policy must be there with all its files, but {name} of {repo} keeps its numbers in {lacking[0]},"
                " which is not in the repository; name another model"
            )
        whole = sum(listing[each].size for each in (name, *others))
        _must_be_small(whole, f"{name} of {repo} and what is beside it have", "they were")
        for other in others:
            _arrived(api, at, listing, other)
        return _model(at, name, path)

    return asked(download, "read", repo, reading())


def _must_be_small(size: int, what: str, were: str) -> None:
    if size > MAX_BYTES:
        raise HubError(
            f"a policy must have at most {MAX_BYTES >> 20} MiB, but {what} {size >> 20} MiB; {were} not downloaded"
        )


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
        others = onnx_external.beside(path, path.read_bytes())
    except BadPolicy as error:
        raise HubError(f"{error} ({at.repo})") from None
    return [(PurePosixPath(name).parent / other).as_posix() for other in others]


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


def _cached_model(at: Version, file: str | None) -> HubModel | None:
    """The policy of a commit in the cache; which one it is, if nobody says so, the cached listing tells."""
    found = hf.try_to_load_from_cache(at.repo, file or ONNX, revision=at.revision)
    if isinstance(found, str):
        name, path = file or ONNX, Path(found)
    else:
        folder = cached(at, ["*.onnx"], "*/*") if file is None else None
        root = sorted(folder.glob("*.onnx")) if folder is not None else []
        # without the snapshot's listing, huggingface_hub takes any folder for a whole one
        if folder is None or len(root) != 1 or not (folder.parent.parent / "trees" / f"{folder.name}.json").is_file():
            return None
        name, path = root[0].name, root[0]
    return _model(at, name, path) if all(file.is_file() for file in onnx_external.files(path)) else None


def _model(at: Version, name: str, path: Path) -> HubModel:
    data = path.read_bytes()
    if data.startswith(onnx_external.LFS):
        raise HubError(
            f"a policy must be the file itself, but {name} of {at.repo} is a Git LFS pointer to it ({len(data)} bytes),"
            " uploaded in its place; name another revision or repository"
        )
    return HubModel(at, name, path, onnx_external.digest_of(path))
