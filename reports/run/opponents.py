"""Who beats whom: every policy against every opponent it met, from either side, and what of it goes in circles."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.run import match_results, timeline
from reports.run.cycles import Circles, circles, of_ladder
from reports.run.match_results import Heard, Match, Met, Row, called, pack
from reports.run.ranking import ranking
from trials.arena.ratings import ladder_file
from trials.arena.ratings.ladder_file import Ladder
from trials.errors import SetupError
from trials.events import FreshRated, TrialRated
from trials.folder import RunFolder
from trials.records import Rating, Side
from trials.retrained import Configuration
from trials.run_state import Run, TrialHistory

Played = tuple[dict[str, Met], tuple[Match, ...]]
"""Results by opponent, and the matches, the last first."""
FIRST = 12
"""Rows of the matrix that stand in the page without a script."""


@dataclass(frozen=True)
class Opponents:
    """The section's values."""

    columns: tuple[str, ...]
    """Opponents in tuning, the weakest first where the ladder is at hand."""
    rows: tuple[Row, ...]
    """Of tuning, the best first."""
    after: tuple[Row, ...]
    """Direct matches after tuning."""
    after_columns: tuple[str, ...]
    """The course's policies, then the strongest first: random is the last."""
    laddered: tuple[Row, ...]
    """Retrained policies on the ladder, where tuning's numbers were read: an experiment of its own."""
    laddered_columns: tuple[str, ...]
    strengths: Mapping[str, float]
    """Elo of those opponents that stand on the ladder."""
    circles: Circles
    ladder_known: bool
    """Whether the rungs' own matches could be looked at for circles."""
    logged: bool
    """Whether any match log says more than the ledger."""
    played: timeline.Timeline | None
    labels: Mapping[str, str]
    """What logs call a retrained policy to what people are told."""
    data: str
    """What the script reads: JSON, packed."""

    def called(self, name: str) -> str:
        """What a person calls the player `name`."""
        return self.labels.get(name, name)

    @property
    def first(self) -> tuple[Row, ...]:
        """The rows that are shown unfolded."""
        return self.rows[:FIRST]

    @property
    def blank(self) -> frozenset[str]:
        """Columns that none of the first rows fills: paper leaves them out."""
        return frozenset(name for name in self.columns if not any(name in row.met for row in self.first))


def section(run: Run, folder: RunFolder | None) -> Opponents | None:
    """None where nothing was played."""
    rows, after, laddered = _tuning(run, folder), direct(run, folder), on_ladder(run, folder)
    if not rows and not after and not laddered:
        return None
    every = (*rows, *after, *laddered)
    ladder = _ladder(run)
    strengths = {rung.name: rung.rating for rung in ladder.rungs} if ladder else {}
    columns, late, on = _names(rows, strengths), _names(after, strengths), _names(laddered, strengths)
    return Opponents(
        columns=columns,
        rows=rows,
        after=after,
        after_columns=tuple(sorted(late, key=lambda name: _first(name, strengths))),
        laddered=laddered,
        laddered_columns=on,
        strengths=strengths,
        circles=circles({**_scores(every), **(of_ladder(ladder) if ladder else {})}, strengths),
        ladder_known=ladder is not None,
        logged=any(row.matches for row in every),
        played=timeline.section(run),
        labels=(labels := labels_of(run)),
        data=pack(every, tuple(dict.fromkeys([*columns, *late, *on])), len(columns), strengths, run.first, labels),
    )


def labels_of(run: Run) -> dict[str, str]:
    """`trial 12` to `trial 2 (seed 1000001)`, of every retrained policy."""
    return {f"trial {trial.number}": trial.spec.called for trial in run.retrained}


def _ladder(run: Run) -> Ladder | None:
    """The installed one, if the run was rated on it."""
    try:
        ladder = ladder_file.read()
    except SetupError:
        return None
    return ladder if run.question is not None and run.question.ladder == ladder.version else None


def _names(rows: Iterable[Row], strengths: Mapping[str, float]) -> tuple[str, ...]:
    """Everyone that was met; those on the ladder first, the weakest first of them."""
    every = list(dict.fromkeys(name for row in rows for name in row.met))
    return tuple(sorted(every, key=lambda name: (name not in strengths, strengths.get(name, 0.0))))


def _first(name: str, strengths: Mapping[str, float]) -> tuple[bool, int, float]:
    """Sorts policies of this run by number, then what else there is without an Elo, then the strongest first."""
    number = name.removeprefix("trial ")
    own = number != name and number.isdecimal()
    return not own, int(number) if own else 0, -strengths.get(name, math.inf)


# --- rows ----------------------------------------------------------------------------------------------------------


def _tuning(run: Run, folder: RunFolder | None) -> tuple[Row, ...]:
    """Every ranked trial by its last rung."""
    rows = []
    for ranked in ranking(run):
        if ranked.rank is None:
            continue
        rated = ranked.trial.rungs[-1]
        note = ", ".join(_notes(run, ranked.trial))
        rows.append(_row(run, ranked.trial.number, note, _rated(rated, folder), ranked.rank, rated.rating))
    return tuple(rows)


