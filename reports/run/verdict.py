"""The verdict of a run in plain sentences: one claim with its reason, then how far it reaches (pure).

A configuration is named by the trial of tuning that first had it; what was retrained from it, by its seed.
"""

from collections import defaultdict

from reports.run.findings import Finding, baseline_name, elo, findings, interval, standing
from reports.run.ranking import ranking
from trials.events import FreshRated
from trials.records import Estimate
from trials.retrained import Configuration, Retrained
from trials.run_state import Run

HOUSES = {"ladder-2": "some 60 Elo below", "ladder-3": "some 40 Elo above"}
"""Where each ladder's house baseline stands by Unity's own published model, in the embedded game: −57 [−72, −42] over
2,000 matches, and +42 [+31, +52] over 4,000."""
FEW = 2
"""Finalists of which the best one's interval still holds about as often as it says."""
TOO_SOON = ", which was trained for tens of millions of steps: a quick sweep is not expected to beat it"


def sentences(run: Run) -> tuple[str, ...]:
    """The claim, then what follows from it and how far it reaches: never empty, plain text."""
    claim, rest = _claim(run)
    return (claim, *rest, *_ends(run))


def _claim(run: Run) -> tuple[str, tuple[str, ...]]:
    if dead := nothing_lived(run):
        return dead, ()
    winner, whole = run.winner, _of_configurations(run)
    of_policy = _of_policy(run, winner) if winner else _unplayed(run)
    if whole is None:
        return of_policy, (*_finals_reach(run), *_reach(run))
    claim, rest = whole
    if winner is None or not _is_product(run, winner):  # its headline is still to be played
        return claim, rest
    if _learned_nothing(run, winner) and not _ahead(run):
        denied = "So no configuration is shown to be better than the course’s."
        return of_policy, (denied, *rest)
    return claim, (*rest, *_its_policy(run, winner))


def _is_product(run: Run, winner: FreshRated) -> bool:
    """Whether it is the chosen configuration's best policy: before seeds were added another one may have been."""
    chosen = run.finals.chosen if run.finals is not None else None
    best = chosen.best if chosen is not None else None
    return best is not None and best.number == winner.candidate.trial


def nothing_lived(run: Run) -> str:
    """What comes first where every trial that the sweep proposed failed, whatever trial 0 did; empty elsewhere."""
    proposed = [trial for trial in run.trials if trial.spec.origin == "sampled"]
    if not run.finished or not proposed or not all(trial.state == "failed" for trial in proposed):
        return ""
    if all(trial.state == "failed" for trial in run.trials):
        return ""
    which = "The only trial" if len(proposed) == 1 else f"All {len(proposed)} trials"
    return f"{which} that the sweep proposed failed: nothing is known of any configuration but the course’s, trial 0."


# --- configurations, over training seeds -------------------------------------------------------------------------


def _of_configurations(run: Run) -> tuple[str, tuple[str, ...]] | None:
    """Claim and reach; None where nothing was retrained, or not to the end."""
    found = run.finals
    chosen = found.chosen if found is not None else None
    if found is None or chosen is None or chosen.baseline is None:
        return None
    against, over = chosen.against_course, _over(found)
    many = sum(not one.course for one in found.configurations)
    name = f"trial {chosen.number}’s"
    above = _ahead_of_it(found, chosen)
    rest = (*above, *_failed(found), *_looks(found))
    if len(found.configurations) == 1:
        name = "The course’s" if chosen.course else f"Trial {chosen.number}’s"
        stands = f"{_said(chosen.baseline)} against {baseline_name(run)}"
        return f"{name} configuration stands at {stands} {over.removesuffix(' each')}.", rest
    if chosen.course:
        which = "the course’s own did best" if not above else "the course’s own was chosen"
        return f"No configuration is shown to beat the course’s: {over}, {which}.", rest
    if against is None:
        stands = f"{_said(chosen.baseline)} against {baseline_name(run)}"
        return f"No policy of the course’s configuration is there to meet; {name} did best {over}, at {stands}.", rest
    best = f"{name}, the best of {many} finalists," if many > 1 else name
    stands = f"stands at {_said(against)} against it"
    if against.low is None or against.high is None:
        return (
            f"No configuration is shown to beat the course’s: {best} {stands}, but {over} no interval can be given.",
            rest,
        )
    if against.low > 0:
        among = f"among {found.compared} finalists, earlier ones counted,"
        among = f"as the best of {many} finalists" if found.compared == many else among
        lucky = f"It was chosen {among} by these matches, so its lead flatters it"
        lucky += ", and its interval holds less often than it says." if found.compared > FEW else "."
        return (
            f"Trial {chosen.number}’s configuration beats the course’s by {_said(against, signed=False)} {over}.",
            ((lucky,) if found.compared > 1 else ()) + rest,
        )
    if against.high < 0:
        more = "though more of its trainings came through"
        return f"{name.capitalize()} configuration loses to the course’s, {more}: {_said(against)} {over}.", rest
    return f"No configuration is shown to beat the course’s: {best} {stands} {over}.", rest


