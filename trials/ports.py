"""Ports for a trainer's environments, which no two trials of a machine ever share.

mlagents looks whether a port is free, lets go of it, and listens later with SO_REUSEPORT (mlagents_envs 1.1.0
`rpc_communicator.py`): of two trainers that start together both may listen, and clients are dealt to either. So whoever
listens leases first. A lease is a file lock, which the kernel takes back when the holder dies, and on Linux also the
port itself: bound, never listened on, so that a user with another folder of locks, or another container on the
same network, finds it taken.
"""

import contextlib
import os
import socket
import sys
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from trials.errors import SetupError
from trials.folder import own

PORTS = range(20_000, 30_000)
"""Above the ports of Ray's workers (10002-19999), below those that Linux (32768-60999) and macOS (49152-65535) deal out
to clients and Kubernetes to its services (30000-32767)."""


class PortLease(contextlib.ExitStack):
    """Owns a port of this machine, `port`, or several from there on, until it is closed or its process dies, however.

    Held by the process that listens: forked children keep the port (not the lock), started programs neither."""

    def __init__(self, among: range = PORTS, count: int = 1) -> None:
        """Take the first free one, or the first `count` in a row, looking from a place that differs by process.

        Raises SetupError if none is left, or if locks cannot be kept in the folder of temporary files."""
        super().__init__()
        folder, spread = lock_folder(), os.getpid() % len(among)
        for port in (*among[spread:], *among[:spread]):
            if port + count <= among.stop and all(self._takes(folder, port + number) for number in range(count)):
                self.port = port
                return
            self.close()
        many = "a free port" if count == 1 else f"{count} free ports in a row"
        raise SetupError(
            f"a trial must have {many}, but all between {among.start} and {among.stop - 1} are leased (locks in"
            f" {folder}) or in use; run fewer trials at once on this machine"
        )

    def _takes(self, folder: Path, port: int) -> bool:
        # A soft lock, filelock's substitute where the file system has none, would outlive its holder.
        lock = FileLock(folder / f"{port}.lock", thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            raise _unwritable(error) from error
        self.callback(lock.release)
        if (bound := _bound(port)) is None:
            self.close()
            return False
        self.enter_context(bound)
        return True


def lock_folder() -> Path:
    """This user's folder of locks, made if need be. Raises SetupError if it is not ours or cannot be written."""
    try:
        return own(Path(tempfile.gettempdir()) / f"selfplay-sweep-ports-{os.getuid()}")
    except OSError as error:
        raise (_unwritable(error) if error.errno else SetupError(str(error))) from error


def _bound(port: int) -> socket.socket | None:
    """The socket that holds `port`, or None where gRPC could not have it for itself."""
    with contextlib.ExitStack() as kept:
        try:
            # Without SO_REUSEADDR and SO_REUSEPORT, with which a bind succeeds beside another's.
            with socket.socket(socket.AF_INET) as local:
                local.bind(("127.0.0.1", port))
            every = kept.enter_context(_every_address())
            every.bind(("::" if every.family == socket.AF_INET6 else "0.0.0.0", port))
        except OSError:
            return None
        if sys.platform == "linux":
            # From here on mlagents' look (SO_REUSEADDR) and this user's gRPC (SO_REUSEPORT) may join; a bind with
            # neither, as above, may not.
            every.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            every.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        else:
            every.close()  # elsewhere a bound socket keeps mlagents out too
        kept.pop_all()
        return every


def _every_address() -> socket.socket:
    """A socket for [::], which takes IPv4 too; for 0.0.0.0 where the machine has no IPv6, as gRPC does."""
    try:
        every = socket.socket(socket.AF_INET6)
    except OSError:
        return socket.socket(socket.AF_INET)
    every.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return every


def _unwritable(error: OSError) -> SetupError:
    return SetupError(
        f"port leases must be kept where files can be written and locked, but that failed: {error};"
        " set TMPDIR to a folder on a local disk"
    )
