"""What must not leave this machine: paths, names, addresses and tokens, found in a file's bytes, taken out of text.

Compressed parts (zip, gzip, a report's packed data) are looked into. Weights are bytes like any other, in which short
words occur by chance: there only what is long enough to be no accident counts.
"""

import base64
import binascii
import contextlib
import getpass
import gzip
import io
import os
import platform
import re
import socket
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import psutil

Kind = Literal["text", "binary", "weights"]

COMMON = frozenset(
    re.findall(
        r"\w+",
        "root user users admin administrator ubuntu debian fedora centos linux darwin windows runner jovyan vscode"
        " docker container localhost localdomain local host node home test tests build worker server main default"
        " python ray nobody none head sweep",
    )
)
"""Names that tell nobody's."""
ROOTS = "home|Users|root|tmp|var|mnt|media|data|work|workspace|workdir|opt|srv|private|scratch|lustre|gpfs|nfs|content"
MOST = 64 << 20
"""Bytes that a file's compressed parts may unpack to together: what is more is not looked at."""
CHANCE = 6
"""Bytes below which a word may stand among weights by chance: 64 MB of them hold a given six in one of four million."""

_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9_])(?:hf_[A-Za-z0-9]{24,}|api_org_[A-Za-z0-9]{24,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}"
    rb"|glpat-[\w-]{20,}|sk-[A-Za-z0-9_-]{32,}|AKIA[A-Z0-9]{16}|ASIA[A-Z0-9]{16}|xox[abprs]-[\w-]{20,}"
    rb"|eyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----)"
)
_MAIL = re.compile(rb"(?<![\w.%+-])[A-Za-z0-9][\w.%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![\w-])")
_MAIL_AMONG_BYTES = re.compile(rb"[a-z0-9._%+-]{3,64}@[a-z0-9-]{3,63}\.[a-z]{2,63}")
_ADDRESS = re.compile(rb"(?<![\w.])(?:192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}(?![\w]|\.\d)")
_ANY_ADDRESS = re.compile(rb"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_PATH = re.compile(
    rb"(?<![\w.:/<*~)-])/(?!dev/|bin/|usr/bin/)(?:[\w.+@-]+/)+[\w.+@*-]*|\b[A-Za-z]:\\{1,2}(?:[\w.+-]+\\{1,2})+[\w.+-]*"
)
_PATH_AMONG_BYTES = re.compile(
    rb"(?<![\w.:/-])/(?:" + ROOTS.encode() + rb")/[\w.+@-]{2,}|[A-Z]:\\{1,2}Users\\{1,2}\w{2,}"
)
_EVENTS_OF = re.compile(r"tfevents\.\d+\.(.+\.\d+)(?:\.\d+)?$")
"""As TensorBoard names its files: time, host, process."""
_PACKED = re.compile(r'(<script type="application/octet-stream"([^>]{0,200})>)([^<]*)(?=</script>)')


@dataclass(frozen=True)
class Private:
    """What tells this machine and its user."""

    words: tuple[str, ...] = ()
    """User and host names and addresses: each counts where it stands as a word."""
    folders: tuple[str, ...] = ()
    """Absolute paths."""
    secrets: tuple[str, ...] = ()
    """Tokens by value."""

    def without(self, public: Iterable[str]) -> "Private":
        """The same without words that are public anyway: the repository's owner, the product's own vocabulary."""
        known = {word.lower() for word in public}
        return replace(self, words=tuple(word for word in self.words if word.lower() not in known))


@dataclass(frozen=True)
class Leak:
    """One finding."""

    file: str
    place: str
    """`its name`, `line 12`, `archive/data.pkl, byte 40`."""
    what: str
    shown: str
    """What was found; of a token its first characters only."""

    def __str__(self) -> str:
        return f"{self.what} ({self.shown}) in {self.file}, {self.place}"


def of_this_machine(folders: Sequence[Path] = ()) -> Private:
    """What this machine and its user are called, where they keep things, and the tokens of this environment."""
    users = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")} | {Path.home().name}
    with contextlib.suppress(OSError, KeyError):  # a number without a name
        users.add(getpass.getuser())
    hosts = {socket.gethostname(), platform.node()}
    hosts |= {name.split(".")[0] for name in hosts}
    addresses = {
        entry.address.split("%")[0]
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6) and not entry.address.startswith(("127.", "::1"))
    }
    places = {Path.home(), Path.cwd(), *(path.absolute() for path in folders), *(path.resolve() for path in folders)}
    known = (os.environ.get(name, "") for name in os.environ if re.search(r"TOKEN|SECRET|PASSWORD|API_KEY", name))
    return Private(
        words=tuple(sorted(word for word in users | hosts | addresses if len(word) > 2 and word.lower() not in COMMON)),
        folders=tuple(sorted((str(path) for path in places if len(path.parts) > 2), key=len, reverse=True)),
        secrets=tuple(sorted({value for value in known if len(value) >= 12})),
    )


# --- finding -----------------------------------------------------------------------------------------------------


def find(name: str, data: bytes, private: Private, known: Sequence[str] = ()) -> list[Leak]:
    """Everything in a file's name and bytes that must not leave; `known` texts, a library's code, are passed over."""
    found = [replace(leak, place="its name") for leak in _in_part(name, "", name.encode(), "text", private)]
    if stamp := _EVENTS_OF.search(name):
        found.append(Leak(name, "its name", "a machine's name and a process number", stamp[1]))
    for place, part, kind in _parts(name, data, known):
        found += _in_part(name, place, part, kind, private)
    return found


