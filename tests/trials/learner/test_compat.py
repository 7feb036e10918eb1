"""mlagents 1.1.0 on a current Python: what it lacks there stands in, and its arithmetic is that of its day."""

import subprocess
import sys

import numpy as np
import pytest

from trials.learner import compat

WITHOUT = """
import sys
from importlib.machinery import ModuleSpec

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("distutils", "pkg_resources", "_distutils_hack"):
            raise ModuleNotFoundError(name)

for name in [name for name in sys.modules if name.partition(".")[0] in ("distutils", "_distutils_hack")]:
    del sys.modules[name]
import importlib.util
there = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name in ("distutils", "pkg_resources") and name not in sys.modules else there(name, package)
)
sys.meta_path.insert(0, Gone())
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", WITHOUT + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_trainer_starts_where_setuptools_and_python_have_dropped_what_it_imports() -> None:
    said = run("from trials.learner import smoke; smoke.main(); import distutils; print(distutils.__spec__.loader)")
    assert "mlagents 1.1.0" in said and said.endswith("None\n")


def test_the_arena_speaks_with_executables_there_too() -> None:
    code = "from trials.arena.games import executable as e; u = e.UnityEnvironment"
    checked = "print(*(u._check_communication_compatibility(a, '1.5.0', 'x') for a in ('1.5.0', '1.9.0', '2.0.0')))"
    assert run(f"{code}; {checked}") == "True True False\n"


def of_numpy_1(r: np.ndarray, values: list[float], gamma: float, lambd: float, last: float) -> list[float]:
    """mlagents' lambda_return with the types that numpy 1.26 gave its terms."""
    returns = [np.float32(0)] * len(r)
    returns[-1] = np.float32(r[-1] + np.float32(np.float32(gamma) * np.float32(last)))
    for t in reversed(range(len(r) - 1)):
        double = np.float64(gamma * lambd) * np.float64(returns[t + 1]) + np.float64(r[t])
        returns[t] = np.float32(double + np.float64((1 - lambd) * gamma) * np.float64(values[t + 1]))
    return [float(value) for value in returns]


@pytest.mark.parametrize("seed", range(5))
def test_returns_are_summed_in_double(seed: int) -> None:
    random = np.random.default_rng(seed)
    r, values = random.normal(size=200).astype(np.float32), list(random.normal(size=200).astype(np.float32))
    last = random.normal(size=1).astype(np.float32)
    found = compat.lambda_return(r, values, 0.99, 0.95, last)
    assert found.dtype == np.float32
    assert found.tolist() == of_numpy_1(r, values, 0.99, 0.95, float(last[0]))
    single = np.zeros_like(r)
    single[-1] = r[-1] + np.float32(0.99) * last[0]
    for t in reversed(range(199)):
        single[t] = np.float32(0.99 * 0.95) * single[t + 1] + r[t] + np.float32((1 - 0.95) * 0.99) * values[t + 1]
    assert (single != found).any(), "float32 throughout would be other bits"
