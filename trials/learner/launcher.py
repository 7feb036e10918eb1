"""Runs one training in a process of its own: mlagents' trainer with the environment in that same process.

`python -m trials.learner.launcher FOLDER` reads FOLDER/spec.json and FOLDER/trainer.yaml and leaves what
`trials/folder.py` lists. SIGINT ends it between two environment steps, with the final export. If its parent dies it
ends itself. Exit status: 0 trained or stopped by SIGINT, 1 a fault (the log says which), 3 a broken set-up.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from trials.errors import SetupError
from trials.folder import TrialFolder
from trials.learner import compat
from trials.records import TrialSpec

PARENT_POLL_S = 1.0
"""How often the watchdog looks for its parent, seconds."""
ORPHAN_GRACE_S = 5.0
"""How long an orphan may take for its last export, seconds."""


class StopFlag:
    """Set by SIGINT; looked at between environment steps, so that no checkpoint or export is torn by a signal."""

    def __init__(self) -> None:
        self.raised = False
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})  # a Ray worker's are blocked

    def _on_signal(self, *_: object) -> None:
        self.raised = True

    def check(self) -> None:
        """Raise KeyboardInterrupt, on which mlagents saves and exports, once."""
        if self.raised:
            self.raised = False
            raise KeyboardInterrupt


def main(folder: Path) -> None:
    """Train the spec in `folder` until its budget is spent or SIGINT comes."""
    files = TrialFolder(folder)
    spec = TypeAdapter(TrialSpec).validate_json(files.spec.read_bytes())
    flag = StopFlag()
    _end_with_parent(flag)
    compat.apply()

    import torch

    torch.set_num_threads(spec.threads)
    from mlagents.trainers import learn

    from trials.learner import hooks

    hooks.install(files, spec, flag)
    torch.set_num_threads(spec.threads)  # mlagents set its own from the host's core count while it was imported
    options = learn.parse_command_line(
        [
            str(files.trainer_yaml),
            f"--run-id={files.results.name}",
            f"--results-dir={files.results.parent}",
            f"--seed={spec.seed}",
            "--force",
        ]
    )
    learn.run_cli(options)


def _end_with_parent(flag: StopFlag) -> None:
    """A trainer whose worker is gone has nobody to report to: stop as if by SIGINT, then firmly."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_S)
        flag.raised = True
        time.sleep(ORPHAN_GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def _run(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m trials.learner.launcher FOLDER", file=sys.stderr)  # noqa: T201
        return 2
    try:
        main(Path(arguments[0]))
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return 3
    return 0


def exit_now(status: int) -> Any:
    """Leave without waiting for libraries' atexit threads; everything of ours is flushed and on disk."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    exit_now(_run(sys.argv[1:]))
