"""Which trainings the columns are for, and the one line in the log that says where mlagents' own code goes on.

mlagents 1.1.0 `trainers/trainer/on_policy_trainer.py`: a PPO or POCA trainer of its own whose rewards are the
environment's gets a buffer of columns; memories, other reward signals, demonstrations and trainers in threads do not.
"""

from typing import Any

from mlagents.trainers.poca.trainer import POCATrainer
from mlagents.trainers.ppo.trainer import PPOTrainer
from mlagents.trainers.settings import RewardSignalType
from mlagents.trainers.trainer.on_policy_trainer import OnPolicyTrainer
from mlagents_envs.logging_util import get_logger

from trials.learner.fast.buffers import ColumnBuffer

logger = get_logger(__name__)
brains: dict[str, bool] = {}
"""Names of behaviors (`SoccerTwos`) to whether their trainer has a buffer of columns."""
_said: set[str] = set()


def say(reason: str) -> None:
    """Once a process and reason: this part of the training is mlagents' own code, slower and just as right."""
    if reason not in _said:
        _said.add(reason)
        logger.info(
            f"Part of this training runs mlagents' own code, slower and with the same results, because of {reason}."
        )


def unknown(trainer: Any) -> str | None:
    """Why a trainer's experiences are not kept in columns; None if they are."""
    settings = trainer.trainer_settings
    signals = [signal.value for signal in settings.reward_signals if signal != RewardSignalType.EXTRINSIC]
    if type(trainer) not in (POCATrainer, PPOTrainer):
        return f"a trainer of type {settings.trainer_type}"
    if settings.network_settings.memory is not None:
        return "a network with memory"
    if signals:
        return f"reward signals: {', '.join(signals)}"
    if settings.behavioral_cloning is not None:
        return "behavioral cloning"
    return "a trainer in a thread of its own" if settings.threaded else None


_init = OnPolicyTrainer.__init__


def init(self: Any, behavior_name: str, *arguments: Any, **options: Any) -> None:
    """OnPolicyTrainer.__init__, and a buffer of columns for what is known."""
    _init(self, behavior_name, *arguments, **options)
    reason = unknown(self)
    brains[behavior_name] = reason is None
    if reason is None:
        self.update_buffer = ColumnBuffer()
    else:
        say(reason)
