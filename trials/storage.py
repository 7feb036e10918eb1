"""Where a run is kept that several machines work on: a folder that all of them see, or a bucket that speaks S3.

`/shared/sweeps` or `s3://bucket/prefix?endpoint_override=http://10.0.0.7:9000&region=eu-west-1`. What S3 must know of
its user comes from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a machine's role), never from the
address, which ledgers and settings quote. Files are written whole: who reads sees the one before or the one after.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from pyarrow import ArrowException, fs

from trials.errors import UsageError
from trials.folder import flush, written_whole

CONNECT_S, REQUEST_S = 5.0, 30.0
"""How long a bucket may take to answer, seconds; a storage that is gone is asked again by its users."""
ATTEMPTS = 2
OPTIONS = ("endpoint_override", "region")


@dataclass(frozen=True)
class Stat:
    """One file in a storage."""

    size: int
    """Bytes."""
    modified: float
    """Unix seconds, by the storage's own clock."""


@dataclass(frozen=True)
class Storage:
    """A folder of files under an address; every method raises OSError where the storage does not answer."""

    address: str
    """As a person gave it: an absolute path, or s3://bucket/prefix?options."""

    def __truediv__(self, name: str) -> "Storage":
        """A folder in it."""
        head, mark, options = self.address.partition("?")
        return Storage(f"{head.rstrip('/')}/{name}{mark}{options}")

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.address.partition("?")[0]).name

    def put(self, source: Path, name: str) -> None:
        """Write the file `source` as `name`, whole."""
        self.write(name, source.read_bytes())

    def write(self, name: str, data: bytes) -> None:
        """Write `data` as `name`, whole."""
        target, local = self._path(name), self._is_local
        made = f"{target}.{uuid4().hex}.part" if local else target  # S3 shows an object once all of it is there
        with self._said():
            if local:
                self._fs.create_dir(str(PurePosixPath(target).parent))
            try:
                with self._fs.open_output_stream(made) as stream:
                    stream.write(data)
                if local:
                    flush(Path(made))  # ledgers vouch for what is in it
                    self._fs.move(made, target)
            except BaseException:
                with suppress(OSError):
                    if local:
                        self._fs.delete_file(made)
                raise

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`; None where there is no such file."""
        with self._said():
            if self._fs.get_file_info(self._path(name)).type != fs.FileType.File:
                return None
            with self._fs.open_input_stream(self._path(name)) as stream:
                return bytes(stream.read())

    def fetch(self, name: str, target: Path) -> None:
        """Copy `name` to the local file `target`, whole. Raises FileNotFoundError where there is no such file."""
        data = self.read(name)
        if data is None:
            raise FileNotFoundError(f"{name} is not in {self.address}")
        with written_whole(target) as temporary:
            temporary.write_bytes(data)

    def files(self, under: str = "") -> Mapping[str, Stat]:
        """Every file below the folder `under`, by its name in the storage; empty where there is none."""
        with self._said():
            selector = fs.FileSelector(self._path(under), recursive=True, allow_not_found=True)
            found = self._fs.get_file_info(selector)
        whole = [info for info in found if info.type == fs.FileType.File and not info.path.endswith(".part")]
        return {info.path[len(self._root) + 1 :]: _stat(info) for info in whole}

    def stat(self, name: str) -> Stat | None:
        """Size and time of `name`; None where there is no such file."""
        with self._said():
            info = self._fs.get_file_info(self._path(name))
        return _stat(info) if info.type == fs.FileType.File else None

    def remove(self, name: str) -> None:
        """Delete `name`, if it is there."""
        with self._said():
            if self._fs.get_file_info(self._path(name)).type == fs.FileType.File:
                self._fs.delete_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @cached_property
    def _root(self) -> str:
        if self._is_local:
            return self.address.rstrip("/")
        parts = urlsplit(self.address)
        return f"{parts.netloc}{parts.path}".rstrip("/")

    @property
    def _is_local(self) -> bool:
        return not self.address.startswith("s3://")

    @cached_property
    def _fs(self) -> fs.FileSystem:
        if self._is_local:
            return fs.LocalFileSystem()
        options = dict(parse_qsl(urlsplit(self.address).query))
        endpoint = urlsplit(options.get("endpoint_override", ""))
        return fs.S3FileSystem(
            region=options.get("region"),
            scheme=endpoint.scheme or None,
            endpoint_override=endpoint.netloc or None,
            connect_timeout=CONNECT_S,
            request_timeout=REQUEST_S,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        )

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Arrow's own errors as OSError."""
        try:
            yield
        except ArrowException as error:
            raise OSError(f"{self.address}: {error}") from error


def _stat(info: fs.FileInfo) -> Stat:
    return Stat(info.size, float(info.mtime_ns or 0) / 1e9)


def storage(text: str) -> Storage:
    """The storage that a person named. Raises SetupError with the rule, what came and what to do."""
    if "://" not in text:
        return Storage(str(Path(os.path.expanduser(text)).absolute()))
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc:
        raise UsageError(f"--storage must be a path or s3://bucket/prefix, but got {text}; give one of those")
    if "@" in parts.netloc:
        raise UsageError(
            f"--storage must hold no password, but that of s3://{parts.netloc.partition('@')[2]} does, and ledgers"
            " would quote it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY on every node"
        )
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        if option not in OPTIONS or (option == "endpoint_override" and urlsplit(value).scheme not in ("http", "https")):
            raise UsageError(
                f"--storage takes endpoint_override=http(s)://host:port and region=name, but got {option}={value};"
                " correct the address"
            )
    return Storage(text)
