"""A rendered trainer YAML against mlagents' own classes: names and types as mlagents 1.1.0 takes them.

    python -m trials.learner.check [NAME=VALUE ...] < trainer.yaml

Prints the configuration as mlagents resolves it, defaults and all, as one JSON object; or exits with status 1 and one
line on stderr. `device=cuda:1` and, where a key names a file, `KEY=FILE` have the device and the file tried too. A
process of its own, because mlagents.trainers needs fixes (`trials/learner/compat.py`) and seconds.
Ranges and relations are not its business: mlagents accepts a learning rate of -1 (`search_spaces/rules.py` does not).
"""

import contextlib
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from trials.errors import SetupError, SpaceError, reason
from trials.learner import compat


def resolve(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` as mlagents reads it, every default written out; SpaceError where mlagents refuses it.

    Imports mlagents.trainers, fixed: never call it in the sweep's own process.
    """
    compat.apply()
    import attr
    from mlagents.plugins.trainer_type import register_trainer_plugins
    from mlagents.trainers.exception import TrainerConfigError
    from mlagents.trainers.settings import RunOptions

    register_trainer_plugins()  # until then even `poca` is an invalid trainer type
    unknown = [name for name in config if name not in attr.fields_dict(RunOptions)]
    if unknown:
        raise SpaceError(_line(f"no section is called {unknown[0]}"))
    try:
        resolved: dict[str, Any] = RunOptions.from_dict(dict(config)).as_dict()
    except (TrainerConfigError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpaceError(_line(f"{type(error).__name__}: {error}")) from error
    return resolved


def must_see(device: str) -> None:
    """Raise SetupError where torch has no such device here."""
    import torch

    kind, _, number = device.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise SetupError(
            f"--torch-device {device} needs a GPU that torch can use, but torch {torch.__version__} sees none;"
            " `make torch TORCH=auto`, or leave it out"
        )
    if kind == "cuda" and number and int(number) >= torch.cuda.device_count():
        raise SetupError(
            f"--torch-device {device} needs that GPU, but torch sees {torch.cuda.device_count()}, numbered from 0;"
            " name one of them, or cuda"
        )


def must_load(key: str, path: Path) -> None:
    """Raise SpaceError where mlagents cannot begin from the checkpoint, or learn from the demonstrations, at `path`."""
    from mlagents.trainers import demo_loader

    from trials.learner import checkpoints

    if key.endswith("init_path"):
        if checkpoints.steps_of(path) is None:
            raise SpaceError(
                f"{key} must name a checkpoint of mlagents, but {path.name} cannot be loaded as one; name its"
                " checkpoint.pt"
            )
        return
    for demo in demo_loader.get_demo_files(str(path)):
        try:
            demo_loader.load_demonstration(demo)
        except Exception as error:
            raise SpaceError(
                f"{key} must name demonstrations of ML-Agents, but {Path(demo).name} cannot be read as one"
                f" ({type(error).__name__}: {reason(error)}); record it again"
            ) from error


def main(tried: Sequence[str] = ()) -> int:
    """Read standard input, print one JSON object; the exit status."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():  # mlagents logs to stdout
        warnings.simplefilter("ignore")
        try:
            tree = _read()
            if not isinstance(tree, Mapping):
                raise SpaceError(_line("there are no sections in it"))
            resolved = resolve(tree)
            for name, _, value in (word.partition("=") for word in tried):
                if name == "device":
                    must_see(value)
                else:
                    must_load(name, Path(value))
        except SetupError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.write(json.dumps(resolved, default=_plain) + "\n")
    return 0


def _read() -> Any:
    try:
        return yaml.safe_load(sys.stdin)
    except yaml.YAMLError as error:
        raise SpaceError(_line(error)) from error


def _line(why: object) -> str:
    return f"mlagents must accept the trainer configuration, but says: {reason(why)}; fix the space's file"


def _plain(value: Any) -> Any:
    """What json does not know: the enumerations of mlagents' settings, and whatever else as text."""
    return value.value if isinstance(value, Enum) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
