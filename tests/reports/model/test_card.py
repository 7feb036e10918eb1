"""A model card says what was measured, is read by the Hub, and lets no name write Markdown or HTML into it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import promotable
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import card, markdown
from reports.model.bundle import Contents, Product
from reports.model.card import Matter
from reports.model.checks import Check
from reports.model.evaluation import Against, Evaluation, Opponent, PolicyFile
from reports.model.leaks import Private
from trials import ledger, run_state
from trials.records import Side
from trials.results import BySide


def row(opponent: str, elo: float) -> Against:
    side = Side(wins=1, draws=2, losses=3)
    return Against(
        opponent=opponent, matches=12, wins=1, draws=2, losses=3, by_side=BySide(side, side), elo=elo, low=elo - 50.25,
        high=elo + 50.25, seed=77, mean_decisions=80.0, entropy=1.5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def matter(tmp_path_factory: pytest.TempPathFactory) -> Matter:
    run = promotable.make(tmp_path_factory.mktemp("card") / "first", command="sweep run /home/carol/x/mine.yaml")
    found = run_state.run_of("first", ledger.read(run.ledger))
    assert found.winner is not None
    trial = found.trial(1)
    assert trial is not None
    contents = Contents("a" * 64, True, ("A note.",), promotable.config())
    evaluation = Evaluation(
        policy=PolicyFile("SoccerTwos.onnx", "a" * 64), environment="soccer-1", kick_off="paired", attempt=1,
        baseline=Opponent("house", "b" * 64), ratings=[row("house", -34.6), row("random", 321.5)], tests=[],
        commands=["sweep play"], logs=[], evaluated_with={}, versions={"mlagents": "1.1.0"},
    )  # fmt: skip
    product = Product(run, trial.spec, found.winner.candidate, True)
    gate = (Check("beats random play", "ok", "SPRT"),)
    return Matter(
        "user/poca-SoccerTwos", product, contents, found, evaluation, gate, "mit", {"SoccerTwos.onnx": 5}, Private()
    )


def changed(matter: Matter, **more: Any) -> Matter:
    return Matter(**{name: getattr(matter, name) for name in matter.__dataclass_fields__} | more)


def test_the_hubs_own_classes_read_it(matter: Matter, tmp_path: Path) -> None:
    text = card.text(matter)
    read = huggingface_hub.ModelCard(text)
    assert [result.metric_value for result in read.data.eval_results] == [-34.6, 321.5]
    assert read.data.eval_results[0].metric_name.endswith("95 % interval −85 to +16")
    assert read.data.license == "mit" and read.data.pipeline_tag == "reinforcement-learning"
    again = huggingface_hub.ModelCard(str(read)).data.to_dict()
    assert again == read.data.to_dict() and again["model-index"][0]["results"][0]["dataset"]["type"] == "SoccerTwos"


def test_it_states_the_number_however_low_and_what_it_means(matter: Matter) -> None:
    text = card.text(matter)
    assert "# SoccerTwos: a POCA policy, −35 Elo against the house baseline" in text
    assert "**−35 Elo [−85, +16]** against the house baseline over 12 fresh matches: the matches cannot tell it" in text
    low = card.text(changed(matter, evaluation=replace(matter.evaluation, ratings=[row("house", -400.0)])))
    assert "it is weaker than the house baseline" in low


def test_how_it_was_found_how_to_resume_and_how_to_watch_are_there(matter: Matter) -> None:
    text = card.text(matter)
    for said in ("sweep run mine.yaml", "tpe, after 4 at random", "--resume", "--initialize-from", "sweep watch user/",
                 "mlagents-load-from-hf --repo-id user/poca-SoccerTwos", "**`hyperparameters.learning_rate`**",
                 "seed 101", "A note.", "mlagents 1.1.0"):  # fmt: skip
        assert said in text, said
    assert "carol" not in text


def test_what_a_parameter_set_was_searched(matter: Matter) -> None:
    """A multiple's name is not its key's."""
    spec = matter.product.spec
    params = {"hyperparameters.buffer_size / hyperparameters.batch_size": 10}
    text = card.text(changed(matter, product=replace(matter.product, spec=replace(spec, params=params))))
    assert "**`hyperparameters.buffer_size`**" in text and "**`hyperparameters.batch_size`**" not in text


def test_what_leads_in_tuning_is_no_choice_of_the_sweep(matter: Matter) -> None:
    assert "(the sweep's own choice)" in card.text(matter)
    text = card.text(changed(matter, run=replace(matter.run, winner=None)))
    assert "(the best in tuning; the sweep had not chosen)" in text
    assert "The sweep made no choice of its own that fresh matches stand behind." in text


def test_a_trial_that_was_trained_further_says_so_and_of_what_it_was_given(matter: Matter) -> None:
    spec = matter.product.spec
    given = {"hyperparameters.learning_rate": 3e-4, "hyperparameters.beta": 1e-3}
    further = replace(spec, number=2, origin="extended", parent=1, params=given)
    text = card.text(changed(matter, product=replace(matter.product, spec=further)))
    assert "trial 2 of the sweep first, trial 1 trained further with hyperparameters.beta 0.001 (" in text
    assert "**`hyperparameters.learning_rate`**" in text and "**`hyperparameters.beta`**" not in text
    assert "To train this one configuration again" in card.text(matter) and "To train this one" not in text


def test_a_forced_one_says_what_it_fell_short_of(matter: Matter) -> None:
    short = (Check("beats random play", "no", "SPRT [0, 100] rejected, LLR -3.0"),)
    text = card.text(changed(matter, gate=short))
    assert "Published by force" in text and "> - beats random play: SPRT [0, 100] rejected, LLR -3.0" in text


def test_no_name_or_reason_writes_markup_into_a_sentence(matter: Matter) -> None:
    evil = "_x_ *y* <img src=q> [a](http://b) `c`"
    run = replace(matter.run, name=evil, question=replace(matter.run.question, baseline=evil))
    run = replace(run, end=replace(run.end, state="failed", reason=evil))
    rated = replace(matter.evaluation, ratings=[row(evil, -34.6)])
    contents = replace(matter.contents, notes=(evil,))
    short = (Check("beats random play", "no", evil),)
    text = card.text(changed(matter, run=run, evaluation=rated, contents=contents, gate=short))
    prose = [line for line in text.split("---\n", 2)[2].splitlines() if "img src" in line and "sweep watch" not in line]
    assert len(prose) == 8 and not [line for line in prose if evil in line or " <img" in line or "[a](" in line]


@given(st.text(max_size=60))
def test_a_cell_is_one_line_without_markup(value: str) -> None:
    made = markdown.cell(value)
    assert len(made.splitlines()) <= 1
    bare = made.replace("\\\\", "")
    for mark in "|<>`*":
        assert bare.count(mark) == bare.count("\\" + mark)
