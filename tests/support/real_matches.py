"""A run's folder whose policies are real and whose matches were really played, made in a second or two."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from events import ended, spec_of
from final_events import product, question
from pydantic import ConfigDict, TypeAdapter

from trials.arena.matches import log, match
from trials.arena.players import load as players
from trials.arena.players.load import LADDER
from trials.arena.ratings import elo, ladder_file
from trials.events import Event, SweepEnded, TrialBegan, TrialRated
from trials.folder import RunFolder
from trials.records import Candidate, MatchRecord

_EVENT: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(ser_json_inf_nan="strings"))
POLICIES = ("house-750k", "house", "house-1000k")
"""Of trials 0 (the course's) to 2."""
STEPS, PAIRS = 200, 4


def copied(run: RunFolder, trial: int) -> Candidate:
    """One of the ladder's policies as a trial's candidate, a file of its own that plays alike."""
    path = run.trial(trial).candidates / f"SoccerTwos-{STEPS}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    note = b"\x32\x01" + b"%d" % trial  # ModelProto's doc_string
    path.write_bytes((LADDER / f"{POLICIES[trial]}.onnx").read_bytes() + note)
    digest = sha256(path.read_bytes()).hexdigest()
    return Candidate(trial=trial, steps=STEPS, path=path.relative_to(run.path).as_posix(), sha256=digest)


def played(run: RunFolder, mine: Candidate, opponents: Sequence[str], seed: int) -> list[MatchRecord]:
    a = players.load(run.path / mine.path)
    met = [match.play(a, players.load(name), PAIRS, seed, first=PAIRS * at) for at, name in enumerate(opponents)]
    return [record for each in met for record in each.records]


def real_run(path: Path) -> RunFolder:
    """Three trials rated on the ladder, the best one's fresh matches against house and random; no runner-up met yet."""
    run = RunFolder(path)
    mine = [copied(run, trial) for trial in range(3)]
    names = {rung.id: rung.name for rung in ladder_file.read().rungs}
    events: list[Event] = [question()]
    for trial, one in enumerate(mine):
        records = played(run, one, ("random", "house"), trial)
        write(run.trial(trial).matches(STEPS), records, names | {one.sha256: one.name})
        rated = TrialRated(
            time=2.0 + trial, candidate=one, rung=STEPS, rating=elo.on_ladder(records, ladder_file.read()), seconds=1.0
        )
        spec = spec_of(trial, {"x": trial / 10} if trial else {})
        events += [TrialBegan(time=1.0, spec=spec), rated, replace(ended(trial), candidate=one)]
    rating_of = {event.candidate.trial: event.rating.elo for event in events if isinstance(event, TrialRated)}
    winner = mine[max(rating_of, key=rating_of.__getitem__)]
    fresh = {}
    for kind, name in (("baseline", "house"), ("random", "random")):
        records = played(run, winner, [name], 70)
        write(run.fresh_matches("winner", kind), records, names | {winner.sha256: winner.name})
        fresh[kind] = elo.direct(records, name)
    events.append(replace(product(winner.trial), candidate=winner, **fresh))
    events.append(SweepEnded(time=30.0, state="complete", reason="", seconds=30.0, idle_share=0.0))
    run.ledger.write_bytes(b"".join(_EVENT.dump_json(event) + b"\n" for event in events))
    return run


def write(path: Path, records: Sequence[MatchRecord], names: dict[str, str]) -> None:
    log.write(path, records, names, again=True)
