"""A launcher at a path: a shell script that mlagents takes for a Unity build, whatever Python runs mlagents itself."""

import shlex
import subprocess
import sys
from pathlib import Path

from mlagents_envs.env_utils import validate_environment_path

from trials.errors import SetupError
from trials.folder import written_whole

MODULE = "trials.soccer.executable"
MODE = 0o755
HEADER = "#!/bin/sh\n# SoccerTwos without Unity, as an executable for mlagents: --env=THIS_FILE\n"


def install(path: Path, fields: int | None = None) -> Path:
    """Write the launcher whole and return the file; on macOS `SoccerTwos.app` becomes a bundle with the launcher in it.

    `fields`, if given, is built in. Raises SetupError where mlagents would not find the launcher, where this
    interpreter would not find the environment, and where another file is in the way."""
    path = path.absolute()
    script = path / "Contents" / "MacOS" / path.stem if path.suffix == ".app" else path
    _check_interpreter()
    try:
        if script.exists() and not (script.is_file() and _beginning(script).startswith(HEADER)):
            raise SetupError(
                f"a launcher must replace nothing but a launcher, but {script} is something else; move it away"
            )
        before = script.exists()
        script.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(script) as temporary:
            temporary.write_text(launcher_text(fields), encoding="utf-8")
            temporary.chmod(MODE)
    except OSError as error:
        raise SetupError(f"the launcher must be written to {script}, but {error}; choose another path") from error
    found = validate_environment_path(str(path))
    if found is None or not Path(found).samefile(script):
        if not before:
            script.unlink()
            _remove_empty(script.parent, path.parent)
        raise SetupError(
            f"mlagents must find the launcher by its path, but at {path} finds {found or 'nothing'}; on macOS end it in"
            " .app, elsewhere keep .app, .exe, .x86 and wildcards out of its folders' names"
        )
    return script


def launcher_text(fields: int | None) -> str:
    """The script. -I and the unset name keep out what was set for the trainer's own interpreter."""
    options = "" if fields is None else f" --fields {fields}"
    return (
        f"{HEADER}"
        "unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION\n"
        f'exec {shlex.quote(sys.executable)} -I -m {MODULE}{options} "$@"\n'
    )


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove the folders from `folder` up to below `top` that nothing is in."""
    while folder != top and top in folder.parents and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(4096).decode("utf-8", "replace")


def _check_interpreter() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('trials') is None)"],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(
            f"{sys.executable} must have this product installed, but finds no trials in it; run `make sweep` once"
        )
