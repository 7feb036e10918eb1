"""The cluster files: what KubeRay, Ray's launcher, Slurm and the image builder would refuse is refused here."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from patience import communicate, now
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import start as ray_start
from rayjob import schema
from real_sweep import Command

from sweep.cli.main import cli
from sweep.cluster import ready_files
from trials.learner import process

ROOT = Path(__file__).parents[3]
KUBERAY = {doc["kind"]: doc for doc in yaml.safe_load_all(ready_files.text("kuberay"))}
LAUNCHERS = {kind: yaml.safe_load(ready_files.text(kind)) for kind in ("aws", "local")}
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def faults(doc: Mapping[str, Any]) -> list[str]:
    return [error.json_path for error in jsonschema.Draft202012Validator(schema(doc["kind"])).iter_errors(doc)]


def locked(name: str) -> str:
    """The version in the lock that images are built from."""
    (version,) = re.findall(rf"^{name}==(\S+)", (ROOT / "requirements-cluster.lock").read_text(), re.M)
    return str(version)


def made(name: str) -> str:
    """The Makefile's value."""
    (value,) = re.findall(rf"^{name}\s*:?=\s*(\S+)", (ROOT / "Makefile").read_text(), re.M)
    return str(value)


def pods() -> list[dict[str, Any]]:
    job = KUBERAY["RayJob"]["spec"]
    groups = [job["rayClusterSpec"]["headGroupSpec"], *job["rayClusterSpec"]["workerGroupSpecs"]]
    return [job["submitterPodTemplate"], *(group["template"] for group in groups)]


@pytest.mark.parametrize("kind", ready_files.FILES)
def test_the_sweep_in_it_has_only_options_that_exist(kind: str) -> None:
    known = {option for command in ("run", "resume") for one in cli.commands[command].params for option in one.opts}
    text = ready_files.text(kind) + (ROOT / "sweep" / "cluster" / "README.md").read_text()
    for words in re.findall(r"\bsweep (?:run|resume) [^\n'`#]*(?:\n +--[^\n'`#]*)*", text):
        assert {*re.findall(r"--[a-z-]+", words)} <= known, words


@pytest.mark.parametrize("kind", ready_files.FILES)
def test_the_command_gives_the_file(kind: str, command: Command, tmp_path: Path) -> None:
    assert command("cluster", kind).stdout == ready_files.text(kind)
    assert command("cluster", kind, "--out", "mine", cwd=tmp_path).returncode == 0
    (tmp_path / "mine").write_text("filled in")
    again = command("cluster", kind, "--out", "mine", cwd=tmp_path)
    assert again.returncode == 1 and "must be a new file" in again.stderr
    assert (tmp_path / "mine").read_text() == "filled in"


def test_every_file_is_on_the_page() -> None:
    page = (ROOT / "sweep" / "cluster" / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in ready_files.HERE.iterdir() if path.suffix in (".yaml", ".sbatch")}
    assert files == set(ready_files.FILES.values())
    for kind, name in ready_files.FILES.items():
        assert f"sweep cluster {kind}" in page and f"]({name})" in page
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page):
        assert (ready_files.HERE / target).exists(), target


@pytest.mark.parametrize("kind", KUBERAY)
def test_kubernetes_would_take_the_manifest(kind: str) -> None:
    assert faults(KUBERAY[kind]) == []


