"""Bounds of what is played, the same for the command line and Python, and said in one line."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import sweep
from sweep.cli.main import cli
from sweep.matches.conditions import CORES, MATCHES, SEED, WATCHED, Whole
from trials.errors import BadPolicy, UsageError, of_option


@pytest.mark.parametrize(
    ("bounds", "value", "fault"),
    [
        (MATCHES, 200, ""),
        (MATCHES, 5, "must be an even number, 2 to 1,000,000, but got 5; a pair is a match from each side: say 4 or 6"),
        (WATCHED, 0, "must be an even number, 2 to 100, but got 0; give another number"),
        (WATCHED, 102, "must be an even number, 2 to 100, but got 102; give another number"),
        (SEED, -1, "must be 0 to 2,147,483,647, but got -1; give another number"),
        (CORES, 1.5, "must be 1 to 1,024, but got 1.5; give another number"),
        (MATCHES, np.int64(200), ""),
        (CORES, np.int64(0), "must be 1 to 1,024, but got 0; give another number"),
        (CORES, True, "must be 1 to 1,024, but got True; give another number"),
    ],
)
def test_a_number_is_within_its_bounds(bounds: Whole, value: object, fault: str) -> None:
    assert bounds.fault(value) == fault


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: sweep.play("house", "still", matches=5), "matches must be an even number, 2 to 1,000,000, but got 5"),
        (lambda: sweep.play("house", "still", goals=0), "goals must be 1 to 100, but got 0"),
        (lambda: sweep.play("house", "still", cores=0), "cores must be 1 to 1,024, but got 0"),
        (lambda: sweep.watch("house", "still", matches=0), "matches must be an even number, 2 to 100, but got 0"),
        (lambda: sweep.watch("house", "still", seed=2**31), "seed must be 0 to 2,147,483,647, but got 2147483648"),
        (lambda: sweep.load_policy("house", seed=-1), "seed must be 0 to 2,147,483,647, but got -1"),
        (lambda: sweep.environment(seed=-1), "seed must be 0 to 2,147,483,647, but got -1"),
        (lambda: sweep.environment(fields=0), "fields must be 1 to 4,096, but got 0"),
    ],
)
def test_python_is_refused_in_a_line(
    call: "object", line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=re.escape(line)) as refused:
        call()
    assert len(str(refused.value).splitlines()) == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ("play", "a", "b", "--matches", "5"),
        ("watch", "a", "b", "--matches", "5"),
        ("promote", "--repo", "a/b", "--matches", "401"),
        ("play", "a", "b", "--goals", "101"),
        ("tournament", "a", "b", "--cores", "0"),
        ("verify", "a", "--cores", "0"),
        ("league", "run", "L", "--cores", "0"),
    ],
)
def test_the_command_line_has_the_same_bounds(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2 and f"Invalid value for '{words[-2]}': it must be" in done.output


def test_an_option_before_an_error_takes_nothing_of_it_away() -> None:
    with pytest.raises(BadPolicy, match="--baseline: it is of another game") as refused, of_option("--baseline"):
        raise BadPolicy("it is of another game", "spaces")
    assert refused.value.about == "spaces"
