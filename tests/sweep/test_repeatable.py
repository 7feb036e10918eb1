"""One slot, one seed, twice: the same proposals, far beyond the sampler's start-up, because trainings repeat too."""

from pathlib import Path

import pytest
from real_sweep import run_sweep

from trials import ledger
from trials.events import TrialBegan, TrialRated
from trials.folder import RunFolder

Told = tuple[list[dict[str, object]], list[tuple[int, str, float]]]


@pytest.mark.slow
def test_one_slot_and_one_seed_repeat_a_sweep(space_file: Path, tmp_path: Path) -> None:
    def sweep(name: str) -> Told:
        out = tmp_path / name
        done = run_sweep(*("run", str(space_file), "--slots", "1", "--trials", "8", "--seed", "11", "--out", str(out)))
        assert done.returncode == 0, done.stderr
        events = ledger.read(RunFolder(out).ledger)
        proposals = [dict(event.spec.params) for event in events if isinstance(event, TrialBegan)]
        rated = [event for event in events if isinstance(event, TrialRated)]
        return proposals, [(event.candidate.steps, event.candidate.sha256, event.rating.elo) for event in rated]

    first, second = sweep("first"), sweep("second")
    assert len(first[0]) == 8  # 2 of them are the sampler's start-up
    assert first == second
