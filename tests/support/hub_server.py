"""The Hugging Face Hub's HTTP interface on loopback, as huggingface_hub uses it for models, with faults on demand.

    python tests/support/hub_server.py --port 8900 --root /tmp/hub     then, elsewhere, what it prints

Large files go up as Xet has it, or, with HF_HUB_DISABLE_XET set, as Git LFS has it, in one part or several; they come
down as plain HTTP has it.
"""

import argparse
import contextlib
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hub_routes import Handler
from hub_store import FINE, OTHER, READ, WRITE, Entry, Fault, Store
from patience import now

__all__ = ["FINE", "OTHER", "READ", "WRITE", "Fault", "HubServer", "hub", "serving"]


class HubServer(ThreadingHTTPServer):
    """A Hub on loopback: what it holds is in `store`, what it was asked in `log`."""

    daemon_threads = True

    def __init__(self, root: Path, port: int = 0, part_bytes: int = 0) -> None:
        """`part_bytes`: larger files go up in parts of that size; 0: never."""
        super().__init__(("127.0.0.1", port), Handler)
        self.store, self.part_bytes = Store(root), part_bytes
        self.entries: list[Entry] = []
        self.answering = 0
        """Requests whose client may have its answer before it is in the log."""
        self.blocks: dict[str, bytes] = {}
        """What hf_xet has put there."""
        self.faults: list[Fault] = []
        self.reached = threading.Event()
        self.page = 2
        """Models on a page of a listing."""

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT takes."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def storage(self) -> str:
        """Where large files are: another host, as far as a client can tell, which gets no token."""
        return f"http://localhost:{self.server_address[1]}"

    @property
    def log(self) -> list[Entry]:
        """Every request that was answered, in that order."""
        deadline = now() + 5
        while self.answering and now() < deadline:
            time.sleep(0.002)
        return list(self.entries)

    def fault(self, match: str, **how: Any) -> Fault:
        """Let something go wrong."""
        self.faults.append(Fault(match, **how))
        return self.faults[-1]

    def take(self, asked: str) -> Fault | None:
        """The fault of a request, counted down."""
        with self.store.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.match, asked):
                    fault.times -= 1
                    return fault
        return None

    def asked(self, match: str = "") -> list[Entry]:
        """What was asked so far."""
        return [entry for entry in self.log if re.search(match, f"{entry.method} {entry.path}")]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error here."""


@contextlib.contextmanager
def serving(root: Path, **how: Any) -> Iterator[HubServer]:
    """A Hub in a thread, for the block."""
    server = HubServer(root, **how)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environ(server: HubServer, home: Path, token: str | None = WRITE) -> dict[str, str]:
    """What a process needs in its environment to take `server` for the Hub and leave this user's own things alone."""
    known = {"HF_ENDPOINT": server.endpoint, "HF_HOME": str(home), "SWEEP_HUB_SECONDS": "3"}
    return known | ({"HF_TOKEN": token} if token else {})


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub of its own for a test, which this process takes for the real one, logged in as `tester`.

    Large files go up as Git LFS; where a test wants Xet, it says so.
    """
    from huggingface_hub import constants

    home = tmp_path / "hf"
    with serving(tmp_path / "hub") as server:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ(server, home).items():
            monkeypatch.setenv(name, value)
        for name, path in (("HF_HUB_CACHE", "hub"), ("HF_TOKEN_PATH", "token"), ("HF_STORED_TOKENS_PATH", "stored")):
            monkeypatch.setattr(constants, name, str(home / path))
        monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server


def main() -> None:
    """For a person."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--port", type=int, default=8900)
    words.add_argument("--root", type=Path, default=Path(tempfile.gettempdir()) / "hub")
    given = words.parse_args()
    with HubServer(given.root, given.port) as server:
        print(f"a Hub, on this machine alone, at {server.endpoint}; what it holds is in {given.root}\n")
        print(f"export HF_ENDPOINT={server.endpoint} HF_TOKEN={WRITE} HF_HOME={given.root}/client")
        print(f"# you are `tester`; a token that may only read: {READ}; another user's: {OTHER}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
