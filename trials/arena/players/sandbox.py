"""A stranger's policy is tried in a process of its own, with limits, before this one touches it.

    python -m trials.arena.players.sandbox FILE [BEHAVIOR]      exit status 0: it plays; else why not (REFUSED)

trials.arena.players.onnx_limits bounds what a graph may cost to run; but merely parsing a file made for the purpose can
take a hundred times its size, and the libraries that read it are not ours. Files that this product's own trainer wrote
need no vetting.
"""

import contextlib
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from trials import stint
from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players.onnx_external import EXPORT
from trials.errors import BadPolicy, LostTrial, reason

MEMORY = 2 << 30  # bytes of address space; onnxruntime with the course's network takes 0.3 GiB
SECONDS = 60  # of work (trials.stint); a start takes one or two
_BEHAVIOR: TypeAdapter[Behavior] = TypeAdapter(Behavior)
REFUSED: Mapping[Literal["file", "spaces", "plays"], int] = {"file": 3, "spaces": 4, "plays": 5}
"""Exit status by what a refusal is about (trials.errors.BadPolicy)."""


def vet(path: Path, behavior: Behavior = SOCCER) -> None:
    """Load and try an ONNX file in another process, within MEMORY and SECONDS. Raises BadPolicy."""
    words = [str(path)] if behavior == SOCCER else [str(path), _BEHAVIOR.dump_json(behavior).decode()]
    try:
        command = [sys.executable, "-P", "-m", "trials.arena.players.sandbox", *words]
        tried = stint.run(command, SECONDS, stint.ONE_THREAD)  # many would take MEMORY
    except subprocess.TimeoutExpired:
        raise BadPolicy(f"a policy must load within {SECONDS} s of work, but {path.name} did not; {EXPORT}") from None
    for about, status in REFUSED.items():
        if tried.returncode == status:  # one line, as whole as the other process had it
            raise BadPolicy(tried.stderr.strip().splitlines()[-1], about)
    if tried.returncode == -signal.SIGKILL:  # the machine's doing, which says nothing of the policy
        raise LostTrial(f"{path.name} could not be tried: its process was killed, as where memory is short; try again")
    if tried.returncode:
        why = reason(tried.stderr) if tried.stderr.strip() else f"exit status {tried.returncode}"
        raise BadPolicy(f"a policy must load within {MEMORY >> 30} GiB, but {path.name} did not ({why}); {EXPORT}")


def limit_memory(most: int) -> None:
    """Let this process have `most` bytes of address space, where the system takes such a limit: macOS does not."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(arguments: list[str]) -> int:
    """The other process."""
    limit_memory(MEMORY)
    from trials.arena.players.onnx_policy import OnnxPolicy

    try:
        OnnxPolicy(Path(arguments[0]), _BEHAVIOR.validate_json(arguments[1]) if arguments[1:] else SOCCER)
    except BadPolicy as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED[error.about]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
