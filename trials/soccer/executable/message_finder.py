"""mlagents' protobuf messages, built with the installed, compiled protobuf as they are imported."""

import ast
import importlib.metadata
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_MESSAGES = "mlagents_envs.communicator_objects."


def put() -> None:
    """From now on mlagents' messages are built so; calling it again does nothing."""
    if not any(isinstance(finder, MessageFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, MessageFinder())


class MessageFinder(MetaPathFinder):
    """Builds mlagents' protobuf messages with the installed, compiled protobuf.

    The generated `*_pb2.py` files are of protobuf 3 and refused by protobuf >= 4 ("Descriptors cannot be created
    directly"); the last release that takes them has no compiled wheel for Python 3.11 and is 30 to 3000 times slower.
    Each file holds its serialized description, from which protobuf's own builder makes the same classes.
    """

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        """As `importlib.abc.MetaPathFinder.find_spec`."""
        if not (fullname.startswith(_MESSAGES) and fullname.endswith("_pb2")):
            return None
        found = PathFinder.find_spec(fullname, path)
        if found is None or found.origin is None:
            return None
        return importlib.util.spec_from_loader(fullname, _MessageLoader(found.origin), origin=found.origin)


class _MessageLoader(Loader):
    def __init__(self, origin: str) -> None:
        self.origin = origin

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        from google.protobuf import descriptor_pool
        from google.protobuf.internal import builder

        serialized, imports = _read_generated(Path(self.origin).read_text(encoding="utf-8"))
        for name in imports:  # a description may only be added after the ones it refers to
            importlib.import_module(name)
        descriptor = descriptor_pool.Default().AddSerializedFile(serialized)
        module.__dict__["DESCRIPTOR"] = descriptor
        builder.BuildMessageAndEnumDescriptors(descriptor, module.__dict__)
        builder.BuildTopDescriptorsAndMessages(descriptor, module.__name__, module.__dict__)


def _read_generated(source: str) -> tuple[bytes, list[str]]:
    """The serialized FileDescriptorProto in a generated module, and the message modules it imports."""
    tree = ast.parse(source)
    imports = [
        f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
        if alias.name.endswith("_pb2") and alias.name != "descriptor_pb2"
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "serialized_pb" and isinstance(node.value, ast.Call):
            text = ast.literal_eval(node.value.args[0])
            return (text if isinstance(text, bytes) else text.encode("latin1")), imports
    raise ImportError(
        "mlagents' generated protobuf modules must hold serialized_pb, but one does not; is it mlagents 1.1.0?"
    )
