"""Numbers that an ONNX file keeps in files beside it: which they are, read within limits, copied along, and hashed.

torch 2.9 and later export `SoccerTwos.onnx` with its weights in `SoccerTwos.onnx.data`. What a policy is known by is
then made of both. The names are found without parsing the file, which may be a stranger's.
"""

import errno
import os
import re
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from shutil import copyfile

from trials.errors import BadPolicy
from trials.folder import written_whole

MAX_BYTES = 80 << 20
"""Of all files of a policy together: 16 million float32 parameters and their names; SoccerTwos takes 0.1 to 5 MB."""
EXPORT = "export it with ML-Agents"
"""What to do with a graph that cannot be played."""
LFS = b"version https://git-lfs"
_LOCATION = re.compile(rb"\n\x08location\x12([\x80-\xff]*[\x00-\x7f])")
"""A `StringStringEntryProto` with that key, as protobuf writes it, up to its value (onnx.proto, TensorProto)."""
_PLAIN = re.compile(r"[^/\\\0\ufffd]{1,255}")
_NAME_BYTES = 255
"""Of a file's name, at most, on Linux and macOS."""
_READ_BYTES = 1024
"""Of a name in a graph: what is longer is no file's."""


def locations(data: bytes) -> tuple[str, ...]:
    """Names of the files beside it that an ONNX file says it keeps numbers in, as it says them; none for most."""
    found = set()
    for match in _LOCATION.finditer(data):
        size = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(match[1][:3]))  # a varint, lowest bits first
        found.add(data[match.end() : match.end() + min(size, _READ_BYTES)].decode("utf-8", "replace"))
    return tuple(sorted(found))


def beside(path: Path, data: bytes) -> dict[str, Path]:
    """Those files by name, there or not. Raises BadPolicy for a name that leaves the file's folder."""
    found = {}
    for name in locations(data):
        plain = _PLAIN.fullmatch(name) and len(name.encode()) <= _NAME_BYTES
        if not plain or name in (".", "..", path.name):
            raise BadPolicy(
                f"a policy's numbers must be in its file or in one right beside it, but {path.name} keeps them in"
                f" another file, {name[:80]!r}; export it as one file",
                "file",
            )
        found[name] = path.parent / name
    return found


def whole(path: Path, name: str) -> bytes:
    """A file's bytes, a policy's size of them at most; `name` is what it is called. Raises BadPolicy."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadPolicy(
            f"a policy must be readable, but {path} is not ({error.strerror}); give it read permission", "file"
        ) from None
    if content.startswith(LFS):
        raise BadPolicy(
            f"a policy must be the file itself, but {name} is a Git LFS pointer to it; run `git lfs pull`", "file"
        )
    return content


def read(path: Path, data: bytes) -> dict[str, bytes]:
    """The content of the files beside an ONNX file whose own is `data`. Raises BadPolicy."""
    found: dict[str, bytes] = {}
    size = len(data)
    for name, file in beside(path, data).items():
        at_home = os.path.isfile(file) and file.resolve().parent in (path.parent.resolve(), path.resolve().parent)
        if not at_home:
            raise BadPolicy(
                f"a policy must be there with all its files, but {path.name} keeps its numbers in another file, {name},"
                " which is not beside it; put both into one folder, or export it as one file",
                "file",
            )
        size += file.stat().st_size
        if size > MAX_BYTES:
            raise BadPolicy(
                f"a policy must be at most {MAX_BYTES >> 20} MiB, but {path.name} and what is beside it have"
                f" {size >> 20} MiB; name the one that was trained",
                "file",
            )
        found[name] = whole(file, name)
    return found


def digest(data: bytes, others: Mapping[str, bytes]) -> str:
    """What a policy is known by: the sha256 of its file, or of that and of the files beside it with their names."""
    if not others:
        return sha256(data).hexdigest()
    told = [sha256(data).hexdigest(), *(f"{sha256(others[name]).hexdigest()} {name}" for name in sorted(others))]
    return sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()


def files(path: Path) -> tuple[Path, ...]:
    """The files beside an ONNX file, there or not; none of one that cannot be played. Raises OSError."""
    if _size(path) > MAX_BYTES:
        return ()
    try:
        return tuple(beside(path, path.read_bytes()).values())
    except BadPolicy:
        return ()


def digest_of(path: Path) -> str:
    """The same of a file; of one whose other files cannot be read, which cannot be played, its own sha256; of a
    folder, which holds a policy of each behavior, that of all of them by name.

    Raises OSError.
    """
    if path.is_dir():
        told = " ".join(f"{file.name} {digest_of(file)}" for file in sorted(path.glob("*.onnx")))
        return sha256(told.encode()).hexdigest()
    if _size(path) > MAX_BYTES:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    data = path.read_bytes()
    try:
        return digest(data, read(path, data))
    except BadPolicy:
        return digest(data, {})


def _size(path: Path) -> int:
    """Bytes of a file. Raises OSError for what is none, such as a pipe or a device, which may be without an end."""
    size = path.stat().st_size
    if not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return size


def copy(path: Path, target: Path) -> None:
    """Copy an ONNX file, each file whole, and what is beside it into the same folder; of a folder all that it has.

    Raises OSError, BadPolicy.
    """
    if path.is_dir():
        for file in path.glob("*.onnx"):
            copy(file, target / file.name)
        return
    others = {
        target.parent / name: file for name, file in beside(path, path.read_bytes()).items() if os.path.isfile(file)
    }
    for to, file in [*others.items(), (target, path)]:  # the policy last: with it, it is there
        with written_whole(to) as temporary:
            copyfile(file, temporary)
