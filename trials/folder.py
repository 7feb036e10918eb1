"""Every file name of a sweep and of a trial, written once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True)
class TrialFolder:
    """Files of one trial, `runs/NAME/trials/0007/`."""

    path: Path

    @property
    def spec(self) -> Path:
        """The TrialSpec as JSON, what the launcher reads."""
        return self.path / "spec.json"

    @property
    def trainer_yaml(self) -> Path:
        """The rendered configuration, as `mlagents-learn` takes it."""
        return self.path / "trainer.yaml"

    @property
    def log(self) -> Path:
        """Everything the trainer's process printed."""
        return self.path / "trainer.log"

    @property
    def metrics(self) -> Path:
        """Summaries, one JSON object a line: step, time (unix seconds), seconds (since the start), statistic: mean."""
        return self.path / "metrics.jsonl"

    @property
    def progress(self) -> Path:
        """Where the trainer is now: {"phase", "step", "steps_per_second", "time"}, replaced whole."""
        return self.path / "progress.json"

    @property
    def candidates(self) -> Path:
        """Exported policies, `SoccerTwos-200512.onnx`: whole files only."""
        return self.path / "candidates"

    @property
    def results(self) -> Path:
        """What mlagents itself writes: checkpoints, configuration.yaml, run_logs, TensorBoard events."""
        return self.path / "mlagents"

    @property
    def stop(self) -> Path:
        """Where it exists, the trial is asked to end: it exports once more and stops its trainer."""
        return self.path / "stop"

    def matches(self, steps: int) -> Path:
        """The log of the matches that rated the candidate exported at `steps` (trials/arena/log.py)."""
        return self.path / "matches" / f"{steps}.parquet"


@dataclass(frozen=True)
class RunFolder:
    """Files of one sweep, `runs/NAME/`."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def study(self) -> Path:
        """Optuna's journal, for optuna-dashboard; a view that can be rebuilt from the ledger."""
        return self.path / "study.log"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def space(self) -> Path:
        """The search space as it was when the sweep began."""
        return self.path / "space.yaml"

    @property
    def settings(self) -> Path:
        return self.path / "sweep.yaml"

    def fresh_matches(self, role: str, opponent: str) -> Path:
        """The log of the matches that were played after the choice was made."""
        return self.path / "fresh_matches" / f"{role}-{opponent}.parquet"

    def match_logs(self) -> list[Path]:
        """Every match log of the run, tuning matches first."""
        return [*sorted(self.trials.glob("*/matches/*.parquet")), *sorted(self.path.glob("fresh_matches/*.parquet"))]

    @property
    def trials(self) -> Path:
        return self.path / "trials"

    def trial(self, number: int) -> TrialFolder:
        return TrialFolder(self.trials / f"{number:04d}")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that replaces it if the block succeeds: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
