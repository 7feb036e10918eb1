"""`sweep play`, `tournament` and `rate` as a person has them: tests, logs, tables."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from real_sweep import Command, json_of, run_sweep

from sweep import models
from sweep.matches import play, rate, tournament
from sweep.matches.conditions import Conditions
from sweep.models import Model
from trials.arena.matches import log
from trials.arena.matches.match import Played
from trials.arena.matches.pool import MatchPool
from trials.arena.players.load import HOUSE, LADDER
from trials.arena.ratings import ai_vs_ai, elo, sprt
from trials.arena.ratings.pentanomial import outcomes
from trials.errors import BadPolicy, SetupError, UsageError
from trials.results import plain


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Three players, 20 pairs each pairing, and the log."""
    path = tmp_path_factory.mktemp("log") / "three.parquet"
    words = ("random", "house", "chaser", "--pairs", "20", "--seed", "3", "--cores", "2", "--log", str(path), "--json")
    return dict(json_of(run_sweep("tournament", *words))), path


def test_a_tournament_tells_ratings_and_a_cross_table(three: tuple[dict[str, Any], Path]) -> None:
    found, _ = three
    assert [row["model"] for row in found["ratings"]] == ["house", "chaser", "random"]
    house, chaser, random = found["ratings"]
    assert (house["elo"], house["elo_low"], house["elo_high"]) == (1200, 1200, 1200) and found["anchor"] == "house"
    assert random["elo_high"] < chaser["elo"] < house["elo"]
    assert all(row["elo_low"] < row["elo"] < row["elo_high"] for row in (chaser, random))
    assert all(row["matches"] == row["wins"] + row["draws"] + row["losses"] == 80 for row in found["ratings"])
    assert found["matches"] == 120 and found["circles"] == []
    there, back = found["cross_table"]["house"]["random"], found["cross_table"]["random"]["house"]
    assert (there["wins"], there["draws"], there["losses"]) == (back["losses"], back["draws"], back["wins"])
    assert sum(there[key] for key in ("wins", "draws", "losses")) == 40
    assert sum(row["ai_vs_ai_elo"] for row in found["ratings"]) == pytest.approx(3600, abs=0.1)
    blue, purple = house["by_side"]["blue"], house["by_side"]["purple"]
    assert blue["wins"] + purple["wins"] == house["wins"] and sum(blue.values()) == sum(purple.values()) == 40


def test_ratings_are_recomputed_exactly_from_the_log(three: tuple[dict[str, Any], Path], command: Command) -> None:
    found, path = three
    again = json_of(command("rate", str(path), "--json"))
    assert again == {key: found[key] for key in again}
    whole = rate.rate([path], "random", None)
    assert whole.anchor == "random" and whole.ratings[-1].elo == 1200
    assert whole.ratings[0].elo - 1200 == pytest.approx(1200 - found["ratings"][-1]["elo"], abs=0.02)


def test_one_core_plays_the_same_tournament(three: tuple[dict[str, Any], Path]) -> None:
    found, _ = three
    alone = plain(tournament.play(["random", "house", "chaser"], 20, Conditions(seed=3)))
    assert alone["ratings"] == found["ratings"] and alone["cross_table"] == found["cross_table"]


def test_the_history_goes_out_and_comes_in(
    three: tuple[dict[str, Any], Path], command: Command, tmp_path: Path
) -> None:
    found, path = three
    out = tmp_path / "soccer_history.csv"
    assert command("rate", str(path), "--history", str(out)).returncode == 0
    assert out.read_text().splitlines()[0] == "model1,model2,timestamp,result"
    assert len(ai_vs_ai.opened(out)[0]) == 120
    back = json_of(command("rate", str(out), "--baseline", "local/house", "--json"))
    by_name: dict[str, Any] = {row["model"]: row for row in back["ratings"]}  # type: ignore[attr-defined]
    for row in found["ratings"]:
        same = by_name[f"local/{row['model']}"]
        assert same["elo"] == pytest.approx(row["elo"], abs=0.02)  # a joint fit does not ask which matches were pairs
        assert same["ai_vs_ai_elo"] == row["ai_vs_ai_elo"] and same["by_side"] is None
    assert back["environment"] == "ai-vs-ai"


