"""A page in Chromium, from file:// and offline: what it asks of a network or complains of fails the test."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from patience import now

BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in BROWSERS if (found := shutil.which(name))), None)
MISSING = "no Chromium at /usr/bin/chromium or on PATH; apt install chromium"

PATIENCE_MS = 300_000
"""That a page may take, by the clock: a busy machine is no fault of a page's."""


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium, closed afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        make = browser.new_context

        def patient(**settings: Any) -> Any:
            context = make(**settings)
            context.set_default_timeout(PATIENCE_MS)
            return context

        browser.new_context = patient  # type: ignore[method-assign]
        yield browser
        browser.close()


@contextlib.contextmanager
def shown(browser: Any, path: Path, ready: str, **settings: Any) -> Iterator[Any]:
    """The page once `ready` (a selector) is there; afterwards: nothing was asked for and nothing complained of."""
    context = browser.new_context(offline=True, **settings)
    complaints: list[str] = []
    asked: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector(ready)
    yield page
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]


def until(page: Any, truth: str) -> None:
    """Wait for an expression to hold (the page's own policy forbids playwright's way of waiting)."""
    end = now() + 30
    while not _holds(page, truth):
        assert now() < end, truth
        time.sleep(0.05)


def _holds(page: Any, truth: str) -> bool:
    from playwright.sync_api import Error

    try:
        return bool(page.evaluate(truth))
    except Error as error:  # a live page reads itself again whenever it likes
        assert "Execution context was destroyed" in str(error), error
        return False
