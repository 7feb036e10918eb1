"""The page in Chromium, from file:// and offline: it sorts, filters, unfolds, copies and draws without an error."""

import functools
from pathlib import Path

import pytest
from final_events import finals, product, tuning
from offline_page import BROWSER, MISSING, chromium, shown, until
from patience import now

from reports.run.page import build
from trials.run_state import run_of

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


def test_sorts_filters_and_unfolds(browser, report, synthetic):
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
        rows = {trial.number: trial.spec.params for trial in run_of("x", synthetic.synthetic_events(12)).trials}
        same = {number for number, params in rows.items() if params.get("hyperparameters.batch_size") == 1024}
        for words in ("1024", "1,024"):
            page.fill("#find", words)
            assert same and set(order(page)) == same
        page.fill("#find", "")
        page.select_option("#state", "failed")
        assert sorted(order(page)) == [3, 11] and page.inner_text("#count") == "2 of 12 trials"
        page.select_option("#state", "")
        page.focus("#trial-5 .more")
        page.keyboard.press("Enter")
        assert page.is_visible("#more-5") and page.get_attribute("#trial-5 .more", "aria-expanded") == "true"


def test_unfolds_what_a_trial_was(browser, report):
    with opened(browser, report) as page:
        page.click("#trial-5 .more")
        words = page.inner_text("#more-5")
        assert "learning_rate" in words and "300,900 of 300,000" in words and "seed" in words and "75k" in words
        page.click("#trial-3 .more")
        assert "the policy loss is NaN" in page.inner_text("#more-3")
        page.fill("#find", "trial 7")
        assert order(page) == [7]
        page.fill("#find", "no such thing")
        assert order(page) == [] and page.is_visible("#none")
        page.fill("#find", "policy loss is nan")  # found in what is folded away, too
        assert sorted(order(page)) == [3, 11]


def test_copies_the_yaml_and_the_command_that_promotes(browser, report):
    import yaml

    with opened(browser, report, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.click(".carry [data-copy=winner-yaml]")
        page.wait_for_selector(".carry [data-copy=winner-yaml]:has-text('Copied')")
        copied = page.evaluate("navigator.clipboard.readText()")
        page.click("[data-copy=promote]")
        page.wait_for_selector("[data-copy=promote]:has-text('Copied')")
        command = page.evaluate("navigator.clipboard.readText()")
    assert yaml.safe_load(copied)["behaviors"]["SoccerTwos"]["trainer_type"] == "poca"
    assert command == "make promote RUN=synthetic REPO=USER/NAME"


def test_lays_two_trials_side_by_side(browser, report):
    with opened(browser, report) as page:
        page.fill("#focus", "5 0")
        page.click("#beside summary")
        table = page.inner_text("#beside-table")
    assert "learning_rate" in table and "0.0005" in table  # the course's own value, though none was proposed for it
    assert table.split()[:3] == ["Trial", "5", "0"]


def test_shows_the_first_rows_and_the_rest_if_asked(browser, synthetic, tmp_path):
    report = build(synthetic.write_run(tmp_path / "run", synthetic.synthetic_events(40), metrics=False))
    with opened(browser, report) as page:
        assert len(order(page)) == 30 and page.inner_text("#count") == "40 trials"
        page.focus("#rest")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.className") == "more"  # the first row that was not shown
        assert len(order(page)) == 40 and not page.is_visible("#rest")


def test_a_live_page_follows_and_keeps_the_readers_place(browser, synthetic, tmp_path):
    run = synthetic.write_run(tmp_path / "run", synthetic.synthetic_events(6, finished=False))
    report = build(run, refresh=4.0)
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-charts=drawn]")
    page.click("[data-sort=trial]")
    page.click("#trial-2 .more")
    page.focus("#trial-3 .more")
    synthetic.write_run(tmp_path / "run", synthetic.synthetic_events(8, finished=False))
    build(run, refresh=4.0)
    page.wait_for_selector("#trial-7")
    page.wait_for_selector("#more-2")
    shown = "[...document.querySelectorAll('#rank > tbody')].map(each => each.dataset.trial).join()"
    until(page, f"{shown} === '0,1,2,3,4,5,6,7'")  # it may be reading itself again just now
    until(page, "document.activeElement === document.querySelector('#trial-3 .more')")
    page.click("#pause")
    assert page.get_attribute("#pause", "aria-pressed") == "true"
    synthetic.write_run(tmp_path / "run", synthetic.synthetic_events(8))
    assert "data-refresh" not in build(run, refresh=4.0).read_text().split("<body>")[0].split("<style>")[0]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_for_axe_to_complain_of(browser, report, scheme):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(offline=True, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-charts=drawn]")
    page.click("#trial-5 .more")
    found = Axe().run(page)
    context.close()
    assert found.violations_count == 0, found.generate_report()


