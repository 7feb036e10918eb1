"""The recipe of the house baseline: train `arena/ladder/house.yaml` and put the policies beside it.

`python -m trials.house FOLDER` trains in FOLDER (`make house` takes runs/house) and replaces arena/ladder/house.onnx
and the checkpoints that stand below it. Stopped by Ctrl+C or otherwise, it goes on from the last checkpoint when it is
run again. A training in one go is repeatable bit for bit on one machine, not between machines: the committed files'
sha256 is what ratings carry. Fit the ladder again afterwards (`make ladder`), under a new version.
"""

import logging
import shutil
import sys
from pathlib import Path

import yaml

from trials.arena.players.load import EARLIER, HOUSE, LADDER
from trials.arena.ratings.ladder import Rated
from trials.errors import BadTrial
from trials.folder import RunFolder, written_whole
from trials.learner import process
from trials.records import Training, TrialSpec
from trials.trial import Trial

SEED = 2026
FIELDS = 32
POLL_S = 10.0

logger = logging.getLogger(__name__)


def train(folder: Path) -> dict[str, Path]:
    """Train the recipe in `folder`; the policies of `players.EARLIER` and `house`. Raises BadTrial where it fails."""
    config = yaml.safe_load(HOUSE.with_suffix(".yaml").read_text(encoding="utf-8"))
    steps = int(config["behaviors"]["SoccerTwos"]["max_steps"])
    spec = TrialSpec(
        number=0, origin="fixed", params={}, config=config, seed=SEED, steps=steps, fields=FIELDS, threads=1, rungs=()
    )
    run = RunFolder(folder)
    run.trial(0).stop.unlink(missing_ok=True)
    trial = Trial(spec, run, _unrated)
    try:
        while not isinstance(news := trial.advance(POLL_S), Training):
            logger.info("%s", news)
    finally:
        trial.stop()
    if news.fault != "none" or news.candidate is None:
        raise BadTrial(f"the house baseline must train to its end, but: {news.reason}; see {trial.files.log}")
    exported = process.exported(trial.files)
    found = {name: min(exported, key=lambda each: abs(each[0] - _steps(name)))[1] for name in EARLIER}
    return found | {"house": run.path / news.candidate.path}


def _steps(name: str) -> int:
    """Of `house-750k`: 750,000."""
    return 1000 * int(name.removeprefix("house-").removesuffix("k"))


def _unrated(*_: object) -> Rated:
    raise NotImplementedError("the recipe has no rungs")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name, policy in train(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/house")).items():
        with written_whole(LADDER / f"{name}.onnx") as temporary:
            shutil.copyfile(policy, temporary)
