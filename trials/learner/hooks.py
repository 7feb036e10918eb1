"""What is changed inside mlagents for one training: where its environment comes from, and what it tells us as it goes.

Sources: mlagents 1.1.0 `trainers/learn.py` (run_training), `trainers/simple_env_manager.py`,
`trainers/trainer/rl_trainer.py` (checkpoints), `trainers/model_saver/torch_model_saver.py` (export).
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from mlagents.trainers import learn, stats
from mlagents.trainers.model_saver.torch_model_saver import TorchModelSaver
from mlagents.trainers.simple_env_manager import SimpleEnvManager
from mlagents.trainers.trainer.rl_trainer import RLTrainer
from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel

from trials.errors import SetupError
from trials.folder import TrialFolder, written_whole
from trials.learner import haste
from trials.records import TrialSpec
from trials.soccer.env import SoccerEnv

PROGRESS_PERIOD_S = 1.0
"""How often progress.json is replaced at most, seconds."""


class Stop(Protocol):
    """Raises KeyboardInterrupt when the training is to end."""

    def check(self) -> None: ...


def install(files: TrialFolder, spec: TrialSpec, stop: Stop) -> None:
    """Change mlagents' modules in this process for one training of `spec`."""
    progress = Progress(files)
    _embed_environment(spec, stop)
    _export_first()
    _publish_exports(files)
    _checkpoint_at_rungs(spec.rungs, progress)
    haste.install()
    stats.StatsReporter.add_writer(MetricsWriter(files.metrics))


def _embed_environment(spec: TrialSpec, stop: Stop) -> None:
    """The trainer gets our BaseEnv in its own process instead of a Unity executable behind gRPC and a pipe."""

    def manager(*_: Any) -> SimpleEnvManager:
        env = SoccerEnv(fields=spec.fields, seed=spec.seed)
        return EmbeddedManager(env, ParameterChannel(env), stop)

    learn.create_environment_factory = lambda *_: None
    learn.SubprocessEnvManager = manager


class EmbeddedManager(SimpleEnvManager):  # type: ignore[misc]
    """mlagents' one-process manager, which also looks for a wish to stop before each step."""

    def __init__(self, env: SoccerEnv, channel: "ParameterChannel", stop: Stop) -> None:
        super().__init__(env, channel)
        self._stop = stop

    def _step(self) -> Any:
        self._stop.check()
        return super()._step()


class ParameterChannel(EnvironmentParametersChannel):  # type: ignore[misc]
    """Hands the YAML's environment_parameters to the environment directly, samplers as functions of no argument."""

    def __init__(self, env: SoccerEnv) -> None:
        super().__init__()
        self._set: Callable[[str, Callable[[], float]], None] = env.set_parameter

    def set_float_parameter(self, key: str, value: float) -> None:
        self._set(key, lambda: value)

    def set_uniform_sampler_parameters(self, key: str, min_value: float, max_value: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._set(key, lambda: float(rng.uniform(min_value, max_value)))

    def set_gaussian_sampler_parameters(self, key: str, mean: float, st_dev: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._set(key, lambda: float(rng.normal(mean, st_dev)))

    def set_multirangeuniform_sampler_parameters(
        self, key: str, intervals: list[tuple[float, float]], seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        widths = np.array([high - low for low, high in intervals], dtype=float)
        share = widths / widths.sum() if widths.sum() > 0 else np.full(len(widths), 1 / len(widths))

        def sample() -> float:
            low, high = intervals[int(rng.choice(len(intervals), p=share))]
            return float(rng.uniform(low, high))

        self._set(key, sample)


def _export_first() -> None:
    """Try the export on the trial's own network before its first step: a broken one costs seconds, not hours."""
    register = TorchModelSaver.register

    def register_and_try(self: Any, module: Any) -> None:
        first = self.exporter is None
        register(self, module)
        if not first or self.exporter is None:
            return
        trial = Path(self.model_path) / "export-check"
        trial.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.exporter.export_policy_model(str(trial))
            import onnx

            onnx.checker.check_model(onnx.load(f"{trial}.onnx"))
        except Exception as error:
            raise SetupError(
                f"the ONNX export must work before training starts, but it raised {type(error).__name__}: {error};"
                " run `make sweep` again in a fresh .venv, or `sweep doctor`"
            ) from error
        finally:
            Path(f"{trial}.onnx").unlink(missing_ok=True)

    TorchModelSaver.register = register_and_try


def _publish_exports(files: TrialFolder) -> None:
    """Copy every exported policy out as soon as it is whole; mlagents itself keeps only the last few."""
    save = TorchModelSaver.save_checkpoint

    def save_and_copy(self: Any, behavior_name: str, step: int) -> Any:
        exported, others = save(self, behavior_name, step)
        with written_whole(files.candidates / Path(exported).name) as temporary:
            shutil.copyfile(exported, temporary)
        return exported, others

    TorchModelSaver.save_checkpoint = save_and_copy


def _checkpoint_at_rungs(rungs: tuple[int, ...], progress: "Progress") -> None:
    """Export at each rung too, whatever the checkpoint interval; the last rung is the final export anyway."""
    waiting = list(rungs[:-1])
    maybe_save, increment = RLTrainer._maybe_save_model, RLTrainer._increment_step

    def save_at_rung(self: Any, step_after: int) -> None:
        if waiting and self.get_step >= waiting[0]:
            while waiting and self.get_step >= waiting[0]:
                waiting.pop(0)
            self._checkpoint()
        else:
            maybe_save(self, step_after)

    def count(self: Any, n_steps: int, name_behavior_id: str) -> None:
        increment(self, n_steps, name_behavior_id)
        progress.at(int(self.get_step))

    RLTrainer._maybe_save_model, RLTrainer._increment_step = save_at_rung, count


class Progress:
    """Tells the worker where the trainer is: replaces progress.json at most once a second."""

    def __init__(self, files: TrialFolder) -> None:
        self._files, self._first, self._last = files, 0.0, 0.0

    def at(self, step: int) -> None:
        """Note that the trainer has reached `step`."""
        now = time.time()
        self._first = self._first or now
        if now - self._last < PROGRESS_PERIOD_S:
            return
        self._last = now
        with written_whole(self._files.progress) as temporary:
            temporary.write_text(json.dumps({"step": step, "seconds": now - self._first, "time": now}))


class MetricsWriter(stats.StatsWriter):  # type: ignore[misc]
    """mlagents' summaries as JSON lines: one object a summary, every statistic's mean under mlagents' own name."""

    def __init__(self, path: Path) -> None:
        self._path, self._started = path, time.time()

    def write_stats(self, category: str, values: dict[str, stats.StatsSummary], step: int) -> None:
        now = time.time()
        row = {"step": step, "time": now, "seconds": now - self._started}
        row |= {name: float(summary.aggregated_value) for name, summary in values.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
