"""The fields of a buffer as whole arrays, made when somebody reads them: what stands for AgentBufferField.

mlagents 1.1.0 `trainers/buffer.py` keeps a Python list of one small array an experience, and makes an array of it each
time. The same numbers in the same order and of the same type come out here, so what is computed from them is the same.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from mlagents.trainers.buffer import AgentBufferField
from numpy.typing import NDArray

Array = NDArray[Any]
Make = Callable[[], Array]


class Column(Sequence[Any]):
    """(n, ...): one entry an experience. Made of pieces, each of which is a function of nothing until it is read."""

    def __init__(self, length: int = 0, make: Make | None = None) -> None:
        self._pieces: list[tuple[int, Make]] = [(length, make)] if make is not None else []
        self._made: Array | None = None

    @property
    def array(self) -> Array:
        """All entries, made at the first reading and kept."""
        if self._made is not None:
            return self._made
        made = [make() for _, make in self._pieces]
        return self._keep(made[0] if len(made) == 1 else np.concatenate(made) if made else np.zeros(0, np.float32))

    def _keep(self, made: Array) -> Array:
        self._made = made
        self._pieces = [(len(made), lambda: made)]
        return made

    def __len__(self) -> int:
        return sum(length for length, _ in self._pieces)

    def __getitem__(self, index: Any) -> Any:
        return self.part(index) if isinstance(index, slice) else self.array[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.array if dtype is None else self.array.astype(dtype, copy=False)
        return array.copy() if copy else array

    def part(self, rows: Any) -> "Column":
        """The entries `rows`, a slice or an array of places."""
        return Column(_count(rows, len(self)), lambda: self.array[rows])

    def join(self, other: "Column") -> None:
        """Put the entries of `other` behind these."""
        self._pieces += other._pieces
        self._made = None

    def extend(self, entries: Any) -> None:
        """Put entries behind these."""
        array = np.asarray(entries)
        self.join(Column(len(array), lambda: array))

    def set(self, entries: Any) -> None:
        """Replace all entries."""
        self._keep(np.asarray(entries))

    def reset_field(self) -> None:
        """Forget all entries."""
        self._pieces, self._made = [], None

    def get_batch(self, batch_size: int | None = None, training_length: int | None = 1, sequential: bool = True) -> Any:
        """All entries; or as AgentBufferField, where sequences or a number of them are asked for."""
        if batch_size is None and training_length in (None, 1):
            return self.array
        return self.listed().get_batch(batch_size, training_length, sequential)

    def padded_to_batch(self, pad_value: float = 0, dtype: Any = np.float32) -> Any:
        """(n, ...) of `dtype`; nothing is missing that would have to be padded."""
        return np.asanyarray(self.array, dtype=dtype)

    def to_ndarray(self) -> Array:
        """All entries, to be written to."""
        return np.array(self.array)

    def listed(self) -> Any:
        """The field as mlagents has it."""
        return AgentBufferField(list(self))


class Mates(Column):
    """What an agent's group mates had at each experience: one column a mate, in the order of the group."""

    def __init__(self, columns: Sequence[Column] = (), length: int = 0) -> None:
        super().__init__()
        self._columns, self._length = list(columns), length

    @property
    def array(self) -> Array:
        """Refused: mates differ from row to row."""
        raise TypeError("a field of group mates has one array a mate; read padded_to_batch()")

    def get_batch(self, batch_size: int | None = None, training_length: int | None = 1, sequential: bool = True) -> Any:
        """As `AgentBufferField.get_batch`."""
        return self.listed().get_batch(batch_size, training_length, sequential)

    @property
    def width(self) -> int:
        """Mates that each entry has; -1 where there is no entry."""
        return len(self._columns) if self._length else -1

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        return self.part(index) if isinstance(index, slice) else [column[index] for column in self._columns]

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(self._length))

    def part(self, rows: Any) -> "Mates":
        """The rows that `rows` names."""
        return Mates([column.part(rows) for column in self._columns], _count(rows, self._length))

    def join(self, other: Column) -> None:
        """Append another column's rows."""
        if not isinstance(other, Mates):
            raise TypeError(f"a field of group mates takes another such field, but got {type(other).__name__}")
        if not self._length:
            self._columns = [Column() for _ in other._columns]
        for own, theirs in zip(self._columns, other._columns, strict=True):
            own.join(theirs)
        self._length += other._length

    def reset_field(self) -> None:
        """As `AgentBufferField.reset_field`."""
        self._columns, self._length = [], 0

    def padded_to_batch(self, pad_value: float = 0, dtype: Any = np.float32) -> Any:
        """A list of arrays (n, ...), one a mate."""
        return [np.asanyarray(column.array, dtype=dtype) for column in self._columns]


def _count(rows: Any, length: int) -> int:
    return len(range(*rows.indices(length))) if isinstance(rows, slice) else len(rows)
