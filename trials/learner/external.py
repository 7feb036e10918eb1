"""Runs one training with somebody else's `mlagents-learn`: another interpreter, a conda environment, unchanged.

`python -m trials.learner.external FOLDER` is to such a trainer what `trials.learner.launcher` is to the house's own: it
starts the program that FOLDER/spec.json names and leaves what `trials/folder.py` lists. None of our code runs in
there, so summaries come from its TensorBoard events, policies from the files it exports, and steps are known at each
summary. SIGINT is handed on, and the last export waited for. Exit status as the launcher's.
"""

import contextlib
import logging
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import yaml
from pydantic import TypeAdapter

from trials import summaries
from trials.errors import BadPolicy, BadTrial, LostTrial, SetupError, SweepError, reason
from trials.folder import TrialFolder, written_whole
from trials.learner import checkpoints, health, process, process_tree, trainer_log
from trials.learner.event_files import EventFiles
from trials.learner.progress import Progress
from trials.ports import PortLease
from trials.records import TrialSpec
from trials.stint import Stint

POLL_S = 1.0
"""How often its files are looked at, seconds."""
CAUSE_LINES = 400
"""Of its log, in which the first cause is looked for: tracebacks of what failed after it stand behind."""
BUSY_S = 0.02
"""Of processor time between two looks, seconds: a trainer that waits for a silent environment uses none."""
ORPHAN_GRACE_S = 5.0
"""Seconds of work that it may take to export once whoever started this is gone."""
MACHINE = re.compile(r"Unity(TimeOut|Environment|Communicat\w+|WorkerInUse)Exception|No space left on device")


class ExternalTrainer:
    """Owns the external trainer's process and what was last seen of its files."""

    def __init__(self, files: TrialFolder, spec: TrialSpec) -> None:
        """Start it, from the last checkpoint where there is one. Raises SetupError."""
        self.files, self.spec = files, spec
        before = [*summaries.read(files.metrics)]
        self._health = health.Health(spec, before)
        self._seen: set[Path] = set()
        known = max((each["step"] for each in before), default=0)
        self._events = EventFiles(files.results, known)
        self._cpu = 0.0
        there = any(files.results.glob("*/*.pt"))  # without any, torch need not be imported
        resumed = checkpoints.restore(files, spec.behaviors) if there else None
        self._resumed = resumed or 0
        self._progress = Progress(files, self._resumed, 0.0)
        self._lease = PortLease(count=spec.num_envs)
        self.process = _started(_command(files, spec, self._lease.port, resumed is not None))

    def look(self) -> None:
        """Publish what it has exported and summarised since. Raises BadTrial, SetupError."""
        self._publish()
        health.room(self.files.path)
        for step, values in self._events.new(self.process.poll() is not None):
            summaries.append(self.files.metrics, step, self._progress.seconds, values)
            self._health.look(values, step)
        if self._works():
            self._progress.at(max(self._events.step, self._resumed))

    def _works(self) -> bool:
        """Whether it has used the processor since the last look: it says a word at summaries only."""
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(self.process.pid).cpu_times()
            before, self._cpu = self._cpu, times.user + times.system
            return self._cpu - before > BUSY_S
        return False

    def _publish(self) -> None:
        """Copy every whole policy out; it writes them in place and keeps only the last few."""
        for path in sorted(set(self.files.results.glob("*/*-*.onnx")) - self._seen):
            ended = self.process.poll() is not None
            # It removes old ones when it likes; and a newer torch writes two files, and may be at the second.
            with contextlib.suppress(FileNotFoundError, BadPolicy):
                if not ended and time.time() - path.stat().st_mtime < 2 * POLL_S:
                    continue  # it may still be writing
                with written_whole(self.files.candidates / path.name) as temporary:
                    temporary.write_bytes(_one_file(path, ended))
                self._seen.add(path)


