"""A sweep from Python: run one, open one, its tables as data frames, its best policy."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from trials import run_state
    from trials.records import Rating


@dataclass(frozen=True, kw_only=True)
class Best:
    """The policy that a run carries on, as `Run.best` finds it."""

    policy: Path
    """Its ONNX file."""
    trial: int
    """The trial that trained it; of a run with finals a retrained one."""
    steps: int
    """Trainer steps it was trained for."""
    configuration: dict[str, Any]
    """The trainer YAML that trained it, complete, as mlagents reads it."""
    elo: float | None
    """On the ladder, where the house baseline stands at 1200: the number it was chosen by, which that choice flatters.
    None where no match rated it."""
    low: float | None
    """Lower end of the 95 % interval of `elo`."""
    high: float | None
    against_baseline: "Rating | None"
    """Matches against the run's baseline after the choice: `elo` is a difference, `low` to `high`. None before."""


@dataclass(frozen=True)
class Run:
    """A sweep's folder, `runs/NAME`. Every method reads the files anew, also while the sweep goes on."""

    path: Path

    def __fspath__(self) -> str:
        """Its folder: a run may stand wherever a model is named, for the policy that it carries on."""
        return str(self.path)

    def ranking(self) -> "pd.DataFrame":
        """A row a trial, the best first: rank, group, trial, elo, low, high (95 %), wins, draws, losses, steps, seed.

        >>> run.ranking()[["rank", "trial", "elo", "low", "high"]]
        """
        from reports.run import csv_files, ranking

        run = self._read()
        return csv_files.ranking(run, ranking.ranking(run))

    def trials(self) -> "pd.DataFrame":
        """A row a trial, retrained ones too: state, steps, elo, policy (path), and a column a parameter of the space.

        >>> run.trials().nlargest(3, "elo")[["trial", "hyperparameters.learning_rate", "elo"]]
        """
        from reports.run import tables

        return tables.trials(self._read(), self.path)

    def matches(self) -> "pd.DataFrame":
        """A row a counted match: the columns of trials/arena/matches/log.py, and `log`, the file it stands in.

        `result` is of player a: won 1, drawn 0.5, lost 0. Raises SetupError for a damaged log.

        >>> run.matches().groupby(["a_name", "b_name"])["result"].mean()
        """
        from reports.run import tables
        from trials.folder import RunFolder

        self._read()  # a folder without a ledger is refused
        return tables.matches(RunFolder(self.path))

    def curves(self) -> "pd.DataFrame":
        """The trainers' own summaries, long: trial, step (trainer steps), name, value.

        >>> curves = run.curves()
        >>> curves[curves["name"] == "Losses/Policy Loss"].pivot(index="step", columns="trial", values="value")
        """
        from reports.run import metrics
        from trials.folder import RunFolder

        run = self._read()
        return metrics.curves(RunFolder(self.path), [trial.number for trial in (*run.trials, *run.retrained)])

    def best(self) -> Best:
        """The policy that the run carries on. Raises SetupError where no trial was trained for the whole budget.

        >>> run.best().policy
        """
        from trials import ledger, run_state
        from trials.errors import SetupError
        from trials.folder import RunFolder
        from trials.inputs import located

        run = self._read()
        winner = run.winner
        candidate = run_state.carried_on(ledger.read(RunFolder(self.path).ledger))
        trial = run.trial(candidate.trial) if candidate else None
        if candidate is None or trial is None:
            raise SetupError(
                f"a run's best policy must have been trained for the whole budget, but none of {self.path} was;"
                " go on with it: `sweep resume`"
            )
        rating = next((rated.rating for rated in trial.rungs if rated.candidate == candidate), None)
        return Best(
            policy=self.path / candidate.path,
            trial=candidate.trial,
            steps=candidate.steps,
            configuration=located(trial.spec.config, self.path.absolute()),
            elo=rating.elo if rating else None,
            low=rating.low if rating else None,
            high=rating.high if rating else None,
            against_baseline=winner.baseline if winner else None,
        )

    def report(self) -> Path:
        """Write `report.html` and its tables from what the run holds now; the page's path.

        >>> webbrowser.open(run.report().as_uri())
        """
        from reports.run import page
        from trials.folder import RunFolder

        return page.build(RunFolder(self.path))

    def _read(self) -> "run_state.Run":
        from trials import ledger, run_state
        from trials.folder import RunFolder

        folder = RunFolder(self.path)
        return run_state.run_of(folder.name, ledger.read(folder.ledger))


def run(
    space: str | Path = "quick",
    *,
    trials: int | None = None,
    slots: int | None = None,
    steps: int | None = None,
    fields: int | None = None,
    num_envs: int | None = None,
    final_seeds: int | None = None,
    finalists: int | None = None,
    baseline: str | PathLike[str] | None = None,
    yardstick: Sequence[str | PathLike[str]] | None = None,
    env: str | PathLike[str] | None = None,
    won_by: Literal["group", "agents", "both", "stats"] | None = None,
    trainer: str | PathLike[str] | None = None,
    stall_seconds: float | None = None,
    gpus_per_trial: float | None = None,
    cpus_per_trial: float | None = None,
    torch_device: str | None = None,
    threads: int | None = None,
    sampler: Literal["tpe", "gp", "random"] | None = None,
    scheduler: Literal["asha", "median", "none"] | None = None,
    objectives: Literal["elo", "elo,cost"] | None = None,
    warm_start: str | Path | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    storage: str | None = None,
    ray_address: str | None = None,
    quiet: bool = False,
) -> Run:
    """Run a sweep to its end: propose, train, rate, report. Settings as in `sweep run -h`; None: the default.

    space: `quick`, `soccertwos`, `course`, or a trainer YAML's path. Prints what happens, unless `quiet`. Raises
    SweepError where nothing can be started or nothing worked, KeyboardInterrupt where it was interrupted: what was done
    is kept, and `sweep resume` goes on.

    >>> run = sweep.run("quick", trials=4, steps=100_000, final_seeds=0, out="runs/first")
    """
    given: dict[str, Any] = dict(locals())
    from rich.console import Console

    from sweep.cluster import address
    from sweep.driver.run import begin
    from trials.errors import SetupError

    if threading.current_thread() is not threading.main_thread():
        raise SetupError("a sweep must run in a process's main thread, whose signals stop it; call it from there")
    for name in ("space", "quiet", "warm_start"):
        del given[name]
    given |= {name: fspath(given[name]) for name in ("baseline", "env", "trainer") if given[name] is not None}
    given["yardstick"] = tuple(fspath(word) for word in yardstick or ())
    cluster = address.given(ray_address or os.environ.get(address.VARIABLE), ray_address is None)
    given["ray_address"] = cluster.text if cluster is not None else None
    console = Console(quiet=quiet)
    if console.is_jupyter:  # which says that it is a terminal, but shows a live table's every state
        console = Console(quiet=quiet, force_jupyter=False, force_terminal=False)
    before = Path(warm_start) if warm_start is not None else None
    answered = partial(address.must_answer, cluster) if cluster is not None else lambda: None
    status, folder = begin(str(space), given, before, console, answered)
    if status:
        raise KeyboardInterrupt(f"the sweep was interrupted; go on with `sweep resume {folder}`")
    return Run(folder)


def open_run(path: str | Path) -> Run:
    """The sweep in the folder `path`, or of that name below runs/, finished or not. Raises SetupError where none is.

    >>> sweep.open_run("runs/first").best().elo
    """
    from sweep import runs
    from trials import ledger

    found = runs.at(str(path))
    ledger.must_be_there(found.ledger)
    return Run(found.path)
