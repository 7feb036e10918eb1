"""How a Hub on loopback answers: one connection, with faults on demand, and whoever asks without a right is refused."""

import contextlib
import json
import re
import socket
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_store import ORGS, TOKENS, Commit, Entry, Fault, Repo

if TYPE_CHECKING:
    from hub_server import HubServer


class Refusal(Exception):
    """Answered as the Hub does."""

    def __init__(self, status: int, words: str, code: str = "") -> None:
        super().__init__(words)
        self.status, self.words, self.code = status, words, code


class Answering(BaseHTTPRequestHandler):
    """One connection: what is asked is found, what went wrong on demand, and the answer sent."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and a body sent apart would wait 40 ms for each other
    server: "HubServer"
    routes: list[tuple[str, str]]
    """A regular expression for `GET /api/whoami-v2`, and which method answers it."""

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr; `HubServer.log` has it."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.route, self.query = unquote(parts.path), parse_qs(parts.query)
        self.sent, self.status, self.body, self.answered = 0, 0, b"", False
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.user, self.rights = TOKENS.get(token, (None, ""))
        self.bad_token = bool(token) and token not in TOKENS
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
            entry = Entry(*told, self.headers.get("User-Agent") or "", dict(self.headers))
            with self.server.store.lock:
                self.server.entries.append(entry)
                self.server.answering -= self.answered

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
        self.status, self.answered = status, True
        with self.server.store.lock:
            self.server.answering += 1
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

    def _dispatch(self) -> None:
        if self.bad_token:
            raise Refusal(401, "Invalid credentials in Authorization header")
        for pattern, name in self.routes:
            if found := re.fullmatch(pattern, f"{self.command} {self.route}"):
                return getattr(self, f"_{name}")(**found.groupdict())  # type: ignore[no-any-return]
        raise Refusal(404, f"no such route: {self.command} {self.route}")

    def _repo(self, repo: str, write: bool = False) -> Repo:
        found = self.server.store.repos.get(repo.lower())
        owner = repo.split("/")[0]
        if found is None or (found.private and self.user != owner and owner not in ORGS.get(self.user or "", {})):
            raise Refusal(404 if self.user else 401, "Repository not found", "RepoNotFound")
        if write:
            self._must_own(owner)
        return found

    def _must_own(self, owner: str) -> None:
        if self.user is None:
            raise Refusal(401, "Invalid username or password.")
        role = "admin" if self.user == owner else ORGS.get(self.user, {}).get(owner, "read")
        if role == "read" or not (self.rights == "write" or (self.rights == "fineGrained" and owner == "team")):
            raise Refusal(403, f"You don't have the rights to write under the namespace {owner}")

    def _at(self, repo: Repo, revision: str) -> Commit:
        found = repo.at(revision)
        if found is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found
