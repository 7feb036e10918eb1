"""What the orchestrator itself costs a sweep of many trials: real Ray, controller, study and ledger, no training."""

import json
import subprocess
import sys
from pathlib import Path

import many_trials
import pytest

from trials import ledger
from trials.events import TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder

Row = dict[str, float]


def costs(run: RunFolder, trials: int, slots: int) -> list[Row]:
    """Sweep, check the ledger, and give what was printed."""
    done = subprocess.run(
        [sys.executable, many_trials.__file__, str(run.path), str(trials), str(slots)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    events = ledger.read(run.ledger)
    began = [event.spec for event in events if isinstance(event, TrialBegan)]
    assert [spec.number for spec in began] == list(range(trials))
    assert len({json.dumps(dict(spec.params)) for spec in began}) == trials
    ended = [event for event in events if isinstance(event, TrialEnded)]
    assert sorted(event.trial for event in ended) == list(range(trials))
    assert {event.state for event in ended} == {"complete", "pruned"}
    rungs = [(event.candidate.trial, event.rung) for event in events if isinstance(event, TrialRated)]
    assert len(set(rungs)) == len(rungs)
    assert not (run.path / "ray").exists() and run.report.is_file()
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_many_trials_take_turns_on_their_slots(tmp_path: Path) -> None:
    (row,) = costs(RunFolder(tmp_path / "run"), many_trials.EVERY, 4)
    assert row["workers"] <= 2 * 4  # each takes one trial after another
    assert row["tune_mib"] < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("slots", (2, 8))
def test_no_trial_costs_more_for_those_before_it(slots: int, tmp_path: Path) -> None:
    rows = {int(row["trials"]): row for row in costs(RunFolder(tmp_path / "run"), 500, slots)}
    print(f"\n\n{slots} slots, 500 trials of a stand-in trainer\n")
    print(
        "| trials | s each | driver's CPU, ms each | proposing, ms each | driver MiB | tree MiB | processes | run MiB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for first, last in ((25, 50), (50, 100), (100, 250), (250, 500)):
        each, row = of_each(rows[first], rows[last]), rows[last]
        print(
            f"| {last} | {each['seconds']:.2f} | {1000 * each['cpu_seconds']:.0f}"
            f" | {1000 * each['propose_seconds']:.0f} | {row['rss_mib']:.0f} | {row['tree_rss_mib']:.0f}"
            f" | {row['processes']:.0f} | {row['run_mib']:.0f} |"
        )
    early, late = of_each(rows[50], rows[250]), of_each(rows[250], rows[475])
    print("each:", {name: round(value, 4) for name, value in late.items()})
    assert late["seconds"] < 1.5 * early["seconds"]
    assert late["cpu_seconds"] < 2 * early["cpu_seconds"] + 0.02  # TPE looks at all trials before
    for name in ("run_mib", "run_files", "study_mib", "ledger_mib"):
        assert late[name] < 1.2 * early[name], name
    assert late["rss_mib"] < 0.3 and late["session_mib"] < 0.05 and late["tune_mib"] < 0.01
    assert rows[475]["processes"] <= rows[50]["processes"] + slots


def of_each(first: Row, last: Row) -> Row:
    """What each trial between two rows added."""
    return {name: (last[name] - first[name]) / (last["trials"] - first["trials"]) for name in first}
