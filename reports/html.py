"""What every page needs: its templates, styles and scripts, packed data, and the scripts that its policy allows."""

import base64
import gzip
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from trials.folder import written_whole

HERE = Path(__file__).parent
DIGITS = np.frombuffer(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~", np.uint8
)  # base85's, RFC 1924, but for `<`
PLACES = (HERE, HERE / "run", HERE / "replay", HERE / "league")
"""Where templates, styles and scripts lie: each beside its page, and here what several pages need."""


def asset(name: str) -> str:
    """The text of a style, script or template, which lies in one of PLACES."""
    path = next(folder / name for folder in PLACES if (folder / name).is_file())
    return path.read_text(encoding="utf-8")


def templates() -> Any:
    """The jinja2 environment of every page here: what is put in is escaped, and what is missing is an error."""
    import jinja2

    class Compiled(jinja2.FileSystemBytecodeCache):
        """Compiled templates, in this user's own folder among temporary files; a full disk costs half a second."""

        def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
            with suppress(OSError):
                super().dump_bytecode(bucket)

    try:
        compiled = Compiled()
    except (OSError, RuntimeError):  # there is no such folder, or it is another's
        compiled = None
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(PLACES),
        bytecode_cache=compiled,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write(path: Path, text: str) -> None:
    """A file that a reader never sees half of, and that everybody may read. Raises OSError."""
    with written_whole(path) as temporary:
        temporary.write_bytes(text.encode())
        temporary.chmod(0o644)


def packed(text: str) -> str:
    """gzip in base85 (base64 would be 6 % longer), with `,` for `<` so that HTML sees no markup in it.

    As base64.b85encode has it, which is pure Python and takes 0.3 s for plotly.
    """
    data = gzip.compress(text.encode(), 9, mtime=0)
    lacks = -len(data) % 4
    words = np.frombuffer(data + bytes(lacks), ">u4")
    digits = words[:, None] // 85 ** np.arange(4, -1, -1, dtype=np.uint32) % 85
    return DIGITS[digits].tobytes()[: digits.size - lacks].decode()


def allowed(script: str) -> str:
    """As a Content-Security-Policy names a script it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
