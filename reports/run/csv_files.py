"""The numbers of the page as CSV files beside it, for spreadsheets and notebooks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reports import formatting
from reports.run import details, finals, opponents, sections, tables, timeline
from reports.run.importance import Importances
from reports.run.ranking import Ranked
from trials.folder import RunFolder, written_whole
from trials.records import Estimate, Rating
from trials.run_state import Run

COUNTS = ("wins", "draws", "losses")


@dataclass(frozen=True)
class Table:
    """One file: `tables/NAME.csv`."""

    name: str
    what: str
    """One line, for the page."""
    frame: pd.DataFrame


def of(
    run: Run, ranked: tuple[Ranked, ...], mattered: Importances, folder: RunFolder | None = None
) -> tuple[Table, ...]:
    """Every table, those without a row included: what reads them finds the same names after every sweep.

    folder: where it is given, it holds match logs.
    """
    return (
        Table(
            "ranking", "every trial: rank, group, Elo and interval, results by side, steps, time", ranking(run, ranked)
        ),
        Table("rungs", "every rating on the ladder, final trials’ too: trial, rung, Elo and interval", _rungs(run)),
        Table("opponents", "results against each opponent, at every rung, final trials’ too", _opponents(run)),
        Table(
            "met", "who beat whom after tuning: points, interval, results, by side where a log tells", _met(run, folder)
        ),
        Table("parameters", "every rated trial’s open values, and what trial 0 holds for them", _parameters(run)),
        Table("importance", "what each hyperparameter explains, Elo", _importance(mattered)),
        Table("fresh", "matches after the choice: Elo differences", _fresh(run)),
        Table(
            "configurations",
            "retrained configurations over their seeds: ladder, baseline, the course’s, with intervals",
            _configurations(run),
        ),
        Table("finals", "policies retrained on fresh seeds, against the baseline", _finals(run)),
        Table(
            "finals_matches",
            "theirs against the baseline, random and each of the course’s, and on the ladder",
            _finals_matches(run),
        ),
        Table("matches_over_time", "when matches were played: won, drawn, lost, so far", _over_time(run)),
        Table("settings", "what all trials share, beside the course’s", _settings(run)),
        Table("timeline", "every trainer process: slot, start, seconds, state", tables.spans(run)),
        Table("faults", "every trial that failed: steps, reason", _faults(run)),
    )


def write(folder: RunFolder, found: Iterable[Table]) -> None:
    """Each file whole: a reader never sees half of one."""
    for table in found:
        with written_whole(folder.table(table.name)) as path:
            _whole(table.frame).to_csv(path, index=False, lineterminator="\n")
            path.chmod(0o644)


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with counts as whole numbers; absent ones stay absent."""
    return frame.astype({name: "Int64" for name in frame if str(name).endswith(COUNTS)})


def ranking(run: Run, ranked: tuple[Ranked, ...]) -> pd.DataFrame:
    """`tables/ranking.csv`: a row a trial, the best first."""
    rows = []
    for row in ranked:
        trial, spec = row.trial, row.trial.spec
        rating = trial.rating if run.comparable(trial.rating) else None  # of another budget too, without a rank
        rows.append(
            {"rank": row.rank, "group": row.group, "trial": trial.number, "origin": spec.origin}
            | {"state": trial.state, "chosen": run.chosen == trial.number}
            | _rated(rating)
            | {f"blue_{k}": v for k, v in _side(rating.as_blue if rating else None).items()}
            | {f"purple_{k}": v for k, v in _side(rating.as_purple if rating else None).items()}
            | {"steps": trial.steps, "budget": spec.steps, "process_seconds": round(trial.seconds, 1)}
            | {"steps_per_second": trial.steps_per_second, "seed": spec.seed, "fields": spec.all_fields}
            | {"resumed": len(trial.resumes)}
        )
    frame = pd.DataFrame(rows)
    return _whole(frame.astype({"rank": "Int64"})) if rows else pd.DataFrame(columns=["rank", "group", "trial", "elo"])


