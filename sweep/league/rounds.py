"""A league that is played round after round: `sweep league run`, `show` and `rebuild`."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from reports import hub
from sweep.league import page, published
from sweep.league.scan import scan
from sweep.league.sources import BuiltIn, Source, earlier, typed
from trials.arena.games.game import Behavior
from trials.arena.games.place import game_of
from trials.arena.players.load import load
from trials.errors import SetupError, SweepError
from trials.folder import written_whole
from trials.league import leaderboard, matches, reader, roster, round
from trials.league.folder import LeagueFolder, playing
from trials.league.history import tidied
from trials.league.leaderboard import Place
from trials.league.planning import RoundTerms
from trials.league.pool import Opening
from trials.league.reader import League
from trials.league.roster import HUB
from trials.league.store import Round, Store, rounds

SPARE = ("user", "games", "", "won", "drawn", "lost", "revision", "AI vs AI")
"""Columns of `table` that are there where it has room, the first of them first."""
Keep = Callable[[LeagueFolder, str], object]
"""Puts a league's files elsewhere, with a message, in one go. Raises OSError or a SweepError."""


def run(
    path: Path,
    words: Sequence[str],
    terms: RoundTerms,
    *,
    rounds: int | None = None,
    every: float | None = None,
    keep: Keep | None = None,
    opening: Opening = game_of,
    console: Console,
) -> None:
    """Play `rounds` rounds of the league in folder `path`, or one each `every` seconds until Ctrl+C, or one.

    Models come from `words`, each as sweep.league.sources.typed takes it; without any, from where those of the league
    came. `opening` opens the game. The leaderboard is written whatever ends a round. Raises SetupError, OSError.
    """
    league = LeagueFolder(path)
    with opening() as game:
        behavior, version = game.behavior, game.version
    sources = [typed(word, behavior) for word in words]
    for each in sources:
        if isinstance(each, BuiltIn):
            load(each.word, behavior)  # refused where it does not play this game
    with playing(league):
        store = Store(league, version, behavior.name)
        if store.repaired:
            console.print(f"{store.repaired} bytes of a half-written pair were cut off the history")
        those = {entry.source for entry in store.entries.values() if entry.state == "playing" and entry.source}
        sources = sources or [earlier(word, behavior) for word in sorted(those)]
        for number in count(1):
            began = time.monotonic()
            last = number == (rounds or (1 if every is None else None))
            finished = _round(store, sources, terms, console, behavior, opening, patient=every is not None)
            idle = finished is not None and finished.matches == finished.before and every is None
            if finished is not None and keep is not None:
                _put(keep, league, finished, console, last or idle)
            if idle:
                enough = f"a 95 % interval of ± {terms.half:g} Elo or less"
                enough = enough if terms.matchmaking == "information" else "played"
                console.print(f"nothing to play: every model has {enough}")
            if last or idle:
                return
            if every is not None:
                time.sleep(max(0.0, began + every - time.monotonic()))


def _round(
    store: Store,
    sources: Sequence[Source],
    terms: RoundTerms,
    console: Console,
    behavior: Behavior,
    opening: Opening,
    patient: bool,
) -> Round | None:
    """One round; None where there is nobody to play and `patient` waits for the next."""
    try:
        scanned = scan(store, sources, terms.cores, behavior)
        for note in scanned.notes:
            console.print(escape(note))
        finished: Round | None = None
        if len(scanned.able) >= 2:
            finished = round.play(store, scanned.able, terms, reader.house(), scanned.notes, opening=opening)
    except BaseException:
        with suppress(OSError, SweepError):  # what ended the round is what is told
            _leaderboard(store)
        raise
    found = _leaderboard(store)
    if finished is None:
        line = f"a league needs two models that can play, but has {len(scanned.able)}; name more sources"
        if not patient:
            raise SetupError(line)
        console.print(line)
        return None
    console.print(escape(_said(finished)))
    page.after(found, {player: of.file for player, of in scanned.able.items()}, finished, console.print)
    return finished


def _leaderboard(store: Store) -> League | None:
    """Write it from the files as they are now; None where nobody has entered. Raises SetupError, OSError."""
    if not store.league.roster.is_file():
        return None
    found = reader.opened(store.league.path, store.environment, store.environment)
    leaderboard.write(store.league, found.standings, found.about())
    return found


def _put(keep: Keep, league: LeagueFolder, finished: Round, console: Console, last: bool) -> None:
    """What cannot be published now is in the folder, and goes with the next round; of the `last`, SetupError."""
    try:
        keep(league, f"Round {finished.number}: {finished.matches} matches")
    except (OSError, SweepError) as error:
        line = f"the dataset was not brought up to this round, which is whole in {league.path}: {error}"
        if last:
            raise SetupError(line) from error
        console.print(escape(line))


