"""A warm start: what an earlier run gives, told or evaluated anew, and a resume that needs this ledger alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from events import ended, rated
from simulated import drive

from search_spaces import Space, load
from search_spaces.space import from_text
from sweep import settings
from sweep.driver.controller import Controller
from sweep.search import specs, warm_start
from sweep.search import study as studies
from trials import ledger
from trials import run_state as pasts
from trials.errors import SetupError
from trials.events import Event, SweepBegan, TrialBegan, TrialRated, WarmStarted
from trials.folder import RunFolder
from trials.records import TrialSpec

STEPS = 200_000


def began(name: str, made: settings.Settings, space: Space, **more: object) -> SweepBegan:
    plain: dict[str, object] = {"time": 1.0, "name": name, "command": "sweep run", "space": "quick", "slots": 1}
    plain |= {"space_yaml": space.text, "trials": made.trials, "steps": made.steps, "fields": made.fields, "seed": 0}
    plain |= {"rungs": made.rungs, "reduction_factor": 2.0, "startup_trials": 3, "baseline": "house"}
    plain |= {"baseline_sha256": "b", "ladder": "ladder-3", "environment": "soccer-1", "scaled": {}, "versions": {}}
    return SweepBegan(**(plain | {"host": {}} | more))  # type: ignore[arg-type]


def elo(spec: TrialSpec, rung: int) -> float:
    return 1000.0 + 10 * spec.number + rung / 10_000


def controller(
    out: Path, warm_start: WarmStarted | None = None, past: pasts.Past | None = None, **given: object
) -> Controller:
    space = load("quick")
    out.mkdir(exist_ok=True)
    plain = {"out": out, "slots": 1, "trials": 6, "steps": STEPS, "startup_trials": 3, "scheduler": "median"}
    made = settings.of_space("quick", space, plain | given)
    return Controller(made, space, RunFolder(out), specs.renderer(made, space), "house", past, warm_start)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A run of six trials, 1 to 5 ever better; trial 3 was pruned, and trial 4 trained further as trial 6."""
    out = tmp_path / "earlier"
    made = controller(out)
    made.record(began("earlier", made.settings, made.space))
    drive(made, lambda spec, rung: elo(spec, rung) - (900 if spec.number == 3 else 0), lambda spec: 1.0)
    four = next(e.spec for e in ledger.read(made.run.ledger) if isinstance(e, TrialBegan) and e.spec.number == 4)
    further = replace(four, number=6, origin="extended", parent=4, steps=2 * STEPS)
    for event in (TrialBegan(time=1.0, spec=further), rated(6, 2 * STEPS, 2000.0), ended(6)):
        made.record(event)
    return out


def taken(path: Path, out: Path, space: Space | None = None, **given: object) -> WarmStarted:
    space = space or load("quick")
    made = settings.of_space(space.name, space, {"out": out, "steps": STEPS, "trials": 6} | given)
    return warm_start.take_over(path, made, space, specs.renderer(made, space))


def params(path: Path) -> dict[int, Mapping[str, object]]:
    return {e.spec.number: e.spec.params for e in ledger.read(RunFolder(path).ledger) if isinstance(e, TrialBegan)}


def test_what_was_trained_alike_is_told_as_it_was_rated(earlier: Path, tmp_path: Path) -> None:
    found = taken(earlier, tmp_path)
    assert found == replace(taken(RunFolder(earlier).ledger, tmp_path), time=found.time)  # the ledger's file will do
    assert [observation.trial for observation in found.told] == [0, 1, 2, 3, 4, 5] and not found.first
    assert (found.run, found.reason, len(found.ledger_sha256)) == ("earlier", "", 64)
    assert {o.trial: o.state for o in found.told}[3] == "pruned"
    assert {o.trial: dict(o.elo) for o in found.told}[4] == {STEPS // 2: 1050.0, STEPS: 1060.0}
    study = controller(tmp_path / "new", found).study
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE"] * 3 + ["PRUNED"] + ["COMPLETE"] * 2 + ["WAITING"]  # and the course again, as trial 0
    assert study.best_value == 1070.0


def test_trials_are_numbered_from_0_and_the_course_comes_first(earlier: Path, tmp_path: Path) -> None:
    found = taken(earlier, tmp_path)
    made = controller(tmp_path / "new", found)
    made.record(found)
    drive(made, elo, lambda spec: 1.0)
    specs = [event.spec for event in ledger.read(made.run.ledger) if isinstance(event, TrialBegan)]
    assert [spec.number for spec in specs] == list(range(6))
    assert [spec.origin for spec in specs] == ["course"] + ["sampled"] * 5
    assert specs[0].params == studies.course_params(made.space)
    assert made.next_number == 6, "of the first that is retrained: what was told takes no number"


def test_a_course_that_was_trained_alike_does_not_stand_for_the_others(earlier: Path, tmp_path: Path) -> None:
    text = load("quick").text.replace("gamma: {float: [0.97, 0.995]}", "gamma: {float: [0.97, 0.995]}  # as it was")
    other = text.replace("normalize: false", "normalize: true")
    assert other.count("normalize: true") == 1  # below the behavior alone: the course's configuration stays what it was
    assert taken(earlier, tmp_path, from_text(text, "quick")).told
    found = taken(earlier, tmp_path, from_text(other, "quick"))
    assert not found.told and [observation.trial for observation in found.first] == [5, 4, 2]
    assert found.reason == "its fixed settings are not this sweep's"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"steps": 2 * STEPS}, "Elo after 200,000 steps is not Elo after 400,000"),
        ({"fields": 8}, "it trained on 32 fields, and this sweep on 8"),
        ({"env": "/opt/SoccerTwos.x86_64"}, "it trained in another environment or by another trainer"),
        ({"objectives": "elo,cost", "scheduler": "none"}, "the cost of a step was that run's own"),
    ],
)
def test_what_was_trained_otherwise_is_evaluated_anew(
    earlier: Path, tmp_path: Path, given: dict[str, object], reason: str
) -> None:
    found = taken(earlier, tmp_path, **given)
    assert not found.told and found.reason == reason
    assert [observation.trial for observation in found.first] == [5, 4, 2]  # 3 was pruned, 0 is trial 0 anyway
    assert warm_start.said(found) == (
        f"warm start: trials 5, 4, 2 of earlier are proposed first and evaluated anew, since {reason}"
    )
    plain = {name: value for name, value in given.items() if name != "env"}
    made = controller(tmp_path / "new", found, **plain)
    before = params(earlier)
    for name in "abcde":
        made.propose(name)
    proposed = [live.spec.params for live in made.live.values()]
    assert proposed[:4] == [studies.course_params(made.space), before[5], before[4], before[2]]
    assert proposed[4] not in proposed[:4]


