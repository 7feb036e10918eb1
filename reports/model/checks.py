"""What the course asks of a SoccerTwos model and what its users will miss: one check after another, each with its fix.

The course's last step (deep RL course, unit 7, AI vs AI): the model has the tag ML-Agents-SoccerTwos and a file
SoccerTwos.onnx, and observations and actions are unchanged. `mlagents-push-to-hf` looks at none of it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from reports.model import files as model_files
from reports.model import leaks, licenses
from reports.model.bundle import CARD, CONFIG, CONFIGURATION, STATUS
from reports.model.files import ModelFiles, Told, as_json, behaviors, defaults, policy_of
from reports.model.leaks import Private
from search_spaces.parameters import is_number
from trials.arena.games.soccer import SOCCER
from trials.arena.players import onnx_external
from trials.arena.players.sandbox import vet
from trials.errors import BadPolicy, reason

Status = Literal["ok", "advice", "no", "unknown"]
"""no: the model fails it; advice: it works, and could be better; unknown: nothing here tells."""
STOCK = ("poca", "ppo", "sac")
MOMENT_STEPS, MOMENT_S = 5_000, 30.0
"""Trainer steps and seconds below which nothing can have been learned: the course's run takes hours."""
LONGER = "train longer: the course takes 5 million steps"
LARGE = 35 << 20
"""Bytes of a repository beyond which much of it must be leftovers: policy, checkpoint and curves take about 32 MB."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    found: str
    mend: str = ""
    """What to do; empty where it is well."""


def examine(subject: ModelFiles, private: Private | None = None, load: bool = True) -> list[Check]:
    """Everything that can be seen without playing, the musts first; no check hides the next.

    `load` the policy, in a process of its own: a second or two.
    """
    card, configuration = model_files.front_matter(subject), model_files.configuration(subject)
    checks = [_named(subject), *(_plays(subject) if load else ())]
    if subject.alone:
        return checks
    return [
        *checks,
        _trained(subject),
        _trainer(configuration),
        _tag(subject, card.values),
        _behavior(subject, configuration),
        *_card(subject, card),
        _resumable(subject),
        _clean(subject, private or Private()),
        _lean(subject),
    ]


def broken(checks: Sequence[Check]) -> list[Check]:
    """Those that must be fixed."""
    return [check for check in checks if check.status == "no"]


# --- the policy --------------------------------------------------------------------------------------------------


def _named(subject: ModelFiles) -> Check:
    wanted, policies = [names.onnx for names in subject.each], [n for n in subject.names if n.lower().endswith(".onnx")]
    mine = next((name for name in wanted if name not in subject.names), "")
    if not mine:
        return Check("name", "ok", ", ".join(wanted))
    if not policies:
        export = f"end the training with one Ctrl+C, so that it exports {mine}; add it"
        return Check("name", "no", "no .onnx file", export)
    said = ", ".join(policies[:3]) + (", ..." if len(policies) > 3 else "")
    return Check("name", "no", f"no {mine} at the root, but {said}", f"put the policy at the root as {mine}")


def _plays(subject: ModelFiles) -> list[Check]:
    """Whole, of unchanged spaces, playable; as far as the first that fails, of each behavior."""
    if subject.behavior.roles:
        return [check for role in subject.behavior.roles for check in _plays(replace(subject, behavior=role))]
    path, soccer = policy_of(subject), subject.behavior == SOCCER
    if path is None:
        return [Check("file", "no", "no policy to look at", f"add {subject.called.onnx}")]
    try:
        vet(path, subject.behavior)
    except BadPolicy as error:
        found, _, mend = str(error).rpartition("; ")
        if error.about == "spaces" and soccer:
            found = str(error)  # which names the other game at its end
            mend = f"train in SoccerTwos as it is, {_as_it_is()}; export with ML-Agents"
        before = [] if error.about == "file" else [Check("file", "ok", "whole")]
        return [*before, Check(error.about, "no", found, mend)]
    size = sum(file.stat().st_size for file in (path, *onnx_external.files(path)))
    whole = Check("file", "ok", f"whole, {size / 1e6:.2f} MB")
    spaces = _spaces(path) if soccer else Check("spaces", "ok", str(subject.behavior))
    return [whole, spaces, Check("plays", "ok", "loads and answers with probabilities")]


def _spaces(path: Path) -> Check:
    """onnx's own checker, and the inputs by width; only for files that vetting has passed."""
    import onnx

    from trials.arena.players import onnx_graph
    from trials.arena.players.onnx_game import ACTIONS, ALL, BACKWARD, BRANCHES, FORWARD

    model = onnx.load_model_from_string(onnx_graph.single(path))  # which opens no file that vetting has not seen
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        return Check("spaces", "no", f"onnx.checker: {reason(error)}", "export it again with ML-Agents")
    others = {tensor.name for tensor in model.graph.initializer} | {"action_masks", "recurrent_in"}
    observed = [value for value in model.graph.input if value.name not in others]
    seen = sorted(dim.dim_value for value in observed for dim in value.type.tensor_type.shape.dim[-1:])
    if seen not in ([BACKWARD, FORWARD], [ALL]):
        found = f"observations of {' + '.join(map(str, seen)) or 'nothing'} floats"
        return Check("spaces", "no", found, f"train in SoccerTwos as it is, {_as_it_is()}")
    floats = " + ".join(map(str, seen[::-1]))
    return Check("spaces", "ok", f"{floats} floats in, {BRANCHES} branches of {ACTIONS} actions out")


