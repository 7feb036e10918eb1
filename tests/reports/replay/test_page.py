"""The page that plays matches holds what was played, and in Chromium it plays, offline, whatever a name says."""

import base64
import functools
import gzip
import html
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from offline_page import BROWSER, MISSING, chromium, shown, until
from placed import put

from reports.replay import pack
from reports.replay import page as pages
from trials.arena.matches import replay
from trials.arena.players import load as players
from trials.soccer import sensors
from trials.soccer.constants import OBSERVATION_SIZE, RAY_FLOATS, RAY_LENGTH, TAGS
from trials.soccer.game import Fields

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&{{7*7}}\n\u202e" + "x" * 300
COMMAND = "sweep watch chaser random --matches 4 --seed 3"


@pytest.fixture(scope="module")
def replays() -> tuple[replay.Replay, ...]:
    return replay.record(players.load("chaser"), players.load("random"), 2, 3)[1]


def unpacked(text: str):
    """The header, and for each match its columns (14, frames) and actions (decisions, 4): what the page reads."""
    data = gzip.decompress(base64.b64decode(text))
    (size,) = struct.unpack_from("<I", data)
    head, at = json.loads(data[4 : 4 + size]), 4 + size
    tables, actions = [], []
    for match in head["matches"]:
        count = 14 * match["frames"]
        low, high = (np.frombuffer(data, np.uint8, count, at + k * count).astype(np.int64) for k in (0, 1))
        zigzag = low | high << 8
        steps = ((zigzag >> 1) ^ -(zigzag & 1)).reshape(14, -1)
        tables.append(steps.cumsum(axis=1).cumsum(axis=1).astype(np.int16))
        at += 2 * count
        actions.append(np.frombuffer(data, np.uint8, 4 * match["decisions"], at).reshape(-1, 4))
        at += 4 * match["decisions"]
    assert at == len(data)
    return head, tables, actions