def _ahead(run: Run) -> bool:
    against = run.finals.chosen.against_course if run.finals and run.finals.chosen else None
    return against is not None and against.low is not None and against.low > 0


def _ahead_of_it(found: Retrained, chosen: Configuration) -> tuple[str, ...]:
    """Who stands above the chosen one, and was not chosen because trainings of it failed."""
    return tuple(
        f"Trial {one.number}’s stands higher, at {_said(against)} against the course’s, but only"
        f" {len(one.rated)} of its {len(found.seeds)} trainings came through."
        for one in found.configurations
        if (against := one.against_course) is not None and one.edge > chosen.edge
    )


def _looks(found: Retrained) -> tuple[str, ...]:
    """What came of other seeds or finalists once a result was there."""
    if found.looks == 1 or not any(one.against_course for one in found.configurations):
        return ()
    from trials.arena.ratings import seed_intervals  # numpy: only where it is needed

    sure = f"{100 * (1 - seed_intervals.missed(found.looks)):.4g} %"
    return (
        f"Seeds or finalists were changed after a look at the result, so differences stand with intervals of {sure}.",
    )


def _failed(found: Retrained) -> tuple[str, ...]:
    count = sum(one.failed for one in found.configurations)
    return (f"{count} training{'s' if count > 1 else ''} of the finals failed and count in no mean.",) if count else ()


def _finals_reach(run: Run) -> tuple[str, ...]:
    """Of finals that say nothing of configurations."""
    if run.finals is None:
        return ()
    if not run.finals.whole:
        return ("The finals, trainings of the best configurations on fresh seeds, are not over.",)
    return ("Every training of the finals failed, so nothing is said of configurations, only of these policies.",)


def _over(found: Retrained) -> str:
    """How many training seeds the chosen configuration and the course's have policies of."""
    counts = {len(one.rated) for one in (found.chosen, found.course) if one is not None and one.rated}
    if counts == {1}:
        return "from one training seed each"
    return f"over {' to '.join(str(count) for count in sorted(counts))} training seeds each"


def _said(estimate: Estimate, signed: bool = True) -> str:
    number = f"{elo(estimate.elo, signed=signed)} Elo"
    if estimate.low is None or estimate.high is None:
        return number
    return f"{number} [{elo(estimate.low)}, {elo(estimate.high)}]"


# --- one policy ----------------------------------------------------------------------------------------------------


def _learned_nothing(run: Run, winner: FreshRated) -> bool:
    """Whether the policy that the run carries on is ahead of nobody in its fresh matches."""
    ahead = any(finding.standing == "ahead" for finding in findings(run, winner))
    return winner.random_sprt.verdict != "accepted" and not ahead


def _of_policy(run: Run, winner: FreshRated) -> str:
    """What fresh matches show of the policy that the run carries on."""
    random, sprt, trial = winner.random, winner.random_sprt, run.trial(winner.candidate.trial)
    name = (trial.spec.called if trial else f"trial {winner.candidate.trial}").capitalize()
    numbers = f"{elo(random.elo, signed=True)} Elo {interval(random)} over {random.matches} fresh matches"
    if sprt.verdict == "accepted":
        return f"{name} beats random play by {numbers.removeprefix('+')}."
    if standing(random) == "ahead":
        asked = f"{elo(sprt.elo1, signed=True)} Elo"
        return f"{name} is ahead of random play by {numbers.removeprefix('+')}, too little for the test of {asked}."
    if not _learned_nothing(run, winner):
        return f"{name} is not shown to beat random play: it stands at {numbers}."
    known = sprt.verdict == "rejected"
    opening = "Nothing was learned that matches can show" if known else "It is not shown that anything was learned"
    return f"{opening}: against random play {name[0].lower()}{name[1:]} stands at {numbers}."