def _row(
    run: Run, number: int, note: str, played: Played, rank: int | None = None, rating: Rating | None = None
) -> Row:
    trial = run.trial(number)
    label = trial.spec.called.removeprefix("trial ") if trial else str(number)
    return Row(number, label, note, rank, rating, *played)


def _notes(run: Run, trial: TrialHistory) -> list[str]:
    return [run.first_tag] * (trial.spec.origin == "course") + ["chosen"] * (run.chosen == trial.number)


def _rated(rated: TrialRated, folder: RunFolder | None) -> Played:
    """What stands in the log of a rating, or what the ledger says alone."""
    mine = rated.candidate
    path = folder.trial(mine.trial).matches(mine.steps) if folder else None
    return _told(timeline.ratings(rated), [path], mine.sha256)


def _told(ratings: Sequence[Rating], paths: Sequence[Path | None], sha256: str) -> Played:
    """Results by opponent, and the matches of all whole logs, the last first."""
    heard = [found for path in paths if path is not None and (found := match_results.heard(path, sha256))]
    joined = Heard({name: one for each in heard for name, one in each.met.items()})
    sides: dict[str, Side] = {name: side for rating in ratings for name, side in rating.by_opponent.items()}
    matches = sorted((match for each in heard for match in each.matches), key=lambda match: -match.time)
    return {called(name): one for name, one in match_results.told(sides, joined).items()}, tuple(matches)


def direct(run: Run, folder: RunFolder | None) -> tuple[Row, ...]:
    """Matches after tuning: of the winner and the course's, fresh, then of every retrained policy."""
    return (*_fresh(run, folder), *_finals(run, folder))


def _fresh(run: Run, folder: RunFolder | None) -> tuple[Row, ...]:
    """The headline's matches, and the winner's against the runner-up, which only its log tells of."""
    rows = []
    for fresh in (run.winner, run.course):
        if fresh is None:
            continue
        kinds = ("baseline", "random", "course") if fresh.role == "winner" else ("baseline", "random")
        paths = [folder.fresh_matches(fresh.role, kind) for kind in kinds] if folder else []
        found, matches = _told(_ratings(fresh), paths, fresh.candidate.sha256)
        if fresh.role == "winner" and folder:
            runner_up = match_results.heard(folder.fresh_matches("winner", "runner-up"), fresh.candidate.sha256)
            found = {called(name): one for name, one in (runner_up.met if runner_up else {}).items()} | found
            matches = (*(runner_up.matches if runner_up else ()), *matches)
        role = "winner" if fresh.role == "winner" else run.first_tag
        rows.append(_row(run, fresh.candidate.trial, f"{role}, fresh", (found, matches)))
    return tuple(rows)


def _ratings(fresh: FreshRated) -> list[Rating]:
    return [rating for rating in (fresh.baseline, fresh.random, fresh.against_course) if rating]


def _finals(run: Run, folder: RunFolder | None) -> tuple[Row, ...]:
    """Every retrained policy: directly against the baseline, random and the course's."""
    rows = []
    for one in run.finals.configurations if run.finals else ():
        for policy in one.rated:
            if policy.rated is None:
                continue
            mine = policy.rated.candidate
            role = f"trial-{mine.trial:04d}"
            kinds = ("baseline", "random", *(f"trial-{number:04d}" for number in policy.met))
            paths = [folder.fresh_matches(role, kind) for kind in kinds] if folder else []
            ratings = [policy.rated.baseline, policy.rated.random, *policy.met.values()]
            rows.append(_row(run, policy.number, _of(run, one, "direct"), _told(ratings, paths, mine.sha256)))
    return tuple(rows)


def on_ladder(run: Run, folder: RunFolder | None) -> tuple[Row, ...]:
    """Every retrained policy by its last rung."""
    rows = []
    for one in run.finals.configurations if run.finals else ():
        for policy in one.policies:
            trial = run.trial(policy.number)
            if trial is None or not trial.rungs or not run.comparable(trial.rating):
                continue
            played = _rated(trial.rungs[-1], folder)
            rows.append(_row(run, trial.number, _of(run, one, "on the ladder"), played, rating=trial.rating))
    return tuple(rows)


def _of(run: Run, one: Configuration, how: str) -> str:
    return f"{run.first_tag}, {how}" if one.course else how


def _scores(rows: Iterable[Row]) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Of every policy against everyone it met, all its matches together."""
    total: dict[tuple[str, str], Met] = {}
    for row in rows:
        for name, one in row.met.items():
            key, turned = (f"trial {row.trial}", name), (name, f"trial {row.trial}")
            if turned in total or key[0] == name:
                continue  # seen from the other's side already
            total[key] = match_results.added(total[key], one) if key in total else one
    return {key: (one.score, *one.interval) for key, one in total.items()}
