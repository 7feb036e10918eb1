"""A temporary folder with a long path breaks no Ray: a short one is taken, or the variable is named."""

from pathlib import Path

import pytest

from sweep.cluster import temporary
from trials.errors import SetupError


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / ("a" * 60)
    folder.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(temporary.sys, "platform", "linux")
    return folder


def test_a_short_one_is_rays_own_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", "/tmp/" + "a" * 30)
    assert temporary.folder() is None
    monkeypatch.setenv("TMPDIR", "/tmp/" + "a" * 35)
    assert temporary.folder() is not None
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    assert temporary.folder() is None


def test_where_nothing_short_can_be_written_the_variable_is_named(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "SHORT", ("/proc/none", "/proc/neither"))
    with pytest.raises(
        SetupError, match=r"at most 39 bytes, for its sockets, but TMPDIR is .*aaa and neither .*shorter"
    ):
        temporary.folder()
