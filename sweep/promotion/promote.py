"""The best trial goes to the Hugging Face Hub with its proof: fresh matches, gate, card, one commit, verified."""

import json
import re
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from reports import html, hub
from reports.model import bundle, card, checks, leaks, licenses
from reports.model import files as model_files
from reports.model.bundle import CARD, EVALUATION, Contents, Product
from reports.model.checks import Check
from reports.model.leaks import Private
from reports.run import page
from sweep.cluster import run_storage, sync
from sweep.promotion import evaluation as evaluations
from sweep.promotion.evaluation import Bar, Proof
from sweep.promotion.outcome import Promotion
from sweep.promotion.selection import product_of
from sweep.settings import read
from trials import ledger, run_state
from trials.arena.games.game import Behavior
from trials.arena.games.soccer import SOCCER
from trials.arena.players.load import BUILT_IN
from trials.errors import SetupError, UsageError
from trials.events import Event, Promoted
from trials.folder import RunFolder, assembled, driving
from trials.records import TrialSpec
from trials.results import plain

FORCEABLE = ("trained", "trainer")
"""Checks beside the gate that --force overrules; what cannot be played, or tells of its owner, never goes."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for."""

    repo: str
    """`USER/NAME`."""
    trial: int | None = None
    """None: the policy that the run carries on."""
    private: bool = False
    dry_run: bool = False
    create_pr: bool = False
    revision: str | None = None
    bar: Bar = field(default_factory=Bar)
    message: str | None = None
    force: bool = False
    license: str = "apache-2.0"
    baseline: str | None = None
    """None: the run's own."""

    @property
    def played(self) -> str:
        """What commands call its policy."""
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


Say = Callable[[str], None]


def promote(run: RunFolder, order: Order, say: Say) -> Promotion:
    """Prove a run's policy afresh and put it on the Hub, or, dry, into the run's own folder; what came of it.

    Where the policy falls short, `refused` says of what, and nothing is uploaded or left. The ledger is told of an
    upload alone. Raises SetupError, BadPolicy, HubError.
    """
    hub.named(order.repo)
    if bad := licenses.wrong(order.license):
        raise UsageError(f"--license must be one of the Hub's identifiers, but got {bad} {licenses.LIST}")
    ledger.must_be_there(run.ledger)
    if not order.dry_run:  # what the Hub would refuse is told before minutes of matches
        how = {"private": order.private, "create_pr": order.create_pr}
        say(f"publishing as {hub.must_be_allowed(order.repo, revision=order.revision, **how)}")
    with driving(run), ExitStack() as held:
        events = ledger.read(run.ledger)
        settings = replace(read(run.settings), out=run.path, ray_address=None)
        product = product_of(run, events, order.trial)
        bar, behavior = _in_its_game(order.bar, run, product, events)
        run_storage.have_checkpoints(run, settings, [product.candidate.trial])
        if not order.dry_run:  # a storage that is away is told before the matches, too
            held.enter_context(sync.kept(run, settings, []))
        private = private_of(run, order.repo, product.spec)
        target = run.path / "promotion" / f"trial-{product.candidate.trial:04d}"
        begun = Promotion(
            run=run.name,
            repo=order.repo,
            trial=product.candidate.trial,
            called=product.spec.called,
            steps=product.candidate.steps,
            dry_run=order.dry_run,
        )
        proven: Proof | None = None
        try:
            with assembled(target) as folder:
                say(f"assembling {product.spec.called} at {product.candidate.steps:,} steps")
                contents = bundle.fill(product, events, private, folder)
                seen = _no_leaks(folder, private)
                shaped = _structure(folder, behavior, product.candidate.steps, order.force)
                say("playing fresh matches")
                baseline = evaluations.baseline_of(run, events, order.baseline, behavior)
                word = order.played if len(product.each) == 1 else f"downloads/{order.repo.partition('/')[2]}"
                proven = evaluations.prove(product.policy_in(folder), word, run, events, baseline, bar)
                gate = [*proven.gate, *shaped]
                _let_through(gate, order.force)
                _write_proof(folder, product, contents, events, proven, gate, order, private)
                _no_leaks(folder, private, seen)
                _let_through(_firm(_examined(folder, behavior, load=False)))
        except Refused as refusal:
            elo = proven.evaluation.ratings[0] if proven is not None else None
            return replace(begun, refused=str(refusal), checks=refusal.found, elo=elo)
        files = bundle.hashes(target)
        result = replace(
            begun,
            folder=str(target),
            files={name: (target / name).stat().st_size for name in files},
            sha256=contents.sha256,
            forced=any(check.status == "no" for check in gate),
            checks=gate,
            elo=proven.evaluation.ratings[0],
            notes=list(contents.notes),
        )
        if order.dry_run:
            return result
        return _uploaded(run, target, order, product, result, proven, say)


