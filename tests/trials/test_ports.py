"""Port leases: disjoint among processes that start at once, over when their holder dies, and honest about strangers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import now

from trials import ports
from trials.errors import SetupError
from trials.ports import CELL, PortLease

AMONG = range(31_000, 31_000 + 60 * CELL)  # beside PORTS: trainings of other tests lease those
"""Where these tests lease: a corner of the range."""
NOBODY = 65_534

root_only = pytest.mark.skipif(os.getuid() != 0, reason="becoming another user takes root")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a lease does not hold the ports themselves")


@pytest.fixture(autouse=True)
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of temporary files of these tests' own, which every user may write to."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        monkeypatch.setattr(tempfile, "tempdir", name)
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


FIFTY = """
import os, sys
from types import SimpleNamespace
from trials import ports
count, first, last = (int(word) for word in sys.argv[2:])
ports.sys = SimpleNamespace(platform=sys.argv[1])
gate, opened = os.pipe()
for _ in range(50):
    if os.fork() == 0:
        os.close(opened)
        os.read(gate, 1)  # ends for all when the parent closes its end
        pid, os.getpid = os.getpid(), lambda: 0  # all look from the same place
        lease = ports.PortLease(count, range(first, last))
        os.write(1, f"{pid} {lease.ports.start} {lease.ports.stop}\\n".encode())
        os.read(0, 1)
        os._exit(0)
os.close(opened)
os.read(0, 1)
"""


@pytest.mark.parametrize("platform", [pytest.param("linux", marks=linux_only), "darwin"])
def test_fifty_processes_at_once_never_share_a_port_and_kill_gives_all_back(platform: str) -> None:
    """As on Linux, and by locks alone, as elsewhere."""
    among = range(AMONG.start, AMONG.start + 51 * CELL)
    parent = subprocess.Popen(
        [sys.executable, "-c", FIFTY, platform, "3", str(among.start), str(among.stop)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdin is not None and parent.stdout is not None
    lines = [tuple(int(word) for word in parent.stdout.readline().split()) for _ in range(50)]
    try:
        taken = [port for _, first, stop in lines for port in range(first, stop)]
        assert len(set(taken)) == len(taken) == 150
        with PortLease(CELL, among) as last, pytest.raises(SetupError):  # one cell is left, and then none
            assert not set(last.ports) & set(taken)
            PortLease(1, among)
    finally:
        for pid, _, _ in lines:
            os.kill(pid, signal.SIGKILL)
    deadline = now() + 10
    while True:
        with contextlib.suppress(SetupError), PortLease(len(among), among) as lease:
            assert lease.ports == among
            break
        assert now() < deadline, "leases outlived their holders by 10 s"
        time.sleep(0.02)
    parent.kill()
    parent.communicate()


def listener(address: str, port: int, shared: bool = False) -> socket.socket:
    stranger = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    stranger.bind((address, port))
    stranger.listen()
    return stranger


@pytest.mark.parametrize(
    ("address", "shared"), [("127.0.0.1", False), ("0.0.0.0", False), ("::", False), ("::", True), ("::1", False)]
)
def test_a_strangers_port_is_passed_over(address: str, shared: bool) -> None:
    among = range(AMONG.start, AMONG.start + 2 * CELL)
    with listener(address, AMONG.start + 3, shared), PortLease(5, among) as lease:
        assert lease.ports == range(AMONG.start + CELL, AMONG.start + CELL + 5)


def test_blocks_larger_than_a_cell_do_not_overlap() -> None:
    with PortLease(CELL + 1, AMONG) as one, PortLease(3 * CELL, AMONG) as two, PortLease(1, AMONG) as three:
        assert len({*one.ports, *two.ports, *three.ports}) == CELL + 1 + 3 * CELL + 1


def test_when_none_is_left_one_line_says_so() -> None:
    among = range(AMONG.start, AMONG.start + CELL)
    with PortLease(1, among), pytest.raises(SetupError) as caught:
        PortLease(2, among)
    assert str(caught.value).startswith(
        f"a trial must have 2 consecutive free ports, but all blocks between {among.start} and {among.stop - 1} are"
    )
    assert str(caught.value).endswith("run fewer trials at once on this machine")
    assert "\n" not in str(caught.value)


def test_closing_gives_the_ports_back_to_others_and_to_whoever_listens() -> None:
    among = range(AMONG.start, AMONG.start + CELL)
    lease = PortLease(CELL, among)
    lease.close()
    lease.close()
    with PortLease(CELL, among) as again:
        assert again.ports == among
    listener("0.0.0.0", AMONG.start).close()


@pytest.mark.filterwarnings("ignore:distutils")
def test_mlagents_listens_on_a_leased_port() -> None:
    import trials.soccer.executable.protobuf  # noqa: F401  mends what the next import needs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlagents_envs.rpc_communicator import RpcCommunicator
    with PortLease(2, AMONG) as lease:
        for worker in range(2):
            server = RpcCommunicator(worker, lease.ports.start, timeout_wait=60)
            for _ in range(20):
                socket.create_connection(("127.0.0.1", lease.ports[worker]), timeout=60).close()
            server.server.stop(None).wait()


HOLDER = """
import os, sys, time
from trials.ports import PortLease
lease = PortLease(1, range(int(sys.argv[1]), int(sys.argv[2])))
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(600)
"""


@linux_only
def test_a_fork_that_may_still_listen_keeps_the_port() -> None:
    among = range(AMONG.start, AMONG.start + CELL)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(among.start), str(among.stop)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with pytest.raises(SetupError):
        PortLease(1, among)
    os.kill(child, signal.SIGKILL)
    deadline = now() + 10
    while True:
        with contextlib.suppress(SetupError), PortLease(1, among):
            break
        assert now() < deadline
        time.sleep(0.02)


AS_NOBODY = """
import os, sys, tempfile
from trials.errors import SetupError
from trials.ports import PortLease
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
tempfile.tempdir = os.environ["TMPDIR"]  # which tempfile would leave for another if it cannot be written
try:
    print(PortLease(1, range(int(sys.argv[2]), int(sys.argv[3]))).ports.start)
