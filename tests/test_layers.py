"""Imports point one way, and a foreign library has one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {"trials.errors", "trials.records", "trials.events"}
"""The nouns and the failures, which every layer shares; they import nothing of ours but each other."""
MAY_IMPORT = {
    "search_spaces": set(),
    "trials": {"search_spaces"},
    "reports": {"search_spaces", "trials"},
    "sweep": {"search_spaces", "trials", "reports"},
}
HOMES = {
    "ray": {
        "sweep/tuner.py",
        "sweep/schedulers.py",
        "sweep/worker.py",
        "sweep/nodes.py",
        "sweep/orders.py",
        "sweep/judges.py",
        "sweep/session.py",
    },
    "optuna": {"sweep/study.py", "sweep/samplers.py"},
    "onnxruntime": {"trials/arena/policy.py"},
    "mlagents": {"trials/learner/"},
    "mlagents_envs": {
        "trials/learner/",
        "trials/soccer/env.py",
        "trials/soccer/executable/",
        "trials/arena/unity.py",
        "trials/arena/executable.py",
    },
    "grpc": {"trials/soccer/executable/"},
    "torch": {"trials/learner/", "sweep/doctor.py"},
    "numba": {"trials/soccer/", "trials/arena/"},
    "plotly": {"reports/figures.py", "reports/page.py"},
    "jinja2": {"reports/page.py", "reports/card.py"},
    "filelock": {"trials/learner/ports.py", "trials/folder.py"},
    "networkx": {"trials/arena/standings.py"},
    "pyarrow": {"trials/arena/log.py", "trials/league/matches.py", "trials/storage.py"},
    "sklearn": {"reports/matters.py"},
    "pandas": {"reports/"},
    "tensorboard": {"reports/tfevents.py", "trials/learner/"},
    "huggingface_hub": {"reports/hub/"},
    "httpx2": {"reports/hub/"},
    "click": {
        "sweep/cli.py",
        "sweep/commands_hub.py",
        "sweep/commands_play.py",
        "sweep/commands_league.py",
        "sweep/numbers.py",
    },
    "rich": {"sweep/"},
    "flask": {"sweep/serving.py"},
    "waitress": {"sweep/serving.py"},
}
FILES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for name in imported(path):
        top = name.split(".")[0]
        if top in MAY_IMPORT and top != package and not any(name == g or name.startswith(g + ".") for g in GROUND):
            ground = {g.rpartition(".")[0] for g in GROUND}
            allowed = top in MAY_IMPORT[package] or (name in ground and imported(path) & GROUND)
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
