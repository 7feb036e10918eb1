"""A trainer of another environment: its files are all that is known of it. Real trainings, over the wire."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import one_trial
import psutil
import pytest
import yaml
from one_trial import rated
from patience import now, survivors
from pydantic import TypeAdapter

from trials.arena.players import load as players
from trials.events import TrialRated, TrialResumed
from trials.folder import RunFolder, TrialFolder
from trials.learner import external, process, progress
from trials.records import Training, TrialSpec
from trials.soccer.executable import launcher
from trials.trial import Heartbeat, Trial

STOCK = os.environ.get("STOCK_MLAGENTS")
OTHER = f"""#!{sys.executable}
# mlagents' own entry point with nothing of the product's but what lets mlagents be imported here
import sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from trials.learner import compat
compat.apply()
from mlagents.trainers.learn import main
main()
"""


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """An mlagents-learn without our hooks; the real thing in this venv, unable to start without its mends."""
    path = tmp_path / "mlagents-learn"
    path.write_text(OTHER)
    path.chmod(0o755)
    return path


def spec_of(folder: Path, trainer: Path | str, **more: Any) -> TrialSpec:
    executable = folder / "SoccerTwos.x86_64"
    launcher.install(executable)
    given = {"steps": 12_000, "rungs": (4000, 12_000), "executable": str(executable), "trainer": str(trainer)}
    return one_trial.spec_of(**given | more)


def prepared(folder: Path, spec: TrialSpec) -> TrialFolder:
    """A trial's folder `0000` as its trainer finds it."""
    files = TrialFolder(folder / "0000")
    files.path.mkdir()
    files.spec.write_bytes(TypeAdapter(TrialSpec).dump_json(spec))
    files.trainer_yaml.write_text(yaml.safe_dump(dict(spec.config)))
    return files


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def lived(trial: Trial, kill_at: int | None = None) -> list[Any]:
    news: list[Any] = []
    deadline = now() + 240
    while not (news and isinstance(news[-1], Training)):
        assert now() < deadline, news
        happened = trial.advance(0.2)
        if not isinstance(happened, Heartbeat):
            news.append(happened)
        elif kill_at is not None and happened.step >= kill_at:
            kill_at = None
            os.kill(trial.process.pid, signal.SIGKILL)
    return news


def test_an_external_trainer_trains_and_goes_on_after_a_kill(other: Path, tmp_path: Path) -> None:
    trial = Trial(spec_of(tmp_path, other), RunFolder(tmp_path / "run"), rated)
    *news, end = lived(trial, kill_at=5000)
    (resumed,) = [each for each in news if isinstance(each, TrialResumed)]
    ratings = [each for each in news if isinstance(each, TrialRated)]
    assert resumed.resumed >= 3900 and "SIGKILL" in resumed.reason
    assert [each.rung for each in ratings] == [4000, 12_000] and ratings[0].candidate.steps < 5000
    assert end.fault == "none" and end.candidate == ratings[-1].candidate and end.steps >= 12_000
    rows = [yaml.safe_load(line) for line in trial.files.metrics.read_text().splitlines()]
    assert [row["step"] for row in rows] == sorted({row["step"] for row in rows}) and rows[-1]["step"] == 12_000
    assert any("Policy/Entropy" in row for row in rows) and any("Losses/Policy Loss" in row for row in rows)
    assert trial.files.log.read_text().count("Connected to Unity environment") == 2


@pytest.mark.parametrize(("horizon", "interval"), [(64, 500_000), (1000, 500_000), (1000, 2000), (64, 900)])
def test_its_first_export_behind_a_rung_is_a_trajectory_behind_it_at_most(
    horizon: int, interval: int, other: Path, tmp_path: Path
) -> None:
    """mlagents exports what it had before the trajectory that reaches a multiple of the interval."""
    behavior = {"time_horizon": horizon, "checkpoint_interval": interval}
    spec = spec_of(tmp_path, other, behavior=behavior)
    files = prepared(tmp_path, spec)
    external._command(files, spec, 20_000, False)
    told = yaml.safe_load((files.path / "external.yaml").read_text())["behaviors"]["SoccerTwos"]["checkpoint_interval"]
    steps, exported, lengths = 0, [], random.Random(1)
    while steps < spec.steps:
        after = steps + lengths.randint(1, horizon)
        if after // told > steps // told:
            exported.append(steps)
        steps = after
    assert 0 <= min(at for at in exported if at >= spec.rungs[0]) - spec.rungs[0] <= horizon + 10  # rounded up


