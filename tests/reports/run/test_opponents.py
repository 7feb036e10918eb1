"""Who beats whom: counts are the ledger's, logs add sides and pairs, circles are those there are, names are text."""

import base64
import gzip
import itertools
import json
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from final_events import finals, product, tuning
from hypothesis import given
from hypothesis import strategies as st
from offline_page import BROWSER, MISSING, chromium, shown, until
from real_matches import STEPS, real_run

from reports.run import csv_files, match_results, opponents, page, ranking, tables, timeline
from reports.run.cycles import circles
from reports.run.importance import matters
from trials import ledger, run_state
from trials.arena.matches import log
from trials.arena.ratings import elo as rating
from trials.arena.ratings import pentanomial
from trials.events import TrialRated
from trials.records import MatchRecord, Side

TURNED, LONG = "left\u202ethgir", "n" * 300
EVIL = "</script><img src=x onerror=alert(1)>&{{7*7}}"


def unpacked(data: str) -> dict:
    return json.loads(gzip.decompress(base64.b85decode(data.replace(",", "<"))))


def section(events, folder=None) -> opponents.Opponents:
    found = opponents.section(run_state.run_of("run", events), folder)
    assert found is not None
    return found


# --- circles ---------------------------------------------------------------------------------------------------------

scored = st.dictionaries(
    st.sampled_from(list(itertools.combinations("abcdef", 2))),
    st.sampled_from([(0.8, 0.6, 0.9), (0.6, 0.4, 0.8), (0.2, 0.1, 0.4), (0.5, 0.4, 0.6)]),
)


@given(scored)
def test_circles_are_all_those_there_are(scores):
    def beats(a, b):
        return (scores[a, b][1] > 0.5) if (a, b) in scores else (b, a) in scores and scores[b, a][2] < 0.5

    def has_met(*trio):
        return all(pair in scores for pair in itertools.combinations(trio, 2))

    trios = [trio for trio in itertools.combinations("abcdef", 3) if has_met(*trio)]
    ways = [way for a, b, c in trios for way in ((a, b, c), (a, c, b))]
    every = {way for way in ways if all(beats(x, y) for x, y in zip(way, (*way[1:], way[0]), strict=True))}
    without = circles(scores, "abc")
    assert without.trios == len([trio for trio in trios if trio != ("a", "b", "c")])
    assert {circle.names for circle in without.found} == {way for way in every if set(way) != {*"abc"}}
    found = circles(scores)
    assert {circle.names for circle in found.found} == every and len(found.found) == len(every)
    assert found.trios == len(trios)
    assert all(score > 0.5 for circle in found.found for score in circle.scores)


def test_a_circle_through_the_ladder_is_seen(synthetic):
    side = {True: Side(wins=40, draws=0, losses=0), False: Side(wins=0, draws=0, losses=40)}
    events = synthetic.synthetic_events(3, fresh=None)
    for place, event in enumerate(events):
        if isinstance(event, TrialRated) and event.candidate.trial == 0:
            odd = {"house": side[True], "random": side[False]}
            events[place] = replace(event, rating=replace(event.rating, by_opponent=odd))
    found = section(events).circles.found
    assert ("house", "random", "trial 0") in [circle.names for circle in found]


# --- when they were played -------------------------------------------------------------------------------------------

times = st.floats(1e9, 2e9)
batches = st.lists(
    st.builds(timeline.Batch, times, st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)),
    min_size=1,
    max_size=30,
)


@given(batches, st.sampled_from([60.0, 7200.0, 1e5, 5e6, 3e7]))
def test_no_match_is_lost_between_the_bins(told, length):
    first = min(batch.time for batch in told)
    told = [replace(batch, time=first + (batch.time - first) % length) for batch in told]
    last = max(batch.time for batch in told)
    unit, found, start, end = timeline.bins(told, first, last)
    for kind in ("wins", "draws", "losses"):
        assert sum(getattr(one, kind) for one in found) == sum(getattr(batch, kind) for batch in told)
    assert start <= first and last <= end and len(found) <= 200
    assert unit == timeline.unit_of(last - first)[1]


