"""What goes up to a Hub on loopback: large files by Git LFS or Xet, then a commit that names them."""

import base64
import hashlib
import json
from typing import Any

import hub_xet
from hub_answers import Answering, Refusal
from hub_store import XET, Blob, Repo, is_large


class Uploads(Answering):
    """The routes of an upload."""

    def _preupload(self, repo: str, revision: str) -> None:
        found = self._may_commit(repo)
        files = self._at(found, revision).files
        asked = json.loads(self.body)
        ignored = asked.get("gitIgnore") or self._text(files.get(".gitignore"))
        told = []
        for one in asked["files"]:
            large = is_large(one["path"], base64.b64decode(one["sample"]), one["size"])
            there = files.get(one["path"])
            oid = {} if there is None else {"oid": there.lfs or there.oid}
            mode = {"uploadMode": "lfs" if large else "regular", "shouldIgnore": one["path"] in ignored.split("\n")}
            told.append({"path": one["path"], **mode, **oid})
        self.answer(200, {"files": told})

    def _text(self, blob: Blob | None) -> str:
        return self.server.store.content(blob).decode() if blob else ""

    def _may_commit(self, repo: str) -> Repo:
        """Whoever may read may open a pull request."""
        found = self._repo(repo, write="create_pr" not in self.query)
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        if self.rights not in ("write", "fineGrained"):
            raise Refusal(403, "Your token has no right to write")
        return found

    def _batch(self, repo: str) -> None:
        self._repo(repo)
        if self.user is None or self.rights not in ("write", "fineGrained"):
            raise Refusal(403, "Your token has no right to write")
        told = [self._upload(one["oid"], one["size"]) for one in json.loads(self.body)["objects"]]
        self.answer(200, {"transfer": "basic", "objects": told})

    def _upload(self, oid: str, size: int) -> dict[str, Any]:
        if self.server.store.has(oid):
            return {"oid": oid, "size": size}
        link, header = f"{self.server.storage}/lfs/{oid}", {}
        if 0 < self.server.part_bytes < size:
            count = -(-size // self.server.part_bytes)
            header = {str(n + 1): f"{link}/part/{n}?X-Amz-Signature=secret" for n in range(count)}
            header["chunk_size"] = str(self.server.part_bytes)
            link += "/complete"
        verify = {"href": f"{self.server.endpoint}/lfs/{oid}/verify"}
        return {"oid": oid, "size": size, "actions": {"upload": {"href": link, "header": header}, "verify": verify}}

    def _lfs(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refusal(400, "the content does not match its oid")
        self.server.store.blob(self.body, large=True)
        self.answer(200)

    def _part(self, oid: str, part: str) -> None:
        self.server.store.part(f"{oid}.{part}").write_bytes(self.body)
        self.answer(200, b"", {"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'})

    def _complete(self, oid: str) -> None:
        parts = [self.server.store.part(f"{oid}.{n}") for n in range(len(json.loads(self.body)["parts"]))]
        data = b"".join(part.read_bytes() for part in parts)
        if hashlib.sha256(data).hexdigest() != oid:
            raise Refusal(400, "the parts do not match their oid")
        self.server.store.blob(data, large=True)
        self.answer(200, {})

    def _verify(self, oid: str) -> None:
        if not self.server.store.has(oid):
            raise Refusal(404, "no such object")
        self.answer(200, {})

    def _xet_token(self, repo: str) -> None:
        self._repo(repo)
        if self.user is None or self.rights not in ("write", "fineGrained"):
            raise Refusal(403, "Your token has no right to write")
        known = {"Cas-Url": self.server.storage, "Access-Token": XET, "Token-Expiration": str(2**33)}
        body = {"casUrl": self.server.storage, "accessToken": XET, "exp": 2**33}
        self.answer(200, body, {f"X-Xet-{name}": value for name, value in known.items()})

    def _block(self, digest: str) -> None:
        self.server.blocks[digest] = self.body
        self.answer(200, {"was_inserted": True})

    def _shard(self) -> None:
        for data in hub_xet.files(self.body, self.server.blocks):
            self.server.store.blob(data, large=True)
        self.answer(200, {"result": 1})

    def _commit(self, repo: str, revision: str) -> None:
        found, pull = self._may_commit(repo), "create_pr" in self.query
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = lines[0]["value"]
        head = self._at(found, revision)
        parent = header.get("parentCommit")
        if parent and not head.sha.startswith(parent) and not pull:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = self._changed(dict(self._at(found, parent or revision).files if pull else head.files), lines[1:])
        ref, told = revision, {}
        if pull:
            number = len(found.pulls) + 1
            ref = f"refs/pr/{number}"
            found.refs[ref] = head.sha
            made = {"num": number, "title": header["summary"], "status": "open", "isPullRequest": True}
            found.pulls.append(made | {"author": {"name": self.user}})
            told = {"pullRequestUrl": f"{self.server.endpoint}/{repo}/discussions/{number}"}
        done = self.server.store.commit(found, ref, header["summary"], files, self.user or "")
        self.answer(
            200, {"commitOid": done.sha, "commitUrl": f"{self.server.endpoint}/{repo}/commit/{done.sha}", **told}
        )

    def _changed(self, files: dict[str, Blob], operations: list[dict[str, Any]]) -> dict[str, Blob]:
        for operation in operations:
            value = operation["value"]
            match operation["key"]:
                case "file":
                    files[value["path"]] = self.server.store.blob(base64.b64decode(value["content"]), large=False)
                case "lfsFile":
                    if not self.server.store.has(value["oid"]):
                        raise Refusal(400, f"LFS pointer pointed to a file that does not exist: {value['path']}")
                    files[value["path"]] = self.server.store.pointed(value["oid"], value["size"])
                case "deletedFile":
                    if files.pop(value["path"], None) is None:
                        raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
                case "deletedFolder":
                    inside = value["path"].rstrip("/") + "/"
                    files = {name: blob for name, blob in files.items() if not name.startswith(inside)}
        return files
