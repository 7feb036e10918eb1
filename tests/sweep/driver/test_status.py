"""What `sweep status` says of a ledger that several drivers wrote."""

from pathlib import Path

from events import ended, rated, spec_of

from sweep.driver import status
from trials import ledger
from trials.events import TrialBegan, TrialResumed
from trials.folder import RunFolder


def test_a_trial_that_a_second_driver_began_again_keeps_its_rating_and_its_resumes(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    events = (
        TrialBegan(time=1.0, spec=spec_of(0)),
        rated(0, 100, 1000.0),
        TrialResumed(time=3.0, trial=0, reason="its trainer died", reached=120, resumed=107),
        TrialBegan(time=4.0, spec=spec_of(0)),
        TrialBegan(time=5.0, spec=spec_of(1)),
        ended(1, "failed"),
    )
    for event in events:
        ledger.append(run.ledger, event)
    first, second = status.summary(run)["trials"]
    assert (first["state"], first["elo"], first["steps"], first["resumed"]) == ("running", 1000.0, 107, 1)
    assert (second["state"], second["reason"], "elo" in second) == ("failed", "because", False)
    assert status.table(status.summary(run)).row_count == 2


def test_a_line_about_a_trial_that_nobody_began_is_passed_over(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for event in (rated(7, 100, 1000.0), ended(7)):
        ledger.append(run.ledger, event)
    assert status.summary(run)["trials"] == []
