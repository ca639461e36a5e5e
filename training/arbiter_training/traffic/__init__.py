"""Logged traffic: read, checked, described, and turned into arrays by request."""

from arbiter_training.traffic.demo_data import DemoTraffic, load_demo_traffic
from arbiter_training.traffic.near_duplicates import near_duplicate_groups
from arbiter_training.traffic.outcomes import OutcomeMatrix, pivot
from arbiter_training.traffic.readers import read_traffic, traffic_from_records
from arbiter_training.traffic.report import TrafficReport, describe
from arbiter_training.traffic.table import ReadingNotes, TrafficTable
from arbiter_training.traffic.texts import lacks_texts, require_texts
from arbiter_training.traffic.writers import require_format, write_traffic

__all__ = [
    "DemoTraffic",
    "OutcomeMatrix",
    "ReadingNotes",
    "TrafficReport",
    "TrafficTable",
    "describe",
    "lacks_texts",
    "load_demo_traffic",
    "near_duplicate_groups",
    "pivot",
    "read_traffic",
    "require_format",
    "require_texts",
    "traffic_from_records",
    "write_traffic",
]
