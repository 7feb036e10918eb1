"""A league as a person has it: rounds from real policies, killed in mid-round, with broken models."""

import io
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import click
import numpy as np
import onnx
import psutil
import pytest
from click.testing import CliRunner
from hub_server import HubServer
from onnx import helper, numpy_helper
from patience import now, survivors
from real_sweep import run_sweep
from rich.console import Console

from reports.hub import datasets
from sweep.cli.main import cli
from sweep.league import page, scan, sources
from sweep.league import rounds as league
from sweep.matches import rate
from sweep.promotion import verify
from sweep.settings import Settings
from trials import storage
from trials.arena.players.load import LADDER
from trials.arena.ratings import ai_vs_ai
from trials.errors import SetupError, UsageError
from trials.league import leaderboard, matches, pairings, reader, roster, round, store
from trials.league.folder import LeagueFolder, playing
from trials.league.history import short
from trials.league.planning import RoundTerms
from trials.stint import ended

CARD = b"---\nlibrary_name: ml-agents\ntags: [ML-Agents-SoccerTwos]\n---\n"
QUICK = RoundTerms(pairs=4, budget=4.0, half=300.0)
WHOLE = RoundTerms(pairs=4, budget=60.0, half=300.0)
"""A round that ends when all are known as well, however slow the machine is."""
SHORT = RoundTerms(pairs=2, budget=1.0, half=300.0)


def play(path: Path, *words: str | Path, terms: RoundTerms = QUICK, rounds: int = 1) -> str:
    """What a person reads."""
    console = Console(file=io.StringIO(), width=240)
    league.run(path, [str(word) for word in words], terms, rounds=rounds, console=console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def command(*words: str) -> str:
    """What `sweep` prints, in this process."""
    return CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False).output


