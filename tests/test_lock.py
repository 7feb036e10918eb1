"""A lock is a lock: whatever is released tomorrow, every way to set up installs the pins of the lock in hand."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def from_make() -> list[str]:
    """What `make` would run to set up a clone where nothing is there yet."""
    words = ["make", "-s", "-n", "-W", "pyproject.toml", "-W", "requirements-dev.lock", ".venv/.ready-dev"]
    done = subprocess.run([*words, "PYTHON=python3"], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.replace("\\\n", " ").splitlines()


def from_containerfile() -> list[str]:
    settings = " ".join(re.findall(r"\bUV_NO_CONFIG=\S+", CONTAINERFILE))
    commands = [part for line in re.findall(r"^RUN (.*)", CONTAINERFILE, re.M) for part in line.split("&&")]
    return [f"{settings} {command.strip()}" for command in commands]


def from_cluster() -> list[str]:
    setup = yaml.safe_load((ROOT / "sweep/cluster/local.yaml").read_text(encoding="utf-8"))["setup_commands"]
    page = (ROOT / "sweep/cluster/README.md").read_text(encoding="utf-8")
    return [part for line in setup for part in line.split("&&")] + re.findall(r"`(uv [^`]*)`", page)


INSTALLS = [
    line.strip() for line in (*from_make(), *from_containerfile(), *from_cluster()) if re.search(r"pip install\b", line)
]
OF_LOCKS = [line for line in INSTALLS if ".lock" in line and "torch==" not in line]


def wheel(folder: Path, version: str) -> str:
    """A wheel of a package called thing; its sha256."""
    path = folder / f"thing-{version}-py3-none-any.whl"
    about = f"thing-{version}.dist-info"
    files = {
        "thing.py": f"version = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: thing\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}"
        for name, text in files.items()
    ]
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
        packed.writestr(f"{about}/RECORD", "\n".join([*record, f"{about}/RECORD,,"]) + "\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_ways_to_set_up_are_found() -> None:
    assert {Path(name).name for line in OF_LOCKS for name in re.findall(r"\S+\.lock", line)} == set(LOCKS)
    assert len(OF_LOCKS) >= 8


@pytest.mark.parametrize("line", OF_LOCKS)
def test_a_newer_release_of_an_overridden_package_changes_nothing(line: str, tmp_path: Path) -> None:
    """The very command line, in dry run, where the index has a newer release and pyproject.toml an override."""
    index, clone = tmp_path / "index", tmp_path / "clone"
    index.mkdir()
    clone.mkdir()
    digest, _ = wheel(index, "1.0"), wheel(index, "2.0")
    (clone / "pyproject.toml").write_text('[tool.uv]\noverride-dependencies = ["thing>=1"]\n')
    (clone / "the.lock").write_text(f"thing==1.0 --hash=sha256:{digest}\n")
    command = re.sub(r"-r\s+\S+\.lock", "-r the.lock", line)
    command = re.sub(r"\S*bin/uv(?=\s)|(?<!\S)uv(?=\s)", str(UV), command)
    command = re.sub(r"\S*bin/(?:pip|python -m pip)(?=\s)", f"{sys.executable} -m pip", command)
    report = "--dry-run" if str(UV) in command else "--dry-run --report report.json -qqq"
    command = re.sub(r"pip install(?: -q)?", f"pip install {report}", command)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=clone,
        env=os.environ
        | {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(index), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
        | {"VIRTUAL_ENV": sys.prefix},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    if (clone / "report.json").exists():
        said = (clone / "report.json").read_text()
    assert "thing==1.0" in said or '"version": "1.0"' in said, said
    assert "2.0" not in re.sub(r"Metadata-Version.*", "", said)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_this_environment_is_what_the_lock_says(name: str) -> None:
    (line,) = [line for line in from_make() if f"-r {name}" in line]
    flags = line.partition("pip install")[2].replace("-q ", "").replace(f"-r {name}", "").split()
    words = [UV, "--no-config", "pip", "install", "--python", sys.executable, "--dry-run", "--offline"]
    flags = [flag for flag in flags if flag != "--disable-pip-version-check"]
    done = subprocess.run([*words, *flags, "-r", name], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Would make no changes" in done.stderr, done.stderr


def pins(name: str) -> dict[str, str]:
    """Package and marker to version and hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [
        re.fullmatch(r"(\S+?)==(\S+)(.*?)((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", line) for line in text.splitlines()
    ]
    assert all(entries), name
    return {f"{entry[1]}{entry[3]}".strip(): f"{entry[2]} {entry[4].strip()}" for entry in entries if entry}


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_a_version_with_its_hashes(name: str) -> None:
    assert pins(name)
    assert "torch" not in {key.split()[0] for key in pins(name)}


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_agree(name: str) -> None:
    main, other = pins("requirements.lock"), pins(name)
    assert {key: other[key] for key in main.keys() & other.keys()} == {
        key: main[key] for key in main.keys() & other.keys()
    }


