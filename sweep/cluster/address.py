"""The address of a Ray cluster: its form, who gave it, and whether a cluster answers there, known in seconds.

Ray itself waits minutes for a head that is gone, and takes what is no address apart in its own words.
"""

import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from trials import stint
from trials.errors import SetupError

OPTION, VARIABLE = "--ray-address", "RAY_ADDRESS"
PORT = 6379
"""Of a Ray head where nobody said otherwise."""
CONNECT_S = 3.0
"""How long a machine may take to accept a connection, seconds."""
PATIENCE_S = 5.0
"""How long a head that was only just started may refuse connections, seconds."""
ANSWER_S = 25.0
"""How long a head may take to answer, seconds; most of it is the start of the Python that asks."""
_FORM = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/@\[\]]+):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Address:
    """Of a cluster, as it was given."""

    text: str
    """`host:port`, or `auto`: the cluster that runs on this machine."""
    source: str
    """The option, or the variable of the environment."""

    @property
    def without(self) -> str:
        """How to do without it."""
        how = f"unset {VARIABLE}" if self.source == VARIABLE else f"leave {self.source} out"
        return f"{how} to train on this machine"


def given(text: str | None, from_environment: bool) -> Address | None:
    """What stands in `--ray-address`, or in RAY_ADDRESS; None: this machine. Raises SetupError for no address."""
    text = (text or "").strip()
    if text in ("", "local"):  # Ray's own word for this machine
        return None
    address = Address(text, VARIABLE if from_environment else OPTION)
    found = _FORM.fullmatch(text)
    if text != "auto" and (found is None or not 0 < int(found["port"]) < 2**16):
        raise SetupError(
            f"{address.source} must be host:port or auto, on a machine of the cluster, but got {text};"
            f" {_meant(text)}, or {address.without}"
        )
    return address


def _meant(text: str) -> str:
    scheme, _, rest = text.rpartition("://")
    host = re.split(r"[:/]", rest)[0]
    if scheme == "ray":
        return "that is Ray's client: run the sweep on a machine of the cluster (sweep/cluster/README.md)"
    if scheme:
        return f"write the head's own address, {host or 'HOST'}:{PORT}"
    if text.isdigit():
        return f"write the host too, 127.0.0.1:{text}"
    return f"write {host}:{PORT}" if host and not host.isdigit() else f"write HOST:{PORT}"


def must_answer(address: Address) -> None:
    """Raise SetupError where no Ray cluster of this version answers there."""
    found = _FORM.fullmatch(address.text)
    if found is not None:
        try:
            heard = _greeted(found["host"].strip("[]"), int(found["port"]))
        except (OSError, UnicodeError) as error:
            raise _silent(address, str(getattr(error, "strerror", None) or error or type(error).__name__)) from None
        if not heard:
            raise _silent(address, "what listens there is not a Ray head")
    try:
        # a process of its own: Ray's client can be stopped in no other way while it waits
        words = [sys.executable, "-P", "-m", "ray.scripts.scripts", "health-check", "--address", address.text]
        done = stint.run(words, ANSWER_S)
    except subprocess.TimeoutExpired:
        raise _silent(address, f"no Ray head answered within {ANSWER_S:g} s") from None
    if "AuthenticationError" in done.stderr and os.environ.get("RAY_AUTH_MODE") != "token":
        # for a cluster at an address Ray does not turn it on by itself, wherever a token lies
        raise SetupError(
            f"{address.source} must name a Ray cluster that takes this driver, but {address.text} asks for its token;"
            " set RAY_AUTH_MODE=token before the command (sweep/cluster/README.md, By hand)"
        )
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise _silent(address, lines[-1].strip()[:200] if lines else f"status {done.returncode}")


def _greeted(host: str, port: int) -> bool:
    """Whether what listens there answers as gRPC does, which a Ray head speaks: HTTP/2 with a SETTINGS frame (RFC 9113,
    3.4). Raises OSError."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            opened = socket.create_connection((host, port), CONNECT_S)
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    with opened as connection:
        if os.environ.get("RAY_USE_TLS") == "1":
            return True
        connection.settimeout(CONNECT_S)
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
        try:
            return connection.recv(9)[3:4] == b"\x04"
        except TimeoutError:
            return False


def _silent(address: Address, why: str) -> SetupError:
    return SetupError(
        f"{address.source} must name a running Ray cluster, but {address.text} does not answer ({why.rstrip('.')});"
        f" start one with `ray start --head`, or {address.without}"
    )
