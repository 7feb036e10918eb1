"""A ledger with finals, for tests of what reads them: configurations, the course's among them, on a few fresh seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from events import candidate, ended, rated, rating, spec_of

from trials.events import CourseMet, Event, FinalsBegan, FreshRated, RetrainedRated, SweepBegan, TrialBegan
from trials.records import State, TrialSpec, Verdict

SEEDS = (1_000_000, 1_000_001, 1_000_002)
TUNED: Mapping[int, float] = {0: 1000.0, 1: 1010.0, 2: 1100.0, 3: 1050.0}
"""Trial to tuning Elo; 2 and 3 are the finalists."""


def question() -> SweepBegan:
    """A driver begins."""
    return SweepBegan(
        time=0.0,
        name="x",
        command="sweep run quick",
        space="quick",
        space_yaml="",
        trials=4,
        slots=2,
        steps=200,
        fields=8,
        seed=0,
        rungs=(100, 200),
        reduction_factor=2.0,
        startup_trials=2,
        baseline="house",
        baseline_sha256="b" * 64,
        ladder="ladder-3",
        environment="soccer-1",
        scaled={},
        versions={},
        host={},
    )


def tuning(elos: Mapping[int, float] = TUNED) -> list[Event]:
    """Whole trials, 200 steps each."""
    told: list[Event] = []
    for number, elo in elos.items():
        params = {"x": number / 10} if number else {}
        told += [TrialBegan(time=1.0, spec=spec_of(number, params)), rated(number, 200, elo), ended(number)]
    return told


def final(number: int, configuration: int, seed: int) -> TrialSpec:
    params = {"x": configuration / 10} if configuration else {}
    spec = spec_of(configuration, params)
    return replace(spec, number=number, origin="final", seed=seed, rungs=(spec.steps,), configuration=configuration)


def trained(
    number: int, configuration: int, seed: int, against: float | None, state: State = "complete", ladder: float = 1000.0
) -> list[Event]:
    """A final training to its end, and what its policy played against the baseline; None: it has not yet."""
    told: list[Event] = [TrialBegan(time=3.0, spec=final(number, configuration, seed))]
    if state == "running":
        return told
    if state == "complete":
        told.append(rated(number, 200, ladder))
    told.append(ended(number, state))
    if against is not None and state == "complete":
        told.append(
            RetrainedRated(
                time=5.0,
                candidate=candidate(number, 207),
                configuration=configuration,
                seed=seed,
                baseline=replace(rating(against, 30), ladder="direct"),
                random=replace(rating(against + 300, 40), ladder="direct"),
            )
        )
    return told


def met(number: int, course: int, elo: float) -> CourseMet:
    return CourseMet(
        time=6.0,
        candidate=candidate(number, 207),
        course=candidate(course, 207),
        rating=replace(rating(elo, 40), ladder="direct"),
    )


def finals(elos: Mapping[int, Sequence[float]], seeds: Sequence[int] = SEEDS, course: int | None = 0) -> list[Event]:
    """Configuration to its policies' Elo against the baseline; they meet the course's as far apart as that says."""
    told: list[Event] = [
        FinalsBegan(time=2.0, configurations=tuple(elos), course=course, seeds=tuple(seeds)),
    ]
    numbers: dict[int, list[int]] = {}
    free = 10
    for configuration, values in elos.items():
        for seed, elo in zip(seeds, values, strict=True):
            told += trained(free, configuration, seed, elo)
            numbers.setdefault(configuration, []).append(free)
            free += 1
    for configuration in elos:
        if course is not None and configuration != course:
            told += [
                met(mine, theirs, a - b)
                for mine, a in zip(numbers[configuration], elos[configuration], strict=True)
                for theirs, b in zip(numbers[course], elos[course], strict=True)
            ]
    return told


def product(number: int, role: str = "winner", against_course: float | None = None) -> FreshRated:
    """The headline matches of a final trial's policy."""
    direct = {name: replace(rating(elo, 40), ladder="direct") for name, elo in (("baseline", 20.0), ("random", 300.0))}
    return FreshRated(
        time=7.0,
        candidate=candidate(number, 207),
        role="winner" if role == "winner" else "course",
        random_sprt=Verdict(elo0=0, elo1=50, llr=3.1, lower=-2.94, upper=2.94, verdict="accepted", pairs=106),
        against_course=None if against_course is None else replace(rating(against_course, 40), ladder="direct"),
        **direct,
    )
