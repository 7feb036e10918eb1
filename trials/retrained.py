"""What retrained policies say of their configurations, from the ledger's events (pure).

Seeds of one configuration often differ as much as configurations do, so a sweep's best trial is partly a lucky seed
(Henderson et al., Deep Reinforcement Learning that Matters, AAAI 2018). Every configuration here has policies from the
same few fresh training seeds, and its numbers are over those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from statistics import fmean

from trials.events import CourseMet, Event, FinalsBegan, RetrainedRated, TrialBegan, TrialEnded
from trials.records import Estimate, Rating, State, TrialSpec


@dataclass(frozen=True)
class RetrainedPolicy:
    """One configuration, retrained on one seed."""

    spec: TrialSpec
    ended: TrialEnded | None
    """None while it trains, and where it was cut off."""
    rated: RetrainedRated | None
    """None until it has played; it never does where its training failed."""
    met: Mapping[int, Rating]
    """Final trial of the course to the direct matches against its policy."""

    @property
    def number(self) -> int:
        """Of the trial."""
        return self.spec.number

    @property
    def seed(self) -> int:
        """Of its training."""
        return self.spec.seed

    @property
    def state(self) -> State | None:
        """How its training ended; None where it goes on or was cut off, which the run's state tells apart."""
        return self.ended.state if self.ended else None


@dataclass(frozen=True)
class Configuration:
    """A finalist, or the course's."""

    number: int
    """Of the trial whose configuration it is."""
    course: bool
    policies: tuple[RetrainedPolicy, ...]
    """Those whose training began, in the seeds' order."""
    met: tuple[tuple[Rating, ...], ...]
    """Direct matches [of its policies][of the course's], all against all; empty where they have not all met."""
    looks: int = 1
    """As `Retrained` has it."""

    @cached_property
    def baseline(self) -> Estimate | None:
        """Elo against the baseline, over training seeds; None before any policy has played."""
        # here, because numpy and scipy take their time
        from trials.arena.ratings import seed_intervals

        return seed_intervals.over(self._baselines) if self.rated else None

    @cached_property
    def against_course(self) -> Estimate | None:
        """Elo against the course's configuration; None where they have not all met."""
        from trials.arena.ratings import seed_intervals

        return seed_intervals.difference(self.met, self.looks) if self.met else None

    @property
    def _baselines(self) -> list[Rating]:
        return [policy.rated.baseline for policy in self.policies if policy.rated]

    @property
    def edge(self) -> float:
        """What it is chosen by: its Elo against the course's configuration, which is 0 itself, else the baseline's."""
        if self.course or not self.rated:
            return 0.0
        return fmean(rating.elo for rating in (chain(*self.met) if self.met else self._baselines))

    @property
    def rated(self) -> tuple[RetrainedPolicy, ...]:
        """The policies that matches have rated."""
        return tuple(policy for policy in self.policies if policy.rated)

    @property
    def failed(self) -> int:
        """Trainings that ended without a policy of the whole budget."""
        return sum(policy.state == "failed" for policy in self.policies)

    @property
    def best(self) -> RetrainedPolicy | None:
        """Its policy that did best against the baseline: what a run carries on."""
        played = [(policy.rated.baseline.elo, -policy.number, policy) for policy in self.policies if policy.rated]
        return max(played)[2] if played else None


@dataclass(frozen=True)
class Retrained:
    """Every configuration that was retrained, those with a policy of every seed first, then by `edge`."""

    seeds: tuple[int, ...]
    configurations: tuple[Configuration, ...]
    whole: bool
    """Whether every training is over and every match was played: then the first is the chosen one."""
    looks: int = 1
    """How often there was a result to look at: more than 1 where seeds or finalists were then changed, each time with a
    wider interval of the differences (`seed_intervals.missed`)."""
    compared: int = 1
    """Configurations beside the course's that were looked at, earlier finals' too: the best of more flatters more."""

    @property
    def chosen(self) -> Configuration | None:
        """The one that beats the course's by most, or, where none does, the course's.

        Without a course the best against the baseline. None before all is played, or where every training failed.
        """
        first = self.configurations[0] if self.configurations else None
        return first if first is not None and self.whole and first.rated else None

    @property
    def course(self) -> Configuration | None:
        """The course's configuration, where it is among them."""
        return next((found for found in self.configurations if found.course), None)


