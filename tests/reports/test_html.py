import base64
import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import FileSystemBytecodeCache

from reports.html import packed, templates


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1") * 50))
def test_what_is_packed_is_base85_of_gzip_without_markup(text: str) -> None:
    found = packed(text)
    assert "<" not in found
    assert gzip.decompress(base64.b85decode(found.replace(",", "<"))).decode() == text


def test_a_page_is_written_where_compiled_templates_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert templates().bytecode_cache is None
    full = tmp_path / "full"
    full.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(full))
    kept = templates().bytecode_cache
    monkeypatch.setattr(FileSystemBytecodeCache, "dump_bytecode", raising(OSError("no space left")))
    kept.dump_bytecode(None)


def raising(error: Exception) -> Any:
    def raises(*_: Any) -> None:
        raise error

    return raises
