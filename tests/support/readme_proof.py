"""README's table of what the published sweep found, made from its ledger: `python tests/support/readme_proof.py`."""

import gzip
from pathlib import Path

from readme_tree import ROOT

from reports.run import finals, findings
from trials import ledger, run_state
from trials.records import Estimate

START, END = "<!-- proof -->\n", "<!-- /proof -->"


def published(folder: Path) -> run_state.Run:
    """The sweep whose ledger is committed, read as `make proof` does; `folder` takes the ledger."""
    path = folder / "ledger.jsonl"
    path.write_bytes(gzip.decompress((ROOT / "reports" / "proof.jsonl.gz").read_bytes()))
    return run_state.run_of("proof", ledger.read(path))


def _said(estimate: Estimate | None, signed: bool = False) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    ends = f"[{findings.elo(estimate.low, signed)}, {findings.elo(estimate.high, signed)}]"
    return f"{findings.elo(estimate.elo, signed)} {ends}"


def table(run: run_state.Run) -> str:
    """A row a configuration of the finals, the chosen one first."""
    found = finals.section(run)
    assert found is not None
    lines = [
        "| configuration | tuning, one seed | fresh seeds | their mean | against the course’s |",
        "|---|---|---|---|---|",
    ]
    for row in found.rows:
        one = row.configuration
        name = "the course’s" if one.course else f"trial {one.number}’s"
        ends = [run.trial(policy.number) for policy in one.rated]
        each = ", ".join(findings.elo(trial.rating.elo) for trial in ends if trial is not None and trial.rating)
        tuned = f"{findings.elo(row.tuning.elo)} {findings.interval(row.tuning)}" if row.tuning else ""
        against = "" if one.course else _said(one.against_course, signed=True)
        lines.append(f"| {name} | {tuned} | {each} | {_said(row.ladder)} | {against} |")
    return "\n".join(lines) + "\n"


def rewritten(text: str, run: run_state.Run) -> str:
    """README's `text` with the table as the ledger tells it."""
    before, rest = text.split(START)
    return before + START + table(run) + END + rest.split(END)[1]


if __name__ == "__main__":
    import tempfile

    page = ROOT / "README.md"
    with tempfile.TemporaryDirectory() as temporary:
        page.write_text(rewritten(page.read_text(encoding="utf-8"), published(Path(temporary))), encoding="utf-8")