class Refused(SetupError):
    """The policy falls short."""

    def __init__(self, text: str, found: Sequence[Check]) -> None:
        super().__init__(text)
        self.found = list(found)


def private_of(run: RunFolder, repo: str, spec: TrialSpec) -> Private:
    """What tells this machine and its user, less what the repository and the product's own words say anyway."""
    texts = ((card.HERE / "card.md").read_text(encoding="utf-8"), html.asset("report.html"))
    said = leaks.words_of(" ".join([*texts, str(spec.config), *BUILT_IN, "blue purple true false"]))
    return leaks.of_this_machine([run.path]).without([*said, *re.split("[/-]", repo), *repo.split("/")])


# --- the gate ----------------------------------------------------------------------------------------------------


def _no_leaks(folder: Path, private: Private, seen: Collection[str] = ()) -> Collection[str]:
    """The names of all files, none of which leaks. Raises SetupError."""
    found = bundle.leaking(folder, private, seen)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise SetupError(
            f"nothing that is uploaded may tell of this machine or its user, but there is {found[0]}{more}; nothing was"
            " uploaded; correct that file in the run's folder"
        )
    return set(bundle.hashes(folder))


def _in_its_game(bar: Bar, run: RunFolder, product: Product, events: Sequence[Event]) -> tuple[Bar, Behavior]:
    """The bar in the executable of another game, for a run of one, and what agents see and do where they are proven.

    Raises SetupError where that executable is not what the run was rated in.
    """
    if not run.yardstick.is_file():
        return bar, SOCCER
    from trials.arena.games import executable as executables  # here, because gRPC takes its time

    began = evaluations.last_began(events)
    assert began is not None  # a yardstick is of a sweep that began
    env = executables.find(Path(str(product.spec.executable)))
    won_by = executables.won_by_of(began.environment)
    if (now := executables.stamp(env, won_by)) != began.environment:
        raise SetupError(
            f"a policy must be proven in the game it was rated in, {began.environment}, but {env} is {now} now; put"
            " that build back"
        )
    with executables.opened(env, won_by=won_by) as game:
        return replace(bar, env=env, won_by=won_by), game.behavior


def _examined(folder: Path, behavior: Behavior, load: bool = True) -> list[Check]:
    return checks.broken(checks.examine(model_files.of_folder(folder, behavior), load=load))


def _structure(folder: Path, behavior: Behavior, steps: int, force: bool) -> list[Check]:
    """What is wrong with the files, before minutes are spent on matches; only what --force lets pass comes back."""
    later = ("tag", "trained")  # which are on the card
    seen = [check for check in _examined(folder, behavior) if check.name not in later]
    broken = checks.broken([*seen, checks.trained_for(steps)])
    _let_through(_firm(broken))
    _let_through(broken, force)
    return broken


def _firm(found: Sequence[Check]) -> list[Check]:
    """Those that --force does not overrule."""
    return [check for check in found if check.name not in FORCEABLE]


