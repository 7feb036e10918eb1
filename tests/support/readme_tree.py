"""The pages' trees, made from the modules' own first sentences: `python tests/support/readme_tree.py` rewrites them."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
START, END = "<!-- tree -->\n```text\n", "```\n<!-- /tree -->"
PAGES = (
    *("search_spaces", "trials", "trials/arena", "trials/soccer", "reports", "sweep"),
    *("sweep/search", "sweep/driver", "sweep/promotion", "sweep/league", "sweep/cluster"),
)
"""Folders that have a README.md of their own."""
OTHERS = {
    "search_spaces/quick.yaml": "what `make sweep` runs on a laptop",
    "search_spaces/soccertwos.yaml": "the real sweep, documented ranges or the reason why not",
    "search_spaces/proof.yaml": "the published sweep, as it was written down before it began",
    "search_spaces/tuned.yaml": "no parameters: the configuration that the published sweep found",
    "search_spaces/course.yaml": "no parameters: the course's configuration, always trial 0",
    "trials/soccer/SPEC.md": "the environment's rules as tables, with a version",
    "trials/arena/ladder/": "house baseline, its recipe, the ladder's constants",
    "sweep/examples/unit7.ipynb": "the course's unit 7 done with this product: sweep, report, matches, promotion",
    "sweep/cluster/kuberay.yaml": "a RayJob for Kubernetes, with a network policy",
    "sweep/cluster/aws.yaml": "`ray up` on AWS",
    "sweep/cluster/local.yaml": "`ray up` on machines of your own",
    "sweep/cluster/slurm.sbatch": "a Slurm job",
    "reports/model/card.md": "the model card's template",
    "reports/run/report.html": "the page's template, with report.css and report.js",
    "reports/replay/player.html": "the match player's template, with replay.html, replay.css and replay.js",
}


def caption(path: Path) -> str:
    """The first sentence of a module, up to a semicolon or full stop."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    return re.split(r"; |\. |\.$", text)[0]


def tree(page: str) -> str:
    """A page's folder and those below it that have no page of their own: one line a module, folders as headings."""
    lines: list[str] = []
    for init in sorted((ROOT / page).rglob("__init__.py"), key=lambda path: (len(path.parts), path)):
        name = init.parent.relative_to(ROOT).as_posix()
        if max((other for other in PAGES if f"{name}/".startswith(f"{other}/")), key=len) != page:
            continue
        lines += ["", f"{name + '/':<30} {caption(init)}"]
        entries = {path.name: caption(path) for path in init.parent.glob("*.py") if path.name != "__init__.py"}
        entries |= {
            key[len(name) + 1 :]: value
            for key, value in OTHERS.items()
            if key.startswith(f"{name}/") and "/" not in key[len(name) + 1 : -1]
        }
        lines += [f"    {entry:<26} {text}" for entry, text in sorted(entries.items())]
    return "\n".join(lines[1:]) + "\n"


def rewritten(page: str) -> str:
    """A page with its tree as the modules tell it."""
    before, rest = (ROOT / page / "README.md").read_text(encoding="utf-8").split(START)
    return before + START + tree(page) + END + rest.split(END)[1]


if __name__ == "__main__":
    for name in PAGES:
        text = rewritten(name)
        (ROOT / name / "README.md").write_text(text, encoding="utf-8")
