"""AI-vs-AI's files are read and written as published, its Elo is its own, and the joint fit takes single matches."""

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from played import record

from trials.arena.ratings import ai_vs_ai, bradley_terry, sheet
from trials.arena.ratings.ai_vs_ai import EloRow, Row
from trials.arena.ratings.pentanomial import PAIR_SCORES, elo
from trials.errors import SetupError
from trials.league import history
from trials.league import matches as played
from trials.records import MatchRecord

PUBLISHED = "model1,model2,timestamp,result\nchqmatteo/poca-SoccerTwos,cmenasse/poca-SoccerTwos,1675425102,0.0\n"
FIRST = Row("chqmatteo/poca-SoccerTwos", "cmenasse/poca-SoccerTwos", 1675425102, 0.0)
quick = settings(max_examples=60, deadline=None)

words = st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" "), min_size=1, max_size=6)
models = (
    st.tuples(words.filter(lambda s: "/" not in s), words).map("/".join).map(ai_vs_ai.listed)
)  # as they are written
row_lists = st.lists(
    st.builds(Row, models, models, st.integers(0, 2**40), st.sampled_from([0.0, 0.5, 1.0])), max_size=12
)
few = st.sampled_from(["a/x", "b/x", "c/x", "d/x"])
matches = st.lists(st.builds(Row, few, few, st.just(0), st.sampled_from([0.0, 0.5, 1.0])), max_size=40)


def match(number: int, result: float, a: str = "0f" * 32, b: str = "house") -> MatchRecord:
    return record(number, result, a=a, b=b, time=1675425102.9 + number)


def test_the_published_history_is_read_and_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(PUBLISHED, newline="")
    assert ai_vs_ai.opened(tmp_path / "h.csv")[0] == [FIRST]
    ai_vs_ai.write(tmp_path / "again.csv", [replace(FIRST, result=0)])
    assert (tmp_path / "again.csv").read_bytes() == PUBLISHED.encode()