def fails_in_mid_match(path: Path) -> None:
    """The house, but for a look at row 31 of what it is asked: with less than 32 rows there is none."""
    model = onnx.load(LADDER / "house.onnx")
    first = model.graph.input[0].name
    for node in model.graph.node:
        for at, name in enumerate(node.input):
            if name == first:
                node.input[at] = "looked"
    made = [numpy_helper.from_array(np.array([31]), "row"), numpy_helper.from_array(np.float32([0]), "nothing")]
    model.graph.initializer.extend(made)
    nodes = [
        helper.make_node("Gather", [first, "row"], ["other"], axis=0),
        helper.make_node("Mul", ["other", "nothing"], ["none"]),
        helper.make_node("Add", [first, "none"], ["looked"]),
    ]
    for at, node in enumerate(nodes):
        model.graph.node.insert(at, node)
    onnx.save(model, path)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, str]]:
    """A league of two rounds: good models, one of them twice, a broken one, one that fails while it plays."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("house-750k", "house-1000k"):
        shutil.copy(LADDER / f"{name}.onnx", folder / f"{name}.onnx")
    shutil.copy(LADDER / "house-750k.onnx", folder / "z-fork.onnx")
    (folder / "broken.onnx").write_bytes(b"not a policy")
    fails_in_mid_match(folder / "fails.onnx")
    path = tmp_path_factory.mktemp("league") / "league"
    yield path, folder, play(path, folder, "house", terms=WHOLE)


def test_a_round_ends_with_a_leaderboard_that_follows_from_the_history(played: tuple[Path, Path, str]) -> None:
    path, _, said = played
    assert "round 1 (information)" in said
    files = LeagueFolder(path)
    shown = json.loads(command("league", "show", str(path), "--json"))
    assert json.loads(files.leaderboard.read_text()) == shown
    read = matches.read(files.history)
    assert shown["matches"] == len(read) > 0 and shown["environment"] == "soccer-1"
    by_name = {f"{row['user']}/{row['model']}": row for row in shown["models"]}
    sums = pairings.tally(read)
    for row in by_name.values():
        assert row["games"] == sum(of.matches for key, of in sums.items() if row["player"] in key)
        assert row["wins"] + row["draws"] + row["losses"] == row["games"] and row["low"] <= row["elo"] <= row["high"]
    assert by_name["built-in/house"]["elo"] == 1200 and shown["anchor"] == by_name["built-in/house"]["player"]
    assert files.leaderboard_csv.read_text().count("\n") == 1 + len(by_name)
    assert files.elo.read_text().splitlines()[0] == ",".join(ai_vs_ai.ELO)


def test_rating_a_leagues_history_by_name_points_to_the_league(played: tuple[Path, Path, str]) -> None:
    path, _, _ = played
    history_of = LeagueFolder(path).history
    with pytest.raises(SetupError, match=f"its leaderboard is `sweep league show {path}`"):
        rate.rate([history_of], None, None)


def test_one_file_under_two_names_plays_once_and_stands_twice(played: tuple[Path, Path, str]) -> None:
    path, folder, _ = played
    found = {place.name: place for place in reader.opened(path).standings}
    one, fork = found[f"{folder.name}/house-750k"], found[f"{folder.name}/z-fork"]
    assert fork.same_as == one.name and (fork.elo, fork.games, fork.player) == (one.elo, one.games, one.player)
    assert f"{folder.name}/z-fork" not in matches.read(LeagueFolder(path).history).models


def test_broken_models_are_listed_with_their_line_and_stop_nothing(played: tuple[Path, Path, str]) -> None:
    path, folder, said = played
    refused = {entry.name: entry.line for entry in reader.opened(path).refused}
    assert set(refused) == {f"{folder.name}/broken", f"{folder.name}/fails"}
    assert "broken.onnx" in refused[f"{folder.name}/broken"] and "broken is refused" in said
    assert "must run on a batch" in refused[f"{folder.name}/fails"]  # it passed the trial and failed on the field
    assert all(f"{folder.name}/fails" != entry.name for entry in active(path))


def active(path: Path) -> list[roster.Entry]:
    return [entry for entry in reader.opened(path).entries.values() if entry.state == "playing"]


def test_the_view_tells_cards_meetings_and_the_past(played: tuple[Path, Path, str]) -> None:
    path, folder, _ = played
    seen = reader.opened(path)
    card = seen.model("built-in/house")
    assert card.place == seen.place("built-in/house") and card.opponents
    total = [card.blue, card.purple]
    assert sum(s.wins + s.draws + s.losses for s in total) == card.place.games
    assert sum(s.wins for s in total) == card.place.wins
    for met in card.opponents:
        back = seen.head_to_head(met.b, met.a)
        assert back is not None and (back.result.wins, back.goals) == (met.result.losses, met.goals[::-1])
        assert back.elo == pytest.approx(-met.elo, abs=1e-3) and back.expected == pytest.approx(1 - met.expected)
        assert len(seen.matches_of(met.a, met.b)) == met.result.wins + met.result.draws + met.result.losses
    assert {name for name, _ in seen.model(f"{folder.name}/z-fork").names} == {
        f"{folder.name}/house-750k",
        f"{folder.name}/z-fork",
    }
    last = seen.frames()[-1]
    assert last.matches == len(seen.matches) and last.round == 1
    assert last.elo[card.place.player][0] == pytest.approx(1200)
    with pytest.raises(SetupError, match="must be in the league"):
        seen.model("nobody/there")


def test_a_changed_revision_is_a_new_player_and_a_gone_one_keeps_its_matches(
    played: tuple[Path, Path, str], tmp_path: Path
) -> None:
    path, folder = tmp_path / "league", tmp_path / "models"
    shutil.copytree(played[0], path)
    shutil.copytree(played[1], folder)
    before = reader.opened(path)
    entries = LeagueFolder(path).roster.read_text().replace(str(played[1]), str(folder))
    LeagueFolder(path).roster.write_text(entries.replace(f'"{played[1].name}/', '"models/'))
    shutil.copy(LADDER / "house-1500k.onnx", folder / "house-1000k.onnx")
    (folder / "z-fork.onnx").unlink()
    play(path, terms=WHOLE)  # from where its models came
    revisions = [e for e in reader.opened(path).entries.values() if e.name == "models/house-1000k"]
    assert [e.state for e in revisions] == ["gone", "playing"]
    old, new = (short(e.revision) for e in revisions)
    after = {place.player: place for place in reader.opened(path).standings}
    assert after[old].rank is None and after[old].games == next(p.games for p in before.standings if p.player == old)
    assert new not in {p.player for p in before.standings} and new in after
    assert {p.name: p.state for p in reader.opened(path).standings}["models/z-fork"] == "gone"


def test_two_processes_do_not_play_one_league(played: tuple[Path, Path, str]) -> None:
    with playing(LeagueFolder(played[0])):
        done = run_sweep("league", "run", str(played[0]), "house", "chaser")
        assert "house-750k" in command("league", "show", str(played[0]))  # who only looks is not kept out
    assert done.returncode == 1 and "played by one process at a time" in done.stderr


def test_a_league_is_rebuilt_from_its_files_and_from_ai_vs_ais(played: tuple[Path, Path, str], tmp_path: Path) -> None:
    path = played[0]
    again = league.rebuild(tmp_path / "again", str(path))
    assert again.standings == reader.opened(path).standings
    bare = tmp_path / "bare"
    league.rebuild(bare, str(LeagueFolder(path).history))  # names and revisions are the roster's; ratings are not
    rebuilt = {p.player: (p.elo, p.games) for p in reader.opened(bare).standings}
    assert {p.name for p in reader.opened(bare).standings} <= {p.name for p in reader.opened(path).standings}
    assert {player: pytest.approx(of) for player, of in rebuilt.items()} == {
        p.player: (p.elo, p.games) for p in reader.opened(path).standings if p.games
    }
    theirs = tmp_path / "theirs.csv"
    rows = [line.split(",")[:4] for line in LeagueFolder(path).history.read_text().splitlines()]
    theirs.write_text("".join(",".join(row) + "\n" for row in rows))
    found = league.rebuild(tmp_path / "published", str(theirs))
    assert found.environment == "ai-vs-ai" and len(found.matches) == len(rows) - 1
    published = {p.name: p for p in found.standings}
    for place in reader.opened(path).standings:
        if place.games and not place.same_as:
            assert published[place.name].ai_vs_ai == pytest.approx(place.ai_vs_ai)
    with pytest.raises(SetupError, match="into a new folder"):
        league.rebuild(tmp_path / "again", str(path))


def test_models_of_one_name_from_two_places_both_play_in_every_round(tmp_path: Path) -> None:
    words = []
    for place, model in (("a", "house-750k"), ("b", "house-1000k")):
        words.append(tmp_path / place / "m" / "SoccerTwos.onnx")
        words[-1].parent.mkdir(parents=True)
        shutil.copy(LADDER / f"{model}.onnx", words[-1])
        run = tmp_path / place / "first"  # and two runs of one name
        (run / "trials" / "0000" / "candidates").mkdir(parents=True)
        (run / "ledger.jsonl").touch()
        shutil.copy(words[-1], run / "trials" / "0000" / "candidates" / "SoccerTwos-5.onnx")
        words.append(Path(f"{run}:all"))
    path = tmp_path / "league"
    first = play(path, *words, terms=replace(SHORT, half=5.0))
    assert "SoccerTwos is called m/SoccerTwos~" in " ".join(first.split()).replace(f"of {words[2]} ", "")
    second = play(path, terms=replace(SHORT, half=5.0))  # from where they came
    assert "is unavailable" not in first + second
    read = matches.read(LeagueFolder(path).history)
    assert len(read.players) == 2 and {*read.round.tolist()} == {1, 2}
    shown = {place.name: place for place in reader.opened(path).standings}
    names = {name.partition("~")[0] for name in shown}
    assert names == {"m/SoccerTwos", "first/0000-SoccerTwos-5"} and len(shown) == 4
    assert len({place.player for place in shown.values()}) == 2 and {*read.models} <= {*shown}
    assert league.rebuild(tmp_path / "again", str(path)).standings == reader.opened(path).standings
    bare = league.rebuild(tmp_path / "bare", str(LeagueFolder(path).history))
    assert len({place.name for place in bare.standings}) == 2
    assert len(LeagueFolder(path).elo.read_text().splitlines()) == 1 + 4
    finder = page.Asked(reader.opened(path))
    files = {player: finder.file(player) for player in read.players}
    assert {short(sha256(Path(file).read_bytes()).hexdigest()): player for player, file in files.items()} == {
        player: player for player in read.players
    }


def running(path: Path, *words: str) -> subprocess.Popen[bytes]:
    """A league in a process of its own, once it has played something."""
    command = [sys.executable, "-m", "sweep", "league", "run", str(path), *words]
    path.mkdir()
    with (path / "said.txt").open("w") as said:
        started = subprocess.Popen(command, stdout=said, stderr=said)
    until = now() + 90
    while not LeagueFolder(path).history.is_file() or LeagueFolder(path).history.stat().st_size < 2000:
        assert started.poll() is None and now() < until, (path / "said.txt").read_text()
        time.sleep(0.02)
    return started


WORDS = ("house", "house-750k", "house-1000k", "house-1500k", "--pairs", "4", "--precision", "5", "--budget", "60")


def test_a_league_killed_in_a_round_goes_on_and_counts_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "league"
    files = LeagueFolder(path)
    started = running(path, *WORDS)
    workers = psutil.Process(started.pid).children(recursive=True)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert survivors(workers, 20) == []
    assert not files.rounds.exists()
    with files.history.open("ab") as file:  # what a machine that lost power may leave
        file.write(files.history.read_bytes().splitlines(keepends=True)[-2] + b"half a li")
    before = matches.read(files.history)
    assert reader.opened(path).standings  # readers do not mind
    said = play(path, terms=RoundTerms(pairs=4, budget=2.0, half=5.0))
    assert "were cut off the history" in said
    after = matches.read(files.history)
    (over,) = store.rounds(files)
    assert over.matches == len(after) and 0 < over.before <= len(before)
    assert f"after {over.before:,} before it was cut off" in said
    assert len(after) > len(before) and set(after.round.tolist()) == {1} == {r.number for r in store.rounds(files)}
    keys = list(
        zip(after.player1.tolist(), after.player2.tolist(), after.pair.tolist(), after.side1.tolist(), strict=True)
    )
    assert len(keys) == len(set(keys)) == files.history.read_bytes().count(b"\n") - 1
    for one, two in set(zip(after.player1.tolist(), after.player2.tolist(), strict=True)):
        pairs = np.unique(after.pair[(after.player1 == one) & (after.player2 == two)])
        assert pairs.tolist() == list(range(len(pairs)))  # numbered on where it had stopped
    seen = reader.opened(path)
    rated = leaderboard.rate(pairings.tally(after), (), seen.house)
    elo = dict(zip(rated.players, rated.fit.ratings.tolist(), strict=True))
    written = json.loads(files.leaderboard.read_text())["models"]
    assert {row["player"]: row["elo"] for row in written} == {p: pytest.approx(elo[p], abs=0.01) for p in elo}


@pytest.mark.faults
def test_ctrl_c_ends_a_round_within_seconds_with_its_leaderboard(tmp_path: Path) -> None:
    path = tmp_path / "league"
    started = running(path, *WORDS, "--every", "1h")
    started.send_signal(signal.SIGINT)
    assert ended(started, 8) and started.returncode == 130
    shown = json.loads(LeagueFolder(path).leaderboard.read_text())
    assert shown["matches"] == len(matches.read(LeagueFolder(path).history))


@pytest.mark.faults
def test_closest_lets_everyone_play_once_a_round(tmp_path: Path) -> None:
    path = tmp_path / "league"
    words = ("house", "house-750k", "house-1000k", "house-1500k", "chaser")
    play(path, *words, terms=RoundTerms(matchmaking="closest", pairs=2), rounds=2)
    read = matches.read(LeagueFolder(path).history)
    for number in (1, 2):
        of_round = read.where(read.round == number)
        met = {(one, two) for one, two in zip(of_round.player1.tolist(), of_round.player2.tolist(), strict=True)}
        assert len(met) == 2 and len({player for pair in met for player in pair}) == 4
    assert len({player for column in (read.player1, read.player2) for player in column.tolist()}) == 5


def test_models_come_from_the_hub_and_the_league_lives_in_a_dataset(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "league"
    for name in ("750k", "1000k"):
        hub.store.put(
            f"tester/m{name}", {"README.md": CARD, "SoccerTwos.onnx": (LADDER / f"house-{name}.onnx").read_bytes()}
        )
    hub.store.put("other/empty", {"README.md": CARD})
    keep = league.dataset("tester/league")
    league.run(path, ["hub:ML-Agents-SoccerTwos"], SHORT, keep=keep, console=Console(file=io.StringIO()))
    seen = reader.opened(path)
    assert {p.name for p in seen.standings} == {"tester/m750k", "tester/m1000k"} and len(seen.matches)
    assert [(e.name, "no .onnx file" in e.line) for e in seen.refused] == [("other/empty", True)]
    commits = hub.store.repos["tester/league"].commits.values()
    assert [c.title for c in commits if c.title.startswith("Round")] == [f"Round 1: {len(seen.matches)} matches"]
    again = league.rebuild(tmp_path / "again", "hub:tester/league")
    assert again.standings == seen.standings and again.rounds == seen.rounds
    with playing(LeagueFolder(path)):
        unknown = scan.scan(store.Store(LeagueFolder(path)), [sources.source("hub:NoSuchTag")], 1)
    assert unknown.notes[0] == "hub:NoSuchTag has no model; check its name"
    source = sources.source("hub:ML-Agents-SoccerTwos")
    hub.store.put("other/empty", {"SoccerTwos.onnx": (LADDER / "house-1500k.onnx").read_bytes()})
    with playing(LeagueFolder(path)):
        scanned = scan.scan(store.Store(LeagueFolder(path)), [source], 1)
        assert len(scanned.able) == 3  # a new revision is tried anew
    monkeypatch.setenv("SWEEP_HUB_SECONDS", "0.1")
    hub.fault(".*", status=503, times=1000)
    with playing(LeagueFolder(path)):
        scanned = scan.scan(store.Store(LeagueFolder(path)), [source], 1)
    assert len(scanned.able) == 3 and "did not answer" in scanned.notes[0]  # what is cached plays on


def test_a_dataset_tells_no_path_of_this_machine(hub: HubServer, tmp_path: Path) -> None:
    path, mine, other = tmp_path / "league", tmp_path / "anna" / "models", tmp_path / "more" / "models"
    for folder, name in ((mine, "750k"), (other, "1000k")):
        folder.mkdir(parents=True)
        shutil.copy(LADDER / f"house-{name}.onnx", folder / "x.onnx")
    (mine / "bad.onnx").write_bytes(b"no policy")
    league.run(path, [str(mine), str(other)], SHORT, keep=league.dataset("tester/mine"), console=Console(quiet=True))
    commit = hub.store.repos["tester/mine"].at("main")
    assert commit is not None
    files = {name: hub.store.content(blob) for name, blob in commit.files.items()}
    assert {"models.jsonl", "rounds.jsonl", "leaderboard.json", "soccer_history.csv"} <= {*files}
    assert not [name for name, data in files.items() if str(tmp_path).encode() in data]
    sources = {json.loads(line)["source"] for line in files["models.jsonl"].splitlines()}
    assert sources == {"models", "models-2"} and str(mine) in LeagueFolder(path).roster.read_text()
    seen, again = reader.opened(path), league.rebuild(tmp_path / "again", "hub:tester/mine")
    assert [p.elo for p in again.standings] == [p.elo for p in seen.standings]


def test_a_dataset_that_was_not_written_is_no_success_and_costs_no_match(tmp_path: Path) -> None:
    path = tmp_path / "league"

    def away(files: object, message: str) -> None:
        raise OSError("no route")

    with pytest.raises(UsageError, match="must be named USER/NAME"):
        league.dataset("bad name")
    with pytest.raises(SetupError, match=r"not brought up to this round, which is whole in .*: no route"):
        league.run(path, ["random", "still"], SHORT, keep=away, console=Console(file=io.StringIO()))
    assert reader.opened(path).rounds[0].matches == len(reader.opened(path).matches) > 0
    said = Console(file=io.StringIO())
    with pytest.raises(SetupError, match="not brought up to"):  # nor where nobody needs a match any more
        league.run(path, ["random", "still"], replace(QUICK, half=1e4), rounds=9, keep=away, console=said)
    assert len(reader.opened(path).rounds) < 9
    with pytest.raises(SetupError, match="one of the league's matches, soccer-1, but got 'nix'"):
        reader.opened(path, "nix")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "a league's models come from"),
        (("house",), "needs two models that can play"),
        (("house", "chaser", "--every", "soon"), "must be a time such as"),
        ((), "needs two models that can play"),
    ],
)
def test_what_cannot_be_played_is_said(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises((SetupError, click.UsageError), match=said):
        command("league", "run", str(tmp_path / "league"), *words)


def scanned(path: Path, *found: sources.Source) -> scan.Scan:
    league_of = LeagueFolder(path)
    with playing(league_of):
        return scan.scan(store.Store(league_of), found, 1)


def test_a_file_that_cannot_be_read_is_told_and_stops_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("house-750k", "house-1000k"):
        shutil.copy(LADDER / f"{name}.onnx", folder / f"{name}.onnx")
    (folder / "broken.onnx").symlink_to(tmp_path / "nowhere")
    (folder / "shelf.onnx").mkdir()
    seen = scanned(tmp_path / "league", sources.source(str(folder)))
    assert len(seen.able) == 2
    (note,) = seen.notes
    assert note.startswith(f"models/broken of {folder} cannot be read: ") and "No such file" in note


def test_a_source_none_of_whose_files_can_be_read_did_not_answer_and_its_models_stay(tmp_path: Path) -> None:
    path = tmp_path / "league"
    file = shutil.copy(LADDER / "house-750k.onnx", tmp_path / "one.onnx")
    source = sources.source(str(file))
    assert len(scanned(path, source).able) == 1
    file.unlink()
    assert scanned(path, source).notes[0].startswith(f"{file} did not answer: ")
    assert [entry.state for entry in reader.opened(path).entries.values()] == ["playing"]


def test_a_source_of_the_roster_that_is_gone_stops_no_league_and_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder, away = tmp_path / "league", tmp_path / "models", tmp_path / "away"
    folder.mkdir()
    shutil.copy(LADDER / "house-750k.onnx", folder / "one.onnx")
    built_in = [sources.source("house"), sources.source("still")]
    assert len(scanned(path, sources.source(str(folder)), *built_in).able) == 3
    folder.rename(away)
    able: list[str] = []

    def play_not(book: store.Store, players: dict[str, object], *_: object, **__: object) -> None:
        able.extend(sorted(book.entries[key].name for key in book.entries if book.entries[key].player in players))
        raise KeyboardInterrupt

    monkeypatch.setattr(round, "play", play_not)
    console = Console(file=io.StringIO(), width=240)
    with pytest.raises(KeyboardInterrupt):
        league.run(path, [], QUICK, console=console)
    said = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    assert f"{folder} did not answer: it is no longer there" in said and able == ["built-in/house", "built-in/still"]
    source = sources.earlier(str(folder))
    assert "did not answer" in scanned(path, source, *built_in).notes[0]
    away.rename(folder)
    assert len(scanned(path, source, *built_in).able) == 3


def test_a_home_of_nobody_is_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"a league's models come from .* but '~nobody-here/x' is none of them"):
        sources.source("~nobody-here/x")
    assert "did not answer" in scanned(tmp_path, sources.source("~nobody-here/x.onnx")).notes[0]
    with pytest.raises(SetupError, match=r"a model must be there, but ~nobody-here/x\.onnx is not"):
        verify.verify("~nobody-here/x.onnx", None, 0, 1, False)
    assert storage.storage("~nobody-here/x").address.endswith("~nobody-here/x")
    assert Settings(space="quick", out=str(tmp_path), env="~nobody-here/game").executable == str(
        Path("~nobody-here/game").resolve()
    )


def test_what_ended_a_round_is_told_though_the_leaderboard_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(leaderboard, "write", full)
    monkeypatch.setattr(round, "play", lambda *_, **__: None)
    with pytest.raises(OSError, match="no space left"):  # of a round that went well it is the error
        play(tmp_path / "one", "house", "still")
    monkeypatch.setattr(round, "play", ends)
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "two", "house", "still")


@pytest.mark.parametrize("damaged", ["roster", "rounds"])
def test_a_league_is_rebuilt_whole_or_not_at_all(damaged: str, played: tuple[Path, Path, str], tmp_path: Path) -> None:
    there, new = tmp_path / "there", tmp_path / "new"
    shutil.copytree(played[0], there)
    with getattr(LeagueFolder(there), damaged).open("ab") as file:
        file.write(b'{"no": "line of ours"}\n')
    for _ in range(2):  # the second try is told the same, not that a league is there
        with pytest.raises(SetupError, match=f"but line .* of {there}"):
            league.rebuild(new, str(there))
    assert not new.exists() or not list(new.iterdir())


def test_a_dataset_without_a_history_is_named(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    datasets.put([tmp_path / "notes.txt"], "tester/none", "Nothing yet")
    line = "a league's dataset must hold soccer_history.csv, but tester/none does not; check its name"
    with pytest.raises(SetupError, match=line):
        league.rebuild(tmp_path / "again", "hub:tester/none")
