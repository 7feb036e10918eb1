"""Trials placed by fractions of GPUs on a real Ray cluster that believes it has one; no CUDA is needed for that."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from real_sweep import SPACE, SWEEP, Command, plain_environ, trainers

from trials.ports import PortLease

RAY = (sys.executable, "-m", "ray.scripts.scripts")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster of one node with two CPUs and one GPU."""
    with PortLease() as lease:
        address = f"127.0.0.1:{lease.port}"
    words = ["--head", "--node-ip-address=127.0.0.1", f"--port={address[10:]}", "--num-cpus=2", "--num-gpus=1"]
    words += ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000", "--block"]
    with pytest.MonkeyPatch.context() as patch, (tmp_path_factory.mktemp("ray") / "log").open("w") as log:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        env = plain_environ() | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"}
        head = subprocess.Popen([*RAY, "start", *words], stdout=log, stderr=log, env=env)
        while "Ray runtime started" not in (said := Path(log.name).read_text()):
            assert head.poll() is None, said
            time.sleep(0.1)
        yield address
        head.terminate()
        head.wait()


def test_two_trials_share_a_gpu(cluster: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    out = tmp_path / f"shares-{os.getpid()}"
    words = ["--trials", "2", "--slots", "2", "--steps", "3000", "--gpus-per-trial", "0.5", "--torch-device", "cpu"]
    sweep = subprocess.Popen(
        [*SWEEP, "run", str(tmp_path / "tiny.yaml"), *words, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=plain_environ() | {"RAY_ADDRESS": cluster},
    )
    seen: dict[int, str | None] = {}
    while sweep.poll() is None:
        for trainer in trainers(Path(f"-{out.name}-")):  # they work in their node's scratch folder, which is named so
            with contextlib.suppress(psutil.Error):  # it may have ended since
                seen[trainer.pid] = trainer.environ().get("CUDA_VISIBLE_DEVICES")
        time.sleep(0.2)
    output = sweep.communicate()[0]
    assert sweep.returncode == 0, output
    assert len(seen) >= 2 and set(seen.values()) == {"0"}, seen


def test_a_trial_without_a_gpu_sees_none_and_nothing_listens_beyond_loopback(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    words = ["--trials", "1", "--slots", "1", "--steps", "3000", "--out", str(tmp_path / "run")]
    env = plain_environ() | {"CUDA_VISIBLE_DEVICES": "0,1"}
    sweep = subprocess.Popen([*SWEEP, "run", str(tmp_path / "tiny.yaml"), *words], stdout=subprocess.DEVNULL, env=env)
    seen: set[str | None] = set()
    heard: set[str] = set()
    while sweep.poll() is None:
        with contextlib.suppress(psutil.Error):
            seen |= {trainer.environ().get("CUDA_VISIBLE_DEVICES") for trainer in trainers(tmp_path / "run")}
        for process in psutil.Process(sweep.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                ports = process.net_connections("tcp")
                heard |= {port.laddr.ip for port in ports if port.status == psutil.CONN_LISTEN}
        time.sleep(0.2)
    assert sweep.returncode == 0 and seen == {""}
    assert heard and all(ip == "::1" or ip.removeprefix("::ffff:").startswith("127.") for ip in heard), heard


def test_a_device_that_is_none_is_refused(command: Command, tmp_path: Path) -> None:
    done = command("run", "quick", "--torch-device", "gpu", "--out", str(tmp_path / "run"))
    assert done.returncode == 2 and "--torch-device" in done.stderr and not (tmp_path / "run").exists()
