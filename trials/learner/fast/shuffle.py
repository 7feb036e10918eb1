"""A shuffle of mlagents' own buffers, those that are not of columns, that makes no list and field object of each entry.

Stands for AgentBuffer.shuffle of mlagents 1.1.0 `trainers/buffer.py` where single entries are moved: the same order
from the same draw of numpy's global generator.
"""

from typing import Any

import numpy as np
from mlagents.trainers.buffer import AgentBuffer, BufferException

_shuffle = AgentBuffer.shuffle


def shuffle(self: Any, sequence_length: int, key_list: list[Any] | None = None) -> None:
    """AgentBuffer.shuffle; sequences longer than 1 are left to mlagents."""
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