def test_days_begin_at_midnight_and_a_run_of_hours_is_told_by_the_hour():
    day = 86_400 * 20_000
    told = [timeline.Batch(day + hours * 3600, 1, 2, 3) for hours in (1, 30, 49, 80)]
    unit, found, *_ = timeline.bins(told, told[0].time, told[-1].time)
    assert unit == "day" and [one.wins for one in found] == [1, 1, 1, 1]
    assert timeline.unit_of(5 * 3600)[1] == "hour" and timeline.unit_of(49 * 3600)[1] == "day"
    assert timeline.unit_of(200 * 86_400)[1] == "week"


# --- what the logs add -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return real_run(tmp_path_factory.mktemp("real") / "run")


def test_a_log_tells_sides_pairs_and_every_match(run):
    read = log.read(run.trial(2).matches(STEPS))
    found = match_results.heard(run.trial(2).matches(STEPS), read.records[0].a)
    assert found is not None and set(found.met) == {"random", "house"}
    for name, one in found.met.items():
        mine = [record for record in read.records if read.names[record.b] == name]
        assert one.total == rating.side(mine)
        assert one.blue == rating.side(r for r in mine if r.a_team == 0)
        assert one.purple == rating.side(r for r in mine if r.a_team == 1)
        assert one.outcomes == tuple(pentanomial.outcomes(mine))
        low, high = (float(pentanomial.expected(elo)) for elo in rating.from_counts(one.outcomes)[1:])
        assert one.interval == (low, high) and low < one.score < high
    listed = [(m.side, m.result, m.decisions) for m in reversed(found.matches)]
    assert listed == [(r.a_team, r.result, r.decisions) for r in read.records]
    assert [m.time for m in reversed(found.matches)] == pytest.approx([r.time for r in read.records], abs=1e-5)


