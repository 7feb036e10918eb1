"""Where compiled code is kept, and that a second start finds it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trials.soccer import compiled

START = (
    "from trials.soccer.game import Fields; import numpy as np; "
    "f = Fields(8); f.observe(); f.advance(np.zeros((8, 4, 3), int))"
)


def test_the_cache_goes_to_the_user_where_the_package_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = Path(compiled.__file__).parent
    assert compiled.cache_folder() in list((package / "__pycache__").iterdir())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled, "_writable", lambda folder: package not in folder.parents)
    folder = compiled.cache_folder()
    assert folder is not None
    assert folder.parent == tmp_path / "selfplay-sweep"
    monkeypatch.setattr(compiled, "_writable", lambda folder: False)
    assert compiled.cache_folder() is None


def test_importing_the_package_does_not_import_the_compiler() -> None:
    code = "import sys, trials.soccer, trials.soccer.constants; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_several_first_starts_at_once_and_then_a_quick_one(tmp_path: Path) -> None:
    repository = Path(compiled.__file__).parents[2]
    package = tmp_path / "trials"
    (package / "soccer").mkdir(parents=True)
    for source in [*(repository / "trials").glob("*.py"), *(repository / "trials/soccer").glob("*.py")]:
        (tmp_path / source.relative_to(repository)).write_bytes(source.read_bytes())
    (package / "soccer" / "__pycache__").touch()  # not a folder: nothing can be kept here, as in a read-only install
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    starts = [subprocess.Popen([sys.executable, "-c", START], cwd=tmp_path, env=environment) for _ in range(3)]
    assert [start.wait() for start in starts] == [0, 0, 0]
    assert any((tmp_path / "cache" / "selfplay-sweep").rglob("*.nbi"))
    timed = f"{START}; import time; print(time.process_time())"
    seconds = [
        float(subprocess.run([sys.executable, "-c", timed], cwd=tmp_path, env=environment, capture_output=True).stdout)
        for _ in range(3)
    ]
    assert min(seconds) < 1.0, seconds
