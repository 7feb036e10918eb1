"""A policy's proof: matches played afresh on seeds that its run never used, and the gate that it must pass by them."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from reports.model.checks import Check
from reports.model.evaluation import Against, Evaluation, Opponent, PolicyFile, TestAgainst
from reports.model.markdown import prose
from sweep import models
from sweep.matches import play
from sweep.matches.conditions import Conditions
from sweep.models import Model
from sweep.settings import read
from trials.arena.games.game import Behavior, WonBy
from trials.arena.games.soccer import SOCCER
from trials.arena.matches import log
from trials.arena.players import onnx_external
from trials.errors import UsageError, of_option
from trials.events import Event, SweepBegan
from trials.folder import RunFolder
from trials.records import Rating
from trials.results import PlayResult, TestResult

FIRST_SEED, SEEDS = 2**30, 2**30
"""Promotions draw from [FIRST_SEED, FIRST_SEED + SEEDS): `sweep play --seed` takes such a number, so that all of it can
be played again."""
STRIDE = 4
"""Seeds an attempt takes."""
ELO0, ELO1 = 0.0, 100.0
"""What a policy must be better than random play and standing still by."""
MAX_PAIRS, RANDOM_PAIRS = 1000, 100


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What is asked of a policy, and how it is played."""

    min_elo: float | None = None
    """Least Elo difference to the baseline, the estimate itself."""
    sprt: tuple[float, float] | None = None
    """A test against the baseline that it must pass."""
    matches: int = 400
    """Against the baseline, for the estimate."""
    cores: int = 1
    progress: bool = False
    env: Path | None = None
    """The executable of another game than SoccerTwos, in which it is played, on one core."""
    won_by: WonBy | None = None
    """Whose rewards decide there."""


@dataclass(frozen=True)
class Proof:
    """What was played, as `evaluation.json` tells it, and what the gate says of it."""

    evaluation: Evaluation
    gate: tuple[Check, ...]


def logs_of(run: RunFolder) -> Path:
    """Where the matches of every attempt at a promotion are kept."""
    return run.path / "promotion" / "matches"


