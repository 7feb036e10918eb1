"""The recipe of the house baseline: train `arena/ladder/house.yaml` and put the policy beside it.

`python -m trials.house FOLDER` trains in FOLDER (`make house` takes runs/house) and replaces arena/ladder/house.onnx.
The training is repeatable bit for bit on one machine, not between machines: the committed file's sha256 is what ratings
carry. Fit the ladder again afterwards (`make ladder`).
"""

import logging
import shutil
import sys
from pathlib import Path

import yaml

from trials.arena.ladder import Rated
from trials.arena.players import HOUSE
from trials.errors import BadTrial
from trials.folder import RunFolder, written_whole
from trials.records import Training, TrialSpec
from trials.trial import Trial

SEED = 2026
FIELDS = 32
POLL_S = 10.0

logger = logging.getLogger(__name__)


def train(folder: Path) -> Path:
    """Train the recipe in `folder`; the policy's path. Raises BadTrial where the trainer fails."""
    config = yaml.safe_load(HOUSE.with_suffix(".yaml").read_text(encoding="utf-8"))
    steps = int(config["behaviors"]["SoccerTwos"]["max_steps"])
    spec = TrialSpec(
        number=0, origin="fixed", params={}, config=config, seed=SEED, steps=steps, fields=FIELDS, threads=1, rungs=()
    )
    run = RunFolder(folder)
    trial = Trial(spec, run, _unrated)
    try:
        while not isinstance(news := trial.advance(POLL_S), Training):
            logger.info("%s", news)
    finally:
        trial.stop()
    if news.fault != "none" or news.candidate is None:
        raise BadTrial(f"the house baseline must train to its end, but: {news.reason}; see {trial.files.log}")
    return run.path / news.candidate.path


def _unrated(*_: object) -> Rated:
    raise NotImplementedError("the recipe has no rungs")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    policy = train(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/house"))
    with written_whole(HOUSE) as temporary:
        shutil.copyfile(policy, temporary)