def test_other_fixed_settings_are_another_quantity(earlier: Path, tmp_path: Path) -> None:
    text = load("quick").text.replace("hidden_units: 64", "hidden_units: 32")
    found = taken(earlier, tmp_path, from_text(text, "mine"))
    assert not found.told and found.reason == "its fixed settings are not this sweep's"


def test_a_narrower_space_takes_what_lies_inside(earlier: Path, tmp_path: Path) -> None:
    rates = sorted(float(v["hyperparameters.learning_rate"]) for n, v in params(earlier).items() if n < 6)  # type: ignore[arg-type]
    narrow = load("quick").text.replace("log_float: [2e-4, 1e-3]", f"log_float: [2e-4, {rates[2] * 1.0001!r}]")
    found = taken(earlier, tmp_path, from_text(narrow, "mine"))
    assert 0 < len(found.told) <= 3
    assert all(float(o.params["hyperparameters.learning_rate"]) <= rates[2] for o in found.told)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"ladder":"ladder-3"', '"ladder":"ladder-1"', "a run of the same ladder, but that of earlier is ladder-1"),
        (
            '"environment":"soccer-1"',
            '"environment":"soccer-0"',
            "of the same environment, but that of earlier is soccer-0",
        ),
        (
            "learning_rate",
            "learning_raet",
            "with a trial that fits quick.yaml, but earlier has none: parameters must be",
        ),
        ('"event":"sweep"', '"event":"nothing"', "every line of a ledger"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    earlier: Path, tmp_path: Path, old: str, new: str, line: str
) -> None:
    path = RunFolder(earlier).ledger
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SetupError, match=line) as refusal:
        taken(earlier, tmp_path)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"--warm-start must name a run's folder or its ledger, but .* is neither"):
        taken(tmp_path, tmp_path)


@pytest.mark.parametrize("given", [{}, {"steps": 2 * STEPS}])
@pytest.mark.parametrize("cut", [0, 1, 2, 5])
def test_a_resume_rebuilds_the_same_study_from_the_ledger_alone(
    earlier: Path, tmp_path: Path, given: dict[str, object], cut: int
) -> None:
    """The driver dies with `cut` trials begun, the last of them under way; the earlier run is gone by then."""
    found = taken(earlier, tmp_path, **given)
    made = controller(tmp_path / "new", found, **given)
    made.record(began("new", made.settings, made.space))
    made.record(found)
    for number in range(cut):
        name = f"w{number}"
        made.propose(name)
        if number < cut - 1:
            made.live[name].rated.append(told := rated(number, made.settings.steps, 1000.0 + number))
            made.record(told)
            made.done(name)
    before = made.study
    RunFolder(earlier).ledger.unlink()
    RunFolder(tmp_path / "new").study.unlink()
    events: list[Event] = ledger.read(made.run.ledger)
    again = controller(tmp_path / "new", None, pasts.past_of(events), **given)
    assert len(again.study.trials) == len(before.trials)
    for mine, theirs in zip(again.study.trials, before.trials, strict=True):
        assert (mine.state, mine.params, mine.distributions) == (theirs.state, theirs.params, theirs.distributions)
        assert mine.values == theirs.values
        assert mine.user_attrs["origin"] == theirs.user_attrs.get("origin", "sampled")
        assert mine.system_attrs.get("fixed_params") == theirs.system_attrs.get("fixed_params") or mine.params
    drive(again, elo, lambda spec: 1.0)
    specs = {e.spec.number: e.spec for e in ledger.read(made.run.ledger) if isinstance(e, TrialBegan)}
    assert sorted(specs) == list(range(6)) and specs[0].origin == "course"
    if given:
        assert [specs[number].params for number in (1, 2, 3)] == [o.params for o in found.first]
    assert {e.candidate.trial for e in ledger.read(made.run.ledger) if isinstance(e, TrialRated)} == set(specs)
