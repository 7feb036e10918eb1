"""A rendered trainer YAML against mlagents' own classes: names and types as mlagents 1.1.0 takes them.

    python -m trials.learner.check < trainer.yaml

Prints the configuration as mlagents resolves it, defaults and all, as one JSON object; or exits with status 1 and one
line on stderr. A process of its own, because mlagents.trainers needs mends (`trials/learner/compat.py`) and seconds.
Ranges and relations are not its business: mlagents accepts a learning rate of -1 (`search_spaces/rules.py` does not).
"""

import contextlib
import json
import sys
import warnings
from collections.abc import Mapping
from enum import Enum
from typing import Any

import yaml

from trials.errors import SpaceError
from trials.learner import compat


def resolve(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` as mlagents reads it, every default written out; SpaceError where mlagents refuses it.

    Imports mlagents.trainers, mended: never call it in the sweep's own process.
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


def main() -> int:
    """Read standard input, print one JSON object; the exit status."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():  # mlagents logs to stdout
        warnings.simplefilter("ignore")
        try:
            tree = _read()
            if not isinstance(tree, Mapping):
                raise SpaceError(_line("there are no sections in it"))
            resolved = resolve(tree)
        except SpaceError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.write(json.dumps(resolved, default=_plain) + "\n")
    return 0


def _read() -> Any:
    try:
        return yaml.safe_load(sys.stdin)
    except yaml.YAMLError as error:
        raise SpaceError(_line(str(error))) from error


def _line(reason: str) -> str:
    return (
        f"mlagents must accept the trainer configuration, but says: {' '.join(reason.split())}; mend the space's file"
    )


def _plain(value: Any) -> Any:
    """What json does not know: the enumerations of mlagents' settings, and whatever else as text."""
    return value.value if isinstance(value, Enum) else str(value)


if __name__ == "__main__":
    sys.exit(main())
