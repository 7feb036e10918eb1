"""The README and the packages' pages are true: their trees, links, spaces, commands."""

import re
from pathlib import Path

import pytest
from readme_tree import PAGES, ROOT, rewritten

import sweep.cli.main

README = (ROOT / "README.md").read_text(encoding="utf-8")
EVERY = {name: (ROOT / name / "README.md").read_text(encoding="utf-8") for name in ("", *PAGES)}


@pytest.mark.parametrize("page", PAGES)
def test_a_tree_names_every_module_with_its_own_caption(page: str) -> None:
    assert rewritten(page) == EVERY[page], "run: python tests/support/readme_tree.py"


@pytest.mark.parametrize("page", EVERY)
def test_what_it_links_to_is_there(page: str) -> None:
    for target, section in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]+)?\)", EVERY[page]):
        path = (ROOT / page / target) if target else ROOT / page / "README.md"
        assert path.exists(), target
        if section:
            headings = re.findall(r"^#+ (.+)", path.read_text(encoding="utf-8"), re.M)
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert section[1:] in anchors, (target, section)


@pytest.mark.parametrize("page", EVERY)
def test_the_commands_it_shows_exist(page: str) -> None:
    shown = set(re.findall(r"`sweep (\w+)", EVERY[page]))
    assert shown <= set(sweep.cli.main.cli.commands), shown
    targets = set(re.findall(r"^(?:make |`make )([a-z-]+)", EVERY[page], re.M))
    makefile = Path(ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_readme_is_short_and_every_page_is_reached_from_it() -> None:
    assert len(README.splitlines()) < 180
    linked = set(re.findall(r"\]\(([^)#]+)/README\.md", README))
    assert linked == set(PAGES)


def test_the_first_screen_has_the_two_commands() -> None:
    first = README.splitlines()[:20]
    assert any(line.startswith("make sweep") for line in first)
    assert any(line.startswith("make test") for line in first)


def test_the_changelog_knows_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version is not None
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text()
