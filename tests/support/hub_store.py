"""What a Hub on loopback holds: users' tokens, repositories with their commits and pull requests, on disk."""

import hashlib
import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

WRITE, READ, OTHER = "hf_testerWritesHere", "hf_testerReadsHere", "hf_otherWritesHere"
FINE = "hf_testerWritesForTheTeam"
"""A fine-grained token, which may write to repositories of `team` alone."""
XET = "xet_forStorageAlone"
TOKENS = {
    WRITE: ("tester", "write"),
    READ: ("tester", "read"),
    OTHER: ("other", "write"),
    FINE: ("tester", "fineGrained"),
    XET: (None, ""),
}
ORGS = {"tester": {"team": "contributor", "crowd": "read"}}
"""Each user's organizations, with the role in them."""
ATTRIBUTES = "".join(f"*.{end} filter=lfs diff=lfs merge=lfs -text\n" for end in ("onnx", "pt", "bin", "parquet"))
LARGE = (".onnx", ".pt", ".bin", ".parquet")
BINARY_FROM = 10 << 20
"""Bytes from which the Hub takes any file as a large one."""


@dataclass(frozen=True)
class Blob:
    """One file at one commit."""

    size: int
    oid: str
    """Git's: of a large file, of the pointer to it."""
    lfs: str | None
    """Sha256 of a large file."""


@dataclass
class Commit:
    """A commit, whole."""

    sha: str
    title: str
    parent: str | None
    files: dict[str, Blob]
    time: float
    author: str


@dataclass
class Repo:
    """A repository, with its branches and pull requests."""

    id: str
    private: bool = False
    kind: str = "model"
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    """`main`, `refs/pr/1` to a commit."""
    pulls: list[dict[str, Any]] = field(default_factory=list)

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch, a pull request or a commit's hash."""
        return self.commits.get(self.refs.get(revision, revision))


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that match."""

    match: str
    """A regular expression for `PUT /lfs/...`: the method, a space, the path."""
    status: int = 0
    """Answered instead; 0: no."""
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    cut_upload: int = -1
    """The connection is closed after so many bytes of the body arrived."""
    cut_download: int = -1
    """The connection is closed after so many bytes of the body went out."""
    lost: bool = False
    """All is done, but no answer comes: the connection is closed."""
    hang: float = 0.0
    """Seconds in which nothing happens; `HubServer.reached` is set before."""


class Entry(NamedTuple):
    """A request as it was answered."""

    method: str
    path: str
    status: int
    """0: the connection was closed without an answer."""
    received: int
    """Bytes of its body."""
    sent: int
    user: str | None
    agent: str
    headers: dict[str, str]


class Store:
    """Repositories below a folder, which another process may open again later."""

    def __init__(self, root: Path) -> None:
        self.lock = threading.RLock()
        self._blobs, self._repos = root / "blobs", root / "repos"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._repos.mkdir(parents=True, exist_ok=True)
        self.repos = {repo.id.lower(): repo for repo in map(_read, sorted(self._repos.glob("*.json")))}

    def create(self, name: str, private: bool, author: str, kind: str = "model") -> Repo:
        """A new repository as the Hub makes it: one commit with .gitattributes."""
        repo = Repo(name, private, kind)
        attributes = self.blob(ATTRIBUTES.encode(), large=False)
        self.commit(repo, "main", "initial commit", {".gitattributes": attributes}, author)
        self.repos[name.lower()] = repo
        self._save(repo)
        return repo

    def commit(self, repo: Repo, ref: str, title: str, files: dict[str, Blob], author: str) -> Commit:
        """A commit on a branch with exactly these files."""
        parent = repo.refs.get(ref)
        told = json.dumps([repo.id, title, parent, {k: asdict(v) for k, v in files.items()}, len(repo.commits), author])
        made = Commit(hashlib.sha1(told.encode()).hexdigest(), title, parent, files, time.time(), author)
        repo.commits[made.sha] = made
        repo.refs[ref] = made.sha
        self._save(repo)
        return made

    def put(self, repo: str, files: dict[str, bytes], private: bool = False, message: str = "upload") -> Commit:
        """Commit files as somebody else would, for a test."""
        with self.lock:
            found = self.repos.get(repo.lower()) or self.create(repo, private, repo.split("/")[0])
            head = found.at("main")
            assert head is not None
            blobs = {name: self.blob(data, is_large(name, data[:512], len(data))) for name, data in files.items()}
            return self.commit(found, "main", message, head.files | blobs, repo.split("/")[0])

    def blob(self, data: bytes, large: bool) -> Blob:
        sha256 = hashlib.sha256(data).hexdigest()
        (self._blobs / sha256).write_bytes(data)
        return self.pointed(sha256, len(data)) if large else self._small(data, sha256)

    def pointed(self, sha256: str, size: int) -> Blob:
        """A large file whose content is here already."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return Blob(size, _git(text.encode()), sha256)

    def _small(self, data: bytes, sha256: str) -> Blob:
        oid = _git(data)
        (self._blobs / oid).write_text(sha256)
        return Blob(len(data), oid, None)

    def has(self, sha256: str) -> bool:
        return (self._blobs / sha256).is_file()

    def content(self, blob: Blob) -> bytes:
        return (self._blobs / (blob.lfs or (self._blobs / blob.oid).read_text())).read_bytes()

    def part(self, name: str) -> Path:
        """Where a part of an upload is kept until all are there."""
        return self._blobs / name

    def tags(self, commit: Commit) -> list[str]:
        """A model's tags: those of README.md's front matter, its library and license, and what its files say."""
        front = self.front_matter(commit)
        tags = [str(tag) for tag in front.get("tags") or []]
        if any(name.endswith(".onnx") for name in commit.files):
            tags.append("onnx")
        if any("tfevents" in name for name in commit.files):
            tags.append("tensorboard")
        if front.get("library_name"):
            tags.append(str(front["library_name"]))
        if front.get("license"):
            tags.append(f"license:{front['license']}")
        if front.get("model-index"):
            tags.append("model-index")
        return list(dict.fromkeys(tags))

    def front_matter(self, commit: Commit) -> dict[str, Any]:
        blob = commit.files.get("README.md")
        return front_matter(self.content(blob).decode(errors="replace")) if blob else {}

    def _save(self, repo: Repo) -> None:
        (self._repos / f"{repo.id.replace('/', '--')}.json").write_text(json.dumps(asdict(repo)))


def front_matter(text: str) -> dict[str, Any]:
    """A model card's YAML; empty where there is none. Raises yaml.YAMLError."""
    parts = text.split("---\n", 2)
    found = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else {}
    return found if isinstance(found, dict) else {}


def is_large(name: str, sample: bytes, size: int) -> bool:
    """Whether the Hub keeps a file apart: by its name, as binary, or by its size."""
    return size > 0 and (name.endswith(LARGE) or b"\0" in sample or size >= BINARY_FROM)


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _read(path: Path) -> Repo:
    found = json.loads(path.read_text())
    commits = {
        sha: Commit(**{**one, "files": {name: Blob(**blob) for name, blob in one["files"].items()}})
        for sha, one in found.pop("commits").items()
    }
    return Repo(**found, commits=commits)
