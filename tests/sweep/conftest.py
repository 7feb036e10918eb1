"""A real sweep, run once for all tests that look at what it left, and the command line without a Python's start."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_sweep import SPACE, Command, Finished, run_sweep

from sweep.cli.main import main
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


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> RunFolder:
    """The finished sweep in a folder of its own, to be written to."""
    shutil.copytree(finished.run.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """As `run_sweep`, in this process: for what starts no Ray."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd or Path.cwd())
        monkeypatch.setattr(sys, "argv", ["sweep", *words])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(words, int(end.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Rows of a table of faults below the module's HEAD, printed at its end."""
    rows: list[str] = []
    yield rows
    head = request.module.HEAD
    print("\n", head, "|---" * (head.count("|") - 1) + "|", *rows, sep="\n")
