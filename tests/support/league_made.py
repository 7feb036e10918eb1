"""A league without policies: a roster, a history and rounds written by the core's own writers, at a set time.

python tests/support/league_made.py FOLDER --models 900      for looking at pages and timing them
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

from league_sim import Pool

from trials.league import history, roster
from trials.league.folder import LeagueFolder
from trials.league.planning import Planned
from trials.league.roster import Change
from trials.league.store import Round
from trials.ledger import append_lines

BEGAN = 1_790_000_000
NAMES = ("ThomasSimonini", "frakw", "hugging-player", "sb3", "aw3v3", "a-very-long-user-name-as-some-have")


def make(
    path: Path, models: int = 12, rounds: int = 3, opponents: int = 4, names: Sequence[str] = (), apart: int = 7200
) -> LeagueFolder:
    """Write the league; round r begins `apart` seconds after the one before, each model meets `opponents` a round.

    `names` are the first models'; the last three have a fork, have gone, and are refused.
    """
    league = LeagueFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    pool = Pool(models)
    called = [*names, *(f"{NAMES[at % len(NAMES)]}/poca-SoccerTwos-{at:03d}" for at in range(len(names), models))]
    ids = {at: sha256(f"{at}".encode()).hexdigest() for at in range(models)}
    entered = [
        Change(what="entered", name=name, revision=ids[at][::-1][:40], time=BEGAN, sha256=ids[at], source="hub:made")
        for at, name in enumerate(called)
    ]
    fork = replace(entered[0], name="fork/of-the-first", revision="f" * 40)
    refused = Change(what="refused", name="broken/model", revision="b" * 40, time=BEGAN, line="it is no ONNX file")
    gone = Change(what="gone", name=called[-1], revision=entered[-1].revision, time=BEGAN + 1)
    roster.append(league.roster, [*entered, fork, refused, gone])
    order = sorted(range(models), key=lambda at: pool.elo[f"m{at:03d}"])
    following: dict[tuple[int, int], int] = {}
    for number in range(1, rounds + 1):
        clock = BEGAN + number * apart
        count = 0
        for place, at in enumerate(order):
            for step in range(1, opponents // 2 + 1):
                other = order[(place + step * (1 + number % 3)) % models]
                if other == at:
                    continue
                one, two = sorted((at, other), key=lambda who: ids[who])
                planned = Planned((f"m{one:03d}", f"m{two:03d}"), 4)  # type: ignore[arg-type]
                first = following.get((one, two), 0)
                following[one, two] = first + 4
                played, _ = pool.play(planned, first)
                clock += 1
                records = [replace(r, a=ids[one], b=ids[two], time=clock, seed=9) for r in played]
                history.append(league.history, number, (called[one], called[two]), records)
                count += len(records)
        finished = over(number, BEGAN + number * apart, apart / 4, models, count)
        append_lines(league.rounds, json.dumps(asdict(finished)).encode() + b"\n")
    return league


def over(number: int, began: float, seconds: float, models: int, matches: int) -> Round:
    """A round that is."""
    return Round(
        number=number,
        matchmaking="information",
        began=began,
        seconds=seconds,
        core_seconds=seconds,
        cores=1,
        models=models,
        pairings=matches // 8,
        matches=matches,
        failed=0,
        half=30.0,
        widest=60.0,
        notes=("somebody/else did not answer",),
    )


def main() -> None:
    """For a person."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path)
    words.add_argument("--models", type=int, default=50)
    words.add_argument("--rounds", type=int, default=6)
    words.add_argument("--opponents", type=int, default=4)
    given = words.parse_args()
    make(given.folder, given.models, given.rounds, given.opponents)


if __name__ == "__main__":
    main()