def test_a_person_sees_tables(three: tuple[dict[str, Any], Path], command: Command) -> None:
    done = command("rate", str(three[1]))
    assert done.returncode == 0
    for words in ("Ratings", "Score against, %", "house stands at 1200", "120 matches"):
        assert words in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (("house",), 2, "a tournament needs two different models, but got 1"),
        (("house", "random", "house"), 2, "must differ, but house and house are the same"),
        (("house", "nobody.onnx"), 2, "'nobody.onnx' is none of them"),
        (("hose", "random"), 2, "'hose' is none of them; did you mean house?"),
        (("house", "random", "--log", "x.txt"), 2, "--log: a match log must be named .parquet or .csv"),
        (("house", "random", "--log", "there.csv"), 1, "never overwritten, but there.csv is there already"),
        (
            ("house", "random", "--baseline", "chaser"),
            2,
            "--baseline must name one of the players, but chaser names 0 of 2",
        ),
    ],
)
def test_a_mistake_is_said_before_anything_is_played(
    words: tuple[str, ...], status: int, line: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "there.csv").write_text("precious")
    done = command("tournament", *words, "--pairs", "100000", cwd=tmp_path)
    assert done.returncode == status and done.stdout == "" and line in done.stderr
    assert (tmp_path / "there.csv").read_text() == "precious"


