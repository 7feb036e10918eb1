"""What came of a promotion, typed and for a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.markup import escape
from rich.table import Table

from reports.model.checks import Check
from reports.model.evaluation import Against
from sweep.promotion.verify import STYLE


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What came of a promotion."""

    run: str
    repo: str
    trial: int
    called: str
    steps: int
    dry_run: bool
    refused: str | None = None
    """Of what the policy falls short; then nothing is uploaded or left, and all below the checks is empty."""
    checks: list[Check] = field(default_factory=list)
    elo: Against | None = None
    """Against the baseline; None: it fell short before a match was played."""
    folder: str | None = None
    files: Mapping[str, int] = field(default_factory=dict)
    """Name to bytes."""
    sha256: str | None = None
    """Of the policy."""
    forced: bool = False
    notes: list[str] = field(default_factory=list)
    commit: str | None = None
    """None: nothing was uploaded."""
    url: str | None = None
    pr_url: str | None = None
    verified: int = 0
    """Files that came back from the Hub the same."""


def table(found: Promotion) -> Table:
    """What came of it, for a terminal."""
    sent = "proposed" if found.pr_url else "published"
    done = "refused" if found.refused else "written" if found.dry_run else sent
    shown = Table(title=escape(f"{found.called} of {found.run} → {found.repo}: {done}"), title_justify="left")
    for name in ("", "check", "found"):
        shown.add_column(name, overflow="fold")
    for check in found.checks:
        shown.add_row(STYLE[check.status], check.name, escape(check.found))
    if found.refused or found.elo is None:
        return shown
    elo = found.elo
    numbers = f"{elo.elo:+.0f} [{elo.low:+.0f}, {elo.high:+.0f}] over {elo.matches} matches"
    shown.add_row("", escape(f"Elo against {elo.opponent}"), escape(numbers))
    shown.add_row("", "files", escape(f"{len(found.files)}, {sum(found.files.values()) / 1e6:.2f} MB: {found.folder}"))
    if found.commit:
        shown.add_row("", "commit", f"{found.commit[:12]}, {found.pr_url or found.url}")
        shown.add_row(STYLE["ok"], "downloaded again", f"{found.verified} files, each with the same sha256")
    return shown
