"""The page in Chromium, from file:// and offline: it sorts, filters, unfolds, copies and draws without an error."""

import contextlib
import shutil
import time
from pathlib import Path

import pytest

from reports.page import build

BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium at /usr/bin/chromium or on PATH; apt install chromium"
)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(synthetic, tmp_path_factory) -> Path:
    return build(synthetic.write_run(tmp_path_factory.mktemp("run") / "synthetic", synthetic.synthetic_events(12)))


@contextlib.contextmanager
def opened(browser, path: Path, **settings):
    """The page with its charts drawn; afterwards: nothing was asked of a network and nothing was complained of."""
    context = browser.new_context(offline=True, **settings)
    complaints, asked = [], []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-charts=drawn]", timeout=30_000)
    yield page
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]


def until(page, truth: str) -> None:
    """Wait for an expression to hold (the page's own policy forbids playwright's way of waiting)."""
    end = time.monotonic() + 10
    while not page.evaluate(truth):
        assert time.monotonic() < end, truth
        time.sleep(0.05)


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