except SetupError as error:
    print(error)
"""


def as_nobody(among: range) -> str:
    return subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(NOBODY), str(among.start), str(among.stop)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@root_only
@linux_only
def test_two_users_have_folders_of_their_own_and_still_never_share_a_port(temporary_folder: Path) -> None:
    among = range(AMONG.start, AMONG.start + 2 * CELL)
    with PortLease(1, among) as lease:
        (other,) = {among.start, among.start + CELL} - set(lease.ports)
        assert as_nobody(among) == str(other)
    owners = {path.name: path.stat().st_uid for path in temporary_folder.iterdir()}
    assert owners == {"selfplay-sweep-ports-0": 0, f"selfplay-sweep-ports-{NOBODY}": NOBODY}


def test_a_folder_of_somebody_elses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ports.lock_folder().stat().st_uid
    ports.lock_folder().rename(ports.lock_folder().with_name(f"selfplay-sweep-ports-{mine + 1}"))
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(SetupError, match=f"belongs to user {mine}; have it removed or set TMPDIR"):
        PortLease(1, AMONG)


def test_a_link_in_the_folders_place_is_refused(temporary_folder: Path) -> None:
    folder = ports.lock_folder()
    folder.rename(temporary_folder / "elsewhere")
    folder.symlink_to(temporary_folder / "elsewhere")
    with pytest.raises(SetupError, match="a folder of one's own"):
        PortLease(1, AMONG)


def test_a_temporary_folder_that_cannot_be_written_is_told(temporary_folder: Path) -> None:
    temporary_folder.chmod(0o555)
    if os.getuid() == 0:
        told = as_nobody(AMONG)
    else:
        with pytest.raises(SetupError) as caught:
            PortLease(1, AMONG)
        told = str(caught.value)
    assert told.startswith("port leases must be kept where files can be written and locked, but that failed: ")
    assert f"Permission denied: '{temporary_folder}/" in told
    assert told.endswith("set TMPDIR to a folder on a local disk")


def test_no_temporary_folder_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(SetupError, match="No usable temporary directory found; set TMPDIR"):
        PortLease(1, AMONG)
