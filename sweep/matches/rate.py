"""What a table of matches says of its players; matches rated again: `sweep rate`."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table as Grid

from sweep import models
from trials.arena.games.game import UNITY
from trials.arena.matches import log
from trials.arena.players.onnx_external import digest_of
from trials.arena.ratings import ai_vs_ai, sheet, standings
from trials.arena.ratings.standings import Standing
from trials.errors import SetupError, UsageError
from trials.folder import RunFolder
from trials.records import MatchRecord
from trials.results import BySide, Pairing, RatedModel, RateResult, SideGap, TournamentResult


def rate(sources: Sequence[Path], baseline: str | None, history_to: Path | None) -> RateResult:
    """Rate matches that were played before: of match logs, of runs, or of files in AI vs AI's format.

    Writes them all to `history_to` in AI vs AI's format if asked. Raises SetupError.
    """
    if history_to is not None:
        _new(history_to)
    for source in sources:
        if not source.is_dir() and not source.is_file():
            raise UsageError(f"matches must be in a file or a run's folder, but {source} is neither; check its name")
    published = [source for source in sources if _is_published(source)]
    if published and len(published) < len(sources):
        raise SetupError(
            f"published histories and match logs are rated apart, but {published[0]} is a history and others are not;"
            " they have no environment in common"
        )
    if published:
        read, notes = zip(*(ai_vs_ai.opened(source) for source in published), strict=True)
        rows = _merged(read)
        models = sorted({model for row in rows for model in (row.model1, row.model2)})
        names = dict(zip(models, models, strict=True))
        table = standings.published(rows, anchor_of(names, baseline))
        found = _result(table, names, rows, ai_vs_ai.ENVIRONMENT, [note for note in notes if note])
    else:
        logs = [log.read(file) for source in sources for file in _logs(source)]
        names = _distinct(
            {player: name.strip() or name for each in reversed(logs) for player, name in each.names.items()}
        )
        every = (record for each in logs for record in each.records)
        records = list({(record, _when(record)): record for record in every}.values())  # a match counts once
        rows = ai_vs_ai.rows(_fixed(records), names)
        found = summary(records, names, anchor_of(names, baseline))
    if history_to is not None:
        ai_vs_ai.write(history_to, rows)
    return found


def _is_published(source: Path) -> bool:
    if source.suffix != ".csv" or not source.is_file():
        return False
    with source.open("rb") as file:
        header = {*sheet.names(file.read(65536))}
    if {"model1", "player1"} <= header:
        raise SetupError(
            f"a league's matches are rated by player and revision, but {source} would be rated by name here; its"
            f" leaderboard is `sweep league show {source.parent}`"
        )
    return bool({"model1", "model2"} & header)


def _logs(source: Path) -> list[Path]:
    """A log itself, or every log of a run."""
    if not source.is_dir():
        return [source]
    found = RunFolder(source).match_logs()
    if not found:
        raise SetupError(f"a run must hold match logs to be rated, but {source} has none; name a run or a log")
    return found


def summary(records: Sequence[MatchRecord], names: Mapping[str, str], anchor: str | None) -> RateResult:
    """What matches say of the players called `names`, the one with the id `anchor` at 1200."""
    table = standings.table(records, anchor)
    return _result(table, names, ai_vs_ai.rows(_fixed(records), names), records[0].environment)


def _when(record: MatchRecord) -> float:
    """What tells two matches of one number apart: an executable takes no seed, so both may have been played."""
    return record.time if record.environment.startswith(UNITY) else 0.0


def _fixed(records: Sequence[MatchRecord]) -> list[MatchRecord]:
    """Without those of sequential tests, whose number depended on their results."""
    return [record for record in records if not record.sequential]


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    """The same names, ids beside those that several players have."""
    often = Counter(names.values())
    return {player: name if often[name] == 1 else f"{name}~{player[:6]}" for player, name in names.items()}


def _merged(files: Sequence[Sequence[ai_vs_ai.Row]]) -> list[ai_vs_ai.Row]:
    """All matches of several histories by time, one that stands in several of them once; a single one as it is."""
    rows: list[ai_vs_ai.Row] = []
    known: Counter[ai_vs_ai.Row] = Counter()
    for file in files:
        seen: Counter[ai_vs_ai.Row] = Counter()
        for row in file:
            seen[row] += 1
            rows += [row] if seen[row] > known[row] else []
        known |= seen
    return rows if len(files) == 1 else sorted(rows, key=lambda row: row.timestamp)


def _new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise SetupError(f"a history is never written over another file, but {path} is there already; name another")
    if not path.absolute().parent.is_dir():
        raise SetupError(f"a history goes into a folder that is there, but {path.parent} is none; make it first")


def _result(
    table: standings.Table,
    names: Mapping[str, str],
    rows: Sequence[ai_vs_ai.Row],
    environment: str,
    notes: Sequence[str] = (),
) -> RateResult:
    if not table.cross:
        raise SetupError("ratings need two players, but there is one, who played itself; let others play")
    online = {row.model: row.elo for row in ai_vs_ai.online_elo(rows)}
    return RateResult(
        ratings=[_rated(standing, names[standing.id], online) for standing in table.standings],
        cross_table={
            names[a.id]: {
                names[b.id]: _pairing(table.cross[a.id, b.id]) for b in table.standings if (a.id, b.id) in table.cross
            }
            for a in table.standings
        },
        circles=[[names[player] for player in circle] for circle in table.circles],
        anchor=names[table.anchor] if table.anchor else None,
        matches=sum(standing.total.matches for standing in table.standings) // 2,
        environment=environment,
        notes=list(notes),
    )


def anchor_of(names: Mapping[str, str], baseline: str | None) -> str | None:
    """The id of the player at 1200."""
    if baseline is None:
        house = models.resolve("house").sha256
        earlier = next((id_ for id_, name in names.items() if name == "house"), None)  # of an older installation
        return house if house in names else earlier
    among = ([id_ for id_, name in names.items() if called in (id_, name)] for called in _called(baseline))
    found = next(filter(None, among), [])
    if len(found) != 1:
        known = ", ".join(sorted(names.values())[:12]) + (", ..." if len(names) > 12 else "")
        raise UsageError(
            f"--baseline must name one of the players, but {baseline} names {len(found)} of {len(names)}: {known}"
        )
    return found[0]


def _called(baseline: str) -> Iterator[str]:
    """What a player may be called that is typed so, as typed first: RUN:TRIAL may play beside RUN:TRIAL@STEPS."""
    yield baseline
    if (own := models.of_a_run(baseline)) is not None:
        yield own.sha256
        return
    if (file := Path(os.path.expanduser(baseline))).is_file():
        yield digest_of(file)
        return
    yield from (models.named_on_hub(baseline) or baseline, Path(baseline).name, Path(baseline).stem)


def _rated(standing: Standing, name: str, online: Mapping[str, float]) -> RatedModel:
    sides = standing.sides
    return RatedModel(
        model=name,
        elo=round(standing.elo, 2),
        low=round(standing.low, 2),
        high=round(standing.high, 2),
        matches=standing.total.matches,
        wins=standing.total.wins,
        draws=standing.total.draws,
        losses=standing.total.losses,
        tier=standing.tier,
        ai_vs_ai_elo=round(online.get(ai_vs_ai.listed(name), ai_vs_ai.START), 2),
        sha256=standing.id,
        by_side=BySide(sides.blue, sides.purple) if sides else None,
        blue_minus_purple=SideGap(round(sides.gap, 4), round(sides.low, 4), round(sides.high, 4)) if sides else None,
    )


def _pairing(pairing: standings.Pairing) -> Pairing:
    return Pairing(
        wins=pairing.result.wins,
        draws=pairing.result.draws,
        losses=pairing.result.losses,
        score=round(pairing.result.score, 4),
        elo=round(pairing.elo, 1),
        low=round(pairing.low, 1),
        high=round(pairing.high, 1),
    )


def text(found: RateResult) -> str:
    """The same for a person: ratings, then the cross-table of scores in per cent, as wide as it needs to be."""
    ratings = Grid(box=SIMPLE_HEAD, title_justify="left", title="Ratings", padding=(0, 0, 0, 1))
    for heading in ("", "model", "Elo", "95 %", "W-D-L", "blue − purple", "tier", "AI vs AI"):
        ratings.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for place, row in enumerate(found.ratings, 1):
        gap = row.blue_minus_purple
        ratings.add_row(
            str(place),
            row.model,
            f"{row.elo:.0f}",
            f"[{row.low:.0f}, {row.high:.0f}]",
            f"{row.wins}-{row.draws}-{row.losses}",
            "" if gap is None else f"{100 * gap.score:+.0f}{' *' * gap.clear}",
            "" if row.tier is None else str(row.tier),
            f"{row.ai_vs_ai_elo:.0f}",
        )
    cross = Grid(box=SIMPLE_HEAD, title_justify="left", title="Score against, %", padding=(0, 0, 0, 1))
    cross.add_column("", justify="right")
    cross.add_column("model", no_wrap=True)
    order = [row.model for row in found.ratings]
    for place in range(1, len(order) + 1):
        cross.add_column(str(place), justify="right", no_wrap=True)
    for place, a in enumerate(order, 1):
        cells = (found.cross_table[a].get(b) for b in order)
        cross.add_row(str(place), a, *("" if cell is None else f"{100 * cell.score:.0f}" for cell in cells))
    page = Console(width=80 + max(map(len, order)) + 5 * len(order))
    with page.capture() as captured:
        page.print(Group(ratings, cross), *_remarks(found), sep="\n", highlight=False, markup=False)
    return captured.get().rstrip()


def _remarks(found: RateResult) -> list[str]:
    anchor = f"{found.anchor} stands at 1200" if found.anchor else "the mean stands at 1200"
    said = [f"{found.matches:,} matches; {anchor}; {found.environment}"]
    if found.circles:
        shown = "; ".join(" beats ".join([*circle, circle[0]]) for circle in found.circles[:5])
        said.append(f"{len(found.circles)} circles beyond their 95 % intervals: {shown}")
    if isinstance(found, TournamentResult):
        cores = "1 core" if found.cores == 1 else f"{found.cores} cores"
        said.append(
            f"{found.seconds:.0f} s on {cores}, {found.matches_per_second:.0f} matches/s,"
            f" {found.decisions_per_second:,.0f} decision steps/s; seed {found.seed}"
        )
        if found.kick_off == "not controlled":
            said.append("kick-offs are the executable's own: the matches of a pair have none in common")
    said += found.notes
    if any(row.blue_minus_purple and row.blue_minus_purple.clear for row in found.ratings):
        said.append("* stronger on one side than on the other")
    return said
