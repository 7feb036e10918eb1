"""What every page needs: its templates, styles and scripts, packed data, and the scripts that its policy allows."""

import base64
import gzip
import hashlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLACES = (HERE, HERE / "run", HERE / "replay", HERE / "league")
"""Where templates, styles and scripts lie: each beside its page, and here what several pages need."""


def asset(name: str) -> str:
    """The text of a style, script or template, which lies in one of PLACES."""
    path = next(folder / name for folder in PLACES if (folder / name).is_file())
    return path.read_text(encoding="utf-8")


def templates() -> Any:
    """The jinja2 environment of every page here: what is put in is escaped, and what is missing is an error."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(PLACES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def packed(text: str) -> str:
    """gzip in base85 (base64 would be 6 % longer), with `,` for `<` so that HTML sees no markup in it."""
    return base64.b85encode(gzip.compress(text.encode(), 9, mtime=0)).decode().replace("<", ",")


def allowed(script: str) -> str:
    """As a Content-Security-Policy names a script it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
