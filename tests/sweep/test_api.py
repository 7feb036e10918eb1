"""The public API: what `import sweep` gives, what its help says, and what it answers on a real run and real matches."""

import doctest
import inspect
import pydoc
import subprocess
import sys
import threading
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from mlagents_envs.base_env import ActionTuple, BaseEnv
from real_sweep import Finished

import sweep
from sweep.cli.main import cli
from trials.arena.players.player import Floats
from trials.soccer.env import BEHAVIORS

HEAVY = ("torch", "ray", "optuna", "pandas", "plotly", "onnxruntime", "numba", "sklearn", "pyarrow", "huggingface_hub")


@pytest.fixture(scope="module")
def run(finished: Finished) -> sweep.Run:
    assert finished.status == 0, finished.output
    return sweep.open_run(finished.run.path)


def test_all_names_what_there_is_and_nothing_else() -> None:
    assert sorted(sweep.__all__) == list(sweep.__all__)
    public = {
        name
        for name, value in vars(sweep).items()
        if not name.startswith("_") and not inspect.ismodule(value)  # modules are found there once they are imported
    }
    assert public == set(sweep.__all__)


def test_importing_it_is_light_and_does_nothing(tmp_path: Path) -> None:
    code = f"import sys, sweep; print([name for name in {HEAVY} if name in sys.modules], len(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded, modules = done.stdout.rsplit(maxsplit=1)
    assert loaded == "[]" and int(modules) < 200, done.stdout
    assert not done.stderr and not list(tmp_path.iterdir())


def test_every_package_says_that_it_is_typed() -> None:
    root = Path(sweep.__file__).parents[1]
    assert all((root / name / "py.typed").is_file() for name in ("sweep", "search_spaces", "trials", "reports"))


PUBLIC = {name: getattr(sweep, name) for name in sweep.__all__ if inspect.isfunction(getattr(sweep, name))} | {
    name: member for name, member in vars(sweep.Run).items() if not name.startswith("_") and name != "path"
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_function_has_an_example_that_is_python(name: str) -> None:
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(PUBLIC[name]) or "")
    assert examples and any(f"{name}(" in example.source for example in examples)
    for example in examples:
        compile(example.source, name, "exec")


def test_help_reads_as_a_page() -> None:
    page = pydoc.plain(pydoc.render_doc(sweep))
    assert page.splitlines()[3].strip().startswith("sweep - Find the hyperparameters")
    for name in sweep.__all__:
        assert f"{name}(" in page or f"class {name}" in page, name


def test_run_takes_what_the_command_line_takes() -> None:
    options = {option.name for option in cli.commands["run"].params if isinstance(option, click.Option)}
    taken = set(inspect.signature(sweep.run).parameters)
    assert taken == options | {"space", "quiet"}


