"""One training in a process of its own, timed: `python timed_training.py FOLDER stock|before|ours THREADS`.

FOLDER has spec.json and trainer.yaml of a trial. `stock` replaces nothing in mlagents, `before` only shuffle, `ours`
all. Prints one JSON object: trainer steps, seconds and processor seconds from the first tenth of them to the last; the
same of the start, up to the first step; the largest memory, MiB; sha256 of what was exported.
"""

import hashlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from trials.learner import compat


def main(folder: Path, kind: str, threads: int) -> None:
    """Train in `folder`."""
    began = time.perf_counter()
    compat.apply()
    import torch
    from mlagents.trainers.trainer.rl_trainer import RLTrainer

    from trials.learner import launcher
    from trials.learner.fast import table

    if kind != "ours":
        table.adam.without_compiler = lambda: None
        table.REPLACED = tuple(each for each in table.REPLACED if kind == "before" and each[1] == "shuffle")
    increment, times = RLTrainer._increment_step, list[tuple[int, float, float]]()

    def count(self: Any, steps: int, name: str) -> None:
        increment(self, steps, name)
        times.append((int(self.get_step), time.perf_counter(), time.process_time()))

    RLTrainer._increment_step = count
    launcher._end_with_parent = lambda _: None
    launcher.main(folder)
    first, last = next(at for at in times if at[0] >= times[-1][0] * 0.1), times[-1]
    said = {
        "steps": last[0] - first[0],
        "seconds": last[1] - first[1],
        "cpu": last[2] - first[2],
        "start": times[0][1] - began,
        "start_cpu": times[0][2],
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
        "exported": [
            hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("candidates/*.onnx"))
        ],
    }
    assert said["threads"] == threads
    print("\n" + json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
