"""The wheel: everything the packages hold and nothing else, and whole without a checkout beside it."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from elsewhere import PACKAGES, ROOT, build, held, install

TIMES = ("seconds", "matches_per_second", "decisions_per_second")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment's `bin`.

    Python cannot write beside the packages, as where they are installed for all users or in an image: a file stands
    where each folder of byte code would (file modes would not stop root).
    """
    bin_ = install(wheel, tmp_path_factory.mktemp("elsewhere") / "venv")
    packages = next(bin_.parent.glob("lib/python3*/site-packages"))
    for name in PACKAGES:
        for module in (packages / name, *(packages / name).rglob("*/")):
            (module / "__pycache__").write_text("")
    return bin_


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
        "import json, sys, search_spaces, sweep, trials.arena.players.load as players;"
        "from search_spaces.space import SHIPPED; from trials.arena.ratings import ladder_file as rungs;"
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
