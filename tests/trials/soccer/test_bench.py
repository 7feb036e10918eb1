"""Speed, printed as ratios within one run and never asserted: `make bench`."""

import time
from typing import Any

import numpy as np
import pytest

from trials.arena.matches import match
from trials.arena.players import load as players
from trials.soccer.game import Fields

FIELDS = (16, 64, 256, 1024, 4096)
DECISIONS = 200_000
"""Field decisions a measurement plays."""


def rate(n: int) -> float:
    """Decision steps of a field a second of CPU time, random play, observations of four agents included."""
    fields, rng = Fields(n), np.random.default_rng(0)
    actions = rng.integers(0, 3, (64, n, 4, 3)).astype(np.int8)
    fields.kick_off(np.arange(n, dtype=np.uint64))
    rounds = DECISIONS // n
    began = time.process_time()
    for step in range(rounds):
        fields.observe()
        ended = np.flatnonzero(fields.advance(actions[step % 64]))
        if len(ended):
            fields.kick_off(rng.integers(0, 2**63, len(ended), dtype=np.uint64), ended)
    return rounds * n / (time.process_time() - began)


@pytest.mark.slow
def test_cost_of_a_field_against_the_number_of_fields() -> None:
    rate(16)
    rates = {n: rate(n) for n in FIELDS}
    print("\nfields, decision steps/s/core, against 64 fields")
    for n, found in rates.items():
        print(f"{n:>6} {found:>10,.0f} {found / rates[64]:>6.2f}")


@pytest.mark.slow
def test_share_of_play_that_is_spent_in_the_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    house, inside = players.load("house"), [0.0]
    decide = house.decide

    def timed(*arguments: Any) -> None:
        began = time.perf_counter()
        decide(*arguments)
        inside[0] += time.perf_counter() - began

    monkeypatch.setattr(house, "decide", timed)
    played = match.play(house, house, 500, 1, fields=256)
    print(
        f"\nhouse against itself: {len(played.records) / played.seconds:,.0f} matches/s,"
        f" {played.decisions / played.seconds:,.0f} decisions/s,"
        f" {inside[0] / played.seconds:.0%} of the time in onnxruntime"
    )