def test_nothing_is_installed_but_from_a_lock_the_one_torch_or_this_checkout() -> None:
    texts = [*INSTALLS, *(ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()]
    for line in texts:
        if re.search(r"\b(?:pip|npm|npx|curl|wget) (?:install|-)", line):
            locked = "--require-hashes -r" in line and "--no-deps" in line
            torch = re.search(r"torch==(?:2\.\d+\.\d+|\$\{TORCH_VERSION\})", line) is not None
            ours = (
                "--no-deps" in line and re.search(r"(?:-e \.|\S*dist/\*\.whl(?: \| head -n 1\)\")?)$", line) is not None
            )
            assert locked or torch or ours, line
    assert re.search(r"^ARG BASE=\S+:3\.11\.\d+-\S+@sha256:[0-9a-f]{64}$", CONTAINERFILE, re.M)


def made(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`make` where nothing but the Makefile and what the test put there is."""
    shutil.copy(ROOT / "Makefile", folder)
    environ = {name: value for name, value in os.environ.items() if name not in ("TORCH", "MAKEFLAGS")}
    words = ("make", "-s", "PYTHON=python3", *words)
    return subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True)


def test_torch_stays_the_build_that_was_asked_for(tmp_path: Path) -> None:
    assert "TORCH=cpu " in made(tmp_path, "help").stdout
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.torch").write_text("cu130\n")
    assert "TORCH=cu130 " in made(tmp_path, "help").stdout
    assert "TORCH=cpu " in made(tmp_path, "help", "TORCH=cpu").stdout


def test_another_torch_is_installed_first_whatever_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    for name in ("requirements.lock", "requirements-build.lock", "pyproject.toml", ".venv/.ready"):
        (tmp_path / name).touch()
    assert "torch 2" in made(tmp_path, "-n", "torch", "TORCH=cu130").stdout  # a fresh clone builds .venv with it
    (tmp_path / ".venv/.torch").write_text("cpu\n")
    os.utime(tmp_path / ".venv/.ready", (4e9, 4e9))
    for word in ("torch", "sweep"):
        assert "uv --no-config pip" not in made(tmp_path, "-n", word).stdout
        assert "--torch-backend cu130" in made(tmp_path, "-n", word, "TORCH=cu130").stdout


def test_another_torch_in_the_makefile_builds_the_environment_again(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    made(tmp_path, "help")
    for name in ("requirements.lock", "requirements-build.lock", "pyproject.toml", "Makefile"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1e9, 1e9))
    (tmp_path / ".venv/.ready").touch()
    ask = ["make", "-q", ".venv/.ready"]
    assert subprocess.run(ask, cwd=tmp_path).returncode == 0
    os.utime(tmp_path / "Makefile")
    os.utime(tmp_path / ".venv/.ready", (1e9 + 1, 1e9 + 1))
    assert subprocess.run(ask, cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("browser", [None, "chromium", "google-chrome"])
def test_ci_needs_a_browser(browser: str | None, tmp_path: Path) -> None:
    """Without one the tests of pages are skipped; there is no apt here."""
    tools, log = tmp_path / "bin", tmp_path / "made"
    tools.mkdir()
    (tools / "make").write_text(f'#!/bin/sh\necho "$*" >> {log}\n')
    if browser:
        (tools / browser).write_text("#!/bin/sh\n")
    for path in tools.iterdir():
        path.chmod(0o755)
    for name in ("bash", "dirname", "id"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(["bash", ROOT / ".ci/run"], env={"PATH": str(tools)}, capture_output=True, text=True)
    if browser:
        assert done.returncode == 0 and log.read_text() == "lint\ntest\n"
    else:
        assert done.returncode == 1 and not log.exists()
        assert "Chromium" in done.stderr and done.stderr.count("\n") == 1
