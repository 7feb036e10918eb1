"""What is installed on a machine that decides what a trial comes to: two machines of one sweep must have the same."""

import os
import sys
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from trials.arena.ratings import ladder_file
from trials.soccer.constants import VERSION as ENVIRONMENT

PRODUCT = "selfplay-sweep"
OURS = ("search_spaces", "trials", "reports", "sweep")
DECISIVE = ("mlagents", "torch", "numpy", "onnxruntime")
CODE = (".py", ".yaml", ".onnx", ".json", ".md")


@cache
def installed() -> dict[str, str]:
    """Name to version; `code` is the sha256 (12 hex digits) of the product's own files, for builds of one version.

    Of torch the public version counts: a node with a GPU has another build of the same one.
    """
    return {
        PRODUCT: version(PRODUCT),
        "code": _digest(),
        "environment": ENVIRONMENT,
        "ladder": ladder_file.read().version,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    } | {name: version(name).partition("+")[0] for name in DECISIVE}


def difference(here: dict[str, str], there: dict[str, str]) -> str:
    """What differs, in words: `selfplay-sweep 0.2.0 in place of 0.1.0`; empty where nothing does."""
    wrong = [name for name in here if there.get(name) != here[name]]
    if wrong == ["code"]:
        return f"another build of {PRODUCT} {here[PRODUCT]} ({there.get('code')} in place of {here['code']})"
    told = [f"{name} {there.get(name, 'not there')} in place of {here[name]}" for name in wrong if name != "code"]
    return ", ".join(told)


def lacking(programs: tuple[tuple[str, str], ...]) -> str:
    """What is wrong here with programs that every machine must have, in words; empty where nothing is.

    Each by its path, with its version (`executable.version`), or an empty string where any will do.
    """
    from trials.arena.games import executable  # here, because gRPC takes its time

    for path, wanted in programs:
        if not os.access(path, os.X_OK):
            return f"no executable {path}"
        if wanted and (here := executable.version(Path(path))) != wanted:
            return f"another build at {path} ({here} in place of {wanted}); copy one to all machines"
    return ""


def _digest() -> str:
    digest = sha256()
    for package in OURS:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        root = Path(spec.origin).parent
        for path in sorted(root.rglob("*")):
            if path.suffix in CODE and path.name != "README.md" and "__pycache__" not in path.parts:
                digest.update(f"{package}/{path.relative_to(root).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
