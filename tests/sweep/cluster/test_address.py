"""A Ray address: what is none is refused at once, and a head that does not answer in seconds, with who gave it."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from patience import now
from real_sweep import Command

from sweep.cli import main
from sweep.cluster import address
from sweep.driver import run
from trials.errors import SetupError


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        yield int(listening.getsockname()[1])


@pytest.fixture
def web() -> Iterator[int]:
    """A port where every word is answered as HTTP/1.1 does, as Ray's dashboard."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)

        def answer() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(100)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            except OSError:
                return

        threading.Thread(target=answer, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not answer is waited for, but not for seconds."""
    monkeypatch.setattr(address, "PATIENCE_S", 0.1)
    monkeypatch.setattr(address, "CONNECT_S", 0.5)


@pytest.mark.parametrize("text", [None, "", "  ", "local"])
def test_no_address_is_this_machine(text: str | None) -> None:
    assert address.given(text, True) is None


@pytest.mark.parametrize(
    "text", ["auto", "head:6379", "10.0.0.7:1", "[::1]:6379", "ray-head-svc.ns.svc.cluster.local:6379"]
)
def test_host_and_port_or_auto(text: str) -> None:
    assert address.given(f" {text} ", False) == address.Address(text, "--ray-address")


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("6379", "write the host too, 127.0.0.1:6379"),
        ("http://127.0.0.1:8265", "write the head's own address, 127.0.0.1:6379"),
        ("https://ray.example/x", "write the head's own address, ray.example:6379"),
        ("ray://head:10001", "that is Ray's client: run the sweep on a machine of the cluster"),
        ("head", "write head:6379"),
        ("head:", "write head:6379"),
        (":6379", "write HOST:6379"),
        ("head:99999", "write head:6379"),
        ("head:0", "write head:6379"),
        ("head:6379/", "write head:6379"),
        ("::1:6379", "write HOST:6379"),
        ("a:6379,b:6379", "write a:6379"),
        ("AUTO", "write AUTO:6379"),
    ],
)
def test_what_is_no_address_is_refused_with_the_form(text: str, mend: str) -> None:
    for environment, source in ((False, "--ray-address"), (True, "RAY_ADDRESS")):
        with pytest.raises(SetupError) as refused:
            address.given(text, environment)
        line = str(refused.value)
        assert line.startswith(
            f"{source} must be host:port or auto, on a machine of the cluster, but got {text}; {mend}"
        )
        assert ("unset RAY_ADDRESS" in line) == environment and "\n" not in line


def test_nobody_there_and_nobody_who_is_a_head(silent: int, web: int, impatient: None) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    for port, why in (
        (nobody, "Connection refused"),
        (silent, "what listens there is not a Ray head"),
        (web, "what listens there is not a Ray head"),
    ):
        began = now()
        with pytest.raises(SetupError) as refused:
            address.must_answer(address.Address(f"127.0.0.1:{port}", "RAY_ADDRESS"))
        assert f"must name a running Ray cluster, but 127.0.0.1:{port} does not answer ({why})" in str(refused.value)
        assert "unset RAY_ADDRESS to train on this machine" in str(refused.value)
        assert now() - began < 10
    with pytest.raises(SetupError, match=r"nosuch\.invalid:6379 does not answer"):
        address.must_answer(address.Address("nosuch.invalid:6379", "--ray-address"))


@pytest.mark.parametrize("mode", ["", "token"])
def test_a_head_that_asks_for_its_token_says_what_to_set(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = "Traceback\nray.exceptions.AuthenticationError: InvalidAuthToken\n"
    monkeypatch.setattr(address.stint, "run", lambda words, seconds: subprocess.CompletedProcess(words, 1, "", refused))
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    line = "does not answer .*InvalidAuthToken" if mode else "auto asks for its token; set RAY_AUTH_MODE=token before"
    with pytest.raises(SetupError, match=line):
        address.must_answer(address.Address("auto", "RAY_ADDRESS"))


@pytest.mark.parametrize("words", [("run", "quick"), ("resume", "somewhere")])
def test_the_command_says_who_gave_it_before_anything_is_written(
    words: tuple[str, ...], command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    for option, source in ((("--ray-address", "127.0.0.1:1"), "--ray-address"), ((), "RAY_ADDRESS")):
        if not option:
            monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
        done = command(*words, *option, cwd=tmp_path)
        assert done.returncode == 1 and done.stdout == ""
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith(f"sweep: {source} must name a running Ray cluster, but 127.0.0.1:1 does not answer")
        assert list(tmp_path.iterdir()) == []


def test_the_help_says_that_the_variable_counts() -> None:
    text = CliRunner().invoke(main.cli, ["run", "--help"]).output
    assert "default: RAY_ADDRESS, where that is set" in " ".join(text.split())


def test_an_empty_option_wins_over_the_variable() -> None:
    @click.command()
    @main.RAY
    def asked(ray_address: str | None) -> None:
        click.echo(main._cluster(ray_address)[0])

    done = CliRunner().invoke(asked, ["--ray-address", ""], env={"RAY_ADDRESS": "127.0.0.1:1"})
    assert done.exit_code == 0 and done.output.split() == []


def test_ray_finds_the_sweeps_address_and_afterwards_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    for meant in (None, "127.0.0.1:2"):
        with run._ray_address(meant):
            assert os.environ.get("RAY_ADDRESS") == meant
        assert os.environ["RAY_ADDRESS"] == "127.0.0.1:1"
