"""What the help shows: whole sentences, everything in a section, and no option that the pages do not know."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import promotable
import pytest
from click.testing import CliRunner
from real_sweep import plain_environ

from search_spaces.keys import nearest
from sweep.cli.commands import Command, Group
from sweep.cli.main import cli
from sweep.ways import KNOWN
from trials.arena.players.load import EARLIER
from trials.errors import did_you_mean

PAGE = Path(__file__).parents[3] / "sweep" / "README.md"
HEAVY = ("torch", "ray", "optuna", "pandas", "plotly", "onnxruntime", "numba", "scipy", "sklearn", "pyarrow", "grpc")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(cli))


@pytest.mark.parametrize("words", [(), ("league",)])
def test_the_list_of_commands_cuts_no_sentence(words: tuple[str, ...]) -> None:
    text = CliRunner().invoke(cli, [*words, "-h"], terminal_width=80).output
    assert "..." not in text.partition("\n")[2] and max(map(len, text.splitlines())) <= 80


def test_every_command_is_in_a_section() -> None:
    text = CliRunner().invoke(cli, ["-h"]).output
    assert "Commands:" not in text and "Matches between any models:" in text
    assert set(cli.commands) <= {name for names in cli.sections.values() for name in names}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_shown_once_and_sections_name_options_there_are(name: str) -> None:
    command = ALL[name]
    assert isinstance(command, Command | Group)
    text = CliRunner().invoke(cli, [*name.split(), "-h"], terminal_width=200).output
    assert text.startswith("Usage: ") and (command.help or "").split("\n\n")[0].endswith(".")
    for option in command.params:
        if isinstance(option, click.Option):
            assert len(re.findall(rf"^ +(?:-\w, |--[\w-]+, )?{option.opts[-1]}\b", text, re.M)) == 1, option.opts
    if isinstance(command, Command):
        known = {option.name for option in command.params}
        assert {one for names in command.sections.values() for one in names} <= known


def test_ways_to_search_are_shown_as_they_are_known() -> None:
    text = CliRunner().invoke(cli, ["run", "-h"]).output
    for setting, names in KNOWN.items():
        assert f"--{setting} {'|'.join(names)}" in text


def test_the_page_says_who_takes_json() -> None:
    said = re.search(r"`--json` \(one object and nothing else\): ([^.]*)\.", PAGE.read_text())
    assert said is not None
    takes = {name for name, one in ALL.items() if any("--json" in option.opts for option in one.params)}
    assert set(re.findall(r"`([^`]+)`", said[1])) == takes


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("hose", ("still", "random", "house"), "did you mean house?"),
        ("TPEE", ("tpe", "gp"), "did you mean tpe?"),
        ("zzz", ("still", "random"), ""),
    ],
)
def test_a_misspelt_word_is_told_the_nearest(word: str, known: tuple[str, ...], meant: str) -> None:
    assert did_you_mean(word, known) == meant


def test_a_key_without_its_section_is_told_the_usual_one() -> None:
    keys = ("reward_signals.curiosity.learning_rate", "hyperparameters.learning_rate", "time_horizon")
    assert nearest("learning_rate", keys) == "hyperparameters.learning_rate"
    assert nearest("time_horizn", keys) == "time_horizon"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("league", "run", "L", "--matchmaking", "closst"), "but got closst; did you mean closest?"),
        (("cluster", "slrm"), "but got slrm; did you mean slurm?"),
        (("play", "a", "b", "--sprt", "5", "1"), "Invalid value for '--sprt': it takes ELO0 below ELO1"),
        *(
            (("run", "quick", "--trials", "0", option, ""), f"Invalid value for '{option}': it must name a place")
            for option in ("--out", "--storage")
        ),
        (("promote", "--repo", "a/b", "--sprt", "5", "1"), "Invalid value for '--sprt': it takes ELO0 below ELO1"),
    ],
)
def test_a_mistake_names_its_option_and_what_was_meant(words: tuple[str, ...], line: str) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2 and line in done.output


def test_a_shell_completes_commands_and_models(tmp_path: Path) -> None:
    (tmp_path / "runs" / "hockey").mkdir(parents=True)
    (tmp_path / "runs" / "hockey" / "ledger.jsonl").touch()

    def completed(*words: str) -> set[str]:
        typed = {"_SWEEP_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        code = "import sys; sys.argv[0] = 'sweep'; from sweep.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], env=plain_environ() | typed, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return {line.partition(",")[2] for line in done.stdout.splitlines()}

    assert completed("sweep", "to") == {"tournament"}
    assert completed("sweep", "play", "ho") == {"house", *EARLIER, "hockey"}


def loaded(*words: str, cwd: Path | None = None) -> set[str]:
    """The modules that a command imports."""
    code = f"""import sys
from sweep.cli.main import main
sys.argv = ["sweep", *{words}]
try:
    main()
except SystemExit as end:
    sys.stderr.write(" ".join([str(end.code or 0), *sys.modules]))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd)
    status, *modules = done.stderr.split()
    assert status == "0", done.stderr[:2000]
    return {*modules}


def test_status_and_report_import_nothing_that_they_do_not_need(tmp_path: Path) -> None:
    promotable.make(tmp_path / "run")
    assert not loaded("status", "run", cwd=tmp_path) & {*HEAVY, "numpy", "search_spaces"}
    few = loaded("report", "run", cwd=tmp_path)
    assert not few & {"torch", "ray", "optuna", "onnxruntime", "numba", "sklearn", "grpc", "scipy.stats"}
    assert "pandas" in few and "plotly.graph_objects" not in few


def test_the_command_line_loads_nothing_that_a_command_does_not_need() -> None:
    assert not loaded("-h") & {*HEAVY, "numpy", "rich", "pydantic"}
