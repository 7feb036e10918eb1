"""What must hold before a sweep starts: its space, baseline, executable, trainer, device and folder."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from search_spaces import Space, check, load
from sweep import models
from sweep.settings import Settings, build
from trials.arena.games.game import Game
from trials.arena.games.place import game_of
from trials.arena.games.soccer import SOCCER
from trials.arena.players.load import load as load_player
from trials.arena.ratings import ladder_file, yardstick
from trials.errors import SetupError, UsageError, of_option
from trials.events import SweepBegan
from trials.folder import RunFolder


def prepare(settings: Settings) -> tuple[Space, models.Model]:
    """The space and the baseline, checked. Raises SpaceError, BadPolicy or SetupError."""
    space = load(settings.space)
    check(space, settings.steps, settings.fields, any_game=settings.executable is not None)
    if settings.executable is not None:
        build(Path(settings.executable))
    elif settings.num_envs > 1:
        raise UsageError("--num-envs must be of an executable, but there is no --env; give --num-areas, more fields")
    if settings.trainer is not None:
        if settings.executable is None:
            raise UsageError("--trainer must be given an executable to train in, but there is no --env; name one")
        _must_run(Path(settings.trainer))
    if other_game(space):
        return space, _in_its_game(space, settings)
    if settings.won_by:
        raise UsageError(f"--won-by is for other games, but {space.behavior} is won by goals; leave it out")
    if settings.yardstick:
        raise UsageError(f"--yardstick is for games that have no ladder, but {space.behavior} has one; leave it out")
    with of_option("--baseline"):
        baseline = models.resolve(settings.baseline)
        load_player(baseline.load)
    return space, baseline


def other_game(space: Space) -> bool:
    """Whether a space is of another game than SoccerTwos."""
    return space.behavior != SOCCER.name


def _in_its_game(space: Space, settings: Settings) -> models.Model:
    """The baseline, checked in the executable, whose behavior must be the space's. Raises BadPolicy or SetupError."""
    with game_of(Path(str(settings.executable)), settings.seed, settings.won_by) as game:
        names = [role.name for role in game.behavior.roles] or [game.behavior.name]
        if {*names} != {*space.behaviors}:
            rule = f"must hold the executable's, {' and '.join(names)}"
            came = list(space.behaviors) if space.parts else space.behavior
            raise space.error("behaviors", rule, came, "write what it has")
        if space.parts and settings.trainer is not None:
            raise UsageError(
                f"--trainer must train one behavior as yet, but {space.file} has {' and '.join(space.behaviors)};"
                " leave it out: the product's own trains both"
            )
        baseline = models.resolve(settings.baseline, game.behavior)
        load_player(baseline.load, game.behavior)
        _more(settings, baseline, game)
        return baseline


def _more(settings: Settings, baseline: models.Model, game: Game) -> list[models.Model]:
    """What stands on the yardstick beside the built-in players and the baseline. Raises BadPolicy or SetupError."""
    with of_option("--yardstick"):
        found = [models.resolve(word, game.behavior) for word in settings.yardstick]
    names = [models.stem(model) for model in (baseline, *found) if model.load not in yardstick.BUILT_IN]
    names += yardstick.BUILT_IN
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"the players of a yardstick must have names of their own, but {twice} is there twice; copy one to a file"
            " of another name"
        )
    return found


def fit_yardstick(settings: Settings, baseline: models.Model, run: RunFolder) -> None:
    """Play what trials of another game are rated on, and keep it in the run, its policies too."""
    with game_of(Path(str(settings.executable)), settings.seed, settings.won_by) as game:
        more = [models.kept(model, run).load for model in _more(settings, baseline, game)]
        ladder_file.write(yardstick.fit(game, [baseline.load, *more], settings.seed), run.yardstick)


def game_of_run(run: RunFolder, settings: Settings) -> AbstractContextManager[Game]:
    """The game that a run's policies are rated in: the embedded one, or another in its executable."""
    other = run.yardstick.is_file() and settings.executable is not None
    return game_of(Path(str(settings.executable)), settings.seed, settings.won_by) if other else game_of()


def must_rate_alike(run: RunFolder, settings: Settings, question: SweepBegan) -> None:
    """Raise SetupError where the ladder or the environment is not what the run began with: its ratings could not be
    compared with those before."""
    with game_of_run(run, settings) as game:
        measure = ladder_file.read(run.yardstick if run.yardstick.is_file() else ladder_file.INSTALLED)
        _same("ladder", question.ladder, measure.version)
        _same("environment", question.environment, game.version)


def _same(what: str, then: str, now: str) -> None:
    if then != now:
        raise SetupError(
            f"a sweep must go on as it began, but its {what} was {then[:12]} and the installed one is {now[:12]};"
            " install that version, or start a new sweep"
        )


def _must_run(trainer: Path) -> None:
    """Raise SetupError where it is no program; whether it is an mlagents-learn its first start tells."""
    mend = "name an environment's bin/mlagents-learn"
    if not trainer.is_file():
        raise UsageError(f"--trainer must be an mlagents-learn, but {trainer} is not there; {mend}")
    if not os.access(trainer, os.X_OK):
        raise SetupError(f"--trainer must be executable, but {trainer} is not; run `chmod +x {trainer}`, or {mend}")


def device(settings: Settings) -> list[tuple[str, str]]:
    """The device that this machine's torch must have; none where another machine's, or another torch, trains."""
    elsewhere = settings.ray_address or settings.trainer or settings.torch_device is None
    return [] if elsewhere else [("device", str(settings.torch_device))]


def asked(settings: Settings, space: Space) -> str:
    """What is about to begin, in a line."""
    where = "the embedded SoccerTwos" if settings.executable is None else Path(settings.executable).name
    trials = f"{settings.trials} trials" if settings.trials > 1 else "1 trial"
    slots = f", {settings.slots} at a time" if settings.slots and settings.trials > 1 else ""
    many = f"{settings.num_envs} of " if settings.num_envs > 1 else ""
    return f"{space.name}: {trials} of {settings.steps:,} steps{slots}, in {many}{where}, {settings.fields} fields each"


def must_be_new(run: RunFolder) -> None:
    """A sweep never writes over another."""
    if run.ledger.exists():
        raise SetupError(
            f"--out must name a new folder, but {run.path} holds a sweep already; give another name or remove it"
        )