def _started(command: list[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            preexec_fn=process_tree.with_this_process(),
        )
    except OSError as error:
        raise SetupError(
            f"--trainer must be an mlagents-learn that can be started here, but {command[0]} cannot ({reason(error)});"
            " install it on this machine, or name another"
        ) from error


def _one_file(path: Path, ended: bool) -> bytes:
    """A policy whole, where a newer torch than the product's wrote two files; as it is where that `ended` in between.

    Raises BadPolicy for one that is not whole, yet or because its writer was killed; FileNotFoundError.
    """
    from trials.arena.players import onnx_graph

    data = path.read_bytes()
    if not onnx_graph.is_whole(data):
        raise BadPolicy(f"an export must be whole, but {path.name} is not; let it be written to its end", "file")
    try:
        return onnx_graph.single(path)
    except BadPolicy:
        if not ended:
            raise
        return data


def main(folder: Path) -> None:
    """Train the spec in `folder`. Raises SweepError for whose fault an early end is."""
    files = TrialFolder(folder)
    spec = TypeAdapter(TrialSpec).validate_json(files.spec.read_bytes())
    health.room(files.path)
    asked: list[Stint] = []

    def ask(*_: object) -> None:
        asked.append(Stint(os.getpid()))

    for number in (signal.SIGINT, signal.SIGTERM):  # before it starts: what is ignored or blocked here is so in there
        signal.signal(number, ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    parent, told, grace = process_tree.worker(), False, process.STOP_GRACE_S
    trainer = ExternalTrainer(files, spec)
    try:
        while trainer.process.poll() is None:
            if os.getppid() != parent and not told:
                ask()
                grace = ORPHAN_GRACE_S
            if asked and not told:
                told = True
                trainer.process.send_signal(signal.SIGINT)
            if asked and asked[0].seconds > grace:
                break
            trainer.look()
            time.sleep(POLL_S)
        process_tree.end_children()  # all at once: what it forked would be below nobody when it alone was killed
        trainer.process.wait()
        trainer.look()
    finally:
        process_tree.end_children()
    if not asked and (trainer.process.returncode or not process.exported(files)):
        raise _whose(trainer.process.returncode, files)


def _whose(status: int, files: TrialFolder) -> SweepError:
    tail = trainer_log.tail(files, CAUSE_LINES)
    said = trainer_log.cause(status, tail) if status >= 0 else f"killed by {trainer_log.signal_name(-status)}"
    if status >= 0 and not process.exported(files) and not MACHINE.search(said):
        return SetupError(
            f"--trainer must be an mlagents-learn that trains, but it ended with status {status} before its first"
            f" export: {said}; try it by hand with {files.path / 'external.yaml'}"
        )
    fault = LostTrial if status < 0 or MACHINE.search(said) else BadTrial
    return fault(f"mlagents-learn ended with status {status}: {said}")


def _command(files: TrialFolder, spec: TrialSpec, port: int, resume: bool) -> list[str]:
    """Its command line; exports fall on the rungs as far as a checkpoint interval can make them."""
    if spec.trainer is None or spec.executable is None:
        raise SetupError("`--trainer` needs an executable to train in (--env), but the trial names none; give --env")
    config: dict[str, Any] = yaml.safe_load(files.trainer_yaml.read_text())
    for behavior in config["behaviors"].values():
        if resume:
            behavior.pop("init_path", None)  # mlagents would load it in place of the trial's own checkpoint
        rung = min(spec.rungs)
        times = math.ceil(rung / min(behavior.get("checkpoint_interval", 500_000), rung))
        # mlagents exports what it had before the trajectory that reaches a multiple: else just short of the rung
        behavior["checkpoint_interval"] = math.ceil((rung + min(behavior.get("time_horizon", 64), rung)) / times)
        behavior["keep_checkpoints"] = max(behavior.get("keep_checkpoints", 5), 5)
    own = files.path / "external.yaml"
    with written_whole(own) as temporary:
        temporary.write_text(yaml.safe_dump(config, sort_keys=False))
    return [spec.trainer, *process.arguments(files, spec, own, resume, port)]


if __name__ == "__main__":
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    sys.exit(process.run(main, Path(sys.argv[1])))