def _as_it_is() -> str:
    from trials.arena.players.onnx_game import ACTIONS, ALL, BACKWARD, BRANCHES, FORWARD

    return f"{FORWARD} and {BACKWARD} floats in, or {ALL}, {BRANCHES} branches of {ACTIONS} actions out"


# --- the training ------------------------------------------------------------------------------------------------


def trained_for(steps: int) -> Check:
    """A policy by its trainer steps."""
    short = steps < MOMENT_STEPS
    return Check("trained", "no" if short else "ok", f"{steps:,} steps", LONGER if short else "")


def _trained(subject: ModelFiles) -> Check:
    """By what the trainer left: steps of its last checkpoint, seconds of its run."""
    name = "trained"
    status, timers = as_json(subject, STATUS), as_json(subject, "run_logs/timers.json")
    reached = [_steps(status.values or {}, names.behavior) for names in subject.each]
    steps = min((each for each in reached if each is not None), default=None)
    seconds = (timers.values or {}).get("total")
    if not is_number(seconds):
        seconds = None
    if steps is None and seconds is None:
        wrong = status.wrong or timers.wrong or "no training_status.json or timers.json tells"
        return Check(name, "unknown", wrong, "upload run_logs with the model")
    if steps is not None and steps < MOMENT_STEPS:
        return trained_for(steps)
    if seconds is not None and seconds < MOMENT_S:
        if steps is not None:
            said = f"{steps:,} steps, but the last run took {seconds:.2g} s"
            return Check(name, "advice", said, "was it started twice?")
        return Check(name, "no", f"a run of {seconds:.2g} s", LONGER)
    return Check(name, "ok", f"{steps:,} steps" if steps is not None else f"{seconds:,.0f} s")


def _steps(status: Mapping[str, Any], name: str) -> int | None:
    behavior = status.get(name)
    if not isinstance(behavior, dict):
        return None
    kept = behavior.get("checkpoints")
    known = [*(kept if isinstance(kept, list) else []), behavior.get("final_checkpoint")]
    steps = [one.get("steps") for one in known if isinstance(one, dict)]
    return max((step for step in steps if isinstance(step, int)), default=None)


def _trainer(configuration: Told) -> Check:
    if configuration.values is None:
        wrong = configuration.wrong or f"no {CONFIGURATION}"
        return Check("trainer", "unknown", wrong, "upload it whole, so that others can train the same way")
    default = defaults(configuration.values)
    settings = behaviors(configuration.values).values() or ([default] if default else [])
    kinds = {str({"trainer_type": "ppo", **default, **own}["trainer_type"]) for own in settings}  # as mlagents does
    said = ", ".join(sorted(kinds)) or "none"
    if kinds and kinds <= {*STOCK}:
        return Check("trainer", "ok", said)
    return Check("trainer", "no", said, f"train with one of ML-Agents' own: {', '.join(STOCK)}")


def _behavior(subject: ModelFiles, configuration: Told) -> Check:
    mine = {called.behavior for called in subject.each}
    names = list(behaviors(configuration.values or {}))
    if configuration.values is None or {*names} == mine or (not names and defaults(configuration.values)):
        return Check("behavior", "ok" if names else "unknown", ", ".join(names) or "nothing tells")
    return Check("behavior", "no", ", ".join(names) or "none", f"the environment's is {' and '.join(mine)}")


