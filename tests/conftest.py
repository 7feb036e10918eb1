"""What every test shares: property tests draw the same examples each time, and what must not run at once does not."""

from pathlib import Path

import pytest
from hub_server import hub  # noqa: F401  # a fixture
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` has two workers: one takes all that starts Ray, the other file after file of the rest.

    Ray's nodes on one machine start one after another, and a file's tests share what they set up.
    """
    for item in items:
        place = item.path.relative_to(HERE)
        item.add_marker(pytest.mark.xdist_group("ray" if place.parts[0] == "sweep" else str(place)))
