"""Two models play matches, a number of them or until a test decides: what `sweep play` prints."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import mean, median

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sweep import models
from sweep.matches.conditions import MATCHES, Conditions
from sweep.models import Model
from trials.arena.matches import log, match
from trials.arena.matches.match import Played
from trials.arena.matches.pool import MatchPool, Task
from trials.arena.ratings import elo, sprt
from trials.arena.ratings.pentanomial import outcomes
from trials.records import MatchRecord
from trials.results import BySide, OfBoth, PlayResult, TestResult


@dataclass(frozen=True, kw_only=True)
class TestTerms:
    """A sequential test: is a better than b by `elo1` rather than `elo0`?"""

    elo0: float
    elo1: float
    alpha: float = 0.05
    beta: float = 0.05
    max_pairs: int = 5000
    fresh_pairs: int = 100
    """Played after the verdict, for the estimate: the matches that decided when to stop would flatter it."""


def play(
    a: str,
    b: str,
    matches: int,
    how: Conditions,
    *,
    test: TestTerms | None = None,
    progress: bool = False,
) -> PlayResult:
    """Play `matches`, an even number, between two models named as `sweep.models.resolve` takes them.

    Without `env` in the embedded SoccerTwos, else in the game of that executable, one behavior in two teams.
    With `test`, first until it decides, then `test.fresh_pairs` afresh: the verdict and the deciding matches are under
    `sprt`, and every other number is of the fresh matches; `elo` and its ends are None without any. Raises BadPolicy,
    SetupError, and LostTrial where the executable dies.
    """
    if test is None:
        MATCHES.must("matches", matches)
    how.check()
    pairs = matches // 2 if test is None else test.fresh_pairs
    parts: list[Played] = []
    records: list[list[MatchRecord]] = [[], []]  # what decided, what was played: counted so far, whatever happens
    named: list[Model] = []
    tested: TestResult | None = None
    try:
        with how.game() as game:
            named += models.told_apart([models.resolve(model, game.behavior) for model in (a, b)])
            whole = Task(
                a=named[0].load,
                b=named[1].load,
                ids=(named[0].sha256, named[1].sha256),
                first=0 if test is None else test.max_pairs,  # fresh pairs come behind all that the test may take
                pairs=pairs,
                seed=how.seed,
                deterministic=how.deterministic,
                goals=how.goals,
            )
            with MatchPool(how.cores, game) as pool:
                if test is not None:
                    verdict = sprt.Test(test.elo0, test.elo1, test.alpha, test.beta)
                    deciding = Task(**asdict(whole) | {"first": 0, "pairs": test.max_pairs})
                    with bar(progress, "testing", 2 * test.max_pairs) as tell:
                        parts.append(pool.play(deciding, stop=verdict, on_progress=tell, records=records[0]))
                    tested = _tested(test, verdict, parts[0])
                if pairs:
                    with bar(progress, "playing", 2 * pairs) as tell:
                        parts.append(pool.play(whole, on_progress=tell, records=records[1]))
    finally:
        if how.log_to is not None and any(records):
            behind = [scheduled for part in parts for scheduled in part.uncounted]
            log.write(how.log_to, records[0] + records[1], {model.sha256: model.name for model in named}, behind)
    return _result(named, parts, how, tested, estimated=bool(pairs))


def _tested(test: TestTerms, verdict: sprt.Test, played: Played) -> TestResult:
    total, said = elo.side(played.records), verdict.verdict
    return TestResult(
        elo0=round(said.elo0, 4),
        elo1=round(said.elo1, 4),
        llr=round(said.llr, 4),
        lower=round(said.lower, 4),
        upper=round(said.upper, 4),
        verdict=said.verdict,
        pairs=said.pairs,
        alpha=test.alpha,
        beta=test.beta,
        max_pairs=test.max_pairs,
        matches=len(played.records),
        wins=total.wins,
        draws=total.draws,
        losses=total.losses,
        pentanomial=[int(count) for count in outcomes(played.records)],
        uncounted=len(played.uncounted),
        seconds=round(played.seconds, 2),
    )


def _result(
    named: Sequence[Model], parts: Sequence[Played], how: Conditions, tested: TestResult | None, estimated: bool
) -> PlayResult:
    played = parts[-1]
    rated = elo.direct(played.records, named[1].name)
    lengths = [record.decisions for record in played.records]
    goals = [sum(scored) for scored in zip(*((r.goals_a, r.goals_b) for r in played.records), strict=True)]
    return PlayResult(
        a=named[0].name,
        b=named[1].name,
        a_sha256=named[0].sha256,
        b_sha256=named[1].sha256,
        matches=rated.matches,
        wins=rated.wins,
        draws=rated.draws,
        losses=rated.losses,
        by_side=BySide(rated.as_blue, rated.as_purple),
        goals=OfBoth(*goals),
        to_goals=played.records[0].to_goals,
        deterministic=played.records[0].deterministic,
        elo=round(rated.elo, 2) if estimated else None,
        low=round(rated.low, 2) if estimated else None,
        high=round(rated.high, 2) if estimated else None,
        mean_decisions=round(mean(lengths), 3),
        median_decisions=median(lengths),
        entropy=OfBoth(round(played.entropy[0], 5), round(played.entropy[1], 5)),
        seconds=round(sum(part.seconds for part in parts), 2),
        matches_per_second=round(len(lengths) / played.seconds, 2),
        decisions_per_second=round(played.decisions / played.seconds, 1),
        environment=rated.environment,
        sprt=tested,
        seed=how.seed,
        cores=how.cores,
        kick_off=how.kick_off,
    )


def text(found: PlayResult) -> str:
    """The same for a person."""
    sides = "; ".join(
        f"as {name} {side.wins}-{side.draws}-{side.losses}"
        for name, side in (("blue", found.by_side.blue), ("purple", found.by_side.purple))
    )
    test = found.sprt
    lines = [] if test is None else [_verdict(test, found.a, found.b)]
    if found.elo is not None:
        fresh = "" if test is None else " fresh"
        lines += [
            f"{found.a} against {found.b}: {found.wins} won, {found.draws} drawn, {found.losses} lost"
            f" of {found.matches}{fresh} ({sides})",
            f"Elo difference {found.elo:+.0f}, 95 % interval [{found.low:+.0f}, {found.high:+.0f}]",
        ]
    return "\n".join(
        [
            *lines,
            f"{found.mean_decisions:.1f} decisions a match (median {found.median_decisions:g}), entropy"
            f" {found.entropy.a:.3f} and {found.entropy.b:.3f} nats,"
            f" {found.matches_per_second:.0f} matches/s, {found.seconds:.1f} s; seed {found.seed},"
            f" {found.environment}{', kick-offs not controlled' if found.kick_off == 'not controlled' else ''}",
        ]
    )


def _verdict(test: TestResult, a: str, b: str) -> str:
    meaning = {
        "accepted": f"{a} against {b} is likelier at {test.elo1:+g} Elo or more than at {test.elo0:+g}",
        "rejected": f"{a} against {b} is likelier at {test.elo0:+g} Elo or less than at {test.elo1:+g}",
        "undecided": "more pairs are needed; raise --max-pairs",
    }[test.verdict]
    return (
        f"SPRT [{test.elo0:g}, {test.elo1:g}] {test.verdict}: {meaning}. LLR {test.llr:.2f}"
        f" [{test.lower:.2f}, {test.upper:.2f}] after {test.pairs} pairs"
        f" ({test.wins}-{test.draws}-{test.losses}), {test.seconds:.1f} s"
    )


@contextmanager
def bar(show: bool, what: str, matches: int) -> Iterator[match.Progress | None]:
    """A progress bar on stderr while matches are played; what it yields is told how far they are."""
    if not show:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=Console(stderr=True)) as shown:
        task = shown.add_task(what, total=matches)
        yield lambda done, total: shown.update(task, completed=done, total=total)