def _let_through(found: Sequence[Check], force: bool = False) -> None:
    """Raise Refused at the first that falls short, unless it is overruled."""
    short = checks.broken(found)
    if short and not force:
        others = f" (and {', '.join(check.name for check in short[1:])})" if len(short) > 1 else ""
        mend = f"; {short[0].mend}" if short[0].mend else ""
        raise Refused(f"a policy must pass its gate, but {short[0].name}: {short[0].found}{others}{mend}", found)


# --- card and upload ---------------------------------------------------------------------------------------------


def _write_proof(
    folder: Path,
    product: Product,
    contents: Contents,
    events: Sequence[Event],
    proven: Proof,
    gate: Sequence[Check],
    order: Order,
    private: Private,
) -> None:
    """evaluation.csv, the card and evaluation.json, which has every other file's sha256."""
    evaluations.matches(product.run, proven, folder / "evaluation.csv")
    sizes = {name: (folder / name).stat().st_size for name in bundle.hashes(folder)}
    clean = [bundle.scrubbed(event, private) for event in events]
    matter = card.Matter(
        repo=order.repo,
        product=product,
        contents=contents,
        run=run_state.run_of(product.run.name, clean),
        evaluation=proven.evaluation,
        gate=gate,
        license=order.license,
        files=sizes,
        private=private,
    )
    (folder / CARD).write_text(card.text(matter), encoding="utf-8")
    evaluation = plain(proven.evaluation)
    whole = evaluation | {
        "policy": evaluation["policy"]
        | {"trial": product.candidate.trial, "steps": product.candidate.steps, "training_seed": product.spec.seed},
        "gate": [plain(check) for check in gate],
        "forced": bool(checks.broken(gate)),
        "notes": list(contents.notes),
        "files": bundle.hashes(folder),
    }
    (folder / EVALUATION).write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _uploaded(
    run: RunFolder, target: Path, order: Order, product: Product, result: Promotion, proven: Proof, say: Say
) -> Promotion:
    """Upload in one commit, tell the ledger, download again, compare."""
    files, elo = bundle.hashes(target), proven.evaluation.ratings[0]
    numbers = f"{elo.elo:+.0f} Elo [{elo.low:+.0f}, {elo.high:+.0f}] against {elo.opponent}"
    say(f"uploading {len(files)} files, {sum(result.files.values()) / 1e6:.1f} MB")
    done = hub.published(
        target,
        order.repo,
        private=order.private,
        revision=order.revision,
        create_pr=order.create_pr,
        message=order.message or f"Promote {product.spec.called}: {numbers}",
        manifest=EVALUATION,
    )
    event = Promoted(
        time=time.time(),
        candidate=product.candidate,
        repo=done.repo,
        commit=done.commit,
        url=done.pr_url or done.url,
        sha256=proven.evaluation.policy.sha256,
        baseline=elo.opponent,
        elo=elo.elo,
        low=elo.low,
        high=elo.high,
        matches=elo.matches,
        forced=result.forced,
    )
    ledger.append(run.ledger, event)
    page.build(run)
    say("downloading it again")
    with tempfile.TemporaryDirectory(prefix="promoted-") as scratch:
        try:
            back = bundle.hashes(
                hub.fetched(hub.Version(done.repo, done.commit), patterns=list(files), into=Path(scratch))
            )
        except hub.HubError as error:
            raise hub.HubError(
                f"published as {done.repo} at {done.commit[:7]}, but not compared ({error}); `sweep verify {done.repo}`"
                " looks at it"
            ) from None
    other = sorted(name for name, sha in files.items() if back.get(name) != sha)
    if other:
        raise SetupError(
            f"what was uploaded must come back the same, but {other[0]} of {done.repo} at {done.commit[:7]} does not;"
            " promote again"
        )
    return replace(result, commit=done.commit, url=done.url, pr_url=done.pr_url, verified=len(files))
