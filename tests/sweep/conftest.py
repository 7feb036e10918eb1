"""A real sweep, run once for all tests that look at what it left."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_sweep import SPACE, Finished, run_sweep

from trials.folder import RunFolder


@pytest.fixture(scope="session")
def space_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("space") / "tiny.yaml"
    path.write_text(SPACE)
    return path


@pytest.fixture(scope="session")
def finished(space_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """Four real POCA trainings on two slots, from YAML to report, in a folder with a space in its name."""
    out = tmp_path_factory.mktemp("a run") / "tiny"
    done = run_sweep("run", str(space_file), "--slots", "2", "--seed", "3", "--out", str(out))
    (out / "console.txt").write_text(done.stdout + done.stderr)
    yield Finished(RunFolder(out), done.stdout + done.stderr, done.returncode)
