"""Many values of one statistic at once, where mlagents adds them one by one.

Stands for the loop over StatsReporter.add_stat (mlagents 1.1.0 `trainers/stats.py`) in AgentProcessor.add_experiences:
the list that a summary's mean is taken of gets the same float32 values in the same order.
"""

from collections.abc import Iterable
from typing import Any

from mlagents.trainers.stats import StatsReporter, StatsWriter
from mlagents_envs.side_channel.stats_side_channel import StatsAggregationMethod


def add_all(reporter: Any, key: str, values: Iterable[Any]) -> None:
    """reporter.add_stat(key, value) for each of `values`."""
    with StatsReporter.lock:
        if any(type(writer).on_add_stat is not StatsWriter.on_add_stat for writer in StatsReporter.writers):
            for value in values:
                reporter.add_stat(key, value)
            return
        StatsReporter.stats_dict[reporter.category][key].extend(values)
        StatsReporter.stats_aggregation[reporter.category][key] = StatsAggregationMethod.AVERAGE