def test_stopping_one_waits_for_its_export(other: Path, tmp_path: Path) -> None:
    trial = Trial(spec_of(tmp_path, other, steps=200_000, rungs=(200_000,)), RunFolder(tmp_path / "run"), rated)
    while progress.read(trial.files).step < 2000:
        trial.advance(0.2)
    end = trial.stop()
    assert end.fault == "none" and end.candidate is not None and end.candidate.steps >= 2000


def test_one_that_cannot_start_says_so(tmp_path: Path) -> None:
    bad = tmp_path / "mlagents-learn"
    bad.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'mlagents'\" >&2\nexit 1\n")
    bad.chmod(0o755)
    (end,) = lived(Trial(spec_of(tmp_path, bad), RunFolder(tmp_path / "run"), rated))
    assert end.fault == "setup" and "No module named 'mlagents'" in end.reason
    assert "--trainer must be an mlagents-learn that trains" in end.reason
    bad.write_text(f"#!{tmp_path / 'gone'}\n")
    (end,) = lived(Trial(spec_of(tmp_path, bad), RunFolder(tmp_path / "without"), rated))
    assert end.fault == "setup" and "--trainer must be an mlagents-learn that can be started here, but" in end.reason
    nothing = tmp_path / "nothing"
    nothing.write_text("#!/bin/sh\n")
    nothing.chmod(0o755)
    (end,) = lived(Trial(spec_of(tmp_path, nothing), RunFolder(tmp_path / "other"), rated))
    assert end.fault == "setup" and "ended with status 0 before its first export" in end.reason


def test_half_a_summary_of_an_earlier_life_and_a_disk_that_refuses_are_no_fault_of_the_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = TrialFolder(tmp_path / "0000")
    files.path.mkdir()
    files.spec.write_bytes(TypeAdapter(TrialSpec).dump_json(spec_of(tmp_path, tmp_path / "mlagents-learn")))
    files.metrics.write_text('{"step": 1000}\n{"step": 20')

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(files.progress))

    monkeypatch.setattr(external, "Progress", full)
    monkeypatch.setattr(external.signal, "signal", lambda *_: None)
    assert process.run(external.main, files.path) == process.SETUP_EXIT
    assert capsys.readouterr().err.startswith("set-up: the disk must have room, but ")


TORN = f"""
import os
from pathlib import Path
into = Path(__file__).parent / "0000" / "mlagents" / "SoccerTwos"
into.mkdir(parents=True)
whole = Path({str(players.HOUSE)!r}).read_bytes()
(into / "SoccerTwos-4001.onnx").write_bytes(whole)
(into / "SoccerTwos-8002.onnx").write_bytes(whole[: len(whole) // 2])
os.kill(os.getpid(), 9)
"""


def test_half_an_export_of_one_that_was_killed_is_no_candidate(tmp_path: Path) -> None:
    files = prepared(tmp_path, spec_of(tmp_path, program(tmp_path / "mlagents-learn", TORN)))
    done = subprocess.run([sys.executable, "-m", process.EXTERNAL, files.path], capture_output=True, check=False)
    assert done.returncode == process.MACHINE_EXIT and b"SIGKILL" in done.stderr
    assert [steps for steps, _ in process.exported(files)] == [4001]


DEAF = """
import os, signal, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.SIG_IGN)
if os.fork() == 0:  # as mlagents' worker of an environment
    Path(__file__).with_name("fork").write_text(str(os.getpid()))
time.sleep(600)
"""

ORPHAN = """
import sys
from pathlib import Path
from trials.learner import external
external.POLL_S, external.ORPHAN_GRACE_S = 0.1, 0.3
external.main(Path(sys.argv[1]))
"""


def test_what_a_deaf_one_forked_ends_with_it_where_nobody_else_is_left_to_see_to_it(tmp_path: Path) -> None:
    fork, files = tmp_path / "fork", prepared(tmp_path, spec_of(tmp_path, program(tmp_path / "mlagents-learn", DEAF)))
    words = [sys.executable, "-c", ORPHAN, str(files.path)]
    worker = subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run({words!r})"])
    deadline = now() + 60
    while not (fork.exists() and fork.read_text()):
        assert now() < deadline
        time.sleep(0.05)
    tree = [psutil.Process(int(fork.read_text()))]
    tree += tree[0].parents()[:2]
    worker.kill()
    worker.wait()
    left = survivors(tree, 10)
    for each in left:
        each.kill()
    assert left == []


@pytest.mark.skipif(STOCK is None, reason="STOCK_MLAGENTS names no stock environment's mlagents-learn (Python 3.10)")
def test_the_stock_trainer_of_python_3_10(tmp_path: Path) -> None:
    *news, end = lived(Trial(spec_of(tmp_path, STOCK or ""), RunFolder(tmp_path / "run"), rated))
    assert [each.rung for each in news] == [4000, 12_000] and end.fault == "none"