def fresh_seeds(run: RunFolder, events: Sequence[Event]) -> tuple[int, int]:
    """The number of this attempt, from 1, and the first of its STRIDE seeds, which no match of the run had."""
    earlier = sorted(logs_of(run).glob("*.parquet"))
    attempt = 1 + max((int(number[1]) for path in earlier if (number := re.match(r"(\d+)-", path.name))), default=0)
    used = set(_seeds(events)) | {record.seed for path in earlier for record in log.read(path).records[:1]}
    began = next((event for event in events if isinstance(event, SweepBegan)), None)
    name = f"{began.name} {began.time}" if began else run.name
    while True:
        drawn = int.from_bytes(sha256(f"{name} {attempt}".encode()).digest()[:8])
        first = FIRST_SEED + drawn % (SEEDS // STRIDE) * STRIDE
        if used.isdisjoint(range(first, first + STRIDE)):
            return attempt, first
        name += "+"


def _seeds(what: Any) -> Iterator[int]:
    """The seeds of every rating in the events."""
    if isinstance(what, Rating):
        yield what.seed
    elif is_dataclass(what):
        for field in fields(what):
            yield from _seeds(getattr(what, field.name))
    elif isinstance(what, list | tuple):
        for one in what:
            yield from _seeds(one)


def baseline_of(run: RunFolder, events: Sequence[Event], other: str | None, behavior: Behavior = SOCCER) -> Model:
    """The run's baseline as it was, or an `other`. Raises SetupError where it is another file now, BadPolicy."""
    began = last_began(events)
    if other is not None or began is None:
        with of_option("--baseline"):
            return models.resolve(other or "house", behavior)
    found = models.of_run(run, read(run.settings).baseline, began.baseline_sha256, behavior)
    return replace(found, revision=began.baseline_revision)


def last_began(events: Sequence[Event]) -> SweepBegan | None:
    """What the run's last driver began with."""
    return next((event for event in reversed(events) if isinstance(event, SweepBegan)), None)


def prove(policy: Path, repo: str, run: RunFolder, events: Sequence[Event], baseline: Model, bar: Bar) -> Proof:
    """Play the policy (the very file that is uploaded, or the folder with one of each behavior) against standing still,
    random play and the baseline; `repo`: what stands for it in the commands that play it again.

    Raises BadPolicy, SetupError.
    """
    simple = {"still": 0, "random": RANDOM_PAIRS}
    if bar.sprt and baseline.name in simple:
        raise UsageError(f"--sprt is against the baseline, but that is {baseline.name}; name one: --baseline house")
    began, (attempt, seed) = last_began(events), fresh_seeds(run, events)
    logs_of(run).mkdir(parents=True, exist_ok=True)
    played: dict[str, PlayResult] = {}
    logs: list[str] = []
    commands: list[str] = []

    where = "" if bar.env is None else f" --env {bar.env.name}"
    where += f" --won-by {bar.won_by}" if bar.won_by else ""

    def meet(opponent: Model, seed: int, pairs: int, sprt: tuple[float, float] | None, most: int) -> None:
        path = logs_of(run) / f"{attempt:04d}-{len(played)}.parquet"
        test, asked = None, f"--matches {2 * pairs}"
        if sprt is not None:
            test = play.TestTerms(elo0=sprt[0], elo1=sprt[1], max_pairs=most, fresh_pairs=pairs)
            asked = f"--sprt {test.elo0:g} {test.elo1:g} --max-pairs {most} --fresh-pairs {pairs}"
        cores = bar.cores if bar.env is None else 1
        how = Conditions(seed=seed, cores=cores, log_to=path, env=bar.env, won_by=bar.won_by)
        played[opponent.name] = play.play(str(policy), opponent.load, 2 * pairs, how, test=test, progress=bar.progress)
        logs.append(path.name)
        called = opponent.pinned or Path(opponent.load).name
        commands.append(f"sweep play {repo} {shlex.quote(called)} {asked} --seed {seed}{where}")

    pairs = bar.matches // 2
    for at, (name, few) in enumerate(simple.items()):
        fresh = pairs if baseline.name == name else few
        meet(models.resolve(name), seed + at, fresh, (ELO0, ELO1), MAX_PAIRS)
    if baseline.name not in simple:
        meet(baseline, seed + 2, pairs, bar.sprt, 5 * MAX_PAIRS)
    first, files = played[baseline.name], sorted(policy.glob("*.onnx")) if policy.is_dir() else [policy]
    told = Evaluation(
        policy=PolicyFile(", ".join(file.name for file in files), onnx_external.digest_of(policy)),
        environment=first.environment,
        kick_off=first.kick_off,
        attempt=attempt,
        baseline=Opponent(baseline.name, baseline.sha256, baseline.pinned or Path(baseline.load).name),
        ratings=[
            rating
            for name in dict.fromkeys((baseline.name, "random"))
            if (rating := _against(name, played[name])) is not None
        ],
        tests=[_test_against(name, found, found.sprt) for name, found in played.items() if found.sprt is not None],
        commands=commands,
        logs=logs,
        evaluated_with={name: version(name) for name in ("selfplay-sweep", "onnxruntime", "numpy", "numba")},
        versions=began.versions if began is not None else {},
    )
    return Proof(told, tuple(_gate(played, baseline.name, bar)))


def matches(run: RunFolder, proof: Proof, target: Path) -> None:
    """Write every match of the proof as one CSV."""
    parts = [log.read(logs_of(run) / name) for name in proof.evaluation.logs]
    names = {player: name for part in parts for player, name in part.names.items()}
    counted, uncounted = [r for part in parts for r in part.records], [u for part in parts for u in part.uncounted]
    log.write(target, counted, names, uncounted)


# --- what came of it ---------------------------------------------------------------------------------------------


def _against(name: str, found: PlayResult) -> Against | None:
    """None where no fresh match was played."""
    if found.elo is None or found.low is None or found.high is None:
        return None
    return Against(
        opponent=name,
        matches=found.matches,
        wins=found.wins,
        draws=found.draws,
        losses=found.losses,
        by_side=found.by_side,
        elo=found.elo,
        low=found.low,
        high=found.high,
        seed=found.seed,
        mean_decisions=found.mean_decisions,
        entropy=found.entropy.a,
    )


def _test_against(name: str, found: PlayResult, test: TestResult) -> TestAgainst:
    against = {"still": "standing still", "random": "random play"}.get(name, prose(name))
    sentence = (
        f"Sequential test against {against}, Elo {test.elo0:g} or {test.elo1:g}: **{test.verdict}**,"
        f" log-likelihood ratio {test.llr:.2f} (bounds {test.lower:.2f} and {test.upper:.2f}) after"
        f" {test.pairs} pairs, {test.wins}-{test.draws}-{test.losses}."
    )
    return TestAgainst(**vars(test), opponent=name, seed=found.seed, sentence=sentence)


def _gate(played: Mapping[str, PlayResult], baseline: str, bar: Bar) -> Iterable[Check]:
    for name, called in (("still", "beats standing still"), ("random", "beats random play")):
        yield _tested(called, played[name].sprt)
    mine = played[baseline]
    if bar.sprt is not None:
        yield _tested(f"--sprt against {baseline}", mine.sprt)
    if bar.min_elo is not None and mine.elo is not None:
        found = f"{mine.elo:+.1f} Elo [{mine.low:+.0f}, {mine.high:+.0f}] against {baseline}"
        if mine.elo >= bar.min_elo:
            yield Check("--min-elo", "ok", found)
        else:  # NaN too
            yield Check("--min-elo", "no", f"{found}, but {bar.min_elo:+g} is asked", "train on")


def _tested(name: str, test: TestResult | None) -> Check:
    if test is None:
        raise ValueError(f"{name} needs a sequential test, but none was played")
    numbers = (
        f"SPRT [{test.elo0:g}, {test.elo1:g}] {test.verdict}, LLR {test.llr:.2f} where"
        f" {test.upper:.2f} is needed, after {test.pairs} pairs ({test.wins}-{test.draws}-{test.losses})"
    )
    if test.verdict == "accepted":
        return Check(name, "ok", numbers)
    return Check(name, "no", numbers, "train longer, or promote another trial (--trial N)")
