"""The examples run: every cell of the notebook and both scripts, with real trainings of few steps."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from real_sweep import plain_environ

import sweep.examples

EXAMPLES = Path(sweep.examples.__file__).parent
NOTEBOOK = EXAMPLES / "unit7.ipynb"
FEW = {"TRIALS": 2, "STEPS": 3000}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook after all its cells ran, in a folder of its own, with FEW in place of its numbers."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (first,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    for name, value in FEW.items():
        first.source, found = re.subn(rf"^{name} = [\d_]+", f"{name} = {value}", first.source, flags=re.M)
        assert found == 1, name
    kernel = {"cwd": str(folder), "env": plain_environ() | {"IPYTHONDIR": str(folder / "ipython")}}
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute(**kernel)
    return notebook, folder


def text_of(notebook: nbformat.NotebookNode, cell: str) -> str:
    """All that a cell printed and displayed, by the cell's id."""
    (found,) = [each for each in notebook.cells if each.id == cell]
    shown = [output.get("text") or output["data"].get("text/html") or "" for output in found.outputs]
    return "".join(shown)


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_the_notebook_sweeps_and_shows_its_report(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, folder = executed
    told = text_of(notebook, "sweep")
    assert "trial 0 started (course)" in told and "\x1b" not in told
    assert text_of(notebook, "ranking").count("<tr") == 1 + FEW["TRIALS"]
    assert (folder / "runs/unit7/report.html").is_file()
    page = text_of(notebook, "report")
    assert page.startswith('<div><iframe srcdoc="') and len(page) > 100_000


def test_the_notebooks_policies_act_play_and_are_watched(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = executed
    assert "SoccerTwos?team=1 [(2, 264), (2, 72)] ->" in text_of(notebook, "policy")
    assert len(re.findall(r"against (random|house): \d+ won", text_of(notebook, "play"))) == 2
    assert text_of(notebook, "watch").startswith('<div><iframe srcdoc="')


def test_the_notebook_promotes_as_a_dry_run(executed: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = executed
    assert "USER/poca-SoccerTwos: written" in " ".join(text_of(notebook, "promote").split())
    assert "SoccerTwos.onnx" in text_of(notebook, "promoted") and "README.md" in text_of(notebook, "promoted")


def script(name: str, *words: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"sweep.examples.{name}", *words],
        cwd=cwd,
        env=plain_environ() | {"PYTHONPATH": str(EXAMPLES.parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_sweep_from_python(tmp_path: Path) -> None:
    told = script("sweep_from_python", "3000", "run", "1", cwd=tmp_path)
    assert re.search(r"trial \d against house: [+-]\d+ Elo \[", told), told
    assert (tmp_path / "run/report.html").is_file()


def test_policies_are_rated(tmp_path: Path) -> None:
    told = script("rate_policies", "house", "chaser", "still", "--matches", "20", cwd=tmp_path)
    assert "house against still: " in told
    rows = [line.split()[0] for line in told.splitlines()[4:7]]
    assert sorted(rows) == ["chaser", "house", "still"] and rows[0] == "house"
