"""A league's page: what the view says is what it shows, names are text, and it works in a browser without a network."""

import json
from dataclasses import asdict
from html import unescape
from pathlib import Path

import pytest
from league_made import make
from offline_page import BROWSER, MISSING, chromium, shown, until

from reports.league import data as league_data
from reports.league import page as pages
from reports.league.page import Recorded
from reports.replay import pack
from trials.arena.matches.replay import record
from trials.arena.players import load as players
from trials.league import reader, roster
from trials.league.reader import League
from trials.league.roster import Change

NASTY = (
    "<script>alert(1)</script>/../../etc/passwd",
    "javascript:alert(1)/x",
    'quo"te,d/\u202eevil\x07',
    "plain/model",
)


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> League:
    """Fourteen models, a fork, one gone and one refused, over four rounds."""
    return reader.opened(make(tmp_path_factory.mktemp("made") / "cup", 14, 4, 6, NASTY).path)


@pytest.fixture(scope="module")
def written(league: League) -> Path:
    """The page, with a match to watch of the first two."""
    _, replays = record(players.load("random"), players.load("chaser"), 1, 5)
    first, second, *_ = (place.player for place in league.standings if not place.same_as)
    packed = pack.pack(replays, ("<b>first</b>", "second"))
    return pages.write(league, [Recorded(first, second, ("A match", "The other"), packed)])


def test_it_shows_what_the_view_says(league: League) -> None:
    data = pages.data(league)
    for row, place in zip(data["models"], league.standings, strict=True):
        assert row[:2] == [place.rank, place.tied] and data["players"][row[4]] == place.player
        assert row[5:8] == pytest.approx([place.elo, place.low, place.high], abs=0.06)
        assert row[8:12] == [place.games, place.wins, place.draws, place.losses]
    number = {player: at for at, player in enumerate(data["players"])}
    meetings = data["pairings"]
    keys = list(zip(meetings["a"], meetings["b"], strict=True))
    card = league.model("plain/model")
    assert data["sides"][number[card.place.player]] == [*asdict(card.blue).values(), *asdict(card.purple).values()]
    for met in card.opponents:
        a, b = sorted((number[met.a], number[met.b]))
        at = keys.index((a, b))
        results = [column[at] for column in meetings["results"]]
        expected = [met.result.wins, met.result.draws, met.result.losses]
        assert (results if number[met.a] == a else results[::-1]) == expected
        sides = [column[at] for column in meetings["sides"]]
        assert [sides[i] + sides[3 + i] for i in range(3)] == results
        assert sum(column[at] for column in meetings["outcomes"]) == sum(results)  # twice the pairs
    last = data["frames"]["elo"][number[card.place.player]][-1]
    assert len(data["frames"]["times"]) == 4 and last == pytest.approx(card.place.elo, abs=0.6)
    own = data["bins"]["own"][number[card.place.player]]
    assert sum(sum(each[1:]) for each in own) == card.place.games and sum(data["bins"]["all"]) == len(league.matches)
    assert [each["line"] for each in data["refused"]] == ["it is no ONNX file"]


def test_the_newest_matches_of_everyone_are_in_it_the_newest_first(league: League) -> None:
    data = pages.data(league)
    n = data["newest"]
    assert min(n["ago"]) >= 0 and n["last"] == league.matches.timestamp.max()
    for at, player in enumerate(data["players"]):
        there = sum(at in both for both in zip(n["a"], n["b"], strict=True))
        assert there >= min(n["own"], len(league.matches_of(player)))


