"""Ports for a trainer's environments: blocks that no two trials of a machine ever share.

mlagents looks whether a port is free, lets go of it, and listens later with SO_REUSEPORT (mlagents_envs 1.1.0
`rpc_communicator.py`): of two trainers that start together both may listen, and clients are dealt to either. So whoever
listens leases first. A lease is a file lock, which the kernel takes back when the holder dies, and on Linux also the
ports themselves: bound, never listened on, so that a user with another folder of locks, or another container on the
same network, finds them taken.
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
CELL = 10
"""Ports under one lock. A lease takes whole cells, so that few locks do and blocks of any size lie side by side."""


class PortLease(contextlib.ExitStack):
    """Owns `count` consecutive ports of this machine, `ports`, until it is closed or its process dies, however.

    Held by the process that listens: forked children keep the ports (not the lock), started programs neither."""

    def __init__(self, count: int = 1, among: range = PORTS) -> None:
        """Take the first free block, looking from a place that differs by process.

        Raises SetupError if none is left, or if locks cannot be kept in the folder of temporary files."""
        super().__init__()
        folder = lock_folder()
        firsts = list(range(among.start, among.stop - count + 1, CELL))
        spread = os.getpid() % len(firsts)
        for first in firsts[spread:] + firsts[:spread]:
            held = _take(folder, first, count)
            if held is not None:
                self.ports = range(first, first + count)
                self.push(held)
                return
        raise SetupError(
            f"a trial must have {count} consecutive free ports, but all blocks between {among.start} and"
            f" {among.stop - 1} are leased (locks in {folder}) or in use; run fewer trials at once on this machine"
        )


def lock_folder() -> Path:
    """This user's folder of locks, made if need be. Raises SetupError if it is not ours or cannot be written."""
    try:
        return own(Path(tempfile.gettempdir()) / f"selfplay-sweep-ports-{os.getuid()}")
    except OSError as error:
        raise (_unwritable(error) if error.errno else SetupError(str(error))) from error


def _take(folder: Path, first: int, count: int) -> contextlib.ExitStack | None:
    """What holds the ports from `first` on, or None if someone has one of them."""
    with contextlib.ExitStack() as held:
        for cell in range(first, first + count, CELL):
            # A soft lock, filelock's substitute where the file system has none, would outlive its holder.
            lock = FileLock(folder / f"{cell}.lock", thread_local=False, fallback_to_soft=False)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                return None
            except OSError as error:
                raise _unwritable(error) from error
            held.callback(lock.release)
        for port in range(first, first + count):
            bound = _bound(port)
            if bound is None:
                return None
            held.enter_context(bound)
        return held.pop_all()
    return None


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
