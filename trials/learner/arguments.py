"""The words after `mlagents-learn` for a trial, whoever trains it: the house's own trainer or another environment's.

Source: mlagents 1.1.0 `trainers/cli_utils.py` (options) and `trainers/settings.py` (RunOptions.from_argparse: an option
replaces what the YAML says, `--env-args` the whole of env_settings.env_args).
"""

from pathlib import Path

from trials.folder import TrialFolder
from trials.records import TrialSpec


def arguments(
    files: TrialFolder, spec: TrialSpec, config: Path, resume: bool, port: int | None = None, *more: str
) -> list[str]:
    """`config`: the trainer YAML to read; `resume`: from the trial's checkpoint; `port`: of its executable, None for
    the embedded environment; `more`: options besides.

    An executable gets the space's own env_args, then `--fields`: this product's own heeds it, Unity's have what they
    have.
    """
    words = [
        str(config),
        f"--run-id={files.results.name}",
        f"--results-dir={files.results.parent}",
        f"--seed={spec.seed}",
        "--resume" if resume else "--force",
        *([f"--torch-device={spec.device}"] if spec.device is not None else []),
        *more,
    ]
    if port is not None:
        own = (spec.config.get("env_settings") or {}).get("env_args") or []
        words += [f"--env={spec.executable}", f"--base-port={port}", "--no-graphics"]
        words += ["--env-args", *map(str, own), "--fields", str(spec.fields)]  # all that follows is the executable's
    return words
