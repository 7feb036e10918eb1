"""What every test shares: property tests draw the same examples each time, and what must not run at once does not."""

from typing import Any

import pytest
from hub_server import hub  # noqa: F401  # a fixture
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


RAYLESS = (
    "cli/test_numbers",
    "cluster/test_sync",
    "cluster/test_versions",
    "cluster/test_workdir",
    "driver/test_controller",
    "driver/test_live_report",
    "driver/test_nothing_lived",
    "driver/test_status",
    "league/test_rounds",
    "league/test_server",
    "matches/test_tournament",
    "matches/test_watch",
    "promotion/test_promote",
    "promotion/test_verify",
    "search/test_regret",
    "search/test_search",
    "search/test_study",
    "search/test_warm_start",
    "test_settings",
)
"""Tests of sweep/ that start no Ray."""


class OneForRay(LoadScopeScheduling):  # type: ignore[misc]
    """`make test` has two workers: one takes all that may start Ray, the other file after file of the rest.

    Ray's nodes on one machine start one after another, and a file's tests share what they set up.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        alone = not file.startswith("tests/sweep/") or file.removeprefix("tests/sweep/").removesuffix(".py") in RAYLESS
        return file if alone else "ray"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneForRay:
    return OneForRay(config, log)
