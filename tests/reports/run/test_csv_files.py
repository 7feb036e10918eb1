"""Tables beside the page: the same numbers as on it, for every kind of run."""

from dataclasses import replace

import pandas as pd
import pytest
from final_events import SEEDS, final, finals, product, trained, tuning

from reports.run import opponents, page, ranking, timeline
from trials import ledger, run_state
from trials.events import FinalsBegan, SweepEnded, TrialBegan, TrialRated
from trials.records import Side


@pytest.fixture
def read(written, synthetic):
    def build(events):
        run = written(events)
        page.build(run)
        return run, {path.stem: pd.read_csv(path) for path in sorted((run.path / "tables").glob("*.csv"))}

    return build


def test_they_hold_what_the_ledger_says(read, synthetic):
    run, found = read(synthetic.synthetic_events(12))
    told = run_state.run_of(run.name, ledger.read(run.ledger))
    ranked = ranking.ranking(told)
    assert list(found["ranking"]["trial"]) == [row.trial.number for row in ranked]
    best = found["ranking"].iloc[0]
    assert best["elo"] == pytest.approx(ranked[0].trial.rating.elo) and best["chosen"]
    assert best["wins"] + best["draws"] + best["losses"] == 120
    assert len(found["rungs"]) == sum(len(trial.rungs) for trial in told.trials)
    assert set(found["fresh"]["role"]) == {"winner", "course"}
    assert list(found["faults"]["trial"]) == [3, 11]
    assert {"still", "random"} <= set(found["opponents"]["opponent"])
    assert f"tables/{'ranking'}.csv" in run.report.read_text()


def test_matches_after_tuning_are_in_them(read, synthetic):
    elos = {2: (140.0, 150.0, 160.0), 0: (0.0, 10.0, -10.0)}
    events = [synthetic.question(), *tuning(), *finals(elos), product(12, against_course=150.0), product(14, "course")]
    run, found = read(events)
    told = run_state.run_of(run.name, ledger.read(run.ledger))
    policies = {policy.number: policy for one in told.finals.configurations for policy in one.policies}
    matches = found["finals_matches"].set_index(["trial", "against"])
    for number, policy in policies.items():
        expected = {"baseline": policy.rated.baseline, "random": policy.rated.random}
        expected |= {f"trial {course}": rating for course, rating in policy.met.items()}
        expected |= {"ladder": told.trial(number).rating}
        assert set(matches.loc[number].index) == set(expected)
        for against, rating in expected.items():
            row = matches.loc[(number, against)]
            assert (row["elo"], row["low"], row["high"]) == pytest.approx((rating.elo, rating.low, rating.high))
            assert (row["wins"], row["draws"], row["losses"]) == (rating.wins, rating.draws, rating.losses)
    final = {trial.number for trial in told.retrained}
    for name in ("rungs", "opponents"):
        frame = found[name]
        assert set(frame[frame["final"]]["trial"]) == final and not final & set(frame[~frame["final"]]["trial"])
    section = opponents.section(told, run)
    shown = {
        (f"trial {row.trial}", row.note, name): (one.total.wins, one.total.draws, one.total.losses)
        for row in (*section.after, *section.laddered)
        for name, one in row.met.items()
    }
    rows = found["met"].itertuples()
    assert {(row.a, row.what, row.b): (row.wins, row.draws, row.losses) for row in rows} == shown
    assert found["met"]["blue_wins"].isna().all()  # no log tells


def test_configurations_stand_with_their_intervals_over_seeds(read, synthetic):
    elos = {2: (140.0, 150.0, 160.0), 0: (0.0, 10.0, -10.0)}
    fewer = finals({number: few[:2] for number, few in elos.items()}, SEEDS[:2])  # looked at before
    run, found = read([synthetic.question(), *tuning(), *fewer, *finals(elos), product(12), product(14, "course")])
    told = run_state.run_of(run.name, ledger.read(run.ledger)).finals
    rows = found["configurations"].set_index("configuration")
    assert list(rows.index) == [2, 0] and list(rows["chosen"]) == [True, False] and list(rows["seeds"]) == [3, 3]
    assert list(rows["ladder"]) == [1000.0, 1000.0]
    for one in told.configurations:
        row, own = rows.loc[one.number], one.baseline
        assert (row["baseline"], row["baseline_low"], row["baseline_high"]) == pytest.approx(
            (own.elo, own.low, own.high)
        )
    best = told.configurations[0].against_course
    ends = (best.elo, best.low, best.high)
    assert tuple(rows.loc[2, ["against_course", "against_course_low", "against_course_high"]]) == pytest.approx(ends)
    assert rows.loc[2, "against_course_level"] == 0.975 and rows.loc[2, "baseline_level"] == 0.95
    assert rows.loc[0].filter(like="against_course").isna().all()


