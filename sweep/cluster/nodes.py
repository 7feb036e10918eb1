"""The machines of a Ray cluster: whether each has what a trial needs, asked when first seen, and how many trials fit.

A machine is refused by name where its product, its environment's SPEC, a library that decides results or the executable
is another, or where it does not see the run's storage. The question is sent by value: it needs nothing installed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import floor
from typing import Any
from uuid import uuid4

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.cluster.versions import difference, installed
from sweep.cluster.workdir import SEEN
from trials.errors import last_line
from trials.storage import Storage

LOOK_S = 3.0
"""How often the cluster is asked who is there, seconds."""
ANSWER_S = 90.0
"""After how long no trial is placed on a machine that has not answered, until it does, seconds: it starts a Python
first, and may be busy."""
FIRST_S = 300.0
"""How long a sweep waits for a first machine, seconds."""
AGAIN_S = 60.0
"""After how long a machine that could not be asked, or did not reach the storage, is asked again, seconds."""


@dataclass
class Nodes:
    """Owns what is known of a cluster's machines."""

    storage: Storage
    programs: tuple[tuple[str, str], ...]
    """What every machine must have, as `versions.lacking` takes it."""
    resources: Mapping[str, float]
    """Of a trial: CPU, GPU."""
    say: Callable[[str], None]
    refused: dict[str, str] = field(default_factory=dict)
    """Ray's id of a machine to why no trial goes there, or not yet."""
    _good: set[str] = field(default_factory=set)
    _asked: dict[Any, tuple[str, str, float]] = field(default_factory=dict)
    _again: dict[str, float] = field(default_factory=dict)
    """Ray's id of a refused machine to when it is asked again, by the monotonic clock."""
    _there: list[dict[str, Any]] = field(default_factory=list)
    _looked: float = float("-inf")
    _token: str = field(default_factory=lambda: uuid4().hex)

    def look(self, wait: bool = False) -> None:
        """See who is there and ask who is new; with `wait`, until everybody has answered, or ANSWER_S and somebody."""
        if not wait and time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        if not self._good and not self._asked:
            self.storage.write(SEEN, self._token.encode())
        before, self._there = self._there, [node for node in ray.nodes() if node["Alive"]]
        ids = {node["NodeID"] for node in self._there}
        for node in before:
            if node["NodeID"] not in ids and node["NodeID"] in self._good:
                self.say(f"node {_name(node)} is gone; its trials go on elsewhere")
        known = {*self.refused, *self._good, *(identity for identity, _, _ in self._asked.values())}
        known -= {identity for identity, when in self._again.items() if when <= self._looked}
        for node in self._there:
            if node["NodeID"] not in known and self._holds(node):
                near = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                question = _question(self.storage.address, self._token, self.programs, installed())
                asked = ray.remote(question).options(num_cpus=0, scheduling_strategy=near, max_retries=0).remote()
                self._asked[asked] = node["NodeID"], _name(node), time.monotonic()
                self._again.pop(node["NodeID"], None)
                if before and node["NodeID"] not in self.refused:
                    self.say(f"node {_name(node)} joined")
        self._hear(ANSWER_S if wait else 0.0)
        if wait and not self._good:
            self._hear(FIRST_S - ANSWER_S)

    @property
    def avoided(self) -> list[str]:
        """Ray's ids of machines where no trial is placed.

        Not of those that have still to answer: a placement is for good, and would wait for ever where all others die. A
        worker that finds itself on the wrong machine says so.
        """
        return sorted(node["NodeID"] for node in self._there if node["NodeID"] in self.refused)

    @property
    def slots(self) -> int:
        """Trials that the machines which gave the right answer hold at the same time."""
        return sum(self._holds(node) for node in self._there if node["NodeID"] in self._good)

    def _hear(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._asked:
            done, _ = ray.wait(list(self._asked), timeout=max(0.0, deadline - time.monotonic()))
            for answer in done:
                identity, name, _ = self._asked.pop(answer)
                self._judge(identity, name, answer)
            for identity, name, since in self._asked.values():
                if time.monotonic() - since > ANSWER_S and identity not in self.refused:
                    self._refuse(identity, name, f"it gave no answer in {ANSWER_S:g} s; it may still")
            if not done:
                return

    def _judge(self, identity: str, name: str, answer: Any) -> None:
        try:
            said = ray.get(answer)
        except ray.exceptions.RayError as error:
            if identity in {node["NodeID"] for node in ray.nodes() if node["Alive"]}:
                self._refuse(identity, name, f"it could not be asked ({last_line(error)})", again=True)
            return
        wrong = said["wrong"] or difference(installed(), said["installed"])
        if wrong:
            self._refuse(identity, name, f"it has {wrong}" if not said["wrong"] else wrong, said.get("again", False))
        else:
            self._good.add(identity)
            if self.refused.pop(identity, None) is not None:
                self.say(f"node {name} is refused no more: it has answered")

    def _refuse(self, identity: str, name: str, why: str, again: bool = False) -> None:
        """For good, or until it is asked `again`; the same reason is told once."""
        before, self.refused[identity] = self.refused.get(identity), f"node {name} is refused: {why}"
        if again:
            self._again[identity] = time.monotonic() + AGAIN_S
        if self.refused[identity] != before:
            self.say(self.refused[identity])

    def _holds(self, node: Mapping[str, Any]) -> int:
        there: dict[str, float] = node["Resources"]
        return min(floor(there.get(kind, 0.0) / wanted + 1e-9) for kind, wanted in self.resources.items() if wanted)


def _name(node: Mapping[str, Any]) -> str:
    """`10.0.0.7 (1a2b3c4d)`: several may stand at one address."""
    return f"{node['NodeManagerAddress']} ({node['NodeID'][:8]})"


def _question(
    address: str, token: str, programs: tuple[tuple[str, str], ...], here: dict[str, str]
) -> Callable[[], dict[str, Any]]:
    """What is asked of a machine; a function of its own in here, so that Ray sends it whole.

    Its programs are asked for where it has what is installed `here`: else that is what is wrong."""

    def answer() -> dict[str, Any]:
        try:
            from sweep.cluster.versions import installed
            from trials.storage import Storage
        except ImportError as error:
            return {"wrong": f"it has no selfplay-sweep that fits ({error})", "installed": {}}
        try:
            seen = Storage(address).read(".seen")
        except OSError as error:
            return {"wrong": f"it does not reach the storage {address} ({error})", "installed": {}, "again": True}
        wrong = ""
        if seen != token.encode():
            wrong = f"it does not see the storage {address}; name one that all machines see with --storage"
        elif installed() == here:
            from sweep.cluster.versions import lacking

            wrong = f"it has {lacks}" if (lacks := lacking(programs)) else ""
        return {"wrong": wrong, "installed": installed()}

    return answer