def _rated(rating: Rating | None) -> dict[str, Any]:
    ends = (
        {"elo": rating.elo, "low": rating.low, "high": rating.high} if rating else dict.fromkeys(("elo", "low", "high"))
    )
    return ends | _side(rating)


def _side(side: Any) -> dict[str, int | None]:
    return {name: getattr(side, name) if side else None for name in ("wins", "draws", "losses")}


def _rungs(run: Run) -> pd.DataFrame:
    """As the page's figure has them, with the final trials, which that leaves out, and when each was rated."""
    every = (*run.trials, *run.retrained)
    frame = tables.rungs(replace(run, trials=every))
    frame["final"] = frame["trial"].isin([trial.number for trial in run.retrained])
    times = {(trial.number, rated.rung): rated.time for trial in every for rated in trial.rungs}
    pairs = zip(frame["trial"], frame["rung"], strict=True)
    frame["time"] = pd.Series([_utc(times[pair]) for pair in pairs], dtype=object)
    return frame


def _utc(unix: float) -> str | None:
    """To the second; None for what is no time."""
    time = formatting.utc(unix // 1)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None


def _opponents(run: Run) -> pd.DataFrame:
    rows = [
        {"trial": trial.number, "rung": rated.rung, "final": trial.spec.origin == "final", "opponent": opponent}
        | _side(side)
        for trial in (*run.trials, *run.retrained)
        for rated in trial.rungs
        for rating in timeline.ratings(rated)
        for opponent, side in rating.by_opponent.items()
    ]
    return pd.DataFrame(rows, columns=["trial", "rung", "final", "opponent", *COUNTS])


def _met(run: Run, folder: RunFolder | None) -> pd.DataFrame:
    """What the page shows of matches after tuning; `points` and its 95 % interval are shares, 0 to 1."""
    rows = [
        {"a": f"trial {row.trial}", "what": row.note, "b": name}
        | {"points": one.score, "low": one.interval[0], "high": one.interval[1]}
        | _side(one.total)
        | {f"{side}_{k}": v for side in ("blue", "purple") for k, v in _side(getattr(one, side)).items()}
        for row in (*opponents.direct(run, folder), *opponents.on_ladder(run, folder))
        for name, one in row.met.items()
    ]
    columns = ["a", "what", "b", "points", "low", "high", *COUNTS]
    return pd.DataFrame(rows, columns=[*columns, *(f"{side}_{k}" for side in ("blue", "purple") for k in COUNTS)])


def _parameters(run: Run) -> pd.DataFrame:
    """As the page's importance reads them, and the course's trial with what its configuration holds for them."""
    frame, course = tables.params(run), run.trial(0)
    rated = course.rating if course is not None and course.spec.origin == "course" else None
    if course is None or rated is None or not run.comparable(rated) or course.spec.params:
        return frame  # where the space can express the course's configuration, its trial has a row as all others have
    first = {"trial": 0, "elo": rated.elo, "rung": course.rungs[-1].rung}
    first |= {key: details.held(course, key) for key in frame.columns if key not in first}
    return pd.DataFrame([first, *frame.to_dict("records")])


def _importance(mattered: Importances) -> pd.DataFrame:
    rows = [(row.key, row.loss, row.spread) for row in mattered.rows] if mattered.trusted else []
    return pd.DataFrame(rows, columns=["key", "elo_lost", "spread"])


def _fresh(run: Run) -> pd.DataFrame:
    rows = []
    for event in (run.winner, run.course):
        for against in ("baseline", "random", "against_course"):
            if event is not None and (rating := getattr(event, against)) is not None:
                who = {"role": event.role, "trial": event.candidate.trial, "steps": event.candidate.steps}
                rows.append(who | {"against": against.removeprefix("against_")} | _rated(rating))
    columns = ["role", "trial", "steps", "against", "elo", "low", "high", "wins", "draws", "losses"]
    return pd.DataFrame(rows, columns=columns)


def _configurations(run: Run) -> pd.DataFrame:
    """A row a retrained configuration: means over its seeds, the ends of their intervals and the intervals' level."""
    found = finals.section(run)
    rows = [
        {"configuration": row.configuration.number, "course": row.configuration.course}
        | {"chosen": found is not None and found.chosen == row.configuration.number}
        | {"seeds": len(row.configuration.rated), "ladder": row.ladder.elo if row.ladder else None}
        | _over_seeds("baseline", row.configuration.baseline, 1)
        | _over_seeds("against_course", row.configuration.against_course, row.configuration.looks)
        for row in (found.rows if found else ())
    ]
    names = [f"{of}{end}" for of in ("baseline", "against_course") for end in ("", "_low", "_high", "_level")]
    return pd.DataFrame(rows, columns=["configuration", "course", "chosen", "seeds", "ladder", *names])


def _over_seeds(name: str, estimate: Estimate | None, looks: int) -> dict[str, float | None]:
    """An estimate's mean, its interval's ends and how often such an interval holds the truth."""
    from trials.arena.ratings import seed_intervals  # numpy: only where there were finals

    if estimate is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high", f"{name}_level"))
    level = 1 - seed_intervals.missed(looks) if estimate.low is not None else None
    return {name: estimate.elo, f"{name}_low": estimate.low, f"{name}_high": estimate.high, f"{name}_level": level}


def _finals(run: Run) -> pd.DataFrame:
    found = run.finals
    states = {trial.number: trial.state for trial in run.retrained}
    rows = [
        {"configuration": one.number, "course": one.course, "trial": policy.number, "seed": policy.seed}
        | {"chosen": found is not None and one is found.chosen, "state": states[policy.number]}
        | _rated(policy.rated.baseline if policy.rated else None)
        for one in (found.configurations if found else ())
        for policy in one.policies
    ]
    columns = ["configuration", "course", "trial", "seed", "chosen", "state", "elo", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "wins", "draws", "losses"])


