"""A folder's files go into a dataset on the Hub in one commit, and come back from it."""

from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile

import huggingface_hub as hf

from reports.hub.client import asked, reading
from reports.hub.repository import named
from reports.hub.retry import patience


def put(files: Sequence[Path], repo: str, message: str) -> str:
    """Put files into the dataset `repo`, made if it is not there, under their own names, in one commit.

    Returns the commit; where nothing had changed, the one that was there. Files that are there besides stay. To repeat
    this is safe. Raises HubError.
    """

    def commit(api: hf.HfApi) -> str:
        api.create_repo(repo, repo_type="dataset", exist_ok=True)
        adds = [hf.CommitOperationAdd(path.name, path) for path in files]
        return str(api.create_commit(repo, adds, commit_message=message, repo_type="dataset").oid)

    return asked(commit, "publish to", named(repo), patience())


def taken(repo: str, names: Sequence[str], into: Path) -> list[str]:
    """Copy those of `names` that the dataset `repo` holds into a folder; which they were. Raises HubError."""

    def download(api: hf.HfApi) -> Path:
        return Path(api.snapshot_download(repo, repo_type="dataset", allow_patterns=list(names)))

    folder = asked(download, "read", named(repo), reading())
    there = [name for name in names if (folder / name).is_file()]
    for name in there:
        copyfile(folder / name, into / name)
    return there
