"""`sweep watch`: a page and one line, or one line that says what is wrong and no page."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.cli.main import main
from trials.arena.players.load import HOUSE

Sweep = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sweep:
    """Run the command line in an empty folder: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sweep", *words])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


def test_writes_a_page_and_says_the_results_in_one_line(sweep: Sweep, tmp_path: Path) -> None:
    status, out, err = sweep("watch", "chaser", "still", "--matches", "4", "--seed", "5")
    assert status == 0 and err == ""
    (line,) = out.splitlines()
    assert line.startswith("match.html: chaser against still: ") and "decisions" in line
    (page,) = tmp_path.iterdir()
    assert page.name == "match.html"
    assert "sweep watch chaser still --matches 4 --seed 5" in page.read_text(encoding="utf-8")


def test_json_gives_the_matches_that_play_gives(sweep: Sweep, tmp_path: Path) -> None:
    page = tmp_path / "new folder" / "page.html"
    words = ("house", "chaser", "--seed", "9", "--json", "--matches", "4")
    found = json.loads(sweep("watch", *words, "--out", str(page))[1])
    played = json.loads(sweep("play", *words)[1])
    assert found["page"] == str(page) and found["bytes"] == page.stat().st_size
    assert [match["number"] for match in found["matches"]] == [0, 1, 2, 3]
    assert sum(match["result"] == 1 for match in found["matches"]) == played["wins"]
    assert sum(match["decisions"] for match in found["matches"]) / 4 == pytest.approx(
        played["mean_decisions"], abs=1e-3
    )
    for key in ("a", "b", "a_sha256", "b_sha256", "seed", "environment"):
        assert found[key] == played[key]


def test_a_policy_named_like_markup_is_only_shown(sweep: Sweep, tmp_path: Path) -> None:
    shutil.copy(HOUSE, tmp_path / "<b>&bold.onnx")
    found = json.loads(sweep("watch", "<b>&bold.onnx", "still", "--matches", "2", "--json")[1])
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
    words: tuple[str, ...], status: int, message: str, sweep: Sweep, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    ended, out, err = sweep("watch", *words)
    assert ended == status and out == ""
    lines = err.strip().splitlines()
    assert message in lines[-1] and (lines[0].startswith("Usage: ") or len(lines) == 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_two_models_of_one_name_are_told_apart(sweep: Sweep, tmp_path: Path) -> None:
    for name in ("house-750k", "house-1000k"):
        (tmp_path / name).mkdir()
        shutil.copy(HOUSE.with_name(f"{name}.onnx"), tmp_path / name / "SoccerTwos.onnx")
    words = (f"{name}/SoccerTwos.onnx" for name in ("house-750k", "house-1000k"))
    _, out, _ = sweep("watch", *words, "--matches", "2")
    assert "house-750k/SoccerTwos against house-1000k/SoccerTwos" in out
