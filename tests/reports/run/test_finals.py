"""What the page says of configurations: no more than their fresh policies showed, and tuning apart."""

from dataclasses import replace

from final_events import SEEDS, finals, met, product, trained, tuning

from reports.run import finals as section
from reports.run import page, ranking, sections, verdict
from trials import run_state
from trials.events import FinalsBegan, SweepEnded

OVER = SweepEnded(time=30.0, state="complete", reason="", seconds=30.0, idle_share=0.0)
CLEAR = {2: (140.0, 150.0, 160.0), 3: (10.0, 40.0, 70.0), 0: (0.0, 10.0, -10.0)}
LEVEL = {2: (-40.0, 60.0, 100.0), 3: (10.0, 0.0, -10.0), 0: (0.0, 30.0, -30.0)}


def told(synthetic, elos, **more):
    began = synthetic.question(baseline="house")
    events = [began, *tuning(), *finals(elos, **more)]
    run = run_state.run_of("x", events)
    best = run.finals.chosen.best.number if run.finals.chosen else None
    course = run.finals.course.best if run.finals.course else None
    if best is not None:
        events.append(product(best, against_course=50.0 if course and course.number != best else None))
        if course and course.number != best:
            events.append(product(course.number, "course"))
    run = run_state.run_of("x", events)
    claim, *rest = verdict.sentences(run)
    return run, claim, " ".join(rest)


def test_a_configuration_that_beats_the_courses(synthetic):
    run, headline, remarks = told(synthetic, CLEAR)
    low, high = (round(end) for end in (run.finals.chosen.against_course.low, run.finals.chosen.against_course.high))
    assert headline == (
        f"Trial 2’s configuration beats the course’s by 150 Elo [{low}, {high}] over 3 training seeds each."
    )
    assert "the best of 2 finalists" in remarks  # the course's own is no proposal
    assert (
        "Its best policy, of seed 1000002, beats random play (+300 Elo) and cannot be distinguished from the house"
        in remarks
    )
    assert "the course’s" not in remarks  # its policy's matches against theirs are no second claim
    assert "One training seed each" not in remarks


def test_what_is_not_shown_is_not_claimed(synthetic):
    _, headline, _ = told(synthetic, LEVEL)
    assert headline.startswith(
        "No configuration is shown to beat the course’s: trial 2’s, the best of 2 finalists, stands at +40 Elo [−"
    )
    _, headline, _ = told(synthetic, {2: (-40.0, -60.0), 0: (0.0, 30.0)}, seeds=SEEDS[:2])
    shown = "No configuration is shown to beat the course’s"
    assert headline == f"{shown}: over 2 training seeds each, the course’s own did best."


def test_one_that_leads_and_lost_trainings_is_told_of(synthetic):
    chosen = FinalsBegan(time=2.0, configurations=(2, 3, 0), course=0, seeds=SEEDS)
    events = [chosen]
    for number, (of, seed) in enumerate([(of, seed) for of in (2, 3, 0) for seed in SEEDS], 10):
        failed = number == 12
        events += trained(number, of, seed, None if failed else 0.0, "failed" if failed else "complete")
    gaps = {10: 300.0, 11: 310.0, 13: -10.0, 14: 0.0, 15: -20.0}
    events += [met(mine, theirs, gap) for mine, gap in gaps.items() for theirs in (16, 17, 18)]
    run = run_state.run_of("x", [synthetic.question(), *tuning(), *events, product(16), OVER])
    claim, *rest = verdict.sentences(run)
    assert claim == (
        "No configuration is shown to beat the course’s: over 3 training seeds each, the course’s own was chosen."
    )
    assert rest[0].startswith("Trial 2’s stands higher, at +305 Elo [")
    assert rest[0].endswith("against the course’s, but only 2 of its 3 trainings came through.")


def test_seeds_that_were_added_after_a_look_are_told_of(synthetic):
    fewer = finals({number: elos[:2] for number, elos in CLEAR.items() if number != 3}, SEEDS[:2])
    run, _, _ = told(synthetic, CLEAR)
    again = run_state.run_of("x", [synthetic.question(), *tuning(), *fewer, *finals(CLEAR), product(12), OVER])
    assert again.finals.chosen.against_course.low < run.finals.chosen.against_course.low
    assert any("differences stand with intervals of 97.5 %" in sentence for sentence in verdict.sentences(again))
    assert not any("look" in sentence for sentence in verdict.sentences(run))


def test_finalists_of_earlier_finals_are_counted_and_not_said_to_be_worse(synthetic):
    earlier = finals({3: (300.0, 310.0, 290.0), 0: CLEAR[0]})
    run = run_state.run_of("x", [synthetic.question(), *tuning(), *earlier, *finals({2: CLEAR[2], 0: CLEAR[0]}), OVER])
    claim, *rest = verdict.sentences(run)
    assert claim.startswith("Trial 2’s configuration beats the course’s by 150 Elo")
    assert "It was chosen among 2 finalists, earlier ones counted, by these matches" in rest[0]


