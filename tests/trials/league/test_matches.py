"""A league's history: written in whole pairs, read after any cut, a superset of AI vs AI's, every match once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep.matches import rate
from trials.arena.ratings import ai_vs_ai
from trials.errors import SetupError
from trials.league import history, matches, pairings
from trials.league.folder import LeagueFolder
from trials.league.store import Store
from trials.records import MatchRecord
from trials.soccer.constants import VERSION

IDS = ("a" * 64, "b" * 64, "random")
NAMES = {IDS[0]: 'tester/with,"marks"', IDS[1]: "tester/plain", IDS[2]: "built-in/random"}


def played(a: str, b: str, results: Sequence[float], first: int = 0, seed: int = 7) -> list[MatchRecord]:
    """Whole pairs, results of a."""
    return [
        MatchRecord(
            number=2 * first + at,
            pair=first + at // 2,
            a=a,
            b=b,
            a_team=at % 2,  # type: ignore[arg-type]
            seed=seed,
            environment=VERSION,
            result=result,
            goals_a=int(result == 1),
            goals_b=int(result == 0),
            decisions=20 + at,
            time=1_700_000_000 + at,
        )
        for at, result in enumerate(results)
    ]


RESULTS = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=4).map(lambda some: [*some, *some[::-1]])
TASKS = st.lists(st.tuples(st.sampled_from([(0, 1), (0, 2), (1, 2)]), RESULTS), min_size=1, max_size=6)


def write(path: Path, tasks: Sequence[tuple[tuple[int, int], Sequence[float]]]) -> list[list[MatchRecord]]:
    """Tasks one after the other, pairs of a pairing numbered on."""
    following: dict[tuple[int, int], int] = {}
    found = []
    for number, (key, results) in enumerate(tasks, 1):
        records = played(IDS[key[0]], IDS[key[1]], results, following.get(key, 0))
        following[key] = following.get(key, 0) + len(results) // 2
        history.append(path, number, (NAMES[records[0].a], NAMES[records[0].b]), records)
        found.append(records)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TASKS)
def test_what_is_written_is_read_and_sums_up_alike(
    tmp_path: Path, tasks: list[tuple[tuple[int, int], list[float]]]
) -> None:
    path = tmp_path / "soccer_history.csv"
    path.unlink(missing_ok=True)
    written = write(path, tasks)
    read = matches.read(path)
    flat = [record for records in written for record in records]
    assert len(read) == len(flat) and read.environments == (VERSION,)
    assert [read.players[at] for at in read.player1] == [history.short(r.a) for r in flat]
    assert [read.models[at] for at in read.model1] == [NAMES[r.a] for r in flat]
    for column, of in (("pair", "pair"), ("goals2", "goals_b"), ("decisions", "decisions"), ("side1", "a_team")):
        assert getattr(read, column).tolist() == [getattr(r, of) for r in flat]
    assert (read.halves / 2).tolist() == [r.result for r in flat]
    step: dict[pairings.Pairing, pairings.Sum] = {}
    for records in written:
        pairings.add(step, records)
    whole = pairings.tally(read)
    assert whole.keys() == step.keys()
    for key, of in whole.items():
        assert np.array_equal(of.outcomes, step[key].outcomes)
        assert vars(of) | {"outcomes": 0} == vars(step[key]) | {"outcomes": 0}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TASKS, st.floats(0, 1), st.binary(max_size=3).map(lambda tail: b"\0" * len(tail)))
def test_a_history_cut_at_any_byte_goes_on_with_whole_pairs(
    tmp_path: Path, tasks: list[tuple[tuple[int, int], list[float]]], share: float, tail: bytes
) -> None:
    path = tmp_path / "soccer_history.csv"
    path.unlink(missing_ok=True)
    write(path, tasks)
    data = path.read_bytes()
    whole = matches.read(path)
    path.write_bytes(data[: round(share * len(data))] + tail)
    before = matches.read(path)
    cut = history.repair(path)
    after = matches.read(path)
    assert len(after) == len(before) and len(after) % 2 == 0 and cut <= 2 * 200 + len(tail)
    assert history.repair(path) == 0
    if len(after):
        assert after.pair.tolist() == whole.pair.tolist()[: len(after)]
    write(path, [((0, 1), [1.0, 0.0])])
    assert len(matches.read(path)) >= len(after)  # the same pair again counts once


def test_two_copies_of_a_history_put_together_count_once(tmp_path: Path) -> None:
    path = tmp_path / "soccer_history.csv"
    write(path, [((0, 1), [1.0, 0.5, 0.0, 0.0]), ((1, 2), [1.0, 1.0])])
    once = matches.read(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, *lines[1:]]))
    twice = matches.read(path)
    assert len(twice) == len(once) == 6
    assert [of.matches for of in pairings.tally(twice).values()] == [of.matches for of in pairings.tally(once).values()]


def test_the_first_four_columns_are_ai_vs_ais(tmp_path: Path) -> None:
    path, theirs = tmp_path / "soccer_history.csv", tmp_path / "theirs.csv"
    write(path, [((1, 2), [1.0, 0.5, 0.0, 0.0, 1.0, 1.0])])
    lines = path.read_text().splitlines()
    assert tuple(lines[0].split(","))[:4] == ai_vs_ai.HISTORY
    theirs.write_text("".join(",".join(line.split(",")[:4]) + "\n" for line in lines))
    rows = ai_vs_ai.opened(theirs)[0]
    read = matches.read(theirs)
    assert read.environments == (ai_vs_ai.ENVIRONMENT,) and read.players == read.models and (read.pair == -1).all()
    assert {key: of.outcomes.tolist() for key, of in pairings.tally(read).items()} == {
        ("built-in/random", "tester/plain"): ai_vs_ai.table(rows)["tester/plain", "built-in/random"][::-1].tolist()
    }
    elo = pairings.online_elo(read)
    assert elo == pytest.approx({row.model: row.elo for row in ai_vs_ai.online_elo(rows)})
    assert list(pairings.online_elo(matches.read(path)).values()) == pytest.approx(list(elo.values()))


def test_an_odd_match_of_ai_vs_ais_is_half_a_pair(tmp_path: Path) -> None:
    path = tmp_path / "soccer_history.csv"
    rows = [ai_vs_ai.Row("a/x", "b/y", 1, 1.0), ai_vs_ai.Row("b/y", "a/x", 2, 1.0), ai_vs_ai.Row("b/y", "a/x", 3, 0.5)]
    ai_vs_ai.write(path, [*rows, ai_vs_ai.Row("c/z", "c/z", 4, 1.0), ai_vs_ai.Row("c/z", "a/x", 4, 1.0)])
    summed = pairings.tally(matches.read(path))
    elo = {row.model: row.elo for row in ai_vs_ai.online_elo(ai_vs_ai.opened(path)[0])}
    assert pairings.online_elo(matches.read(path)) == elo and sum(elo.values()) == pytest.approx(3 * 1200)
    table = ai_vs_ai.table(ai_vs_ai.opened(path)[0])
    assert summed["a/x", "b/y"].outcomes.tolist() == table["a/x", "b/y"].tolist() == [0, 0, 1.5, 0, 0]
    assert summed["a/x", "c/z"].outcomes.tolist() == [0.5, 0, 0, 0, 0] and len(summed) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,elo\n", "the columns must be model1,model2,timestamp,result, but .model1. is not there"),
        ("model1,model2,timestamp,result\na/x,b/y,yesterday,1.0\n", "but line 2 of .* timestamp must be whole unix"),
        ("model1,model2,timestamp,result\na/x,b/y,1,0.7\n", "but line 2 of"),
        ("model1,model2,timestamp,result\na/x,b/y,1,1.0\na/x,b/y\n", "but line 3 of .* must have 4 fields, but has 2"),
    ],
)
def test_what_is_no_history_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "soccer_history.csv"
    path.write_text(text)
    with pytest.raises(SetupError, match=said):
        matches.read(path)


def test_a_leagues_history_that_pandas_wrote_again_is_read_by_its_columns(tmp_path: Path) -> None:
    path, other = tmp_path / "soccer_history.csv", tmp_path / "other.csv"
    write(path, [((0, 1), [1.0, 0.5, 0.0, 1.0]), ((0, 2), [0.0, 1.0])])
    table = pd.read_csv(path)
    table["decisions"] = table["decisions"].astype(float)
    table[[*table.columns[::-1]]].to_csv(other, encoding="utf-8-sig")
    assert history.tidied(other)[0] == path.read_bytes() == history.tidied(path)[0]
    assert "read as a league's history: a byte order mark; an index column passed over" in history.tidied(other)[1]
    for one, two in zip(*(vars(matches.read(file)).values() for file in (path, other)), strict=True):
        assert np.array_equal(one, two)
    table.drop(columns="seed").to_csv(other)
    with pytest.raises(SetupError, match=r"line 1 of .* is not: the columns must be .*'seed' is not there"):
        matches.read(other)
    with pytest.raises(SetupError, match="a league's matches are rated by player and revision"):
        rate.rate([other], None, None)


def test_a_league_is_not_played_on_in_another_programs_file(tmp_path: Path) -> None:
    (tmp_path / "soccer_history.csv").write_text("model1,model2,timestamp,result\na/x,b/y,1,1.0\n")
    with pytest.raises(SetupError, match=r"must have a history of its own, but .* is AI vs AI's"):
        Store(LeagueFolder(tmp_path))


FOREIGN = {
    "no newline at the end": b"model1,model2,timestamp,result\na/x,b/y,1,1.0\na/x,b/y,2,0.0",
    "UTF-16": "model1,model2,timestamp,result\na/x,b/y,1,1.0\n".encode("utf-16"),
    "a pair's first match": ",".join(history.COLUMNS[::-1]).encode() + b"\na,b,c,d,e,f,g,h,i,blue,k,l,m,n\n",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_another_program_is_refused_as_it_is(kind: str, tmp_path: Path) -> None:
    history = LeagueFolder(tmp_path).history
    history.write_bytes(FOREIGN[kind])
    with pytest.raises(SetupError, match="must have a history of its own"):
        Store(LeagueFolder(tmp_path))
    assert history.read_bytes() == FOREIGN[kind]


@pytest.mark.parametrize("data", [b"", b"\0\0", b"model1,mod", ",".join(history.COLUMNS).encode(), b"model1\0\0\0"])
def test_a_history_cut_off_in_its_first_line_is_still_a_leagues(data: bytes, tmp_path: Path) -> None:
    history = LeagueFolder(tmp_path).history
    history.write_bytes(data)
    assert len(matches.read(history)) == 0
    assert Store(LeagueFolder(tmp_path)).repaired == len(data) and history.read_bytes() == b""
