"""A sweep of another game on a real Ray cluster: its yardstick travels, a node dies, and one with another build gets no
trial."""

import shutil
from pathlib import Path

import paddles
import pytest
from ray_cluster import drive, ray_cluster, said

from sweep.cluster.nodes import _question
from sweep.cluster.versions import installed
from trials import ledger
from trials.arena.games import executable
from trials.arena.ratings import ladder_file
from trials.events import SweepEnded, TrialEnded, TrialRated, TrialResumed
from trials.folder import RunFolder
from trials.storage import storage

SPACE = """
sweep: {trials: 2, scheduler: none, steps: 6000, first_rung: 0.5, rating_matches: 16, fresh_matches: 16, final_seeds: 0}
default_settings:
  trainer_type: ppo
  hyperparameters: {batch_size: 128, buffer_size: 1024, learning_rate: {log_float: [1e-3, 4e-3]}}
  network_settings: {hidden_units: 32, num_layers: 1}
  time_horizon: 64
  self_play: {save_steps: 500, team_change: 1500, swap_steps: 250, window: 4}
behaviors: {Pair: {trainer_type: poca}, Single: {}}
"""


@pytest.mark.timeout(1800)  # by the clock: of trainings and a cluster
def test_a_sweep_of_two_behaviors_outlives_a_node(tmp_path: Path) -> None:
    (tmp_path / "uneven.yaml").write_text(SPACE)
    env, log, kept = paddles.write(tmp_path, "uneven"), tmp_path / "log", tmp_path / "kept"
    with ray_cluster(tmp_path / "ray") as cluster:
        nodes = [cluster.join(), cluster.join()]
        words = ("--env", str(env), "--out", "out", "--slots", "2", "--storage", str(kept))
        driver = drive(cluster, "run", "uneven.yaml", *words, log=log, cwd=tmp_path)
        said(log, " at 3,", driver)  # a first rung, half of the budget
        nodes[0].look()
        nodes[0].raylet.kill()
        nodes[0].process.kill()
        assert driver.wait() == 0 and "is gone; its trials go on elsewhere" in log.read_text(), log.read_text()
    run = RunFolder(tmp_path / "out")
    events, measure = ledger.read(run.ledger), ladder_file.read(run.yardstick)
    assert [event.state for event in events if isinstance(event, TrialEnded)] == ["complete"] * 2
    assert any(isinstance(event, SweepEnded) and event.state == "complete" for event in events)
    assert any(isinstance(event, TrialResumed) for event in events)
    rated = [event for event in events if isinstance(event, TrialRated)]
    assert {(event.rung, event.rating.ladder) for event in rated} == {(3000, measure.version), (6000, measure.version)}
    for event in rated:
        assert {path.name for path in (run.path / event.candidate.path).iterdir()} == {"Pair.onnx", "Single.onnx"}
        assert run.trial(event.candidate.trial).matches(event.candidate.steps).is_file()
    assert (kept / "out" / "yardstick.json").read_bytes() == run.yardstick.read_bytes()
    assert {path.name for path in run.best.iterdir()} == {"Pair.onnx", "Single.onnx", "configuration.yaml"}


def test_a_node_must_have_the_very_build(tmp_path: Path) -> None:
    env, kept = paddles.write(tmp_path), storage(str(tmp_path / "kept"))
    kept.write(".seen", b"token")
    programs = ((str(env), executable.version(env)), (shutil.which("env") or "", ""))
    ask = _question(kept.address, "token", programs, installed())
    assert ask()["wrong"] == ""
    before = executable.version(env)
    env.write_text(env.read_text() + "# mended\n")
    assert ask()["wrong"] == (
        f"it has another build at {env} ({executable.version(env)} in place of {before}); copy one to all machines"
    )
    env.unlink()
    assert ask()["wrong"] == f"it has no executable {env}"
    other = _question(kept.address, "token", programs, installed() | {"code": "0"})
    assert other()["wrong"] == ""  # what is installed there is another, which is told first