def test_the_courses_trial_is_among_the_parameters_with_what_it_holds_for_them(read, synthetic):
    _, found = read(synthetic.synthetic_events(6))
    course = found["parameters"].set_index("trial").loc[0]
    assert course["hyperparameters.learning_rate"] == 5e-4 and course["self_play.window"] == 10
    assert course["elo"] == found["ranking"].set_index("trial").loc[0, "elo"]
    assert set(found["parameters"]["trial"]) == set(found["ranking"].dropna(subset="elo")["trial"])


def test_a_course_that_the_space_can_express_has_one_row(read, synthetic):
    held = {"hyperparameters.learning_rate": 5e-4, "self_play.window": 10}
    events = [
        replace(event, spec=replace(event.spec, params=held))
        if isinstance(event, TrialBegan) and event.spec.number == 0
        else event
        for event in synthetic.synthetic_events(6)
    ]
    rows = read(events)[1]["parameters"].set_index("trial")
    assert rows.index.is_unique and rows.loc[0, "self_play.window"] == 10


def test_a_trial_of_another_budget_has_its_rating_and_no_rank(read, synthetic):
    events = synthetic.synthetic_events(4)
    spec = next(e.spec for e in events if isinstance(e, TrialBegan) and e.spec.number == 2)
    run, found = read([*events, *synthetic.further(spec, 4, events[-1].time + 10)])
    row = found["ranking"].set_index("trial").loc[4]
    assert pd.isna(row["rank"]) and row["elo"] == 1400 and row["wins"] > 0 and row["blue_wins"] > 0
    page = run.report.read_text()
    assert page.count("another budget: not ranked") == 1 and "not compared" not in page.split('id="reproduce"')[0]
    assert "· 4 trials ·" in page and '<option value="complete">complete (3)</option>' in page


def test_matches_against_a_baseline_beside_the_ladder_are_among_the_opponents(read, synthetic):
    own = replace(synthetic.rating(10, 40, 200, "direct"), by_opponent={"mine": Side(wins=90, draws=20, losses=90)})
    events = synthetic.synthetic_events(3)
    _, found = read([replace(e, baseline=own) if isinstance(e, TrialRated) else e for e in events])
    mine = found["opponents"][found["opponents"]["opponent"] == "mine"]
    assert len(mine) == len(found["rungs"]) and set(mine["wins"]) == {90}


def test_the_matches_over_time_are_all_that_were_played(read, synthetic):
    run, found = read(synthetic.synthetic_events(12))
    told = run_state.run_of(run.name, ledger.read(run.ledger))
    frame = found["matches_over_time"]
    total = sum(batch.wins + batch.draws + batch.losses for batch in timeline.batches(told))
    assert frame[["wins", "draws", "losses"]].sum().sum() == total == frame["so_far"].iloc[-1]
    begins = pd.to_datetime(frame["from"])
    assert begins.is_monotonic_increasing and abs(begins.iloc[0].timestamp() - told.first) < 7200
    rated = {rated.time for trial in told.trials for rated in trial.rungs}
    assert {pd.Timestamp(time).timestamp() for time in found["rungs"]["time"]} == {float(int(time)) for time in rated}


def test_an_empty_run_has_the_same_files(read, synthetic):
    _, whole = read(synthetic.synthetic_events(4))
    _, empty = read([synthetic.question()])
    assert set(whole) == set(empty) and all(frame.empty for name, frame in empty.items() if name != "settings")


def test_the_next_space_lies_beside_the_page(written, synthetic):
    run = written(synthetic.synthetic_events(4))
    page.build(run)
    assert "learning_rate: {log_float: [1e-5, 1e-3]}  # a comment to keep" in run.next_space.read_text()


@pytest.mark.parametrize("over", [True, False])
def test_a_final_training_that_was_cut_off_is_called_as_its_sweep_is(read, synthetic, over):
    chosen = FinalsBegan(time=2.0, configurations=(2, 0), course=0, seeds=SEEDS)
    cut = TrialBegan(time=9.0, spec=final(11, 2, SEEDS[1]))
    events = [synthetic.question(), *tuning(), chosen, *trained(10, 2, SEEDS[0], 50.0), cut]
    end = SweepEnded(time=30.0, state="interrupted", reason="", seconds=30.0, idle_share=0.0)
    run, found = read([*events, end] if over else events)
    assert list(found["finals"]["state"]) == ["complete", "stopped" if over else "running"]
    assert "1 of 2 trainings on fresh seeds ended" in run.report.read_text()