def test_draws_and_puts_trials_in_colour(browser, report):
    with opened(browser, report) as page:
        traces = "document.querySelector('[data-chart=elo]').data?.length"
        page.locator("[data-chart=elo]").scroll_into_view_if_needed()
        until(page, traces)  # drawn when the reader comes near
        assert page.evaluate(traces) == 6  # all trials, the pruned, four in colour
        page.fill("#focus", "5 0")
        assert page.evaluate(traces) == 4
        page.click("#trial-2 .more")
        page.check("#trial-2 .pick")
        assert page.evaluate(traces) == 5 and page.input_value("#focus") == "5 0 2"
        page.select_option("#diagnostic", label="Ghost Elo: the trainer’s own, not the score")
        assert "not the score" in page.text_content(".chart[data-chart^=diagnostic] .ytitle")


def test_diagnostics_are_smoothed_and_a_slider_says_how_much(browser, report):
    with opened(browser, report) as page:
        drawn = "document.querySelector('.chart[data-chart^=diagnostic]').data"
        page.locator("#smooth").scroll_into_view_if_needed()
        until(page, drawn)
        rough = f"(y => y.slice(2).reduce((sum, v, i) => sum + Math.abs(v - 2 * y[i + 1] + y[i]), 0))({drawn}.at(-1).y)"
        usual = page.evaluate(rough)
        page.fill("#smooth", "0")
        assert page.inner_text("#smooth-said") == "0.00" and page.evaluate(rough) > 2 * usual
        page.fill("#smooth", "0.8")
        assert page.evaluate(rough) == usual


def test_every_trial_is_a_line_through_its_values(browser, report):
    with opened(browser, report) as page:
        page.locator("[data-chart=parallel]").scroll_into_view_if_needed()
        until(page, "document.querySelector('[data-chart=parallel]').data")
        lines = page.evaluate(
            "document.querySelector('[data-chart=parallel]').data.map(trace => trace.customdata[0][0])"
        )
        assert lines[2] == 5 and 0 not in lines[2:]  # after all and the best quarter those in colour; 0 has no values
        said = page.evaluate("document.querySelector('[data-chart=parallel]').data[0].customdata[0][2]")
        assert said.startswith("learning_rate ")


def test_a_link_opens_what_is_folded(browser, report):
    with opened(browser, report) as page:
        assert not page.is_visible("#command")
        page.click("nav a[href='#reproduce']")
        until(page, "document.querySelector('#reproduce details').open")
        assert page.is_visible("#command")


FINALS = {2: (140.0, 150.0, 160.0), 3: (0.0, 40.0, 10.0), 0: (0.0, 10.0, -10.0)}


def test_a_phone_reads_the_gist(browser, synthetic, tmp_path):
    report = build(synthetic.write_run(tmp_path / "run", synthetic.synthetic_events(40), metrics=False))
    with opened(browser, report, viewport={"width": 390, "height": 844}) as page:
        assert len(order(page)) == 10 and page.is_visible("#rest") and not page.is_visible("#winner h3")
        page.click("#winner summary h2")
        assert page.is_visible("#winner h3")


def test_a_table_says_on_which_side_there_is_more(browser, synthetic, tmp_path):
    events = [
        synthetic.question(),
        *tuning(),
        *finals(FINALS),
        product(12, against_course=150.0),
        product(17, "course"),
    ]
    report = build(synthetic.write_run(tmp_path / "run", events))
    wide = "document.querySelector('table.finals').closest('.scroll')"
    with opened(browser, report, viewport={"width": 320, "height": 844}) as page:
        until(page, f"{wide}.dataset.more === 'right'")
        page.evaluate(f"{wide}.scrollLeft = 9999")
        until(page, f"{wide}.dataset.more === 'left'")
        page.set_viewport_size({"width": 1280, "height": 844})
        until(page, f"{wide}.dataset.more === ''")


