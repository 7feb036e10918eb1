"""Modules that mlagents imports and that are gone from a current Python, for what little it asks of them."""

import importlib.metadata
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def put() -> None:
    """Modules that mlagents imports to compare versions and that are gone: pkg_resources from setuptools 81 on,
    distutils from Python 3.12 on. Nothing where they are still there.
    """
    if importlib.util.find_spec("pkg_resources") is None:  # mlagents/torch_utils/torch.py: torch >= 1.6.0
        module(
            "pkg_resources",
            get_distribution=importlib.metadata.distribution,
            DistributionNotFound=importlib.metadata.PackageNotFoundError,
        )
    if importlib.util.find_spec("distutils") is None:  # the same, and mlagents_envs/environment.py
        from packaging.version import Version

        class Compared(Version):
            """A version as both classes of distutils compare it, with its numbers in `version`."""

            @property
            def version(self) -> tuple[int, ...]:
                return self.release

        module("distutils", version=module("distutils.version", LooseVersion=Compared, StrictVersion=Compared))


def module(name: str, **held: Any) -> ModuleType:
    """A module that `import name` finds from now on, with what it is to hold."""
    sys.modules[name] = module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)  # find_spec asks what is imported for it
    module.__dict__.update(held)
    return module
