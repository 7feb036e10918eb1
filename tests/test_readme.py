"""The README and the packages' pages are true: their trees, links, spaces, commands."""

import re
from pathlib import Path

import pytest
import readme_proof
from readme_proof import published
from readme_tree import PAGES, ROOT, rewritten

import sweep.cli.main
from reports.run import finals, findings
from search_spaces import load

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


def test_what_it_found_is_what_the_ledger_says(tmp_path: Path) -> None:
    run = published(tmp_path)
    assert readme_proof.rewritten(README, run) == README, "run: python tests/support/readme_proof.py"
    said = " ".join(README.split())
    rates = {trial.spec.number: trial.spec.params.get("hyperparameters.learning_rate") for trial in run.trials}
    learned = {trial.spec.number for trial in run.trials if trial.rating is not None and trial.rating.elo > 900}
    sampled = {number: float(rate) for number, rate in rates.items() if rate is not None}
    low, high = max(sampled[n] for n in sampled.keys() - learned), min(sampled[n] for n in sampled.keys() & learned)
    assert (len(sampled), len(sampled.keys() & learned)) == (16, 5)
    assert f"of 16 proposals the five from {high:.5f} on" in said and low < 0.0011 and "below 0.0011" in said
    early = [trial for trial in run.trials if trial.state == "pruned" and trial.steps < 1.1e6]
    assert len(early) == 10 and "ten of which were stopped by 1 million steps" in said
    assert learned.isdisjoint(trial.spec.number for trial in early)
    assert f"trial 14's is {sampled[14]:.5f}" in said
    assert run.finals is not None
    retrained = [policy.number for one in run.finals.configurations for policy in one.policies]
    trained = [trial for number in (*rates, *retrained) if (trial := run.trial(number)) is not None]
    assert f"{sum(trial.steps for trial in trained) / 1e6:.1f} million steps" in said


def test_the_tuned_configuration_is_the_chosen_one_as_it_was_trained(tmp_path: Path) -> None:
    run, tuned = published(tmp_path), load("tuned")
    assert run.finals is not None and run.finals.chosen is not None and not tuned.parameters
    chosen = run.trial(run.finals.chosen.number)
    assert chosen is not None and tuned.tree["behaviors"] == chosen.spec.config["behaviors"]
    assert (tuned.budget, tuned.sweep.fields) == (chosen.spec.steps, chosen.spec.fields)
    found = finals.section(run)
    assert found is not None and found.has_course
    for row in found.rows[:1] + found.rows[-1:]:
        ends = [run.trial(policy.number) for policy in row.configuration.rated]
        each = [findings.elo(trial.rating.elo) for trial in ends if trial is not None and trial.rating is not None]
        assert f"{', '.join(each[:-1])} and {each[-1]}" in " ".join(tuned.text.replace("\n#", "").split())
    against = found.rows[0].configuration.against_course
    assert against is not None and against.low is not None and against.high is not None
    assert f"by {against.elo:.0f} Elo [{against.low:.0f}, {against.high:.0f}]" in tuned.text


def test_the_first_screen_has_the_two_commands() -> None:
    first = README.splitlines()[:20]
    assert any(line.startswith("make sweep") for line in first)
    assert any(line.startswith("make test") for line in first)


def test_the_changelog_knows_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version is not None
    assert f"## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text()