# --- the repository ----------------------------------------------------------------------------------------------


def _tag(subject: ModelFiles, card: Mapping[str, Any] | None) -> Check:
    wanted, own = [names.tag for names in subject.each], (card or {}).get("tags") or []
    tag = wanted[0]
    if subject.tags is None and not isinstance(own, list):
        return Check("tag", "no", f"tags {str(own)[:80]}, which are no list", f"write tags: [{tag}, ...] in {CARD}")
    tags = subject.tags if subject.tags is not None else own
    tag = next((one for one in wanted if one not in tags), "")
    if not tag:
        return Check("tag", "ok", ", ".join(wanted))
    return Check("tag", "no", "tags " + (", ".join(map(str, tags)) or "none"), f"add {tag} to the tags in {CARD}")


def _card(subject: ModelFiles, told: Told) -> list[Check]:
    if told.wrong:  # the Hub has read what it tells the tags of
        unseen = told.values is None or subject.tags is None
        status: Status = "no" if unseen and not told.lacking else "advice"
        return [Check("card", status, told.wrong, f"fix that line of {CARD}, and save it as plain UTF-8")]
    if (card := told.values) is None:
        return [Check("card", "advice", f"no {CARD}", "write one: what it is, how it was trained and rated")]
    tags = card.get("tags") or []
    wanted = dict.fromkeys(tag for names in subject.each for tag in names.tags)
    lacking = [tag for tag in wanted if not isinstance(tags, list) or tag not in tags]
    lacking += [] if card.get("library_name") == "ml-agents" else ["library_name: ml-agents"]
    said = Check("card", "ok", "library and tags")
    if lacking:
        said = Check("card", "advice", "lacks " + ", ".join(lacking), f"add them to the metadata of {CARD}")
    results = Check("results", "ok", "a model-index")
    if not card.get("model-index"):
        results = Check("results", "advice", "no model-index", "state what it was measured at; `sweep promote` does")
    return [said, _license(card), results]


def _license(card: Mapping[str, Any]) -> Check:
    if card.get("license") is None:
        return Check("license", "advice", "none", "say in the metadata what others may do: license: apache-2.0")
    if bad := licenses.wrong(card["license"]):
        return Check("license", "no", bad, f"the Hub takes none but those of {licenses.LIST}, `other` among them")
    return Check("license", "ok", str(card["license"]))


def _resumable(subject: ModelFiles) -> Check:
    wanted = (CONFIGURATION, CONFIG, *(names.checkpoint for names in subject.each), STATUS)
    lacking = [name for name in wanted if name not in subject.names]
    if not lacking:
        return Check("resume", "ok", "checkpoint, status and configuration")
    return Check("resume", "advice", "no " + ", ".join(lacking), "upload them, so that it can be trained further")


def _clean(subject: ModelFiles, private: Private) -> Check:
    found = [
        leak
        for name, path in subject.files.items()
        if path.stat().st_size <= LARGE and not name.endswith(".html")
        for leak in leaks.find(name, path.read_bytes(), private)
    ]
    found += [leak for name in subject.names if name not in subject.files for leak in leaks.find(name, b"", private)]
    if not found:
        return Check("private", "ok", "no paths, names or tokens seen")
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    worst = next((leak for leak in found if leak.what == "a token"), found[0])
    tokens = "revoke the token now; then " if worst.what == "a token" else ""
    return Check("private", "advice", f"{worst}{more}", f"{tokens}upload without it; `sweep promote` scrubs")


def _lean(subject: ModelFiles) -> Check:
    behaviors = "|".join(re.escape(names.behavior) for names in subject.each)
    checkpoint = re.compile(rf"/(?:{behaviors})-\d+\.(?:pt|onnx)$")
    old = sum(1 for name in subject.names if checkpoint.search(name))
    size = sum(path.stat().st_size for path in subject.files.values())
    if old > 2:
        leave = "leave them out: nobody needs them to play or resume"
        return Check("lean", "advice", f"{old} earlier checkpoints", leave)
    if size > LARGE:
        leave = "leave out what nobody needs to play or resume"
        return Check("lean", "advice", f"{size / 1e6:.0f} MB in {len(subject.names)} files", leave)
    return Check("lean", "ok", f"{len(subject.names)} files")
