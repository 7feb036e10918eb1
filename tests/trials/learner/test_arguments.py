"""What mlagents-learn is told for a trial, and what mlagents makes of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from trials.folder import TrialFolder
from trials.learner.process import arguments
from trials.records import TrialSpec

READ = """
import sys
from trials.learner import compat; compat.apply()
from mlagents.trainers.learn import parse_command_line
found = parse_command_line(sys.argv[1:])
env = found.env_settings
print(env.env_args, env.env_path, env.base_port, env.num_envs)
print(found.engine_settings.no_graphics, found.engine_settings.time_scale, found.torch_settings.device)
print(found.checkpoint_settings.resume, found.checkpoint_settings.force, found.checkpoint_settings.run_id)
"""


def spec_of(**more: Any) -> TrialSpec:
    config = {
        "behaviors": {"SoccerTwos": {"trainer_type": "poca"}},
        "env_settings": {"env_args": ["-level", 3, "--fields", "1"]},
        "engine_settings": {"time_scale": 2},
    }
    given = dict(number=0, origin="fixed", params={}, config=config, seed=7, steps=1000, fields=4, threads=1)
    return TrialSpec(**{**given, "rungs": (1000,), **more})  # type: ignore[arg-type]


def test_an_executable_gets_the_spaces_own_words_and_then_the_products(tmp_path: Path) -> None:
    files, spec = TrialFolder(tmp_path / "0000"), spec_of(executable="/x/SoccerTwos", device="cpu", num_envs=3)
    words = arguments(files, spec, tmp_path / "my.yaml", True, 5010)
    assert words[words.index("--env-args") + 1 :] == ["-level", "3", "--fields", "1", "--fields", "4"]
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(dict(spec.config)))
    read = subprocess.run([sys.executable, "-c", READ, *words], capture_output=True, text=True, check=True)
    assert read.stdout.splitlines()[-3:] == [
        "['-level', '3', '--fields', '1', '--fields', '4'] /x/SoccerTwos 5010 3",
        "True 2.0 cpu",
        f"True False {files.results.name}",
    ]


@pytest.mark.parametrize(("resume", "word"), [(True, "--resume"), (False, "--force")])
def test_without_one_nothing_is_said_of_executables(resume: bool, word: str, tmp_path: Path) -> None:
    files = TrialFolder(tmp_path / "0000")
    assert arguments(files, spec_of(), files.trainer_yaml, resume) == [
        str(files.trainer_yaml),
        f"--run-id={files.results.name}",
        f"--results-dir={files.results.parent}",
        "--seed=7",
        word,
    ]
