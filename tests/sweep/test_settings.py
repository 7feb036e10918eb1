"""Settings: defaults from the space, the command line on top, bad values refused by name."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import load
from sweep import settings
from trials.errors import SetupError, SpaceError

OUT = Path("runs/x")


def slots(space: str, asked: dict[str, object]) -> int | None:
    loaded = load(space)
    return settings.slots_of(settings.of_space(space, loaded, asked | {"out": OUT}), loaded)


def test_the_space_gives_defaults_and_the_command_line_overrides() -> None:
    quick = load("quick")
    made = settings.of_space("quick", quick, {"out": OUT, "trials": 3, "steps": None, "slots": None})
    assert made.trials == 3
    assert made.steps == quick.sweep.steps
    assert made.fields == quick.sweep.fields


def test_a_run_names_its_programs_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = settings.make(space="quick", out=OUT, env="builds/Tennis", trainer="bin/mlagents-learn").located()
    assert (made.env, made.trainer) == (f"{tmp_path}/builds/Tennis", f"{tmp_path}/bin/mlagents-learn")
    monkeypatch.chdir("/")
    assert made.located() == made and made.executable == made.env
    plain = settings.make(space="quick", out=OUT)
    assert plain.located() == plain


def test_a_space_without_parameters_is_one_trial() -> None:
    made = settings.of_space("course", load("course"), {"out": OUT, "final_seeds": 0})
    assert (made.trials, settings.slots_of(made, load("course")), made.steps) == (1, 1, 10_000_000)


def test_finals_fill_the_slots_where_tuning_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "local_slots", lambda cores: 64)
    assert slots("course", {"final_seeds": 3}) == 3
    assert slots("quick", {"final_seeds": 5, "finalists": 2}) == 15
    assert slots("quick", {"final_seeds": 0}) == 8


def test_no_more_trials_run_at_once_than_there_are_cores_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.psutil, "cpu_count", lambda: 12)
    monkeypatch.setattr(settings, "TRIAL_MEMORY_GIB", 1e-3)
    made = [slots("quick", {"cpus_per_trial": each}) for each in (0.5, 1, 5, 24)]
    assert made == [8, 8, 2, 1]  # quick has eight trials


def test_what_a_machine_holds_is_asked_where_the_sweep_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a sweep that nobody gave slots: begun here it takes a whole cluster, begun there all that this machine has."""
    monkeypatch.setattr(settings, "local_slots", lambda cores: 4)
    for begun, on in ((None, "head:6379"), ("head:6379", None)):
        made = settings.of_space("quick", load("quick"), {"out": OUT, "ray_address": begun})
        settings.write(made, tmp_path / "sweep.yaml")
        again = replace(settings.read(tmp_path / "sweep.yaml"), ray_address=on)
        assert settings.slots_of(again, load("quick")) == (4 if on is None else None)
    assert slots("quick", {"slots": 7}) == slots("quick", {"slots": 7, "ray_address": "head:6379"}) == 7


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("trials", 0, "--trials: input should be greater than or equal to 1, but got 0; give another value"),
        ("fields", 99_999, "--fields: input should be less than or equal to 4096, but got 99999"),
        ("gpus_per_trial", -1.0, "--gpus-per-trial: input should be greater than or equal to 0, but got -1.0"),
        ("reduction_factor", 1.0, "--reduction-factor: input should be greater than or equal to 1.1"),
        ("seed", -1, "--seed: "),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: object, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        settings.make(space="quick", out=OUT, **{name: value})


def test_a_budget_that_the_file_says_is_refused_as_the_files(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text("behaviors:\n  SoccerTwos:\n    trainer_type: poca\n    max_steps: 500\n    self_play: {}\n")
    with pytest.raises(SpaceError, match=r"max_steps must be at least 1000, but got 500 in small.yaml:4; raise it, or"):
        settings.of_space("small", load(str(file)), {"out": OUT})
    assert settings.of_space("small", load(str(file)), {"out": OUT, "steps": 2000}).steps == 2000


@given(steps=st.integers(1000, 10**8), first=st.floats(0.01, 1.0), factor=st.floats(1.1, 10.0))
def test_rungs_ascend_to_the_whole_budget(steps: int, first: float, factor: float) -> None:
    rungs = settings.make(space="quick", out=OUT, steps=steps, first_rung=first, reduction_factor=factor).rungs
    assert rungs[-1] == steps
    assert list(rungs) == sorted(set(rungs)) and rungs[0] > 0
    assert all(abs(b / a - factor) < 0.1 + factor / a for a, b in pairwise(rungs[:-1]))
