"""The README is true: its tree, its files, its spaces, its commands."""

import re
from pathlib import Path

from readme_tree import ROOT, rewritten

import sweep.cli.main

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tree_names_every_module_with_its_own_caption() -> None:
    assert rewritten(README) == README, "run: python tests/support/readme_tree.py"


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_commands_it_shows_exist() -> None:
    shown = set(re.findall(r"`sweep (\w+)", README))
    assert shown <= set(sweep.cli.main.cli.commands), shown
    targets = set(re.findall(r"^(?:make |`make )([a-z-]+)", README, re.M))
    makefile = Path(ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_first_screen_has_the_two_commands() -> None:
    first = README.splitlines()[:20]
    assert any(line.startswith("make sweep") for line in first)
    assert any(line.startswith("make test") for line in first)


def test_the_changelog_knows_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version is not None
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text()