def _finals_matches(run: Run) -> pd.DataFrame:
    """A row for each rating of a retrained policy: `elo` is a difference, but where `against` is `ladder`."""
    rows = []
    for one in run.finals.configurations if run.finals else ():
        for policy in one.policies:
            who = {"configuration": one.number, "course": one.course, "trial": policy.number, "seed": policy.seed}
            trial, rated = run.trial(policy.number), policy.rated
            found = {"baseline": rated.baseline, "random": rated.random} if rated else {}
            found |= {f"trial {number}": rating for number, rating in policy.met.items()}
            if trial is not None and trial.rating is not None and run.comparable(trial.rating):
                found["ladder"] = trial.rating
            rows += [who | {"against": name} | _rated(rating) for name, rating in found.items()]
    columns = ["configuration", "course", "trial", "seed", "against", "elo", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, *COUNTS])


def _over_time(run: Run) -> pd.DataFrame:
    found = timeline.section(run)
    rows = [(_utc(one.began), found.unit, one.wins, one.draws, one.losses) for one in found.bins] if found else []
    frame = pd.DataFrame(rows, columns=["from", "unit", *COUNTS])
    return frame.assign(so_far=frame[list(COUNTS)].sum(axis=1).cumsum())


def _settings(run: Run) -> pd.DataFrame:
    rows = [(s.key, s.course, s.here) for s in sections.scaled(run)]
    return pd.DataFrame(rows, columns=["key", "course", "here"], dtype=object)


def _faults(run: Run) -> pd.DataFrame:
    rows = [(t.number, t.state, t.steps, t.ended.reason if t.ended else "") for t in sections.faults(run)]
    return pd.DataFrame(rows, columns=["trial", "state", "steps", "reason"])
