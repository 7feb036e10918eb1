"""Rewriting parameters keeps everything else: comments, order, the other parameters, the sweep section."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Choice, Derived, Float, Int, from_text, load
from search_spaces.rewrite import rewritten
from trials.errors import SpaceError

SPACE = load("soccertwos")
NARROW = {
    "hyperparameters.learning_rate": Float(1e-4, 5e-4, log=True),
    "hyperparameters.batch_size": Choice((512, 1024)),
    "hyperparameters.num_epoch": Int(3, 5),
    "self_play.save_steps": Int(20_000, 60_000, step=10_000),
    "self_play.swap_steps": Derived("ratio_of", "self_play.team_change", Float(0.02, 0.5, log=True)),
    "network_settings.num_layers": 2,
}


@given(st.sets(st.sampled_from(sorted(NARROW))))
def test_only_the_named_lines_change(paths):
    after = rewritten(SPACE, {path: NARROW[path] for path in paths}, 5_000_000, 8)
    changed = [(a, b) for a, b in zip(SPACE.text.splitlines(), after.text.splitlines(), strict=True) if a != b]
    assert len(changed) == len(paths)
    assert all(a.partition("#")[2] == b.partition("#")[2] for a, b in changed)  # comments stay
    for path, parameter in SPACE.parameters.items():
        wanted = NARROW.get(path, parameter) if path in paths else parameter
        assert after.parameters.get(path, 2) == wanted


def test_a_parameter_over_several_lines_is_written_anew():
    here = "learning_rate: {log_float: [1e-5, 1e-3]}"
    text = SPACE.text.replace(here, here.replace(" {", "\n        ").replace("}", ""))
    path = "hyperparameters.learning_rate"
    after = rewritten(from_text(text, "mine"), {path: NARROW[path]}, 5_000_000, 8)
    assert after.parameters[path] == NARROW[path] and after.sweep == SPACE.sweep
    assert {p: h for p, h in after.parameters.items() if p != path} == {
        p: h for p, h in SPACE.parameters.items() if p != path
    }


def test_parameters_of_default_settings_beside_an_empty_behaviors_are_rewritten():
    text = "behaviors:\ndefault_settings:\n  trainer_type: poca\n  hyperparameters:\n    learning_rate:\n"
    text += "      {log_float: [1e-5, 1e-3]}\n"
    path = "hyperparameters.learning_rate"
    after = rewritten(from_text(text, "mine"), {path: NARROW[path]}, 5_000_000, 8)
    assert dict(after.parameters) == {path: NARROW[path]}


def test_what_no_sweep_may_run_is_refused():
    with pytest.raises(SpaceError):
        rewritten(SPACE, {"hyperparameters.epsilon": Float(-1.0, 0.3)}, 5_000_000, 8)
