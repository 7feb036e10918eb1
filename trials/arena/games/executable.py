"""An ML-Agents executable in the arena: started, spoken to through mlagents' own gRPC, and gone at the end.

In process: mlagents' `UnityEnvironment` itself, without its manager of subprocesses. What a person must mend is told
before anything is played (SetupError); an executable that dies or falls silent in play is a LostTrial.
"""

import atexit
import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from mlagents_envs.env_utils import validate_environment_path
from mlagents_envs.exception import UnityException, UnityTimeOutException
from mlagents_envs.logging_util import set_log_level

from trials.arena.games.game import UNITY, WonBy
from trials.arena.games.unity import UnityGame
from trials.errors import LostTrial, SetupError, UsageError, reason
from trials.ports import PortLease
from trials.soccer.executable import protobuf  # noqa: F401  # before anything that imports mlagents' generated messages

with warnings.catch_warnings():  # it imports distutils
    warnings.simplefilter("ignore")
    from mlagents_envs.environment import UnityEnvironment
    from mlagents_envs.side_channel.engine_configuration_channel import EngineConfig, EngineConfigurationChannel
    from mlagents_envs.side_channel.stats_side_channel import StatsSideChannel

    from trials.communicator import PatientCommunicator

TIMEOUT_S = 60.0
"""Seconds of work that an executable may take for an answer, the first included."""
AREAS = 8
"""Fields that are asked for of a build that can make as many as it is told (TrainingAreaReplicator)."""
CLOSE_S = 5
"""How long it may take to leave when told to, seconds; then it is killed."""
ENGINES = ("UnityPlayer.so", "GameAssembly.so", "UnityPlayer.dll", "GameAssembly.dll")
"""Files beside a build's executable that hold the engine, and the game's code where it is compiled ahead."""
TIMERS = Path("ML-Agents", "Timers")
"""Where in its data ML-Agents writes how long what took (`com.unity.ml-agents/Runtime/Timer.cs`, SaveJsonTimers)."""


@contextmanager
def opened(
    path: Path, *, seed: int = 0, timeout_s: float = TIMEOUT_S, won_by: WonBy | None = None
) -> Iterator[UnityGame]:
    """All fields of the executable at `path`, as mlagents finds it, without graphics, at 20 times real time.

    `won_by` as `UnityGame` has it. Raises SetupError, and from what happens inside LostTrial.
    """
    found = find(path)
    with ExitStack() as kept:
        folder = kept.enter_context(TemporaryDirectory(prefix="sweep-env-", ignore_cleanup_errors=True))
        port = kept.enter_context(PortLease()).port
        env = _Unity.__new__(_Unity)
        kept.callback(env._close)  # whatever __init__ has got to
        engine, said = EngineConfigurationChannel(), StatsSideChannel()
        engine.set_configuration(EngineConfig.default_config())
        set_log_level(logging.ERROR)  # mlagents logs to stdout, and below that lets the executable write there too
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it compares versions with distutils
                env.__init__(  # type: ignore[misc]
                    str(path),
                    base_port=port,
                    seed=seed,
                    no_graphics=True,
                    timeout_wait=timeout_s,
                    side_channels=[engine, said],
                    num_areas=1 if won_by == "stats" else AREAS,
                    log_folder=folder,
                )
            fields = UnityGame(env, stamp(found, won_by), won_by, said)
        except (UnityException, OSError) as error:
            raise SetupError(
                f"--env must be an executable that mlagents 1.1.0 can start and talk to, but {path} "
                f"{_why(error, timeout_s)}{_last_words(folder)}; run it with --mlagents-port 5005 to see more"
            ) from error
        try:
            yield fields
        except UnityException as error:
            raise LostTrial(
                f"an executable must live until its matches are over, but {path} {_why(error, timeout_s)}"
                f"{_last_words(folder)}; run it again"
            ) from error


def find(path: Path) -> Path:
    """The file that mlagents would start for `path`. Raises SetupError where there is none that may be started."""
    found = validate_environment_path(str(path))
    if found is None or not os.path.isfile(found):
        raise UsageError(
            f"--env must be an ML-Agents executable, but there is none at {path}; name a build's file, or leave it out"
        )
    if not os.access(found, os.X_OK):
        raise SetupError(f"--env must be executable, but {found} is not; run `chmod +x {found}`")
    return Path(found)


def version(executable: Path) -> str:
    """`unity-` and the first 12 hex digits of the sha256 of what is played: matches elsewhere are never compared.

    Unity's executable is the same few lines in every build, so engine, code and data beside it are hashed with it: not
    what ML-Agents writes there whenever a build ends (TIMERS)."""
    name = executable.name.removesuffix(".x86_64").removesuffix(".x86").removesuffix(".exe")
    beside = [executable.parent / engine for engine in ENGINES]
    in_bundle = executable.parent.parent / "Resources" / "Data"  # of a macOS .app
    for folder in (executable.parent / f"{name}_Data", in_bundle):
        beside += sorted(file for file in folder.rglob("*") if not file.is_relative_to(folder / TIMERS))
    digest = hashlib.sha256()
    for file in (executable, *beside):
        if file.is_file():
            with file.open("rb") as opened_file:
                hashlib.file_digest(opened_file, lambda: digest)  # reads on into the same digest
    return UNITY + digest.hexdigest()[:12]


def stamp(executable: Path, won_by: WonBy | None) -> str:
    """`version`, and by whose rewards its matches are won where that was said: that makes another game of it."""
    return version(executable) + (f"-by-{won_by}" if won_by else "")


def won_by_of(stamped: str) -> WonBy | None:
    """What `stamp` was told."""
    return next((each for each in get_args(WonBy) if stamped.endswith(f"-by-{each}")), None)


class _Unity(UnityEnvironment):  # type: ignore[misc]
    @staticmethod
    def _get_communicator(worker_id: int, base_port: int, timeout_wait: float) -> PatientCommunicator:
        return PatientCommunicator(worker_id, base_port, timeout_wait)

    def _close(self, timeout: int | None = None) -> None:
        """End the session, and see the process gone: mlagents kills it in the end, but does not wait for that."""
        atexit.unregister(self._close)
        if "_communicator" not in vars(self):  # __init__ failed so early
            return
        process = self._process
        super()._close(CLOSE_S)
        if process is not None:
            process.wait()


def _why(error: Exception, timeout_s: float) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UnityTimeOutException):
        return f"did not answer within {timeout_s:g} s"
    if "communication API version" in text:
        return "speaks another version of the protocol (" + text.partition("python. ")[2].partition(". Please")[0] + ")"
    if "return code" in text:
        return "ended (exit status" + text.partition("return code")[2].rstrip(".") + ")"
    if isinstance(error, OSError):
        return f"cannot be started ({text})"
    return f"failed ({reason(text)})"


def _last_words(folder: str) -> str:
    """The last line of its log, if it wrote one."""
    for log in Path(folder).glob("*.log"):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        if said:
            return f"; its log ends: {said[-1][:200]}"
    return ""
