"""The last rating of a trial, out of its slot: an actor on each machine plays while the slot's next trial trains."""

import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.cluster import workdir
from sweep.cluster.worker import Terms
from trials.arena.ratings import yardstick
from trials.errors import BadPolicy, SetupError, SweepError, last_line
from trials.events import TrialRated
from trials.folder import RunFolder
from trials.records import Candidate, TrialSpec
from trials.storage import Storage
from trials.trial import Rate, rated

T = TypeVar("T")
PATIENCE_S, AGAIN_S = 300.0, 5.0
"""How long a file may be away that was there, and until a storage is asked again, seconds."""
UNMENDED = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
"""What a machine's own disk says, to which a file is fetched: another machine's may do."""
ATTEMPTS = 5
"""How often a rating is begun anew where its machine dies."""
TRIES = 3
"""How often it is played where it fails otherwise: a hiccup must not cost a whole training."""


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=ATTEMPTS)
class _Rater:
    """Rates what it is told to, one candidate after the other."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._rate: Rate | None = None

    def rate(self, spec: TrialSpec, candidate: Candidate) -> TrialRated:
        terms, cluster = self._terms, self._terms.cluster
        if cluster is None:
            run = RunFolder(Path(terms.run))
            self._rate = self._rate or yardstick.rater(*terms.rated_on(run), spec.executable, terms.matches)
            return rated(spec, run, candidate, spec.steps, self._rate)
        if wrong := cluster.wrong():
            raise SetupError(f"its node has {wrong}")
        storage = cluster.storage
        with workdir.borrowed() as run:
            if self._rate is None or terms.yardstick:  # whose players are read as they play
                rated_on = _patiently(lambda: terms.rated_on(run))
                self._rate = yardstick.rater(*rated_on, spec.executable, terms.matches)
            _patiently(lambda: _have(storage, candidate, run))
            found = rated(spec, run, candidate, spec.steps, self._rate)
            log = run.trial(spec.number).matches(candidate.steps)
            _patiently(lambda: storage.put(log, log.relative_to(run.path).as_posix()), unmended=())
            return found


def _have(storage: Storage, candidate: Candidate, run: RunFolder) -> None:
    if not workdir.fetched(storage, candidate.path, run):
        raise FileNotFoundError(f"{candidate.path} is not in {storage.address}")


def _patiently(ask: Callable[[], T], unmended: tuple[int, ...] = UNMENDED) -> T:
    """What the storage gives once it answers. Raises OSError for a file that stays away for PATIENCE_S, and for what is
    not waited for."""
    began = time.monotonic()
    while True:
        try:
            return ask()
        except FileNotFoundError:
            if time.monotonic() - began > PATIENCE_S:
                raise
        except OSError as error:
            if error.errno in unmended:
                raise
        time.sleep(AGAIN_S)


class Raters:
    """Owns the ratings under way; `finished` gives those that are done."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._raters: dict[str, Any] = {}
        self._under_way: dict[Any, tuple[TrialSpec, Candidate, int]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """As for the controller: Ray pickles it for a restore that is never asked for."""
        return str, ("raters",)

    def __call__(self, spec: TrialSpec, candidate: Candidate, node: str, failed: int = 0) -> None:
        """Rate the candidate, on its node if that still stands; one that `failed` before, nowhere else."""
        if node not in self._raters:
            near = NodeAffinitySchedulingStrategy(node, soft=not failed) if node else "DEFAULT"
            self._raters[node] = _Rater.options(  # type: ignore[attr-defined]
                scheduling_strategy=near
            ).remote(self._terms)
        self._under_way[self._raters[node].rate.remote(spec, candidate)] = spec, candidate, failed

    def finished(self, wait: bool = False, tries: int = TRIES) -> Iterator[tuple[int, TrialRated | SweepError]]:
        """(trial, its rating) of each that is done, all of them with `wait`. In place of a rating BadPolicy, of what
        cannot be played, or SetupError, of what failed `tries` times for another reason."""
        while self._under_way:
            done, _ = ray.wait(list(self._under_way), timeout=None if wait else 0)
            if not done:
                return
            spec, candidate, failed = self._under_way.pop(done[0])
            try:
                yield spec.number, ray.get(done[0])
            except ray.exceptions.RayError as error:
                if "BadPolicy" in type(error).__name__:
                    yield spec.number, BadPolicy(last_line(error))
                elif failed + 1 >= tries:
                    yield spec.number, SetupError(last_line(error))
                else:  # its node may be gone, and where the rater went it could not play: the driver's own can
                    self._raters.clear()
                    self(spec, candidate, ray.get_runtime_context().get_node_id(), failed + 1)
