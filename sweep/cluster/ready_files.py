"""Ready files for a cluster: KubeRay, `ray up` on AWS or on machines of your own, Slurm."""

from pathlib import Path

from trials.errors import SetupError

HERE = Path(__file__).parent
FILES = {"kuberay": "kuberay.yaml", "aws": "aws.yaml", "local": "local.yaml", "slurm": "slurm.sbatch"}
"""What `sweep cluster` gives, by name."""


def text(kind: str) -> str:
    """The file for this kind of cluster, a key of FILES, as it is shipped."""
    return (HERE / FILES[kind]).read_text(encoding="utf-8")


def write(kind: str, out: Path) -> None:
    """The same into a new file. Raises SetupError where one is there: it may hold what somebody filled in."""
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text(kind))
    except FileExistsError:
        raise SetupError(f"--out must be a new file, but {out} is there; name another or remove it") from None
