"""Matches of the winner to look at: which were played, recorded anew from their seeds, and kept in the run's folder."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import formatting, html
from reports.replay import pack
from reports.replay.page import player
from reports.run.match_results import called
from reports.run.opponents import labels_of
from trials.arena.matches import log
from trials.arena.matches.highlights import highlights
from trials.arena.players import baseline, onnx_external
from trials.arena.players.load import BUILT_IN, load
from trials.arena.ratings import elo
from trials.errors import SetupError, SweepError
from trials.folder import RunFolder
from trials.records import Candidate, MatchRecord, Rating
from trials.run_state import Run
from trials.soccer.constants import VERSION as ENVIRONMENT

if TYPE_CHECKING:
    from markupsafe import Markup

    from trials.arena.players.player import Player

FORMAT = "replays-1"
MOST = 140_000
"""Characters of base64 that one opponent's replays may take of the page; two opponents' stay below 300 KB."""
OPPONENTS = ("baseline", "runner-up", "course")
"""Whose matches are shown, two of them at most: older runs met no runner-up, and the course's policy may be it."""
WORDS = {1.0: "A typical win", 0.5: "A typical draw", 0.0: "A typical loss"}


@dataclass(frozen=True)
class Shown:
    """The winner against one opponent."""

    kind: str
    opponent: str
    """Its name."""
    score: Rating
    """Of all fresh matches between the two."""
    matches: tuple[MatchRecord, ...]
    """The telling ones."""
    packed: str
    """As `reports.replay.pack.pack` does; empty where there is nothing to play."""
    why: str
    """What there is to say of it: no loss, or why it cannot be played here."""


@dataclass(frozen=True)
class Replays:
    """The section's values."""

    winner: str
    shown: tuple[Shown, ...]
    skipped: tuple[str, ...]
    """A sentence for each log that cannot be read."""
    player: "Markup | str"
    """One player of all that can be played; empty where nothing can."""


def section(run: Run, folder: RunFolder | None) -> Replays | None:
    """None before fresh matches were played, and where no folder is at hand."""
    if folder is None or run.winner is None or folder.yardstick.is_file():  # of another game
        return None
    shown: list[Shown] = []
    skipped: list[str] = []
    for kind in OPPONENTS:
        path = folder.fresh_matches("winner", kind)
        if len(shown) == 2 or not path.is_file():
            continue
        try:
            if found := _shown(run, folder, kind, log.read(path)):
                shown.append(found)
        except SetupError:
            skipped.append(f"The log of the fresh matches, {path.name}, cannot be read, so none of it is shown.")
    trial = run.trial(run.winner.candidate.trial)
    winner = trial.spec.called if trial else f"trial {run.winner.candidate.trial}"
    if not shown and not skipped:
        return None
    titles = [f"{WORDS[match.result]} against {one.opponent}" for one in shown if one.packed for match in one.matches]
    packs = [(one.packed, (winner, one.opponent)) for one in shown if one.packed]
    return Replays(winner, tuple(shown), tuple(skipped), player(pack.join(packs, titles), lazy=True) if packs else "")


def _shown(run: Run, folder: RunFolder, kind: str, played: log.Log) -> Shown | None:
    """None where the log is of another winner's matches, or of none."""
    assert run.winner is not None
    mine = [record for record in played.records if record.a == run.winner.candidate.sha256]
    if not mine:
        return None
    records = [record for record in mine if record.b == mine[0].b]
    met = called(played.names[records[0].b])
    name = formatting.shown(labels_of(run).get(met, met))
    matches = highlights(records)
    try:
        packed, why = _kept(run, folder, kind, matches), ""
    except SweepError as error:
        packed, why = "", str(error)
    score = elo.direct(records, name)
    return Shown(kind, name, score, matches, packed, " ".join(filter(None, [_lacking(score), why])))


def _lacking(score: Rating) -> str:
    """What cannot be shown because it was never played."""
    lost, won = not score.losses, not score.wins
    if lost and won:
        return f"All {score.matches} were drawn."
    return "It lost none of them, so there is no loss to show." if lost else "It won none of them." if won else ""


# --- kept ----------------------------------------------------------------------------------------------------------


def keep(run: Run, folder: RunFolder) -> None:
    """Record what is missing, while the policies are at hand; what cannot be recorded, `section` says why."""
    section(run, folder)


def _kept(run: Run, folder: RunFolder, kind: str, matches: Sequence[MatchRecord]) -> str:
    """The file's replays of just these matches, or else recorded now and kept there. Raises SweepError."""
    path, wanted = folder.replays(kind), [_said(match) for match in matches]
    try:
        return _read(path, wanted)
    except SetupError:
        packed = _recorded(run, folder, matches)
    text = json.dumps({"format": FORMAT, "matches": wanted, "data": packed})
    with suppress(OSError):  # a folder that cannot be written to: they are in the page
        html.write(path, text)
    return packed


def _said(match: MatchRecord) -> dict[str, Any]:
    """What tells a match, without the time at which it was counted."""
    return {key: value for key, value in vars(match).items() if key != "time"}


def _read(path: Path, wanted: list[dict[str, Any]]) -> str:
    """Raises SetupError where the file is not there, damaged, or of other matches."""
    try:
        found = json.loads(path.read_bytes())
        known = isinstance(found, dict) and (found.get("format"), found.get("matches")) == (FORMAT, wanted)
        packed = found["data"] if known else None
    except (OSError, ValueError, KeyError, RecursionError):
        packed = None
    if not isinstance(packed, str):
        raise SetupError(f"replays must be of the log's matches, but {path.name} is not")
    pack.parts(packed)
    return packed


def _recorded(run: Run, folder: RunFolder, matches: Sequence[MatchRecord]) -> str:
    """Play those matches once more. Raises SweepError where that is not possible, or something else comes of it."""
    if {match.environment for match in matches} != {ENVIRONMENT}:
        raise SetupError(
            f"They were played in {formatting.shown(matches[0].environment)}, where no match can be played again:"
            " there is nothing to look at."
        )
    from trials.arena.matches import replay  # the game takes a second to import

    a, b = (_load(run, folder, identity) for identity in (matches[0].a, matches[0].b))
    replays = [replay.again(a, b, match) for match in matches]
    same = [replay for replay in replays if replay is not None]
    if len(same) < len(replays):
        raise SetupError(
            "Played again on this machine they come out otherwise than the log has them, so they are not shown."
        )
    packed = pack.pack(same, (a.name, b.name))
    if len(packed) > MOST:
        raise SetupError(f"Their replays would take {len(packed) // 1000} kB of this page, so they are not in it.")
    return packed


def _load(run: Run, folder: RunFolder, identity: str) -> "Player":
    """The player with that sha256, or built-in name. Raises SweepError where it is not at hand."""
    if identity in BUILT_IN:
        return load(identity)
    own = [folder.path / one.path for one in candidates(run) if one.sha256 == identity]
    whole = (path for path in own if path.is_file() and onnx_external.digest_of(path) == identity)
    if path := next(whole, None) or baseline.find(folder, identity):
        return load(path)
    raise SetupError("A policy that played them is no longer in the run’s folder, so they cannot be played again.")


def candidates(run: Run) -> list[Candidate]:
    """Every policy that the ledger names."""
    every = (*run.trials, *run.retrained)
    ends = [trial.ended.candidate for trial in every if trial.ended and trial.ended.candidate]
    fresh = [one.candidate for one in (run.winner, run.course) if one]
    return [*(rated.candidate for trial in every for rated in trial.rungs), *ends, *fresh]
