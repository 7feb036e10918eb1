"""Imports point one way and never in a circle, a foreign library has one home, and no folder is crowded."""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "trials": set[str](),
    "search_spaces": {"trials.errors", "trials.records", "trials.inputs"},
    "reports": {"trials", "search_spaces"},
    "sweep": {"trials", "search_spaces", "reports"},
}
"""Package to what it may import of the others; a space needs of trials no more than its nouns and failures."""
CROWDED = 20
"""Modules that a folder may hold at most, besides its __init__."""
HOMES = {
    "ray": {
        "sweep/driver/tuner.py",
        "sweep/driver/schedulers.py",
        "sweep/cluster/worker.py",
        "sweep/cluster/nodes.py",
        "sweep/cluster/stop_signals.py",
        "sweep/cluster/raters.py",
        "sweep/cluster/session.py",
    },
    "optuna": {"sweep/search/study.py", "sweep/search/samplers.py"},
    "onnxruntime": {"trials/arena/players/onnx_policy.py"},
    "mlagents": {"trials/learner/"},
    "mlagents_envs": {
        "trials/communicator.py",
        "trials/learner/",
        "trials/soccer/env.py",
        "trials/soccer/executable/",
        "trials/arena/games/specs.py",
        "trials/arena/games/unity.py",
        "trials/arena/games/executable.py",
    },
    "grpc": {"trials/soccer/executable/"},
    "torch": {"trials/learner/", "sweep/doctor.py"},
    "numba": {"trials/soccer/", "trials/arena/"},
    "plotly": {"reports/run/figures.py"},
    "jinja2": {"reports/html.py", "reports/model/card.py"},
    "filelock": {"trials/ports.py", "trials/folder.py"},
    "networkx": {"trials/arena/ratings/standings.py"},
    "pyarrow": {"trials/arena/matches/log.py", "trials/league/matches.py", "trials/storage.py"},
    "sklearn": {"reports/run/importance.py"},
    "pandas": {"reports/", "sweep/api/"},
    "tensorboard": {"reports/model/tfevents.py", "trials/learner/"},
    "huggingface_hub": {"reports/hub/"},
    "httpx2": {"reports/hub/"},
    "click": {"sweep/cli/"},
    "rich": {"sweep/"},
    "flask": {"sweep/league/server.py"},
    "waitress": {"sweep/league/server.py"},
}
FILES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(path: Path) -> set[str]:
    """Our own modules that a file imports, inside functions and for types alone included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            found |= {name} if name else set()
    return found - {name for name, its in MODULES.items() if its == path}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for name in ours(path):
        allowed = any(name == one or name.startswith(one + ".") for one in {package, *MAY_IMPORT[package]})
        assert allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_foreign_library_has_one_home(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    for name in imported(path):
        homes = HOMES.get(name.split(".")[0])
        if homes is not None:
            assert any(relative == home or (home.endswith("/") and relative.startswith(home)) for home in homes), (
                f"{relative} imports {name}, whose home is {', '.join(sorted(homes))}"
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_opens_with_one_sentence(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = text.split("\n\n")[0]
    assert first.strip(), f"{path.relative_to(ROOT)} has no docstring"


@pytest.mark.parametrize("folder", ["", *(name for name, path in MODULES.items() if path.name == "__init__.py")])
def test_the_rooms_of_a_folder_import_each_other_in_no_circle(folder: str) -> None:
    """Rooms are a folder's modules and its folders, each with all that is in it."""
    inside = f"{folder}." if folder else ""

    def room(module: str) -> str:
        return module.removeprefix(inside).split(".")[0] if module.startswith(inside) and module != folder else ""

    arrows: dict[str, set[str]] = defaultdict(set)
    for module, path in MODULES.items():
        if here := room(module):
            arrows[here] |= {there for name in ours(path) if (there := room(name)) and there != here}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        pytest.fail(f"{folder or 'the packages'}: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in FILES}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_folder_is_crowded(folder: Path) -> None:
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= CROWDED, f"{folder.relative_to(ROOT)} has {len(modules)} modules"
