"""Who can play: `still`, `random`, `chaser`, the house baseline and any ONNX policy, all with one face."""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players.onnx_external import digest_of
from trials.arena.players.player import Player
from trials.arena.players.scripted import Chaser, Unskilled
from trials.errors import BadPolicy, SetupError

BUILT_IN = ("still", "random", "chaser", "house")
LADDER = Path(__file__).parents[1] / "ladder"
HOUSE = LADDER / "house.onnx"
EARLIER = ("house-750k", "house-1000k", "house-1500k", "house-6000k")
"""Earlier houses, which stand on the ladder below it: checkpoints of one smaller training, by trainer steps."""


def load(name_or_path: str | Path, behavior: Behavior = SOCCER) -> Player:
    """The player named `still`, `random`, `chaser`, `house` or as one of EARLIER, or in that ONNX file.

    In another game than SoccerTwos, whose `behavior` is given, `still`, `random` and ONNX files play. Raises BadPolicy,
    SetupError.
    """
    if behavior != SOCCER:
        return _elsewhere(str(name_or_path), behavior)
    name = str(name_or_path)
    if name in ("still", "random"):
        return Unskilled(name, SOCCER)
    if name == "chaser":
        return Chaser()
    from trials.arena.players.onnx_policy import OnnxPolicy  # importing the arena must not load onnxruntime

    if name not in ("house", *EARLIER):
        return OnnxPolicy(Path(name))
    installed = HOUSE if name == "house" else LADDER / f"{name}.onnx"
    if not installed.is_file():
        raise SetupError(
            f"the house baseline must be installed, but {installed} is not there; reinstall, or name another baseline"
        )
    return OnnxPolicy(installed)


def _elsewhere(name: str, behavior: Behavior) -> Player:
    """A player of another game than SoccerTwos; of two behaviors a player for each."""
    if behavior.roles:
        from trials.arena.players.roles import Roles

        built_in = name in (*BUILT_IN, *EARLIER)
        files = [name, name] if built_in else [str(file) for file in files_of(Path(name), behavior)]
        each = [_elsewhere(file, role) for file, role in zip(files, behavior.roles, strict=True)]
        return Roles(Path(name).stem, name if built_in else digest_of(Path(name)), each, behavior)
    if name == "still" or name == "random":
        return Unskilled(name, behavior)
    if name in (*BUILT_IN, *EARLIER):
        raise SetupError(
            f"{name} plays SoccerTwos alone, but the game is {behavior}; name still, random or ONNX files instead"
        )
    from trials.arena.players.onnx_policy import OnnxPolicy

    return OnnxPolicy(Path(name), behavior)


def remembering(most: int) -> Callable[[str, Behavior], Player]:
    """`load` that loads none of the last `most` players again, unless its file was replaced since."""

    @lru_cache(maxsize=most)
    def found(name: str, _written: tuple[int, int], behavior: Behavior) -> Player:
        return load(name, behavior)

    return lambda name, behavior: found(name, _written(name), behavior)


def _written(name: str) -> tuple[int, int]:
    """When a file was last written and how long it is, ns and bytes; of a folder its newest; zeros: there is none."""
    path = Path(name)
    found = []
    for file in (path, *path.glob("*.onnx")):
        with suppress(OSError):
            found.append((file.stat().st_mtime_ns, file.stat().st_size))
    return max(found, default=(0, 0))


def files_of(path: Path, behavior: Behavior) -> list[Path]:
    """The policies of a player: the file itself, and of two behaviors, by name, those in a folder. Raises BadPolicy."""
    names = [role.name for role in behavior.roles]
    if len({*names}) < 2:
        return [path] * max(1, len(names))
    files = [path / f"{name}.onnx" for name in names]
    if not all(file.is_file() for file in files):
        raise BadPolicy(
            f"a player of {behavior.name} must be a folder with {names[0]}.onnx and {names[1]}.onnx, but {path} is"
            " none; name one"
        )
    return files
