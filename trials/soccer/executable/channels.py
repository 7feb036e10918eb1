"""Side channels: the bytes beside each command, of which a headless SoccerTwos heeds the environment parameters alone.

Engine configuration, training analytics and channels nobody knows are taken without effect, as in a Unity build without
graphics. Sent are a game's statistics, of which SoccerTwos has none. Source: ML-Agents 1.1.0
`mlagents_envs/side_channel/side_channel_manager.py`, `environment_parameters_channel.py` and `stats_side_channel.py`.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID

import numpy as np

from trials.errors import SetupError

PARAMETERS = UUID("534c891e-810f-11ea-a9d0-822485860400")
STATS = UUID("a1d8f7b7-cec8-50f9-b78b-d3e165a78520")
FLOAT, SAMPLER = 0, 1
UNIFORM, GAUSSIAN, RANGES = 0, 1, 2
MOST_RECENT = 1
"""How a statistic's values are put together: StatsAggregationMethod."""


def parameters(data: bytes) -> Iterator[tuple[str, Callable[[], float]]]:
    """The environment parameters in the side channel of one command: names, and functions that draw a value.

    Values are float32. Raises SetupError where the bytes are not what ML-Agents writes."""
    for channel, payload in _messages(data):
        if channel == PARAMETERS:
            yield _parameter(payload)


def stats(values: Mapping[str, float]) -> bytes:
    """The side channel that tells a game's statistics, each the latest of its name."""
    data = b""
    for name, value in values.items():
        payload = struct.pack("<i", len(name)) + name.encode("ascii") + struct.pack("<fi", value, MOST_RECENT)
        data += STATS.bytes_le + struct.pack("<i", len(payload)) + payload
    return data


def _messages(data: bytes) -> Iterator[tuple[UUID, bytes]]:
    """Each message: 16 bytes of the channel's name in .NET's order, its length as int32, its payload."""
    at = 0
    while at < len(data):
        if len(data) - at < 20:
            raise SetupError(_line(f"{len(data) - at} bytes are left for a message's head of 20"))
        (size,) = struct.unpack_from("<i", data, at + 16)
        payload = data[at + 20 : at + 20 + size]
        if size < 0 or len(payload) != size:
            raise SetupError(_line(f"{len(payload)} bytes are left for a message of {size}"))
        yield UUID(bytes_le=data[at : at + 16]), payload
        at += 20 + size


def _parameter(payload: bytes) -> tuple[str, Callable[[], float]]:
    try:
        (length,) = struct.unpack_from("<i", payload)
        name = payload[4 : 4 + length].decode("ascii")
        kind = struct.unpack_from("<i", payload, 4 + length)[0]
        body = payload[8 + length :]
        if kind == FLOAT:
            value = struct.unpack("<f", body)[0]
            return name, lambda: float(value)
        if kind == SAMPLER:
            seed, shape = struct.unpack_from("<ii", body)
            return name, _sampler(shape, np.random.default_rng(seed), body[8:])
    except (struct.error, ValueError) as error:
        raise SetupError(_line(f"an environment parameter is cut short ({error})")) from error
    raise SetupError(_line(f"an environment parameter is of kind {kind}"))


def _sampler(shape: int, rng: np.random.Generator, body: bytes) -> Callable[[], float]:
    """As the embedded environment draws: one generator a parameter, from the seed that mlagents sends."""
    if shape == UNIFORM:
        low, high = struct.unpack("<ff", body)
        return lambda: float(rng.uniform(low, high))
    if shape == GAUSSIAN:
        mean, deviation = struct.unpack("<ff", body)
        return lambda: float(rng.normal(mean, deviation))
    if shape != RANGES:
        raise ValueError(f"sampler {shape}")
    (count,) = struct.unpack_from("<i", body)
    limits = struct.unpack(f"<{count}f", body[4:])
    return of_ranges(rng, list(zip(limits[::2], limits[1::2], strict=True)))


def of_ranges(rng: np.random.Generator, intervals: Sequence[tuple[float, float]]) -> Callable[[], float]:
    """A function that draws evenly from several intervals, each as likely as it is wide."""
    widths = np.array([high - low for low, high in intervals], dtype=float)
    share = widths / widths.sum() if widths.sum() > 0 else np.full(len(widths), 1 / len(widths))

    def sample() -> float:
        low, high = intervals[int(rng.choice(len(intervals), p=share))]
        return float(rng.uniform(low, high))

    return sample


def _line(came: str) -> str:
    return f"the side channel must hold what mlagents 1.1.0 writes, but {came}; train with mlagents 1.1.0"
