"""The ladder: fitted, kept, refused where it does not fit what is installed, and climbed where matches tell most."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from constant import Constant

from trials.arena.games.soccer import SoccerTwos
from trials.arena.players import load as players
from trials.arena.players.onnx_policy import OnnxPolicy
from trials.arena.ratings import ladder, ladder_file
from trials.arena.ratings.elo import on_ladder
from trials.arena.ratings.ladder import LadderPlayers, fit, rate
from trials.arena.ratings.ladder_file import Ladder
from trials.errors import SetupError, UsageError


def runner(name: str, forward: float) -> Constant:
    return Constant(name, [float(x) for x in np.log([1 - forward, forward, 1e-9])])


CROWD = {name: runner(name, p) for name, p in (("still", 0.02), ("random", 0.2), ("chaser", 0.3), ("house", 0.4))}


@pytest.fixture(scope="module")
def fitted(tug: Any) -> Ladder:
    return fit(list(CROWD.values()), 60, 1, game=SoccerTwos(tug))


@pytest.fixture
def opponents(fitted: Ladder) -> LadderPlayers:
    return LadderPlayers(fitted, CROWD.__getitem__)


def test_a_fit_orders_and_anchors_the_rungs(fitted: Ladder) -> None:
    assert [rung.name for rung in fitted.rungs] == ["still", "random", "chaser", "house"]
    assert (fitted.version, fitted.environment, fitted.anchor) == ("ladder-3", "soccer-1", "house")
    assert fitted.rungs[-1].rating == 1200
    assert fitted.covariance[-1][-1] == pytest.approx(0, abs=1e-3)
    assert all(fitted.covariance[k][k] > 0 for k in range(3))
    assert len(fitted.pairings) == 6 and all(sum(p.outcomes) == 60 for p in fitted.pairings)


def test_a_ladder_without_a_house_has_its_mean_at_the_anchor(tug: Any) -> None:
    made = fit([CROWD["still"], CROWD["random"]], 20, 1, game=SoccerTwos(tug))
    assert made.anchor is None
    assert np.mean(made.ratings) == pytest.approx(1200, abs=0.01)


def test_players_of_one_name_are_not_fitted(tug: Any) -> None:
    with pytest.raises(UsageError, match="must have names of their own, but still is there twice"):
        fit([CROWD["still"], CROWD["random"], runner("still", 0.5)], 1, 1, game=SoccerTwos(tug))


def test_a_ladder_survives_its_file(fitted: Ladder, tmp_path: Path) -> None:
    path = tmp_path / "ladder.json"
    ladder_file.write(fitted, path)
    assert ladder_file.read(path) == fitted
    assert [p.name for p in tmp_path.iterdir()] == ["ladder.json"]


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda text: text[:100], "must hold a ladder"),
        (lambda text: text.replace('"version"', '"edition"'), "must hold a ladder, but version"),
        (lambda text: json.dumps(json.loads(text) | {"covariance": [[0]]}), "a row and a column a rung"),
    ],
)
def test_a_damaged_ladder_is_refused(spoil: Callable[[str], str], line: str, fitted: Ladder, tmp_path: Path) -> None:
    path = tmp_path / "ladder.json"
    ladder_file.write(fitted, path)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(SetupError, match=line):
        ladder_file.read(path)
    with pytest.raises(SetupError, match="must be installed"):
        ladder_file.read(tmp_path / "none.json")


def changed(steps: Ladder, **values: Any) -> Ladder:
    return ladder_file.Ladder(**{name: getattr(steps, name) for name in steps.__dataclass_fields__} | values)


def test_a_ladder_of_another_environment_or_another_house_is_refused(fitted: Ladder, export: Any, saved: Any) -> None:
    with pytest.raises(SetupError, match="installed environment soccer-1, but ladder-3 is of soccer-0"):
        LadderPlayers(changed(fitted, environment="soccer-0"), CROWD.__getitem__)
    file = OnnxPolicy(saved(export().model()))
    with pytest.raises(SetupError, match="the rung house of ladder-3 must have sha256 house"):
        LadderPlayers(fitted, (CROWD | {"house": file}).__getitem__)


def test_weak_candidates_stay_with_weak_rungs_and_strong_ones_climb(opponents: LadderPlayers, tug: Any) -> None:
    weak = rate(runner("w", 0.1), 80, 3, opponents=opponents, game=SoccerTwos(tug)).rating
    strong = rate(runner("s", 0.5), 80, 3, opponents=opponents, game=SoccerTwos(tug)).rating
    assert next(iter(weak.by_opponent)) == next(iter(strong.by_opponent)) == "random"
    assert "house" not in weak.by_opponent
    of_house = strong.by_opponent["house"]
    assert of_house.wins + of_house.draws + of_house.losses >= 40
    assert weak.high < strong.low
    assert weak.ladder == strong.ladder == "ladder-3"


def test_a_rating_rests_on_its_matches_alone_and_can_be_recomputed(opponents: LadderPlayers, tug: Any) -> None:
    rated = rate(runner("c", 0.25), 60, 3, opponents=opponents, game=SoccerTwos(tug))
    again = rate(runner("c", 0.25), 60, 3, opponents=opponents, game=SoccerTwos(tug))
    assert (rated.rating, rated.records) == (again.rating, again.records)
    assert [record.number for record in rated.records] == list(range(60))
    assert on_ladder(rated.records, opponents.ladder) == rated.rating
    assert rated.rating.matches == 60 and rated.baseline is None


def test_a_baseline_has_a_rating_of_its_own(opponents: LadderPlayers, tug: Any) -> None:
    candidate, baseline = runner("c", 0.25), runner("mine", 0.1)
    alone = rate(candidate, 60, 3, opponents=opponents, game=SoccerTwos(tug))
    both = rate(
        candidate,
        60,
        3,
        opponents=opponents,
        baseline=baseline,
        baseline_matches=40,
        game=SoccerTwos(tug),
    )
    assert both.rating == alone.rating
    assert both.records[:60] == alone.records
    assert both.baseline is not None and both.baseline.matches == 40
    assert both.baseline.ladder == "direct" and list(both.baseline.by_opponent) == ["mine"]
    assert both.baseline.elo > 0


@pytest.mark.parametrize("matches", [1, 2, 3, 7])
def test_a_small_budget_still_gives_a_rating(matches: int, opponents: LadderPlayers, tug: Any) -> None:
    rated = rate(runner("c", 0.25), matches, 3, opponents=opponents, game=SoccerTwos(tug))
    assert rated.rating.matches == max(2, matches // 2 * 2)


def test_ratings_find_the_rungs_own_places(opponents: LadderPlayers, tug: Any) -> None:
    """A twin of a rung, on other seeds, has the rung's rating within its interval (99.9 %, doubled width)."""
    for rung in opponents.ladder.rungs:
        twin = CROWD[rung.name]
        rating = rate(twin, 200, 11, opponents=opponents, game=SoccerTwos(tug)).rating
        assert abs(rating.elo - rung.rating) < rating.high - rating.low


def test_the_command_line_fits_a_ladder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ladder, "PLAYERS", ("still", "chaser"))
    out = tmp_path / "ladder.json"
    assert ladder.main(["fit", "--pairs", "5", "--out", str(out)]) == 0
    assert "still" in capsys.readouterr().out
    made = ladder_file.read(out)
    assert [rung.name for rung in made.rungs] == ["still", "chaser"]
    monkeypatch.setattr(ladder, "PLAYERS", ("house",))
    monkeypatch.setattr(players, "HOUSE", tmp_path / "none.onnx")
    assert ladder.main(["fit", "--out", str(out)]) == 1
    assert "house baseline must be installed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        ladder.main(["fit", "--pairs", "0"])
    assert "--pairs must be 1 or more" in capsys.readouterr().err


def test_the_installed_ladder_is_of_the_installed_rungs() -> None:
    if not ladder_file.INSTALLED.is_file():
        pytest.skip(f"no ladder is installed yet at {ladder_file.INSTALLED}")
    hall = LadderPlayers(ladder_file.read())
    assert [rung.rating for rung in hall.ladder.rungs if rung.name == "house"] == [1200]
    assert list(hall.ladder.ratings) == sorted(hall.ladder.ratings)
