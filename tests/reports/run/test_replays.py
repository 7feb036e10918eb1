"""The matches in the page are those that were played, or the page says why there are none; and they play there."""

import base64
import gzip
import json
import shutil
import struct
from dataclasses import replace

import hypothesis
import pytest
from final_events import finals, tuning
from hypothesis import given
from hypothesis import strategies as st
from offline_page import BROWSER, MISSING, chromium, shown, until
from real_matches import PAIRS, real_run

from reports.replay import pack
from reports.run import page, replays
from sweep.driver import headline
from sweep.settings import Settings
from trials import ledger, run_state
from trials.arena.matches import log, replay
from trials.arena.matches.highlights import highlights
from trials.arena.players import load as players
from trials.arena.players import onnx_external
from trials.arena.players.load import LADDER
from trials.errors import SetupError
from trials.events import TrialRated
from trials.folder import RunFolder
from trials.records import Candidate, MatchRecord


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A run at its end, its winner's matches against the runner-up played as a sweep does."""
    made = real_run(tmp_path_factory.mktemp("real") / "run")
    headline.play_to_watch(made, settings(made))
    return made


@pytest.fixture
def copy(run, tmp_path) -> RunFolder:
    return RunFolder(shutil.copytree(run.path, tmp_path / "moved"))


def settings(run: RunFolder) -> Settings:
    return Settings(space="x.yaml", out=run.path, trials=3, slots=1, steps=1000, fields=4, seed=5, fresh_matches=8)


def order(run: RunFolder) -> list[Candidate]:
    """Tuning's, the best first."""
    rated = [event for event in ledger.read(run.ledger) if isinstance(event, TrialRated)]
    return [event.candidate for event in sorted(rated, key=lambda event: -event.rating.elo)]


def section(run: RunFolder) -> replays.Replays:
    found = replays.section(run_state.run_of("run", ledger.read(run.ledger)), run)
    assert found is not None
    return found


def record(number: int, result: float, decisions: int) -> MatchRecord:
    return MatchRecord(
        number=number,
        pair=number // 2,
        a="a",
        b="b",
        a_team=number % 2,  # type: ignore[arg-type]
        seed=1,
        environment="soccer-1",
        result=result,
        goals_a=int(result == 1),
        goals_b=int(result == 0),
        decisions=decisions,
        time=0.0,
    )


played = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(1, 1000)), max_size=30).map(
    lambda rows: [record(number, *row) for number, row in enumerate(rows)]
)


@given(played)
def test_telling_matches_are_a_win_and_a_loss_of_middling_length(records):
    found = highlights(records)
    results = [one.result for one in found]
    kinds = {one.result for one in records}
    assert results == ([r for r in (1.0, 0.0) if r in kinds] or ([0.5] if kinds else []))
    for one in found:
        alike = sorted(r.decisions for r in records if r.result == one.result)
        below, above = (sum(r.decisions < one.decisions for r in records if r.result == one.result),
                        sum(r.decisions > one.decisions for r in records if r.result == one.result))  # fmt: skip
        assert max(below, above) <= len(alike) / 2 and one in records


def test_the_page_has_the_very_matches_of_the_logs(run):
    found, (first, second, _) = section(run), order(run)
    assert [one.kind for one in found.shown] == ["baseline", "runner-up"] and not found.skipped
    assert [one.opponent for one in found.shown] == ["house", f"trial {second.trial}"]
    for one in found.shown:
        logged = log.read(run.fresh_matches("winner", one.kind)).records
        assert len(logged) == 2 * PAIRS and set(one.matches) <= set(logged)
        assert [m.result for m in one.matches] == [r for r in (1.0, 0.0) if r in {m.result for m in logged}]
        head, _ = pack.parts(one.packed)
        assert [(m["number"], m["decisions"], m["aTeam"]) for m in head["matches"]] == [
            (m.number, m.decisions, m.a_team) for m in one.matches
        ]
        for match, packed in zip(one.matches, head["matches"], strict=True):
            scored = {1: 0, 2: 1}[packed["outcome"]]  # the team that did
            assert (scored == match.a_team) is (match.result == 1.0)
    whole, _ = pack.parts(str(found.player).split('octet-stream">')[1].split("</script>")[0])
    assert whole["matches"][0]["names"] == [f"trial {first.trial}", "house"]
    assert len(whole["matches"]) == sum(len(one.matches) for one in found.shown)


