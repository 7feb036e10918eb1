"""Runs one training in a process of its own: mlagents' trainer with the environment in that same process.

`python -m trials.learner.launcher FOLDER` reads FOLDER/spec.json and FOLDER/trainer.yaml and leaves what
`trials/folder.py` lists. Where FOLDER holds a whole checkpoint, it goes on from that. SIGINT ends it between two
environment steps, with the final export. If its parent dies it ends itself. Exit status: 0 trained or stopped by
SIGINT, 1 a fault of the trial's (the log says which), 3 a broken set-up, 4 a fault of the machine's.
"""

import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from trials.errors import BadTrial, LostTrial, SweepError, reason
from trials.folder import TrialFolder
from trials.learner import check, checkpoints, compat, health, process, process_tree
from trials.ports import PortLease
from trials.records import TrialSpec
from trials.stint import LOOK_S, Stint

PARENT_POLL_S = 1.0
"""How often the watchdog looks for its parent, seconds."""
TIMEOUT_S = 60
"""Seconds of work that an executable may take for a step or for its start; ML-Agents' own default, by the clock."""
ORPHAN_GRACE_S = 5.0
"""Seconds of work that an orphan may take for its last export."""


class StopFlag:
    """Set by SIGINT; looked at between environment steps, so that no checkpoint or export is torn by a signal."""

    def __init__(self) -> None:
        self.raised = False
        self.first: Exception | None = None
        """What went wrong first: what mlagents does on its way out may fail for want of what never came to be."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})  # a Ray worker's are blocked

    def _on_signal(self, *_: object) -> None:
        self.raised = True

    def check(self) -> None:
        """Raise KeyboardInterrupt, on which mlagents saves and exports, once; or what ended a trainer's thread."""
        if self.first is not None:
            raise self.first
        if self.raised:
            self.raised = False
            raise KeyboardInterrupt


def main(folder: Path) -> None:
    """Train the spec in `folder` until its budget is spent or SIGINT comes."""
    files = TrialFolder(folder)
    spec = TypeAdapter(TrialSpec).validate_json(files.spec.read_bytes())
    flag = StopFlag()
    _end_with_parent(flag)
    process_tree.tie_children()
    if spec.device == "cpu":  # mlagents makes a GPU that it sees torch's default as it is imported, and leaves it so
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    compat.apply()

    import torch

    if spec.device is not None:
        check.must_see(spec.device)
    torch.set_num_threads(spec.threads)
    torch.set_flush_denormal(True)  # a CPU is slow at denormals, which fill sharp attention's gradients
    from mlagents.trainers import learn

    from trials.learner import hooks

    checkpoints.save_whole()
    checkpoints.load_anywhere()
    resumed = checkpoints.restore(files, spec.behaviors)
    hooks.install(files, spec, flag, resumed or 0)
    torch.set_num_threads(spec.threads)  # mlagents set its own from the host's core count while it was imported
    port, more = None, list[str]()
    if spec.executable is not None:
        lease = PortLease(count=spec.num_envs)  # held until this process ends
        port = lease.port
        more = [f"--timeout-wait={min(TIMEOUT_S, max(1, int(spec.stall_seconds)))}"]
    words = process.arguments(files, spec, files.trainer_yaml, resumed is not None, port, *more)
    options = learn.parse_command_line(words)
    if resumed is not None:
        for trainer in options.behaviors.values():
            trainer.init_path = None  # mlagents would load it in place of the trial's own checkpoint
    try:
        learn.run_cli(options)
    except Exception as error:  # noqa: BLE001  whatever ended the training is told in one line
        first = flag.first or error
        traceback.print_exception(first)
        raise _whose(first, files) from None


def _whose(error: Exception, files: TrialFolder) -> SweepError:
    """Whose fault it is: another start mends what a machine, a disk or an environment did, never the trial's own."""
    if isinstance(error, SweepError):
        return error
    said = f"{type(error).__name__}: {reason(error)}"
    if isinstance(error, OSError):
        return health.of_system(error, files.path)
    if _is_short(error):
        return LostTrial(said)
    from mlagents_envs import exception as unity

    asked = (unity.UnityActionException, unity.UnityObservationException, unity.UnityPolicyException)
    if isinstance(error, unity.UnityException) and not isinstance(error, (*asked, unity.UnitySideChannelException)):
        return LostTrial(said)
    return BadTrial(said)


def _is_short(error: Exception) -> bool:
    """Whether the machine is short of memory, or its GPU fails; an assertion there is what a value that is no number
    comes to. torch's CPU allocator refuses only what no machine has, so that is the configuration's own."""
    import torch

    text = str(error)
    gpu = isinstance(error, torch.AcceleratorError) or "CUDA error" in text
    if gpu and "device-side assert" in text:
        return False
    return gpu or isinstance(error, (MemoryError, torch.OutOfMemoryError))


def _end_with_parent(flag: StopFlag) -> None:
    """A trainer whose worker is gone has nobody to report to: stop as if by SIGINT, then firmly."""
    parent = process_tree.worker()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_S)
        flag.raised = True
        grace = Stint(os.getpid())
        while grace.seconds < ORPHAN_GRACE_S:
            time.sleep(LOOK_S)
        process_tree.end_children()
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def exit_now(status: int) -> Any:
    """Leave without waiting for libraries' atexit threads; everything of ours is flushed and on disk."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    exit_now(process.run(main, Path(sys.argv[1])))
