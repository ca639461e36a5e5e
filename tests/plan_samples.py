"""The three use cases of the strategy system that arbiter replaces, with declared tokens and today's prices."""

import datetime
from pathlib import Path

from arbiter.catalog import Catalog
from arbiter.planning import History, Plan, plan_file

TODAY = datetime.date(2026, 12, 1)

SUPPORT = """
[[use_case]]
name = "support"
workload = "interactive"
requests_per_day = 5000
volume_error = 0.0
input_tokens = 800
output_tokens = 300
quality_floor = 0.8
max_latency_s = 10.0
latency_quantile = 0.9
criticality = 8
"""

SUMMARIES = """
[[use_case]]
name = "summaries"
workload = "batch"
requests_per_day = 1000
volume_error = 0.0
input_tokens = 3000
output_tokens = 400
quality_floor = 0.7
criticality = 4
deferrable = 1.0
"""

MODERATION = """
[[use_case]]
name = "moderation"
workload = "real_time"
requests_per_day = 50000
volume_error = 0.0
input_tokens = 200
output_tokens = 10
capabilities = ["classification"]
quality_floor = 0.65
max_latency_s = 1.5
latency_quantile = 0.9
criticality = 7
"""

JANUARY = """
[plan]
start = 2027-01-01
months = 1
[assumptions]
token_error = 0.0
"""


def planned(folder: Path, *tables: str, catalog: Catalog | None = None, history: History | None = None) -> Plan:
    """Write a file of these tables and plan for it on a fixed day."""
    path = folder / "plan.toml"
    path.write_text("\n".join(tables), encoding="utf-8")
    known = Catalog.default() if catalog is None else catalog
    return plan_file(path, known, TODAY, None if history is None else lambda *_: history)


def full_plan(folder: Path, name: str = "support") -> Plan:
    """Give a plan of everything that a page can show; the first use case is called as asked."""
    relaxed = SUPPORT.replace('"support"', f'"{name}"').replace("= 0.8", "= 0.9") + "max_cost_usd = 0.0005\n"
    relaxed = relaxed.replace("= 10.0", "= 60.0") + 'incumbent = "claude-haiku-3-5"\n'
    return planned(folder, JANUARY.replace("months = 1", "months = 12"), relaxed, SUMMARIES, MODERATION)
