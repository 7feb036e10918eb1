"""An S3 server on loopback, with one bucket: moto's, in a process of its own, so that it can be away for a while."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from patience import now

from trials.ports import PortLease

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
BUCKET = "sweeps"


@dataclass(frozen=True)
class S3Server:
    """Where it listens, and its process."""

    endpoint: str
    process: "subprocess.Popen[bytes]"

    def address(self, prefix: str) -> str:
        """What `--storage` takes."""
        return f"s3://{BUCKET}/{prefix}?endpoint_override={self.endpoint}&region=us-east-1"

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Connections are accepted and never answered until the block ends."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server for the block; whoever speaks to it has KEYS in the environment."""
    with PortLease() as lease:
        port = lease.port
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        deadline = now() + 60
        while True:
            try:
                request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
                urllib.request.urlopen(request, timeout=120)
                break
            except (urllib.error.URLError, ConnectionError):
                assert now() < deadline and process.poll() is None
                time.sleep(0.1)
        yield S3Server(endpoint, process)
    finally:
        process.kill()
        process.wait()
