"""The page in Chromium, from file:// and offline: it sorts, filters, unfolds, copies and draws without an error."""

import functools
import time
from pathlib import Path

import pytest
from final_events import finals, product, tuning
from offline_page import BROWSER, MISSING, chromium, shown, until

from reports.page import build

pytestmark = pytest.mark.skipif(BROWSER is None, reason=MISSING)


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def report(synthetic, tmp_path_factory) -> Path:
    return build(synthetic.write_run(tmp_path_factory.mktemp("run") / "synthetic", synthetic.synthetic_events(12)))


opened = functools.partial(shown, ready="html[data-charts=drawn]")
"""The page with its charts drawn."""


def order(page) -> list[int]:
    return page.eval_on_selector_all(
        "#rank > tbody", "all => all.filter(b => !b.hidden).map(b => Number(b.dataset.trial))"
    )


def test_sorts_filters_and_unfolds(browser, report):
    with opened(browser, report) as page:
        ranked = order(page)
        page.click("[data-sort=trial]")
        assert order(page) == sorted(ranked)
        page.click("[data-sort=trial]")
        assert order(page) == sorted(ranked, reverse=True)
        page.click("[data-sort=elo]")
        assert order(page) == ranked  # unrated trials stay last
        page.fill("#find", "7")
        assert order(page) == [7]
        page.fill("#find", "")
        page.select_option("#state", "failed")
        assert sorted(order(page)) == [3, 11] and page.inner_text("#count") == "2 of 12 trials"
        page.select_option("#state", "")
        page.focus("#trial-5 .more")
        page.keyboard.press("Enter")
        assert page.is_visible("#more-5") and page.get_attribute("#trial-5 .more", "aria-expanded") == "true"


def test_copies_the_yaml(browser, report):
    import yaml

    with opened(browser, report, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.click("[data-copy=winner-yaml]")
        page.wait_for_selector("[data-copy=winner-yaml]:has-text('Copied')")
        copied = page.evaluate("navigator.clipboard.readText()")
    assert yaml.safe_load(copied)["behaviors"]["SoccerTwos"]["trainer_type"] == "poca"


def test_draws_and_puts_trials_in_colour(browser, report):
    with opened(browser, report) as page:
        traces = "document.querySelector('[data-chart=elo]').data.length"
        assert page.evaluate(traces) == 6  # all trials, the pruned, four in colour
        page.fill("#focus", "5 0")
        assert page.evaluate(traces) == 4
        page.click("#trial-2 .more")
        page.check("#trial-2 .pick")
        assert page.evaluate(traces) == 5 and page.input_value("#focus") == "5 0 2"
        page.select_option("#diagnostic", label="Ghost Elo: the trainer’s own, not the score")
        assert "not the score" in page.text_content(".chart[data-chart^=diagnostic] .ytitle")


def test_nothing_sticks_out(browser, report):
    with opened(browser, report) as page:
        for width in (1280, 768, 390, 360):
            page.set_viewport_size({"width": width, "height": 844})
            until(page, f"document.documentElement.scrollWidth <= {width}")


def test_finals_fit_and_lead_to_their_section(browser, synthetic, tmp_path):
    elos = {2: (140.0, 150.0, 160.0), 0: (0.0, 10.0, -10.0)}
    events = [synthetic.question(), *tuning(), *finals(elos), product(12, against_course=150.0), product(14, "course")]
    with opened(browser, build(synthetic.write_run(tmp_path / "finals", events))) as page:
        assert page.inner_text("h1").startswith("Configuration 2 beats the course’s configuration by 150 Elo")
        for width in (1280, 768, 390, 360):
            page.set_viewport_size({"width": width, "height": 844})
            until(page, f"document.documentElement.scrollWidth <= {width}")
        assert page.locator("#finals tr.one").count() == 6 and page.locator("nav a[href='#finals']").count() == 1


def test_dark_redraws_and_paper_is_light(browser, report):
    ink = "document.querySelector('[data-chart=elo]').layout.font.color"
    with opened(browser, report) as page:
        light = page.evaluate(ink)
        page.emulate_media(color_scheme="dark")
        until(page, f"{ink} !== '{light}'")
        page.emulate_media(color_scheme="dark", media="print")
        until(page, f"{ink} === '#333'")
        assert page.evaluate("[...document.querySelectorAll('details')].every(part => part.open)")


def test_a_hundred_trials_open_in_time_and_stay_small(browser, synthetic, tmp_path):
    events = synthetic.synthetic_events(100, slots=8)
    report = build(synthetic.write_run(tmp_path / "hundred", events))
    assert report.stat().st_size < 3_000_000
    began = time.monotonic()
    with opened(browser, report) as page:
        drawn = time.monotonic() - began
        assert len(order(page)) == 100
    assert drawn < 20  # generous: a busy machine; the measured time belongs in a note, not in a test
