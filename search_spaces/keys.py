"""The keys a trainer YAML may hold: type, hard limits, and the range ML-Agents' documentation calls typical.

Source of names, types and defaults: mlagents 1.1.0, trainers/settings.py. Source of the typical ranges: ML-Agents
documentation, Training-Configuration-File.md. mlagents checks names and types only; the limits are this product's.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union

from trials import errors
from trials.records import Value


@dataclass(frozen=True, kw_only=True)
class Key:
    """What one key may hold."""

    kind: Literal["int", "float", "bool", "text", "list"]
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    """Whether `low` itself is refused."""
    open_high: bool = False
    even: bool = False
    typical: tuple[float, float] | None = None
    """Documented typical range: values outside are allowed and reported."""
    options: tuple[str, ...] = ()
    nullable: bool = False
    default: Value | None = None
    """What mlagents takes where the key is absent, for keys that relations speak of."""

    def fault(self, value: Any) -> str | None:
        """The rule that `value` breaks, as `must be above 0`; None where it breaks none."""
        if value is None:
            return None if self.nullable else f"must be {self._what()}"
        if self.kind in ("int", "float"):
            return self._number_fault(value)
        if self.options:
            return None if value in self.options else f"must be one of {', '.join(self.options)}"
        return None if isinstance(value, _TYPES[self.kind]) else f"must be {self._what()}"

    def settled(self, value: Any) -> Any:
        """`value` in the key's own type: 5e6 is an int where the key is one."""
        return int(value) if self.kind == "int" and isinstance(value, float) and value.is_integer() else value

    def _what(self) -> str:
        return _WHAT[self.kind] if not self.options else f"one of {', '.join(self.options)}"

    def _number_fault(self, value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"must be {self._what()}"
        if isinstance(value, float) and not math.isfinite(value):
            return f"must be {self._what()}"
        if abs(value) > _LARGEST:
            return f"must be at most {min(self.high, _LARGEST):g}"
        if self.kind == "int" and value != int(value):
            return "must be a whole number"
        if value < self.low or (self.open_low and value == self.low):
            return f"must be above {self.low:g}" if self.open_low else f"must be at least {self.low:g}"
        if value > self.high or (self.open_high and value == self.high):
            return f"must be below {self.high:g}" if self.open_high else f"must be at most {self.high:g}"
        return "must be even" if self.even and value % 2 else None


MOST = 1_000_000
"""Of trials, slots, seeds and matches."""
_LARGEST = 2**63
"""Of numbers: numpy, torch and ML-Agents' wire hold no larger whole ones."""
_TYPES: dict[str, type] = {"bool": bool, "text": str, "list": list}
_WHAT = {"int": "a whole number", "float": "a number", "bool": "true or false", "text": "text", "list": "a list"}

Schema = Mapping[str, Union[Key, "Schema"]]


def _count(low: float = 1, **more: Any) -> Key:
    return Key(kind="int", low=low, **more)


def _positive(**more: Any) -> Key:
    return Key(kind="float", low=0, open_low=True, **more)


def _share(**more: Any) -> Key:
    return Key(kind="float", low=0, high=1, **more)


def _one_of(*options: str) -> Key:
    return Key(kind="text", options=options)


_FLAG = Key(kind="bool")
_TEXT = Key(kind="text")
_PATH = Key(kind="text", nullable=True)
_SCHEDULE = _one_of("linear", "constant")

_HYPERPARAMETERS: Schema = {
    "batch_size": _count(typical=(32, 512), default=1024),  # discrete actions
    "buffer_size": _count(typical=(2048, 409600), default=10240),
    "learning_rate": _positive(typical=(1e-5, 1e-3)),
    "learning_rate_schedule": _SCHEDULE,
}
_ON_POLICY: Schema = {
    **_HYPERPARAMETERS,
    "beta": Key(kind="float", low=0, typical=(1e-4, 1e-2)),
    "beta_schedule": _SCHEDULE,
    "epsilon": Key(kind="float", low=0, high=1, open_low=True, open_high=True, typical=(0.1, 0.3)),
    "epsilon_schedule": _SCHEDULE,
    "lambd": _share(typical=(0.9, 0.95)),
    "num_epoch": _count(typical=(3, 10)),
}
_OFF_POLICY: Schema = {
    **_HYPERPARAMETERS,
    "batch_size": _count(typical=(32, 512), default=128),
    "buffer_size": _count(typical=(50000, 1000000), default=50000),
    "buffer_init_steps": _count(0),
    "tau": _share(),
    "steps_per_update": _positive(),
    "reward_signal_steps_per_update": _positive(),
    "save_replay_buffer": _FLAG,
    "init_entcoef": Key(kind="float", low=0),
}
HYPERPARAMETERS: Mapping[str, Schema] = {
    "poca": _ON_POLICY,
    "ppo": {**_ON_POLICY, "shared_critic": _FLAG},
    "sac": _OFF_POLICY,
}

_NETWORK: Schema = {
    "normalize": _FLAG,
    "hidden_units": _count(typical=(32, 512)),
    "num_layers": _count(typical=(1, 3)),
    "vis_encode_type": _one_of("simple", "nature_cnn", "resnet", "match3", "fully_connected"),
    "goal_conditioning_type": _one_of("hyper", "none"),
    "deterministic": _FLAG,
    "memory": {
        "memory_size": _count(even=True, typical=(32, 256)),
        "sequence_length": _count(typical=(4, 128), default=64),
    },
}
_REWARD: Schema = {
    "gamma": Key(kind="float", low=0, high=1, open_high=True, typical=(0.8, 0.995)),
    "strength": Key(kind="float", low=0),
    "network_settings": _NETWORK,
}
_EXPLORING: Schema = {
    **_REWARD,
    "learning_rate": _positive(typical=(1e-5, 1e-3)),
    "encoding_size": _count(nullable=True),
}
_BEHAVIOR: Schema = {
    "trainer_type": _one_of(*HYPERPARAMETERS),
    "network_settings": _NETWORK,
    "reward_signals": {
        "extrinsic": _REWARD,
        "curiosity": _EXPLORING,
        "rnd": _EXPLORING,
        "gail": {**_EXPLORING, "demo_path": _TEXT, "use_actions": _FLAG, "use_vail": _FLAG},
    },
    "self_play": {
        "save_steps": _count(typical=(10000, 100000), default=20000),
        "team_change": _count(),  # mlagents' default: 5 x save_steps
        "swap_steps": _count(typical=(10000, 100000), default=2000),
        "window": _count(typical=(5, 30), default=10),
        "play_against_latest_model_ratio": _share(),
        "initial_elo": Key(kind="float"),
    },
    "behavioral_cloning": {
        "demo_path": _TEXT,
        "steps": _count(0),
        "strength": Key(kind="float", low=0),
        "samples_per_update": _count(0),
        "num_epoch": _count(nullable=True),
        "batch_size": _count(nullable=True),
    },
    "max_steps": _count(default=500000),
    "time_horizon": _count(typical=(32, 2048), default=64),
    "summary_freq": _count(default=50000),
    "checkpoint_interval": _count(default=500000),
    "keep_checkpoints": _count(),
    "even_checkpoints": _FLAG,
    "init_path": _PATH,
    "threaded": _FLAG,
    "framework": _TEXT,  # until release 16; mlagents passes it over
}

_COUNT0 = _count(0)
TOP: Schema = {
    "behaviors": {},
    "default_settings": {},
    "environment_parameters": {},
    "sweep": {},
    "debug": _FLAG,
    "torch_settings": {"device": _PATH},
    "env_settings": {
        "env_path": _PATH,
        "env_args": Key(kind="list", nullable=True),
        "base_port": _count(),
        "num_envs": _count(),
        "num_areas": _count(high=4096),
        "timeout_wait": _count(),
        "seed": _count(-1, high=2**31 - 1),
        "max_lifetime_restarts": _count(-1),
        "restarts_rate_limit_n": _count(-1),
        "restarts_rate_limit_period_s": _COUNT0,
    },
    "engine_settings": {
        "width": _count(),
        "height": _count(),
        "quality_level": _COUNT0,
        "time_scale": _positive(),
        "target_frame_rate": _count(-1),
        "capture_frame_rate": _COUNT0,
        "no_graphics": _FLAG,
        "no_graphics_monitor": _FLAG,
    },
    "checkpoint_settings": {
        "run_id": _TEXT,
        "initialize_from": _PATH,
        "load_model": _FLAG,
        "resume": _FLAG,
        "force": _FLAG,
        "train_model": _FLAG,
        "inference": _FLAG,
        "results_dir": _TEXT,
    },
}
"""Sections with `{}` have rules of their own (`search_spaces/rules.py`, `environment.py`)."""

NULLABLE_SECTIONS = frozenset({"memory", "self_play", "behavioral_cloning"})

SWEEP: Mapping[str, Key] = {
    "trials": _count(high=MOST),
    "slots": _count(high=MOST),
    "steps": _count(high=10**12),
    "fields": _count(high=4096),
    "threads": _count(high=MOST),
    "sampler": _TEXT,
    "scheduler": _TEXT,
    "objectives": _TEXT,
    "startup_trials": _count(high=MOST),
    "first_rung": Key(kind="float", low=0.01, high=1),
    "reduction_factor": Key(kind="float", low=1.1, high=1000),
    "rating_matches": _count(8, high=MOST, even=True),
    "fresh_matches": _count(8, high=MOST, even=True),
    "final_seeds": _count(0, high=100),
    "finalists": _count(high=MOST),
}

ENVIRONMENT_PARAMETERS = ("ball_touch", "gravity")
"""What SoccerTwos reads (ML-Agents release 20 to 22: AgentSoccer.cs, ProjectSettingsOverrides.cs)."""

BEHAVIOR = "SoccerTwos"


def behavior(trainer_type: Any) -> Schema:
    """The keys below a behavior; an unknown trainer type is read as POCA."""
    return {"hyperparameters": HYPERPARAMETERS.get(str(trainer_type), _ON_POLICY), **_BEHAVIOR}


def known(trainer_type: Any) -> Mapping[str, Key]:
    """Dotted path below a behavior to what may stand there."""
    return _known(str(trainer_type))


@functools.cache
def _known(trainer_type: str) -> Mapping[str, Key]:
    return dict(leaves(behavior(trainer_type)))


def leaves(schema: Schema, path: str = "") -> Iterator[tuple[str, Key]]:
    """Dotted path and key of every leaf."""
    for name, below in schema.items():
        here = f"{path}.{name}" if path else name
        if isinstance(below, Key):
            yield here, below
        else:
            yield from leaves(below, here)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`: one of the same last part, else by spelling."""
    names = list(known)
    return same_key(name, names) or errors.nearest(name, names)


def same_key(name: str, known: Iterable[str]) -> str | None:
    """The known path with the last part of `name`: the shortest, of several the first; None where there is none."""
    last = name.rsplit(".", 1)[-1]
    same = [other for other in known if other.rsplit(".", 1)[-1] == last]
    return min(same, key=lambda other: other.count("."), default=None)
