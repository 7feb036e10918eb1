"""The page is whole, true on any run, asks no network, and believes no name."""

import gzip
import json
import re
import subprocess
import sys
from base64 import b85decode
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import plotly.graph_objects as go
import pytest

from reports.run.figures import importance
from reports.run.importance import Importance, matters
from reports.run.page import _commands, build, render
from reports.run.tables import params
from trials.errors import SetupError
from trials.events import SweepEnded, TrialBegan, TrialEnded
from trials.folder import RunFolder
from trials.run_state import run_of

NO_CURVES = pd.DataFrame(columns=["trial", "step", "name", "value"])
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</script>&{{7*7}}"


class Tags(HTMLParser):
    """Every tag with its attributes, and the text outside scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def figures(page: str) -> dict:
    packed = re.search(r'id="figures">([^<]*)</script>', page).group(1)
    return json.loads(gzip.decompress(b85decode(packed.replace(",", "<"))))


def text(folder: RunFolder) -> str:
    return build(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(synthetic, tmp_path_factory) -> str:
    return text(synthetic.write_run(tmp_path_factory.mktemp("run") / "synthetic", synthetic.synthetic_events(12)))


def test_plotly_takes_every_figure(synthetic, tmp_path):
    events = synthetic.synthetic_events(40)
    drawn = figures(text(synthetic.write_run(tmp_path / "many", events)))
    assert {"elo", "diagnostic-0", "timeline", "parallel"} == {*drawn} - {f"diagnostic-{n}" for n in range(1, 9)}
    rows = matters(params(run_of("many", events))).rows
    assert rows
    for figure in (*drawn.values(), importance(rows)):
        go.Figure(figure)  # ValueError for what it does not know


def test_says_what_matters(page):
    for words in (
        'Trial 5 beats random play by 140 Elo <span class="nobr">[90, 190]</span>',
        "Such a number flatters as a rule",
        "Importance needs 16 rated trials with open values; there are 9",
        "environment_parameters.ball_touch",
        "touching the ball is paid",
        "the policy loss is NaN",
        "RuntimeError: loss is nan",
        "sweep run quick --trials 12 --slots 2 --seed 1",
        "Why ghost Elo is not the score",
        "make promote RUN=synthetic REPO=USER/NAME",
    ):
        assert words in page


def test_no_address_outside_the_file(page):
    for tag, attributes in Tags(page).tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form action")
        for name in ("src", "href", "action", "srcset", "poster"):
            beside = tag == "a" and attributes.get(name, "").startswith("tables/")  # a file of this run, for a click
            assert beside or attributes.get(name, "#").startswith("#"), (tag, attributes)
    own = re.sub(r'<script type="application/octet-stream".*?</script>', "", page)
    assert "http://" not in own and "https://" not in own and "@import" not in own and "url(" not in own


def test_a_policy_forbids_every_request(page):
    metas = [a for tag, a in Tags(page).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in metas[0]["content"] and "unsafe-eval" not in metas[0]["content"]
    script = metas[0]["content"].split("script-src")[1]
    assert "unsafe-inline" not in script and script.count("sha256-") == 5  # plotly, packed, report, opponents, live


def test_small_enough(page):
    assert len(page.encode()) < 2_000_000


def test_figures_are_of_the_run(page):
    told = figures(page)
    assert {"elo", "timeline", "diagnostic-0"} <= set(told) and "importance" not in told
    elo = told["elo"]["data"][0]
    assert sum(y is not None for y in elo["y"]) == sum(len(row) == 4 for row in elo["customdata"]) == 22
    labels = [f["layout"]["meta"]["label"] for name, f in told.items() if name.startswith("diagnostic")]
    assert labels[-1] == "Ghost Elo: the trainer’s own, not the score"


def test_same_ledger_same_page(synthetic, tmp_path):
    events = synthetic.synthetic_events(3)
    folders = [synthetic.write_run(tmp_path / side / "run", events) for side in "ab"]
    assert text(folders[0]) == text(folders[1])


def test_importance_appears_once_there_are_trials_enough(synthetic, written):
    page = text(written(synthetic.synthetic_events(30), metrics=False))
    assert "Importance needs" not in page
    assert ("importance" in figures(page)) is ("<b>Importance.</b>" in page)


def test_no_name_of_the_ledger_injects(synthetic, written):
    events = synthetic.synthetic_events(20)
    question = events[0]
    evil = {EVIL: (EVIL, EVIL)}
    events[0] = replace(
        question, name=EVIL, space=EVIL, space_yaml=EVIL, command=EVIL, baseline=EVIL, scaled=evil,
        versions={EVIL: EVIL}, host={EVIL: EVIL},
    )  # fmt: skip
    for place, event in enumerate(events):
        if isinstance(event, TrialBegan) and event.spec.number:
            parameters = {**event.spec.params, EVIL: EVIL + str(event.spec.number % 3)}
            spec = replace(event.spec, params=parameters, config={EVIL: EVIL})
            events[place] = replace(event, spec=spec)
        if isinstance(event, TrialEnded):
            events[place] = replace(event, reason=EVIL, log_tail=EVIL)
        if isinstance(event, SweepEnded):
            events[place] = replace(event, state="failed", reason=EVIL)
    page = text(written(events))
    tags = Tags(page).tags
    assert [tag for tag, _ in tags].count("script") == 8 and "img" not in [tag for tag, _ in tags]
    assert not [a for _, a in tags if "onerror" in a]
    assert "49" not in re.findall(r"&amp;(..)", page)  # no template inside a name is run
    assert "<script" not in json.dumps(figures(page)) and "<img" not in json.dumps(figures(page))


@pytest.mark.parametrize(
    "case", ["nothing", "began", "no metrics", "unfinished", "all failed", "undecided", "no course"]
)
def test_builds_on_any_run(synthetic, written, case):
    events = {
        "nothing": [],
        "began": synthetic.synthetic_events(2)[:1],
        "no metrics": synthetic.synthetic_events(3),
        "unfinished": synthetic.synthetic_events(6, finished=False),
        "all failed": [synthetic.question(), *failed(synthetic, 2)],
        "undecided": synthetic.synthetic_events(6, fresh="undecided"),
        "no course": [synthetic.question(), *failed(synthetic, 5, "complete")],
    }[case]
    page = text(written(events, metrics=case != "no metrics"))
    expected = {
        "nothing": "The ledger holds no sweep",
        "began": "The sweep has begun; no trial has yet.",
        "no metrics": "No trainer has reported a summary",
        "unfinished": "the sweep is still running, or it was cut off",
        "all failed": "2 trials, all failed before a policy was rated",
        "undecided": "Trial 5 is not shown to beat random play",
        "no course": "Trial 0, the course’s configuration, is not in this ledger.",
    }[case]
    assert expected in page and page.rstrip().endswith("</html>")


def test_behaviors_with_the_same_parameter_have_a_bar_each(synthetic):
    rows = [Importance(f"{of}.hyperparameters.learning_rate", 9.0, 1.0) for of in ("Striker", "Goalie")]
    assert len(set(importance(rows)["data"][0]["y"])) == 2


@pytest.mark.parametrize(("asked", "said"), [(12, "6 of 12 trials"), (6, "6 trials"), (4, "6 trials")])
def test_more_trials_than_were_asked_for_are_not_of_those(synthetic, asked, said):
    events = synthetic.synthetic_events(6)
    told = render(run_of("x", [replace(events[0], trials=asked), *events[1:]]), NO_CURVES)
    assert f"· {said} ·" in told


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("sweep run quick --trials 12 --seed 1", ""),
        (
            "sweep run own.yaml --steps 300000 --env SoccerTwos.x86_64 --yardstick a --yardstick 'b c' --trials 4"
            " --warm-start first --out runs/x --num-envs 2",
            "--steps 300000 --env SoccerTwos.x86_64 --yardstick a --yardstick 'b c' --num-envs 2 ",
        ),
        ("sweep run 'half", ""),
    ],
)
def test_the_next_sweep_has_the_options_of_this_one(synthetic, command, kept):
    run = run_of("x", [synthetic.question(command=command)])
    told = _commands(run, "runs/x", 16)["following"]
    assert told == f".venv/bin/sweep run runs/x/next.yaml {kept}--trials 17 --warm-start runs/x"  # with trial 0


@pytest.mark.parametrize(
    ("here", "called"),
    [(".", "build/mine"), ("build", "mine"), ("build/mine", "mine"), ("other", "mine"), ("/", "mine")],
)
def test_a_run_beside_the_others_is_called_as_it_is_reached(synthetic, tmp_path, monkeypatch, here, called):
    folder = synthetic.write_run(tmp_path / "build" / "mine", synthetic.synthetic_events(3))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / here)
    assert f"make promote RUN={called} REPO=USER/NAME" in text(folder)


def test_wherever_a_ledger_is_cut_the_page_is_whole(synthetic):
    events = synthetic.synthetic_events(5)
    for count in range(0, len(events), 4):
        told = render(run_of("cut", events[:count]), NO_CURVES)
        assert told.rstrip().endswith("</html>") and "beats random play" not in told


def failed(synthetic, count: int, state: str = "failed") -> list:
    import random

    dice = random.Random(2)
    specs = [synthetic.spec(number, dice) for number in range(1, count + 1)]
    return [event for spec in specs for event in synthetic.trial_events(spec, state, 1e9, 0, dice)]


def test_a_half_written_last_line_is_passed_over_and_named(synthetic, written):
    events = synthetic.synthetic_events(3)
    folder = written(events)
    assert "half-written" not in text(folder)
    with folder.ledger.open("a") as ledger:
        ledger.write('{"event": "rated", "time": 17')
    said = text(folder)
    assert "Trial" in said and f"half-written, so not counted: line {len(events) + 1} of ledger.jsonl" in said


def test_a_policy_whose_file_is_gone_is_said_so(synthetic, written):
    events = synthetic.synthetic_events(3)
    folder = written(events)
    assert "is not in the run’s folder" in text(folder)
    for event in events:
        if isinstance(event, TrialEnded) and event.candidate is not None:
            path = folder.path / event.candidate.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    assert "is not in the run’s folder" not in text(folder)


def test_infinite_ratings_are_shown(synthetic, written):
    events = synthetic.synthetic_events(6)
    for place, event in enumerate(events):
        if event.event == "fresh":
            events[place] = replace(event, random=replace(event.random, elo=float("inf"), high=float("inf")))
    assert "+∞<small>[90, ∞]" in text(written(events))


def test_no_ledger_is_a_setup_error_and_leaves_no_page(tmp_path):
    folder = RunFolder(tmp_path / "none")
    with pytest.raises(SetupError, match="must hold a ledger"):
        build(folder)
    assert not folder.report.exists()


def test_importing_the_page_is_light():
    code = "import sys, reports.run.page; print([m for m in ('plotly', 'jinja2', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
