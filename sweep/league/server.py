"""A league served to browsers: its pages live, JSON, and fresh matches to watch; it changes nothing in the league."""

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import waitress
from flask import Flask, Response, request
from waitress.server import BaseWSGIServer
from werkzeug.exceptions import HTTPException

from reports.formatting import shown
from sweep.league.match_queue import Busy, MatchQueue
from sweep.league.recorder import Job
from sweep.league.snapshots import Body, Followed, Snapshot, body
from trials.errors import SetupError
from trials.soccer.constants import VERSION

HEADERS = 16 << 10
"""Bytes of a request's headers, at most,"""
BODY = 2 << 10
"""and of its body."""
THREADS = 8
CONNECTIONS = 200
LOOPBACK = ("localhost", "127.0.0.1", "::1")
METHODS = ("GET", "HEAD", "POST")
API = "default-src 'none'; frame-ancestors 'none'"

Tell = Callable[[str], None]


def serve(path: Path, host: str, port: int, watch: bool, tell: Tell) -> None:
    """Serve the league in a folder until Ctrl+C or SIGTERM. Raises SetupError."""
    if host not in LOOPBACK:
        tell(f"anyone who reaches {host} can read this league{' and have matches played here' * watch}; no password")
    followed = Followed(path, watch, tell)
    fresh = MatchQueue() if watch else None
    try:
        server = bound(application(followed, fresh, host), host, port)
        tell(f"{path} at http://{_shown(host)}:{server.effective_port}/ until Ctrl+C")
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell script's `&` has the first ignored
            signal.signal(number, signal.default_int_handler)
        server.run()  # returns after Ctrl+C
    except KeyboardInterrupt:
        pass
    finally:
        followed.end()
        if fresh is not None:
            fresh.end()


