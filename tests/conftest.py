"""What every test shares: property tests draw the same examples each time, and what takes long begins first."""

from typing import Any

import pytest
from hub_server import hub  # noqa: F401  # a fixture
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

SHARED = (
    "tests/sweep/driver/test_extend.py",
    "tests/sweep/driver/test_finals.py",
    "tests/sweep/driver/test_resume.py",
    "tests/sweep/promotion/test_promoted_resumes.py",
    "tests/sweep/test_api.py",
    "tests/sweep/test_end_to_end.py",
    "tests/sweep/test_repeatable.py",
)
"""They look at one real sweep (tests/sweep/conftest.py)."""


def scope(nodeid: str) -> str:
    """What one of the two workers of `make test` runs in one go."""
    file = nodeid.split("::", 1)[0]
    return "sweep" if file in SHARED else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The shared sweep first, then whatever else may start Ray: beside the last long one the many short ones run."""
    items.sort(key=lambda item: (scope(item.nodeid) != "sweep", not item.nodeid.startswith("tests/sweep/")))


class InScopes(LoadScopeScheduling):  # type: ignore[misc]
    """One scope after another, in that order."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InScopes:
    config.option.loadscopereorder = False
    return InScopes(config, log)
