"""What is changed inside mlagents for one training: when it exports and saves, and what it tells us as it goes.

Sources: mlagents 1.1.0 `trainers/trainer/rl_trainer.py` (checkpoints), `trainers/model_saver/torch_model_saver.py`
(export), `trainers/stats.py`.

And mlagents' slow parts are replaced (`trials/learner/fast/`), with the same results bit for bit.
"""

import functools
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlagents.trainers import stats
from mlagents.trainers.model_saver.torch_model_saver import TorchModelSaver
from mlagents.trainers.trainer.rl_trainer import RLTrainer
from mlagents.trainers.trainer_controller import TrainerController

from trials import summaries
from trials.errors import SetupError
from trials.folder import TrialFolder, written_whole
from trials.learner import checkpoints, environments, health
from trials.learner.fast import table
from trials.learner.progress import Progress
from trials.records import TrialSpec


def install(files: TrialFolder, spec: TrialSpec, stop: environments.Stop, resumed: int = 0) -> None:
    """Change mlagents' modules in this process for one training of `spec`, from `resumed` trainer steps on."""
    health.room(files.path)
    progress = Progress(files, resumed)
    environments.install(spec, stop)
    _export_first()
    _publish_exports(files)
    _checkpoint_at_rungs(tuple(rung for rung in spec.rungs if rung > resumed), progress)
    _note_first(stop)
    table.install()
    stats.StatsReporter.add_writer(MetricsWriter(files, health.Health(spec)))


def _note_first(stop: environments.Stop) -> None:
    """Keep the first failure of a training: on its way out mlagents exports what may not exist, and so hides why, and a
    trainer's own thread (`threaded`) dies unheard while the environment goes on for ever."""

    def noting(work: Callable[..., Any], again: bool) -> Callable[..., Any]:
        @functools.wraps(work)
        def done(*arguments: Any, **options: Any) -> Any:
            try:
                return work(*arguments, **options)
            except Exception as error:
                stop.first = stop.first or error
                if again:
                    raise

        return done

    for name in ("_reset_env", "advance", "reset_env_if_ready"):
        setattr(TrainerController, name, noting(getattr(TrainerController, name), again=True))
    TrainerController.trainer_update_func = noting(TrainerController.trainer_update_func, again=False)


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
        checkpoints.save_status(files)
        return exported, others

    TorchModelSaver.save_checkpoint = save_and_copy


def _checkpoint_at_rungs(rungs: tuple[int, ...], progress: Progress) -> None:
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


class MetricsWriter(stats.StatsWriter):  # type: ignore[misc]
    """mlagents' summaries as JSON lines: one object a summary, every statistic's mean under mlagents' own name."""

    def __init__(self, files: TrialFolder, state: health.Health) -> None:
        self._files, self._health, self._started = files, state, time.time()

    def write_stats(self, category: str, values: dict[str, stats.StatsSummary], step: int) -> None:
        """As `StatsWriter.write_stats`."""
        means = {name: float(summary.aggregated_value) for name, summary in values.items()}
        summaries.append(self._files.metrics, step, self._started, means)
        health.room(self._files.path)
        self._health.look(means, step)
