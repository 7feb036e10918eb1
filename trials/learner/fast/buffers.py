"""A buffer of columns: filled by whole trajectories, shuffled by its order alone, read by minibatches.

Stands for AgentBuffer of mlagents 1.1.0 `trainers/buffer.py` where all entries come from `trajectories.py`. Shuffling
draws from numpy's global generator what AgentBuffer.shuffle draws, and a minibatch holds the same entries in the same
order; fields that no one reads are never made.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from mlagents.trainers.buffer import AgentBuffer, AgentBufferField, BufferException
from numpy.typing import NDArray

from trials.learner.fast.columns import Column, Mates


class ColumnBuffer(AgentBuffer):  # type: ignore[misc]
    """An AgentBuffer of columns. `become_lists` makes it mlagents' own, for good."""

    def __init__(self) -> None:
        super().__init__()
        self._fields: Any = defaultdict(Column)
        self._order: NDArray[np.intp] | None = None
        self.columnar = True

    def __getitem__(self, key: Any) -> Any:
        self._settle()
        return self._fields[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._settle()
        self._fields[key] = value

    @property
    def num_experiences(self) -> int:
        """As `AgentBuffer.num_experiences`."""
        return len(next(iter(self._fields.values()), ()))

    def reset_agent(self) -> None:
        """As `AgentBuffer.reset_agent`."""
        self._order = None
        super().reset_agent()
        if self.columnar:
            self._fields.clear()

    def shuffle(self, sequence_length: int, key_list: list[Any] | None = None) -> None:
        """As `AgentBuffer.shuffle`."""
        if sequence_length != 1 or key_list is not None or not self.columnar:
            self.become_lists()
            super().shuffle(sequence_length, key_list)
            return
        if len({len(field) for field in self._fields.values()}) > 1:
            raise BufferException("Unable to shuffle if the fields are not of same length")
        drawn = np.arange(self.num_experiences)
        np.random.shuffle(drawn)
        self._order = drawn if self._order is None else self._order[drawn]

    def make_mini_batch(self, start: int, end: int) -> AgentBuffer:
        """As `AgentBuffer.make_mini_batch`."""
        if not self.columnar:
            return super().make_mini_batch(start, end)
        rows: Any = slice(start, end) if self._order is None else self._order[start:end]
        batch = ColumnBuffer()
        batch._fields.update({key: field.part(rows) for key, field in self._fields.items()})
        return batch

    def resequence_and_append(
        self,
        target_buffer: AgentBuffer,
        key_list: list[Any] | None = None,
        batch_size: int | None = None,
        training_length: int | None = None,
    ) -> None:
        """As `AgentBuffer.resequence_and_append`."""
        whole = key_list is None and batch_size is None and training_length in (None, 1)
        if not (whole and self.columnar and isinstance(target_buffer, ColumnBuffer) and target_buffer._takes(self)):
            self.become_lists()
            super().resequence_and_append(target_buffer, key_list, batch_size, training_length)
            return
        if not self.check_length(list(self._fields)):
            raise BufferException(f"The length of the fields {list(self._fields)} were not of same length")
        for key, field in self._fields.items():
            if key not in target_buffer._fields:
                target_buffer._fields[key] = type(field)()
            target_buffer._fields[key].join(field)

    def become_lists(self) -> None:
        """Hold from now on what mlagents' own buffer would hold."""
        if self.columnar:
            self._settle()
            self.columnar = False
            listed = {key: field.listed() for key, field in self._fields.items()}
            self._fields = defaultdict(AgentBufferField, listed)

    def _settle(self) -> None:
        """Apply the order to every field, before one is looked at by itself."""
        if self._order is not None:
            order, self._order = self._order, None
            for key, field in self._fields.items():
                self._fields[key] = field.part(order)

    def _takes(self, other: "ColumnBuffer") -> bool:
        """Whether the entries of `other` fit behind these: all of columns, and as many mates."""
        if not self.columnar:
            return False
        self._settle()
        widths = [
            (self._fields[key].width, field.width)
            for key, field in other._fields.items()
            if isinstance(field, Mates) and key in self._fields
        ]
        return all(own in (-1, theirs) for own, theirs in widths)


_append = AgentBuffer.resequence_and_append


def append(self: Any, target_buffer: AgentBuffer, *arguments: Any, **options: Any) -> None:
    """AgentBuffer.resequence_and_append, into a buffer that becomes one of lists before."""
    if isinstance(target_buffer, ColumnBuffer):
        target_buffer.become_lists()
    _append(self, target_buffer, *arguments, **options)
