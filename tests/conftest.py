"""What every test shares: property tests draw the same examples each time, so that a run can be repeated."""

from hub_server import hub  # noqa: F401  # a fixture
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
