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
from trials.ports import PortLease

AMONG = range(31_000, 31_060)  # beside PORTS: trainings of other tests lease those
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
first, last = (int(word) for word in sys.argv[2:])
ports.sys = SimpleNamespace(platform=sys.argv[1])
gate, opened = os.pipe()
for _ in range(50):
    if os.fork() == 0:
        os.close(opened)
        os.read(gate, 1)  # ends for all when the parent closes its end
        pid, os.getpid = os.getpid(), lambda: 0  # all look from the same place
        lease = ports.PortLease(range(first, last))
        os.write(1, f"{pid} {lease.port}\\n".encode())
        os.read(0, 1)
        os._exit(0)
os.close(opened)
os.read(0, 1)
"""


@pytest.mark.parametrize("platform", [pytest.param("linux", marks=linux_only), "darwin"])
def test_fifty_processes_at_once_never_share_a_port_and_kill_gives_all_back(platform: str) -> None:
    """As on Linux, and by locks alone, as elsewhere."""
    among = AMONG[:51]
    parent = subprocess.Popen(
        [sys.executable, "-c", FIFTY, platform, str(among.start), str(among.stop)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdin is not None and parent.stdout is not None
    lines = [tuple(int(word) for word in parent.stdout.readline().split()) for _ in range(50)]
    try:
        taken = {port for _, port in lines}
        assert len(taken) == 50
        with PortLease(among) as last, pytest.raises(SetupError):  # one is left, and then none
            assert {last.port} == {*among} - taken
            PortLease(among)
    finally:
        for pid, _ in lines:
            os.kill(pid, signal.SIGKILL)
    deadline = now() + 10
    while True:
        with contextlib.suppress(SetupError), contextlib.ExitStack() as held:
            assert {held.enter_context(PortLease(among)).port for _ in among} == {*among}
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
    with listener(address, AMONG[0], shared), PortLease(AMONG[:2]) as lease:
        assert lease.port == AMONG[1]


def test_when_none_is_left_one_line_says_so() -> None:
    with PortLease(AMONG[:1]), pytest.raises(SetupError) as caught:
        PortLease(AMONG[:1])
    assert str(caught.value).startswith(
        f"a trial must have a free port, but all between {AMONG[0]} and {AMONG[0]} are leased (locks in "
    )
    assert str(caught.value).endswith("run fewer trials at once on this machine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pid", range(6))
def test_several_are_taken_in_a_row_or_none(pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the look begins, which differs by process."""
    monkeypatch.setattr("os.getpid", lambda: pid)
    with PortLease(AMONG[1:2]), PortLease(AMONG[:6], count=3) as lease:
        assert lease.port in (AMONG[2], AMONG[3])
        with pytest.raises(SetupError, match="must have 3 free ports in a row"):
            PortLease(AMONG[:6], count=3)
        rest = {AMONG[0], AMONG[2], AMONG[5]} - {*range(lease.port, lease.port + 3)}
        with contextlib.ExitStack() as held:  # what was looked at is free again
            assert {held.enter_context(PortLease(AMONG[:6])).port for _ in range(2)} == rest


def test_closing_gives_the_ports_back_to_others_and_to_whoever_listens() -> None:
    lease = PortLease(AMONG[:1])
    lease.close()
    lease.close()
    with PortLease(AMONG[:1]) as again:
        assert again.port == AMONG[0]
    listener("0.0.0.0", AMONG[0]).close()


@pytest.mark.filterwarnings("ignore:distutils")
def test_mlagents_listens_on_a_leased_port() -> None:
    import trials.soccer.executable.protobuf  # noqa: F401  mends what the next import needs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlagents_envs.rpc_communicator import RpcCommunicator
    with PortLease(AMONG) as lease:
        server = RpcCommunicator(0, lease.port, timeout_wait=60)
        for _ in range(20):
            socket.create_connection(("127.0.0.1", lease.port), timeout=60).close()
        server.server.stop(None).wait()


HOLDER = """
import os, sys, time
from trials.ports import PortLease
lease = PortLease(range(int(sys.argv[1]), int(sys.argv[2])))
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(600)
"""


@linux_only
def test_a_fork_that_may_still_listen_keeps_the_port() -> None:
    among = AMONG[:1]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(among.start), str(among.stop)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with pytest.raises(SetupError):
        PortLease(among)
    os.kill(child, signal.SIGKILL)
    deadline = now() + 10
    while True:
        with contextlib.suppress(SetupError), PortLease(among):
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
    print(PortLease(range(int(sys.argv[2]), int(sys.argv[3]))).port)
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
    among = AMONG[:2]
    with PortLease(among) as lease:
        (other,) = {*among} - {lease.port}
        assert as_nobody(among) == str(other)
    owners = {path.name: path.stat().st_uid for path in temporary_folder.iterdir()}
    assert owners == {"selfplay-sweep-ports-0": 0, f"selfplay-sweep-ports-{NOBODY}": NOBODY}


def test_a_folder_of_somebody_elses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ports.lock_folder().stat().st_uid
    ports.lock_folder().rename(ports.lock_folder().with_name(f"selfplay-sweep-ports-{mine + 1}"))
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(SetupError, match=f"belongs to user {mine}; have it removed or set TMPDIR"):
        PortLease(AMONG)


def test_a_link_in_the_folders_place_is_refused(temporary_folder: Path) -> None:
    folder = ports.lock_folder()
    folder.rename(temporary_folder / "elsewhere")
    folder.symlink_to(temporary_folder / "elsewhere")
    with pytest.raises(SetupError, match="a folder of one's own"):
        PortLease(AMONG)


def test_a_temporary_folder_that_cannot_be_written_is_told(temporary_folder: Path) -> None:
    temporary_folder.chmod(0o555)
    if os.getuid() == 0:
        told = as_nobody(AMONG)
    else:
        with pytest.raises(SetupError) as caught:
            PortLease(AMONG)
        told = str(caught.value)
    assert told.startswith("port leases must be kept where files can be written and locked, but that failed: ")
    assert f"Permission denied: '{temporary_folder}/" in told
    assert told.endswith("set TMPDIR to a folder on a local disk")


def test_no_temporary_folder_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(SetupError, match="No usable temporary directory found; set TMPDIR"):
        PortLease(AMONG)
