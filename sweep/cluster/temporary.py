"""Where a Ray of this machine keeps its session: in a folder whose path is short enough for the sockets in it."""

import contextlib
import os
import sys
from pathlib import Path

from trials.errors import SetupError
from trials.folder import own

SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
"""The longest path of a Unix socket (sockaddr_un of macOS and Linux, less the closing zero)."""
WITHIN = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""The longest that Ray 2.60 puts behind the folder."""
SHORT = ("/tmp", "/var/tmp")


def folder() -> str | None:
    """What `ray.init` takes as `_temp_dir`; None where Ray's own choice fits. Raises SetupError where no folder does.

    Ray takes RAY_TMPDIR, else on Linux TMPDIR, else /tmp (`ray/_common/utils.py`).
    """
    name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    chosen = os.environ.get(name, "/tmp") if name == "RAY_TMPDIR" or sys.platform.startswith("linux") else "/tmp"
    room = SOCKET_BYTES - len(WITHIN)
    if len(os.fsencode(chosen)) <= room:
        return None
    for short in SHORT:
        with contextlib.suppress(OSError):
            return str(own(Path(short) / f"ray-{os.getuid()}"))
    raise SetupError(
        f"Ray needs a temporary folder whose path has at most {room} bytes, for its sockets, but {name} is {chosen}"
        f" and neither {' nor '.join(SHORT)} can be written; set {name} to a shorter one"
    )