def bound(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """The server, listening. Raises SetupError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server((str(address[0]), port), family=family)
    except (OSError, UnicodeError) as error:  # a name that none can have
        raise SetupError(
            f"a server needs an address of this machine and a free port, but {host}:{port} is unavailable ({error});"
            " name others with --host and --port"
        ) from None
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it tells of every request that waits a moment
    return waitress.create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=30,
        max_request_header_size=HEADERS,
        max_request_body_size=BODY,
        ident=None,
    )


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def known_host(header: str, host: str) -> bool:
    """Whether a Host header names this server, bound to `host`, and not a stranger's name that resolves to it.

    A wildcard address is reached by any of the machine's: those are numbers, which nobody can rebind.
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    if name in (*LOOPBACK, host.lower()):
        return True
    if host not in ("0.0.0.0", "::", ""):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == socket.gethostname().lower()
    return True


def application(followed: Followed, fresh: MatchQueue | None, host: str) -> Flask:
    """The WSGI application; without `fresh` nothing is played."""
    app = Flask("sweep.league.server", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY
    app.before_request(lambda: _refused(host))
    app.after_request(_guarded)
    app.register_error_handler(HTTPException, _failed)
    _pages(app, followed)
    _matches(app, followed, fresh)
    return app


def _refused(host: str) -> Response | None:
    """What no part of the server answers."""
    if not known_host(request.host, host):
        return error(421, "this server answers to its own address only")
    if request.method not in METHODS:
        return error(405, f"this server knows {', '.join(METHODS)}", {"Allow": ", ".join(METHODS)})
    if request.method == "POST" and (
        request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
        or request.headers.get("Origin", f"http://{request.host}") != f"http://{request.host}"
    ):
        return error(403, "only this server's own pages may ask for that")
    return None


def _guarded(response: Response) -> Response:
    for name, value in (
        ("Content-Security-Policy", API),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cache-Control", "no-cache"),
    ):
        response.headers.setdefault(name, value)
    return response


def error(status: int, line: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal, one line as JSON."""
    return Response(body({"error": line}).plain, status, headers, mimetype="application/json")


def _failed(failure: HTTPException) -> Response:
    """Flask's own refusals, without a word of what was asked for."""
    allowed = failure.get_headers()
    return error(failure.code or 500, failure.name.lower(), {k: v for k, v in allowed if k == "Allow"})


def _answer(found: Body, mimetype: str, tag: str = "", policy: str = "") -> Response:
    packed = "gzip" in request.headers.get("Accept-Encoding", "") and len(found.plain) > 1000
    response = Response(found.packed if packed else found.plain, mimetype=mimetype)
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if policy:
        response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
    if tag:
        response.set_etag(f"{tag}{'-gzip' * packed}")
        response.make_conditional(request)
    return response


def _pages(app: Flask, followed: Followed) -> None:
    @app.get("/")
    def page() -> Response:
        now = followed.newest
        return _answer(now.page, "text/html", now.version, now.policy)

    @app.get("/api/version")
    def version() -> Response:
        return _answer(body({"version": followed.newest.version}), "application/json")

    @app.get("/api/page")
    def data() -> Response:
        return _answer(followed.newest.data, "application/json", followed.newest.version)

    @app.get("/api/leaderboard")
    def leaderboard() -> Response:
        return _answer(followed.newest.leaderboard, "application/json", followed.newest.version)

    @app.get("/api/model")
    def model() -> Response:
        now = followed.newest
        player = now.player(request.args.get("player", ""))
        return _answer(now.model(player), "application/json") if player else _unknown()

    @app.get("/api/pair")
    def pair() -> Response:
        now = followed.newest
        a, b = (now.player(request.args.get(name, "")) for name in ("a", "b"))
        return _answer(now.pair(a, b), "application/json") if a and b else _unknown()


def _unknown() -> Response:
    return error(404, "a model is named by its key in the leaderboard, `player`, and this league has none of that key")


def _matches(app: Flask, followed: Followed, fresh: MatchQueue | None) -> None:
    @app.post("/api/watch")
    def ask() -> Response:
        now = followed.newest
        try:
            wish = request.get_json()
        except RecursionError:
            return error(400, "the body must be an object with a and b, two models by their keys")
        words = [wish.get(name) for name in ("a", "b")] if isinstance(wish, dict) else []
        players = [now.player(word) for word in words if isinstance(word, str)]
        if fresh is None:
            return error(403, "this server plays no matches: it was started with --no-watch")
        if len(players) != 2 or not all(player in now.entries for player in players):
            return _unknown()
        if now.league.environment != VERSION:
            return error(409, f"matches are played in {VERSION}, but this league's were in another environment")
        a, b = (player for player in players if player is not None)
        try:
            ticket = fresh.ask(request.remote_addr or "", a, b, lambda seed: job(now, (a, b), seed))
        except Busy as busy:
            return error(429, str(busy), {"Retry-After": str(busy.after)})
        return Response(body({"job": ticket.id}).plain, 202, mimetype="application/json")

    @app.get("/api/watch/<id_>")
    def state(id_: str) -> Response:
        ticket = fresh.ticket(id_) if fresh is not None else None
        if fresh is None or ticket is None or (ticket.state == "done" and not ticket.packed):
            return error(404, "that match is not known, or no longer kept; ask for another")
        if ticket.state == "failed":
            return error(422, ticket.line)
        if ticket.state != "done":
            return _answer(body({"state": ticket.state, "ahead": fresh.ahead(ticket)}), "application/json")
        found = {"state": "done", "seed": ticket.seed, "packed": ticket.packed}
        return _answer(body(found | {"a": ticket.a, "b": ticket.b}), "application/json")


def job(now: Snapshot, players: Sequence[str], seed: int) -> Job:
    """A fresh pair of two players that are in the roster. Raises OSError or SweepError where a file is not at hand."""
    a, b = players
    one, two = now.entries[a], now.entries[b]
    names = shown(now.players[a]), shown(now.players[b])
    return Job((now.finder.file(a), now.finder.file(b)), (one.sha256, two.sha256), names, seed=seed)
