"""Where the recordings of the reference physics and the real policies lie: beside the checkout, never inside it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[4] / "shared"


def shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{name} is missing: put it at {folder}")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    return shared("golden")


@pytest.fixture(scope="session")
def policies() -> Path:
    return shared("policies")