def _its_policy(run: Run, winner: FreshRated) -> tuple[str, ...]:
    """Of finals: the policy that is carried on, against all but the course's, of which the claim speaks."""
    shown = [finding for finding in findings(run, winner) if not finding.course]
    shown.sort(key=lambda finding: finding.random)
    told = " and ".join(_stands(finding, winner) for finding in reversed(shown))
    trial = run.trial(winner.candidate.trial)
    seed = f", of seed {trial.spec.seed}," if trial is not None and trial.spec.configuration is not None else ""
    return (f"Its best policy{seed} {told}.", *_house(shown, run))


def _stands(finding: Finding, winner: FreshRated) -> str:
    number = f"({elo(finding.rating.elo, signed=True)} Elo)"
    if finding.random and winner.random_sprt.verdict != "accepted":
        return f"is not shown to beat random play {number}"
    verb = {"ahead": "beats", "level": "cannot be distinguished from", "behind": "loses to"}[finding.standing]
    return f"{verb} {'the course’s policy' if finding.course else finding.against} {number}"


def _house(shown: list[Finding], run: Run) -> tuple[str, ...]:
    """What the house baseline is, where it was just named."""
    mine = next((finding for finding in shown if finding.own), None)
    if mine is None or run.question is None or run.question.baseline != "house":
        return ()
    where = HOUSES.get(run.question.ladder)
    if where is None:
        return ()
    why = "" if mine.standing == "ahead" else TOO_SOON
    return (f"The house baseline is {where} Unity’s own published model{why}.",)


def _reach(run: Run) -> tuple[str, ...]:
    """Without a claim on configurations: whom else the policy met, and what its one seed leaves open."""
    said: list[str] = []
    ranked, winner = ranking(run), run.winner
    if winner is not None:
        shown = [finding for finding in findings(run, winner) if not finding.random]
        if shown:
            said.append(f"It {' and '.join(_stands(finding, winner) for finding in shown)}.")
        said += _house(shown, run)
        mine = run.trial(winner.candidate.trial)
        if mine is not None and mine.spec.origin == "course":
            alone = all(row.trial.spec.origin == "course" for row in ranked)
            end = "." if alone else ": no sampled trial did better in tuning."
            said.append(f"It is trial {mine.number}, the course’s own configuration{end}")
    if any(row.rank for row in ranked):
        if winner is None:
            said.append("A tuning number flatters: what leads by it leads partly by luck.")
        if run.finals is None:
            said.append(_seeds(run))
    return tuple(said)


def _unplayed(run: Run) -> str:
    if run.question is None:
        return "The ledger holds no sweep: nothing can be said."
    if not run.trials:
        return "The sweep ended before any trial began." if run.finished else "The sweep has begun; no trial has yet."
    best = ranking(run)[0]
    if best.rank is None or best.trial.rating is None:
        count = f"{len(run.trials)} trials" if len(run.trials) > 1 else "One trial"
        if all(trial.state == "failed" for trial in run.trials):
            return f"{count}, all failed before a policy was rated: nothing was learned."
        return f"{count}, none rated{'' if run.finished else ' yet'}: nothing can be said of any policy."
    rating = best.trial.rating
    return (
        f"Nothing is shown{'' if run.finished else ' yet'}: trial {best.trial.number} leads the tuning matches at"
        f" {elo(rating.elo)} Elo {interval(rating)}, but no fresh match was played."
    )


def _seeds(run: Run) -> str:
    seeds: dict[str, set[int]] = defaultdict(set)
    for trial in run.trials:
        if trial.spec.parent is None:  # what is trained further goes on with another seed, and is no second training
            seeds[repr(sorted(trial.spec.params.items()))].add(trial.spec.seed)
    repeated = sum(len(found) > 1 for found in seeds.values())
    if not repeated:
        return "One training seed each, so nothing is said of the configurations, only of these policies."
    if len(seeds) == 1:
        return f"All trials have one configuration, on {len(*seeds.values())} training seeds."
    return f"{repeated} of {len(seeds)} configurations were trained on more than one seed, the rest on one each."


def _ends(run: Run) -> tuple[str, ...]:
    if run.question and not run.finished:
        return ("The ledger has no end yet: the sweep is still running, or it was cut off.",)
    if run.end and run.end.state != "complete":
        how = "failed" if run.end.state == "failed" else f"was {run.end.state}"
        return (f"The sweep {how}{': ' if run.end.reason else ''}{run.end.reason}.".replace("..", "."),)
    return ()
