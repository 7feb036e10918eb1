"""mlagents' slowest loop, faster, with the same results bit for bit; it took a quarter of a small trial's time."""

from typing import Any

import numpy as np
from mlagents.trainers.buffer import AgentBuffer, BufferException

_shuffle = AgentBuffer.shuffle


def install() -> None:
    """Let AgentBuffer.shuffle move single entries without making a list and a field object of each."""
    AgentBuffer.shuffle = shuffle


def shuffle(self: Any, sequence_length: int, key_list: list[Any] | None = None) -> None:
    """As mlagents 1.1.0 `trainers/buffer.py`: the same order from the same draw of numpy's global generator."""
    if sequence_length != 1:
        _shuffle(self, sequence_length, key_list)
        return
    keys = list(self._fields.keys()) if key_list is None else key_list
    if not self.check_length(keys):
        raise BufferException("Unable to shuffle if the fields are not of same length")
    order = np.arange(len(self[keys[0]]))
    np.random.shuffle(order)
    places = order.tolist()
    for key in keys:
        entries = list(self[key])
        self[key].set([entries[place] for place in places])
