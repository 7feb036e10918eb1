"""`sweep watch`: a page and one line, or one line that says what is wrong and no page."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from real_sweep import Command, json_of

from trials.arena.players.load import HOUSE


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)


def test_writes_a_page_and_says_the_results_in_one_line(command: Command, tmp_path: Path) -> None:
    done = command("watch", "chaser", "still", "--matches", "4", "--seed", "5")
    assert done.returncode == 0 and done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith("match.html: chaser against still: ") and "decisions" in line
    (page,) = tmp_path.iterdir()
    assert page.name == "match.html"
    assert "sweep watch chaser still --matches 4 --seed 5" in page.read_text(encoding="utf-8")


def test_json_gives_the_matches_that_play_gives(command: Command, tmp_path: Path) -> None:
    page = tmp_path / "new folder" / "page.html"
    words = ("house", "chaser", "--seed", "9", "--json", "--matches", "4")
    found: Any = json_of(command("watch", *words, "--out", str(page)))
    played: Any = json_of(command("play", *words))
    assert found["page"] == str(page) and found["bytes"] == page.stat().st_size
    assert [match["number"] for match in found["matches"]] == [0, 1, 2, 3]
    assert sum(match["result"] == 1 for match in found["matches"]) == played["wins"]
    assert sum(match["decisions"] for match in found["matches"]) / 4 == pytest.approx(
        played["mean_decisions"], abs=1e-3
    )
    for key in ("a", "b", "a_sha256", "b_sha256", "seed", "environment"):
        assert found[key] == played[key]


def test_a_policy_named_like_markup_is_only_shown(command: Command, tmp_path: Path) -> None:
    shutil.copy(HOUSE, tmp_path / "<b>&bold.onnx")
    found: Any = json_of(command("watch", "<b>&bold.onnx", "still", "--matches", "2", "--json"))
    assert found["a"] == "<b>&bold"
    page = (tmp_path / "match.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;bold" in page and "<b>&bold" not in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("house", "nobody.onnx"), 2, "a model must be an ONNX file or one of"),
        (("house", "still", "--out", "."), 2, "--out must be a file, but . is a folder; name a file in it"),
        (("house", "still", "--out", "file/match.html"), 1, "--out must be in a folder that can be written to, but "),
        (("house", "still", "--matches", "0"), 2, "--matches"),
        (("house", "still", "--matches", "3"), 2, "it must be an even number, 2 to 100, but got 3; a pair is a match"),
    ],
)
def test_a_mistake_is_said_and_leaves_no_page(
    words: tuple[str, ...], status: int, message: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = command("watch", *words)
    assert done.returncode == status and done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert message in lines[-1] and (lines[0].startswith("Usage: ") or len(lines) == 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_two_models_of_one_name_are_told_apart(command: Command, tmp_path: Path) -> None:
    for name in ("house-750k", "house-1000k"):
        (tmp_path / name).mkdir()
        shutil.copy(HOUSE.with_name(f"{name}.onnx"), tmp_path / name / "SoccerTwos.onnx")
    words = (f"{name}/SoccerTwos.onnx" for name in ("house-750k", "house-1000k"))
    done = command("watch", *words, "--matches", "2")
    assert "house-750k/SoccerTwos against house-1000k/SoccerTwos" in done.stdout
