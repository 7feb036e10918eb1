import errno
import math
import os
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from trials.errors import BadTrial, LostTrial, SetupError
from trials.learner import health
from trials.learner.health import LENGTH, REWARD, Health
from trials.records import TrialSpec


def spec(steps: int, behavior: str = "SoccerTwos", trainer: str = "poca") -> TrialSpec:
    config = {"behaviors": {behavior: {"trainer_type": trainer}}}
    return TrialSpec(
        number=0, origin="fixed", params={}, config=config, seed=1, steps=steps, fields=8, threads=1, rungs=(steps,)
    )


@pytest.mark.parametrize(
    "state",
    [
        Health(spec(200_000, "Paddles")),  # nobody knows how soon another game is won
        Health(spec(200_000, trainer="ppo")),  # mlagents' ppo does not write the statistic
        Health(replace(spec(200_000), parent=3)),
        Health(spec(200_000), [{"step": 80_000, REWARD: 0.1}]),  # it was stopped after that, and goes on
    ],
)
def test_where_no_goal_says_nothing(state: Health) -> None:
    for step in range(10_000, 200_001, 10_000):
        state.look({REWARD: 0.0, LENGTH: 999.0}, step)


@pytest.mark.parametrize("loss", (math.nan, math.inf, -math.inf))
def test_a_loss_that_is_no_number_ends_the_trial(loss: float) -> None:
    state = Health(spec(1_000_000))
    state.look({"Losses/Policy Loss": 0.1, REWARD: 1.0}, 1000)
    with pytest.raises(BadTrial, match=r"losses must be numbers, but Losses/Value Loss is -?(nan|inf) at step 2,000"):
        state.look({"Losses/Value Loss": loss}, 2000)


def test_other_statistics_may_be_what_they_like() -> None:
    Health(spec(1_000_000)).look({"Policy/Extrinsic Value": math.nan}, 1000)


@pytest.mark.parametrize(("budget", "given_up"), [(200_000, 100_000), (1_000_000, 400_000), (50_000, None)])
def test_a_training_without_a_goal_is_given_up_in_time(budget: int, given_up: int | None) -> None:
    state = Health(spec(budget))
    for step in range(10_000, budget + 1, 10_000):
        summary = {REWARD: 0.0, LENGTH: 999.0}
        if given_up is None or step < given_up:
            state.look(summary, step)
            continue
        with pytest.raises(BadTrial, match=f"none fell in {given_up:,} steps"):
            state.look(summary, step)
        return
    assert given_up is None


def test_one_goal_is_enough_and_silence_is_no_evidence() -> None:
    state = Health(spec(1_000_000))
    state.look({REWARD: -0.02}, 10_000)
    state.look({REWARD: 0.0, LENGTH: 999.0}, 900_000)
    Health(spec(1_000_000)).look({"Policy/Entropy": 3.0}, 900_000)  # no episode was completed since


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (OSError(errno.ENOSPC, "full"), SetupError, "the disk must have room, but {folder} has none left"),
        (OSError(errno.EIO, "input", "{folder}/mlagents/x"), LostTrial, "input"),
        (
            FileNotFoundError(errno.ENOENT, "gone", "/no.demo"),
            BadTrial,
            "FileNotFoundError: [Errno 2] gone: '/no.demo'",
        ),
        (FileNotFoundError(errno.ENOENT, "gone", "{folder}/mlagents/x"), LostTrial, "gone"),
        (FileNotFoundError("no demonstrations"), BadTrial, "FileNotFoundError: no demonstrations"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), LostTrial, "ConnectionResetError: [Errno 104] reset"),
    ],
)
def test_whose_fault_a_refusal_of_the_system_is(error: OSError, kind: type, said: str, tmp_path: Path) -> None:
    if error.filename:
        error.filename = error.filename.replace("{folder}", str(tmp_path))
    found = health.of_system(error, tmp_path)
    assert type(found) is kind and said.format(folder=tmp_path) in str(found)


def test_a_full_disk_is_noticed_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    health.room(tmp_path)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5 * 2**20))
    with pytest.raises(SetupError, match=f"must have 200 MiB free to train on, but {os.fspath(tmp_path)} has 5"):
        health.room(tmp_path)