@pytest.mark.parametrize(
    "path",
    [
        ("spec", "entrypont"),
        ("spec", "rayClusterSpec", "authOption"),
        ("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "volume"),
        ("spec", "rayClusterSpec", "workerGroupSpecs", 0, "template", "spec", "containers", 0, "envfrom"),
    ],
)
def test_a_misspelt_field_of_it_is_seen(path: tuple[str | int, ...]) -> None:
    doc = inner = deepcopy(KUBERAY["RayJob"])
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = {}
    (fault,) = faults(doc)
    assert fault != "$" and ".".join(["$", *map(str, path)]).startswith(fault.replace("[0]", ".0"))


def test_all_pods_are_of_one_image_and_one_ray() -> None:
    images = {container["image"] for pod in pods() for container in pod["spec"]["containers"]}
    assert len(images) == 1 and LAUNCHERS["aws"]["docker"]["image"] in images
    assert KUBERAY["RayJob"]["spec"]["rayClusterSpec"]["rayVersion"] == locked("ray")


def test_only_the_sweeps_own_pods_reach_ray() -> None:
    policy, labels = KUBERAY["NetworkPolicy"]["spec"], {"app": "selfplay-sweep"}
    assert policy["podSelector"]["matchLabels"] == labels
    assert all(pod["metadata"]["labels"] == labels for pod in pods())
    open_to_all, operator = policy["ingress"]
    assert open_to_all["from"] == [{"podSelector": {"matchLabels": labels}}]
    assert [port["port"] for port in operator["ports"]] == [8265]
    assert KUBERAY["RayJob"]["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_nodes_run_as_nobody_special() -> None:
    for pod in pods()[1:]:
        spec = pod["spec"]
        assert spec["securityContext"]["runAsUser"] == 1000 and spec["securityContext"]["runAsNonRoot"]
        assert not spec["automountServiceAccountToken"]
        assert all(not one["securityContext"]["allowPrivilegeEscalation"] for one in spec["containers"])
    assert re.findall(r"^USER (\S+)", CONTAINERFILE, re.M) == ["1000:1000"]


@pytest.mark.parametrize("kind", LAUNCHERS)
def test_rays_launcher_would_take_it(kind: str) -> None:
    validate_config(prepare_config(deepcopy(LAUNCHERS[kind])))
    wrong = deepcopy(LAUNCHERS[kind]) | {"setup_command": []}
    with pytest.raises(jsonschema.ValidationError, match="setup_command"):
        validate_config(prepare_config(wrong))


def test_what_the_launcher_starts_holds_the_sweep_of_the_file() -> None:
    """A sweep asks for no more nodes than there are, and begins with none only to be refused."""
    there = {"CPU": 0, "GPU": 0}
    for node in LAUNCHERS["aws"]["available_node_types"].values():
        for kind, has in node["resources"].items():
            there[kind] += has * node.get("min_workers", 0)
    for kind, has in there.items():
        (wanted,) = re.findall(rf"--{kind.lower()}s-per-trial ([\d.]+)", ready_files.text("aws"))
        assert 0 < float(wanted) <= has


def test_the_launchers_nodes_show_their_gpus_and_are_of_an_image_that_somebody_named() -> None:
    docker, types = LAUNCHERS["aws"]["docker"], LAUNCHERS["aws"]["available_node_types"]
    assert "--env NVIDIA_VISIBLE_DEVICES=all" in docker["worker_run_options"]
    images = {node["node_config"]["ImageId"] for node in types.values()}
    assert all(re.fullmatch(r"ami-[0-9a-f]{17}", image) for image in images), "latest_dlami is years old"


def test_the_newest_wheel_alone_is_installed(tmp_path: Path) -> None:
    """Those of earlier versions are still on a node when it is set up again."""
    (line,) = (line for line in LAUNCHERS["local"]["setup_commands"] if ".whl" in line)
    (tmp_path / "dist").mkdir()
    for age, version in enumerate(["0.10.0", "0.9.0"]):
        path = tmp_path / "dist" / f"selfplay_sweep-{version}-py3-none-any.whl"
        path.touch()
        os.utime(path, (1e9 - age, 1e9 - age))
    words = line.partition("--reinstall-package selfplay-sweep ")[2]
    done = subprocess.run(["bash", "-c", f"echo {words}"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "dist/selfplay_sweep-0.10.0-py3-none-any.whl\n"


def test_no_head_reports_usage() -> None:
    """The launcher's own machine would decide, whatever the image says."""
    page = (ROOT / "sweep" / "cluster" / "README.md").read_text(encoding="utf-8")
    heads = [command for kind in LAUNCHERS for command in LAUNCHERS[kind]["head_start_ray_commands"]]
    heads += re.findall(r"^RAY_AUTH_MODE.*", page, re.M)
    heads = [command for command in heads if "ray start --head" in command]
    assert len(heads) == 3 and all("--disable-usage-stats" in command for command in heads)


def test_the_logs_of_the_job_are_asked_for_once_it_is_there() -> None:
    wait, logs = (ready_files.text("kuberay").index(words) for words in ("kubectl wait --for=create", "kubectl logs"))
    assert wait < logs


def starts() -> Iterator[tuple[str, str]]:
    """Every `ray start` of the files with its options."""
    for kind, launcher in LAUNCHERS.items():
        for command in launcher["head_start_ray_commands"] + launcher["worker_start_ray_commands"]:
            if "ray start" in command:
                yield kind, command
    spec = KUBERAY["RayJob"]["spec"]["rayClusterSpec"]
    for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
        yield "kuberay", " ".join(f"--{name}" for name in group["rayStartParams"])
    script = ready_files.text("slurm").replace("\\\n", " ")
    (has,) = re.findall(r"^has=\((.*)\)$", script, re.M)
    for command in re.findall(r"ray start .*", script):
        yield "slurm", f"{command} {has}"


@pytest.mark.parametrize(("kind", "command"), list(starts()))
def test_ray_knows_every_option(kind: str, command: str) -> None:
    known = {name for option in ray_start.params for name in option.opts}
    words = set(re.findall(r"(?<!\S)(--[a-z-]+)", command))
    assert words and words <= known


def test_the_dashboard_and_rays_clients_stay_on_the_node() -> None:
    for kind in ready_files.FILES:
        assert "dashboard-host" not in ready_files.text(kind), "Ray's default is localhost"
    (rule,) = LAUNCHERS["aws"]["provider"]["security_group"]["IpPermissions"]
    assert rule["FromPort"] == rule["ToPort"] == 22
    assert all(not entry["CidrIp"].endswith("/0") for entry in rule["IpRanges"])


def test_versions_are_those_of_the_makefile() -> None:
    assert made("TORCH_VERSION") == process.TORCH
    for text in (CONTAINERFILE, ready_files.text("local")):
        assert f"torch=={made('TORCH_VERSION')}" in text.replace("${TORCH_VERSION}", made("TORCH_VERSION"))


def test_no_file_holds_a_secret() -> None:
    names = r"(?i)(secret_access_key|access_key_id|token|password)\W{0,3}[=:]\s*['\"]?[A-Za-z0-9+/]{12,}"
    for kind in ready_files.FILES:
        assert not re.search(names, ready_files.text(kind)), kind
        assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN", ready_files.text(kind)), kind


def test_hadolint_finds_nothing_in_the_containerfile() -> None:
    words = [BIN / "hadolint", "--failure-threshold", "warning", "--format", "json", ROOT / "Containerfile"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert {entry["level"] for entry in json.loads(done.stdout)} <= {"info", "style"}


def test_the_image_is_built_from_what_it_is_given() -> None:
    """No more goes to the builder than the image copies, and the lock is installed with its hashes."""
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [word for words in re.findall(r"^COPY (?!--from)(.*)", CONTAINERFILE, re.M) for word in words.split()[:-1]]
    assert sorted(kept) == sorted(copied)
    assert "ENTRYPOINT" not in CONTAINERFILE


def test_the_image_has_what_rays_launcher_asks_of_it(tmp_path: Path) -> None:
    """Programs, and the commands in a login shell, whose /etc/profile begins PATH anew and reads /etc/profile.d."""
    (packages,) = re.findall(r"apt-get install -y --no-install-recommends (.*?) \\", CONTAINERFILE)
    assert {"openssh-client", "rsync", "tmux"} <= {*packages.split()}
    ((echo, name),) = re.findall(r"(echo .*) > /etc/profile\.d/(\S+\.sh)$", CONTAINERFILE, re.M)
    shell = f"{echo} > {name}; PATH=/usr/bin; . ./{name}; echo $PATH"
    done = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "/opt/selfplay-sweep/bin:/usr/bin\n"


SHELLCHECK = shutil.which("shellcheck", path=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))


@pytest.mark.skipif(SHELLCHECK is None, reason="no shellcheck: the lock has none for Linux on arm64; install one")
def test_shellcheck_finds_nothing_in_the_slurm_script() -> None:
    assert SHELLCHECK is not None
    done = subprocess.run([SHELLCHECK, ready_files.HERE / ready_files.FILES["slurm"]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("there", [True, False])
def test_lint_takes_a_shellcheck_from_the_path_and_goes_on_without(there: bool, tmp_path: Path) -> None:
    lint = subprocess.run(["make", "-s", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = re.findall(r"^PATH=.*shellcheck.*\n.*", lint, re.M)
    if there:
        (tmp_path / "shellcheck").write_text('#!/bin/sh\necho "it looks at $*"\n')
        (tmp_path / "shellcheck").chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, "-c", line], cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("it looks at .ci/run sweep/cluster/slurm.sbatch" if there else "shellcheck is skipped") in done.stdout


FAKES = {
    "scontrol": 'printf "n1\\nn2\\nn3\\n"',
    "python": "echo 0123456789abcdef",
    "srun": """
        echo "$SRUN_CPUS_PER_TASK" >>"$LOG.cpus"
        for word; do case $word in ray|rm) break;; *) shift;; esac; done
        if [ "$1" = rm ]; then exit; fi
        exec sleep 60 2>/dev/null""",
    "timeout": 'shift; case "$1 $2" in "ray health-check") grep -q -e --head "$LOG"; exit;; *) exec "$@";; esac',
    "sweep": """
        sleep "${LASTS:-1}" 2>/dev/null &
        trap 'echo driver stops >>"$LOG"; kill $!; exit 7' TERM
        echo "driver RAY_ADDRESS=$RAY_ADDRESS RAY_AUTH_MODE=$RAY_AUTH_MODE" >>"$LOG"
        wait
        exit 3""",
}
"""What the script starts, each writing its name and words to $LOG."""


def script(tmp_path: Path, **more: str) -> subprocess.Popen[str]:
    bin_ = tmp_path / "venv" / "bin"
    bin_.mkdir(parents=True)
    for name, body in FAKES.items():
        (bin_ / name).write_text(f'#!/bin/bash\necho "{name} $*" >>"$LOG"\n{body}\n')
        (bin_ / name).chmod(0o755)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "VENV": str(tmp_path / "venv"),
        "LOG": str(tmp_path / "log"),
        "SLURM_JOB_ID": "1234",
        "SLURM_JOB_NODELIST": "n[1-3]",
        "SLURM_CPUS_PER_TASK": "16",
        "SLURM_GPUS_ON_NODE": "4",
        "HEAD_IP": "192.0.2.1",
    }
    words = ["bash", str(ready_files.HERE / ready_files.FILES["slurm"]), "--trials", "5"]
    return subprocess.Popen(words, env=environ | more, cwd=tmp_path, text=True, stderr=subprocess.PIPE)


def test_the_slurm_script_starts_the_head_then_the_rest_then_the_sweep(tmp_path: Path) -> None:
    process = script(tmp_path)
    communicate(process, 30)
    assert process.returncode == 3, "the sweep's own"
    lines = (tmp_path / "log").read_text().splitlines()
    head, rest = (line for line in lines if line.startswith("srun ") and "ray start" in line)
    assert "--nodelist=n1" in head and "--head --node-ip-address=192.0.2.1 --port=30468" in head
    assert "--nodes=2 --ntasks=2 --exclude=n1" in rest and "--address=192.0.2.1:30468" in rest
    assert all("--num-cpus=16 --num-gpus=4" in line for line in (head, rest))
    assert {*(tmp_path / "log.cpus").read_text().splitlines()} == {"16"}, "srun does not ask the job"
    assert "driver RAY_ADDRESS=192.0.2.1:30468 RAY_AUTH_MODE=token" in lines
    (run,) = (line for line in lines if line.startswith("sweep "))
    assert run.startswith("sweep run soccertwos") and run.endswith("--trials 5")
    assert "--nodes=3 --ntasks=3 rm -rf /tmp/ray-1234" in lines[-1]
    assert not any("0123456789abcdef" in line for line in lines), "the token is in no command line"


def test_the_slurm_script_hands_on_the_signal_that_the_time_is_up(tmp_path: Path) -> None:
    process = script(tmp_path, LASTS="60", RESUME="runs/first")
    log = tmp_path / "log"
    until = now() + 20
    while not (log.exists() and "driver RAY" in log.read_text()) and now() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    communicate(process, 30)
    assert process.returncode == 7
    lines = log.read_text().splitlines()
    assert "sweep resume runs/first --trials 5" in lines
    assert "driver stops" in lines and "rm -rf /tmp/ray-1234" in lines[-1]
