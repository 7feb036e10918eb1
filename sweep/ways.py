"""Ways to search, by name: samplers, schedulers, objectives; others that people know are refused with the reason."""

from collections.abc import Mapping
from typing import Literal, get_args

from trials.errors import UsageError, did_you_mean

Sampler = Literal["tpe", "gp", "random"]
Scheduler = Literal["asha", "median", "none"]
Objectives = Literal["elo", "elo,cost"]
_KEEPS = "pauses or clones trials, and mlagents does not save ghost windows: such a trial would lose its opponents"
_REFUSED: Mapping[str, Mapping[str, str]] = {
    "sampler": {
        "cmaes": "has no place for choices, which the shipped spaces have, and needs more trials than a sweep makes",
        "nsgaii": "needs hundreds of trials before its populations tell anything; objectives elo,cost go with tpe",
        "grid": "would need more trials than anyone can train; random covers a space better",
    },
    "scheduler": dict.fromkeys(("pbt", "pb2", "pbtreplay", "hyperband", "bohb", "hyperbandforbohb"), _KEEPS)
    | {"resourcechanging": _KEEPS, "fifo": "is called none here"},
}
KNOWN: Mapping[str, tuple[str, ...]] = {
    "sampler": get_args(Sampler),
    "scheduler": get_args(Scheduler),
    "objectives": get_args(Objectives),
}


def check_search(given: Mapping[str, object]) -> None:
    """Raise SetupError, one line with the reason, for a way to search that a sweep does not have."""
    for setting, known in KNOWN.items():
        name = given.get(setting, known[0])
        if name not in known:
            plain = "".join(letter for letter in str(name).lower() if letter.isalnum())
            reason = _REFUSED.get(setting, {}).get(plain)
            near = "" if reason else did_you_mean(str(name), known)
            raise UsageError(
                f"--{setting} must be one of {' | '.join(known)}, but got {name}"
                + (f", which {reason}; " if reason else "; ")
                + (near or f"leave it out for {known[0]}")
            )
    if given.get("objectives") == "elo,cost" and given.get("scheduler", "asha") != "none":
        raise UsageError(
            f"--objectives elo,cost must go with --scheduler none, but got {given.get('scheduler', 'asha')}:"
            " Optuna cannot prune a study of two objectives; add --scheduler none, or leave --objectives out"
        )
