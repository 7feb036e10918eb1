"""Reading a ledger of ten thousand trials against the standard library's json on the same lines, in one run."""

import gc
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from events import ended, rated
from pydantic import TypeAdapter

from search_spaces import load
from sweep import settings
from sweep.search import specs
from trials import ledger, run_state
from trials.events import Event, TrialBegan

pytestmark = pytest.mark.slow
TRIALS = 10_000


def of_many_trials(path: Path) -> list[bytes]:
    """A ledger's lines: every trial begun with a whole configuration, rated at two rungs, and ended."""
    space = load("soccertwos")
    made = settings.of_space("soccertwos", space, {"out": path.parent, "slots": 2})
    first = specs.renderer(made, space)(0, {})
    adapter: TypeAdapter[Event] = TypeAdapter(Event)
    lines = []
    for number in range(TRIALS):
        events: list[Event] = [TrialBegan(time=float(number), spec=replace(first, number=number))]
        events += [rated(number, rung, 1000.0 + number) for rung in made.rungs]
        lines += [adapter.dump_json(event) for event in [*events, ended(number)]]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return lines


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def test_reading_costs_what_its_json_does(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    lines = of_many_trials(path)

    def plain() -> object:
        gc.disable()
        try:
            return [json.loads(line) for line in lines]
        finally:
            gc.enable()

    both = [(seconds(lambda: ledger.read(path)), seconds(plain)) for _ in range(5)]
    events = ledger.read(path)
    folded = seconds(lambda: run_state.past_of(events))
    ratio = min(mine for mine, _ in both) / min(theirs for _, theirs in both)
    print(
        f"\n{len(events):,} events: read in {min(mine for mine, _ in both):.2f} s, {ratio:.2f} of json.loads;"
        f" folded in {folded:.2f} s"
    )
    assert len(events) == 4 * TRIALS and gc.isenabled()
    assert ratio < 2
    assert folded < 2 * min(mine for mine, _ in both)