def _said(finished: Round) -> str:
    played = finished.matches - finished.before
    rate = played / finished.seconds if finished.seconds else 0
    return (
        f"round {finished.number} ({finished.matchmaking}): {finished.models} models, {played:,} matches of"
        f" {finished.pairings:,} pairings in {finished.seconds:.0f} s on {finished.cores}"
        f" {'core' if finished.cores == 1 else 'cores'} ({rate:.0f}/s)"
        + (f", after {finished.before:,} before it was cut off;" if finished.before else ";")
        + f" 95 % intervals ± {finished.half:.0f} Elo, the widest ± {finished.widest:.0f}"
        + (f"; {finished.failed} pairings failed" if finished.failed else "")
    )


def dataset(repo: str) -> Keep:
    """A dataset on the Hub as the place to keep a league. Raises HubError for what is no USER/NAME."""
    hub.named(repo)

    def put(league: LeagueFolder, message: str) -> str:
        with TemporaryDirectory() as made:
            return hub.datasets.put(published.copies(league, Path(made)), repo, message)

    return put


def rebuild(path: Path, word: str, tell: Callable[[str], object] = lambda note: None) -> League:
    """Make the league in `path`, a new folder, from a folder or file with its history, or a dataset `hub:USER/NAME`.

    The history may be AI vs AI's, or what another program made of either, which `tell` is told. Everything but history,
    roster and rounds follows from them. Raises SetupError.
    """
    league = LeagueFolder(path)
    if league.history.exists() or league.roster.exists():
        raise SetupError(f"a league is rebuilt into a new folder, but {path} holds one; name another")
    if not word.startswith(HUB):
        return _rebuilt(league, Path(word), tell)
    with TemporaryDirectory() as made:
        names = [file.name for file in (league.history, league.roster, league.rounds)]
        repo = word.removeprefix(HUB)
        if league.history.name not in hub.datasets.taken(repo, names, Path(made)):
            raise SetupError(f"a league's dataset must hold {league.history.name}, but {repo} does not; check its name")
        return _rebuilt(league, Path(made), tell)


def _rebuilt(league: LeagueFolder, source: Path, tell: Callable[[str], object]) -> League:
    there = LeagueFolder(source)
    history = there.history if source.is_dir() else source
    matches.read(history)  # refuses what is no history
    data, note = tidied(history)
    if source.is_dir():  # so do these, before anything is written
        roster.read(there.roster)
        rounds(there)
    if note:
        tell(note)
    with playing(league):
        for old, new in ((there.rounds, league.rounds), (there.roster, league.roster)):
            if source.is_dir() and old.is_file():
                with written_whole(new) as temporary:
                    copyfile(old, temporary)
        with written_whole(league.history) as temporary:  # the last: with it the league is there
            temporary.write_bytes(data)
        found = reader.opened(league.path)
        leaderboard.write(league, found.standings, found.about())
    return found


def table(found: League, everyone: bool) -> Grid:
    """The leaderboard for a person; those that are gone only for `everyone`."""
    about = found.about()
    anchor = "house stands at 1200" if about["anchor"] else "the mean stands at 1200"
    title = f"{about['matches']:,} matches in {about['rounds']} rounds; {anchor}; {about['environment']}"
    shown = Grid(box=SIMPLE_HEAD, title=title, title_justify="left")
    headings = ("rank", "user", "model", "revision", "Elo", "95 %", "games", "won", "drawn", "lost", "AI vs AI", "")
    for heading in headings:
        if heading == "model":  # which goes on in a further line before a number is cut
            shown.add_column(heading, overflow="fold")
        else:
            shown.add_column(heading, justify="left" if heading in ("user", "revision", "") else "right", no_wrap=True)
    for place in found.standings:
        if everyone or place.state == "playing":
            shown.add_row(*_cells(place))
    return shown


def _cells(place: Place) -> list[str]:
    remarks = [place.provisional, place.state if place.state != "playing" else ""]
    remarks.append(f"same as {place.same_as}" if place.same_as else "")
    return [
        "" if place.rank is None else f"{place.rank}{'=' * place.tied}",
        escape(place.user),
        escape(place.model),
        escape(place.revision[:8]),
        f"{place.elo:.0f}",
        f"± {(place.high - place.low) / 2:.0f}",
        *(str(count) for count in (place.games, place.wins, place.draws, place.losses)),
        f"{place.ai_vs_ai:.0f}",
        escape("; ".join(filter(None, remarks))),
    ]
