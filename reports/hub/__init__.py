"""The Hugging Face Hub: models and folders come from it, a folder goes to it in one commit; the one door to it."""

from reports.hub import datasets
from reports.hub.client import account
from reports.hub.errors import HubAway, HubError
from reports.hub.models import HubModel, listed, model
from reports.hub.repository import Remote, Version, fetched, named, remote, version
from reports.hub.retry import Patience
from reports.hub.upload import Published, must_be_allowed, published

__all__ = [
    "HubAway",
    "HubError",
    "HubModel",
    "Patience",
    "Published",
    "Remote",
    "Version",
    "account",
    "datasets",
    "fetched",
    "listed",
    "model",
    "must_be_allowed",
    "named",
    "published",
    "remote",
    "version",
]
