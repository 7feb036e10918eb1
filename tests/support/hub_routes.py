"""What a Hub on loopback answers: every route that huggingface_hub and mlagents' scripts take for a model."""

import base64
import contextlib
import hashlib
import json
import re
import socket
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml
from hub_store import TOKENS, Blob, Commit, Entry, Fault, Repo, front_matter, is_large

if TYPE_CHECKING:
    from hub_server import HubServer


class Refusal(Exception):
    """Answered as the Hub does."""

    def __init__(self, status: int, words: str, code: str = "") -> None:
        super().__init__(words)
        self.status, self.words, self.code = status, words, code


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: "HubServer"

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr; `HubServer.log` has it."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.route, self.query = unquote(parts.path), parse_qs(parts.query)
        self.sent, self.status, self.body, self.headed = 0, 0, b"", False
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.user, self.rights = TOKENS.get(token, (None, ""))
        self.bad_token = bool(token) and self.user is None
        self.fault = self.server.take(f"{self.command} {self.path}") or Fault("", times=0)
        try:
            if self.fault.hang:
                self.server.reached.set()
                time.sleep(self.fault.hang)
            size = int(self.headers.get("Content-Length") or 0)
            if 0 <= self.fault.cut_upload < size:
                self.body = self.rfile.read(self.fault.cut_upload)
                self.server.reached.set()
                return self._close()
            self.body = self.rfile.read(size) if size else self._chunks()
            if self.fault.status:
                self.answer(self.fault.status, {"error": "so it was ordered"}, self.fault.headers)
            else:
                with self.server.store.lock:
                    self._dispatch()
        except Refusal as refusal:
            headers = {"X-Error-Message": refusal.words} | ({"X-Error-Code": refusal.code} if refusal.code else {})
            self.answer(refusal.status, {"error": refusal.words}, headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            told = (self.command, self.path, self.status, len(self.body), self.sent, self.user)
            self.server.log.append(Entry(*told, self.headers.get("User-Agent") or "", dict(self.headers)))

    def _chunks(self) -> bytes:
        """A body of unknown length."""
        found = b""
        while "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            size = int(self.rfile.readline().split(b";")[0], 16)
            found += self.rfile.read(size + 2)[:size]
            if size == 0:
                break
            if 0 <= self.fault.cut_upload < len(found):
                self.body = found
                self.server.reached.set()
                self._close()
                raise ConnectionResetError
        return found

    def _close(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status: int, body: Any = b"", headers: dict[str, str] | None = None) -> None:
        """Send it all, or as much of it as the fault lets."""
        if self.fault.lost:
            return self._close()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.send_response(status)
        given = {"Content-Type": "application/json", "Content-Length": str(len(data))} | (headers or {})
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if 0 <= self.fault.cut_download < len(data):
            self.wfile.write(data[: self.fault.cut_download])
            self.wfile.flush()
            self.sent = self.fault.cut_download
            return self._close()
        self.wfile.write(data)
        self.sent = len(data)

    # what is asked

    def _dispatch(self) -> None:
        if self.bad_token:
            raise Refusal(401, "Invalid credentials in Authorization header")
        for pattern, name in ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {self.route}"):
                return getattr(self, f"_{name}")(**found.groupdict())  # type: ignore[no-any-return]
        raise Refusal(404, f"no such route: {self.command} {self.route}")

    def _repo(self, repo: str, write: bool = False) -> Repo:
        found = self.server.store.repos.get(repo.lower())
        owner = repo.split("/")[0]
        if found is None or (found.private and self.user != owner):
            raise Refusal(404 if self.user else 401, "Repository not found", "RepoNotFound")
        if write:
            self._must_own(owner)
        return found

    def _must_own(self, owner: str) -> None:
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        if self.user != owner or self.rights != "write":
            raise Refusal(403, f"You don't have the rights to write under the namespace {owner}")

    def _at(self, repo: Repo, revision: str) -> Commit:
        found = repo.at(revision)
        if found is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    def _whoami(self) -> None:
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        self.answer(200, {"type": "user", "name": self.user, "auth": {"accessToken": {"role": self.rights}}})

    def _validate(self) -> None:
        try:
            front = front_matter(json.loads(self.body)["content"])
        except yaml.YAMLError as error:
            return self.answer(400, {"errors": [{"message": str(error).splitlines()[0]}], "warnings": []})
        empty = [] if front else [{"message": "empty or missing yaml metadata in repo card"}]
        self.answer(200, {"errors": [], "warnings": empty})

    def _create(self) -> None:
        asked = json.loads(self.body)
        owner = asked.get("organization") or self.user or ""
        self._must_own(owner)
        name = f"{owner}/{asked['name']}"
        if name.lower() in self.server.store.repos:
            return self.answer(409, {"error": f"You already created this {asked.get('type', 'model')} repo"})
        self.server.store.create(name, asked.get("visibility") == "private" or bool(asked.get("private")), owner)
        self.answer(200, {"url": f"{self.server.endpoint}/{name}", "name": name, "id": name})

    def _info(self, repo: str, revision: str = "main") -> None:
        found = self._repo(repo)
        self.answer(200, self._described(found, self._at(found, revision)))

    def _described(self, repo: Repo, commit: Commit) -> dict[str, Any]:
        front = self.server.store.front_matter(commit)
        return {
            "id": repo.id,
            "modelId": repo.id,
            "author": repo.id.split("/")[0],
            "sha": commit.sha,
            "lastModified": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(commit.time)),
            "createdAt": "2026-01-01T00:00:00.000Z",
            "private": repo.private,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "library_name": front.get("library_name"),
            "tags": self.server.store.tags(commit),
            "cardData": front,
            "siblings": [{"rfilename": name} for name in sorted(commit.files)],
        }

    def _models(self) -> None:
        """By tag, newest first, page by page."""
        wanted = set(self.query.get("filter", []))
        found = []
        for repo in self.server.store.repos.values():
            commit = self._at(repo, "main")
            tags = self.server.store.tags(commit)
            visible = repo.kind == "model" and (not repo.private or self.user == repo.id.split("/")[0])
            if visible and wanted <= set(tags):
                found.append(self._described(repo, commit))
        found.sort(key=lambda one: (one["lastModified"], one["id"]), reverse=True)
        first = int(self.query.get("cursor", ["0"])[0])
        size = min(int(self.query.get("limit", ["1000"])[0]), self.server.page)
        rest = "&".join(f"{key}={quote(v)}" for key, values in self.query.items() if key != "cursor" for v in values)
        link = {"Link": f'<{self.server.endpoint}/api/models?{rest}&cursor={first + size}>; rel="next"'}
        self.answer(200, found[first : first + size], link if first + size < len(found) else {})

    def _tree(self, repo: str, revision: str, under: str = "") -> None:
        files = self._at(self._repo(repo), revision).files
        self.answer(
            200, [_entry(n, files[n]) for n in sorted(files) if not under or n.startswith(under.strip("/") + "/")]
        )

    def _paths(self, repo: str, revision: str) -> None:
        files = self._at(self._repo(repo), revision).files
        asked = self._form()
        self.answer(200, [_entry(name, files[name]) for name in asked.get("paths", []) if name in files])

    def _form(self) -> dict[str, Any]:
        if "json" in (self.headers.get("Content-Type") or ""):
            found: dict[str, Any] = json.loads(self.body)
            return found
        return dict(parse_qs(self.body.decode()))

    def _refs(self, repo: str) -> None:
        refs = self._repo(repo).refs.items()
        branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": sha} for n, sha in refs if "/pr/" not in n]
        pulls = [{"name": n.split("/", 1)[1], "ref": n, "targetCommit": sha} for n, sha in refs if "/pr/" in n]
        self.answer(200, {"branches": branches, "converts": [], "tags": [], "pullRequests": pulls})

    def _commits(self, repo: str, revision: str) -> None:
        found = self._repo(repo)
        one: Commit | None = self._at(found, revision)
        told = []
        while one is not None:
            when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(one.time))
            told.append(
                {"id": one.sha, "title": one.title, "message": "", "date": when, "authors": [{"user": one.author}]}
            )
            one = found.commits.get(one.parent or "")
        self.answer(200, told, {"X-Total-Count": str(len(told))})

    def _branch(self, repo: str, branch: str) -> None:
        found = self._repo(repo, write=True)
        if branch in found.refs:
            return self.answer(409, {"error": f"Reference already exists: refs/heads/{branch}"})
        asked = json.loads(self.body or b"{}")
        found.refs[branch] = self._at(found, asked.get("startingPoint") or "main").sha
        self.answer(200, {})

    def _discussions(self, repo: str) -> None:
        found = [
            one | {"repo": {"name": repo, "type": "model"}, "createdAt": "2026-01-01T00:00:00.000Z"}
            for one in self._repo(repo).pulls
        ]
        self.answer(200, {"discussions": found, "count": len(found), "start": 0})

    # what goes up

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
        if self.rights != "write":
            raise Refusal(403, "Your token has no right to write")
        return found

    def _batch(self, repo: str) -> None:
        self._repo(repo)
        if self.user is None or self.rights != "write":
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

    # what comes down

    def _resolve(self, repo: str, revision: str, file: str) -> None:
        commit = self._at(self._repo(repo), revision)
        blob = commit.files.get(file)
        if blob is None:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        known = {"X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes"}
        if blob.lfs is not None:
            linked = {"X-Linked-Etag": f'"{blob.lfs}"', "X-Linked-Size": str(blob.size), "ETag": f'"{blob.oid}"'}
            signed = f"{self.server.storage}/cdn/{blob.lfs}?Signature=secret"
            return self.answer(302, b"", known | linked | {"Location": signed})
        self._data(self.server.store.content(blob), known | {"ETag": f'"{blob.oid}"'})

    def _cdn(self, oid: str) -> None:
        self._data(self.server.store.content(Blob(0, "", oid)), {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def _data(self, data: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if not asked:
            return self.answer(200, data, headers | {"Content-Type": "application/octet-stream"})
        first = int(asked[1])
        self.answer(206, data[first:], headers | {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"})


def _entry(name: str, blob: Blob) -> dict[str, Any]:
    lfs = {"lfs": {"oid": blob.lfs, "size": blob.size, "pointerSize": 131}} if blob.lfs else {}
    return {"type": "file", "path": name, "size": blob.size, "oid": blob.oid, **lfs}


_R, _V = r"/api/models/(?P<repo>[^/]+/[^/]+)", r"(?P<revision>refs/pr/\d+|[^/]+)"
ROUTES = [
    (r"GET /api/whoami-v2", "whoami"),
    (r"POST /api/validate-yaml", "validate"),
    (r"POST /api/repos/create", "create"),
    (r"GET /api/models", "models"),
    (rf"GET {_R}", "info"),
    (rf"GET {_R}/revision/{_V}", "info"),
    (rf"GET {_R}/tree/{_V}(?P<under>/.*)?", "tree"),
    (rf"POST {_R}/paths-info/{_V}", "paths"),
    (rf"GET {_R}/refs", "refs"),
    (rf"GET {_R}/commits/{_V}", "commits"),
    (rf"POST {_R}/branch/(?P<branch>.+)", "branch"),
    (rf"GET {_R}/discussions", "discussions"),
    (rf"POST {_R}/preupload/{_V}", "preupload"),
    (rf"POST {_R}/commit/{_V}", "commit"),
    (r"POST /(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch"),
    (r"PUT /lfs/(?P<oid>\w+)", "lfs"),
    (r"PUT /lfs/(?P<oid>\w+)/part/(?P<part>\d+)", "part"),
    (r"POST /lfs/(?P<oid>\w+)/complete", "complete"),
    (r"POST /lfs/(?P<oid>\w+)/verify", "verify"),
    (rf"(?:GET|HEAD) /(?P<repo>[^/]+/[^/]+)/resolve/{_V}/(?P<file>.+)", "resolve"),
    (r"(?:GET|HEAD) /cdn/(?P<oid>\w+)", "cdn"),
]
