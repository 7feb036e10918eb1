"""What is said of configurations rests on their fresh policies, and on all of them."""

from final_events import SEEDS, final, finals, met, trained, tuning

from trials import retrained
from trials.arena.ratings import seed_intervals
from trials.events import Event, FinalsBegan, TrialBegan

ELOS = {2: (40.0, 60.0, 80.0), 3: (90.0, 120.0, 150.0), 0: (0.0, 10.0, -10.0)}
EARLIER = {number: elos[:2] for number, elos in ELOS.items()}


def test_the_best_on_fresh_seeds_is_chosen_whatever_tuning_said() -> None:
    found = retrained.of([*tuning(), *finals(ELOS)])
    assert found is not None and found.whole
    assert [one.number for one in found.configurations] == [3, 2, 0]  # tuning had 2 first
    assert found.chosen is not None and found.chosen.number == 3 and found.course is not None
    assert found.chosen.baseline == seed_intervals.over([p.rated.baseline for p in found.chosen.policies if p.rated])
    assert found.chosen.baseline is not None and found.chosen.baseline.elo == 120
    assert found.chosen.against_course is not None and found.chosen.against_course.elo == 120
    assert found.chosen.best is not None and found.chosen.best.seed == SEEDS[2]
    assert found.course.against_course is None


def test_direct_matches_against_the_course_decide_whatever_the_baseline_says() -> None:
    """Else a headline could deny what the direct matches show."""
    chosen = FinalsBegan(time=2.0, configurations=(2, 3, 0), course=0, seeds=SEEDS[:2])
    events: list[Event] = [chosen]
    for number, (configuration, seed, elo) in enumerate(
        [(2, 0, 0.0), (2, 1, 10.0), (3, 0, 90.0), (3, 1, 70.0), (0, 0, 50.0), (0, 1, 60.0)], 10
    ):
        events += trained(number, configuration, SEEDS[seed], elo)
    meetings = [met(mine, theirs, 30.0 if mine < 12 else -30.0) for mine in (10, 11, 12, 13) for theirs in (14, 15)]
    found = retrained.of([*tuning(), *events, *meetings])
    assert found is not None and [one.number for one in found.configurations] == [2, 0, 3]
    worse = [met(mine, theirs, -30.0) for mine in (10, 11, 12, 13) for theirs in (14, 15)]
    found = retrained.of([*tuning(), *events, *worse])
    assert found is not None and found.chosen is not None and found.chosen.course


def test_without_finals_nothing_is_said() -> None:
    assert retrained.of(tuning()) is None


def test_what_is_not_over_chooses_nothing() -> None:
    events = finals(ELOS)
    for cut in (len(events) - 1, 12, 4, 1):  # a meeting short, in mid-training, no match yet
        found = retrained.of([*tuning(), *events[:cut]])
        assert found is not None and not found.whole and found.chosen is None
    stopped: list[Event] = [*finals(ELOS), FinalsBegan(time=9.0, configurations=(2, 0), course=0, seeds=(*SEEDS, 7))]
    found = retrained.of([*tuning(), *stopped])
    assert found is not None and not found.whole  # widened by a seed
    assert {one.number: len(one.rated) for one in found.configurations} == {2: 3, 0: 3}  # what was trained stays


def test_a_failed_training_is_counted_and_puts_its_configuration_behind_whole_ones() -> None:
    chosen = FinalsBegan(time=2.0, configurations=(2, 3, 0), course=0, seeds=SEEDS[:2])
    events: list[Event] = [chosen]
    for number, (configuration, seed, elo) in enumerate(
        [(2, 0, 500.0), (2, 1, None), (3, 0, 20.0), (3, 1, 40.0), (0, 0, 0.0), (0, 1, 10.0)], 10
    ):
        events += trained(number, configuration, SEEDS[seed], elo, "failed" if elo is None else "complete")
    events += [met(mine, theirs, 25.0) for mine in (10, 12, 13) for theirs in (14, 15)]
    found = retrained.of([*tuning(), *events])
    assert found is not None and found.whole and found.chosen is not None
    assert [(one.number, one.failed) for one in found.configurations] == [(3, 0), (0, 0), (2, 1)]
    alone = found.configurations[-1]
    assert alone.baseline is not None and alone.baseline.low is None  # one seed is left


def test_fewer_seeds_than_before_are_enough_for_a_choice() -> None:
    fewer = FinalsBegan(time=9.0, configurations=(2, 3, 0), course=0, seeds=SEEDS[:2])
    found = retrained.of([*tuning(), *finals(ELOS), fewer])
    assert found is not None and found.whole and found.looks == 2  # the three were there to be looked at
    assert found.chosen is not None and found.chosen.number == 3 and found.chosen.baseline is not None
    assert found.chosen.baseline.elo == 105  # of two seeds


def test_each_result_that_others_follow_asks_for_a_wider_interval() -> None:
    began = [FinalsBegan(time=1.0, configurations=(2, 3, 0), course=0, seeds=(*SEEDS, *more)) for more in ((), (7,))]
    told: list[Event] = [*tuning(), *finals(ELOS)]
    for events, looks in (
        (told, 1),
        ([*tuning(), began[0], began[1], *finals(ELOS)], 1),  # asked for, and changed before there was a result
        ([*told, began[0]], 1),  # the same question, resumed
        ([*told, began[1]], 2),
        ([*told, began[1], began[0]], 1),  # the fourth seed was taken back before it was there
    ):
        found = retrained.of(events)
        assert found is not None and found.looks == looks and found.compared == 2, events
    once, twice = (retrained.of([*tuning(), *before, *finals(ELOS)]) for before in ([], finals(EARLIER, SEEDS[:2])))
    assert once is not None and twice is not None and (once.looks, twice.looks) == (1, 2)
    first, second = once.configurations[0].against_course, twice.configurations[0].against_course
    assert first is not None and second is not None and first.elo == second.elo
    assert first.low is not None and second.low is not None and second.low < first.low


def test_finalists_of_earlier_finals_count_among_those_that_were_compared() -> None:
    """Whoever searches on after a result has looked at it, whichever finalists come next."""
    found = retrained.of([*tuning(), *finals({2: ELOS[2], 0: ELOS[0]}), *finals({3: ELOS[3], 0: ELOS[0]})])
    assert found is not None and (found.looks, found.compared) == (2, 2)


def test_everything_failed() -> None:
    chosen = FinalsBegan(time=2.0, configurations=(0,), course=0, seeds=SEEDS[:1])
    found = retrained.of([*tuning(), chosen, *trained(10, 0, SEEDS[0], None, "failed")])
    assert found is not None and found.whole and found.chosen is None


def test_a_stopped_training_goes_on_and_a_rating_of_another_file_does_not_count() -> None:
    stopped = trained(10, 2, SEEDS[0], None, "stopped")
    assert retrained.trained(stopped) == {(2, SEEDS[0]): (final(10, 2, SEEDS[0]), None)}
    over = trained(10, 2, SEEDS[0], 50.0)
    assert retrained.trained([*stopped, *over])[2, SEEDS[0]][1] is not None
    assert retrained.trained([*over, TrialBegan(time=9.0, spec=final(10, 2, SEEDS[0]))])[2, SEEDS[0]][1] is None
