"""What a Hub on loopback can be asked: every route that huggingface_hub and mlagents' scripts take for a model."""

import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, quote

import yaml
from hub_answers import Refusal
from hub_store import ORGS, Blob, Commit, Repo, front_matter
from hub_uploads import Uploads

LICENSES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "gpl-3.0", "other")
"""Some of those that the Hub takes."""


class Handler(Uploads):
    """The routes of questions and downloads."""

    def _whoami(self) -> None:
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        orgs = [{"type": "org", "name": name, "roleInOrg": role} for name, role in ORGS.get(self.user, {}).items()]
        token: dict[str, Any] = {"displayName": "a token", "role": self.rights}
        if self.rights == "fineGrained":
            team = {"entity": {"type": "org", "name": "team"}, "permissions": ["repo.content.read", "repo.write"]}
            token["fineGrained"] = {"canReadGatedRepos": False, "global": [], "scoped": [team]}
        told = {"type": "user", "name": self.user, "orgs": orgs, "auth": {"type": "access_token", "accessToken": token}}
        self.answer(200, told)

    def _auth_check(self, repo: str) -> None:
        self._repo(repo)
        self.answer(200, {})

    def _auth_check_write(self, repo: str) -> None:
        self._repo(repo, write=True)
        self.answer(200, {})

    def _validate(self) -> None:
        try:
            front = front_matter(json.loads(self.body)["content"])
        except yaml.YAMLError as error:
            return self.answer(400, {"errors": [{"message": str(error).splitlines()[0]}], "warnings": []})
        if "license" in front and front["license"] not in LICENSES:
            wrong = f'"license" must be one of [{", ".join(LICENSES)}, ...]'
            return self.answer(400, {"errors": [{"message": wrong}], "warnings": []})
        empty = [] if front else [{"message": "empty or missing yaml metadata in repo card"}]
        self.answer(200, {"errors": [], "warnings": empty})

    def _create(self) -> None:
        asked = json.loads(self.body)
        owner = asked.get("organization") or self.user or ""
        self._must_own(owner)
        name = f"{owner}/{asked['name']}"
        if asked["name"].endswith(".git"):
            raise Refusal(400, 'The name cannot end with ".git".')
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


_R, _V = r"/api/(?:models|datasets)/(?P<repo>[^/]+/[^/]+)", r"(?P<revision>refs/pr/\d+|[^/]+)"
ROUTES = [
    (r"GET /api/whoami-v2", "whoami"),
    (r"POST /api/validate-yaml", "validate"),
    (r"POST /api/repos/create", "create"),
    (r"GET /api/models", "models"),
    (rf"GET {_R}", "info"),
    (rf"GET {_R}/auth-check", "auth_check"),
    (rf"GET {_R}/auth-check/write", "auth_check_write"),
    (rf"GET {_R}/revision/{_V}", "info"),
    (rf"GET {_R}/tree/{_V}(?P<under>/.*)?", "tree"),
    (rf"POST {_R}/paths-info/{_V}", "paths"),
    (rf"GET {_R}/refs", "refs"),
    (rf"GET {_R}/commits/{_V}", "commits"),
    (rf"POST {_R}/branch/(?P<branch>.+)", "branch"),
    (rf"GET {_R}/discussions", "discussions"),
    (rf"POST {_R}/preupload/{_V}", "preupload"),
    (rf"POST {_R}/commit/{_V}", "commit"),
    (r"POST /(?:datasets/)?(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch"),
    (r"PUT /lfs/(?P<oid>\w+)", "lfs"),
    (r"PUT /lfs/(?P<oid>\w+)/part/(?P<part>\d+)", "part"),
    (r"POST /lfs/(?P<oid>\w+)/complete", "complete"),
    (r"POST /lfs/(?P<oid>\w+)/verify", "verify"),
    (rf"GET {_R}/xet-write-token/.+", "xet_token"),
    (r"POST /v1/xorbs/default/(?P<digest>\w{64})", "block"),
    (r"POST /v1/shards", "shard"),
    (rf"(?:GET|HEAD) /(?:datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/{_V}/(?P<file>.+)", "resolve"),
    (r"(?:GET|HEAD) /cdn/(?P<oid>\w+)", "cdn"),
]

Handler.routes = ROUTES
