"""Executables that misbehave, for tests of whoever starts one; built on the real one, which itself has no such switch.

`write(folder, kind, steps)` writes a launcher as `trials.soccer.executable --install` does. Kinds:
    exits       ends at once, status 1
    forbidden   is no executable file
    foreign     answers communication version 2.0.0
    hangs       plays `steps` steps and then answers no more
    crashes     plays `steps` steps and then dies of SIGKILL
    apart       is not bad: it sends terminal steps in messages of their own, without a decision in them, as Unity does
"""

import functools
import os
import shlex
import signal
import sys
import time
from pathlib import Path

KINDS = ("exits", "forbidden", "foreign", "hangs", "crashes", "apart")


def write(folder: Path, kind: str, steps: int = 3) -> Path:
    """A launcher of that kind: the path for mlagents' --env."""
    if kind not in KINDS:
        raise ValueError(f"a bad executable must be one of {', '.join(KINDS)}, but got {kind}")
    path = folder / f"{kind}.x86_64"
    here = shlex.quote(str(Path(__file__).resolve()))
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {here} {kind} {steps} "$@"\n')
    path.chmod(0o644 if kind == "forbidden" else 0o755)
    return path


def main(kind: str, steps: int, arguments: list[str]) -> int:
    if kind == "exits":
        return 1
    from mlagents_envs.base_env import DecisionSteps, TerminalSteps

    from trials.soccer.env import BEHAVIORS, SoccerEnv
    from trials.soccer.executable import __main__ as executable
    from trials.soccer.executable import messages, session

    class Failing(SoccerEnv):
        left = steps

        def step(self) -> None:
            if self.left == 0:
                if kind == "crashes":
                    os.kill(os.getpid(), signal.SIGKILL)
                while True:
                    time.sleep(1)
            self.left -= 1
            super().step()

    class Apart(SoccerEnv):
        held: list[tuple[DecisionSteps, TerminalSteps]] | None = None

        def step(self) -> None:
            if self.held is not None:
                self._steps, self.held = self.held, None
                return
            super().step()
            if len(self._steps[0][1]):
                specs = [self.behavior_specs[name] for name in BEHAVIORS]
                both = list(zip(specs, self._steps, strict=True))
                self.held = [(decisions, TerminalSteps.empty(spec)) for spec, (decisions, _) in both]
                self._steps = [(DecisionSteps.empty(spec), terminals) for spec, (_, terminals) in both]

    if kind == "foreign":
        messages.COMMUNICATION_VERSION = "2.0.0"
        messages.check_version = lambda theirs: None
    else:
        session.serve = functools.partial(session.serve, build=Apart if kind == "apart" else Failing)
    return executable.main(arguments)


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
