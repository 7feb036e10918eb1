"""A trainer that takes a second: `python -m stand_in FOLDER` tells its progress and exports as the real one does.

What it exports is the house baseline, after a wait of SECONDS in all, at every rung of its spec.
"""

import json
import shutil
import signal
import sys
import time
from pathlib import Path

SECONDS = 1.0
POLICY = Path(__file__).parents[2] / "trials" / "arena" / "ladder" / "house.onnx"


def main(folder: Path) -> None:
    """Take the spec's rungs one after another; SIGINT ends it, with an export."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    spec = json.loads((folder / "spec.json").read_text())
    began, step = time.time(), 0
    progress(folder, 0, 0.0)
    try:
        for rung in spec["rungs"]:
            time.sleep(SECONDS * (rung - step) / spec["steps"])
            step = rung
            progress(folder, step, time.time() - began)
            if rung != spec["steps"]:
                export(folder, step)
    except KeyboardInterrupt:
        step += 1
    export(folder, step)


def progress(folder: Path, step: int, seconds: float) -> None:
    said = {"step": step, "resumed": 0, "seconds": seconds, "time": time.time()}
    (folder / ".progress").write_text(json.dumps(said))
    (folder / ".progress").replace(folder / "progress.json")


def export(folder: Path, step: int) -> None:
    shutil.copyfile(POLICY, folder / "candidates" / ".new")
    (folder / "candidates" / ".new").replace(folder / "candidates" / f"SoccerTwos-{step}.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
