"""`sweep extend`: a finished trial trained further, with real trainers."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from events import ended, rebuilt, spec_of, training
from final_events import question
from real_sweep import Command, Finished, json_of, run_sweep
from rich.console import Console

from reports.run import ranking
from search_spaces import load
from sweep import settings
from sweep.cluster import run_storage
from sweep.driver import extend
from trials import ledger, run_state
from trials.errors import SetupError, UsageError
from trials.events import TrialBegan, TrialEnded, TrialRated
from trials.folder import RunFolder, driving
from trials.records import Training


def test_a_finished_trial_is_trained_further_with_another_configuration(copied: RunFolder) -> None:
    before = ledger.read(copied.ledger)
    words = ("extend", str(copied.path), "--trial", "0", "--steps", "3000", "--set", "hyperparameters.beta=1e-3")
    done = run_sweep(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    events = ledger.read(copied.ledger)
    assert events[: len(before)] == before
    parent = next(e for e in before if isinstance(e, TrialEnded) and e.trial == 0)
    assert f"trial 4 goes on from trial 0 at {parent.steps:,} steps, for 3,000 more" in done.stdout
    began, rated, ended = events[len(before) :]
    assert isinstance(began, TrialBegan) and isinstance(rated, TrialRated) and isinstance(ended, TrialEnded)
    spec = began.spec
    assert (spec.number, spec.parent, spec.origin, spec.steps) == (4, 0, "extended", parent.steps + 3000)
    assert spec.config["behaviors"]["SoccerTwos"]["hyperparameters"]["beta"] == 0.001
    assert spec.params["hyperparameters.beta"] == 0.001
    assert ended.state == "complete" and ended.steps >= spec.steps
    log = copied.trial(4).log.read_text()
    assert f"Resuming training from step {parent.steps}" in log
    rows = [json.loads(line) for line in copied.trial(4).metrics.read_text().splitlines()]
    assert all(row["step"] > parent.steps for row in rows)

    # of another budget: told, never ranked, never chosen, never learned from
    run = run_state.run_of("x", events)
    speed = (ended.steps - parent.steps) / ended.train_seconds  # of what it trained itself
    assert run.trials[4].steps_per_second == speed and f"steps, {speed:,.0f} steps/s" in done.stdout
    assert {row.trial.number: row.rank for row in ranking.ranking(run)}[4] is None
    assert run_state.choose(events) == run_state.choose(before)
    assert "extends 0</span>" in copied.report.read_text()
    status = json_of(run_sweep("status", str(copied.path), "--json"))
    assert status["trials"][4]["origin"] == "extended"  # type: ignore[index]


def test_the_rebuilt_study_is_that_of_the_sweep_alone(finished: Finished, space_file: Path) -> None:
    events = ledger.read(finished.run.ledger)
    spec = next(e.spec for e in events if isinstance(e, TrialBegan))
    extended = TrialBegan(time=1.0, spec=replace(spec, number=4, origin="extended", parent=0))
    found = rebuilt([*events, extended], load(str(space_file)), 3, 2)
    assert [trial.state.name for trial in found.trials[4:]] == ["FAIL"]  # its number is taken, and that is all
    assert found.trials[4].params == {}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--trial", "9"), "--trial must be one of the run's, 0 to 3, but got 9"),
        (("--set", "beta"), "--set must be KEY=VALUE"),
        (
            ("--set", "network_settings.hidden_units=64"),
            "must stay as the checkpoint",
        ),
        (("--set", "max_steps=5"), "--set must leave the budget to --steps, but got 'max_steps=5'"),
        (("--set", "trainer_type=ppo"), "trainer_type must stay as the checkpoint"),
        (
            ("--set", "reward_signals.extrinsic.network_settings.hidden_units=8"),
            "network_settings must stay as the checkpoint",
        ),
        (("--set", "hyperparameters.bta=1"), "did you mean beta?"),
        (("--set", "hyperparameters.beta=x"), "beta"),
        (("--set", "hyperparameters.beta.x=1"), "beta"),
    ],
)
def test_what_cannot_be_extended_is_refused_and_nothing_written(
    words: tuple[str, ...], line: str, copied: RunFolder, command: Command
) -> None:
    before = copied.ledger.read_bytes()
    done = command("extend", str(copied.path), "--trial", "0", "--steps", "1000", *words)
    assert done.returncode == (2 if line.startswith(("--trial must", "--set must")) else 1)
    assert line in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert copied.ledger.read_bytes() == before and not copied.trial(4).path.exists()


@pytest.mark.parametrize(("what", "then"), [("ladder", "ladder-2"), ("environment", "soccer-0")])
def test_a_run_on_another_ladder_is_not_extended(what: str, then: str, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    settings.write(settings.make(space="quick", out=run.path), run.settings)
    began = replace(question(), baseline_sha256="", **{what: then})  # type: ignore[arg-type]
    ledger.append(run.ledger, began, TrialBegan(time=1.0, spec=spec_of(0)), ended(0))
    before = run.ledger.read_bytes()
    with pytest.raises(SetupError, match=f"must go on as it began, but its {what} was {then} and the installed one"):
        extend.extend(run, 0, 1000, (), Console(quiet=True))
    assert run.ledger.read_bytes() == before and not run.trials.exists()


def test_a_trial_without_a_checkpoint_cannot_be_extended(copied: RunFolder, command: Command) -> None:
    shutil.rmtree(copied.trial(0).results)
    done = command("extend", str(copied.path), "--trial", "0", "--steps", "1000")
    assert done.returncode == 1 and "must have a checkpoint" in done.stderr


def test_an_extension_that_is_cut_off_takes_its_number_and_leaves_no_checkpoint_to_others(
    copied: RunFolder, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied.trial(4).results / "SoccerTwos").mkdir(parents=True)
    (copied.trial(4).results / "SoccerTwos" / "SoccerTwos-999.pt").write_bytes(b"of one that was cut off before")
    copies = iter([shutil.copyfile])

    def full(source: Path, target: Path) -> Path:
        if (copy := next(copies, None)) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return copy(source, target)

    monkeypatch.setattr(extend.shutil, "copyfile", full)
    assert command("extend", str(copied.path), "--trial", "0", "--steps", "1000").returncode == 1
    left = [path.name for path in copied.trial(4).results.glob("*/*.pt")]
    assert "SoccerTwos-999.pt" not in left
    events = ledger.read(copied.ledger)
    assert isinstance(events[-1], TrialBegan) and events[-1].spec.number == 4
    assert run_state.past_of(events).unfinished == ()


@pytest.mark.parametrize("value", ["{strength: 0.1}", "[1, 2]", "null", "2026-01-01"])
def test_a_key_is_set_to_a_number_or_a_word(value: str) -> None:
    with pytest.raises(UsageError, match="--set must give a number or a word, but got 'reward_signals"):
        extend._changed(spec_of(0).config, [f"reward_signals.curiosity={value}"])


def test_an_extension_that_could_not_train_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused:
        """A trial whose trainer cannot start on this machine."""

        def __init__(self, *_: object) -> None: ...

        def advance(self, _: float) -> Training:
            return self.stop()

        def stop(self) -> Training:
            return training("setup", "no executable")

    monkeypatch.setattr(extend, "Trial", Refused)
    monkeypatch.setattr(extend.page, "build", lambda run: run.report)
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    spec = replace(spec_of(4), origin="extended", parent=0)
    try:
        status = extend._train(RunFolder(tmp_path), spec, lambda *_: pytest.fail(), Console(quiet=True), 0)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert status == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_extension_that_a_script_began_in_the_background(
    number: signal.Signals, copied: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Signalled:
        """A trial that never ends of itself."""

        asked = 0

        def __init__(self, *_: object) -> None: ...

        def advance(self, _: float) -> None:
            self.asked += 1
            assert self.asked < 3
            os.kill(os.getpid(), number)

        def stop(self) -> Training:
            return training()

    monkeypatch.setattr(extend, "Trial", Signalled)
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert extend.extend(copied, 0, 1000, (), Console(quiet=True)) == 130
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert ledger.read(copied.ledger)[-1].state == "stopped"  # type: ignore[attr-defined]


def test_steps_a_second_are_of_its_own_steps_even_if_its_parent_trains_on() -> None:
    parent, child = spec_of(1), replace(spec_of(2, steps=400), origin="extended", parent=1)
    cut = replace(ended(1, "stopped"), steps=100)
    end = replace(ended(2), steps=300, train_seconds=10.0)
    events = [TrialBegan(time=1.0, spec=parent), cut, TrialBegan(time=1.0, spec=child), end]
    events += [TrialBegan(time=1.0, spec=parent), ended(1)]
    assert run_state.run_of("x", events).trials[1].steps_per_second == 20


def test_a_run_has_one_driver(copied: RunFolder) -> None:
    script = (
        "import sys, time\nfrom trials.folder import *\n"
        "with driving(RunFolder(Path(sys.argv[1]))):\n    print(1, flush=True)\n    time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(copied.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "1\n"
        with pytest.raises(SetupError, match="one driver at a time"), driving(copied):
            pass
    finally:
        holder.kill()  # as by SIGKILL: the lock goes with it
        holder.communicate()
    with driving(copied):
        pass


def test_checkpoints_that_a_cluster_left_in_the_storage_are_fetched(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    made = settings.make(space="quick", out=run.path, storage=str(tmp_path / "kept"))
    run_storage.storage_of(made).write("trials/0003/mlagents/SoccerTwos/checkpoint.pt", b"weights")
    run_storage.have_checkpoints(run, made, [3])
    assert (run.trial(3).results / "SoccerTwos" / "checkpoint.pt").read_bytes() == b"weights"
    gone = settings.make(space="quick", out=run.path, storage="s3://b/x?endpoint_override=http://127.0.0.1:9")
    with pytest.raises(SetupError, match="storage must answer"):
        run_storage.have_checkpoints(run, gone, [4])