def test_run_refuses_as_the_command_line_does(tmp_path: Path) -> None:
    with pytest.raises(sweep.SweepError, match=r"--sampler must be one of tpe \| gp | random, but got grid"):
        sweep.run("quick", sampler="grid", out=tmp_path / "run")  # type: ignore[arg-type]
    with pytest.raises(sweep.SweepError, match=r"a search space must be one of .* but got nowhere"):
        sweep.run("nowhere", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_run_refuses_another_thread_than_the_main_one() -> None:
    raised: list[BaseException] = []

    def elsewhere() -> None:
        try:
            sweep.run("quick")
        except sweep.SweepError as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "must run in a process's main thread" in str(raised[0])


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(sweep.SweepError, match="must hold a ledger"):
        sweep.open_run(tmp_path)


def test_a_runs_tables(run: sweep.Run) -> None:
    ranking, trials, matches, curves = run.ranking(), run.trials(), run.matches(), run.curves()
    assert list(ranking["rank"].dropna()) == sorted(ranking["rank"].dropna()) and ranking["rank"].iloc[0] == 1
    assert sorted(ranking["trial"]) == list(trials["trial"]) == [0, 1, 2, 3]
    assert trials["hyperparameters.learning_rate"].between(1e-4, 1e-3).all()
    assert all(Path(policy).is_file() for policy in trials["policy"])
    best = ranking.iloc[0]
    assert trials.set_index("trial").loc[best["trial"], "elo"] == best["elo"]
    assert set(matches["result"]) <= {0, 0.5, 1} and matches["result"].dtype == float
    assert matches["decisions"].dtype == int and str(matches["time"].dtype.tz) == "UTC"  # type: ignore[union-attr]
    rated = trials["trial"].map(lambda number: matches["log"].str.startswith(f"trials/{number:04d}/").sum())
    assert (rated >= 8).all()
    assert set(curves["trial"]) <= {0, 1, 2, 3} and len(curves)


def test_a_runs_best_policy_and_report(run: sweep.Run, finished: Finished) -> None:
    best = run.best()
    assert best.policy.is_file() and best.policy.is_relative_to(finished.run.path)
    assert best.configuration["behaviors"]["SoccerTwos"]["trainer_type"] == "poca"
    row = run.trials().set_index("trial").loc[best.trial]
    assert (row["policy"], row["elo"]) == (str(best.policy), best.elo)
    assert best.low is not None and best.elo is not None and best.high is not None and best.low < best.elo < best.high
    assert best.against_baseline is not None and best.against_baseline.matches == 8
    assert run.report() == finished.run.report


def test_play_and_rate_agree(tmp_path: Path) -> None:
    log = tmp_path / "matches.parquet"
    result = sweep.play("house", "still", matches=40, log=log)
    assert (result.a, result.b, result.matches) == ("house", "still", 40)
    assert result.wins + result.draws + result.losses == 40 and result.wins > 30
    assert result.wins == result.by_side.blue.wins + result.by_side.purple.wins
    assert result.low is not None and result.elo is not None and result.high is not None
    assert result.low < result.elo < result.high
    ratings = sweep.rate(log)
    assert list(ratings.table["model"]) == ["house", "still"] and ratings.anchor == "house"
    assert ratings.matches == 40 and ratings.notes == ()
    assert sweep.rate(log, baseline=tmp_path / "still").anchor == "still"
    with pytest.raises(sweep.SweepError, match="there must be matches to rate, but got none"):
        sweep.rate()
    assert sweep.play("house", "still", matches=np.int64(4), env="embedded").matches == 4
    assert ratings.cross_table.loc["house", "still"] == (result.wins + result.draws / 2) / 40
    assert pd.isna(ratings.cross_table.loc["house", "house"])


def test_watch_writes_a_page(tmp_path: Path) -> None:
    page = sweep.watch("chaser", "still", matches=2, out=tmp_path / "page.html")
    assert page.stat().st_size > 10_000


def test_a_policy_plays_in_the_environment() -> None:
    env, policies = sweep.environment(fields=3, seed=1), [sweep.load_policy(name) for name in ("house", "still")]
    assert isinstance(env, BaseEnv)
    goals = [0, 0]
    env.reset()
    for _ in range(300):
        for team, (behavior, policy) in enumerate(zip(BEHAVIORS, policies, strict=True)):
            decisions, terminals = env.get_steps(behavior)
            actions = policy.act(decisions.obs)
            assert actions.shape == (6, 3) and actions.min() >= 0 and actions.max() <= 2
            env.set_actions(behavior, ActionTuple(discrete=actions))
            goals[team] += int((terminals.group_reward > 0).sum()) // 2
        env.step()
    assert goals[0] > 0 == goals[1]


class Counter:
    """A recurrent player that remembers how often it was asked, and turns by that: 0, 1, 2."""

    name = id = "counter"
    memory = 1

    def decide(self, observations: Floats, memory: Floats, log_probabilities: Floats) -> None:
        assert len(observations) == len(memory) == len(log_probabilities) == 16
        log_probabilities[:] = -np.inf
        log_probabilities[:, [0, 3]] = 0
        log_probabilities[np.arange(16), 6 + memory[:, 0].astype(int)] = 0
        memory += 1


def test_a_recurrent_policy_remembers_until_it_is_reset_or_others_ask() -> None:
    policy, seen = sweep.Policy(Counter(), seed=0), np.zeros((3, 336))
    assert [policy.act(seen).tolist() for _ in range(3)] == [[[0, 0, turn]] * 3 for turn in range(3)]
    policy.reset()
    assert policy.act(seen)[:, 2].tolist() == [0, 0, 0]
    assert policy.act(np.zeros((4, 336)))[:, 2].tolist() == [0, 0, 0, 0]


def test_a_policy_takes_one_array_or_two_and_draws_by_its_seed() -> None:
    seen = np.random.default_rng(1).random((5, 336), np.float32)
    policy = sweep.load_policy("house")
    likeliest = policy.act(seen, deterministic=True)
    assert (policy.act([seen[:, :264], seen[:, 264:]], deterministic=True) == likeliest).all()
    assert (policy.act((seen[:, 264:], seen[:, :264]), deterministic=True) == likeliest).all()
    drawn = [sweep.load_policy("random", seed=seed).act(np.zeros((999, 336))) for seed in (1, 1, 2)]
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()
    assert [abs((drawn[0] == action).mean() - 1 / 3) < 0.05 for action in (0, 1, 2)] == [True] * 3
    for shape in ((336,), (5, 335), (2, 5, 336)):
        with pytest.raises(sweep.SweepError, match=r"observations must be \(n, 336\), or .* but got"):
            policy.act(np.zeros(shape))
    with pytest.raises(sweep.SweepError, match="but got dict"):
        policy.act({"a": 1})
    with pytest.raises(sweep.SweepError, match="observations must be finite numbers"):
        policy.act(np.full((5, 336), np.nan))
