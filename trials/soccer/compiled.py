"""The compiler of the hot loops, and where its code is kept: beside the package, or else with the user.

numba, because these rules are loops with many branches over few bodies: it compiles them as they are written, without
a build step, keeps the machine code on disk, and its arithmetic is strict IEEE unless asked otherwise.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def cache_folder() -> Path | None:
    """Named after the sources, since numba itself sees a change in a function's own file only, and would keep code
    with old constants. None where nothing can be written: then every process compiles for itself."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted(package.glob("*.py")):
        digest.update(source.read_bytes())
    name = f"soccer-{digest.hexdigest()[:16]}"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for parent in (package / "__pycache__", Path(home) / "selfplay-sweep"):
        if _writable(parent / name):
            return parent / name
    return None


_FOLDER = cache_folder()


def is_needed() -> bool:
    """Whether nothing is compiled yet, so that whoever plays first waits a minute."""
    return _FOLDER is None or next(_FOLDER.iterdir(), None) is None


def compiled(function: F) -> F:
    """Compile with strict IEEE arithmetic (no fastmath), so that a field's course never depends on its neighbours."""
    if _FOLDER is None:
        return numba.njit(error_model="numpy")(function)  # type: ignore[no-any-return]
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_FOLDER)
    try:
        return numba.njit(cache=True, error_model="numpy")(function)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_DIR = before


def inlined(function: F) -> F:
    """Compile into its callers: a call that passes many arrays costs more than most of these functions do."""
    return numba.njit(inline="always", error_model="numpy")(function)  # type: ignore[no-any-return]
