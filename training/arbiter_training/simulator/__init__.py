"""Traffic with known answers played as a stream: what learning online would do before it is switched on."""

from arbiter_training.simulator.scenario import (
    Newcomer,
    Outage,
    PriceChange,
    QualityChange,
    Scenario,
    TrafficChange,
    read_scenario,
)
from arbiter_training.simulator.stream import Player, Trace

__all__ = [
    "Newcomer",
    "Outage",
    "Player",
    "PriceChange",
    "QualityChange",
    "Scenario",
    "Trace",
    "TrafficChange",
    "read_scenario",
]