def test_a_match_that_comes_out_otherwise_is_not_shown(run, copy):
    path = copy.fresh_matches("winner", "baseline")
    read = log.read(path)
    other = [replace(one, decisions=one.decisions + 1) for one in read.records]
    log.write(path, other, read.names, again=True)
    first = section(copy).shown[0]
    assert first.packed == "" and "come out otherwise" in first.why
    a, b = players.load("chaser"), players.load("random")
    match = replay.record(a, b, 1, 3)[0].records[1]
    again = replay.again(a, b, match)
    assert again is not None and again.record == match
    assert replay.again(a, b, replace(match, result=1 - match.result)) is None
    assert replay.again(a, b, replace(match, seed=4)) is None
    assert replay.again(b, a, match) is None
    assert replay.again(a, b, replace(match, environment="unity-0123456789ab")) is None


def test_a_run_that_moved_keeps_its_replays_without_the_policies(run, copy):
    shutil.rmtree(copy.trials)
    assert section(copy).player == section(run).player


def test_matches_against_a_baseline_from_the_hub_are_recorded_from_the_runs_own_copy(run, copy):
    path = copy.fresh_matches("winner", "baseline")
    read = log.read(path)
    theirs = copy.baseline / "USER" / "NAME.onnx"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes((LADDER / "house.onnx").read_bytes() + b"\x32\x01x")  # ModelProto's doc_string: plays alike
    digest = onnx_external.digest_of(theirs)
    records = [replace(record, b=digest) for record in read.records]
    log.write(path, records, read.names | {digest: "USER/NAME"}, again=True)
    copy.settings.write_text("baseline: USER/NAME@0123456789012345678901234567890123456789\n")
    found = section(copy).shown[0]
    assert found.opponent == "USER/NAME" and found.packed
    shutil.rmtree(copy.baseline)
    copy.replays("baseline").unlink()
    assert "no longer in the run’s folder" in section(copy).shown[0].why


