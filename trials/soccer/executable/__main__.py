"""`python -m trials.soccer.executable`: SoccerTwos as an ML-Agents executable, or with --install a launcher for it.

    python -m trials.soccer.executable --mlagents-port N [--fields N] [-logFile PATH] [whatever else Unity takes]
    python -m trials.soccer.executable --install PATH [--fields N]

Exit status: 0 the trainer or a signal ended the session, 1 a fault (one line on stderr and in the log file says which),
2 a wrong command line. It ends by itself when the trainer's connection breaks, or the process that started it dies.
"""

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import psutil

from trials.errors import SweepError
from trials.stint import LOOK_S, Stint

FIELDS, FIELDS_MOST = 8, 256
"""As many as Unity's build of SoccerTwos has; and as many as may all end at once within the 4 MiB that mlagents' server
takes in a message."""
PARENT_POLL_S = 1.0
"""How often to look whether the parent lives, seconds."""
ORPHAN_GRACE_S = 2.0
"""Seconds of work that an orphan may take to say farewell."""

log = logging.getLogger("trials.soccer.executable")


class Ended(Exception):
    """A signal asked for the end."""


class _Usage(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help lists what it takes\n")


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; what only a Unity build understands is ignored."""
    parser = _Usage(
        prog="SoccerTwos", description="SoccerTwos without Unity, as an executable for mlagents.", add_help=False
    )
    parser.add_argument("--help", action="help", help="show this")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--mlagents-port", type=_within(1, 65535), metavar="N", help="the port the trainer listens on")
    task.add_argument("--install", type=Path, metavar="PATH", help="write a launcher for mlagents-learn --env=PATH")
    parser.add_argument(
        "--fields", type=_within(1, FIELDS_MOST), metavar="N", help=f"matches side by side, {FIELDS} by default"
    )
    parser.add_argument("-logFile", "-logfile", dest="log_file", metavar="PATH", help="where to log, - for stdout")
    for name in ("-nographics", "-batchmode"):
        parser.add_argument(name, action="store_true", help="taken and without effect")
    return parser.parse_known_args(arguments)[0]


def main(arguments: Sequence[str], build: Any = None) -> int:
    """Serve a trainer with the game that `build` makes (session.serve), or install a launcher; the exit status."""
    given = options(arguments)
    _log_to(given.log_file)
    try:
        if given.install is not None:
            from trials.soccer.executable.launcher import install

            script = install(given.install, given.fields)
            sys.stdout.write(f"{script}\n")
            return 0
        _heed_signals()
        _end_with_parent()
        run(given.mlagents_port, given.fields or FIELDS, build)
    except Ended as ended:
        log.info("%s ended the session", ended)
    except SweepError as error:
        log.error("SoccerTwos: %s", error)
        return 1
    return 0


def run(port: int, fields: int, build: Any = None) -> None:
    """Connect and serve."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # before gRPC is imported; faults are told in our own lines
    from trials.soccer.executable import session

    with session.Trainer(port) as trainer:
        session.serve(trainer, fields, *([] if build is None else [build]))


def _within(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isdecimal() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, but got {text}")
        return int(text)

    return number


def _log_to(path: str | None) -> None:
    """Faults to stderr, and everything to the log file: mlagents throws an executable's own output away."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setLevel(logging.WARNING)
    trouble = None
    if path == "-":
        handlers.append(logging.StreamHandler(sys.stdout))
    elif path is not None:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(path, encoding="utf-8"))
        except OSError as error:
            trouble = error
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers)
    if trouble is not None:
        log.warning("SoccerTwos: the log file must be writable, but %s; going on without", trouble)


def _heed_signals() -> None:
    """SIGINT and SIGTERM end the session with a farewell, even where whoever started this process had them blocked."""

    def end(number: int, _: FrameType | None) -> None:
        for heeded in (signal.SIGINT, signal.SIGTERM):
            signal.signal(heeded, signal.SIG_IGN)  # once is enough: the farewell must not be torn
        raise Ended(signal.Signals(number).name)

    for heeded in (signal.SIGINT, signal.SIGTERM):
        signal.signal(heeded, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})


def _end_with_parent() -> None:
    """A connection may outlive its trainer in the hands of a forked child, so look for the trainer's process too."""
    parent = psutil.Process(os.getppid())
    above = _forked_from(parent)

    def watch() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            while os.getppid() == parent.pid and (above is None or parent.ppid() == above):
                time.sleep(PARENT_POLL_S)
        log.error("SoccerTwos: the process that started the environment is gone, so it ends")
        os.kill(os.getpid(), signal.SIGTERM)
        grace = Stint(os.getpid())
        while grace.seconds < ORPHAN_GRACE_S:
            time.sleep(LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def _forked_from(process: psutil.Process) -> int | None:
    """The process that `process` is a fork of, None if it is none: mlagents-learn keeps each environment in a fork of
    itself, which never learns that mlagents-learn was killed. A fork has its parent's command line."""
    with contextlib.suppress(psutil.Error):
        above = process.parent()
        if above is not None and above.cmdline() == process.cmdline():
            return int(above.pid)
    return None


def exit_now(status: int) -> NoReturn:
    """Leave without waiting for gRPC's threads."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    exit_now(main(sys.argv[1:]))