def test_every_broken_model_of_a_folder_has_its_line(tmp_path: Path) -> None:
    shutil.copy(HOUSE, tmp_path / "good.onnx")
    (tmp_path / "cut.onnx").write_bytes(HOUSE.read_bytes()[:1000])
    (tmp_path / "pointer.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(BadPolicy) as refused:
        tournament.play([str(tmp_path)], 1, Conditions(seed=1, cores=2))
    lines = str(refused.value).splitlines()
    assert len(lines) == 2 and "cut" in lines[0] and "pointer" in lines[1]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/a.onnx", "y/b.onnx"], ["a", "b"]),
        (
            ["t/0001/candidates/S.onnx", "t/0002/candidates/S.onnx", "t/0002/candidates/T.onnx"],
            ["0001/S", "0002/S", "T"],
        ),
        (["t/1/S.onnx", "t/2/S.onnx", "u/1/S.onnx"], ["S~000000", "2/S", "u/S"]),
        (["t/1/S.onnx", "t/1/x/S.onnx"], ["1/S", "x/S"]),
        (["my/S.onnx", "my/old/S.onnx", "his/old/S.onnx"], ["my/S~000000", "my/S~000000", "his/S"]),
    ],
)
def test_models_of_one_name_are_told_apart(
    paths: list[str], names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolved(word: str, *_: object) -> Model:
        return Model(Path(word).stem, str(tmp_path / word), f"{paths.index(word):064d}")

    monkeypatch.setattr("sweep.models.resolve", resolved)
    found = [model.name for model in tournament.entrants(paths, 1)]
    assert found == names


def test_ctrl_c_keeps_the_pairings_that_were_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cut.parquet"
    results = MatchPool.results

    def cut(pool: MatchPool, tasks: Any) -> Iterator[Played]:
        for number, played in enumerate(results(pool, tasks)):
            if number == 2:
                raise KeyboardInterrupt
            yield played

    monkeypatch.setattr(MatchPool, "results", cut)
    with pytest.raises(KeyboardInterrupt):
        tournament.play(["random", "house", "chaser"], 6, Conditions(seed=3, log_to=path))
    kept = log.read(path)
    assert [(kept.names[r.a], kept.names[r.b]) for r in kept.records] == [("random", "house")] * 12 + [
        ("random", "chaser")
    ] * 12


# --- sweep play ---------------------------------------------------------------------------------------------------


def test_a_test_says_its_verdict_and_estimates_from_fresh_matches(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "match.parquet"
    words = ("house", "random", "--sprt", "0", "50", "--fresh-pairs", "30", "--log", str(path), "--json", "--seed", "4")
    found = json_of(command("play", *words))
    test: dict[str, Any] = found["sprt"]  # type: ignore[assignment]
    assert test["verdict"] == "accepted" and test["llr"] >= test["upper"] > 0 > test["lower"]
    assert test["matches"] == 2 * test["pairs"] == 2 * sum(test["pentanomial"])
    assert found["matches"] == 60 and found["elo_low"] < found["elo"] < found["elo_high"]  # type: ignore[operator]

    kept = log.read(path)
    deciding = [record for record in kept.records if record.sequential]
    fresh = [record for record in kept.records if not record.sequential]
    assert sprt.verdict(outcomes(deciding), 0, 50).verdict == "accepted" and len(deciding) == test["matches"]
    assert sprt.verdict(outcomes(deciding[:-2]), 0, 50).verdict == "undecided"
    assert elo.direct(fresh, "random").elo == pytest.approx(found["elo"], abs=0.006)
    assert len(kept.uncounted) == test["uncounted"] > 0
    assert not {record.pair for record in fresh} & {match.pair for match in (*deciding, *kept.uncounted)}


def test_a_test_can_end_undecided_and_without_an_estimate() -> None:
    terms = play.TestTerms(elo0=0, elo1=5, max_pairs=5, fresh_pairs=0)
    found = play.play("random", "random", 2, Conditions(seed=1), test=terms)
    assert found.sprt is not None and found.sprt.verdict == "undecided" and found.sprt.pairs == 5 and found.elo is None
    assert "undecided: more pairs are needed" in play.text(found) and "95 %" not in play.text(found)


def test_goals_and_deterministic_play_are_asked_for() -> None:
    found = play.play("house", "random", 20, Conditions(seed=1, goals=3, deterministic=True))
    assert found.to_goals == 3 and found.deterministic is True
    assert found.goals.a > 2 * found.wins
    assert found.entropy.a > 0  # of the policy, whatever is made of it


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--sprt", "0", "50", "--matches", "10"), "exclude each other"),
        (("--sprt", "50", "0"), "ELO0 below ELO1"),
        (("--sprt", "0", "50", "--alpha", "0.7"), "--alpha"),
        (("--goals", "0"), "--goals"),
    ],
)
def test_wrong_usage_of_play_is_status_2(words: tuple[str, ...], line: str, command: Command) -> None:
    done = command("play", "house", "random", *words)
    assert done.returncode == 2 and line in done.stderr


