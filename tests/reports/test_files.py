"""Tables beside the page: the same numbers as on it, for every kind of run."""

import pandas as pd
import pytest

from reports import page, tables
from trials import ledger


@pytest.fixture
def read(written, synthetic):
    def build(events):
        run = written(events)
        page.build(run)
        return run, {path.stem: pd.read_csv(path) for path in sorted((run.path / "tables").glob("*.csv"))}

    return build


def test_they_hold_what_the_ledger_says(read, synthetic):
    run, found = read(synthetic.synthetic_events(12))
    told = tables.run_of(run.name, ledger.read(run.ledger))
    ranked = tables.ranking(told)
    assert list(found["ranking"]["trial"]) == [row.trial.number for row in ranked]
    best = found["ranking"].iloc[0]
    assert best["elo"] == pytest.approx(ranked[0].trial.rating.elo) and best["chosen"]
    assert best["wins"] + best["draws"] + best["losses"] == 120
    assert len(found["rungs"]) == sum(len(trial.rungs) for trial in told.trials)
    assert set(found["fresh"]["role"]) == {"winner", "course"}
    assert list(found["faults"]["trial"]) == [3, 11]
    assert {"still", "random"} <= set(found["opponents"]["opponent"])
    assert f"tables/{'ranking'}.csv" in run.report.read_text()


def test_an_empty_run_has_the_same_files(read, synthetic):
    _, whole = read(synthetic.synthetic_events(4))
    _, empty = read([synthetic.question()])
    assert set(whole) == set(empty) and all(frame.empty for name, frame in empty.items() if name != "settings")


def test_the_next_space_lies_beside_the_page(written, synthetic):
    run = written(synthetic.synthetic_events(4))
    page.build(run)
    assert "learning_rate: {log_float: [1e-5, 1e-3]}  # a comment to keep" in run.next_space.read_text()
