"""The product as its wheel installs it: in an environment of its own, with no checkout on its path."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("search_spaces", "trials", "reports", "sweep")


def build(folder: Path) -> Path:
    """The wheel, by pyproject's own backend, from a copy, so that nothing an earlier build left can slip in."""
    copy, out = folder / "copy", folder / "dist"
    out.mkdir(parents=True)
    for name in held():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, copy / name)
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, out], cwd=copy, check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


def install(wheel: Path, folder: Path) -> Path:
    """A new environment's `bin`: the wheel in it, the locked packages of this one beside it, the checkout not."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    here = Path(sys.executable).parent
    uv = [
        str(here / "uv"),
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--offline",
        "--link-mode=copy",
        "--python",
    ]
    subprocess.run([*uv, folder / "bin" / "python", wheel], check=True, capture_output=True)
    locked = next(Path(sys.prefix).glob("lib/python3*/site-packages"))
    (packages / "locked.pth").write_text(f"{locked}\n")  # its own .pth files, the checkout's among them, are not read
    return folder / "bin"


def held() -> set[str]:
    """Files of the packages in this checkout, as git knows them, those to be added included."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PACKAGES]
    names = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return {name for name in names if name and (ROOT / name).is_file()}
