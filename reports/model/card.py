"""A promoted policy → the text of its model card: metadata for the Hub, and what a person wants to know (pure)."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reports.formatting import in_game
from reports.hub.names import SOCCER_TWOS
from reports.model import leaks
from reports.model.bundle import CARD, EVALUATION, Contents, Product, begun_from
from reports.model.checks import Check
from reports.model.evaluation import Against, Evaluation
from reports.model.leaks import Private
from reports.model.markdown import cell, nth, prose, record
from reports.run import verdict
from reports.run.findings import elo
from search_spaces.text import flatten
from trials.run_state import Run, TrialHistory

HERE = Path(__file__).parent
KEYS = (
    "trainer_type",
    "max_steps",
    "time_horizon",
    "hyperparameters",
    "network_settings",
    "reward_signals",
    "self_play",
)
"""What of a behavior's settings a reader looks for."""
WHAT = {
    "README.md": "this card",
    "configuration.yaml": "what `mlagents-learn` was given, resolved",
    "config.json": "the same, where ML-Agents' own uploads have it",
    "run_logs/training_status.json": "ghost Elo and lessons, for training it further",
    "report.html": "the run's report",
    "evaluation.csv": "every match of this card, a row each",
    "evaluation.json": "this card's numbers, the gate, and every file's sha256",
}


@dataclass(frozen=True)
class Matter:
    """All that a card tells."""

    repo: str
    product: Product
    contents: Contents
    run: Run
    evaluation: Evaluation
    gate: Sequence[Check]
    license: str
    files: Mapping[str, int]
    """Name to bytes, of what lies beside the card."""
    private: Private


def text(matter: Matter) -> str:
    """The card. What it says in words from outside (names, commands, reasons) is scrubbed and escaped."""
    evaluation, product = matter.evaluation, matter.product
    against = evaluation.ratings[0]
    names = product.names
    forced = [check for check in matter.gate if check.status == "no"]
    executable = product.spec.fields
    return str(
        _environment()
        .get_template("card.md")
        .render(
            metadata=yaml.safe_dump(metadata(matter), sort_keys=False, allow_unicode=True),
            names=names,
            each=product.each,
            soccer=names == SOCCER_TWOS,
            trainer=" and ".join(_trainers(matter)).upper(),
            title=f"{signed(against.elo)} Elo against {prose(_opponent(against.opponent))}",
            opening=_opening(matter),
            forced=forced,
            strength=_strength(against),
            evaluation=evaluation,
            repo=matter.repo,
            name=matter.repo.split("/")[-1],
            opponent=against.opponent,
            contents=matter.contents,
            found=_found(matter),
            env_args=f" --env-args --fields {executable}" if product.spec.executable is None else "",
            hyperparameters=_rows(matter),
            searched=bool(_searched(matter)),
            again=product.spec.parent is None and not begun_from(product.spec),
            versions=evaluation.versions,
            version_line=", ".join(f"{name} {version}" for name, version in evaluation.versions.items()) + ".",
            notes=matter.contents.notes,
            files=_files(matter),
        )
    )


def metadata(matter: Matter) -> dict[str, Any]:
    """The card's front matter, as the Hub's model cards have it (huggingface_hub.ModelCardData, EvalResult)."""
    each = matter.product.each
    behaviors = " and ".join(matter.product.spec.behaviors)
    return {
        "library_name": "ml-agents",
        "license": matter.license,
        "pipeline_tag": "reinforcement-learning",
        "tags": [*dict.fromkeys(tag for one in each for tag in one.tags), *_trainers(matter), "self-play"],
        "model-index": [
            {
                "name": matter.repo.split("/")[-1],
                "results": [
                    {
                        "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
                        "dataset": {
                            "type": behaviors,
                            "name": f"{behaviors} ({matter.evaluation.environment})",
                        },
                        "metrics": [_metric(row) for row in matter.evaluation.ratings],
                    }
                ],
            }
        ],
    }


def _metric(row: Against) -> dict[str, Any]:
    against = _opponent(row.opponent)
    return {
        "type": "elo",
        "value": row.elo,
        "name": f"Elo difference to {against}, 95 % interval {signed(row.low)} to {signed(row.high)}",
        "verified": False,
        "args": {"elo_low": row.low, "elo_high": row.high}
        | {name: getattr(row, name) for name in ("matches", "wins", "draws", "losses", "seed")},
    }


def _trainers(matter: Matter) -> list[str]:
    """The kinds of trainer, each once."""
    settings = matter.contents.configuration["behaviors"].values()
    return [*dict.fromkeys(str(one["trainer_type"]) for one in settings)]


def _rows(matter: Matter) -> list[tuple[str, Any, bool]]:
    """Key, value, and whether it was searched; of two behaviors those of each, its name before the key."""
    searched, behaviors = _searched(matter), matter.contents.configuration["behaviors"]
    return [
        (key if len(behaviors) == 1 else f"{name}.{key}", value, key in searched or f"{name}.{key}" in searched)
        for name, settings in behaviors.items()
        for key, value in hyperparameters(settings)
    ]


def _searched(matter: Matter) -> set[str]:
    """Keys that were searched: of a trial that was trained further not those that it was given."""
    spec = matter.product.spec
    names = spec.params.keys() - _given(matter).keys()
    return {key for name in names for key in (name, name.split(" / ")[0])}  # of a multiple the key that it sets, too


