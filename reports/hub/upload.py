"""A folder goes to the Hub in one commit: all of it is public or nothing, whatever interrupts it, however often."""

import contextlib
import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import huggingface_hub as hf
from huggingface_hub import errors

from reports.hub.client import account, asked, reading
from reports.hub.errors import HubError
from reports.hub.repository import File, Version, named, tree, version
from reports.hub.retry import Patience, patience
from trials.errors import SetupError, UsageError

PUBLIC = (
    "what is to be private must not go into a public repository, but {repo} is public; name another, or make it private"
    " on its page"
)
MANIFEST_BYTES = 16 << 20
"""What is read at most of the list of an earlier publication's files: ours has some kilobytes."""
_BRANCH = re.compile(r"(?![-/.])(?!.*(?://|@{|/\.|\./))[^\x00-\x20~^:?*\[\\\x7f]{1,200}(?<![/.])")
"""A branch's name as git-check-ref-format has it."""


@dataclass(frozen=True)
class Published:
    """What a folder became on the Hub; where all of it was there already, the commit is the one that was."""

    repo: str
    commit: str
    """40 hex digits; of a pull request, its own."""
    url: str
    """Of the repository."""
    pr_url: str | None = None


def published(
    folder: Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    message: str,
    manifest: str | None = None,
    how: Patience | None = None,
) -> Published:
    """Put exactly the folder's files into a repository, in one commit. Raises HubError.

    The repository is made if it is not there, and so is the branch `revision`. Files that are there and not in the
    folder stay, as with every tool of the Hub, but for those of an earlier publication of ours: where `manifest` names
    a JSON file with the key `files` (a list of names, or an object by name), what the repository's own copy of it
    names and the folder lacks is deleted in the same commit. To repeat this after whatever ended it is safe: what is
    there already makes no second commit and no second pull request.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if not path.is_dir()}
    odd = [name for name, path in files.items() if path.is_symlink() or not path.is_file()]
    if odd or not files:
        what = f"{odd[0]} is none" if odd else f"{folder} has none"
        raise HubError(f"what is published must be a folder of plain files, but {what}; correct the folder")
    order = _Order(named(repo), files, private, revision, create_pr, message, manifest)
    how = how or patience()
    asked(order.look, "publish to", repo, replace(how, away=3))  # a Hub that was there is waited for, no other
    return asked(order.carry_out, "publish to", repo, how)


def must_be_allowed(repo: str, *, private: bool = False, create_pr: bool = False, revision: str | None = None) -> str:
    """Ask the Hub whether `published` would be let in, before hours of work go there; the account's name.

    Nothing is changed. Raises HubError for a token that may not write there, SetupError without one, and UsageError for
    a name or branch that cannot be.
    """
    named(repo)
    if revision is not None and (not _BRANCH.fullmatch(revision) or ".." in revision or revision.endswith(".lock")):
        raise UsageError(f"a branch must have a name that git takes, but got --revision {revision[:80]!r}; correct it")
    if hf.get_token() is None:
        raise SetupError(
            "an upload needs a token that may write, but none was found; set HF_TOKEN or run `hf auth login`, or"
            " look at it first: --dry-run"
        )
    return asked(lambda api: _allowed(api, repo, private, create_pr), "publish to", repo, reading())


def _allowed(api: hf.HfApi, repo: str, private: bool, create_pr: bool) -> str:
    """One try. Raises what `asked` understands."""
    me = api.whoami()
    token = (me.get("auth") or {}).get("accessToken") or {}
    owner = repo.split("/")[0]
    if token.get("role") == "read":
        raise HubError(
            f"the token must have the right to publish to {repo}, but it may only read; use one with write access to"
            " that account (https://huggingface.co/settings/tokens)"
        )
    try:
        info = api.model_info(repo)
    except errors.RepositoryNotFoundError:
        _may_create(me, token, owner, repo)
        return str(me["name"])
    if private and not info.private:
        raise HubError(PUBLIC.format(repo=repo))
    if not create_pr:  # whoever may read may ask
        api.auth_check(repo, write=True)
    return str(me["name"])


def _may_create(me: Mapping[str, Any], token: Mapping[str, Any], owner: str, repo: str) -> None:
    """Raise HubError where somebody cannot make a repository there, by what the Hub says of them and their token."""
    orgs = {str(org.get("name")).lower(): org.get("roleInOrg") for org in me.get("orgs") or ()}
    mine = owner.lower() == str(me["name"]).lower()
    scoped = (token.get("fineGrained") or {}).get("scoped")
    rights = [
        right
        for scope in scoped or ()
        if str((scope.get("entity") or {}).get("name")).lower() == owner.lower()
        for right in scope.get("permissions") or ()
    ]
    if not mine and orgs.get(owner.lower(), "read") == "read":
        raise HubError(
            f"the token must have the right to publish to {repo}, but {me['name']} may not make a repository under"
            f" {owner}; name one of your own, or of an organization that lets you write"
        )
    if scoped is not None and "repo.write" not in rights:
        raise HubError(
            f"the token must have the right to publish to {repo}, but its fine-grained rights do not let it write to"
            f" repositories of {owner}; add them (https://huggingface.co/settings/tokens)"
        )


@dataclass(frozen=True)
class _Order:
    """What is to be published; each try of it looks first at what is there."""

    repo: str
    files: Mapping[str, Path]
    private: bool
    branch: str | None
    create_pr: bool
    message: str
    manifest: str | None

    def look(self, api: hf.HfApi) -> None:
        """Ask for the repository, whether it is there or not."""
        with contextlib.suppress(errors.RepositoryNotFoundError):
            api.model_info(self.repo)

    def carry_out(self, api: hf.HfApi) -> Published:
        """One try. Raises what `asked` understands."""
        head, url = self._head(api), f"{api.endpoint}/{self.repo}"
        there = tree(api, head)
        stale = self._stale(api, head, there)
        changed = self._changed(there)
        if not changed and not stale:
            return Published(self.repo, head.revision, url)
        if self.create_pr and (before := self._asked_before(api, url, stale)) is not None:
            return before
        try:
            done = self._commit(api, head, changed, stale)
        except errors.HfHubHTTPError as error:
            now = self._head(api)  # where an earlier try was done after all, it was ours that came in between
            if error.response.status_code != 412 or self._left(tree(api, now), stale):
                raise
            return Published(self.repo, now.revision, url)
        left = self._left(tree(api, Version(self.repo, done.oid)), stale)
        if left:  # the Hub leaves out what a .gitignore names, and says nothing
            raise HubError(
                f"all files must be in the commit, but {', '.join(left[:3])} of {self.repo} at {done.oid[:7]} is not as"
                " in the folder; does the repository's .gitignore name it?"
            )
        return Published(self.repo, done.oid, url, done.pr_url)

    def _head(self, api: hf.HfApi) -> Version:
        """Where the repository, or its branch, is now; made if it is not there."""
        try:
            info = api.model_info(self.repo)
        except errors.RepositoryNotFoundError:
            if hf.get_token() is None:
                raise
            info = self._made(api)
        if self.private and not info.private:
            raise HubError(PUBLIC.format(repo=self.repo))
        if self.branch is None:
            return Version(self.repo, str(info.sha))
        try:
            return Version(self.repo, str(api.model_info(self.repo, revision=self.branch).sha))
        except errors.RevisionNotFoundError:
            api.create_branch(self.repo, branch=self.branch, exist_ok=True)
            return Version(self.repo, str(info.sha))

    def _made(self, api: hf.HfApi) -> hf.ModelInfo:
        try:
            api.create_repo(self.repo, private=self.private)
        except errors.HfHubHTTPError as error:
            if error.response.status_code != 409:
                raise
            try:
                return api.model_info(self.repo)  # made meanwhile
            except errors.RepositoryNotFoundError:
                raise error from None
        return api.model_info(self.repo)

    def _stale(self, api: hf.HfApi, head: Version, there: Mapping[str, File]) -> list[str]:
        """What an earlier publication put there and this one lacks."""
        if self.manifest is None or self.manifest not in there or there[self.manifest].size > MANIFEST_BYTES:
            return []
        path = Path(api.hf_hub_download(self.repo, self.manifest, revision=head.revision))
        try:
            before = json.loads(path.read_text(encoding="utf-8"))["files"]
            return sorted(name for name in before if name in there and name not in self.files)
        except (ValueError, KeyError, TypeError):
            return []  # somebody else's file of that name

    def _commit(self, api: hf.HfApi, head: Version, changed: list[str], stale: list[str]) -> hf.CommitInfo:
        operations: list[hf.CommitOperationAdd | hf.CommitOperationCopy | hf.CommitOperationDelete] = [
            *(hf.CommitOperationAdd(name, self.files[name]) for name in changed),
            *(hf.CommitOperationDelete(name, is_folder=False) for name in stale),
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of data in a model's repository: match logs are meant to be there
            return api.create_commit(
                self.repo,
                operations,
                commit_message=self.message,
                revision=self.branch,
                create_pr=self.create_pr,
                parent_commit=head.revision,
            )

    def _asked_before(self, api: hf.HfApi, url: str, stale: list[str]) -> Published | None:
        """My open pull request that has just these files already."""
        me = account()
        for one in api.get_repo_discussions(self.repo, discussion_type="pull_request", discussion_status="open"):
            if one.author == me and one.title == self.message:
                at = version(self.repo, f"refs/pr/{one.num}")
                if not self._left(tree(api, at), stale):
                    return Published(self.repo, at.revision, url, one.url)
        return None

    def _changed(self, there: Mapping[str, File]) -> list[str]:
        return [name for name, path in self.files.items() if not _same(path, there.get(name))]

    def _left(self, there: Mapping[str, File], stale: list[str]) -> list[str]:
        """What a commit still lacks of this order."""
        return self._changed(there) + [name for name in stale if name in there]


def _same(path: Path, there: File | None) -> bool:
    """Whether a repository has that very file: by sha256, or by git's sha1 of a small one."""
    if there is None or path.stat().st_size != there.size:
        return False
    data = path.read_bytes()
    if there.sha256 is not None:
        return hashlib.sha256(data).hexdigest() == there.sha256
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == there.blob
