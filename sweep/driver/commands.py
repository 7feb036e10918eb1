"""Commands as a person types them where the process runs."""

import shlex
import shutil
import sys
from pathlib import Path


def typed(path: Path) -> str:
    """A path as a person types it from here."""
    here = path.absolute()
    return shlex.quote(str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else path))


def program() -> str:
    """The command line as a person types it: by its name where that is on the path, else the script of this Python."""
    if shutil.which("sweep"):
        return "sweep"
    script = Path(sys.executable).with_name("sweep")
    return typed(script) if script.is_file() else f"{typed(Path(sys.executable))} -m sweep"
