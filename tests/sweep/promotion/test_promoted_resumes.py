"""A promoted trial of a real sweep is trained further by ML-Agents' own entry point, from what was uploaded alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from real_sweep import Finished

from sweep.promotion import promote
from sweep.promotion.evaluation import Bar
from sweep.promotion.promote import Order
from trials.learner.checkpoints import steps_of
from trials.ports import PortLease
from trials.soccer.executable import launcher

pytestmark = pytest.mark.slow

STOCK = f"""#!{sys.executable}
# mlagents' own entry point with nothing of the product's but what lets mlagents be imported here
import sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from trials.learner import compat
compat.apply()
from mlagents.trainers.learn import main
main()
"""


@pytest.fixture(scope="module")
def downloads(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `mlagents-load-from-hf --local-dir downloads` leaves them."""
    order = Order(repo="user/mine", dry_run=True, force=True, bar=Bar(matches=8))
    found = promote.promote(finished.run, order, lambda _: None)
    assert found.refused is None and found.folder is not None and found.notes == [], found
    folder = tmp_path_factory.mktemp("elsewhere") / "downloads"
    shutil.copytree(found.folder, folder / "mine")
    launcher.install(folder.parent / "SoccerTwos.x86_64", 4)
    script = folder.parent / "mlagents-learn"
    script.write_text(STOCK)
    script.chmod(0o755)
    return folder


def learn(downloads: Path, steps: int, *words: str) -> str:
    """`mlagents-learn` in the folder above, until `steps`; what it said."""
    path = downloads / "mine" / "configuration.yaml"
    made = yaml.safe_load(path.read_text())
    made["behaviors"]["SoccerTwos"]["max_steps"] = steps
    path.write_text(yaml.safe_dump(made))
    with PortLease() as lease:
        done = subprocess.run(
            ["./mlagents-learn", "downloads/mine/configuration.yaml", "--results-dir", "downloads", *words,
             "--env", "SoccerTwos.x86_64", "--no-graphics", "--base-port", str(lease.port)],
            cwd=downloads.parent, capture_output=True, text=True, check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_resumes(downloads: Path) -> None:
    checkpoint = downloads / "mine" / "SoccerTwos" / "checkpoint.pt"
    status = downloads / "mine" / "run_logs" / "training_status.json"
    reached, said_before = steps_of(checkpoint), json.loads(status.read_text())
    assert reached is not None
    said_before["SoccerTwos"]["elo"] = 1555.0  # far from where a new training begins
    status.write_text(json.dumps(said_before))
    said = learn(downloads, reached + 600, "--run-id", "mine", "--resume")
    assert f"Resuming training from step {reached}" in said
    assert (steps_of(checkpoint) or 0) >= reached + 600
    now = json.loads(status.read_text())["SoccerTwos"]
    assert now["elo"] > 1500
    assert [one["steps"] >= reached for one in now["checkpoints"]] == [True] * len(now["checkpoints"])


def test_another_begins_from_it(downloads: Path) -> None:
    said = learn(downloads, 600, "--run-id", "another", "--initialize-from", "mine")
    assert "Initializing from" in said
    assert (steps_of(downloads / "another" / "SoccerTwos" / "checkpoint.pt") or 0) >= 600
    assert (downloads / "another" / "SoccerTwos.onnx").is_file()