def test_the_courses_configuration_is_not_held_against_itself(synthetic):
    events = [synthetic.question(), *tuning(), *finals({2: (-40.0, -60.0, -50.0), 0: (0.0, 30.0, -30.0)})]
    best = run_state.run_of("x", events).finals.chosen.best.number
    level = replace(synthetic.rating(0, 30), ladder="direct")
    none = replace(product(best), random_sprt=synthetic.verdict("rejected"), random=level, baseline=level)
    claim, *rest = verdict.sentences(run_state.run_of("x", [*events, none, OVER]))
    assert claim.startswith("Nothing was learned that matches can show: against random play trial 0 (seed")
    assert rest[0] == "So no configuration is shown to be better than the course’s."


def test_a_headline_from_before_seeds_were_added_says_nothing_of_the_new_choice(synthetic):
    events = [synthetic.question(), *tuning(), *finals(CLEAR)]
    other = run_state.run_of("x", events).finals.configurations[1]
    claim, *rest = verdict.sentences(run_state.run_of("x", [*events, product(other.best.number), OVER]))
    assert claim.startswith("Trial 2’s configuration beats") and "Its best policy" not in " ".join(rest)


def test_one_seed_gives_no_interval_and_says_so(synthetic):
    run, headline, _ = told(synthetic, {2: (140.0,), 0: (0.0,)}, seeds=SEEDS[:1])
    assert headline == (
        "No configuration is shown to beat the course’s: trial 2’s stands at +140 Elo against it, but from one training"
        " seed each no interval can be given."
    )
    assert section.section(run).rows[0].baseline is None
    assert "no interval over seeds can be given" in page.render(run, synthetic_curves())


def test_a_space_of_one_configuration(synthetic):
    _, headline, remarks = told(synthetic, {1: (140.0, 150.0, 160.0)}, course=None)
    assert headline.startswith("Trial 1’s configuration stands at +150 Elo [") and headline.endswith(
        "over 3 training seeds."
    )
    assert "best of" not in remarks


def test_finals_that_are_not_over_or_all_failed(synthetic):
    events = [synthetic.question(), *tuning(), *finals(CLEAR)[:-1]]
    run = run_state.run_of("x", events)
    claim, reach, *_ = verdict.sentences(run)
    assert claim.startswith("Nothing is shown yet: trial 2 leads the tuning matches") and "are not over" in reach
    assert "A policy is not a configuration" in page.render(run, synthetic_curves())
    chosen = FinalsBegan(time=2.0, configurations=(0,), course=0, seeds=SEEDS[:1])
    run = run_state.run_of("x", [synthetic.question(), *tuning(), chosen, *trained(10, 0, SEEDS[0], None, "failed")])
    assert "Every training of the finals failed" in verdict.sentences(run)[1]
    assert [trial.number for trial in sections.faults(run)] == [10]


def test_the_chosen_configuration_leads_the_page_and_tuning_stands_apart(synthetic):
    run, _, _ = told(synthetic, {3: (90.0, 120.0, 150.0), 2: (40.0, 60.0, 80.0), 0: (0.0, 10.0, -10.0)})
    ranked = ranking.ranking(run)
    assert run.chosen == 3 and run.winner.candidate.trial == 12
    winner = sections.winner(run, ranked)
    assert winner.trial.number == 3 and winner.retrained.number == 12
    first = sections.first_screen(run, ranked)
    assert first.tuning is None and first.shrunk is None  # tuning never saw this policy
    assert first.tuned.elo == 150  # what the best of its seeds was picked by
    found = section.section(run)
    assert [row.configuration.number for row in found.rows] == [3, 2, 0] and found.product == 12
    assert found.rows[0].tuning.elo == 1050 and found.rows[0].ladder.elo == 1000
    assert set(sections.fresh_on_ladder(run)) == {0, 2, 3} and sections.fresh_on_ladder(run)[3].elo == 1320
    assert sections.focus(run, ranked)[0] == 3


def test_the_page_shows_every_retrained_policy_once_and_ranks_none(synthetic):
    run, _, _ = told(synthetic, CLEAR)
    html = page.render(run, synthetic_curves())
    for seed, number in zip(SEEDS, (10, 11, 12), strict=True):
        assert html.count(f'<span class="sub">seed {seed}</span>') == 3  # of each configuration one
        assert html.count(f'title="trials/{number:04d}"') == 1 and f"trial {number}<" not in html
    assert 'id="trial-2"' in html and 'id="trial-10"' not in html
    assert "4 of 12 trials" in html  # of tuning
    cost = sections.cost(run)
    assert cost.retraining == 9 * 5.0 and cost.processes == 13 * 5.0 and dict(cost.states) == {"complete": 4}


def synthetic_curves():
    import pandas as pd

    return pd.DataFrame(columns=["trial", "step", "name", "value"])