def test_paper_clips_no_table(browser, synthetic, tmp_path):
    events = [
        synthetic.question(),
        *tuning(),
        *finals(FINALS),
        product(12, against_course=150.0),
        product(17, "course"),
    ]
    out = "[...document.querySelectorAll('table')].filter(t => t.getBoundingClientRect().right > innerWidth + 1).length"
    bars = "[...document.querySelectorAll('.scroll')].every(s => getComputedStyle(s).overflowX === 'visible')"
    hidden = (
        "[...document.querySelectorAll('#rank thead th')].filter(th => getComputedStyle(th).display === 'none').length"
    )
    for name, told in (("finals", events), ("tuning", synthetic.synthetic_events(12))):
        report = build(synthetic.write_run(tmp_path / name, told))
        with opened(browser, report, viewport={"width": 688, "height": 1000}) as page:  # A4 less its margins
            page.emulate_media(media="print")
            until(page, "[...document.querySelectorAll('details')].every(part => part.open || part.matches('.screen'))")
            assert page.evaluate(bars) and page.evaluate(hidden) == 0
            until(page, f"{out} === 0")


def test_nothing_sticks_out(browser, report):
    with opened(browser, report) as page:
        for width in (1280, 768, 390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            until(page, f"document.documentElement.scrollWidth <= {width}")


def test_folded_parts_are_open_before_papers_pages_are_counted(browser, report):
    closed = "document.querySelectorAll('details:not([open]):not(.screen)').length"
    with opened(browser, report) as page:
        before = page.evaluate(closed)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert before > 0 and page.evaluate(closed) == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(closed) == before


def test_a_trial_that_there_is_not_is_named(browser, report):
    with opened(browser, report) as page:
        usual = page.inner_text("#focus-help")
        page.fill("#focus", "5 99")
        assert page.inner_text("#focus-help") == "there is no trial 99"
        page.fill("#focus", "5 0")
        assert page.inner_text("#focus-help") == usual


def test_a_phones_rows_say_what_the_hidden_head_would(browser, report):
    row = "#trial-5 > tr:not(.detail)"
    with opened(browser, report) as page:
        assert "rank" not in page.inner_text(row)
        page.set_viewport_size({"width": 390, "height": 844})
        until(page, f"document.querySelector('{row}').innerText.startsWith('rank')")
        words = " ".join(page.inner_text(row).split())
        assert all(word in words for word in ("rank ", "trial 5", "Elo ", "state "))


def test_finals_fit_and_lead_to_their_section(browser, synthetic, tmp_path):
    elos = {2: (140.0, 150.0, 160.0), 0: (0.0, 10.0, -10.0)}
    events = [synthetic.question(), *tuning(), *finals(elos), product(12, against_course=150.0), product(14, "course")]
    from axe_playwright_python.sync_playwright import Axe

    with opened(browser, build(synthetic.write_run(tmp_path / "finals", events)), bypass_csp=True) as page:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.inner_text("h1").startswith("Trial 2’s configuration beats the course’s by 150 Elo")
        for width in (1280, 768, 390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            until(page, f"document.documentElement.scrollWidth <= {width}")
        assert page.locator("#finals tr.one").count() == 6 and page.locator("nav a[href='#finals']").count() == 1


@pytest.mark.parametrize("course", [0, None])  # whose headline names the baseline where there is no course's
def test_a_baseline_of_a_long_name_breaks(browser, synthetic, tmp_path, course):
    elos = {2: (140.0, 150.0, 160.0)} | ({} if course is None else {0: (0.0, 10.0, -10.0)})
    named = synthetic.question(baseline="soccer_twos_league_snapshot_" + 4 * "0123456789")
    events = [named, *tuning(), *finals(elos, course=course), product(12)]
    with opened(browser, build(synthetic.write_run(tmp_path / "named", events))) as page:
        for width in (1280, 768, 390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            until(page, f"document.documentElement.scrollWidth <= {width}")


def test_dark_redraws_and_paper_is_light(browser, report):
    ink = "document.querySelector('[data-chart=elo]').layout.font.color"
    with opened(browser, report) as page:
        page.locator("[data-chart=elo]").scroll_into_view_if_needed()
        until(page, "document.querySelector('[data-chart=elo]').layout")
        light = page.evaluate(ink)
        page.emulate_media(color_scheme="dark")
        until(page, f"{ink} !== '{light}'")
        page.emulate_media(color_scheme="dark", media="print")
        until(page, f"{ink} === '#333'")
        assert page.evaluate(
            "[...document.querySelectorAll('details')].every(part => part.open || part.matches('.screen'))"
        )


def test_a_hundred_trials_open_in_time_and_stay_small(browser, synthetic, tmp_path):
    events = synthetic.synthetic_events(100, slots=8)
    report = build(synthetic.write_run(tmp_path / "hundred", events))
    assert report.stat().st_size < 3_000_000
    began = now()
    with opened(browser, report) as page:
        drawn = now() - began
        assert page.inner_text("#count") == "100 trials"
    assert drawn < 20  # generous: a busy machine; the measured time belongs in a note, not in a test