def _parts(name: str, data: bytes, known: Sequence[str]) -> Iterator[tuple[str, bytes, Kind]]:
    """The places of a file, uncompressed."""
    if data.startswith(b"PK\x03\x04"):
        yield from _entries(data)
    elif data.startswith(b"\x1f\x8b"):
        yield "unpacked", _unpacked(data), "binary"
    elif name.endswith(".onnx"):
        yield from _graph(data)
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            yield "", data, "binary"
            return
        for place in _PACKED.finditer(text):
            called = re.search(r'id="([\w-]+)"', place[2])
            content, kind = _opened(place[3])
            if kind == "text":
                content = _without(content.decode(), known).encode()
            yield f"packed {called[1] if called else 'data'}", content, kind
        yield "", _without(_PACKED.sub(r"\1", text), known).encode(), "text"


def _entries(data: bytes) -> Iterator[tuple[str, bytes, Kind]]:
    """Of a zip, which a torch checkpoint is: pickles, and tensors under `data/`."""
    try:
        left = MOST
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                yield "an entry's name", entry.filename.encode(), "binary"
                with archive.open(entry) as part:
                    content = part.read(left)
                left -= len(content)
                weights = re.search(r"/data/\d+$", entry.filename)
                yield entry.filename, content, "weights" if weights else "binary"
            yield "comment", archive.comment, "binary"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        yield "", data, "binary"


def _graph(data: bytes) -> Iterator[tuple[str, bytes, Kind]]:
    """Of an ONNX file: everything but its tensors, and those."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError):
        yield "", data, "binary"
        return
    tensors = list(model.graph.initializer) + [
        attribute.t for node in model.graph.node for attribute in node.attribute if attribute.HasField("t")
    ]
    for tensor in tensors:
        yield f"tensor {tensor.name}", tensor.raw_data, "weights"
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
    yield "graph", model.SerializeToString(), "binary"


def _unpacked(data: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as file:
            return file.read(MOST)
    except (OSError, EOFError, zlib.error):
        return data


def _opened(packed: str) -> tuple[bytes, Kind]:
    """What a page packed, gzip in base85 (reports/run/page.py) or in base64; as it stands where it is neither."""
    for decode in (lambda text: base64.b85decode(text.replace(",", "<")), base64.b64decode):
        try:
            data = decode(packed.strip())
        except (ValueError, binascii.Error):
            continue
        if data.startswith(b"\x1f\x8b"):
            data = _unpacked(data)
            try:
                data.decode()
            except UnicodeDecodeError:
                return data, "binary"
            return data, "text"
    return packed.encode(), "text"


def _without(text: str, known: Sequence[str]) -> str:
    for part in known:
        text = text.replace(part, "")
    return text


def _in_part(file: str, place: str, part: bytes, kind: Kind, private: Private) -> list[Leak]:
    found = []
    for what, pattern in _patterns(kind, private):
        for match in pattern.finditer(part):
            shown = match[0].decode(errors="replace").strip()
            shown = shown[:4] + "..." if what == "a token" else shown if len(shown) <= 80 else shown[:80] + "..."
            line = part.count(b"\n", 0, match.start()) + 1
            at = f"line {line}" if kind == "text" else f"byte {match.start()}"
            found.append(Leak(file, f"{place}, {at}" if place else at, what, shown))
            if len(found) >= 20:
                return found
    return found


def _patterns(kind: Kind, private: Private) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    least = {"text": 3, "binary": 4, "weights": CHANCE}[kind]

    def any_of(values: Sequence[str], around: bytes = b"") -> re.Pattern[bytes] | None:
        long = [re.escape(value.encode()) for value in values if len(value.encode()) >= least]
        before, after = (rb"(?<![A-Za-z0-9])", around) if around else (b"", b"")
        return re.compile(before + b"(?:" + b"|".join(long) + b")" + after) if long else None

    yield "a token", _TOKEN
    # in a pickle a text is followed by what remembers it, a q or an r
    end = {"text": rb"(?![A-Za-z0-9])", "binary": rb"(?=[^A-Za-z0-9]|q|r|\Z)", "weights": b""}[kind]
    secrets, folders, words = any_of(private.secrets), any_of(private.folders), any_of(private.words, end)
    if secrets is not None:
        yield "a token", secrets
    if folders is not None:
        yield "a path of this machine", folders
    if words is not None:
        yield "a name of this machine or its user", words
    if kind == "text":
        yield "an absolute path", _PATH
        yield "an e-mail address", _MAIL
        yield "an address in a private network", _ADDRESS
    else:
        yield "an absolute path", _PATH_AMONG_BYTES
    if kind == "binary":
        yield "an e-mail address", _MAIL_AMONG_BYTES


# --- taking out --------------------------------------------------------------------------------------------------


def scrubbed(text: str, private: Private) -> str:
    """The text with paths cut to their last part, and names, addresses and tokens taken out."""
    made = text.encode(errors="replace")
    for secret in private.secrets:
        made = made.replace(secret.encode(), b"[token]")
    made = _MAIL.sub(b"[e-mail]", _TOKEN.sub(b"[token]", made))
    for folder in private.folders:
        made = made.replace(folder.encode() + b"/", b"").replace(folder.encode(), b"[folder]")
    made = _PATH.sub(lambda match: _last(match[0]), made)
    made = _ANY_ADDRESS.sub(b"[address]", made)
    for word in private.words:
        made = re.sub(rb"(?<![A-Za-z0-9])" + re.escape(word.encode()) + rb"(?![A-Za-z0-9])", b"[name]", made)
    return made.decode()


def _last(path: bytes) -> bytes:
    return re.split(rb"[/\\]", path.rstrip(b"/\\ "))[-1]


def words_of(text: str) -> set[str]:
    """Words of a text that everybody may read."""
    return set(re.findall(r"\w{3,}", text))