def test_sources_that_cannot_be_rated_are_refused(three: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    published = tmp_path / "soccer_history.csv"
    ai_vs_ai.write(published, [ai_vs_ai.Row("a/x", "b/y", 1, 1.0)])
    with pytest.raises(SetupError, match="rated apart"):
        rate.rate([published, three[1]], None, None)
    with pytest.raises(SetupError, match="has none"):
        rate.rate([tmp_path], None, None)
    with pytest.raises(SetupError, match="must be in a file or a run's folder"):
        rate.rate([tmp_path / "none.parquet"], None, None)
    assert rate.rate([three[1], three[1]], None, None) == rate.rate([three[1]], None, None)
    assert json.dumps(plain(rate.rate([published], None, None)))


# --- what goes wrong by name ----------------------------------------------------------------------------------------


def test_a_history_is_never_written_over_anything(three: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    log_file = tmp_path / "log.parquet"
    shutil.copy(three[1], log_file)
    before = log_file.read_bytes()
    for target in (log_file, tmp_path / "deep" / "h.csv"):
        with pytest.raises(SetupError, match=r"a history (is never written over|goes into a folder)"):
            rate.rate([log_file], None, target)
    assert log_file.read_bytes() == before and not (tmp_path / "deep").exists()


def test_a_tests_matches_enter_no_history_and_no_sequential_elo(tmp_path: Path) -> None:
    path, out = tmp_path / "m.parquet", tmp_path / "h.csv"
    terms = play.TestTerms(elo0=0, elo1=50, fresh_pairs=5)
    play.play("chaser", "random", 2, Conditions(seed=4, log_to=path), test=terms)
    found = rate.rate([path], None, out)
    assert len(ai_vs_ai.opened(out)[0]) == found.matches == 10
    again = rate.rate([out], None, None)
    assert [row.ai_vs_ai_elo for row in again.ratings] == [row.ai_vs_ai_elo for row in found.ratings]


def test_players_of_one_name_stay_two_players(tmp_path: Path) -> None:
    for folder, data in (("A", HOUSE), ("B", LADDER / "house-750k.onnx")):
        (tmp_path / folder).mkdir()
        shutil.copy(data, tmp_path / folder / "m.onnx")
        play.play(str(tmp_path / folder / "m.onnx"), "still", 8, Conditions(seed=1, log_to=tmp_path / f"{folder}.csv"))
    found = rate.rate([tmp_path / "A.csv", tmp_path / "B.csv"], None, None)
    names = [row.model for row in found.ratings]
    assert len(set(names)) == 3 and all(name.startswith("m~") for name in names[:2])
    assert len(found.cross_table) == 3
    direct = play.play(str(tmp_path / "A" / "m.onnx"), str(tmp_path / "B" / "m.onnx"), 4, Conditions(seed=1))
    assert (direct.a, direct.b) == ("A/m", "B/m")


def test_a_file_that_calls_itself_house_is_not_the_house(tmp_path: Path) -> None:
    shutil.copy(LADDER / "house-750k.onnx", tmp_path / "house.onnx")
    how = Conditions(seed=1, log_to=tmp_path / "l.csv")
    found = tournament.play([str(tmp_path / "house.onnx"), "house", "still"], 4, how)
    elo = {row.model: row.elo for row in found.ratings}
    assert found.anchor == "house" and elo["house"] == 1200 > elo["house.onnx"]
    assert rate.rate([tmp_path / "l.csv"], None, None).anchor == "house"


@pytest.mark.parametrize(
    ("typed", "names", "meant"),
    [
        ("quick:3@2000", "quick:3 quick:3@2000 house", "quick:3@2000"),
        ("quick:3@2000", "quick:3 house", None),
        ("quick.v2:3", "quick quick.v2:3", "quick.v2:3"),
        ("a/house.onnx", "house house.onnx", "house.onnx"),
        ("a/m.onnx", "house m", "m"),
        ("unity/m@main", "unity/m house", "unity/m"),
        ("unity/m@main:a.onnx", "unity/m:a.onnx unity/m:b.onnx", "unity/m:a.onnx"),
    ],
)
def test_the_player_at_1200_is_the_one_that_was_typed(typed: str, names: str, meant: str | None) -> None:
    players = {f"id of {name}": name for name in names.split()}
    if meant is None:
        with pytest.raises(UsageError, match="--baseline must name one of the players"):
            rate.anchor_of(players, typed)
    else:
        assert rate.anchor_of(players, typed) == f"id of {meant}"


def test_a_file_that_was_typed_is_that_file(tmp_path: Path) -> None:
    for folder, data in (("new", HOUSE), ("old", LADDER / "house-750k.onnx"), ("away", LADDER / "house-1000k.onnx")):
        (tmp_path / folder).mkdir()
        shutil.copy(data, tmp_path / folder / "S.onnx")
    new, old, away = (str(tmp_path / folder / "S.onnx") for folder in ("new", "old", "away"))
    how = Conditions(seed=1)
    assert tournament.play([new, old, "still"], 2, how, baseline=old).anchor == "old/S"
    with pytest.raises(UsageError, match="--baseline must name one of the players"):
        tournament.play([new, "still"], 2, how, baseline=away)


@pytest.mark.parametrize("cores", [1, 2])
def test_a_model_that_is_written_over_does_not_play_as_another(
    cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, resolve = tmp_path / "mine.onnx", models.resolve

    def overwritten(word: str, *more: Any) -> Model:
        if word != str(mine):
            return resolve(word, *more)
        shutil.copy(HOUSE, mine)
        found = resolve(word, *more)
        shutil.copy(LADDER / "house-750k.onnx", mine)
        return found

    monkeypatch.setattr("sweep.models.resolve", overwritten)
    how = Conditions(seed=1, cores=cores)
    with pytest.raises(SetupError, match="a model must stay what it was while it plays"):
        play.play(str(mine), "still", 4, how)
    with pytest.raises(SetupError, match="a model must stay what it was while it plays"):
        tournament.play([str(mine), "still"], 2, how)


def test_an_executables_matches_of_one_number_are_never_taken_for_one(tmp_path: Path) -> None:
    play.play("chaser", "random", 8, Conditions(seed=7, log_to=tmp_path / "a.csv"))
    text = (tmp_path / "a.csv").read_text().replace("soccer-1", "unity-x")
    (tmp_path / "a.csv").write_text(text)
    records = log.read(tmp_path / "a.csv").records
    later = [replace(record, time=record.time + 100) for record in records]
    log.write(tmp_path / "b.csv", later, log.read(tmp_path / "a.csv").names)
    assert rate.rate([tmp_path / "a.csv", tmp_path / "a.csv"], None, None).matches == 8
    with pytest.raises(SetupError, match="play a second time with another --seed"):
        rate.rate([tmp_path / "a.csv", tmp_path / "b.csv"], None, None)


def test_ctrl_c_in_play_keeps_what_was_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cut.csv"
    calls = iter(range(1000))

    def cut(*_: Any) -> None:
        if next(calls) == 100:
            raise KeyboardInterrupt

    monkeypatch.setattr(play, "bar", lambda *_: contextlib.nullcontext(cut))
    with pytest.raises(KeyboardInterrupt):
        play.play("house", "random", 1000, Conditions(seed=1, log_to=path))
    kept = log.read(path).records
    assert kept and [record.number for record in kept] == list(range(len(kept)))


def test_seeds_and_histories_that_meet_again(tmp_path: Path) -> None:
    for number, (a, b) in enumerate((("chaser", "random"), ("random", "chaser"))):
        play.play(a, b, 8, Conditions(seed=7, log_to=tmp_path / f"{number}.csv"))
    both = rate.rate([tmp_path / "0.csv", tmp_path / "1.csv"], None, tmp_path / "h.csv")
    assert both.matches == 16  # exchanged names are other matches
    shutil.copy(tmp_path / "h.csv", tmp_path / "again.csv")
    once = rate.rate([tmp_path / "h.csv"], None, None)
    twice = rate.rate([tmp_path / "h.csv", tmp_path / "again.csv"], None, None)
    assert once.matches == twice.matches == 16
    assert [row.elo for row in once.ratings] == pytest.approx([row.elo for row in twice.ratings], abs=0.02)


def test_one_player_alone_is_no_table(tmp_path: Path) -> None:
    play.play("chaser", "chaser", 4, Conditions(seed=1, log_to=tmp_path / "c.csv"))
    with pytest.raises(SetupError, match="need two players, but there is one"):
        rate.rate([tmp_path / "c.csv"], None, None)


def test_words_name_built_ins_first_and_folders_by_what_they_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "still").mkdir()
    (tmp_path / "empty").mkdir()
    shutil.copy(HOUSE, tmp_path / "still" / "m.onnx")
    monkeypatch.chdir(tmp_path)
    assert [model.name for model in tournament.entrants(["still", "house"], 1)] == ["still", "house"]
    with pytest.raises(UsageError, match=r"must hold \.onnx files, but empty has none"):
        tournament.entrants(["empty", "house"], 1)
    with pytest.raises(UsageError, match="'' is none of them"):
        tournament.entrants(["", "house"], 1)
    with pytest.raises(UsageError, match="is none of them"):
        tournament.entrants(["~nobody-here/x.onnx", "house"], 1)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SetupError, match="must be in a file or a run's folder"):
        rate.rate([tmp_path / "pipe.csv"], None, None)