def test_logs_of_others_and_damaged_ones_are_not_believed(run, tmp_path):
    path = tmp_path / "damaged.parquet"
    whole = run.trial(2).matches(STEPS).read_bytes()
    mine = log.read(run.trial(2).matches(STEPS)).records[0].a
    assert match_results.heard(run.trial(2).matches(STEPS), "b" * 64) is None
    for data in (b"", b"PAR1", whole[: len(whole) // 2], whole[:200] + b"\0" * 50 + whole[250:]):
        path.write_bytes(data)
        assert match_results.heard(path, mine) is None
    assert match_results.heard(tmp_path / "none.parquet", mine) is None


def test_where_log_and_ledger_differ_the_ledger_is_believed():
    side, other = Side(wins=3, draws=1, losses=2), Side(wins=4, draws=0, losses=2)
    logged = match_results.Met(other, other, Side(wins=0, draws=0, losses=0), (0, 0, 1, 1, 1))
    ledgers = {"house": side, "random": other, "nobody": Side(wins=0, draws=0, losses=0)}
    found = match_results.told(ledgers, match_results.Heard({"house": logged, "random": logged}))
    assert found == {"house": match_results.Met(side), "random": logged}


def test_all_of_a_runs_matches_are_in_the_section_and_in_its_data(run):
    events = ledger.read(run.ledger)
    found = section(events, run)
    assert found.logged and [row.rank for row in found.rows] == [1, 2, 3]
    told = unpacked(found.data)
    names = [name for name, _ in told["opponents"]]
    for row, packed in zip((*found.rows, *found.after, *found.laddered), told["rows"], strict=True):
        label, note, rank, _, _, _, cells, (last, codes, lengths, ago, count) = packed
        assert (label, note, rank) == (row.label, row.note, row.rank) and count == len(row.matches)
        assert {names[cell[0]]: tuple(cell[1:4]) for cell in cells} == {
            name: (one.total.wins, one.total.draws, one.total.losses) for name, one in row.met.items()
        }
        decoded = [(names[code // 6], code // 3 % 2, match_results.POINTS[code % 3]) for code in codes]
        assert decoded == [(m.opponent, m.side, m.result) for m in row.matches]
        assert lengths == [m.decisions for m in row.matches]
        moments = [told["first"] + last - passed for passed in itertools.accumulate(ago)]
        assert moments == [round(m.time) for m in row.matches]


def test_the_table_beside_the_page_has_the_sides_that_a_log_tells(run):
    told = run_state.run_of(run.name, ledger.read(run.ledger))
    (table,) = [
        one for one in csv_files.of(told, ranking.ranking(told), matters(tables.params(told)), run) if one.name == "met"
    ]
    found = {(row["a"], row["what"], row["b"]): row for _, row in table.frame.iterrows()}
    for row in section(ledger.read(run.ledger), run).after:
        for name, one in row.met.items():
            line = found.pop((f"trial {row.trial}", row.note, name))
            assert one.blue and one.purple and line["points"] == one.score
            assert [line[f"blue_{k}"] for k in csv_files.COUNTS] == [one.blue.wins, one.blue.draws, one.blue.losses]
            assert [line[f"purple_{k}"] for k in csv_files.COUNTS] == [
                one.purple.wins,
                one.purple.draws,
                one.purple.losses,
            ]
    assert not found


# --- what the ledger alone tells -------------------------------------------------------------------------------------


def test_without_logs_every_count_is_the_ledgers(synthetic):
    events = synthetic.synthetic_events(12)
    run = run_state.run_of("run", events)
    found = section(events)
    assert not found.logged and all(row.matches == () for row in found.rows)
    for row in found.rows:
        trial = run.trial(row.trial)
        assert {name: one.total for name, one in row.met.items()} == trial.rungs[-1].rating.by_opponent
        assert all(one.blue is None and one.interval[0] < one.score < one.interval[1] for one in row.met.values())
    told = [e for e in events if isinstance(e, TrialRated)]
    fresh = [r for e in events if e.event == "fresh" for r in (e.baseline, e.random, e.against_course) if r]
    total = sum(e.rating.matches for e in told) + sum(r.matches for r in fresh)
    assert found.played.total == total and sum(one.matches for one in found.played.bins) == total
    text = page.render(run, pandas_none())
    assert "No match log is at hand" in text


def pandas_none():
    import pandas as pd

    return pd.DataFrame(columns=["trial", "step", "name", "value"])


def test_finals_stand_head_to_head(synthetic):
    elos = {2: (140.0, 150.0, 160.0), 0: (0.0, 10.0, -10.0)}
    events = [synthetic.question(), *tuning(), *finals(elos), product(12, against_course=150.0), product(14, "course")]
    found = section(events)
    rows = {(row.trial, row.note): row for row in found.after}
    assert (12, "winner, fresh") in rows and (10, "direct") in rows
    assert {row.trial: row.label for row in found.after}[10] == "2 (seed 1000000)"  # by its configuration, not its file
    assert found.called("trial 14") == "trial 0 (seed 1000001)" and found.called("house") == "house"
    assert all(row.rank is None for row in (*found.after, *found.laddered))
    assert found.columns == ("random",)
    told = run_state.run_of("run", events)
    for row in found.laddered:  # their rungs alone, however many direct matches against the same opponent there are
        side = told.trial(row.trial).rungs[-1].rating.by_opponent["random"]
        assert row.met["random"].total == side and row.rating is told.trial(row.trial).rating
    policy = next(policy for one in told.finals.configurations for policy in one.policies if policy.number == 10)
    direct = rows[10, "direct"].met
    assert direct["random"].total == policy.rated.random.by_opponent["random"]


@pytest.mark.parametrize(("ladder", "tag"), [("", "course"), ("yardstick-0123", "own")])
def test_in_another_game_no_configuration_is_the_courses(synthetic, ladder, tag):
    asked = synthetic.question()
    elos = {2: (140.0, 150.0, 160.0), 0: (0.0, 10.0, -10.0)}
    events = [replace(asked, ladder=ladder or asked.ladder), *tuning(), *finals(elos), product(14, "course")]
    notes = {row.note.partition(",")[0] for row in section(events).after}
    assert tag in notes and not ({"course", "own"} - {tag}) & notes


def test_after_tuning_the_courses_policies_stand_first_and_random_last(run):
    strengths = {"house": 1200.0, "random": 656.0, "chaser": 962.0}
    names = ["random", "trial 21", "trial seven", "house", "trial 3", "chaser"]
    assert sorted(names, key=lambda name: opponents._first(name, strengths)) == [
        "trial 3", "trial 21", "trial seven", "house", "chaser", "random",
    ]  # fmt: skip
    found = section(ledger.read(run.ledger), run)
    assert all(any(name in row.met for row in found.after) for name in found.after_columns)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400).filter(bool))
def test_percents_are_rounded_half_up(wins, draws, losses):
    one = match_results.Met(Side(wins=wins, draws=draws, losses=losses))
    assert one.percent == math.floor(Fraction(200 * wins + 100 * draws, 2 * one.matches) + Fraction(1, 2))


def test_the_lists_are_short_however_many_trials_there_are():
    matches = tuple(match_results.Match("random", 0, 1.0, 30, 50.0 - at) for at in range(200))
    row = match_results.Row(
        1, "1", "", 1, None, {"random": match_results.Met(Side(wins=200, draws=0, losses=0))}, matches
    )
    data = match_results.pack([row] * 1000, ("random",), 1, {}, 0.0, {})
    rows = unpacked(data)["rows"]
    assert [len(each[7][1]) for each in rows] == [match_results.LISTED] * 60 + [match_results.BRIEFLY] * 940
    assert rows[0][7][4] == 200


# --- in a browser ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(BROWSER is None, reason=MISSING)
def test_a_trial_is_picked_and_a_hostile_name_is_only_shown(synthetic, tmp_path):
    events = synthetic.synthetic_events(14, states=("complete",))
    place = max(at for at, e in enumerate(events) if isinstance(e, TrialRated) and e.candidate.trial == 7)
    mine = events[place].candidate
    records = [
        MatchRecord(
            number=n, pair=n // 2, a=mine.sha256, b="evil", a_team=n % 2, seed=1, environment="soccer-1",  # type: ignore[arg-type]
            result=float(n % 3 == 0), goals_a=int(n % 3 == 0), goals_b=int(n % 3 > 0), decisions=10 + n, time=1.7e9 + n,
        )
        for n in range(70)
    ]  # fmt: skip
    odd = replace(events[place].rating, by_opponent={EVIL: rating.side(records)}, elo=1500.0, low=1490.0, high=1510.0)
    events[place] = replace(events[place], rating=odd)
    folder = synthetic.write_run(tmp_path / "run", events, metrics=False)
    log.write(folder.trial(7).matches(mine.steps), records, {"evil": EVIL, mine.sha256: EVIL}, again=True)
    with chromium() as browser, shown(browser, page.build(folder), "#ranking") as report:
        assert report.is_hidden("#met-picker")
        report.click("#opponents summary h2")
        report.evaluate("document.getElementById('opponents').scrollIntoView()")
        until(report, "document.getElementById('opponents').dataset.ready === 'yes'")
        assert report.inner_text("#met-range") == "1 to 12 of 14 trials"
        assert report.input_value("#met-policy") == "7" and "Trial 7" in report.inner_text("#met-one")
        assert EVIL in report.inner_text("#met-one") and report.locator("#opponents img").count() == 0
        report.click("#met-one summary")
        lines = report.locator("#met-one .met-list tbody tr")
        assert lines.count() == match_results.LISTED and "The last 60 of 70" in report.inner_text("#met-one summary")
        assert lines.first.inner_text().split("\t")[1:4] == ["won", "purple", "7.9 s"]
        report.select_option("#met-side", "purple")
        blue, purple = (rating.side(r for r in records if r.a_team == team) for team in (0, 1))
        row = "#met tbody tr:first-child td:has(small)"
        assert f"{purple.wins}–0–{purple.losses}" in report.inner_text(row)
        report.select_option("#met-side", "gap")
        assert f"{blue.wins}–0–{blue.losses}" in report.inner_text(row)
        report.select_option("#met-side", "all")
        report.focus("#met-on")
        report.keyboard.press("Enter")
        assert report.inner_text("#met-range") == "13 to 14 of 14 trials" and report.is_disabled("#met-on")
        assert report.input_value("#met-from") == "12" and report.input_value("#met-pick") == ""
        last = report.locator("#met .pick-row").last
        last.press("Enter")
        assert report.inner_text("#met-one").startswith(f"Trial {last.inner_text()}")
        assert "no log of these matches" in report.inner_text("#met-one")
        report.set_viewport_size({"width": 360, "height": 800})
        until(report, "document.documentElement.scrollWidth <= 360")


def near(report) -> None:
    report.evaluate("document.getElementById('opponents').scrollIntoView()")
    until(report, "document.getElementById('opponents').dataset.ready === 'yes'")


CELLS = "[...document.querySelectorAll('#met tbody tr')].map((row) => [...row.querySelectorAll('td')].map((td) => [td.innerText, td.title]))"  # noqa: E501


@pytest.fixture(scope="module")
def odd(synthetic, tmp_path_factory):
    """A page of 30 trials, of which the best has played 15-0-9, against a name that would turn lines around."""
    events = synthetic.synthetic_events(30, states=("complete",))
    place = max(at for at, e in enumerate(events) if isinstance(e, TrialRated) and e.candidate.trial == 7)
    side = Side(wins=15, draws=0, losses=9)
    named = {TURNED: side, "random": side, LONG: side}
    best = replace(events[place].rating, by_opponent=named, elo=1500.0, low=1490.0, high=1510.0)
    events[place] = replace(events[place], rating=best)
    return page.build(synthetic.write_run(tmp_path_factory.mktemp("odd") / "run", events, metrics=False))


@pytest.mark.skipif(BROWSER is None, reason=MISSING)
def test_a_cell_says_the_same_before_and_after_its_script(odd):
    with chromium() as browser, shown(browser, odd, "#ranking") as report:
        report.click("#opponents summary h2")
        before = report.evaluate(CELLS)
        near(report)
        assert report.evaluate(CELLS) == before and any("63 %" in text for text, _ in before[0])
        assert report.get_attribute("#met-said", "aria-live") == "polite"
        assert report.locator("#met-one [aria-live]").count() == 1 and not report.get_attribute("#met-one", "aria-live")
        assert report.locator("#met thead bdi", has_text=TURNED).count() == 1
        assert report.locator("#met-faced bdi", has_text=TURNED).count() == 1
        report.set_viewport_size({"width": 360, "height": 800})
        until(report, "document.documentElement.scrollWidth <= 360")
        report.emulate_media(media="print")
        report.set_viewport_size({"width": 688, "height": 900})  # A4 less its margins
        assert report.evaluate("document.getElementById('met').offsetWidth") <= 688
        shut = "[...document.querySelectorAll('#met thead th')].filter((th) => getComputedStyle(th).display === 'none')"
        bare = "[...document.querySelectorAll('#met thead th')].slice(1).filter((th) => [...document.querySelectorAll('#met tbody tr')].every((row) => !row.cells[th.cellIndex].innerText))"  # noqa: E501
        assert report.evaluate(f"{shut}.length") == report.evaluate(f"{bare}.length") == 0
        report.evaluate("document.getElementById('met-on').click()")
        assert report.evaluate(f"{shut}.map((th) => th.innerText)") == [TURNED, LONG]
        assert report.evaluate(f"{shut}.length") == report.evaluate(f"{bare}.length")


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.skipif(BROWSER is None, reason=MISSING)
def test_what_was_picked_can_be_put_back(odd, begun):
    """As live.js does, whether the tables stand already or not."""
    put = "([id, value, event]) => { const at = document.getElementById(id); at.value = value; at.dispatchEvent(new Event(event)); }"  # noqa: E501
    with chromium() as browser, shown(browser, odd, "#ranking") as report:
        report.click("#opponents summary h2")
        if begun:
            near(report)
        for given in (["met-side", "purple", "change"], ["met-pick", "3", "input"], ["met-from", "24", "input"]):
            report.evaluate(put, given)
        if not begun:
            near(report)
        assert report.inner_text("#met-range") == "25 to 30 of 30 trials" and report.is_disabled("#met-on")
        assert report.inner_text("#met-said").startswith("Trial 3") and report.input_value("#met-policy") == "3"
        assert report.input_value("#met-side") == "purple"
        report.evaluate(put, ["met-pick", "no such trial", "input"])
        assert report.inner_text("#met-said").startswith("Trial 7")
