"""The ladder's constants: who stands on it, at which rating, how surely, in which environment."""

from pathlib import Path

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from trials.arena.ratings.pentanomial import Reals
from trials.errors import SetupError
from trials.folder import written_whole

INSTALLED = Path(__file__).parents[1] / "ladder" / "ladder.json"
MEND = "reinstall, or fit it again with `python -m trials.arena.ratings.ladder fit`"

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LadderPlayer:
    """A player on the ladder."""

    name: str
    rating: float
    """Elo, logistic, 400 points; constant for the life of the ladder's version."""
    sha256: str | None
    """Of the ONNX file; None for a built-in player."""

    @property
    def id(self) -> str:
        """What match records call it."""
        return self.sha256 or self.name


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Pairing:
    """What was played between two rungs when the ladder was fitted."""

    a: str
    b: str
    outcomes: tuple[int, int, int, int, int]
    """Pairs that scored 0, 0.25, 0.5, 0.75 and 1 for a."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Ladder:
    """Rungs from the weakest to the strongest, and the covariance of their ratings, Elo squared."""

    version: str
    environment: str
    anchor: str | None
    """The rung that stands at 1200 by definition; None: the rungs' mean does."""
    rungs: tuple[LadderPlayer, ...]
    covariance: tuple[tuple[float, ...], ...]
    pairings: tuple[Pairing, ...]
    """The evidence: the ratings can be computed from it again."""
    seed: int

    @property
    def ratings(self) -> Reals:
        """Elo of the players, in their order."""
        return np.array([rung.rating for rung in self.rungs])


_LADDER: TypeAdapter[Ladder] = TypeAdapter(Ladder)


def read(path: Path = INSTALLED) -> Ladder:
    """The ladder in a file. Raises SetupError where there is none or it is damaged."""
    if not path.is_file():
        raise SetupError(f"a ladder must be installed to rate on, but {path} is not there; {MEND}")
    try:
        ladder = _LADDER.validate_json(path.read_bytes())
    except ValidationError as error:
        what = error.errors()[0]
        raise SetupError(
            f"{path} must hold a ladder, but {'.'.join(map(str, what['loc']))}: {what['msg']}; {MEND}"
        ) from None
    if {len(ladder.rungs)} != {len(ladder.covariance), *map(len, ladder.covariance)}:
        raise SetupError(f"a ladder's covariance must have a row and a column a rung, but {path} differs; {MEND}")
    return ladder


def write(ladder: Ladder, path: Path = INSTALLED) -> None:
    """Write the ladder whole, as JSON with one line a rung, so that a new version reads well as a difference."""
    with written_whole(path) as temporary:
        temporary.write_bytes(_LADDER.dump_json(ladder, indent=1) + b"\n")
