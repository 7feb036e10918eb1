"""mlagents' own classes agree with what the spaces render, and refuse what it refuses in one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import search_spaces
from trials.learner.process import check_with_mlagents


def run(config: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trials.learner.check"],
        input=config if isinstance(config, str) else yaml.safe_dump(config),
        capture_output=True,
        text=True,
        check=False,
    )


def test_files_beside_the_user_hide_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "yaml.py").write_text("raise RuntimeError('my own yaml.py')")
    monkeypatch.chdir(tmp_path)
    resolved = check_with_mlagents({"behaviors": {"SoccerTwos": {"trainer_type": "poca"}}})
    assert resolved["behaviors"]["SoccerTwos"]["trainer_type"] == "poca"


def test_what_a_space_renders_is_what_mlagents_reads() -> None:
    space = search_spaces.load("quick")
    config, _ = search_spaces.scale(search_spaces.course(space), 200_000)
    done = run(config)
    assert done.returncode == 0, done.stderr
    resolved = json.loads(done.stdout)
    trainer = resolved["behaviors"]["SoccerTwos"]
    assert trainer["trainer_type"] == "poca" and trainer["self_play"]["team_change"] == 50_000
    assert trainer["hyperparameters"]["learning_rate"] == 0.0005 and trainer["threaded"] is False
    assert trainer["hyperparameters"]["lambd"] == 0.95  # only POCA has it: cattrs would write the declared class
    search_spaces.check_config(resolved)  # what mlagents writes out is itself a trainer YAML


@pytest.mark.parametrize(
    ("config", "fragment"),
    [
        ({"behaviors": {"SoccerTwos": {"trainer_type": "poca", "hyperparameters": {"lamdb": 1}}}}, "option lamdb"),
        ("behaviors: [1", "trainer configuration"),
    ],
)
def test_a_refusal_is_one_line(config: Any, fragment: str) -> None:
    done = run(config)
    assert done.returncode == 1 and done.stdout == ""
    assert fragment in done.stderr and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
