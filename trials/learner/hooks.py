"""What is changed inside mlagents for one training: when it exports and saves, and what it tells us as it goes.

Sources: mlagents 1.1.0 `trainers/trainer/rl_trainer.py` (checkpoints), `trainers/model_saver/torch_model_saver.py`
(export), `trainers/stats.py`.

And mlagents' slow parts are replaced (`trials/learner/fast/`), with the same results bit for bit.
"""

import functools
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlagents.trainers import stats
from mlagents.trainers.ghost.trainer import GhostTrainer
from mlagents.trainers.model_saver.torch_model_saver import TorchModelSaver
from mlagents.trainers.poca.optimizer_torch import TorchPOCAOptimizer
from mlagents.trainers.ppo.optimizer_torch import TorchPPOOptimizer
from mlagents.trainers.sac.optimizer_torch import TorchSACOptimizer
from mlagents.trainers.trainer.rl_trainer import RLTrainer
from mlagents.trainers.trainer_controller import TrainerController
from mlagents.trainers.training_status import GlobalTrainingStatus, StatusType

from trials import summaries
from trials.errors import SetupError
from trials.folder import TrialFolder, assembled, written_whole
from trials.learner import checkpoints, environments, health, process
from trials.learner.fast import table
from trials.learner.progress import Progress
from trials.records import TrialSpec


def install(files: TrialFolder, spec: TrialSpec, stop: environments.Stop, resumed: int = 0) -> None:
    """Change mlagents' modules in this process for one training of `spec`, from `resumed` trainer steps on."""
    health.room(files.path)
    progress = Progress(files, resumed)
    environments.install(spec, stop)
    _export_first()
    _publish_exports(files, spec.behaviors)
    _keep_status(files)
    _checkpoint_at_rungs(files, spec, resumed, progress)
    _live_in_updates(progress)
    _note_first(stop)
    table.install()
    state = health.Health(spec, summaries.read(files.metrics))
    stats.StatsReporter.add_writer(MetricsWriter(files, state, spec.behavior))


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
        except OSError:
            raise  # a full disk is no broken export
        except Exception as error:
            raise SetupError(
                f"the ONNX export must work before training starts, but it raised {type(error).__name__}: {error};"
                " run `make sweep` again in a fresh .venv, or `sweep doctor`"
            ) from error
        finally:
            Path(f"{trial}.onnx").unlink(missing_ok=True)

    TorchModelSaver.register = register_and_try


def _publish_exports(files: TrialFolder, behaviors: Sequence[str]) -> None:
    """Copy every exported policy out as soon as it is whole; mlagents itself keeps only the last few.

    Of two behaviors the newest of both, as one folder, each time the one that is behind has gone on.
    """
    save = TorchModelSaver.save_checkpoint
    newest: dict[str, tuple[int, str]] = {}

    def save_and_copy(self: Any, behavior_name: str, step: int) -> Any:
        exported, others = save(self, behavior_name, step)
        newest[behavior_name] = step, exported
        if len(behaviors) == 1:
            with written_whole(files.candidates / Path(exported).name) as temporary:
                shutil.copyfile(exported, temporary)
        elif len(newest) == len(behaviors):
            least = min(reached for reached, _ in newest.values())
            together = files.candidates / f"{'+'.join(behaviors)}-{least}"
            if not together.exists():
                with assembled(together) as folder:
                    for name, (_, path) in newest.items():
                        shutil.copyfile(path, folder / f"{name}.onnx")
        return exported, others

    TorchModelSaver.save_checkpoint = save_and_copy


def _keep_status(files: TrialFolder) -> None:
    """Write the training status behind each checkpoint, the ghost Elo in it; mlagents writes both at the end alone."""
    checkpoint, change = RLTrainer._checkpoint, GhostTrainer.change_current_elo

    def kept(self: Any) -> Any:
        made = checkpoint(self)
        checkpoints.save_status(files)
        return made

    def noted(self: Any, by: float) -> None:
        change(self, by)
        GlobalTrainingStatus.set_parameter_state(self.brain_name, StatusType.ELO, self.current_elo)

    RLTrainer._checkpoint, GhostTrainer.change_current_elo = kept, noted


def _live_in_updates(progress: Progress) -> None:
    """Say after each minibatch that the training goes on: an update of a large network takes minutes."""

    def lively(update: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(update)
        def updated(*arguments: Any, **options: Any) -> Any:
            done = update(*arguments, **options)
            progress.alive()
            return done

        return updated

    for optimizer in (TorchPOCAOptimizer, TorchPPOOptimizer, TorchSACOptimizer):
        optimizer.update = lively(optimizer.update)


def _checkpoint_at_rungs(files: TrialFolder, spec: TrialSpec, resumed: int, progress: Progress) -> None:
    """Export at each rung too, whatever the checkpoint interval; the last rung is the final export anyway.

    A training is as far as the behavior is that is behind: in self-play of two, they learn in turns. Where a trainer
    was killed behind a rung's checkpoint, before its export, the next one exports at once.
    """
    exported = max((steps for steps, _ in process.exported(files)), default=0)
    waiting = [rung for rung in spec.rungs if rung > min(resumed, exported)][:-1]
    trainers: dict[str, Any] = {}
    maybe_save, increment = RLTrainer._maybe_save_model, RLTrainer._increment_step

    def reached() -> int:
        if len(trainers) < len(spec.behaviors):  # one has not had its turn yet
            return resumed
        return min(int(trainer.get_step) for trainer in trainers.values())

    def save_at_rung(self: Any, step_after: int) -> None:
        trainers[self.brain_name] = self
        if waiting and (now := reached()) >= waiting[0]:
            while waiting and now >= waiting[0]:
                waiting.pop(0)
            for trainer in trainers.values():
                trainer._checkpoint()
        else:
            maybe_save(self, step_after)

    def count(self: Any, n_steps: int, name_behavior_id: str) -> None:
        trainers[self.brain_name] = self
        increment(self, n_steps, name_behavior_id)
        progress.at(reached())

    RLTrainer._maybe_save_model, RLTrainer._increment_step = save_at_rung, count


class MetricsWriter(stats.StatsWriter):  # type: ignore[misc]
    """mlagents' summaries as JSON lines: one object a summary, every statistic's mean under mlagents' own name; of a
    second behavior that follows the behavior's."""

    def __init__(self, files: TrialFolder, state: health.Health, behavior: str) -> None:
        self._files, self._health, self._behavior, self._started = files, state, behavior, time.monotonic()

    def write_stats(self, category: str, values: dict[str, stats.StatsSummary], step: int) -> None:
        """As `StatsWriter.write_stats`."""
        means = {name: float(summary.aggregated_value) for name, summary in values.items()}
        told = means if category == self._behavior else {f"{category}/{name}": mean for name, mean in means.items()}
        summaries.append(self._files.metrics, step, time.monotonic() - self._started, told)
        health.room(self._files.path)
        self._health.look(means, step)