def of(events: Sequence[Event]) -> Retrained | None:
    """The last finals of a sweep; None where there are none, or a later driver was to do without."""
    began = next((event for event in reversed(events) if isinstance(event, FinalsBegan)), None)
    if began is None or not began.configurations:
        return None
    asked = [*_looked_at(events), began]
    looks = len({(frozenset(one.configurations), len(one.seeds)) for one in asked})
    compared = {number for one in asked for number in one.configurations if number != one.course}
    return _finals(events, began, looks, len(compared))


def _finals(events: Sequence[Event], began: FinalsBegan, looks: int = 1, compared: int = 1) -> Retrained:
    known = _policies(events, began.course, set(began.seeds))
    course = [known[key] for key in known if key[0] == began.course and key[1] in began.seeds]
    found = []
    for number in began.configurations:
        mine = tuple(known[number, seed] for seed in began.seeds if (number, seed) in known)
        found.append(_configuration(number, mine, course, number == began.course, looks))
    found.sort(key=lambda one: (-len(one.rated), -one.edge, not one.course))
    whole = all(_played(one, len(began.seeds), course) for one in found)
    return Retrained(began.seeds, tuple(found), whole, looks, compared)


def _looked_at(events: Sequence[Event]) -> list[FinalsBegan]:
    """The finals whose result was there before others began."""
    starts = [at for at, event in enumerate(events) if isinstance(event, FinalsBegan)]
    asked = [(at, after, began) for at, after in pairwise(starts) if isinstance(began := events[at], FinalsBegan)]
    return [began for _, after, began in asked if began.configurations and _finals(events[:after], began).whole]


def trained(events: Sequence[Event]) -> dict[tuple[int, int], tuple[TrialSpec, TrialEnded | None]]:
    """(configuration, seed) to every final trial that began, with its end; one that a person stopped has none."""
    specs: dict[int, TrialSpec] = {}
    ends: dict[int, TrialEnded] = {}
    for event in events:
        if isinstance(event, TrialBegan) and event.spec.origin == "final":
            specs[event.spec.number] = event.spec
            ends.pop(event.spec.number, None)
        elif isinstance(event, TrialEnded) and event.trial in specs and event.state != "stopped":
            ends[event.trial] = event
    return {(spec.configuration or 0, spec.seed): (spec, ends.get(number)) for number, spec in specs.items()}


def _policies(events: Sequence[Event], course: int | None, fresh: set[int]) -> dict[tuple[int, int], RetrainedPolicy]:
    """(configuration, seed) to policy."""
    rated = {event.candidate.sha256: event for event in events if isinstance(event, RetrainedRated)}
    met = {(e.candidate.sha256, e.course.sha256): e.rating for e in events if isinstance(e, CourseMet)}
    known = trained(events)
    courses = {
        end.candidate.sha256: spec.number
        for (configuration, seed), (spec, end) in known.items()
        if configuration == course and seed in fresh and end is not None and end.candidate is not None
    }
    found = {}
    for key, (spec, end) in known.items():
        mine = end.candidate.sha256 if end is not None and end.candidate is not None else ""
        others = {number: met[mine, theirs] for theirs, number in courses.items() if (mine, theirs) in met}
        complete = end is not None and end.state == "complete"
        found[key] = RetrainedPolicy(spec, end, rated.get(mine) if complete else None, others)
    return found


def _configuration(
    number: int, policies: tuple[RetrainedPolicy, ...], course: Sequence[RetrainedPolicy], own: bool, looks: int
) -> Configuration:
    theirs = [policy.number for policy in course if policy.rated]
    rows = [tuple(policy.met.get(other) for other in theirs) for policy in policies if policy.rated]
    played = [tuple(rating for rating in row if rating is not None) for row in rows]
    met = bool(theirs and rows) and not own and played == rows
    return Configuration(number, own, policies, tuple(played) if met else (), looks)


def _played(one: Configuration, count: int, course: Sequence[RetrainedPolicy]) -> bool:
    """Whether nothing of it is left to train or to play."""
    over = len(one.policies) == count and all(policy.ended is not None for policy in one.policies)
    rated = all(policy.rated is not None for policy in one.policies if policy.state == "complete")
    alone = one.course or not one.rated or not any(policy.rated for policy in course)
    return over and rated and (alone or bool(one.met))
