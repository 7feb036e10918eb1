"""Finals: after tuning, finalists and the course's configuration are retrained on the same fresh seeds, and play."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import psutil

from sweep.driver import prepare
from sweep.driver.controller import Controller
from sweep.models import Model
from sweep.settings import Settings
from trials import ledger, retrained, run_state
from trials.arena.matches import log
from trials.arena.matches.pool import MatchPool, Task
from trials.arena.ratings import elo
from trials.arena.ratings.shrinkage import shrunk
from trials.events import CourseMet, Event, FinalsBegan, RetrainedRated
from trials.folder import RunFolder
from trials.records import Candidate, Rating, TrialSpec
from trials.retrained import RetrainedPolicy

SEEDS = 1_000_000
"""Added to a sweep's training seeds, which are 1000 * its own + a trial's number: none of tuning is one of these."""
SCHEDULES = 2**62
"""Above the seed of every match that tuning or the headline plays."""
FEW = 2000
"""Matches below which starting processes that play takes longer than playing."""


def fresh_seeds(settings: Settings) -> tuple[int, ...]:
    """The training seeds of the finals."""
    return tuple(settings.training_seed(SEEDS + k) for k in range(settings.final_seeds))


def begin(controller: Controller) -> None:
    """Choose finalists by what tuning said and hand their trainings to the controller; nothing where none is asked.

    Where a driver before this one had begun finals and none are asked now, that is recorded.
    """
    settings, events = controller.settings, ledger.read(controller.run.ledger)
    configurations, course = choose(events, settings.finalists)
    if not settings.final_seeds or not configurations:
        if retrained.of(events) is not None:
            controller.record(FinalsBegan(time=time.time(), configurations=(), course=None, seeds=()))
        return
    chosen = FinalsBegan(time=time.time(), configurations=configurations, course=course, seeds=fresh_seeds(settings))
    controller.record(chosen)
    specs, _ = run_state.whole(events)
    controller.retrain(to_train(chosen, specs, events, controller.next_number))


def choose(events: Sequence[Event], count: int) -> tuple[tuple[int, ...], int | None]:
    """Numbers of the `count` best configurations of tuning and, last, of the course's; which that is.

    Best by tuning Elo shrunk by its error (simulated_choice): a number from fewer pairs counts for less; among
    equals by the Elo itself. A space without parameters has its one configuration. Empty where no trial was trained
    for the whole budget.
    """
    specs, last = run_state.whole(events)
    course = next((number for number, spec in specs.items() if spec.origin == "course"), None)
    rated = {number: event.rating for number, event in last.items() if number != course}
    values = shrunk([r.elo for r in rated.values()], [r.error for r in rated.values()])[0] if rated else ()
    worth = {number: round(float(value), 1) for number, value in zip(rated, values, strict=True)}
    known = [] if course is None else [specs[course].config]
    best: list[int] = []
    for number in sorted(rated, key=lambda number: (-worth[number], -rated[number].elo, number)):
        if len(best) < count and specs[number].config not in known:  # few choices are proposed twice
            best.append(number)
            known.append(specs[number].config)
    if not last:
        return (), None
    return (*best, *(() if course is None else (course,))), course


def to_train(
    chosen: FinalsBegan, specs: dict[int, TrialSpec], events: Sequence[Event], free: int
) -> tuple[TrialSpec, ...]:
    """What is not trained yet: first what was cut off, under its number, then the rest, numbered from `free` on."""
    known = retrained.trained(events)
    wanted = [(number, seed) for seed in chosen.seeds for number in chosen.configurations]
    cut = [known[key][0] for key in wanted if key in known and known[key][1] is None]
    new = [key for key in wanted if key not in known]
    return (*cut, *(_final(specs[number], free + at, seed) for at, (number, seed) in enumerate(new)))


def _final(spec: TrialSpec, number: int, seed: int) -> TrialSpec:
    """The same configuration anew, rated at its end alone: it is never stopped."""
    return replace(
        spec, number=number, origin="final", seed=seed, rungs=(spec.steps,), configuration=spec.number, parent=None
    )


# --- matches -----------------------------------------------------------------------------------------------------


def play(record: Callable[[Event], None], run: RunFolder, settings: Settings, baseline: Model) -> None:
    """Every retrained policy plays what it has not played yet, recorded as it is known; each match is in a log.

    Against the baseline and against random, `fresh_matches` each; a finalist's also against the course's policies, all
    of them, in equal shares of `fresh_matches`.
    """
    alone, meetings = _missing(ledger.read(run.ledger))
    pairs = (settings.fresh_matches + 1) // 2
    share = max(1, round(pairs / max(1, settings.final_seeds)))
    matches = 4 * pairs * len(alone) + 2 * share * len(meetings)
    alone_here = matches <= FEW or run.yardstick.is_file()  # an executable plays by itself
    cores = 1 if alone_here else min(settings.slots or 1, psutil.cpu_count() or 1)
    schedule = SCHEDULES + 1_000_003 * settings.seed

    def tasks() -> Iterator[Task]:
        for mine in alone:
            for offset, other in enumerate((baseline.load, "random")):
                seed = schedule + 100_000 * mine.number + offset
                yield Task(a=_file(run, mine), b=other, first=0, pairs=pairs, seed=seed)
        for mine, theirs in meetings:
            seed = schedule + 100_000 * mine.number + 2 + theirs.number
            yield Task(a=_file(run, mine), b=_file(run, theirs), first=0, pairs=share, seed=seed)

    if not alone and not meetings:
        return
    with prepare.game_of_run(run, settings) as game, MatchPool(cores, game) as pool:
        played = pool.results(tasks())

        def told(mine: Candidate, called: str, kind: str) -> Rating:
            records = next(played).records
            names = {records[0].a: mine.name, records[0].b: called}
            log.write(run.fresh_matches(f"trial-{mine.trial:04d}", kind), records, names, again=True)
            return elo.direct(records, called)

        for mine in alone:
            against, random = told(_policy(mine), baseline.name, "baseline"), told(_policy(mine), "random", "random")
            record(
                RetrainedRated(
                    time=time.time(),
                    candidate=_policy(mine),
                    configuration=mine.spec.configuration or 0,
                    seed=mine.seed,
                    baseline=against,
                    random=random,
                )
            )
        for mine, theirs in meetings:
            other = _policy(theirs)
            direct = told(_policy(mine), other.name, f"trial-{other.trial:04d}")
            record(CourseMet(time=time.time(), candidate=_policy(mine), course=other, rating=direct))


def _missing(events: Sequence[Event]) -> tuple[list[RetrainedPolicy], list[tuple[RetrainedPolicy, RetrainedPolicy]]]:
    """Policies of the last finals that have not played alone, and those that have not met one of the course's."""
    found = retrained.of(events)
    if found is None:
        return [], []
    policies = {one.number: [p for p in one.policies if p.state == "complete"] for one in found.configurations}
    course = policies[found.course.number] if found.course is not None else []
    alone = [policy for mine in policies.values() for policy in mine if policy.rated is None]
    others = [policy for one in found.configurations if not one.course for policy in policies[one.number]]
    return alone, [(mine, theirs) for mine in others for theirs in course if theirs.number not in mine.met]


def _policy(policy: RetrainedPolicy) -> Candidate:
    assert policy.ended is not None and policy.ended.candidate is not None  # it is complete
    return policy.ended.candidate


def _file(run: RunFolder, policy: RetrainedPolicy) -> str:
    return str(run.path / _policy(policy).path)
