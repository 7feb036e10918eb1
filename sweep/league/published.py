"""A league's files as a dataset has them: without the paths of the machine that it is played on."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from reports.model import leaks
from trials.league import roster
from trials.league.folder import LeagueFolder


def copies(league: LeagueFolder, into: Path) -> list[Path]:
    """Of a league's files those that tell where its models came from and why one was refused, scrubbed, in `into`; of
    the others, whose matches must stay what they are to the byte, the files themselves.

    A folder, file or run is called by its last part, so that who has the dataset still tells its sources apart. Names
    of models are left: they are what is published. Raises OSError, SetupError.
    """
    private = replace(leaks.of_this_machine([league.path]), words=())
    called = _called(roster.origin(change.source) for change in roster.read(league.roster))
    made = []
    for file in league.published():
        if file in (league.history, league.elo):
            made.append(file)
            continue
        text = file.read_text(encoding="utf-8")
        for path, name in called.items():
            text = re.sub(rf"(?<![\w./~-]){re.escape(path)}(?![\w~-])", name.replace("\\", r"\\"), text)
        made.append(into / file.name)
        made[-1].write_text(leaks.scrubbed(text, private), encoding="utf-8")
    return made


def _called(origins: Iterable[str]) -> Mapping[str, str]:
    """Absolute path, the longest first, to its last part, numbered where another has the same."""
    found: dict[str, str] = {}
    for path in sorted({origin for origin in origins if os.path.isabs(origin)}, key=lambda path: (-len(path), path)):
        name, number = os.path.basename(path), 2
        while name in found.values():
            name, number = f"{os.path.basename(path)}-{number}", number + 1
        found[path] = name
    return found