def _given(matter: Matter) -> dict[str, Any]:
    """Key to value of what a trial that was trained further got in place of its parent's."""
    spec = matter.product.spec
    if spec.parent is None:
        return {}
    parent = matter.run.trial(spec.parent)
    before = parent.spec.params if parent is not None else {}
    return {key: value for key, value in spec.params.items() if key not in before or before[key] != value}


def hyperparameters(behavior: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Dotted key below the behavior and value, of what a reader looks for."""
    leaves = flatten({key: behavior.get(key) for key in KEYS})
    return [(key, value) for key, value in leaves.items() if ".network_settings" not in key and value is not None]


# --- sentences ---------------------------------------------------------------------------------------------------


def signed(value: float) -> str:
    """A whole number of Elo with its sign."""
    return elo(value, signed=True)


def _opponent(name: str) -> str:
    named = {"house": "the house baseline", "random": "random play", "still": "standing still"}
    return named.get(name, f"the baseline {name}")


def _opening(matter: Matter) -> str:
    product, run = matter.product, matter.run
    found = f"{product.spec.called} of the sweep {prose(leaks.scrubbed(run.name, matter.private))}"
    how = "named by its publisher, not the sweep's own choice"
    if product.own_choice:
        how = "the sweep's own choice" if run.winner is not None else "the best in tuning; the sweep had not chosen"
    again = (
        f", the configuration of trial {product.spec.configuration} retrained on a fresh seed"
        if product.spec.configuration is not None
        else ""
    )
    if product.spec.parent is not None:
        given = ", ".join(f"{key} {cell(value)}" for key, value in _given(matter).items())
        again = f", trial {product.spec.parent} trained further{f' with {given}' if given else ''}"
    sides = "Two agents a side, self-play" if product.names == SOCCER_TWOS else "Self-play"
    return (
        f"{sides}, ML-Agents {matter.evaluation.versions.get('mlagents', '')}: {found}{again}"
        f" ({how}), at {product.candidate.steps:,} trainer steps."
    )


def _strength(row: Against) -> str:
    against = prose(_opponent(row.opponent))
    interval = f"[{signed(row.low)}, {signed(row.high)}]"
    side = (
        f"it is stronger than {against}"
        if row.low > 0
        else f"it is weaker than {against}"
        if row.high < 0
        else f"the matches cannot tell it from {against}"
    )
    number = f"**{signed(row.elo)} Elo {interval}** against {against} over {row.matches} fresh matches"
    return f"{number}: {side}. A difference of 100 Elo is 64 points of 100 matches, of 200 it is 76."


def _found(matter: Matter) -> dict[str, Any]:
    """The sweep, as its report tells it."""
    run, question = matter.run, matter.run.question
    said = verdict.sentences(run) if run.winner is not None else ()
    clean = [prose(in_game(leaks.scrubbed(sentence, matter.private), run.other_game)) for sentence in said]
    command = leaks.scrubbed(question.command, matter.private) if question else "sweep run"
    return {
        "headline": clean[0] if clean else "The sweep made no choice of its own that fresh matches stand behind.",
        "remarks": clean[1:],
        "facts": _facts(matter),
        "command": " ".join(command.split()),
    }


def _facts(matter: Matter) -> list[tuple[str, str]]:
    run, question, spec = matter.run, matter.run.question, matter.product.spec
    facts = [("trials", _states(run.trials))]
    if question is not None:
        facts += [
            (
                "proposed by",
                f"{question.sampler}, after {question.startup_trials} at random; sweep seed {question.seed}",
            ),
            (
                "stopped early by",
                f"{question.scheduler}, on match Elo at {', '.join(f'{r:,}' for r in question.rungs)} steps",
            ),
            ("budget of a trial", f"{question.steps:,} trainer steps"),
        ]
    if run.finals is not None:
        seeds = ", ".join(map(str, run.finals.seeds))
        facts.append(("finals", f"{len(run.finals.configurations)} configurations retrained on seeds {seeds}"))
    trial = run.trial(spec.number)
    if trial is not None and trial.seconds:
        facts.append(("time of this training", f"{trial.seconds / 60:.1f} minutes"))
    facts += [
        ("this training", f"seed {spec.seed}, {spec.all_fields} fields side by side"),
        ("trained in", "the embedded SoccerTwos" if spec.executable is None else "an ML-Agents executable"),
    ]
    return [(name, leaks.scrubbed(value, matter.private)) for name, value in facts]


def _states(trials: Sequence[TrialHistory]) -> str:
    counts = {state: sum(trial.state == state for trial in trials) for state in dict.fromkeys(t.state for t in trials)}
    return f"{len(trials)} ({', '.join(f'{count} {state}' for state, count in counts.items())})"


def _files(matter: Matter) -> list[dict[str, Any]]:
    each, rows = matter.product.each, dict(matter.files) | {CARD: 0, EVALUATION: 0}
    what = {name.onnx: "the policy" for name in each}
    what |= {name.checkpoint: "weights and optimizer, for training it further" for name in each} | WHAT
    order = [*what, *sorted(rows)]
    return [
        {"name": name, "size": rows[name], "what": what.get(name, "training curves, for TensorBoard")}
        for name in sorted(rows, key=order.index)
    ]


def _environment() -> Any:
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=False,  # it is Markdown, which `cell` escapes
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"cell": cell, "prose": prose, "signed": signed, "record": record, "nth": nth, "word": shlex.quote}
    return made