@pytest.mark.parametrize("damage", [b"", b'{"format": "replays-1"}', b"\xff\xfe", b"[" * 100_000, None])
def test_damaged_replays_are_recorded_anew_or_told_of(run, copy, damage):
    path = copy.replays("baseline")
    if damage is None:
        told = json.loads(path.read_text())
        path.write_text(json.dumps(told | {"data": told["data"][: len(told["data"]) // 8 * 4]}))
    else:
        path.write_bytes(damage)
    moved = copy.path.with_name("without")
    shutil.copytree(copy.path, moved)
    assert section(copy) == section(run)
    assert path.read_bytes() == run.replays("baseline").read_bytes()
    shutil.rmtree(RunFolder(moved).trials)
    first = section(RunFolder(moved)).shown[0]
    assert not first.packed and "no longer in the run’s folder" in first.why


def test_matches_of_an_executable_and_broken_logs_are_told_of(run, copy):
    path = copy.fresh_matches("winner", "baseline")
    read = log.read(path)
    log.write(path, [replace(one, environment="unity-0123456789ab") for one in read.records], read.names, again=True)
    copy.fresh_matches("winner", "runner-up").write_bytes(b"PAR1")
    found = section(copy)
    assert "unity-0123456789ab" in found.shown[0].why and found.player == ""
    assert len(found.shown) == 1 and "winner-runner-up.parquet" in found.skipped[0]
    text = page.build(copy).read_text()
    assert "no match can be played again" in text and "cannot be read" in text


def test_the_runner_up_is_met_once_and_again_after_another_choice(copy):
    path = copy.fresh_matches("winner", "runner-up")
    before, inode = log.read(path), path.stat().st_ino
    assert set(before.names.values()) == {one.name for one in order(copy)[:2]}
    headline.play_to_watch(copy, settings(copy))
    assert path.stat().st_ino == inode
    log.write(path, log.read(copy.fresh_matches("winner", "random")).records, {}, again=True)  # of somebody else
    headline.play_to_watch(copy, settings(copy))
    assert log.read(path).records == before.records


def test_the_runner_up_of_finals_is_the_second_configurations_best_policy():
    elos = {2: (140.0, 150.0, 160.0), 3: (20.0, 50.0, 30.0), 0: (0.0, 10.0, -10.0)}
    events = [*tuning(), *finals(elos)]
    assert headline.runner_up(events).trial == 14  # 3 on the second seed
    assert headline.runner_up(tuning()).trial == 3 and headline.runner_up(tuning({0: 1000.0})) is None


@hypothesis.settings(max_examples=25)
@given(st.text(max_size=20), st.integers(0, 60))
def test_only_whole_packs_are_taken(name, cut):
    head = {"field": {}, "matches": [{"frames": 2, "decisions": 1}], "names": [name, "b"]}
    whole = packed(head, bytes(60))
    assert pack.parts(whole)[0] == head
    if cut < 60:
        with pytest.raises(SetupError, match="packed whole"):
            pack.parts(packed(head, bytes(cut)))
    joined, body = pack.parts(pack.join([(whole, (name, "b")), (whole, ("c", name))], ["x", "y"]))
    assert [m["names"] for m in joined["matches"]] == [[name, "b"], ["c", name]] and len(body) == 120


def packed(head: dict[str, object], body: bytes) -> str:
    text = json.dumps(head).encode()
    return base64.b64encode(gzip.compress(struct.pack("<I", len(text)) + text + body)).decode()


def test_what_the_page_gains_is_bounded(run):
    assert all(0 < len(one.packed) <= replays.MOST for one in section(run).shown)
    assert 2 * replays.MOST < 300_000
    long = replay.record(players.load("random"), players.load("random"), 1, 0)[1]
    assert len(pack.pack(long, ("a", "b"))) < replays.MOST and max(len(one.ball) for one in long) > 4990


@pytest.mark.skipif(BROWSER is None, reason=MISSING)
def test_plays_in_the_report_by_mouse_and_by_keyboard(run):
    player = "document.querySelector('.replay').replay"
    with chromium() as browser, shown(browser, page.build(run), "#ranking", reduced_motion="reduce") as report:
        assert report.evaluate(f"{player} === undefined")  # nothing is unpacked before it is near
        report.evaluate("document.getElementById('replays').scrollIntoView()")
        until(report, f"Boolean({player}) && {player}.frame === 0 && {player}.moving === 0")
        report.keyboard.press("Space")
        assert report.evaluate(f"{player}.moving") == 0  # it is nobody's: the page scrolls
        assert not report.is_checked("[data-part=follow]")
        report.click(".replay-matches li:nth-child(2) button")
        said = report.get_attribute(".replay-matches li:nth-child(2) button", "aria-label")
        assert "against" in said and report.evaluate(f"{player}.index") == 1
        report.focus(".replay [data-part=play]")
        report.keyboard.press("Enter")
        until(report, f"{player}.frame > 2")
        report.keyboard.press("Enter")
        assert report.evaluate(f"{player}.moving") == 0
        report.keyboard.press("End")
        assert report.is_visible("[data-part=call]")
        unnamed = "b => !(b.textContent.trim() || b.getAttribute('aria-label'))"
        assert report.evaluate(f"[...document.querySelectorAll('#replays button')].filter({unnamed}).length") == 0
        report.set_viewport_size({"width": 390, "height": 844})
        until(report, "document.documentElement.scrollWidth <= 390")
