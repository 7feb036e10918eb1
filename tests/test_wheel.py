"""The wheel: everything the packages hold and nothing else, and whole without a checkout beside it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TIMES = ("seconds", "matches_per_second", "decisions_per_second")
PACKAGES = ("search_spaces", "trials", "reports", "sweep")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by pyproject's own backend, from a copy, so that nothing an earlier build left can slip in."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    for name in held():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, copy / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, out], cwd=copy, check=True, capture_output=True, timeout=120)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment's `bin`: the wheel in it, the locked packages of this one beside it, the checkout not.

    Python cannot write beside the packages, as where they are installed for all users or in an image: a file stands
    where each folder of byte code would (file modes would not stop root).
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    packages = next(folder.glob("lib/python3*/site-packages"))
    here = Path(sys.executable).parent
    uv = [str(here / "uv"), "pip", "install", "-q", "--no-deps", "--no-index", "--offline", "--python"]
    subprocess.run([*uv, folder / "bin" / "python", wheel], check=True, capture_output=True, timeout=120)
    locked = next(Path(sys.prefix).glob("lib/python3*/site-packages"))
    (packages / "locked.pth").write_text(f"{locked}\n")  # its own .pth files, the checkout's among them, are not read
    for name in PACKAGES:
        for module in (packages / name, *(packages / name).rglob("*/")):
            (module / "__pycache__").write_text("")
    return folder / "bin"


def held() -> set[str]:
    """Files of the packages in this checkout, as git knows them, those to be added included."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PACKAGES]
    names = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return {name for name in names if name and (ROOT / name).is_file()}


def run(bin_: Path, *words: object, cwd: Path, **more: str) -> str:
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONSAFEPATH", "RAY_ADDRESS", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        [bin_ / str(words[0]), *(str(word) for word in words[1:])],
        cwd=cwd,
        env=environ | {"XDG_CACHE_HOME": str(cwd / "cache")} | more,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_what_the_packages_hold(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == held()
    assert any(name.endswith(".onnx") for name in names)


def test_it_holds_the_same_bytes(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        for name in held():
            assert packed.read(name) == (ROOT / name).read_bytes(), name


def test_it_runs_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = (
        "import json, sys, search_spaces, sweep, trials.arena.players as players;"
        "from search_spaces.space import SHIPPED; from trials.arena import rungs;"
        "print(json.dumps({'path': sys.path, 'file': sweep.__file__, 'house': players.load('house').id,"
        " 'spaces': [search_spaces.load(name).name for name in SHIPPED], 'rungs': len(rungs.read().rungs)}))"
    )
    found = json.loads(run(installed, "python", "-P", "-c", code, cwd=tmp_path))
    assert str(ROOT) not in found["path"] and Path(found["file"]).is_relative_to(installed.parent)
    assert set(found["spaces"]) == {path.stem for path in (ROOT / "search_spaces").glob("*.yaml")}
    assert len(found["house"]) == 64 and found["rungs"] >= 4


def test_its_script_plays_and_draws_pages(installed: Path, tmp_path: Path) -> None:
    interpreted = {"NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}  # a few matches are over before a compiler is
    assert "version 0." in run(installed, "sweep", "--version", cwd=tmp_path)
    words = ("house", "random", "--matches", "2")
    played = json.loads(run(installed, "sweep", "play", *words, "--json", cwd=tmp_path, **interpreted))
    assert played["matches"] == 2
    run(installed, "sweep", "watch", *words, "--out", "page.html", cwd=tmp_path, **interpreted)
    assert (tmp_path / "page.html").stat().st_size > 10_000


@pytest.mark.slow
def test_compiled_code_is_kept_with_the_user_where_it_cannot_be_beside(installed: Path, tmp_path: Path) -> None:
    words = ("sweep", "play", "house", "random", "--matches", "2", "--json")
    first, again = (json.loads(run(installed, *words, cwd=tmp_path)) for _ in range(2))
    assert {**first, **dict.fromkeys(TIMES)} == {**again, **dict.fromkeys(TIMES)}
    assert any((tmp_path / "cache" / "selfplay-sweep").rglob("*.nbc"))
    assert not list(installed.parent.rglob("soccer-*"))


def test_its_trainer_starts_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    """What `sweep doctor` tries: mlagents imports as in a trial, builds a network and exports it."""
    code = "from trials.learner import smoke; smoke.main()"
    assert run(installed, "python", "-P", "-c", code, cwd=tmp_path).strip()