def test_a_large_league_stays_within_bounds(league: League, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(league_data, "PAIRINGS", 5)
    monkeypatch.setattr(league_data, "POINTS", 1)
    monkeypatch.setattr(league_data, "FRAMES", (2, 40))
    monkeypatch.setattr(league_data, "OWN", (1, 2))
    data = pages.data(league)
    meetings = data["pairings"]
    assert len(meetings["a"]) == 5 < meetings["all"] == len(league.tally)
    most = sorted((of.matches for of in league.tally.values()), reverse=True)[:5]
    assert sorted((sum(c) for c in zip(*meetings["results"], strict=True)), reverse=True) == most
    assert len(data["frames"]["times"]) == 2 and data["newest"]["own"] == 2
    assert len(data["newest"]["a"]) <= 2 * len(data["players"])


def test_a_league_before_its_first_match_and_one_of_ai_vs_ai_have_pages(tmp_path: Path) -> None:
    (tmp_path / "refused").mkdir()
    change = Change(what="refused", name="a/b", revision="1", time=0.0, line="no policy")
    roster.append(tmp_path / "refused" / "models.jsonl", [change])
    assert "Nobody has entered" in pages.page(pages.data(reader.opened(tmp_path / "refused")))
    new = pages.data(reader.opened(make(tmp_path / "new", 3, rounds=0).path))
    assert "Nobody has played enough" in pages.page(new) and [row[8] for row in new["models"]] == [0] * 3
    (tmp_path / "old").mkdir()
    lines = [f"a/x,b/y,{1_676_000_000 + i},{i % 2}.0" for i in range(40)]
    text = "model1,model2,timestamp,result\n" + "\n".join(lines) + "\n"
    (tmp_path / "old" / "soccer_history.csv").write_text(text)
    data = pages.data(reader.opened(tmp_path / "old"))
    assert data["players"] == ("a/x", "b/y") and data["sides"] == [[0] * 6, [0] * 6]
    assert data["pairings"]["results"] == [[20], [0], [20]]


@pytest.mark.parametrize(("weeks", "unit"), [(40, "week"), (100, "3 weeks")])
def test_a_long_leagues_columns_are_called_what_they_are(tmp_path: Path, weeks: int, unit: str) -> None:
    lines = [f"a/x,b/y,{1_676_000_000 + 604_800 * at},{at % 2}.0" for at in range(weeks)]
    (tmp_path / "soccer_history.csv").write_text("\n".join(["model1,model2,timestamp,result", *lines, ""]))
    bins = pages.data(reader.opened(tmp_path))["bins"]
    assert bins["unit"] == unit and bins["seconds"] == 604_800 * int(unit.split()[0] if " " in unit else 1)


def test_names_are_text_and_the_page_asks_for_nothing(league: League, written: Path) -> None:
    text = unescape(written.read_text())
    assert "alert(1)" not in written.read_text() and "http:" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "default-src 'none'" in text and "connect-src" not in text and len(text) < 3_000_000
    data = pages.data(league)
    names = [row[2] for row in data["models"]]
    assert all(name.isprintable() for name in names) and str(league.folder.path) not in json.dumps(data)
    assert "connect-src 'self'" in unescape(pages.page(data, version="1")) and "<script>alert" not in pages.page(data)
    commands = {row[2]: row[-1] for row in data["models"]}
    assert commands["plain/model"].startswith("plain/model@")
    assert commands[NASTY[0]].startswith("'") and commands[NASTY[0]].endswith("'")


@pytest.mark.skipif(BROWSER is None, reason=MISSING)
def test_the_page_in_a_browser(league: League, written: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    first, second, *_ = (place.player for place in league.standings if not place.same_as)
    met = league.head_to_head(first, second)
    assert met is not None
    with chromium() as browser:
        with shown(browser, written, "html[data-ready]", viewport={"width": 1280, "height": 900}) as page:

            def names() -> list[str]:
                found: list[str] = page.eval_on_selector_all("#lb tbody th .what", "all => all.map(a => a.textContent)")
                return found

            everyone = names()
            assert len(everyone) == 14 and page.inner_text("#count") == "14 of 15 entries"  # one has gone
            page.click("[data-sort=model]")
            assert page.get_attribute("#lb th:nth-child(2)", "aria-sort") == "ascending" and names() != everyone
            page.click("[data-sort=elo]")
            assert names() == everyone
            page.fill("#find", "plain mod")
            assert names() == ["model"]
            page.fill("#find", "etc/passwd")
            assert sorted(names()) == ["of-the-first", "script>/../../etc/passwd"]  # a fork names what it is one of
            page.click("#lb .what >> text=passwd")
            until(page, "location.hash.startsWith('#model=')")
            assert page.inner_text("#model h1").startswith(NASTY[0])
            for part in ("svg.past path", ".met-bars .win", ".opp tbody tr", ".met-list tbody tr"):
                assert page.locator(f"#model {part}").count() > 0, part
            page.click("#model .opp tbody a")
            until(page, "location.hash.startsWith('#vs=')")
            assert " against " in page.inner_text("#versus h1") and "sweep watch " in page.inner_text("#versus code")
            page.click("text=← Leaderboard")
            until(page, "!document.getElementById('board').hidden")
            page.fill("#two-a", first)
            page.fill("#two-b", second)
            page.click("#two button")
            page.wait_for_selector("#versus .replay[data-ready]")
            told = page.inner_text("#versus .facts").replace("−", "-")
            assert f"95 % interval {met.low:+.0f} to {met.high:+.0f}" in told and f"{met.elo:+.0f}" in told
            assert page.locator("#versus .replay bdi", has_text="<b>first</b>").count() > 0
            page.click("#versus [data-part=play]")
            until(page, "parseFloat(document.querySelector('#versus [data-part=clock]').textContent) > 0.1")
            page.evaluate("location.hash = '#model=../../etc/passwd%00'")
            until(page, "!document.getElementById('failed').hidden")
            for width in (1280, 768, 390, 360):
                for where in ("", f"#model={first}", f"#vs={first},{second}"):
                    page.set_viewport_size({"width": width, "height": 844})
                    page.evaluate(f"location.hash = '{where}'")
                    until(page, f"document.documentElement.scrollWidth <= {width}")
        for scheme in ("light", "dark"):
            context = browser.new_context(offline=True, color_scheme=scheme, bypass_csp=True)
            page = context.new_page()
            for where in ("", f"#model={first}", f"#vs={first},{second}")[:: 1 if scheme == "light" else 2]:
                page.goto("about:blank")
                page.goto(written.as_uri() + where)
                page.wait_for_selector("html[data-ready]")
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
            context.close()