@quick
@given(row_lists)
def test_what_is_written_is_read_back(rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ai_vs_ai.write(Path(folder) / "h.csv", rows)
        assert ai_vs_ai.opened(Path(folder) / "h.csv")[0] == rows


def test_a_name_that_cannot_be_printed_costs_no_row(tmp_path: Path) -> None:
    (row,) = ai_vs_ai.rows([match(0, 1.0)], {"0f" * 32: "evil\r\nname", "house": "a/b\udc80"})
    assert (row.model1, row.model2) == ("local/evil??name", "a/b?")
    ai_vs_ai.write(tmp_path / "h.csv", [row])
    assert ai_vs_ai.opened(tmp_path / "h.csv")[0] == [row]
    with pytest.raises(ValueError, match="printable"):
        Row("a/b\r", "c/d", 1, 0.5)


def test_matches_become_rows_in_their_order() -> None:
    records = [match(1, 1.0), match(0, 0.5), match(2, 0.0, b="still")]
    rows = ai_vs_ai.rows(records, {"0f" * 32: "author/mine", "house": "house/"})
    assert rows == [
        Row("author/mine", "local/house", 1675425103, 1.0),
        Row("author/mine", "local/house", 1675425102, 0.5),
        Row("author/mine", "local/still", 1675425104, 0.0),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a/x,b/x,1,0.7", "result must be 1.0, 0.5 or 0.0, but got 0.7"),
        ("a/x,b/x,1,nan", "result must be"),
        ("a/x,b/x,1,won", "result must be 1.0, 0.5 or 0.0, but got 'won'"),
        ("a/x,b/x,1.5,1.0", "timestamp must be whole unix seconds, but got '1.5'"),
        ("a/x,b/x,-1,1.0", "timestamp must be whole"),
        ("a/x,b,1,1.0", "a model must be author/name in printable characters, but got 'b'"),
        ("/x,b/x,1,1.0", "a model must be author/name in printable characters, but got '/x'"),
        ("a/x,b/x,1", "must have 4 fields, but has 3"),
        ("a/x,b/x,1,1.0,", "must have 4 fields, but has 5"),
        ("a/x", "must have 4 fields, but has 1"),
        ('a/x,"b/x,1,1.0', "unexpected end of data"),
    ],
)
def test_a_malformed_line_is_named(line: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(PUBLISHED + line + "\n")
    with pytest.raises(SetupError, match=f"line 3 of .*{told}"):
        ai_vs_ai.opened(tmp_path / "h.csv")[0]


@pytest.mark.parametrize("content", [b"", b"model1,model2,result\n", b"\xff\xfe\n", PUBLISHED.encode()[6:]])
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_bytes(content)
    with pytest.raises(SetupError, match="a history must be as AI-vs-AI publishes it, but line 1"):
        ai_vs_ai.opened(tmp_path / "h.csv")[0]
    with pytest.raises(SetupError, match="a history must be a file that can be read"):
        ai_vs_ai.opened(tmp_path / "absent.csv")[0]


TWO = [FIRST, Row("b/y", "a/x z", 1675425103, 0.5)]
WRITTEN = PUBLISHED + "b/y,a/x z,1675425103,0.5\n"
OTHERS = {
    "a byte order mark": b"\xef\xbb\xbf" + WRITTEN.encode(),
    "byte order mark": WRITTEN.encode("utf-16"),
    "2 empty lines": (WRITTEN + "\n\n").encode(),
    "1 empty lines": (WRITTEN + ",,,\r\n").encode(),
    "an index column": ("," + WRITTEN.replace("\nchq", "\n0,chq").replace("\nb/y", "\n1,b/y")).encode(),
    "columns in another order": "".join(
        ",".join(line.split(",")[at] for at in (3, 1, 0, 2)) + "\n" for line in WRITTEN.splitlines()
    ).encode(),
    "spaces around values": WRITTEN.replace("b/y,", "b/y  ,").replace("1675425103", " 1675425103").encode(),
    "passed over: season": WRITTEN.replace("\n", ",7\n").replace("result,7", "result,season").encode(),
    "; between the fields": WRITTEN.replace(",", ";").replace("0.5", "0,5").encode(),
    "tabs between": WRITTEN.replace(",", "\t").encode(),
}


@pytest.mark.parametrize("told", OTHERS)
def test_what_peoples_tools_made_of_it_is_read_by_column_names_in_both_commands(told: str, tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_bytes(OTHERS[told])
    rows, note = ai_vs_ai.opened(path)
    assert rows == TWO and "h.csv is read as AI vs AI's history: " in note and told in note
    (tmp_path / "exact.csv").write_text(WRITTEN)
    data, same = history.tidied(path)
    assert data.decode() == WRITTEN and same == note
    for one, two in zip(*(vars(played.read(tmp_path / name)).values() for name in ("h.csv", "exact.csv")), strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize(
    "exact",
    [
        WRITTEN,
        WRITTEN.replace("\n", "\r\n"),
        WRITTEN.replace("\n", "\r"),  # Excel's "CSV (Macintosh)"
        WRITTEN.replace("2,0.0", "2.0,0"),
        WRITTEN[:-1],
    ],
)
def test_what_needs_no_tidying_has_no_note(exact: str, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(exact, newline="")
    assert ai_vs_ai.opened(tmp_path / "h.csv") == (TWO, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (WRITTEN.replace("result", "model1"), "line 1 .*'result' is not there"),
        (WRITTEN.replace("timestamp", "model1,timestamp"), "line 1 .*'model1' is there twice"),
        (WRITTEN.replace("model2", "model_2"), "line 1 .*'model2' is not there"),
        (WRITTEN.replace("1675425103", "2023-02-03"), "line 3 .*timestamp must be whole unix seconds"),
        ("\n\n" + WRITTEN.replace("0.5", "0.4"), "line 5 .*result must be"),
    ],
)
def test_what_is_ambiguous_is_refused_alike(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(text)
    for read in (ai_vs_ai.opened, played.read):
        with pytest.raises(SetupError, match=told):
            read(tmp_path / "h.csv")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x" * 140_000, r"line 1 .*field larger than field limit"),
        ("\r\r" + "x" * 140_000, r"line 3 .*field larger than field limit"),
        ("\r\r" + WRITTEN.replace("\n", "\r").replace("0.5", "0.4"), "line 5 .*result must be"),
    ],
)
def test_a_file_of_any_line_ends_or_length_is_refused_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_bytes(text.encode())
    for read in (ai_vs_ai.opened, played.read):
        with pytest.raises(SetupError, match=told):
            read(tmp_path / "h.csv")


def test_a_line_ends_where_csv_says_and_a_name_stays_as_it_is() -> None:
    lines = [["a", "b"], ["one\u2028two", "x\x85y"], ["v1,5", "-0,5"]]
    data = "".join(";".join(line) + "\n" for line in lines).encode()
    found = sheet.read(data, ("a", "b"))
    assert [values for _, values in found.lines] == [("one\u2028two", "x\x85y"), ("v1,5", "-0.5")]
    assert found.tidied == ("; between the fields", "decimal commas in 1 lines")


def test_the_first_published_table_is_reproduced(tmp_path: Path) -> None:
    """18 models at 1200, 9 matches: winners 1210, losers 1190, draws 1200."""
    results = [1.0, 0.0, 0.5, 1.0, 0.0, 0.5, 1.0, 1.0, 0.0]
    rows = [Row(f"one/{n}", f"two/{n}", 1675425102 + n, result) for n, result in enumerate(results)]
    standings = ai_vs_ai.online_elo(rows)
    assert {s.model: s.elo for s in standings} == {
        row_model: 1200.0 + 20 * (score - 0.5)
        for row in rows
        for row_model, score in ((row.model1, row.result), (row.model2, 1 - row.result))
    }
    assert [s.elo for s in standings] == [1210.0] * 7 + [1200.0] * 4 + [1190.0] * 7
    assert {s.games_played for s in standings} == {1}
    ai_vs_ai.write_elo(tmp_path / "e.csv", [EloRow("unity/MLAgents-SoccerTwos", 1210.0, 1), *standings[-1:]])
    assert (tmp_path / "e.csv").read_bytes() == (
        b"rank,author,model,elo,games_played\n1,unity,MLAgents-SoccerTwos,1210.0,1\n2,one,8,1190.0,1\n"
    )


def test_the_last_published_match_is_reproduced_with_a_divisor_of_500_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ratings before are known to four decimals, so those after are told within 1e-4; one model's name is not."""
    before = {"Nazzyk/unnamed": 1693.2582, "QYHcrossover/test3": 1631.3039}
    after = {"Nazzyk/unnamed": 1681.8412495, "QYHcrossover/test3": 1642.7208925}
    lost = ("Nazzyk/unnamed", "QYHcrossover/test3", 0.0)
    won = ("QYHcrossover/test3", "Nazzyk/unnamed", 1.0)
    classic = {"Nazzyk/unnamed": 1681.4937, "QYHcrossover/test3": 1643.0685}
    for divisor, expected in ((500.0, after), (400.0, classic)):
        monkeypatch.setattr(ai_vs_ai, "DIVISOR", divisor)
        for result in (lost, won):
            elo = dict(before)
            ai_vs_ai.follow(elo, [result])
            assert elo == pytest.approx(expected, abs=1e-4, rel=0)


@quick
@given(matches)
def test_the_online_elo_is_zero_sum_and_counts_games(rows: list[Row]) -> None:
    standings = ai_vs_ai.online_elo(rows)
    assert sum(s.elo - 1200 for s in standings) == pytest.approx(0, abs=1e-6)
    assert sum(s.games_played for s in standings) == 2 * len(rows)
    assert [s.elo for s in standings] == sorted((s.elo for s in standings), reverse=True)
    mirrored = [replace(r, model1=r.model2, model2=r.model1, result=1 - r.result) for r in rows]
    for s in ai_vs_ai.online_elo(mirrored):
        assert s.elo == pytest.approx(next(t.elo for t in standings if t.model == s.model), abs=1e-6)


def test_the_online_elo_depends_on_the_order_and_the_joint_fit_does_not() -> None:
    rows = [Row("a/x", "b/x", 0, 1.0), Row("b/x", "c/x", 0, 1.0), Row("c/x", "a/x", 0, 1.0), Row("a/x", "c/x", 0, 0.5)]
    names = ("a/x", "b/x", "c/x")
    online, fitted = set(), []
    for order in itertools.permutations(rows):
        online.add(tuple(round(s.elo, 6) for s in sorted(ai_vs_ai.online_elo(order), key=lambda s: s.model)))
        fitted.append(bradley_terry.fit(names, ai_vs_ai.table(order)).ratings)
    assert len(online) > 1
    assert np.ptp(fitted, axis=0) == pytest.approx(0, abs=1e-6)


@quick
@given(matches)
def test_the_table_loses_and_invents_no_match(rows: list[Row]) -> None:
    table = ai_vs_ai.table(rows)
    assert all((b, a) not in table for a, b in table)
    for (a, b), counts in table.items():
        here = [r for r in rows if {r.model1, r.model2} == {a, b}]
        points = sum(r.result if r.model1 == a else 1 - r.result for r in here)
        assert 2 * counts.sum() == len(here)
        assert 2 * counts @ PAIR_SCORES == points
    assert 2 * sum(counts.sum() for counts in table.values()) == sum(r.model1 != r.model2 for r in rows)


def test_single_matches_are_halves_of_pairs() -> None:
    rows = [Row("a/x", "b/x", 0, r) for r in (1.0, 0.5, 0.0)] + [Row("b/x", "a/x", 0, 0.0), Row("b/x", "a/x", 0, 0.5)]
    assert ai_vs_ai.table(rows)["a/x", "b/x"].tolist() == [0, 0, 1.5, 1, 0]
    assert [ai_vs_ai.table([Row("a/x", "b/x", 0, r)])["a/x", "b/x"].tolist() for r in (0.0, 0.5, 1.0)] == [
        [0.5, 0, 0, 0, 0],
        [0, 0, 0.5, 0, 0],
        [0, 0, 0, 0, 0.5],
    ]


def test_the_fit_of_single_matches_is_that_of_matches() -> None:
    """One pairing: 30 of 40 matches won is a score of 0.75, regularised by half a match won and half a match lost."""
    won, lost = Row("a/x", "b/x", 0, 1.0), Row("a/x", "b/x", 0, 0.0)
    rng = np.random.default_rng(5)
    variances = []
    for _ in range(200):
        rows = [(won, lost)[int(lose)] for lose in rng.permutation(40) < 10]
        fit = bradley_terry.fit(("a/x", "b/x"), ai_vs_ai.table(rows))
        assert fit.ratings[0] - fit.ratings[1] == pytest.approx(elo(30.5 / 41), abs=0.5)  # the prior pulls a little
        gap = np.array([1.0, -1.0])
        variances.append(gap @ fit.covariance @ gap)
    score = 30.5 / 41
    of_matches = 1 / (40 * score * (1 - score)) / bradley_terry.PER_ELO**2  # of independent matches, the delta method
    assert np.mean(variances) == pytest.approx(of_matches, rel=0.08)
    lone = {("a/x", "b/x"): sum(ai_vs_ai.table([row])["a/x", "b/x"] for row in rows)}
    wide = bradley_terry.fit(("a/x", "b/x"), lone).covariance
    assert gap @ wide @ gap == pytest.approx(2 * of_matches, rel=0.1)
