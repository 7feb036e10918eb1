"""Xet's upload as hf_xet speaks it: blocks of compressed chunks, then a shard that says which chunks make which file.

Formats: github.com/huggingface/xet-core, `cas_object` (blocks) and `mdb_shard` (shards); all numbers little-endian.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping

import pyarrow as pa

HEADER = 48
"""Bytes of a shard's header, and of every record in it."""
_VERIFIED, _WITH_SHA256 = 1 << 31, 1 << 30
_LAST = b"\xff" * 32


def files(shard: bytes, blocks: Mapping[str, bytes]) -> Iterator[bytes]:
    """The contents of a shard's files, put together from blocks by hash. Raises KeyError for a block that is not there.

    Raises ValueError where a file is not what its sha256 says.
    """
    at = HEADER
    while shard[at : at + 32] != _LAST:
        flags, count = struct.unpack_from("<II", shard, at + 32)
        terms = [shard[at + HEADER * (n + 1) :][:HEADER] for n in range(count)]
        at += HEADER * (1 + count * (2 if flags & _VERIFIED else 1))
        data = b"".join(_term(term, blocks) for term in terms)
        if flags & _WITH_SHA256:
            if text(shard[at : at + 32]) != hashlib.sha256(data).hexdigest():
                raise ValueError("a file is not what its sha256 says")
            at += HEADER
        yield data


def _term(term: bytes, blocks: Mapping[str, bytes]) -> bytes:
    """The chunks of a block that stand in a file."""
    first, last = struct.unpack_from("<II", term, 40)
    return b"".join(list(chunks(blocks[text(term[:32])]))[first:last])


def chunks(block: bytes) -> Iterator[bytes]:
    """A block's chunks, decompressed; its footer is left."""
    at = 0
    while at + 8 <= len(block) and block[at] == 0:
        size, kind = int.from_bytes(block[at + 1 : at + 4], "little"), block[at + 4]
        whole = int.from_bytes(block[at + 5 : at + 8], "little")
        data = block[at + 8 : at + 8 + size]
        if kind:
            data = pa.decompress(data, decompressed_size=whole, codec="lz4", asbytes=True)
        yield data if kind < 2 else _ungrouped(data)
        at += 8 + size


def _ungrouped(data: bytes) -> bytes:
    """Bytes that were sorted by their place in a group of four, in their order again."""
    made, at = bytearray(len(data)), 0
    for place in range(4):
        size = len(range(place, len(data), 4))
        made[place::4] = data[at : at + size]
        at += size
    return bytes(made)


def text(digest: bytes) -> str:
    """A hash as it is written: four numbers of 64 bits."""
    return "".join(digest[at : at + 8][::-1].hex() for at in range(0, 32, 8))