def test_frames_decode_to_the_places_within_half_a_millimetre(replays):
    head, tables, actions = unpacked(pack.pack(replays, ("a", "b")))
    assert [match["frames"] for match in head["matches"]] == [len(each.ball) for each in replays]
    for each, table, taken in zip(replays, tables, actions, strict=True):
        bodies = table[2:].reshape(4, 3, -1).transpose(2, 0, 1) / 1000
        assert np.abs(table[:2].T / 1000 - each.ball).max() <= 0.000501
        assert np.abs(bodies[:, :, :2] - each.agents[:, :, :2]).max() <= 0.000501
        turned = np.rad2deg(each.agents[:, :, 2]) - bodies[:, :, 2] * 10
        assert np.abs(turned - 360 * np.round(turned / 360)).max() <= 0.00501
        assert np.array_equal(np.stack([taken % 3, taken // 3 % 3, taken // 9], axis=2), each.actions)


def test_a_thousand_decisions_stay_small():
    long = replay.record(players.load("random"), players.load("random"), 1, 0)[1]
    assert max(each.record.decisions for each in long) == 1000
    assert len(pages.page(long, ("a", "b"), "sweep")) < 250_000


def test_no_name_becomes_markup(replays):
    page = pages.page(replays, (HOSTILE, "a&b"), f"sweep watch '{HOSTILE}'")
    assert "<img" not in page and "onerror=alert" in page  # shown, as text
    assert page.count("</script>") == 2
    (title,) = re.findall(r"<title>(.*?)</title>", page)
    assert "&lt;/script&gt;" in title and "\u202e" not in title and len(title) < 250
    assert "a&amp;b" in page


def test_names_from_undecodable_files_and_twins_are_shown(replays):
    assert "\ufffd against b" in pages.page(replays, ("\udcff", "b"), "sweep").encode().decode()
    assert "twin (chaser) against twin (random)" in re.sub(
        "</?bdi>", "", pages.page(replays, ("twin", "twin"), "sweep")
    )


def test_the_page_says_what_was_played_and_names_no_address(replays):
    page = pages.page(replays, ("chaser", "random"), COMMAND)
    assert COMMAND in page and replays[0].record.environment in page and pages.score(replays) in page
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert policy.startswith("default-src 'none'") and "'sha256-" in policy and "unsafe-eval" not in policy
    assert set(re.findall(r"https?://[^\s\"'<]*", page)) <= {"http://www.w3.org/2000/svg"}


# --- in a browser ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip(MISSING)
    with chromium() as started:
        yield started


opened = functools.partial(shown, ready=".replay[data-ready]")
"""The page, ready."""


PLAYER = "document.querySelector('.replay').replay"
DRAWN = "document.querySelector('.replay canvas').toDataURL()"


@pytest.fixture(scope="module")
def path(replays, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("a page") / "match.html"
    assert pages.write(path, replays, ("chaser", "random"), COMMAND) == path.stat().st_size
    return path


def test_plays_to_the_goal_and_on_to_the_next_match(browser, path, replays):
    with opened(browser, path) as page:
        still = page.evaluate(DRAWN)
        page.select_option("[data-part=speed]", "4")
        page.keyboard.press("Escape")
        page.click("[data-part=play]")
        until(page, f"{PLAYER}.frame > 5")
        assert page.evaluate(DRAWN) != still and page.inner_text("[data-part=playing]") == "Pause"
        page.click("[data-part=play]")
        assert page.evaluate(f"{PLAYER}.moving") == 0
        page.evaluate(f"{PLAYER}.seek({PLAYER}.last - 3)")
        page.click("[data-part=play]")
        until(page, f"{PLAYER}.ended")
        team = ("", "blue", "purple")[replays[0].outcome]
        assert f"Goal for {team}" in page.text_content("[data-part=said]")
        assert page.inner_text("[data-part=call] b") == "Goal"
        assert sorted(page.inner_text("[data-part=score]").split(" – ")) == ["0", "1"]
        until(page, f"{PLAYER}.index === 1 && {PLAYER}.frame > 0")


def test_scrubs_steps_and_changes_matches_by_keyboard(browser, path, replays):
    frame = f"{PLAYER}.frame"
    with opened(browser, path) as page:
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowRight")
        assert page.evaluate(frame) == 6
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(frame) == 5 and "decision 2 of" in page.inner_text("[data-part=clock]")
        page.keyboard.press("End")
        assert page.evaluate(frame) == len(replays[0].ball) - 1 and page.is_visible("[data-part=call]")
        page.keyboard.press("Home")
        page.keyboard.press("Space")
        until(page, f"{frame} > 2")
        page.keyboard.press("Space")
        page.fill("[data-part=scrub]", "20")
        assert page.evaluate(frame) == 20
        shown = page.get_attribute("[data-part=canvas]", "aria-label")
        assert "at 0.40 s" in shown and "nearest" in shown
        page.keyboard.press("n")
        assert page.evaluate(f"{PLAYER}.index") == 1 and page.evaluate(frame) == 0
        assert page.inner_text("[data-part=blue]") == "random"  # sides are exchanged
        page.click(".replay-matches li:nth-child(3) button")
        assert page.evaluate(f"{PLAYER}.index") == 2
        page.keyboard.press("Space")  # the field's again, after a click
        until(page, f"{frame} > 0 && {PLAYER}.index === 2")


def test_rays_are_what_the_sensors_see(browser, path, replays):
    fields, scratch = Fields(1), np.zeros((sensors.SCRATCH, sensors.LANES))
    compared = wrong = 0
    with opened(browser, path) as page:
        for frame in range(0, len(replays[0].ball), 7):
            ball, agents = np.zeros(9), np.zeros((4, 5))
            ball[:2] = replays[0].ball[frame]
            agents[:, [0, 1, 4]] = replays[0].agents[frame]
            put(fields, 0, ball, agents)
            page.evaluate(f"{PLAYER}.seek({frame})")
            seen = page.evaluate(f"[0, 1, 2, 3].map((agent) => {{ {PLAYER}.look(agent); return {PLAYER}.seen; }})")
            for agent, rays in enumerate(seen):
                row = np.zeros(OBSERVATION_SIZE, np.float32)
                sensors.look(fields.ball, fields.agents, 0, agent, row, scratch)
                frames = np.concatenate([row[176:264], row[312:336]]).reshape(-1, RAY_FLOATS)
                own, other = ("blue", "purple") if agent < 2 else ("purple", "blue")
                names = ("ball", own, other, "wall", own, other, "none")
                for ray, told in zip(rays, frames, strict=True):
                    same = ray["what"] == names[int(told[: TAGS + 1].argmax())]
                    compared += 1
                    wrong += not same or abs(ray["distance"] - told[-1] * RAY_LENGTH) > 0.02
    assert compared > 1000 and wrong <= compared // 200, f"{wrong} of {compared}"  # grazing rays feel the rounding


def test_rays_go_on_and_off(browser, path):
    with opened(browser, path) as page:
        page.evaluate("document.querySelector('.replay canvas').scrollIntoView()")
        bare = page.evaluate(DRAWN)
        page.keyboard.press("2")
        assert page.evaluate(DRAWN) != bare and page.input_value("[data-part=rays]") == "1"
        assert page.inner_text("[data-part=doing]").startswith("Blue 2: ")
        page.keyboard.press("r")
        assert page.evaluate(DRAWN) == bare and page.is_hidden("[data-part=seen]")
        x, z = page.evaluate(f"{PLAYER}.view.toScreen({PLAYER}.now.agents[3].x, {PLAYER}.now.agents[3].z)")
        page.click("[data-part=canvas]", position={"x": x, "y": z})
        assert page.input_value("[data-part=rays]") == "3"
        page.select_option("[data-part=rays]", "")
        assert page.evaluate(DRAWN) == bare


def test_fits_every_width_and_redraws_in_the_dark(browser, path):
    with opened(browser, path) as page:
        for width, height in ((1280, 900), (768, 1024), (390, 844), (360, 640), (844, 390)):
            page.set_viewport_size({"width": width, "height": height})
            until(page, f"document.documentElement.scrollWidth <= {width}")
            until(page, f"{PLAYER}.view.upright === {str(width < 500).lower()}")
        light = page.evaluate(DRAWN)
        page.emulate_media(color_scheme="dark")
        until(page, f"{DRAWN} !== '{light}'")


def test_a_hostile_name_is_only_shown(browser, replays, tmp_path):
    path = tmp_path / "hostile.html"
    pages.write(path, replays, (HOSTILE, "</bdi><script>alert(2)</script>"), "`; alert(3)")
    with opened(browser, path, viewport={"width": 390, "height": 844}) as page:
        assert page.locator("img").count() == 0
        assert page.inner_text("[data-part=blue]").startswith("</script><img src=x")
        page.keyboard.press("End")
        until(page, "document.documentElement.scrollWidth <= 390")


def test_two_players_share_a_page_and_not_their_keys(browser, path, replays, tmp_path):
    text = path.read_text(encoding="utf-8")
    part = str(pages.player(pack.pack(replays, ("chaser", "random"))))
    twice = tmp_path / "twice.html"
    twice.write_text(text.replace(part, part + part), encoding="utf-8")
    with opened(browser, twice) as page:
        until(page, "document.querySelectorAll('.replay[data-ready]').length === 2")
        page.keyboard.press("ArrowRight")  # nobody's
        page.locator("[data-part=on]").nth(1).press("ArrowRight")
        assert page.evaluate("[...document.querySelectorAll('.replay')].map((root) => root.replay.frame)") == [0, 1]
