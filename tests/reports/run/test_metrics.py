"""Summaries are read as far as they are whole."""

from pathlib import Path

from reports.run import metrics
from trials.folder import RunFolder


def test_curves_skip_half_lines_absent_keys_and_what_is_no_number(synthetic, written):
    folder = written(synthetic.synthetic_events(3))
    path = folder.trial(1).metrics
    path.write_text(
        '{"step": 10, "time": 1, "seconds": 1, "Policy/Entropy": 3.0, "Losses/Value Loss": NaN}\n'
        '{"step": 20, "Environment/Episode Length": "long"}\n[1]\n{"Policy/Entropy": 1}\n'
        '{"step": 30, "Policy/Entropy": 2.5}\n{"step": 40, "Policy/En'
    )
    curves = metrics.curves(folder, [1, 99])
    assert curves.to_dict("records") == [
        {"trial": 1, "step": 10, "name": "Policy/Entropy", "value": 3.0},
        {"trial": 1, "step": 30, "name": "Policy/Entropy", "value": 2.5},
    ]
    assert metrics.reached(curves) == {1: 30}


def test_curves_are_thinned_and_keep_their_end(synthetic, written):
    folder = written(synthetic.synthetic_events(1))
    curves = metrics.curves(folder, [0], points=12)
    entropy = curves[curves["name"] == "Policy/Entropy"]
    assert len(entropy) <= 14 and entropy["step"].max() == 300_000


def test_curves_of_no_trial(tmp_path: Path):
    assert metrics.reached(metrics.curves(RunFolder(tmp_path), [])) == {}
